package lint

import (
	"bytes"
	stdelf "debug/elf"
	"fmt"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/layers"
)

// ELF is how a program or library is protected against mistakes with memory. The words are "yes", "no", "partial" (of RELRO:
// only what is not needed for lazy binding), "n/a" where the language or kind of file has no use for it, and "unknown".
type ELF struct {
	Path    layers.Path `json:"path"`
	Kind    string      `json:"kind"`          // "program" or "library"
	By      string      `json:"by,omitempty"`  // "go" or "rust", which check memory themselves
	PIE     string      `json:"pie"`           // of a library n/a
	NX      string      `json:"nx"`            // the stack is not executable
	WX      bool        `json:"wx,omitempty"`  // a segment is writable and executable
	RELRO   string      `json:"relro"`         // of a file without dynamic section n/a
	Canary  string      `json:"canary"`        // stack protector
	Fortify string      `json:"fortify"`       // FORTIFY_SOURCE, which only glibc has symbols for
	Bad     string      `json:"bad,omitempty"` // why it was not read; the other fields are "unknown"
}

// Hardening sums up all files: for each protection the number of files of each word.
type Hardening struct {
	Total   int            `json:"total"`
	PIE     map[string]int `json:"pie"`
	NX      map[string]int `json:"nx"`
	RELRO   map[string]int `json:"relro"`
	Canary  map[string]int `json:"canary"`
	Fortify map[string]int `json:"fortify"`
	Files   []ELF          `json:"files,omitempty"` // sorted by path
}

func (f *facts) hardening() Hardening {
	h := Hardening{Total: len(f.elfs), PIE: map[string]int{}, NX: map[string]int{}, RELRO: map[string]int{}, Canary: map[string]int{},
		Fortify: map[string]int{}, Files: f.elfs}
	for _, e := range f.elfs {
		h.PIE[e.PIE]++
		h.NX[e.NX]++
		h.RELRO[e.RELRO]++
		h.Canary[e.Canary]++
		h.Fortify[e.Fortify]++
	}
	return h
}

// unread is an ELF file of which nothing is known.
func unread(why string) ELF {
	return ELF{Kind: "program", PIE: "unknown", NX: "unknown", RELRO: "unknown", Canary: "unknown", Fortify: "unknown", Bad: why}
}

// readHardening reads an ELF file that is in memory; false for objects that are not linked yet.
func readHardening(data []byte) (ELF, bool) {
	h, err := elf.ReadHardening(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return unread(err.Error()), true
	}
	if h.Type != stdelf.ET_EXEC && h.Type != stdelf.ET_DYN {
		return ELF{}, false
	}
	out := ELF{Kind: "library", By: writtenIn(data), PIE: "n/a", NX: yes(!h.ExecStack), WX: h.WX, RELRO: "n/a"}
	if h.Program {
		out.Kind, out.PIE = "program", yes(h.Type == stdelf.ET_DYN)
	}
	switch {
	case h.Dynamic && h.RELRO && !h.Now:
		out.RELRO = "partial"
	case h.Dynamic:
		out.RELRO = yes(h.RELRO)
	}
	out.Canary, out.Fortify = compilerChecks(out.By, h)
	return out, true
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// writtenIn identifies languages that check memory themselves by what their compilers always write: Go's build information
// (debug/buildinfo), and the paths of Rust's standard library in its panic messages.
func writtenIn(data []byte) string {
	switch {
	case bytes.Contains(data, []byte("\xff Go buildinf:")):
		return "go"
	case bytes.Contains(data, []byte("/rustc/")) && bytes.Contains(data, []byte("library/core/src/")):
		return "rust"
	}
	return ""
}

// compilerChecks reports the checks that the compiler added. A static program does not name the functions that it calls: unknown.
func compilerChecks(by string, h *elf.Hardening) (canary, fortify string) {
	switch {
	case by != "":
		return "n/a", "n/a"
	case !h.Dynamic || h.Program && !h.Needs:
		return "unknown", "unknown"
	}
	canary, fortify = "n/a", "n/a"
	if h.Canary {
		canary = "yes"
	} else if h.Needs {
		canary = "no"
	}
	if h.GNU && h.Fortified {
		fortify = "yes"
	} else if h.GNU && h.Formats {
		fortify = "no"
	}
	return canary, fortify
}

// hardened makes findings of the files that a rule does not like. word is the rule's word of a file: where it is unknown, the rule
// could not check all.
func hardened(f *facts, word func(*ELF) string, dislike func(*ELF) Finding) ([]Finding, string) {
	var found findings
	unknown := f.unreadELFs
	for i := range f.elfs {
		e := &f.elfs[i]
		if word(e) == "unknown" {
			unknown++
			continue
		}
		if finding := dislike(e); finding.Message != "" {
			finding.Path = e.Path
			found.add(finding)
		}
	}
	switch {
	case len(f.elfs) == 0 && unknown == 0:
		return nil, "the image has no ELF file"
	case unknown > 0:
		return found.list, fmt.Sprintf("%d of %d ELF files do not tell", unknown, len(f.elfs)+f.unreadELFs)
	}
	return found.list, ""
}

func checkPIE(f *facts) ([]Finding, string) {
	return hardened(f, func(e *ELF) string { return e.PIE }, func(e *ELF) (finding Finding) {
		if e.PIE == "no" {
			finding.Message = fmt.Sprintf("the %s is at a fixed address", e.Kind)
		}
		if e.By == "go" {
			finding.Level = Note // Go's default; Go checks bounds
		}
		return finding
	})
}

func checkNX(f *facts) ([]Finding, string) {
	return hardened(f, func(e *ELF) string { return e.NX }, func(e *ELF) Finding {
		switch {
		case e.WX:
			return Finding{Message: "a segment is writable and executable"}
		case e.NX == "no":
			return Finding{Message: "it asks for an executable stack"}
		}
		return Finding{}
	})
}

func checkRELRO(f *facts) ([]Finding, string) {
	return hardened(f, func(e *ELF) string { return e.RELRO }, func(e *ELF) Finding {
		switch e.RELRO {
		case "no":
			return Finding{Message: "no RELRO"}
		case "partial":
			return Finding{Message: "partial RELRO: functions are bound late"}
		}
		return Finding{}
	})
}

func checkCanary(f *facts) ([]Finding, string) {
	return hardened(f, func(e *ELF) string { return e.Canary }, func(e *ELF) Finding {
		if e.Canary == "no" {
			return Finding{Message: "no stack protector, or no function that needs one"}
		}
		return Finding{}
	})
}

func checkFortify(f *facts) ([]Finding, string) {
	return hardened(f, func(e *ELF) string { return e.Fortify }, func(e *ELF) Finding {
		if e.Fortify == "no" {
			return Finding{Message: "printf and the like are not the checking ones"}
		}
		return Finding{}
	})
}

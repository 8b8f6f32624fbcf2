package analyzer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// maxEvidence bounds an evidence file, in bytes.
const maxEvidence = 256 << 20

// ReadEvidence decodes and normalizes evidence. It refuses other schemas, trailing data and more than 256 MiB.
func ReadEvidence(r io.Reader) (*Evidence, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxEvidence+1))
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	if len(data) > maxEvidence {
		return nil, fmt.Errorf("reading evidence: it has more than %d bytes", maxEvidence)
	}
	var e Evidence
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	if e.Schema != EvidenceSchema {
		return nil, fmt.Errorf("reading evidence: schema %q is not %q", e.Schema, EvidenceSchema)
	}
	e.Normalize()
	return &e, nil
}

// Write encodes evidence; the same evidence is always the same bytes.
func (e *Evidence) Write(w io.Writer) error {
	data, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// Merge unites evidence of the same image. Runs of the same name are kept once, the first; a look-up that failed in one run and
// succeeded in another is no missing one. The order of the arguments does not matter but for runs of the same name.
func Merge(list ...*Evidence) (*Evidence, error) {
	if len(list) == 0 {
		return nil, errors.New("no evidence")
	}
	all := &Evidence{Schema: EvidenceSchema, Image: list[0].Image, Platform: list[0].Platform}
	for _, e := range list {
		if e.Image != all.Image || e.Platform != all.Platform {
			return nil, fmt.Errorf("evidence of different images: %s %s and %s %s", all.Image, all.Platform, e.Image, e.Platform)
		}
		all.Runs = append(all.Runs, e.Runs...)
		all.Paths = append(all.Paths, e.Paths...)
		all.Missing = append(all.Missing, e.Missing...)
		all.Processes = append(all.Processes, e.Processes...)
		all.Syscalls = append(all.Syscalls, e.Syscalls...)
		all.Warnings = append(all.Warnings, e.Warnings...)
		all.Privileged = append(all.Privileged, e.Privileged...)
	}
	all.Normalize()
	return all, nil
}

// Normalize sorts evidence and unites what is said twice.
func (e *Evidence) Normalize() {
	e.Paths = unite(e.Paths, func(p PathUse) string { return string(p.Path) }, func(a *PathUse, b PathUse) {
		a.Ops, a.By, a.UIDs = union(a.Ops, b.Ops), union(a.By, b.By), union(a.UIDs, b.UIDs)
	})
	e.Missing = unite(e.Missing, func(m MissingPath) string { return string(m.Path) + "\x00" + m.Errno }, func(a *MissingPath, b MissingPath) {
		a.Ops, a.By = union(a.Ops, b.Ops), union(a.By, b.By)
	})
	there := map[layers.Path]bool{}
	for i := range e.Paths {
		p := &e.Paths[i]
		p.Ops, p.By, p.UIDs = union(p.Ops, nil), union(p.By, nil), union(p.UIDs, nil)
		there[p.Path] = true
	}
	e.Missing = slices.DeleteFunc(e.Missing, func(m MissingPath) bool { return there[m.Path] && (m.Errno == "ENOENT" || m.Errno == "ENOTDIR") })
	e.Processes = unite(e.Processes, processKey, func(*Process, Process) {})
	e.Runs = uniteRuns(e.Runs)
	e.Syscalls = union(e.Syscalls, nil)
	e.Warnings = union(e.Warnings, nil)
	e.Privileged = union(e.Privileged, nil)
}

func processKey(p Process) string {
	return fmt.Sprintf("%s\x00%q\x00%d\x00%d\x00%v", string(p.Exe), p.Argv, p.UID, p.GID, p.Groups)
}

// uniteRuns keeps the first run of each name; the default run stays first, the others are sorted.
func uniteRuns(runs []Run) []Run {
	order := func(r Run) string {
		if r.Name == "default" {
			return ""
		}
		return "x" + r.Name
	}
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b Run) int { return strings.Compare(order(a), order(b)) })
	runs = slices.CompactFunc(runs, func(a, b Run) bool { return a.Name == b.Name })
	for i := range runs {
		if runs[i].Answers == nil {
			runs[i].Answers = []Answer{}
		}
		slices.SortFunc(runs[i].Peers, func(a, b Socket) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return runs
}

// unite sorts a list by key and merges entries of the same key into the first.
func unite[T any](list []T, key func(T) string, merge func(*T, T)) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	out := list[:0]
	for _, item := range list {
		if n := len(out); n > 0 && key(out[n-1]) == key(item) {
			merge(&out[n-1], item)
			continue
		}
		out = append(out, item)
	}
	return out
}

// union is the sorted union of two lists, nil when empty.
func union[T cmp.Ordered](a, b []T) []T {
	all := append(slices.Clone(a), b...)
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return slices.Compact(all)
}

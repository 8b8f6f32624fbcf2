package analyzer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// SummarySchema names the version of EvidenceSummary.
const SummarySchema = "slim/evidence-summary/v1"

// EvidenceSummary is evidence in numbers, for people.
type EvidenceSummary struct {
	Schema    string       `json:"schema"`
	Image     string       `json:"image"`
	Platform  string       `json:"platform"`
	Runs      []RunSummary `json:"runs"`
	Paths     int          `json:"paths"`
	Ops       map[Op]int   `json:"ops"` // paths by what was done with them; a path counts once for each
	Missing   int          `json:"missing"`
	Processes []Process    `json:"processes"`
	Syscalls  int          `json:"syscalls"`
	Failures  []string     `json:"failures,omitempty"` // runs that are no good observation, and probes without an answer
	Warnings  []string     `json:"warnings,omitempty"`
}

// RunSummary is one run in numbers.
type RunSummary struct {
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Probes   int    `json:"probes"`
	Answered int    `json:"answered"`
	// Spoke has each protocol and where it was spoken, such as "ssh on 22"; Connected has the ports that accepted a connection and said
	// nothing.
	Spoke     []string `json:"spoke,omitempty"`
	Connected []string `json:"connected,omitempty"`
	Listen    []Socket `json:"listen,omitempty"`
	Memory    int64    `json:"peakMemory"`
}

// Summarize counts evidence.
func Summarize(e *Evidence) EvidenceSummary {
	s := EvidenceSummary{
		Schema: SummarySchema, Image: e.Image, Platform: e.Platform, Runs: []RunSummary{}, Paths: len(e.Paths), Ops: map[Op]int{},
		Missing: len(e.Missing), Processes: e.Processes, Syscalls: len(e.Syscalls), Warnings: e.Warnings,
	}
	for _, run := range e.Runs {
		one := RunSummary{Name: run.Name, Kind: run.Kind, Probes: len(run.Answers), Listen: run.Listen, Memory: run.PeakMemory}
		one.Answered = run.Answered()
		one.Spoke, one.Connected = run.Spoke()
		if run.Failure != "" {
			s.Failures = append(s.Failures, run.Name+": "+run.Failure)
		}
		for _, answer := range run.Answers {
			if answer.OK {
				continue
			}
			s.Failures = append(s.Failures, run.Name+": "+answer.Probe+": "+answerText(answer))
		}
		s.Runs = append(s.Runs, one)
	}
	for _, p := range e.Paths {
		for _, op := range p.Ops {
			s.Ops[op]++
		}
	}
	return s
}

// answerText is an answer in a few words.
func answerText(a Answer) string {
	text := fmt.Sprintf("%d bytes", a.Size)
	if a.Status != 0 {
		text = fmt.Sprintf("status %d, %s", a.Status, text)
	}
	if a.Error != "" {
		text = a.Error
	} else if !a.OK {
		text = "not as expected: " + text
	}
	return text
}

// EvidenceDiffSchema names the version of EvidenceDiff.
const EvidenceDiffSchema = "slim/evidence-diff/v1"

// EvidenceDiff is how two files of evidence differ. All lists are sorted by name.
type EvidenceDiff struct {
	Schema    string   `json:"schema"`
	Same      bool     `json:"same"`
	Images    []string `json:"images"` // of A and of B
	Paths     []Change `json:"paths,omitempty"`
	Missing   []Change `json:"missing,omitempty"`
	Processes []Change `json:"processes,omitempty"`
	Syscalls  []Change `json:"syscalls,omitempty"`
	Answers   []Change `json:"answers,omitempty"`
}

// Change is one thing that A and B do not share: without From it is B's alone, without To A's alone.
type Change struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// DiffEvidence says what B saw that A did not, and the other way round. Who used a path is not compared.
func DiffEvidence(a, b *Evidence) EvidenceDiff {
	d := EvidenceDiff{Schema: EvidenceDiffSchema, Images: []string{a.Image, b.Image}}
	d.Paths = changes(a.Paths, b.Paths, func(p PathUse) (string, string) { return p.Path.String(), words(p.Ops) })
	d.Missing = changes(a.Missing, b.Missing, func(m MissingPath) (string, string) { return m.Path.String(), m.Errno })
	d.Processes = changes(a.Processes, b.Processes, func(p Process) (string, string) {
		return strings.Join(p.Argv, " "), fmt.Sprintf("%s as %d:%d", p.Exe, p.UID, p.GID)
	})
	d.Syscalls = changes(a.Syscalls, b.Syscalls, func(name string) (string, string) { return name, "made" })
	d.Answers = changes(answersOf(a), answersOf(b), func(x namedAnswer) (string, string) { return x.name, x.said })
	d.Same = a.Image == b.Image && len(d.Paths)+len(d.Missing)+len(d.Processes)+len(d.Syscalls)+len(d.Answers) == 0
	return d
}

type namedAnswer struct{ name, said string }

func answersOf(e *Evidence) []namedAnswer {
	var list []namedAnswer
	for _, run := range e.Runs {
		for _, answer := range run.Answers {
			said := answerText(answer)
			if len(answer.SHA256) > 12 {
				said += ", " + answer.SHA256[:12]
			}
			list = append(list, namedAnswer{run.Name + ": " + answer.Probe, said})
		}
	}
	return list
}

func words(ops []Op) string {
	list := make([]string, len(ops))
	for i, op := range ops {
		list[i] = string(op)
	}
	return strings.Join(list, ", ")
}

// changes compares two lists by name; what one list says twice of a name is joined.
func changes[T any](a, b []T, of func(T) (name, value string)) []Change {
	type pair struct{ from, to []string }
	all := map[string]*pair{}
	at := func(name string) *pair {
		if all[name] == nil {
			all[name] = &pair{}
		}
		return all[name]
	}
	for _, item := range a {
		name, value := of(item)
		at(name).from = union(at(name).from, []string{value})
	}
	for _, item := range b {
		name, value := of(item)
		at(name).to = union(at(name).to, []string{value})
	}
	var list []Change
	for name, p := range all {
		if !slices.Equal(p.from, p.to) {
			list = append(list, Change{Name: name, From: strings.Join(p.from, "; "), To: strings.Join(p.to, "; ")})
		}
	}
	slices.SortFunc(list, func(x, y Change) int { return cmp.Compare(x.Name, y.Name) })
	return list
}

package analyzer

import (
	"bytes"
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

// ReadEvidence decodes, checks and normalizes evidence. It refuses another schema, unknown fields, values that no observation
// has, trailing data and more than 256 MiB.
func ReadEvidence(r io.Reader) (*Evidence, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxEvidence+1))
	if err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	if len(data) > maxEvidence {
		return nil, fmt.Errorf("reading evidence: it has more than %d bytes", maxEvidence)
	}
	var head struct {
		Schema string `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	if head.Schema != EvidenceSchema {
		return nil, fmt.Errorf("reading evidence: schema %q is not %q", head.Schema, EvidenceSchema)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var e Evidence
	if err := decoder.Decode(&e); err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("reading evidence: %w", err)
	}
	e.Normalize()
	return &e, nil
}

// Write encodes evidence as indented JSON; the same evidence is always the same bytes.
func (e *Evidence) Write(w io.Writer) error {
	data, err := json.MarshalIndent(e, "", " ")
	if err == nil {
		_, err = w.Write(append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	return nil
}

// Merge unites evidence of the same image; evidence that names none is of the others'. The order of the arguments does not matter. A
// look-up that found nothing in one run and succeeded in another is no missing one. Runs of the same name become one with the answers
// of both: where both answer a probe, one that is OK counts. Answers keep their order where there is one run of the name, else they
// are sorted by probe.
func Merge(list ...*Evidence) (*Evidence, error) {
	if len(list) == 0 {
		return nil, errors.New("no evidence")
	}
	all := &Evidence{Schema: EvidenceSchema, Image: list[0].Image, Platform: list[0].Platform}
	for _, e := range list {
		if all.Image == "" {
			all.Image = e.Image
		}
		if e.Image != "" && e.Image != all.Image || e.Platform != all.Platform {
			return nil, fmt.Errorf("evidence of different images: %s (%s) and %s (%s)", all.Image, all.Platform, e.Image, e.Platform)
		}
		all.Runs = append(all.Runs, e.Runs...)
		all.Paths = append(all.Paths, e.Paths...)
		all.Missing = append(all.Missing, e.Missing...)
		all.Processes = append(all.Processes, e.Processes...)
		all.Powers = append(all.Powers, e.Powers...)
		all.Syscalls = append(all.Syscalls, e.Syscalls...)
		all.Warnings = append(all.Warnings, e.Warnings...)
		all.Privileged = append(all.Privileged, e.Privileged...)
	}
	all.Normalize()
	return all, nil
}

// Normalize sorts evidence and unites what is said twice. The default run stays the first. It changes no list that another
// Evidence may share.
func (e *Evidence) Normalize() {
	e.Paths = unite(e.Paths, func(p PathUse) string { return string(p.Path) }, func(a, b PathUse) PathUse {
		return PathUse{Path: a.Path, Ops: union(a.Ops, b.Ops), By: union(a.By, b.By), UIDs: union(a.UIDs, b.UIDs)}
	})
	there := make(map[layers.Path]bool, len(e.Paths))
	for _, p := range e.Paths {
		there[p.Path] = true
	}
	e.Missing = UniteMissing(e.Missing)
	// A look-up that was refused stays: another user's success does not make it wrong.
	e.Missing = slices.DeleteFunc(e.Missing, func(m MissingPath) bool { return there[m.Path] && m.NotFound() })
	e.Processes = unite(e.Processes, jsonKey[Process], func(a, _ Process) Process { return a })
	e.Powers = unite(e.Powers, jsonKey[Power], func(a, _ Power) Power { return a })
	e.Runs = unite(e.Runs, func(r Run) string {
		if r.Name == DefaultRun {
			return ""
		}
		return "x" + r.Name
	}, uniteRuns)
	if e.Runs == nil {
		e.Runs = []Run{}
	}
	if e.Paths == nil {
		e.Paths = []PathUse{}
	}
	e.Syscalls = union(e.Syscalls, nil)
	e.Warnings = union(e.Warnings, nil)
	e.Privileged = union(e.Privileged, nil)
}

// UniteMissing sorts look-ups by path and error and makes one of those that have both in common.
func UniteMissing(list []MissingPath) []MissingPath {
	return unite(list, func(m MissingPath) string { return string(m.Path) + "\x00" + m.Errno }, func(a, b MissingPath) MissingPath {
		return MissingPath{Path: a.Path, Errno: a.Errno, Ops: union(a.Ops, b.Ops), By: union(a.By, b.By)}
	})
}

// NotFound reports whether the look-up failed because there is no such path.
func (m *MissingPath) NotFound() bool { return m.Errno == "ENOENT" || m.Errno == "ENOTDIR" }

// uniteRuns makes one run of two of the same name, whichever comes first.
func uniteRuns(a, b Run) Run {
	if runKey(b) < runKey(a) {
		a, b = b, a
	}
	one := a
	if b.Kind == KindServer {
		one.Kind = KindServer
	}
	one.Listen, one.Peers = uniteSockets(a.Listen, b.Listen), uniteSockets(a.Peers, b.Peers)
	one.Mounts = uniteMounts(a.Mounts, b.Mounts)
	one.Unfaithful = union(a.Unfaithful, b.Unfaithful)
	one.PeakMemory = max(a.PeakMemory, b.PeakMemory)
	one.Written = max(a.Written, b.Written)
	one.Ready = max(a.Ready, b.Ready)
	one.Answers = append([]Answer{}, a.Answers...)
	if jsonKey(a.Answers) != jsonKey(b.Answers) && len(b.Answers) > 0 {
		one.Answers = unite(slices.Concat(a.Answers, b.Answers), func(x Answer) string { return x.Probe }, betterAnswer)
	}
	return one
}

// runKey orders runs of the same name: those without a failure first.
func runKey(r Run) string {
	return fmt.Sprintf("%t %s", r.Failure != "", jsonKey(Run{Argv: r.Argv, Failure: r.Failure, ExitCode: r.ExitCode, Signal: r.Signal}))
}

func betterAnswer(a, b Answer) Answer {
	if a.OK != b.OK {
		if b.OK {
			return b
		}
		return a
	}
	if jsonKey(b) < jsonKey(a) {
		return b
	}
	return a
}

func uniteSockets(a, b []Socket) []Socket {
	all := slices.Concat(a, b)
	if len(all) == 0 {
		return nil
	}
	slices.SortFunc(all, func(a, b Socket) int {
		return cmp.Or(
			cmp.Compare(a.Network, b.Network), cmp.Compare(a.Port, b.Port),
			cmp.Compare(a.Address, b.Address), cmp.Compare(a.Path, b.Path),
		)
	})
	return slices.Compact(all)
}

func uniteMounts(a, b []Mount) []Mount {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(a, b Mount) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Digest, b.Digest)) })
	return slices.Compact(all)
}

// jsonKey is a value as text to order and to compare by. Types of evidence cannot fail to encode.
func jsonKey[T any](v T) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// unite sorts a list by key and makes one entry of those with the same key. Each entry is joined with itself first, so
// that its own lists are sorted and without duplicates.
func unite[T any](list []T, key func(T) string, join func(a, b T) T) []T {
	type keyed struct {
		key  string
		item T
	}
	sorted := make([]keyed, len(list))
	for i, item := range list {
		sorted[i] = keyed{key(item), item}
	}
	slices.SortStableFunc(sorted, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	var out []T
	for i, k := range sorted {
		if i > 0 && sorted[i-1].key == k.key {
			out[len(out)-1] = join(out[len(out)-1], k.item)
			continue
		}
		out = append(out, join(k.item, k.item))
	}
	return out
}

// union is the sorted union of two lists, nil when empty.
func union[T cmp.Ordered](a, b []T) []T {
	all := slices.Concat(a, b)
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return slices.Compact(all)
}

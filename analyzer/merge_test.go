package analyzer

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/layers"
)

// observation is evidence of the image "sha256:1" with these runs.
func observation(runs ...Run) *Evidence {
	return &Evidence{Schema: EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64", Runs: runs}
}

func use(path layers.Path, ops ...Op) PathUse { return PathUse{Path: path, Ops: ops} }

func missing(path layers.Path, errno string) MissingPath {
	return MissingPath{Path: path, Errno: errno, Ops: []Op{OpOpen}}
}

func three() []*Evidence {
	a := observation(
		Run{Name: "-v", Kind: KindCommand, Answers: []Answer{{Probe: "output", OK: true, Body: []byte("1"), Size: 1}}},
		Run{Name: "default", Kind: KindServer, Failure: "it failed", PeakMemory: 32 << 20, Listen: []Socket{{Network: "tcp", Port: 80}},
			Answers: []Answer{{Probe: "GET z", OK: true, Status: 200}, {Probe: "GET a", Status: 500}}})
	a.Paths = []PathUse{{Path: "etc/b", Ops: []Op{OpStat, OpOpen, OpStat}, By: []layers.Path{"bin/y", "bin/x"}, UIDs: []uint32{33, 0}},
		use("etc", OpList), use("etc/b", OpExec)}
	a.Missing = []MissingPath{missing("etc/c", "ENOENT"), missing("etc/d", "EACCES")}
	a.Processes = []Process{{Exe: "bin/x", Argv: []string{"x", "1"}}, {Exe: "bin/x", Argv: []string{"x", "1"}}}
	a.Syscalls = []string{"read", "open"}
	b := observation(Run{Name: "default", Kind: KindServer, PeakMemory: 16 << 20, Listen: []Socket{{Network: "tcp", Port: 80},
		{Network: "tcp", Port: 9}},
		Answers: []Answer{{Probe: "GET a", OK: true, Status: 200}, {Probe: "GET m", OK: true}},
		Peers:   []Socket{{Network: "tcp", Address: "2", Port: 2}, {Network: "tcp", Address: "1", Port: 2}}})
	b.Paths = []PathUse{use("etc/c", OpOpen), {Path: "etc/d", Ops: []Op{OpOpen}, By: []layers.Path{"bin/z"}}}
	b.Missing = []MissingPath{missing("etc/b", "ENOTDIR"), missing("etc/e", "ENOENT")}
	b.Warnings = []string{"w"}
	c := observation(Run{Name: "-v", Kind: KindCommand, ExitCode: 1, Failure: "f", Answers: []Answer{{Probe: "output", Status: 1}}})
	c.Privileged = []layers.Path{"bin/su"}
	return []*Evidence{a, b, c}
}

func TestMerge(t *testing.T) {
	got, err := Merge(three()...)
	if err != nil {
		t.Fatal(err)
	}
	want := observation(
		Run{Name: "default", Kind: KindServer, PeakMemory: 32 << 20, Listen: []Socket{{Network: "tcp", Port: 9}, {Network: "tcp", Port: 80}},
			Peers:   []Socket{{Network: "tcp", Address: "1", Port: 2}, {Network: "tcp", Address: "2", Port: 2}},
			Answers: []Answer{{Probe: "GET a", OK: true, Status: 200}, {Probe: "GET m", OK: true}, {Probe: "GET z", OK: true, Status: 200}}},
		Run{Name: "-v", Kind: KindCommand, Answers: []Answer{{Probe: "output", OK: true, Body: []byte("1"), Size: 1}}})
	want.Paths = []PathUse{use("etc", OpList), {Path: "etc/b", Ops: []Op{OpExec, OpOpen, OpStat}, By: []layers.Path{"bin/x", "bin/y"},
		UIDs: []uint32{0, 33}},
		use("etc/c", OpOpen), {Path: "etc/d", Ops: []Op{OpOpen}, By: []layers.Path{"bin/z"}}}
	want.Missing = []MissingPath{missing("etc/d", "EACCES"), missing("etc/e", "ENOENT")}
	want.Processes = []Process{{Exe: "bin/x", Argv: []string{"x", "1"}}}
	want.Syscalls, want.Warnings, want.Privileged = []string{"open", "read"}, []string{"w"}, []layers.Path{"bin/su"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Merge (-want +got):\n%s", diff)
	}
}

// TestMergeLaws: any order and any grouping gives the same, merging again changes nothing, and the arguments stay as they are.
func TestMergeLaws(t *testing.T) {
	want, _ := Merge(three()...)
	merge := func(list ...*Evidence) *Evidence {
		t.Helper()
		got, err := Merge(list...)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, order := range [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		list := three()
		a, b, c := list[order[0]], list[order[1]], list[order[2]]
		for name, got := range map[string]*Evidence{
			"a b c": merge(a, b, c), "(a b) c": merge(merge(a, b), c), "a (b c)": merge(a, merge(b, c)), "a b c a": merge(a, b, c, a),
			"m m": merge(want, want), "m b": merge(want, b),
		} {
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("order %v, %s (-want +got):\n%s", order, name, diff)
			}
		}
		if diff := cmp.Diff(three(), list); diff != "" {
			t.Errorf("order %v: the arguments changed:\n%s", order, diff)
		}
	}
	one := three()[1]
	same := merge(one, one)
	if diff := cmp.Diff([]string{"GET a", "GET m"}, []string{same.Runs[0].Answers[0].Probe, same.Runs[0].Answers[1].Probe}); diff != "" {
		t.Error(diff)
	}
}

// Evidence that names no image takes the one of the others, in every order.
func TestMergeUnnamed(t *testing.T) {
	named, unnamed := observation(Run{Name: "a", Kind: KindCommand}), observation(Run{Name: "b", Kind: KindCommand})
	unnamed.Image = ""
	for _, list := range [][]*Evidence{{named, unnamed}, {unnamed, named}, {unnamed, named, unnamed}} {
		got, err := Merge(list...)
		if err != nil || got.Image != "sha256:1" || len(got.Runs) != 2 {
			t.Errorf("Merge = %+v, %v, want both runs of sha256:1", got, err)
		}
	}
	other := observation()
	other.Image = "sha256:2"
	if got, err := Merge(unnamed, named, other); err == nil {
		t.Errorf("Merge of two images = %+v, want an error", got)
	}
}

func TestMergeErrors(t *testing.T) {
	if _, err := Merge(); err == nil {
		t.Error("Merge(): no error")
	}
	other := observation()
	other.Platform = "linux/arm64"
	_, err := Merge(observation(), other)
	if want := "evidence of different images: sha256:1 (linux/amd64) and sha256:1 (linux/arm64)"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestWriteRead(t *testing.T) {
	e, _ := Merge(three()...)
	e.Paths = append(e.Paths, use("odd/\xff\n\\", OpOpen))
	e.Runs[0].Answers[0].Body, e.Runs[0].Answers[0].Size = []byte{0, 0xff, '\n'}, 3
	var first, second bytes.Buffer
	if err := e.Write(&first); err != nil {
		t.Fatal(err)
	}
	got, err := ReadEvidence(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, got); diff != "" {
		t.Errorf("read (-written +got):\n%s", diff)
	}
	if err := got.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("written again: %v, equal %t", err, bytes.Equal(first.Bytes(), second.Bytes()))
	}
	if text := first.String(); !strings.HasPrefix(text, "{\n \"schema\": \"slim/evidence/v1\",\n") || !strings.HasSuffix(text, "}\n") {
		t.Errorf("written as %.60q ... %q", text, text[len(text)-4:])
	}
}

func TestReadEvidenceErrors(t *testing.T) {
	const head = `{"schema":"slim/evidence/v1","image":"i","platform":"p",`
	run := func(text string) string {
		return head + `"runs":[{"name":"default","kind":"server",` + text + `}],"paths":[]}`
	}
	for _, test := range []struct{ text, want string }{
		{"", "unexpected end of JSON input"},
		{"null", `schema "" is not "slim/evidence/v1"`},
		{`{"schema":"slim/evidence/v2","new":1}`, `schema "slim/evidence/v2" is not "slim/evidence/v1"`},
		{head + `"runs":[],"paths":[]} {}`, "invalid character '{' after top-level value"},
		{head + `"runs":[],"paths":[],"files":[]}`, `json: unknown field "files"`},
		{head + `"paths":[{"path":"../x","ops":[]}]}`, `path "../x" is not a clean absolute path`},
		{head + `"paths":[{"ops":["open"]}]}`, "path /: an empty path"},
		{head + `"paths":[{"path":"/a","ops":["opne"]}]}`, `path /a: unknown operation "opne"`},
		{head + `"missing":[{"path":"/a","ops":["open"]}]}`, "missing path /a: no errno"},
		{head + `"runs":[{"kind":"server"}]}`, `run 0 (""): it has no name`},
		{head + `"runs":[{"name":"x","kind":"cron"}]}`, `run 0 ("x"): kind "cron" is neither "server" nor "command"`},
		{run(`"listen":[{"network":"tcp","port":65536}]`), `run 0 ("default"): port 65536 is none`},
		{run(`"answers":[{"probe":"p"},{"probe":"p"}]`), `run 0 ("default"): two answers, or one without a probe, are named "p"`},
		{run(`"answers":[{"probe":"p","sha256":"zz"}]`), `run 0 ("default"): answer "p": "zz" is no SHA-256`},
		{run(`"answers":[{"probe":"p","body":"AAAA","size":1}]`), `run 0 ("default"): answer "p": it keeps 3 bytes of 1`},
	} {
		_, err := ReadEvidence(strings.NewReader(test.text))
		if err == nil || !strings.HasPrefix(err.Error(), "reading evidence: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("ReadEvidence(%s): error %v, want %s", test.text, err, test.want)
		}
	}
}

func FuzzReadEvidence(f *testing.F) {
	for _, e := range three() {
		var buf bytes.Buffer
		if err := e.Write(&buf); err != nil {
			f.Fatal(err)
		}
		f.Add(buf.Bytes())
	}
	f.Add([]byte(`{"schema":"slim/evidence/v1","runs":null,"paths":[{"path":"/a\\xff","ops":null,"by":["/"],"uids":[4294967295]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ReadEvidence(bytes.NewReader(data))
		if err != nil {
			return
		}
		var first, second bytes.Buffer
		if err := e.Write(&first); err != nil {
			t.Fatal(err)
		}
		again, err := ReadEvidence(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("what was written is refused: %v", err)
		}
		if err := again.Write(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("not stable:\n%s\n%s", first.Bytes(), second.Bytes())
		}
		if !slices.IsSortedFunc(e.Paths, func(a, b PathUse) int { return strings.Compare(string(a.Path), string(b.Path)) }) {
			t.Error("paths are not sorted")
		}
	})
}

package gosymbols

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/slimimage/slim/layers"
)

// buildProgram builds testdata/program for Linux.
func buildProgram(t testing.TB, flags ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	args := slices.Concat([]string{"build", "-o", name}, flags, []string{"./testdata/program"})
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return name
}

func ask1(t *testing.T, program string, questions ...Question) []Answer {
	t.Helper()
	root, err := os.OpenRoot(filepath.Dir(program))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for i := range questions {
		if questions[i].Program == "" {
			questions[i].Program = filepath.Base(program)
		}
	}
	answers, err := Ask(t.Context(), layers.DirFS(root), questions)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func one(module, path string, symbols ...string) Question {
	return Question{Module: module, Imports: []Import{{Path: path, Symbols: symbols}}}
}

// TestAsk asks about linked, inlined and missing functions of real programs, stripped or not.
func TestAsk(t *testing.T) {
	const mod = "golang.org/x/mod"
	tests := []struct {
		question Question
		found    string // "" is absent
	}{
		{one("stdlib", "fmt", "Fprintln"), "fmt.Fprintln"},
		{one("stdlib", "fmt", "Sscanf", "Fscan"), ""},
		{one("stdlib", "fmt", "pp.doPrintln"), "fmt.(*pp).doPrintln"},
		{one("stdlib", "fmt", "ss.Token"), ""},
		{one("stdlib", "strings", "Fields", "NewReplacer"), "strings.Fields"},
		{one("stdlib", "net/http"), ""},
		{one("stdlib", "os"), "os."},
		{one("stdlib", "slices", "SortFunc"), "slices.SortFunc["},
		{one("stdlib", "slices", "BinarySearchFunc"), ""},
		{one(mod, mod+"/semver", "IsValid"), mod + "/semver.IsValid"}, // inlined
		{one(mod, mod+"/semver", "Compare", "Max"), ""},
		{one(mod, mod+"/semver", "parse"), mod + "/semver.parse"},
		{one(mod, mod+"/module"), ""},
		{Question{Module: mod, Imports: []Import{{Path: mod + "/zip"}, {Path: mod + "/semver", Symbols: []string{"parseInt"}}}},
			mod + "/semver.parseInt"},
		{one("x", "github.com/slimimage/slim/analyzer/gosymbols/testdata/program", "pair.swap"), "main.(*pair["},
		{one("x", "github.com/slimimage/slim/analyzer/gosymbols/testdata/program", "main"), "main.main"},
		{one("x", "github.com/slimimage/slim/analyzer/gosymbols/testdata/program", "other"), ""},
	}
	var questions []Question
	for _, test := range tests {
		questions = append(questions, test.question)
	}
	for name, program := range map[string]string{"plain": buildProgram(t), "stripped": buildProgram(t, "-ldflags=-s -w")} {
		for i, got := range ask1(t, program, questions...) {
			want := tests[i]
			if got.Doubt != "" || got.Names < 1000 || got.Absent() != (want.found == "") || !strings.HasPrefix(got.Found, want.found) {
				t.Errorf("%s: %+v: %+v, want %q", name, want.question, got, want.found)
			}
		}
	}
}

// TestDoubt is about programs that cannot be asked.
func TestDoubt(t *testing.T) {
	program := buildProgram(t)
	dir := filepath.Dir(program)
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	section := file.Section(".gopclntab")
	old := bytes.Clone(data)
	binary.LittleEndian.PutUint32(old[section.Offset:], 0xfffffffb) // Go 1.2: names are anywhere in the table
	small := bytes.Clone(data)
	names := binary.LittleEndian.Uint64(small[section.Offset+8+3*8:])
	binary.LittleEndian.PutUint64(small[section.Offset+8+4*8:], names+1000) // names end before the runtime
	far := bytes.Clone(data)
	binary.LittleEndian.PutUint64(far[section.Offset+8+4*8:], 1<<62)
	renamed := bytes.ReplaceAll(data, []byte(".gopclntab\x00"), []byte(".gopclntax\x00"))
	for name, content := range map[string][]byte{"old": old, "small": small, "far": far, "renamed": renamed, "text": []byte("#!/bin/sh\n"),
		"cut": data[:len(data)/2], "empty": nil} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("program", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "small", "far", "renamed", "text", "cut", "empty", "link", "none"} {
		q := one("stdlib", "net/http", "Get")
		q.Program = name
		if got := ask1(t, program, q)[0]; got.Doubt == "" || got.Absent() || got.Found != "" {
			t.Errorf("%s: %+v, want a doubt", name, got)
		}
	}
	if got := ask1(t, program, Question{Module: "stdlib"})[0]; got.Absent() {
		t.Errorf("an advisory without packages: %+v", got)
	}
	if got := ask1(t, program, one("stdlib", "net/http", "Get"))[0]; !got.Absent() {
		t.Errorf("the program itself: %+v", got)
	}
}

// TestReplaced: the functions of a replaced module have the names of the module that asked for it.
func TestReplaced(t *testing.T) {
	info, err := buildinfo.ReadFile(buildProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := replaced(info, "golang.org/x/mod"); got != "" {
		t.Errorf("replaced = %q, want none", got)
	}
	for _, dep := range info.Deps {
		if dep.Path == "golang.org/x/mod" {
			fork := *dep
			fork.Path = "example.com/fork"
			dep.Replace = &fork
		}
	}
	if got := replaced(info, "example.com/fork"); got != "golang.org/x/mod" {
		t.Errorf("replaced = %q, want golang.org/x/mod", got)
	}
	s := newSearch([]*Question{{Module: "example.com/fork", Imports: []Import{{Path: "example.com/fork"}}}}, info)
	if s.answers[0].Doubt == "" {
		t.Error("no doubt about a replaced module")
	}
}

func TestSplit(t *testing.T) {
	for name, want := range map[string][2]string{
		"main.main":                                  {"main", "main"},
		"net/http.(*conn).serve":                     {"net/http", "conn.serve"},
		"net/http.(*conn).serve.func1":               {"net/http", "conn.serve.func1"},
		"gopkg.in/yaml%2ev3.(*Decoder).Decode-fm":    {"gopkg.in/yaml%2ev3", "Decoder.Decode-fm"},
		"slices.SortFunc[go.shape.struct { a/b.T }]": {"slices", "SortFunc"},
		"a/b.(*T[go.shape.[]c/d.X,e]).M":             {"a/b", "T.M"},
		"go:buildid":                                 {"", "go:buildid"},
		"(x)":                                        {"", "x"},
		"":                                           {"", ""},
	} {
		pkg, function := split([]byte(name))
		if got := [2]string{string(pkg), string(plain(function))}; got != want {
			t.Errorf("split(%q) = %q, want %q", name, got, want)
		}
	}
	for path, want := range map[string]string{"gopkg.in/yaml.v3": "gopkg.in/yaml%2ev3", "net/http": "net/http", "a.b/c": "a.b/c",
		"a.b": "a%2eb", "a/é": "a/%c3%a9"} {
		if got := escape(path); got != want {
			t.Errorf("escape(%q) = %q, want %q", path, got, want)
		}
	}
}

// TestHeaders reads tables of every form, width and byte order.
func TestHeaders(t *testing.T) {
	for magic, word := range pcHeaders {
		for _, width := range []int{4, 8} {
			for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
				data := append(order.AppendUint32(nil, magic), 0, 0, 1, byte(width))
				for i := range 8 {
					value := map[int]uint64{word: 100, word + 1: 100 + 27}[i]
					if width == 4 {
						data = order.AppendUint32(data, uint32(value))
					} else {
						data = order.AppendUint64(data, value)
					}
				}
				data = append(append(data, make([]byte, 100-len(data))...), "runtime.main\x00fmt.Println\x00\x00\x00rest"...)
				names, err := namesIn(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), order.(binary.ByteOrder))
				var got []string
				if err == nil {
					err = each(names, func(name []byte) { got = append(got, string(name)) })
				}
				if err != nil || strings.Join(got, " ") != "runtime.main fmt.Println" {
					t.Errorf("%x, %d bytes, %v: %q, %v", magic, width, order, got, err)
				}
			}
		}
	}
}

// FuzzNames reads tables: it must not panic, and names are within the table.
func FuzzNames(f *testing.F) {
	good := make([]byte, 72, 100)
	binary.LittleEndian.PutUint32(good, 0xfffffff1)
	good[6], good[7] = 1, 8
	binary.LittleEndian.PutUint64(good[8+3*8:], 72)
	good = append(good, "runtime.main\x00fmt.Println\x00"...)
	binary.LittleEndian.PutUint64(good[8+4*8:], uint64(len(good)))
	f.Add(good)
	f.Add(good[:80])
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			names, err := namesIn(io.NewSectionReader(bytes.NewReader(data), 0, int64(len(data))), order)
			if err != nil {
				continue
			}
			total := 0
			err = each(names, func(name []byte) {
				total += len(name) + 1
				split(name)
				plain(name)
			})
			if total > len(data) || err == nil && int64(total) > names.Size() {
				t.Errorf("%d bytes of names in %d", total, len(data))
			}
		}
	})
}

// FuzzAsk reads programs.
func FuzzAsk(f *testing.F) {
	program, err := os.ReadFile(buildProgram(f, "-ldflags=-s -w"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(program)
	f.Add([]byte("\x7fELF"))
	q := one("stdlib", "net/http", "Get")
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = ask(bytes.NewReader(data), int64(len(data)), []*Question{&q})
	})
}

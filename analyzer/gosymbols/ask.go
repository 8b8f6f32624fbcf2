package gosymbols

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Bounds.
const (
	maxProgram   = 1 << 30 // bytes of a program that is read
	maxQuestions = 100_000
)

// Question asks whether a program has one of the functions of an advisory.
type Question struct {
	Program string   `json:"program"` // physical path
	Module  string   `json:"module"`  // path of the module that the advisory is about; "stdlib"
	Imports []Import `json:"imports"`
}

// Import is a package of the module and the functions that the advisory names, in the form of the Go vulnerability database: "F" or
// "T.M". No functions are all of the package.
type Import struct {
	Path    string   `json:"path"`
	Symbols []string `json:"symbols,omitempty"`
}

// Answer is what is known. It says "absent" only where the whole table of names was read: neither Found nor Doubt is then set.
type Answer struct {
	Found string `json:"found,omitempty"` // a function of the advisory that the program has
	Doubt string `json:"doubt,omitempty"` // why it cannot be told
	Names int    `json:"names"`           // in the table
}

// Absent reports whether the program is shown to have none of the functions.
func (a *Answer) Absent() bool { return a.Found == "" && a.Doubt == "" && a.Names > 0 }

// ReadQuestions and ReadAnswers read JSON lists.
func ReadQuestions(data []byte) (list []Question, err error) {
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("reading questions about symbols: %w", err)
	}
	return list, nil
}

// ReadAnswers reads as many answers as there are questions.
func ReadAnswers(data []byte, questions int) (list []Answer, err error) {
	if err := json.Unmarshal(data, &list); err != nil {
		return nil, fmt.Errorf("reading answers about symbols: %w", err)
	}
	if len(list) != questions {
		return nil, fmt.Errorf("%d answers about symbols to %d questions", len(list), questions)
	}
	return list, nil
}

// Ask answers each question. Whatever is wrong with a program is a doubt; the error is ctx's.
func Ask(ctx context.Context, root layers.RootFS, questions []Question) ([]Answer, error) {
	answers := make([]Answer, len(questions))
	byProgram := map[string][]int{}
	for i, q := range questions {
		if i >= maxQuestions {
			answers[i].Doubt = fmt.Sprintf("more than %d questions", maxQuestions)
			continue
		}
		byProgram[q.Program] = append(byProgram[q.Program], i)
	}
	programs := make([]string, 0, len(byProgram))
	for program := range byProgram {
		programs = append(programs, program)
	}
	slices.Sort(programs)
	for _, program := range programs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at := byProgram[program]
		asked := make([]*Question, len(at))
		for i, n := range at {
			asked[i] = &questions[n]
		}
		found, err := askFile(root, program, asked)
		for i, n := range at {
			if answers[n] = (Answer{}); err != nil {
				answers[n].Doubt = fmt.Sprintf("%q cannot be read: %.200s", program, err)
			} else {
				answers[n] = found[i]
			}
		}
	}
	return answers, nil
}

// askFile answers the questions about one file of root.
func askFile(root layers.RootFS, name string, questions []*Question) ([]Answer, error) {
	info, err := root.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fs.ErrInvalid
	case info.Size() > maxProgram:
		return nil, fmt.Errorf("it is larger than %d bytes", int64(maxProgram))
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if at, ok := f.(io.ReaderAt); ok {
		return ask(at, info.Size(), questions)
	}
	spool, err := os.CreateTemp("", "slim-symbols-")
	if err != nil {
		return nil, err
	}
	os.Remove(spool.Name()) // it lives as long as it is open
	defer spool.Close()
	size, err := io.Copy(spool, io.LimitReader(f, maxProgram))
	if err != nil {
		return nil, err
	}
	return ask(spool, size, questions)
}

// ask answers the questions about a program.
func ask(r io.ReaderAt, size int64, questions []*Question) (answers []Answer, err error) {
	defer func() { // debug/elf is "not designed to be hardened against adversarial inputs" (its documentation)
		if r := recover(); r != nil {
			answers, err = nil, fmt.Errorf("it is damaged: %v", r)
		}
	}()
	section := io.NewSectionReader(r, 0, size)
	info, err := buildinfo.Read(section)
	if err != nil {
		return nil, err
	}
	for _, setting := range info.Settings {
		if setting.Key == "-buildmode" && (setting.Value == "plugin" || setting.Value == "shared") || setting.Key == "-linkshared" {
			return nil, fmt.Errorf("it is built with %s=%s", setting.Key, setting.Value)
		}
	}
	file, err := elf.NewFile(section)
	if err != nil {
		return nil, err
	}
	table, err := namesOf(file, section)
	if err != nil {
		return nil, err
	}
	search := newSearch(questions, info)
	if err := each(table, search.name); err != nil {
		return nil, err
	}
	if !search.runtime { // a shared library has it, and may have more
		return nil, errors.New("its table of functions does not have the Go runtime")
	}
	return search.answers, nil
}

// search compares the names of a program with the functions that are asked for.
type search struct {
	answers []Answer
	wanted  map[string]map[string][]int // by package as the linker writes it, and function; "" is every function of the package
	runtime bool
}

func newSearch(questions []*Question, info *debug.BuildInfo) *search {
	s := &search{answers: make([]Answer, len(questions)), wanted: map[string]map[string][]int{}}
	for i, q := range questions {
		if from := replaced(info, q.Module); from != "" {
			s.answers[i].Doubt = fmt.Sprintf("it takes the place of module %q, whose names its functions have", from)
		}
		if len(q.Imports) == 0 {
			s.answers[i].Doubt = "the advisory names no package"
		}
		for _, imp := range q.Imports {
			paths := []string{imp.Path, escape(imp.Path), "vendor/" + escape(imp.Path)}
			if imp.Path == info.Path {
				paths = append(paths, "main")
			}
			for _, path := range paths {
				if s.wanted[path] == nil {
					s.wanted[path] = map[string][]int{}
				}
				symbols := imp.Symbols
				if len(symbols) == 0 {
					symbols = []string{""}
				}
				for _, symbol := range symbols {
					s.wanted[path][symbol] = append(s.wanted[path][symbol], i)
				}
			}
		}
	}
	return s
}

// replaced is the path under which a program was built with the code of another module; "" if it was not. The functions have the names of
// the module that was replaced.
func replaced(info *debug.BuildInfo, module string) string {
	for _, dep := range info.Deps {
		if dep.Replace != nil && strings.EqualFold(dep.Replace.Path, module) && dep.Path != dep.Replace.Path {
			return dep.Path
		}
	}
	return ""
}

// name looks at one name of the table.
func (s *search) name(name []byte) {
	for i := range s.answers {
		s.answers[i].Names++
	}
	if bytes.Equal(name, []byte("runtime.main")) {
		s.runtime = true
	}
	pkg, function := split(name)
	wanted := s.wanted[string(pkg)]
	if wanted == nil {
		return
	}
	function = plain(function)
	hit := func(key string) {
		for _, i := range wanted[key] {
			if s.answers[i].Found == "" {
				s.answers[i].Found = fmt.Sprintf("%.300s", name)
			}
		}
	}
	hit("")
	for i := range function { // a part of a function, such as F.func1 or F-fm, counts as the function
		if c := function[i]; i > 0 && (c == '.' || c == '-') {
			hit(string(function[:i]))
		}
	}
	hit(string(function))
}

// split cuts a name as the linker writes it into the package and the rest: the package ends at the first dot after the last slash. What is
// in brackets or parentheses does not count.
func split(name []byte) (pkg, function []byte) {
	head := name
	if i := bytes.IndexAny(head, "[("); i >= 0 {
		head = head[:i]
	}
	slash := bytes.LastIndexByte(head, '/') + 1
	dot := bytes.IndexByte(head[slash:], '.')
	if dot < 0 {
		return nil, name
	}
	return name[:slash+dot], name[slash+dot+1:]
}

// plain writes a function as advisories do: (*T[...]).M is T.M.
func plain(function []byte) []byte {
	text, depth := make([]byte, 0, len(function)), 0
	for _, c := range function {
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth <= 0 && c != '(' && c != ')' && c != '*':
			text = append(text, c)
		}
	}
	return text
}

// escape writes an import path as the linker does (cmd/internal/objabi, PathToPrefix).
func escape(path string) string {
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		if c <= ' ' || i >= slash && c == '.' || c == '%' || c == '"' || c >= 0x7F {
			fmt.Fprintf(&b, "%%%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

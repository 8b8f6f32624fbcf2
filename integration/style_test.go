package integration

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxColumns  = 140 // characters of a line of Go; a tab counts as one
	maxFunction = 60  // lines of a function, with its signature
	maxUsual    = 30  // lines of nine functions in ten
)

// TestLineLength checks that no line of Go has more than maxColumns. Raw strings are exempt where they cannot be wrapped: on more than one
// line, or longer than two thirds of the limit.
func TestLineLength(t *testing.T) {
	for _, file := range goFiles(t) {
		exempt := rawLines(file)
		for i, line := range strings.Split(string(file.text), "\n") {
			if n := utf8.RuneCountInString(line); n > maxColumns && !exempt[i+1] {
				t.Errorf("%s:%d has %d columns, want at most %d", file.name, i+1, n, maxColumns)
			}
		}
	}
}

// rawLines are the lines of a file that TestLineLength exempts.
func rawLines(file goFile) map[int]bool {
	exempt := map[int]bool{}
	ast.Inspect(file.syntax, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || lit.Value[0] != '`' {
			return true
		}
		first, last := file.set.Position(lit.Pos()).Line, file.set.Position(lit.End()).Line
		for line := first; line <= last && (first < last || len(lit.Value) > maxColumns*2/3); line++ {
			exempt[line] = true
		}
		return true
	})
	return exempt
}

// TestFunctionLength checks that no function of the program has more than maxFunction lines, and nine in ten have at most maxUsual.
// A function that only returns a table is exempt.
func TestFunctionLength(t *testing.T) {
	var lengths []int
	for _, file := range goFiles(t) {
		for _, d := range file.syntax.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || strings.HasSuffix(file.name, "_test.go") || isTable(f) {
				continue
			}
			at := file.set.Position(f.Pos())
			n := file.set.Position(f.End()).Line - at.Line + 1
			if n > maxFunction {
				t.Errorf("%s:%d: %s has %d lines, want at most %d", file.name, at.Line, f.Name.Name, n, maxFunction)
			}
			lengths = append(lengths, n)
		}
	}
	slices.Sort(lengths)
	if n := lengths[len(lengths)*9/10]; n > maxUsual {
		t.Errorf("one function in ten has %d lines or more, want at most %d", n, maxUsual)
	}
}

// isTable reports whether a function only returns one composite literal, perhaps with names for parts of it: rows have no control flow.
func isTable(f *ast.FuncDecl) bool {
	if f.Body == nil || len(f.Body.List) == 0 {
		return false
	}
	last := len(f.Body.List) - 1
	for _, statement := range f.Body.List[:last] {
		if _, ok := statement.(*ast.AssignStmt); !ok {
			return false
		}
	}
	result, ok := f.Body.List[last].(*ast.ReturnStmt)
	if !ok || len(result.Results) != 1 {
		return false
	}
	_, ok = result.Results[0].(*ast.CompositeLit)
	return ok
}

// goFile is a parsed source file of the module.
type goFile struct {
	name   string
	text   []byte
	set    *token.FileSet
	syntax *ast.File
}

func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "bin" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		file := goFile{name: name, set: token.NewFileSet()}
		if file.text, err = os.ReadFile(name); err != nil {
			return err
		}
		if file.syntax, err = parser.ParseFile(file.set, name, file.text, parser.ParseComments); err != nil {
			return err
		}
		files = append(files, file)
		return nil
	})
	if err != nil || len(files) < 100 {
		t.Fatalf("%d Go files, %v", len(files), err)
	}
	return files
}

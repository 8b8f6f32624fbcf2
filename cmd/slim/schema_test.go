package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/drift"
	"github.com/slimimage/slim/layers"
)

// modulePath is the beginning of the import path of our own packages.
const modulePath = "github.com/slimimage/slim/"

// documentTypes are the JSON documents whose fields the reference lists from the Go types and their comments.
var documentTypes = map[string]reflect.Type{
	builder.ResultSchema:    reflect.TypeFor[builder.Result](),
	analyzer.VerdictSchema:  reflect.TypeFor[analyzer.Verdict](),
	vuln.ReportSchema:       reflect.TypeFor[vuln.Report](),
	layers.InspectionSchema: reflect.TypeFor[layers.Inspection](),
	diffSchema:              reflect.TypeFor[diffReport](),
	drift.Schema:            reflect.TypeFor[drift.Report](),
}

// documentedElsewhere are documents that a field may hold and whose fields have a section of their own.
var documentedElsewhere = map[reflect.Type]string{
	reflect.TypeFor[analyzer.Evidence](): analyzer.EvidenceSchema,
	reflect.TypeFor[analyzer.Plan]():     analyzer.PlanSchema,
}

// fieldTables are the tables of fields by the name of the generated part.
func fieldTables() (map[string]string, error) {
	tables := map[string]string{}
	comments := commentReader{}
	for schema, document := range documentTypes {
		w := &fieldWriter{comments: comments, schema: schema, seen: map[reflect.Type]string{}}
		w.line("| field | type | meaning |\n|---|---|---|\n")
		if err := w.fields(document, ""); err != nil {
			return nil, fmt.Errorf("%s: %w", schema, err)
		}
		tables["fields of "+schema] = w.text.String() + "\n"
	}
	return tables, nil
}

// fieldWriter writes the rows of one document.
type fieldWriter struct {
	comments commentReader
	schema   string
	seen     map[reflect.Type]string // struct types whose fields are written, and below which field
	text     strings.Builder
}

func (w *fieldWriter) line(format string, args ...any) { fmt.Fprintf(&w.text, format, args...) }

// fields writes a row for each JSON field of a struct, and below it those of the structs that the field holds.
func (w *fieldWriter) fields(t reflect.Type, prefix string) error {
	comments, err := w.comments.of(t)
	if err != nil {
		return err
	}
	for field := range fieldsOf(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "-" || !field.IsExported() {
			continue
		}
		if name == "" && !field.Anonymous {
			name = field.Name
		}
		if field.Anonymous && name == "" {
			if err := w.fields(field.Type, prefix); err != nil {
				return err
			}
			continue
		}
		kind, inner, suffix := describe(field.Type)
		comment := comments[field.Name]
		if prefix+name == "schema" {
			comment = "`" + w.schema + "`"
		}
		meaning, below := w.meaning(inner, prefix+name+suffix, comment)
		w.line("| `%s` | %s | %s |\n", prefix+name, kind, strings.ReplaceAll(meaning, "|", `\|`))
		if below {
			if err := w.fields(inner, prefix+name+suffix+"."); err != nil {
				return err
			}
		}
	}
	return nil
}

// meaning is the comment of a field; below says whether the fields of the struct that it holds follow.
func (w *fieldWriter) meaning(inner reflect.Type, at, comment string) (text string, below bool) {
	if inner == nil {
		return comment, false
	}
	where := documentedElsewhere[inner]
	for schema, document := range documentTypes {
		if document == inner {
			where = schema
		}
	}
	if where == "" {
		where = w.seen[inner]
	}
	if where != "" {
		return strings.TrimPrefix(comment+"; as `"+where+"`", "; "), false
	}
	w.seen[inner] = at
	return comment, true
}

// fieldsOf are the fields of a struct in the order of its declaration.
func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// describe is a type in the words of JSON, and the struct of ours that its values hold, if any, with what follows the field's name before a
// name in that struct.
func describe(t reflect.Type) (kind string, inner reflect.Type, suffix string) {
	if t.Kind() != reflect.Struct && t.Kind() != reflect.Pointer &&
		reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ MarshalText() ([]byte, error) }]()) {
		return "string", nil, ""
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem())
	case reflect.String:
		return "string", nil, ""
	case reflect.Bool:
		return "boolean", nil, ""
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return "string (base64)", nil, ""
		}
		of, inner, more := describe(t.Elem())
		return "list of " + of, inner, "[]" + more
	case reflect.Map:
		of, inner, more := describe(t.Elem())
		return "object of " + of, inner, ".NAME" + more
	case reflect.Struct:
		if strings.HasPrefix(t.PkgPath()+"/", modulePath) || t.PkgPath() == "main" {
			return "object", t, ""
		}
		return "object", nil, ""
	}
	return "number", nil, ""
}

// commentReader keeps the comments of the fields of the packages that were read: package, type, field.
type commentReader map[string]map[string]map[string]string

// of are the comments of a struct's fields by name.
func (r commentReader) of(t reflect.Type) (map[string]string, error) {
	dir := "."
	if rest, ok := strings.CutPrefix(t.PkgPath(), modulePath); ok && rest != "cmd/slim" {
		dir = path.Join("../..", rest)
	}
	if r[dir] == nil {
		types, err := readComments(dir)
		if err != nil {
			return nil, err
		}
		r[dir] = types
	}
	return r[dir][t.Name()], nil
}

// readComments reads the comments of struct fields in a directory of Go files. A comment above several fields is that of the first.
func readComments(dir string) (map[string]map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	types := map[string]map[string]string{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, ok := node.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if list, ok := spec.Type.(*ast.StructType); ok {
				types[spec.Name.Name] = fieldComments(list)
			}
			return true
		})
	}
	return types, nil
}

func fieldComments(list *ast.StructType) map[string]string {
	comments := map[string]string{}
	for _, field := range list.Fields.List {
		text := field.Comment.Text()
		if text == "" {
			text = field.Doc.Text()
		}
		for _, name := range field.Names {
			comments[name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
	return comments
}

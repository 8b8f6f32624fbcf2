package keep

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

// The table of reasons in the design document lies between these lines.
const (
	designDoc  = "../../docs/design.md"
	tableBegin = "<!-- reasons: made by go test ./analyzer/keep -run TestReasonTable -update -->\n"
	tableEnd   = "<!-- /reasons -->\n"
)

// TestReasonTable holds that the design document lists every reason with its meaning and the files that give it, and that some file
// gives each; -update writes the table.
func TestReasonTable(t *testing.T) {
	files := ruleFiles(t)
	var b strings.Builder
	b.WriteString("| Reason | Meaning | Given by |\n|---|---|---|\n")
	for _, row := range analyzer.Rules() {
		given := files[row.Rule]
		if len(given) == 0 {
			t.Errorf("no file of analyzer/keep gives the reason %q", row.Rule)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", row.Rule, row.Meaning, strings.Join(given, ", "))
	}
	data, err := os.ReadFile(designDoc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(data), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no table between %q and %q", designDoc, tableBegin, tableEnd)
	}
	if *update {
		if err := os.WriteFile(designDoc, []byte(before+tableBegin+b.String()+tableEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(b.String(), table); diff != "" {
		t.Errorf("the table of reasons (-want +got), to be written with -update:\n%s", diff)
	}
}

// ruleFiles lists, by rule, the files of this package that use its constant other than to compare with it.
func ruleFiles(t *testing.T) map[analyzer.Rule][]string {
	t.Helper()
	rules := ruleConstants(t)
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[analyzer.Rule][]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ast.Inspect(parse(t, name), func(n ast.Node) bool {
			if _, compared := n.(*ast.BinaryExpr); compared {
				return false // it asks for a reason, and gives none
			}
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if rule, ok := rules[selector.Sel.Name]; ok && !slices.Contains(found[rule], name) {
				found[rule] = append(found[rule], name)
			}
			return true
		})
	}
	return found
}

// ruleConstants are the rules by the name of the constant, or of the function, that makes one.
func ruleConstants(t *testing.T) map[string]analyzer.Rule {
	t.Helper()
	rules := map[string]analyzer.Rule{"RuleCheckRound": "check round N", "RuleFamily": "rule NAME"}
	ast.Inspect(parse(t, "../reasons.go"), func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Rule") {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		rules[spec.Names[0].Name] = analyzer.Rule(text)
		return true
	})
	if got, want := len(rules), len(analyzer.Rules()); got != want {
		t.Errorf("reasons.go declares %d rules, and Rules() lists %d", got, want)
	}
	return rules
}

func parse(t *testing.T, name string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

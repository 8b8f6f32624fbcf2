package vuln

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/slimimage/slim/analyzer/gosymbols"
)

// ask looks for the functions of advisories in the Go programs that have the affected modules. It returns the evidence for the findings of
// which no program has one, by pair.
func ask(ctx context.Context, found *Result,
	answer func(context.Context, []gosymbols.Question) ([]gosymbols.Answer, error)) (map[[2]string]string, error) {
	var questions []gosymbols.Question
	first := map[[2]string]int{} // by finding, its first question; there is one for each of the module's programs
	for i := range found.Findings {
		f := &found.Findings[i]
		imports := found.imports[f.pair()]
		if len(imports) == 0 || len(f.Package.Locations) == 0 {
			continue
		}
		first[f.pair()] = len(questions)
		for _, program := range f.Package.Locations {
			questions = append(questions, gosymbols.Question{Program: program, Module: f.Package.Name, Imports: imports})
		}
	}
	if len(questions) == 0 || answer == nil {
		return nil, nil
	}
	answers, err := answer(ctx, questions)
	if err != nil {
		return nil, err
	}
	if len(answers) != len(questions) {
		return nil, fmt.Errorf("%d answers to %d questions about functions", len(answers), len(questions))
	}
	absent := map[[2]string]string{}
	for i := range found.Findings {
		f := &found.Findings[i]
		at, asked := first[f.pair()]
		if !asked {
			continue
		}
		own := answers[at : at+len(f.Package.Locations)]
		if !slices.ContainsFunc(own, func(a gosymbols.Answer) bool { return !a.Absent() }) {
			absent[f.pair()] = absence(f, found.imports[f.pair()], own)
		}
	}
	return absent, nil
}

// absence is the evidence that the programs of a module have none of the functions.
func absence(f *Finding, imports []gosymbols.Import, answers []gosymbols.Answer) string {
	functions := map[string]bool{}
	for _, i := range imports {
		for _, symbol := range i.Symbols {
			functions[i.Path+"."+symbol] = true
		}
		if len(i.Symbols) == 0 {
			functions["any of "+i.Path] = true
		}
	}
	names := 0
	for _, a := range answers {
		names += a.Names
	}
	verb := "has"
	if len(answers) > 1 {
		verb = "have"
	}
	return plain(fmt.Sprintf("%s %s none of the functions that the advisory names: %s; read from the table for stack traces, %d names with "+
		"those of inlined functions", several(f.Package.Locations, 3), verb, several(slices.Sorted(maps.Keys(functions)), 5), names), maxReason)
}

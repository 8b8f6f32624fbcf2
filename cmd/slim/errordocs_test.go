package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	fresh "github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/lock"
)

// TestErrorPages holds that each error that has a section names it, and that the section exists.
func TestErrorPages(t *testing.T) {
	there := anchors(t, "../../"+troubleshooting)
	result := &builder.Result{Verdict: &analyzer.Verdict{}}
	errs := []error{
		&builder.CheckError{Result: result}, &builder.StrictError{Result: result}, &builder.ExerciseError{},
		&builder.DeadlineError{}, &builder.ObservationError{}, &builder.SlimmedError{}, &builder.UnconnectedError{Err: errors.New("x")},
		&fresh.Error{Reason: "x"}, &builder.UpdateError{Verdict: &analyzer.Verdict{}}, &lock.Error{}, &engine.SilentDockerError{},
	}
	named := map[string]bool{}
	for _, err := range errs {
		var stderr bytes.Buffer
		(&program{stderr: &stderr}).printError(fmt.Errorf("doing: %w", err))
		page := regexp.MustCompile(`(?m)^slim: more: docs/troubleshooting\.md#([a-z-]+)$`).FindStringSubmatch(stderr.String())
		if page == nil {
			t.Errorf("%T names no section:\n%s", err, stderr.String())
			continue
		}
		if named[page[1]] = true; !there[page[1]] {
			t.Errorf("%T names %s, which is not there", err, page[1])
		}
	}
	if len(named) != len(errorPages) {
		t.Errorf("%d of %d sections are named by an error of this test", len(named), len(errorPages))
	}
	if page := pageOf(errors.New("disk full")); page != "" {
		t.Errorf("an error without a section names %s", page)
	}
}

// TestDocsLinks holds that each link from one page to another, or to a section, leads somewhere.
func TestDocsLinks(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, name := range append(files, "../../README.md") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)#:\s]*)(?:#([^)\s]+))?\)`).FindAllStringSubmatch(string(data), -1) {
			target := name
			if link[1] != "" {
				target = filepath.Join(filepath.Dir(name), link[1])
			}
			links++
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s is not there", name, link[0])
			} else if link[2] != "" && !anchors(t, target)[link[2]] {
				t.Errorf("%s: %s has no such section", name, link[0])
			}
		}
	}
	if links < 30 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the sections of a Markdown file, as GitHub names them.
func anchors(t *testing.T, name string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for line := range strings.Lines(string(data)) {
		title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " ")
		if !ok || !strings.HasPrefix(line, "#") {
			continue
		}
		title = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
		found[strings.ReplaceAll(title, " ", "-")] = true
	}
	return found
}

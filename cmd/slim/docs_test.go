package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

// TestDocumentedCommands holds that every `slim ...` in the README, the docs and the examples names commands and flags that there are.
func TestDocumentedCommands(t *testing.T) {
	var files []string
	for _, pattern := range []string{"../../README.md", "../../docs/*.md", "../../examples/*.md", "../../examples/*.sh"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	err := filepath.WalkDir("../../examples/ci", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	app, total := (&program{}).app(), 0
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		commands, err := slimCommands(name, data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		total += len(commands)
		for _, words := range commands {
			if problem := unknownWord(app, words); problem != "" {
				t.Errorf("%s: slim %s: %s", strings.TrimPrefix(name, "../../"), strings.Join(words, " "), problem)
			}
		}
		if strings.Contains(name, "examples/ci/") && len(commands) == 0 && filepath.Base(name) != "workflow.yml" &&
			!strings.HasPrefix(filepath.Base(name), "Jenkinsfile") && name != "../../examples/ci/github/nightly.yml" {
			t.Errorf("%s: no slim command was found in it", name)
		}
	}
	if total < 40 {
		t.Errorf("only %d commands were found in %v", total, files)
	}
}

// unknownWord is what the program does not have of a command line, "" when it has all. Of a word that a shell makes only the beginning is
// known.
func unknownWord(app *cli.App, words []string) string {
	if len(words) == 0 || strings.HasPrefix(words[0], "-") || words[0] == "COMMAND" {
		return ""
	}
	command := app.Command(words[0])
	if command == nil {
		return "there is no such command"
	}
	var known []string
	for _, flag := range command.Flags {
		for _, name := range flag.Names() {
			known = append(known, dashed(name))
		}
	}
	for _, word := range words[1:] {
		name, _, _ := strings.Cut(word, "=")
		switch {
		case word == "--":
			return ""
		case !strings.HasPrefix(word, "-"), word == "-", name == "--help", name == "-h", slices.Contains(known, name):
		default:
			return "there is no flag " + name
		}
	}
	return ""
}

// slimCommands are the arguments of each call of slim in a file.
func slimCommands(name string, data []byte) (all [][]string, err error) {
	switch filepath.Ext(name) {
	case ".sh":
		return callsIn(string(data))
	case ".md":
		for _, line := range codeLines(string(data)) {
			calls, err := callsIn(line)
			if err != nil {
				continue // a pattern of a command line and no command line: [flags], FILE|DIR
			}
			all = append(all, calls...)
		}
		return all, nil
	case ".yml", ".yaml":
		scripts, err := scriptsIn(data)
		if err != nil {
			return nil, err
		}
		for _, script := range scripts {
			calls, err := callsIn(script)
			if err != nil {
				return nil, err
			}
			all = append(all, calls...)
		}
		return all, nil
	}
	return nil, nil
}

// callsIn parses a shell script and returns the arguments of each call of slim.
func callsIn(script string) ([][]string, error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, err
	}
	var calls [][]string
	syntax.Walk(file, func(node syntax.Node) bool {
		call, ok := node.(*syntax.CallExpr)
		if !ok {
			return true
		}
		for i, arg := range call.Args {
			if program := begin(arg); (program == "slim" || program == "bin/slim") && (i == 0 || begin(call.Args[0]) == "docker") {
				var words []string
				for _, word := range call.Args[i+1:] {
					words = append(words, begin(word))
				}
				calls = append(calls, words)
			}
		}
		return true
	})
	return calls, nil
}

// begin is a word as far as it is known without running anything.
func begin(word *syntax.Word) string {
	var b strings.Builder
	for _, part := range word.Parts {
		switch part := part.(type) {
		case *syntax.Lit:
			b.WriteString(part.Value)
			continue
		case *syntax.SglQuoted:
			b.WriteString(part.Value)
			continue
		case *syntax.DblQuoted:
			if len(part.Parts) == 1 {
				if lit, ok := part.Parts[0].(*syntax.Lit); ok {
					b.WriteString(lit.Value)
					continue
				}
			}
		}
		break
	}
	return b.String()
}

var inlineCode = regexp.MustCompile("`(slim [^`\n]+)`")

// codeLines are the command lines of a Markdown file: in fences and indented code, where a prompt ($) marks them or they begin with slim,
// and between backquotes.
func codeLines(text string) []string {
	var lines []string
	fenced, prompts := false, false
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
			prompts = strings.Contains(line, "console")
			continue
		}
		indented := strings.HasPrefix(line, "    ")
		if !fenced && !indented {
			for _, code := range inlineCode.FindAllStringSubmatch(line, -1) {
				lines = append(lines, code[1])
			}
			continue
		}
		line = strings.TrimSpace(line)
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			lines = append(lines, command)
		} else if !prompts && strings.Contains(line, "slim ") {
			lines = append(lines, line)
		}
	}
	return lines
}

// scriptsIn are the shell scripts of a pipeline in YAML: the values of run and the items of script, whatever they are below.
func scriptsIn(data []byte) (scripts []string, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc any
		if err := decoder.Decode(&doc); errors.Is(err, io.EOF) {
			return scripts, nil
		} else if err != nil {
			return nil, err
		}
		scripts = append(scripts, scriptsOf(doc)...)
	}
}

func scriptsOf(node any) (scripts []string) {
	switch node := node.(type) {
	case map[string]any:
		for key, value := range node {
			switch value := value.(type) {
			case string:
				if key == "run" {
					scripts = append(scripts, value)
				}
			case []any:
				for _, item := range value {
					if line, ok := item.(string); ok && key == "script" {
						scripts = append(scripts, line)
					}
				}
			}
			scripts = append(scripts, scriptsOf(value)...)
		}
	case []any:
		for _, item := range node {
			scripts = append(scripts, scriptsOf(item)...)
		}
	}
	return scripts
}

// TestPipelines holds that no pipeline pastes what comes from outside into a script.
func TestPipelines(t *testing.T) {
	for _, name := range []string{"examples/ci/github/action.yml", "examples/ci/github/workflow.yml",
		"examples/ci/gitlab/templates/slim.yml", "examples/ci/github/nightly.yml", "examples/ci/gitlab/templates/nightly.yml",
		".github/workflows/ci.yml", ".github/workflows/release.yml"} {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		scripts, err := scriptsIn(data)
		if err != nil || len(scripts) == 0 {
			t.Errorf("%s: %d scripts, %v", name, len(scripts), err)
		}
		for _, script := range scripts {
			if strings.Contains(script, "${{") || strings.Contains(script, "$[[") {
				t.Errorf("%s: an input is pasted into the script %q: pass it in env", name, script)
			}
		}
	}
}

// TestAttackMovedTag holds that an action is named by a whole commit, which nobody can move.
func TestAttackMovedTag(t *testing.T) {
	pinned := regexp.MustCompile(`^\s*(- )?uses: [\w./-]+@[0-9a-f]{40}( # v[0-9.]+)?$`)
	found := 0
	for _, name := range []string{"examples/ci/github/action.yml", "examples/ci/github/workflow.yml", "examples/ci/github/nightly.yml",
		".github/workflows/ci.yml", ".github/workflows/release.yml"} {
		data, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			if line = strings.TrimRight(line, "\n"); !strings.Contains(line, "uses:") {
				continue
			}
			if found++; !pinned.MatchString(line) {
				t.Errorf("%s: %q is not pinned", name, line)
			}
		}
	}
	if found < 12 {
		t.Errorf("only %d actions were found", found)
	}
}

// TestAttackOtherJob holds that the pipelines share no cache between jobs.
func TestAttackOtherJob(t *testing.T) {
	for name, want := range map[string]string{"jenkins/Jenkinsfile": "$JOB_NAME", "gitlab/templates/slim.yml": "$CI_PROJECT_ID",
		"jenkins/Jenkinsfile.nightly": "$JOB_NAME", "gitlab/templates/nightly.yml": "$CI_PROJECT_ID"} {
		data, err := os.ReadFile("../../examples/ci/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), want) || !strings.Contains(string(data), "SLIM_CACHE") {
			t.Errorf("%s: SLIM_CACHE does not depend on %s", name, want)
		}
	}
}

// TestUnknownWord holds that the test above can fail.
func TestUnknownWord(t *testing.T) {
	app := (&program{}).app()
	for line, want := range map[string]string{
		"build app:1 --tag x": "", "build app:1 --tga x": "there is no flag --tga", "bild app:1": "there is no such command",
		"observe app -- --tga": "", "build --tag=x app:1": "", "sbom --format=spdx app:1": "", "prune -x": "there is no flag -x",
	} {
		if got := unknownWord(app, strings.Fields(line)); got != want {
			t.Errorf("slim %s: %q, want %q", line, got, want)
		}
	}
}

package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

var (
	//go:embed slim.rb.tmpl
	formulaText string
	//go:embed install.yml.tmpl
	installText string
)

// pointer is where an archive will be, and what it will be.
type pointer struct {
	CPU         string // as Homebrew names it
	URL, SHA256 string
}

// pointers writes the files that name archives by address and digest: the Homebrew formula and the Action.
func (r *release) pointers(context.Context) error {
	files := map[string]pointer{}
	for _, platform := range platforms {
		name := r.archiveName(platform)
		sum, err := r.sha256Of(name)
		if err != nil {
			return err
		}
		cpu := "intel"
		if strings.HasSuffix(platform, "arm64") {
			cpu = "arm"
		}
		files[platform] = pointer{cpu, r.base + "/" + name, sum}
	}
	formula, err := r.formula(files)
	if err != nil {
		return err
	}
	if err := r.write("slim.rb", formula); err != nil {
		return err
	}
	own, err := os.ReadFile(filepath.Join(r.root, "examples/ci/github/action.yml"))
	if err != nil {
		return err
	}
	action, err := action(string(own), files["linux-amd64"], files["linux-arm64"])
	if err != nil {
		return err
	}
	return r.write("action.yml", action)
}

// formula is Homebrew's (https://docs.brew.sh/Formula-Cookbook).
func (r *release) formula(files map[string]pointer) ([]byte, error) {
	type system struct {
		Name  string
		Files []pointer
	}
	return fill(formulaText, map[string]any{"Version": r.version, "Number": r.number(), "Source": source, "Systems": []system{
		{"macos", []pointer{files["darwin-arm64"], files["darwin-amd64"]}},
		{"linux", []pointer{files["linux-arm64"], files["linux-amd64"]}},
	}})
}

// Comments around the part of the Action that compiles slim from its own checkout.
const (
	installBegin = "    # install: begin\n"
	installEnd   = "    # install: end\n"
)

// action is the Action of the repository, which takes slim from an archive instead of compiling it.
func action(own string, amd64, arm64 pointer) ([]byte, error) {
	head, rest, ok := strings.Cut(own, installBegin)
	_, tail, ok2 := strings.Cut(rest, installEnd)
	if !ok || !ok2 {
		return nil, fmt.Errorf("action.yml has no lines %q and %q", strings.TrimSpace(installBegin), strings.TrimSpace(installEnd))
	}
	install, err := fill(installText, map[string]pointer{"AMD64": amd64, "ARM64": arm64})
	return []byte(head + string(install) + tail), err
}

func fill(text string, data any) ([]byte, error) {
	parsed, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = parsed.Execute(&b, data)
	return b.Bytes(), err
}

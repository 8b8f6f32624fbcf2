package main

import (
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// useStdout gives stdout to the output that is written there, if any. It refuses an image on stdout beside another result, or on a
// terminal.
func (p *program) useStdout(c *cli.Context, export *builder.Export) error {
	used := false
	for i := range export.Outputs {
		out := &export.Outputs[i]
		switch {
		case out.Dest != "-":
			continue
		case used:
			return usagef("give one of them a file: dest=FILE", "two outputs go to stdout")
		case c.String("format") == "json":
			return usagef("write the report to a file with --report FILE", "--format json and --output dest=- both go to stdout")
		case isTerminal(p.stdout):
			return usagef("pass dest=FILE, or pipe stdout somewhere", "an image is not written to a terminal")
		}
		out.Stdout, used = nopCloser{p.stdout}, true
	}
	return nil
}

// oneOf refuses a value that a flag does not have.
func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	allowed = slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" })
	return usagef("--"+flag+" is one of "+strings.Join(allowed, ", "), "--%s: unknown value %q", flag, value)
}

// defaultName is the name of a slim image: NAME.slim:TAG. repo may carry a registry; tag is "latest" when empty.
func defaultName(repo, tag string) string {
	if tag == "" {
		tag = "latest"
	}
	return repo + ".slim:" + tag
}

// archiveName is the file an image is written to when there is no place for it: the last element of its name.
func archiveName(name string) string {
	base := path.Base(name)
	base, _, _ = strings.Cut(base, "@")
	base, _, _ = strings.Cut(base, ":")
	return strings.TrimSuffix(base, ".slim") + ".slim.oci.tar"
}

var notInName = regexp.MustCompile(`[^a-z0-9]+`)

// nameFrom makes a repository name of the name of a file or directory.
func nameFrom(file string) string {
	base := path.Base(strings.TrimRight(filepath.ToSlash(file), "/"))
	for _, suffix := range []string{".gz", ".zst", ".tar", ".oci"} {
		base = strings.TrimSuffix(base, suffix)
	}
	if name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(base), "-"), "-"); name != "" {
		return name
	}
	return "image"
}

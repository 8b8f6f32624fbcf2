package main

import (
	"encoding/csv"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// outputTypes are buildx's exporters that slim has.
var outputTypes = []string{"oci", "docker", "tar", "local", "image", "registry"}

// parseOutput reads one --output as buildx spells it: type=TYPE,dest=PATH,KEY=VALUE, a directory, or "-" for a tar on stdout.
func parseOutput(spec string) (builder.Output, error) {
	out := builder.Output{Attrs: map[string]string{}}
	if spec == "-" {
		return builder.Output{Type: "tar", Dest: "-"}, nil
	}
	if !strings.Contains(spec, "=") {
		return builder.Output{Type: "local", Dest: spec}, nil
	}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return out, usagef("example: --output type=oci,dest=slim.tar", "--output %q: %v", spec, err)
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case !ok:
			return out, usagef("example: --output type=oci,dest=slim.tar", "--output %q: %q is not key=value", spec, field)
		case key == "type":
			out.Type = value
		case key == "dest":
			out.Dest = value
		default:
			out.Attrs[key] = value
		}
	}
	if !slices.Contains(outputTypes, out.Type) {
		return out, usagef("types: "+strings.Join(outputTypes, ", "), "--output %q: unknown type %q", spec, out.Type)
	}
	if out.Type == "registry" {
		out.Type, out.Attrs["push"] = "image", "true"
	}
	return out, nil
}

// exportOptions reads where the result goes. The names and the default place are filled in when the input is known.
func (p *program) exportOptions(c *cli.Context) (builder.Export, error) {
	export := builder.Export{Names: c.StringSlice("tag"), Load: c.Bool("load"), Push: c.Bool("push"), Compression: c.String("compression"), NoAttest: c.Bool("no-attest")}
	if err := oneOf("compression", export.Compression, "", "gzip", "zstd", "uncompressed"); err != nil {
		return export, err
	}
	for _, spec := range c.StringSlice("output") {
		out, err := parseOutput(spec)
		if err != nil {
			return export, err
		}
		if out.Type == "docker" && out.Dest == "" {
			export.Load = true // as buildx has it
			continue
		}
		if out.Dest == "-" {
			if err := p.stdoutIsFree(c, export.Outputs); err != nil {
				return export, err
			}
			out.Stdout = nopCloser{p.stdout}
		}
		export.Outputs = append(export.Outputs, out)
	}
	return export, nil
}

// stdoutIsFree refuses an image on stdout beside another result, or on a terminal.
func (p *program) stdoutIsFree(c *cli.Context, outputs []builder.Output) error {
	for _, out := range outputs {
		if out.Dest == "-" {
			return usagef("give one of them a file: dest=FILE", "two outputs go to stdout")
		}
	}
	if c.String("format") == "json" {
		return usagef("write the report to a file with --report FILE", "--format json and --output dest=- both go to stdout")
	}
	if isTerminal(p.stdout) {
		return usagef("pass dest=FILE, or pipe stdout somewhere", "an image is not written to a terminal")
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
	base := path.Base(strings.TrimRight(file, "/"))
	for _, suffix := range []string{".gz", ".zst", ".tar", ".oci"} {
		base = strings.TrimSuffix(base, suffix)
	}
	if name := strings.Trim(notInName.ReplaceAllString(strings.ToLower(base), "-"), "-"); name != "" {
		return name
	}
	return "image"
}

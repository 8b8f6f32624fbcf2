package builder

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
)

// Options of a Dockerfile frontend, as BuildKit names them (frontend/dockerui/config.go, frontend/gateway/gateway.go).
const (
	optSource  = "source"
	optNetwork = "force-network-mode" // of RUN steps that name none
	optSyntax  = "build-arg:BUILDKIT_SYNTAX"
	optCmdline = "cmdline" // set if BuildKit already followed the first line of the Dockerfile
	optTarget  = "target"
	optRequest = "requestid"
	optSBOM    = "attest:sbom"
	optEpoch   = "build-arg:SOURCE_DATE_EPOCH"
	optInner   = "slim.inner" // set for a frontend that slim calls: if that is slim too, it only forwards the call
	buildArg   = "build-arg:"
)

// Build arguments without a flag: one builds the original image, one attaches attestations for every exporter.
const (
	argOff    = envPrefix + "OFF"
	argAttest = envPrefix + "ATTEST"
)

// dockerfile is a Dockerfile as the frontend of a build sees it.
type dockerfile struct {
	client  gateway.Client
	context *dockerui.Client
	source  *dockerui.Source
	opts    map[string]string
	stages  []string // names of the stages, in lower case
	args    []string // names that ARG declares
}

// openDockerfile reads the Dockerfile of a call.
func openDockerfile(ctx context.Context, c gateway.Client) (*dockerfile, error) {
	d := &dockerfile{client: c, opts: maps.Clone(c.BuildOpts().Opts)}
	var err error
	if d.context, err = dockerui.NewClient(c); err != nil {
		return nil, err
	}
	if d.source, err = d.context.ReadEntrypoint(ctx, "Dockerfile"); err != nil {
		return nil, err
	}
	return d, d.scan(d.source.Data)
}

// scan records the names of stages and arguments. It only splits lines into words, so that a newer syntax does not make it fail.
func (d *dockerfile) scan(data []byte) error {
	parsed, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("%s: %w", d.source.Filename, err)
	}
	for _, line := range parsed.AST.Children {
		var words []string
		for node := line.Next; node != nil; node = node.Next {
			words = append(words, node.Value)
		}
		switch {
		case strings.EqualFold(line.Value, "FROM") && len(words) == 3 && strings.EqualFold(words[1], "AS"):
			d.stages = append(d.stages, strings.ToLower(words[2]))
		case strings.EqualFold(line.Value, "ARG"):
			for _, word := range words {
				name, _, _ := strings.Cut(word, "=")
				d.args = append(d.args, name)
			}
		}
	}
	return nil
}

// passed reports whether slim only forwards the call: another slim made it, or it does not build an image.
func (d *dockerfile) passed() bool { return d.opts[optInner] != "" || d.opts[optRequest] != "" }

// want returns the kind of result that the call requests. A target selects it unless the Dockerfile has a stage of that name.
func (d *dockerfile) want() string {
	off, _ := strconv.ParseBool(d.opts[buildArg+argOff])
	target := d.special()
	switch {
	case d.passed(), off, target == wantFull:
		return wantFull
	case target == wantArtifacts:
		return wantArtifacts
	}
	return wantSlim
}

// special returns the target if it is one of slim's own, and "" if it is a stage.
func (d *dockerfile) special() string {
	target := strings.ToLower(d.opts[optTarget])
	if !slices.Contains([]string{wantSlim, wantFull, wantArtifacts}, target) || slices.Contains(d.stages, target) {
		return ""
	}
	return target
}

// inner returns the options for BuildKit's own Dockerfile frontend: those of the call without slim's. BuildKit follows a first line that
// names another frontend, as it would without slim, but ignores one that names this frontend.
func (d *dockerfile) inner() map[string]string {
	inner := maps.Clone(d.opts)
	for key := range inner {
		name, ok := strings.CutPrefix(key, buildArg)
		if ok && strings.HasPrefix(name, envPrefix) && !slices.Contains(d.args, name) || strings.HasPrefix(key, "attest:") {
			delete(inner, key)
		}
	}
	if d.special() != "" {
		delete(inner, optTarget)
	}
	delete(inner, optSource)
	delete(inner, optSyntax)
	ref, _, _, ok := parser.DetectSyntax(d.source.Data)
	if ok && ref != d.opts[optSource] && d.opts[optInner] == "" {
		inner[optInner] = "1"
		delete(inner, optCmdline)
	} else {
		inner[optCmdline] = d.opts[optSource]
	}
	return inner
}

// settings reads the options of slim: the project's file, then the build arguments, which win. attest reports whether the
// call requests attestations.
func (d *dockerfile) settings(ctx context.Context, opt *Options) (attest bool, err error) {
	given, err := d.project(ctx)
	if err != nil {
		return false, err
	}
	for _, option := range OptionsFor(BuildArgument) {
		name := EnvVar(option.Name)
		value, ok := d.opts[buildArg+name]
		if !ok {
			continue
		}
		values := []string{value}
		if option.Repeatable() {
			values = lines(value)
		}
		given = slices.DeleteFunc(given, func(g Given) bool { return g.Option.Name == option.Name })
		given = append(given, Given{Option: option, Values: values, From: name})
	}
	for _, g := range given {
		if g.Option.NamesFiles() {
			if err := d.load(ctx, &g); err != nil {
				return false, err
			}
		}
		if err := g.Apply(opt); err != nil {
			return false, err
		}
	}
	if opt.Epoch, err = ParseEpoch(d.opts[optEpoch]); err != nil {
		return false, err
	}
	return d.switches()
}

// switches reads the build arguments without a flag, and refuses unknown ones.
func (d *dockerfile) switches() (attest bool, err error) {
	options := OptionsFor(BuildArgument)
	for key, value := range d.opts {
		name, ok := strings.CutPrefix(key, buildArg)
		if !ok || !strings.HasPrefix(name, envPrefix) {
			continue
		}
		known := slices.ContainsFunc(options, func(o Option) bool { return EnvVar(o.Name) == name })
		switch {
		case name == argOff, name == argAttest:
			if _, err := strconv.ParseBool(value); err != nil {
				return false, fmt.Errorf("%s: %q is neither true nor false", name, value)
			}
		case !known && !slices.Contains(d.args, name) && notSetBy(name) != nil:
			return false, fmt.Errorf("%s: %w", name, notSetBy(name))
		case !known && !slices.Contains(d.args, name):
			return false, fmt.Errorf("unknown build argument %s; slim has %s, %s and %s", name, optionNames(options, EnvVar), argAttest, argOff)
		}
	}
	attest, _ = strconv.ParseBool(d.opts[buildArg+argAttest])
	sbom, asked := d.opts[optSBOM]
	return attest || asked && !strings.Contains(sbom, "disabled=true"), nil
}

// project reads the project's file from the context, if the context has one.
func (d *dockerfile) project(ctx context.Context) ([]Given, error) {
	ref, err := d.open(ctx, ProjectFile)
	if err != nil {
		return nil, err
	}
	found, err := ref.ReadDir(ctx, gateway.ReadDirRequest{Path: "/", IncludePattern: ProjectFile})
	if err != nil || len(found) == 0 {
		return nil, nil // an empty context has no directory
	}
	data, err := readUpTo(ctx, ref, ProjectFile, maxUserFile)
	if err != nil {
		return nil, err
	}
	return ReadProject(data)
}

// load replaces the name of a file by its content.
func (d *dockerfile) load(ctx context.Context, g *Given) error {
	for i, name := range g.Values {
		name = strings.TrimPrefix(path.Clean("/"+name), "/")
		ref, err := d.open(ctx, name)
		if err != nil {
			return err
		}
		data, err := readUpTo(ctx, ref, name, maxUserFile)
		if err != nil {
			return fmt.Errorf("%s: there is no file %s in the build context: %w", g.From, name, err)
		}
		g.Values[i] = string(data)
	}
	return nil
}

// open fetches one file of the context, even if .dockerignore excludes it.
func (d *dockerfile) open(ctx context.Context, name string) (gateway.Reference, error) {
	state, err := d.context.MainContext(ctx, llb.FollowPaths([]string{name}), llb.ExcludePatterns(nil), llb.SharedKeyHint("slim-"+name),
		titled("load "+name))
	if err != nil {
		return nil, err
	}
	def, err := state.Marshal(ctx)
	if err != nil {
		return nil, fmt.Errorf("opening the build context: %w", err)
	}
	res, err := d.client.Solve(ctx, gateway.SolveRequest{Definition: def.ToPB()})
	if err != nil {
		return nil, fmt.Errorf("opening the build context: %w", err)
	}
	return res.SingleRef()
}

// lines returns the lines of a value that are not empty.
func lines(value string) []string {
	return slices.DeleteFunc(strings.Split(value, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
}

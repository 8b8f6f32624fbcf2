package builder

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	bkbuild "github.com/moby/buildkit/cmd/buildctl/build"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
	"github.com/slimimage/slim/layers/infile"
)

// The setters of options whose values are parsed or checked.

func setDockerfile(opt *Options, name string) error {
	if name == "-" {
		return errors.New("a Dockerfile is not read from standard input")
	}
	opt.Dockerfile = &Dockerfile{File: name, BuildArgs: map[string]string{}, BuildContexts: map[string]string{}}
	return nil
}

// ofDockerfile makes a setter of an option that only means something with --file.
func ofDockerfile(set func(df *Dockerfile, value string) error) func(*Options, string) error {
	return func(opt *Options, value string) error {
		if opt.Dockerfile == nil {
			return errors.New("needs --file DOCKERFILE")
		}
		return set(opt.Dockerfile, value)
	}
}

// setBuildNetwork sets the network of the steps that build or update the input.
func setBuildNetwork(opt *Options, value string) error {
	if opt.Dockerfile == nil && opt.Update.Mode == "" {
		return errors.New("needs --file DOCKERFILE or --update")
	}
	opt.Update.Network = value
	if opt.Dockerfile != nil {
		opt.Dockerfile.Network = value
	}
	return nil
}

func addBuildArg(df *Dockerfile, value string) error {
	name, value, ok := strings.Cut(value, "=")
	if !ok || name == "" {
		return errors.New("not KEY=VALUE")
	}
	df.BuildArgs[name] = value
	return nil
}

func addBuildContext(df *Dockerfile, spec string) error {
	name, value, ok := strings.Cut(spec, "=")
	if !ok || name == "" || value == "" {
		return fmt.Errorf("%q is not NAME=VALUE", spec)
	}
	df.BuildContexts[name] = value
	return nil
}

// addEnv does not repeat the value in an error: it may be secret.
func addEnv(opt *Options, entry string) error {
	if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.ContainsRune(entry, 0) {
		return fmt.Errorf("%q is not KEY=VALUE", name)
	}
	opt.Observe.Env = append(opt.Observe.Env, entry)
	return nil
}

func setProbe(opt *Options, data string) (err error) {
	opt.Observe.Steps, err = probe.ParseSteps([]byte(data))
	return err
}

func probeDigest(opt *Options) any {
	if len(opt.Observe.Steps) == 0 {
		return ""
	}
	return digestOf(opt.Observe.Steps)
}

// setTimeout reads a time as whole seconds: "90", "90s", "5m".
func setTimeout(opt *Options, value string) error {
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		opt.Observe.Timeout = n
		return nil
	}
	if d, err := time.ParseDuration(value); err == nil && d >= time.Second {
		opt.Observe.Timeout = int(d / time.Second)
		return nil
	}
	return fmt.Errorf("%q is not a time of at least one second", value)
}

// setMaxTasks leaves the default out of the jobs, so that runs with and without the option are the same to BuildKit's cache.
func setMaxTasks(opt *Options, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a number of processes", value)
	}
	if opt.Observe.MaxTasks = n; n == analyzer.DefaultMaxTasks {
		opt.Observe.MaxTasks = 0
	}
	return nil
}

// setMaxMemory reads a size as docker run --memory does: bytes, or with a suffix k, m, g, t in powers of 1024.
func setMaxMemory(opt *Options, value string) error {
	digits, unit := strings.TrimRight(value, "bkmgtBKMGT"), int64(1)
	switch strings.ToLower(strings.TrimPrefix(value, digits)) {
	case "", "b":
	case "k":
		unit = 1 << 10
	case "m":
		unit = 1 << 20
	case "g":
		unit = 1 << 30
	case "t":
		unit = 1 << 40
	default:
		return fmt.Errorf("%q is not a size", value)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/unit || n*unit < 1<<20 {
		return fmt.Errorf("%q is not a size of at least one MiB", value)
	}
	opt.Observe.MaxMemory = n * unit
	return nil
}

func addEvidence(opt *Options, data string) error {
	evidence, err := analyzer.ReadEvidence(strings.NewReader(data))
	if err != nil {
		return err
	}
	opt.Evidence = append(opt.Evidence, evidence)
	return nil
}

// setUser takes "root", UID and UID:GID.
func setUser(opt *Options, user string) error {
	opt.Analyze.User = user
	if user == "" || user == "root" {
		return nil
	}
	uid, gid, both := strings.Cut(user, ":")
	_, err := strconv.ParseUint(uid, 10, 32)
	if both && err == nil {
		_, err = strconv.ParseUint(gid, 10, 32)
	}
	if err != nil {
		return fmt.Errorf("%q is not a number", user)
	}
	return nil
}

// outputTypes are buildx's exporters that slim has.
var outputTypes = []string{"oci", "docker", "tar", "local", "image", "registry"}

// addOutput adds one --output. Like buildx, it loads type=docker without dest into the Docker engine.
func addOutput(opt *Options, spec string) error {
	out, err := ParseOutput(spec)
	if err != nil {
		return err
	}
	if out.Type == "docker" && out.Dest == "" {
		opt.Export.Load = true
	} else {
		opt.Export.Outputs = append(opt.Export.Outputs, out)
	}
	return nil
}

// ParseOutput reads one --output in buildx's syntax: type=TYPE,dest=PATH,KEY=VALUE, a directory, or "-" for a tar on stdout.
func ParseOutput(spec string) (Output, error) {
	out := Output{Attrs: map[string]string{}}
	if spec == "-" {
		return Output{Type: "tar", Dest: "-"}, nil
	}
	if !strings.Contains(spec, "=") {
		return Output{Type: "local", Dest: spec}, nil
	}
	fields, err := csv.NewReader(strings.NewReader(spec)).Read()
	if err != nil {
		return out, fmt.Errorf("%q: %w", spec, err)
	}
	for _, field := range fields {
		key, value, ok := strings.Cut(field, "=")
		switch key = strings.ToLower(strings.TrimSpace(key)); {
		case !ok:
			return out, fmt.Errorf("%q: %q is not key=value", spec, field)
		case key == "type":
			out.Type = value
		case key == "dest":
			out.Dest = value
		default:
			out.Attrs[key] = value
		}
	}
	if !slices.Contains(outputTypes, out.Type) {
		return out, fmt.Errorf("%q: unknown type %q; types: %s", spec, out.Type, strings.Join(outputTypes, ", "))
	}
	if out.Type == "registry" {
		out.Type, out.Attrs["push"] = "image", "true"
	}
	return out, nil
}

func addCacheFrom(opt *Options, spec string) error {
	entries, err := bkbuild.ParseImportCache([]string{registryCache(spec)})
	opt.CacheFrom = append(opt.CacheFrom, entries...)
	return err
}

func addCacheTo(opt *Options, spec string) error {
	entries, err := bkbuild.ParseExportCache([]string{registryCache(spec)})
	for _, entry := range entries {
		if dir := entry.Attrs["dest"]; dir != "" {
			err = errors.Join(err, infile.Stays(dir))
		}
	}
	opt.CacheTo = append(opt.CacheTo, entries...)
	return err
}

// registryCache spells out a bare reference, as buildx does.
func registryCache(spec string) string {
	if strings.Contains(spec, "=") {
		return spec
	}
	return "type=registry,ref=" + spec
}

// ParseEpoch reads SOURCE_DATE_EPOCH (reproducible-builds.org): seconds since 1970. It is nil for "".
func ParseEpoch(value string) (*int64, error) {
	if value == "" {
		return nil, nil
	}
	epoch, err := strconv.ParseInt(value, 10, 64)
	if err != nil || epoch < 0 {
		return nil, fmt.Errorf("SOURCE_DATE_EPOCH=%q is not a number of seconds since 1970", value)
	}
	return &epoch, nil
}

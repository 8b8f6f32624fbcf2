package lint

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// label is a label of the image, or an annotation of its manifest.
func (f *facts) label(key string) string { return cmp.Or(f.config.Labels[key], f.in.Annotations[key]) }

// Keys of the OCI image-spec's annotations.md, and those the guide asks for.
const (
	labelBaseName   = "org.opencontainers.image.base.name"
	labelBaseDigest = "org.opencontainers.image.base.digest"
	labelResource   = "org.opencontainers.image.resource."
)

func checkBaseName(f *facts) ([]Finding, string) {
	if f.label(labelBaseName) == "" {
		return configFinding("Labels", "%s is not set", labelBaseName), ""
	}
	return nil, ""
}

var digestForm = regexp.MustCompile(`^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`)

func checkBaseDigest(f *facts) ([]Finding, string) {
	switch digest := f.label(labelBaseDigest); {
	case digest == "":
		return configFinding("Labels", "%s is not set", labelBaseDigest), ""
	case !digestForm.MatchString(digest):
		return configFinding("Labels", "%s is not a digest: %q", labelBaseDigest, shorten(digest)), ""
	}
	return nil, ""
}

func checkLatest(f *facts) ([]Finding, string) {
	name := f.in.Reference
	if name == "" {
		return nil, "the image has no name"
	}
	if strings.Contains(name, "@") {
		return nil, ""
	}
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		tag = name[i+1:]
	}
	if tag == "" || tag == "latest" {
		return []Finding{{Key: "reference", Message: fmt.Sprintf("%q is another image tomorrow", shorten(name))}}, ""
	}
	return nil, ""
}

func checkLabels(f *facts) ([]Finding, string) {
	var found []Finding
	for _, key := range []string{"org.opencontainers.image.title", "org.opencontainers.image.description", labelResource + "cpu",
		labelResource + "memory", labelResource + "ephemeral-storage"} {
		if f.label(key) == "" {
			found = append(found, configFinding("Labels", "%s is not set", key)...)
		}
	}
	return found, ""
}

// healthNone is how a health check of the base image is switched off.
const healthNone = "NONE"

func checkHealth(f *facts) ([]Finding, string) {
	health := f.config.Healthcheck
	if health == nil || len(health.Test) == 0 || health.Test[0] == healthNone {
		return configFinding("Healthcheck", "it is missing"), ""
	}
	if len(f.steps) > 0 && !slices.ContainsFunc(f.steps, func(s step) bool { return s.verb == "HEALTHCHECK" }) {
		return configFinding("Healthcheck", "no step of the history says so: Trivy does not see it"), ""
	}
	return nil, ""
}

func checkHealthForm(f *facts) ([]Finding, string) {
	health := f.config.Healthcheck
	if health == nil || len(health.Test) == 0 || health.Test[0] == healthNone {
		return nil, "the image has no health check"
	}
	argv := analyzer.HealthArgv(health.Test, f.config.Shell)
	if len(argv) == 0 {
		return nil, ""
	}
	runs := f.program(argv[0])
	if health.Test[0] == "CMD-SHELL" {
		out := configFinding("Healthcheck", "it is in shell form")
		if !runs {
			out[0].Level, out[0].Message = Error, fmt.Sprintf("it is in shell form, and the image has no %q", shorten(argv[0]))
		}
		return out, ""
	}
	if !runs {
		out := configFinding("Healthcheck", "its program %q is not in the image", shorten(argv[0]))
		out[0].Level = Error
		return out, ""
	}
	return nil, ""
}

// program reports whether a command's first word is a file of the image, as execvp finds it.
func (f *facts) program(word string) bool {
	candidates := []string{word}
	if !strings.Contains(word, "/") {
		list := analyzer.DefaultPath
		for _, entry := range f.config.Env {
			if value, ok := strings.CutPrefix(entry, "PATH="); ok {
				list = value
			}
		}
		candidates = nil
		for _, dir := range strings.Split(list, ":") {
			candidates = append(candidates, path.Join("/", dir, word))
		}
	} else if !strings.HasPrefix(word, "/") {
		candidates[0] = path.Join("/", f.config.WorkingDir, word)
	}
	for _, name := range candidates {
		if physical, ok := f.resolve(name); ok && f.find(physical) != nil && f.find(physical).regular() {
			return true
		}
	}
	return false
}

func checkStart(f *facts) ([]Finding, string) {
	var found []Finding
	command := slices.Concat(f.config.Entrypoint, f.config.Cmd)
	if len(command) > 2 && shells[path.Base(command[0])] && strings.HasPrefix(command[1], "-") && strings.HasSuffix(command[1], "c") {
		key := "Entrypoint"
		if len(f.config.Entrypoint) == 0 {
			key = "Cmd"
		}
		found = configFinding(key, "it is in shell form")
	}
	return found, ""
}

func checkWorkdir(f *facts) ([]Finding, string) {
	if dir := f.config.WorkingDir; dir != "" && !strings.HasPrefix(dir, "/") {
		return configFinding("WorkingDir", "%q is relative", shorten(dir)), ""
	}
	return nil, ""
}

func checkVolumes(f *facts) ([]Finding, string) {
	var found []Finding
	for _, volume := range sortedKeys(f.config.Volumes) {
		if top, _, _ := strings.Cut(string(layers.CleanPath(volume)), "/"); top == "dev" || top == "proc" || top == "sys" {
			found = append(found, configFinding("Volumes", "%q is the kernel's", shorten(volume))...)
		}
	}
	return found, ""
}

func checkSSHPort(f *facts) ([]Finding, string) {
	var found []Finding
	for _, port := range sortedKeys(f.config.ExposedPorts) {
		if number, _, _ := strings.Cut(port, "/"); number == "22" {
			found = append(found, configFinding("ExposedPorts", "%q is SSH's", shorten(port))...)
		}
	}
	return found, ""
}

func checkPorts(f *facts) ([]Finding, string) {
	var found []Finding
	for _, port := range sortedKeys(f.config.ExposedPorts) {
		word, _, _ := strings.Cut(port, "/")
		for _, end := range strings.SplitN(word, "-", 2) {
			if n, err := strconv.Atoi(end); err != nil || n < 1 || n > 65535 {
				found = append(found, configFinding("ExposedPorts", "%q is not a port", shorten(port))...)
				break
			}
		}
	}
	return found, ""
}

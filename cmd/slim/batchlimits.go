package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/infile"
)

// batchLimits is what a file of images in a repository may set. Whoever can change the repository can change the file, and is not the
// operator: the file takes nothing of the operator's that --allow does not name, and names only files below the working directory.
type batchLimits struct {
	allowed  []string // values of --allow
	operator []string // flags that only the operator sets
}

// newBatchLimits are the limits of a file; nil if the file is in no repository.
func newBatchLimits(file string, allowed []string) (*batchLimits, error) {
	limits := &batchLimits{allowed: allowed, operator: []string{"sign"}} // it uses a private key
	for _, option := range builder.Table() {
		if slices.Contains(option.Commands, "build") && option.OfOperator() {
			limits.operator = append(limits.operator, option.Name)
		}
	}
	known := slices.Concat(limits.operator, batchFiles, batchPairs)
	for _, name := range allowed {
		if !slices.Contains(known, name) {
			slices.Sort(known)
			return nil, usagef("--allow takes "+strings.Join(slices.Compact(known), ", "), "--allow %q is not the name of such a flag", name)
		}
	}
	if tree, _ := infile.Tree(file); tree == "" {
		return nil, nil
	}
	return limits, nil
}

var (
	// batchPairs take a value from the environment of the operator if they have none.
	batchPairs = []string{"env", "build-arg"}
	// batchFiles name files or directories.
	batchFiles = []string{"dockerfile", "file", "context", "image", "output", "report", "artifacts", "summary", "compare", "probe", "evidence",
		"lock", "locked", "config", "vuln-db"}
)

// check returns an error for values that the file may not set.
func (l *batchLimits) check(key string, values []string) error {
	if l == nil || slices.Contains(l.allowed, key) {
		return nil
	}
	off := slices.Equal(values, []string{"false"}) || slices.Equal(values, []string{"none"}) // of a switch, of a network
	if slices.Contains(l.operator, key) && !off {
		return fmt.Errorf("%s is the operator's to set, and this file is in a repository: pass --allow %s", key, key)
	}
	for _, value := range values {
		if slices.Contains(batchPairs, key) && !strings.Contains(value, "=") {
			return fmt.Errorf("%s: %q would take a value from the environment, and this file is in a repository: pass --allow %s", key, value, key)
		}
		for _, name := range namedFiles(key, value) {
			if !filepath.IsLocal(name) || infile.Stays(name) != nil {
				return fmt.Errorf("%s: %q is outside of the working directory, and this file is in a repository: pass --allow %s", key, name, key)
			}
		}
	}
	return nil
}

// namedFiles are the files or directories that a value may name.
func namedFiles(key, value string) (names []string) {
	switch {
	case !slices.Contains(batchFiles, key), (key == "lock" || key == "locked") && (value == "true" || value == "false"):
	case key == "image":
		scheme, rest, _ := strings.Cut(value, ":")
		if !slices.Contains([]string{layers.KindOCI, layers.KindOCIArchive, layers.KindDockerArchive}, scheme) {
			return nil
		}
		for i := range rest { // a reference may follow the name, which may have colons itself
			if rest[i] == ':' {
				names = append(names, rest[:i])
			}
		}
		return append(names, rest)
	case key == "output":
		if out, err := builder.ParseOutput(value); err == nil && out.Dest != "-" && out.Dest != "" {
			return []string{out.Dest}
		}
	default:
		return []string{value}
	}
	return nil
}

package keep

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// translate turns the evidence of one platform's image into what it says of another's: where a path names the architecture, the
// other's name is taken if the image has it. What the image does not have is left out, and a warning says how much that is. has tells
// what the image has.
func translate(e *analyzer.Evidence, image, platform string, has func(name string) bool) *analyzer.Evidence {
	from, to := analyzer.Arch(e.Platform), analyzer.Arch(platform)
	gone := 0
	name := func(p layers.Path) layers.Path {
		for _, candidate := range rules.Translate(string(p), from, to) {
			if has(candidate) {
				return layers.Path(candidate)
			}
		}
		return p
	}
	names := func(list []layers.Path) []layers.Path {
		list = slices.Clone(list)
		for i, p := range list {
			list[i] = name(p)
		}
		slices.Sort(list)
		return list
	}
	other := *e
	other.Image, other.Platform = image, platform
	other.Paths = nil
	for _, use := range e.Paths {
		use.Path, use.By = name(use.Path), names(use.By)
		if !has(string(use.Path)) && !slices.Contains(use.Ops, analyzer.OpCreate) {
			gone++
			continue
		}
		other.Paths = append(other.Paths, use)
	}
	other.Missing = slices.Clone(e.Missing)
	for i := range other.Missing {
		other.Missing[i].By = names(other.Missing[i].By)
	}
	other.Processes = slices.Clone(e.Processes)
	for i := range other.Processes {
		other.Processes[i].Exe, other.Processes[i].By = name(other.Processes[i].Exe), name(other.Processes[i].By)
	}
	other.Powers = slices.Clone(e.Powers)
	for i := range other.Powers {
		other.Powers[i].Exe = name(other.Powers[i].Exe)
	}
	other.Privileged = names(e.Privileged)
	other.Warnings = append(slices.Clone(e.Warnings), fmt.Sprintf(
		"%s was not run: what is kept follows from the evidence of %s and from its own files; "+
			"it lacks %d of the %d paths that were used there", platform, e.Platform, gone, len(e.Paths)))
	other.Normalize()
	return &other
}

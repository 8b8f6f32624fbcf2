package compare

import (
	"maps"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// Repairable lists the paths that no earlier round has added and that may mend the image: a verdict's missing look-ups and, where answers
// differ, what the slim image looked for in vain and the plan had dropped (as another user a program may take another way).
func Repairable(v *analyzer.Verdict, plan *analyzer.Plan, slim *analyzer.Evidence, earlier [][]layers.Path) []layers.Path {
	found := map[layers.Path]bool{}
	for _, missing := range v.Missing {
		found[missing.Path] = true
	}
	if !v.OK && slim != nil {
		for _, missing := range slim.Missing {
			if plan.Drops(missing.Path) {
				found[missing.Path] = true
			}
		}
	}
	for _, round := range earlier {
		for _, known := range round {
			delete(found, known)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Unwritable lists the directories in which a run could not make or change files, for which there is an errno that says so: on a read-only
// file system, or without the right to. Only directories of the plan count.
func Unwritable(plan *analyzer.Plan, slim *analyzer.Evidence) []layers.Path {
	dirs := map[layers.Path]bool{}
	for _, file := range plan.Files {
		if file.Kind == "dir" {
			dirs[file.Path] = true
		}
	}
	found := map[layers.Path]bool{}
	for _, missing := range slim.Missing {
		changed := slices.Contains(missing.Ops, analyzer.OpCreate) || slices.Contains(missing.Ops, analyzer.OpWrite)
		refused := changed && (missing.Errno == "EACCES" || missing.Errno == "EPERM")
		if missing.Errno != "EROFS" && !refused {
			continue
		}
		dir := missing.Path
		for dir != "." && !dirs[dir] {
			dir = parentOf(dir)
		}
		if rules.Givable(string(dir)) {
			found[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

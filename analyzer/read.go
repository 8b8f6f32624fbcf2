package analyzer

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// ReadPlan decodes a plan that the agent wrote. It refuses another schema, a file without a reason and a layer that the plan
// does not list.
func ReadPlan(data []byte) (*Plan, error) {
	var plan Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	if plan.Schema != PlanSchema {
		return nil, fmt.Errorf("reading the plan: schema %q is not %q", plan.Schema, PlanSchema)
	}
	for _, file := range plan.Files {
		if len(file.Reasons) == 0 {
			return nil, fmt.Errorf("reading the plan: %s has no reason", file.Path)
		}
		if file.Layer < 0 || file.Layer >= len(plan.Layers) {
			return nil, fmt.Errorf("reading the plan: %s is in layer %d of %d", file.Path, file.Layer, len(plan.Layers))
		}
	}
	return &plan, nil
}

// Repairable lists the paths that no earlier round has added and that may mend the image: a verdict's missing look-ups and, where answers
// differ, what the slim image looked for in vain and the plan had dropped (as another user a program may take another way).
func Repairable(v *Verdict, plan *Plan, slim *Evidence, earlier [][]layers.Path) []layers.Path {
	found := map[layers.Path]bool{}
	for _, missing := range v.Missing {
		found[missing.Path] = true
	}
	if !v.OK && slim != nil {
		for _, missing := range slim.Missing {
			if plan.dropped(missing.Path) {
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
func Unwritable(plan *Plan, slim *Evidence) []layers.Path {
	dirs := map[layers.Path]bool{}
	for _, file := range plan.Files {
		if file.Kind == "dir" {
			dirs[file.Path] = true
		}
	}
	found := map[layers.Path]bool{}
	for _, missing := range slim.Missing {
		if missing.Errno != "EROFS" && (missing.Errno != "EACCES" && missing.Errno != "EPERM" || !slices.Contains(missing.Ops, OpCreate) && !slices.Contains(missing.Ops, OpWrite)) {
			continue
		}
		dir := missing.Path
		for dir != "." && !dirs[dir] {
			dir = parentOf(dir)
		}
		if givable(string(dir)) {
			found[dir] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// dropped says whether the image has a path that the plan does not keep.
func (p *Plan) dropped(name layers.Path) bool {
	_, ok := slices.BinarySearchFunc(p.Dropped, name, func(d Dropped, p layers.Path) int { return strings.Compare(string(d.Path), string(p)) })
	return ok
}

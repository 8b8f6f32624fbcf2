package analyzer

import (
	"encoding/json"
	"fmt"
	"slices"

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

// Repairable lists the paths of a verdict's missing look-ups that no earlier round has added: adding them may mend the image.
func Repairable(v *Verdict, earlier [][]layers.Path) []layers.Path {
	var paths []layers.Path
	for _, missing := range v.Missing {
		known := slices.ContainsFunc(earlier, func(round []layers.Path) bool { return slices.Contains(round, missing.Path) })
		if !known && !slices.Contains(paths, missing.Path) {
			paths = append(paths, missing.Path)
		}
	}
	slices.Sort(paths)
	return paths
}

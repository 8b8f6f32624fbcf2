package analyzer

import (
	"encoding/json"
	"fmt"
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

// Drops reports whether the image has a path that the plan does not keep.
func (p *Plan) Drops(name layers.Path) bool {
	_, ok := slices.BinarySearchFunc(p.Dropped, name, droppedByPath)
	return ok
}

// Keeps says whether the plan keeps a path.
func (p *Plan) Keeps(name layers.Path) bool {
	_, ok := slices.BinarySearchFunc(p.Files, name, func(f File, name layers.Path) int {
		return strings.Compare(string(f.Path), string(name))
	})
	return ok
}

// droppedByPath is the order of Plan.Dropped.
func droppedByPath(d Dropped, p layers.Path) int { return strings.Compare(string(d.Path), string(p)) }

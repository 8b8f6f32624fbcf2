package analyzer

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Explanation says why a path is in the slim image, or why not and what would keep it.
type Explanation struct {
	Path    layers.Path `json:"path"`
	Kept    bool        `json:"kept"`
	Package string      `json:"package,omitempty"`
	Reasons []string    `json:"reasons,omitempty"` // clauses, of a kept path
	Why     string      `json:"why,omitempty"`     // of a dropped path
	Hints   []string    `json:"hints,omitempty"`   // options that would keep it
}

// Explain looks a path up in a plan. The error says that the image has no such path, with the nearest that it has.
func Explain(plan *Plan, name string) (Explanation, error) {
	p := layers.CleanPath(name)
	byPath := func(f File, p layers.Path) int { return strings.Compare(string(f.Path), string(p)) }
	if i, ok := slices.BinarySearchFunc(plan.Files, p, byPath); ok {
		f := plan.Files[i]
		e := Explanation{Path: p, Kept: true, Package: f.Package}
		for _, reason := range f.Reasons {
			e.Reasons = append(e.Reasons, reason.String())
		}
		return e, nil
	}
	i, ok := slices.BinarySearchFunc(plan.Dropped, p, droppedByPath)
	if !ok {
		return Explanation{}, fmt.Errorf("%s is not in the image%s", p, nearest(plan, p))
	}
	return explainDropped(plan, plan.Dropped[i]), nil
}

func explainDropped(plan *Plan, d Dropped) Explanation {
	e := Explanation{Path: d.Path, Package: d.Package, Why: d.Why()}
	if d.Rule == DropExcluded {
		return e
	}
	e.Hints = append(e.Hints, "--include "+d.Path.String())
	if d.Package != "" {
		e.Hints = append(e.Hints, "--include-package "+d.Package)
		kept := slices.ContainsFunc(plan.Packages, func(p Package) bool { return p.Name == d.Package })
		if kept && d.Rule == "" && plan.Options.Keep != KeepPackage {
			e.Hints = append(e.Hints, "--keep package")
		}
	}
	return e
}

// Why is the reason for which a path is not kept, as a clause.
func (d *Dropped) Why() string {
	switch d.Rule {
	case "":
		return "nothing that ran or is kept needs it"
	case DropExcluded:
		return "--exclude drops it"
	case DropSensitive:
		return "it is a file of credentials or a device, and no run used it and nothing that is kept names it"
	}
	return "the rule " + d.Rule + " says that it is not for run time"
}

// nearest suggests paths with the same name elsewhere.
func nearest(plan *Plan, p layers.Path) string {
	base := string(p[strings.LastIndexByte(string(p), '/')+1:])
	var found []string
	for _, f := range plan.Files {
		if strings.HasSuffix(string(f.Path), "/"+base) {
			found = append(found, f.Path.String())
		}
	}
	for _, d := range plan.Dropped {
		if strings.HasSuffix(string(d.Path), "/"+base) {
			found = append(found, d.Path.String())
		}
	}
	if len(found) == 0 {
		return ""
	}
	sort.Strings(found)
	return "; did you mean " + strings.Join(found[:min(3, len(found))], ", ") + "?"
}

package analyzer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Need is why the files of a package are kept.
type Need struct {
	Files   int      `json:"files"`           // kept
	Bytes   int64    `json:"bytes"`           // of them
	Reasons []Size   `json:"reasons"`         // the strongest reason of each file, the most frequent first
	Users   []string `json:"users,omitempty"` // packages whose files need one of them, sorted
}

// NeedOf is why some paths are kept; those that are not kept, and directories, do not count.
func NeedOf(plan *Plan, paths []layers.Path) Need {
	need, reasons, users, own := Need{}, map[string]*Size{}, map[string]bool{}, map[string]bool{}
	for _, p := range paths {
		own[string(p)] = true
	}
	for _, p := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		f := plan.file(p)
		if f == nil || f.Kind == "dir" || len(f.Reasons) == 0 {
			continue
		}
		need.Files++
		need.Bytes += f.bytes()
		best := strongest(f.Reasons)
		count(reasons, best.String(), f)
		for _, reason := range f.Reasons {
			if from := strings.TrimPrefix(reason.From, "/"); strings.HasPrefix(reason.From, "/") && !own[from] {
				if user := plan.file(layers.Path(from)); user != nil && user.Package != "" && user.Package != f.Package {
					users[user.Package] = true
				}
			}
		}
	}
	need.Reasons = Largest(reasons)
	slices.SortStableFunc(need.Reasons, func(a, b Size) int { return cmp.Compare(b.Files, a.Files) })
	for user := range users {
		need.Users = append(need.Users, user)
	}
	slices.Sort(need.Users)
	return need
}

// NeedOfPackage is NeedOf of the files of a distribution's package.
func NeedOfPackage(plan *Plan, name string) Need {
	var paths []layers.Path
	for i := range plan.Files {
		if plan.Files[i].Package == name {
			paths = append(paths, plan.Files[i].Path)
		}
	}
	return NeedOf(plan, paths)
}

// Short is the need as a clause: "2 files opened by /usr/bin/app, 1 file needed by /usr/bin/app"; "" for no file.
func (n *Need) Short(most int) string {
	var parts []string
	for i, size := range n.Reasons {
		if i == most {
			parts = append(parts, fmt.Sprintf("and %d more reasons", len(n.Reasons)-most))
			break
		}
		noun := "files"
		if size.Files == 1 {
			noun = "file"
		}
		parts = append(parts, fmt.Sprintf("%d %s: %s", size.Files, noun, size.Name))
	}
	return strings.Join(parts, ", ")
}

// file is a kept path; nil for others.
func (p *Plan) file(name layers.Path) *File {
	byPath := func(f File, name layers.Path) int { return strings.Compare(string(f.Path), string(name)) }
	i, ok := slices.BinarySearchFunc(p.Files, name, byPath)
	if !ok {
		return nil
	}
	return &p.Files[i]
}

package analyzer

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// Sizes says where the bytes of a slim image come from. Every list is sorted, the largest first, and each adds up to Total: a file
// kept for several reasons counts for the strongest, a hard-linked file once.
type Sizes struct {
	Total    int64  `json:"total"`    // bytes of regular files
	Floor    int64  `json:"floor"`    // bytes of the files that the observed run itself opened
	Reasons  []Size `json:"reasons"`  // files by the strongest reason for keeping them
	Packages []Size `json:"packages"` // "" is what no package owns
	Layers   []Size `json:"layers"`
}

// Size is one entry of Sizes.
type Size struct {
	Name  string `json:"name"`  // of the reason, package, layer or directory
	Files int    `json:"files"` // how many
	Bytes int64  `json:"bytes"` // their size
}

// SizesOf adds a plan's files up.
func SizesOf(plan *Plan) Sizes {
	reasons, packages, layerSizes := map[string]*Size{}, map[string]*Size{}, map[string]*Size{}
	sizes := Sizes{Floor: plan.Floor.Bytes}
	for i := range plan.Files {
		f := &plan.Files[i]
		if f.Kind == "dir" {
			continue
		}
		sizes.Total += f.bytes()
		count(reasons, strongestOf(f.Reasons), f)
		count(packages, f.Package, f)
		count(layerSizes, plan.Layers[f.Layer].Name, f)
	}
	sizes.Reasons, sizes.Packages, sizes.Layers = Largest(reasons), Largest(packages), Largest(layerSizes)
	return sizes
}

// bytes is what a file adds to the image: nothing for a further name of a file.
func (f *File) bytes() int64 {
	if f.Again {
		return 0
	}
	return f.Size
}

func count(sizes map[string]*Size, name string, f *File) {
	if sizes[name] == nil {
		sizes[name] = &Size{Name: name}
	}
	sizes[name].Files++
	sizes[name].Bytes += f.bytes()
}

// Largest lists sizes, the most bytes first.
func Largest(sizes map[string]*Size) []Size {
	list := make([]Size, 0, len(sizes))
	for _, size := range slices.SortedFunc(maps.Values(sizes), func(a, b *Size) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name))
	}) {
		list = append(list, *size)
	}
	return list
}

// strongest is the reason whose rule says most; the first of several by its text.
func strongest(reasons []Reason) Reason {
	return slices.MinFunc(reasons, func(a, b Reason) int {
		return cmp.Or(cmp.Compare(a.Rule.rank(), b.Rule.rank()), strings.Compare(a.String(), b.String()))
	})
}

// strongestOf is the reason that a file counts for: by its rule, and for a package's data the package.
func strongestOf(reasons []Reason) string {
	best := strongest(reasons)
	if strings.HasPrefix(best.From, "package ") {
		return best.String()
	}
	return string(best.Rule)
}

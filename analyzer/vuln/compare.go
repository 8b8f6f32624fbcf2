package vuln

import (
	"cmp"
)

// Comparison is what happened to the findings of an image in the image made of it.
type Comparison struct {
	Fixed     []Change  `json:"fixed"`     // the package is there in another version, without the finding
	Removed   []Finding `json:"removed"`   // the package is gone
	Remaining []Finding `json:"remaining"` // as found after
	New       []Finding `json:"new"`       // found after only
}

// Change is a finding that a change of version ended.
type Change struct {
	Finding Finding `json:"finding"` // as found before
	Now     Package `json:"now"`
}

// Compare sorts the findings of two images. after are those of the second image, packages all packages of it: a finding counts
// as removed only where none of them has the package's ecosystem and name.
func Compare(before, after []Finding, packages []Package) *Comparison {
	type name struct{ ecosystem, name, id string }
	nameOf := func(f *Finding) name { return name{base(f.Package.Ecosystem), f.Package.Name, f.ID} }
	was, is, now := map[name]bool{}, map[name]bool{}, map[name]Package{}
	for i := range before {
		was[nameOf(&before[i])] = true
	}
	for _, pkg := range packages {
		key := name{base(pkg.Ecosystem), pkg.Name, ""}
		if known, ok := now[key]; !ok || cmp.Or(cmp.Compare(pkg.Version, known.Version), cmp.Compare(pkg.Purl, known.Purl)) < 0 {
			now[key] = pkg
		}
	}
	c := &Comparison{Fixed: []Change{}, Removed: []Finding{}, Remaining: []Finding{}, New: []Finding{}}
	for i := range after {
		is[nameOf(&after[i])] = true
		if was[nameOf(&after[i])] {
			c.Remaining = append(c.Remaining, after[i])
		} else {
			c.New = append(c.New, after[i])
		}
	}
	for _, f := range before {
		key := nameOf(&f)
		if is[key] {
			continue
		}
		key.id = ""
		if pkg, ok := now[key]; ok {
			c.Fixed = append(c.Fixed, Change{f, pkg})
		} else {
			c.Removed = append(c.Removed, f)
		}
	}
	return c
}

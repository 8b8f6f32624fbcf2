package vuln

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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

// identity tells the packages of an image apart.
func (p *Package) identity() string {
	if p.Purl != "" {
		return p.Purl
	}
	return strings.Join([]string{p.Ecosystem, p.Name, p.Version}, "\x00")
}

// slot identifies a package whatever its version: two packages of a slot are a package before and after an update.
type slot struct{ ecosystem, name, arch string }

func (p *Package) slot() slot {
	s := slot{ecosystem: base(p.Ecosystem), name: p.Name}
	_, qualifiers, _ := strings.Cut(p.Purl, "?")
	for _, qualifier := range strings.Split(qualifiers, "&") {
		if arch, ok := strings.CutPrefix(qualifier, "arch="); ok {
			s.arch = arch
		}
	}
	return s
}

// changes tells what became of the packages of an image in the image made of it.
type changes struct {
	image Subject
	is    map[string]bool       // identities of the image's packages
	fresh map[slot][]Package    // those of them that the original does not have, sorted
	files map[string]bool       // paths of the image that none of its packages accounts for
	found map[[2]string]bool    // findings of the image: identity of the package, name of the vulnerability
	had   map[[2]string]bool    // those of them that the original has, be it in another version of the package
	lost  map[string]([]string) // by identity, files in the image of packages that it does not list; empty where that is not known

	doubts map[[2]string]bool // of Result
}

func newChanges(image Subject, before []Package, after *Result) *changes {
	c := &changes{image: image, doubts: after.doubts, is: map[string]bool{}, fresh: map[slot][]Package{}, files: map[string]bool{},
		found: map[[2]string]bool{}, had: map[[2]string]bool{}, lost: map[string][]string{}}
	was := map[string]bool{}
	for i := range before {
		was[before[i].identity()] = true
	}
	for _, name := range image.Files {
		c.files[name] = true
	}
	for _, pkg := range image.Packages {
		c.is[pkg.identity()] = true
		for _, name := range pkg.Files {
			delete(c.files, name)
		}
		if !was[pkg.identity()] {
			c.fresh[pkg.slot()] = append(c.fresh[pkg.slot()], pkg)
		}
	}
	for _, list := range c.fresh {
		slices.SortFunc(list, func(a, b Package) int { return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Purl, b.Purl)) })
	}
	for i := range after.Findings {
		c.found[after.Findings[i].pair()] = true
	}
	return c
}

// pair identifies a finding within an image.
func (f *Finding) pair() [2]string { return [2]string{f.Package.identity(), f.ID} }

// became sorts the findings of the original: gone are those that the image does not have, with the decision on each; left are those of
// packages that the image does not list although it has files of them or may have, and those that nothing can be said about.
func (c *changes) became(before []Finding) (gone []Decision, left []Finding) {
	for _, f := range before {
		fresh := c.fresh[f.Package.slot()]
		switch {
		case c.is[f.Package.identity()]:
			c.had[f.pair()] = true
		case len(fresh) > 0:
			if c.still(fresh, f.ID) {
				continue
			}
			if doubted := c.doubted(fresh, f.ID); doubted != nil {
				f.Package = *doubted
				left = append(left, c.leave(f))
				continue
			}
			gone = append(gone, updated(f, fresh[0]))
		default:
			files, unknown := c.kept(&f.Package)
			if len(files) == 0 && !unknown {
				gone = append(gone, removed(f))
				continue
			}
			c.lost[f.Package.identity()] = files
			f.Package.Files = files
			left = append(left, c.leave(f))
		}
	}
	return gone, left
}

// leave notes a finding that the image counts as having.
func (c *changes) leave(f Finding) Finding {
	c.found[f.pair()], c.had[f.pair()] = true, true
	return f
}

// still reports whether the other versions of a package have a finding too: it is then the same one, of the original and the image.
func (c *changes) still(fresh []Package, id string) (still bool) {
	for i := range fresh {
		if pair := [2]string{fresh[i].identity(), id}; c.found[pair] {
			c.had[pair], still = true, true
		}
	}
	return still
}

// doubted is one of the other versions of a package that could not be compared with what is known of a vulnerability; nil without one.
func (c *changes) doubted(fresh []Package, id string) *Package {
	for i := range fresh {
		if name := fresh[i].identity(); c.doubts[[2]string{name, ""}] || c.doubts[[2]string{name, id}] {
			return &fresh[i]
		}
	}
	return nil
}

// kept are the files of a package that the image has although it does not list the package. unknown says that an incomplete list of
// packages and a package without known files leave that open.
func (c *changes) kept(pkg *Package) (files []string, unknown bool) {
	for _, name := range pkg.Files {
		if c.files[name] && !documentation(name) {
			files = append(files, name)
		}
	}
	return files, len(pkg.Files) == 0 && len(c.image.Incomplete) > 0
}

// documentation reports whether a file is there for people: no program may need one of usr/share/doc (Debian Policy Manual, 12.3), and
// licences are kept for their own sake. A package of which only those are kept is not listed.
func documentation(name string) bool {
	return strings.HasPrefix(name, "usr/share/doc/") || strings.HasPrefix(name, "usr/share/licenses/")
}

// notes name the packages that the image has files of and does not list.
func (c *changes) notes(left []Finding) []string {
	var notes []string
	for i := range left {
		pkg := &left[i].Package
		if c.is[pkg.identity()] {
			continue // its version cannot be compared, which Report.Skipped says
		}
		text := "may be in the image: its list of packages is incomplete, and no file of the package is known"
		if files := c.lost[pkg.identity()]; len(files) > 0 {
			text = fmt.Sprintf("is not in the list of packages, but the image has %s of it", several(files, 3))
		}
		notes = append(notes, plain(fmt.Sprintf("%s %s %s", pkg.Name, pkg.Version, text), maxReason))
	}
	slices.Sort(notes)
	return slices.Compact(notes)
}

// comparison is the older form of the decisions.
func (r *Report) comparison() *Comparison {
	c := &Comparison{Fixed: []Change{}, Removed: []Finding{}, Remaining: []Finding{}, New: []Finding{}}
	for _, d := range r.All() {
		switch {
		case d.State == StateUpdated:
			c.Fixed = append(c.Fixed, Change{d.Finding, *d.Now})
		case d.State == StateRemoved:
			c.Removed = append(c.Removed, d.Finding)
		case d.Before:
			c.Remaining = append(c.Remaining, d.Finding)
		default:
			c.New = append(c.New, d.Finding)
		}
	}
	return c
}

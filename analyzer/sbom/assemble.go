package sbom

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// content is what the file says, under whichever of its names it was read.
func (e *entry) content() *result {
	if e.same != nil {
		e = e.same
	}
	return e.result
}

// assembly joins what was found into a Document.
type assembly struct {
	*scan
	byRef  map[string]*Package
	system map[*packages.Package]string // their Refs
	found  []*found
	keys   map[[2]string][]*found // by type and key, in the order of found
	owners map[string]string      // Ref by path of a file
	dirs   map[string]string      // Ref by directory
}

func (s *scan) assemble(d *Document) {
	a := &assembly{
		scan: s, byRef: map[string]*Package{}, system: map[*packages.Package]string{},
		keys: map[[2]string][]*found{}, owners: map[string]string{}, dirs: map[string]string{},
	}
	a.addSystem(d.Distro)
	a.addFound()
	a.connect()
	for _, ref := range slices.Sorted(maps.Keys(a.byRef)) {
		pkg := a.byRef[ref]
		for _, list := range []*[]string{&pkg.Depends, &pkg.Locations} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
		d.Packages = append(d.Packages, *pkg)
	}
	d.Files = a.files()
	for _, warning := range s.db.Incomplete() {
		s.lose("%s", warning)
	}
	for _, warning := range s.db.Warnings() {
		s.warn("%s", warning)
	}
	for _, reason := range d.opt.Incomplete {
		s.lose("%s", reason)
	}
	d.Warnings, d.Incomplete = slices.Sorted(maps.Keys(s.warnings)), slices.Sorted(maps.Keys(s.missing))
}

// merge adds a package, or what it says besides to the one of the same Ref; "" when it has no package URL.
func (a *assembly) merge(pkg Package) string {
	if pkg.Purl == "" {
		return ""
	}
	pkg.Ref = pkg.Purl
	old := a.byRef[pkg.Ref]
	if old == nil {
		a.byRef[pkg.Ref] = &pkg
		return pkg.Ref
	}
	old.Licenses = addTerms(old.Licenses, pkg.Licenses)
	old.Locations = append(old.Locations, pkg.Locations...)
	old.Application = old.Application || pkg.Application
	if old.Supplier == "" {
		old.Supplier = pkg.Supplier
	}
	if old.Homepage == "" {
		old.Homepage = pkg.Homepage
	}
	return pkg.Ref
}

// addSystem adds the package manager's packages and who depends on whom.
func (a *assembly) addSystem(d Distro) {
	byName := map[[2]string]string{}
	for _, pkg := range a.db.Packages() {
		ref := a.merge(a.distributionPackage(pkg, d))
		a.system[pkg] = ref
		if key := [2]string{pkg.Type, pkg.Name}; ref != "" && byName[key] == "" {
			byName[key] = ref
		}
	}
	for _, pkg := range a.db.Packages() {
		for _, name := range pkg.Depends {
			a.depend(a.system[pkg], byName[[2]string{pkg.Type, name}])
		}
	}
}

func (a *assembly) depend(from, on string) {
	if from != "" && on != "" && from != on {
		a.byRef[from].Depends = append(a.byRef[from].Depends, on)
	}
}

// addFound adds the packages of language runtimes, and which files are theirs.
func (a *assembly) addFound() {
	for _, e := range a.entries {
		if e.same != nil {
			continue
		}
		switch {
		case e.result.lost:
			a.lose("%s", e.result.warning)
		case e.result.warning != "":
			a.warn("%s", e.result.warning)
		}
		for i := range e.result.found {
			if len(a.found) == maxFound {
				a.lose("more than %d packages: the rest was not read", maxFound)
				return
			}
			a.addOne(e, &e.result.found[i])
		}
	}
	for _, e := range a.entries {
		if e.same != nil && a.owners[e.same.name] != "" {
			a.own(e.name, a.owners[e.same.name])
		}
	}
}

func (a *assembly) addOne(e *entry, f *found) {
	if len(f.Locations) == 0 {
		f.Locations = []string{e.name}
	}
	if f.Ref = a.merge(f.Package); f.Ref == "" {
		return
	}
	a.found = append(a.found, f)
	key := [2]string{f.Type, f.key}
	a.keys[key] = append(a.keys[key], f)
	a.claim(f)
}

// claim makes a package the owner of its files; the first one wins.
func (a *assembly) claim(f *found) {
	if f.dir != "" && f.dir != "." && a.dirs[f.dir] == "" {
		a.dirs[f.dir] = f.Ref
	}
	for _, name := range f.owned {
		a.own(name, f.Ref)
	}
	if record := a.byName[f.record]; record != nil {
		for _, name := range record.content().owned {
			a.own(name, f.Ref)
		}
	}
}

func (a *assembly) own(name, ref string) {
	if a.byName[name] != nil && a.owners[name] == "" {
		a.owners[name] = ref
	}
}

// connect finds for each requirement the package that meets it: of its alternatives the first that is there, of several of
// a key the one in the same scope.
func (a *assembly) connect() {
	left := maxRequires
	for _, f := range a.found {
		for _, alternatives := range f.requires {
			if left -= len(alternatives); left < 0 {
				a.warn("more than %d dependencies: the rest was not read", maxRequires)
				return
			}
			for _, key := range alternatives {
				if candidates := a.keys[[2]string{f.Type, key}]; len(candidates) > 0 {
					a.depend(f.Ref, nearest(candidates, f.scope).Ref)
					break
				}
			}
		}
	}
}

func nearest(candidates []*found, scope string) *found {
	for _, f := range candidates {
		if f.scope == scope {
			return f
		}
	}
	return candidates[0]
}

// files lists every file with its owner.
func (a *assembly) files() []File {
	list := make([]File, 0, len(a.entries))
	for _, e := range a.entries {
		res := e.content()
		list = append(list, File{Path: layers.Path(e.name), Size: res.size, SHA1: res.sha1, SHA256: res.sha256, ELF: res.elf,
			Owner: a.owner(e.name)})
	}
	return list
}

// owner is the package manager's package of a file, else the runtime's that lists it, else that of the nearest directory.
func (a *assembly) owner(name string) string {
	if pkg, ok := a.db.Owner(name); ok {
		return a.system[pkg]
	}
	if ref := a.owners[name]; ref != "" {
		return ref
	}
	if len(a.dirs) == 0 || !strings.Contains(name, "/") {
		return ""
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if ref := a.dirs[dir]; ref != "" {
			return ref
		}
	}
	return ""
}

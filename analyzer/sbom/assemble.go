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
	// artifacts are the files that packages were delivered as, by the packages' directories.
	artifacts map[string]Artifact
	dirs      map[string]string // Ref by directory
}

func (s *scan) assemble(d *Document) {
	a := &assembly{
		scan: s, byRef: map[string]*Package{}, system: map[*packages.Package]string{},
		keys: map[[2]string][]*found{}, owners: map[string]string{}, dirs: map[string]string{}, artifacts: map[string]Artifact{},
	}
	a.addSystem(d.Distro)
	a.addFound()
	a.connect()
	for _, ref := range slices.Sorted(maps.Keys(a.byRef)) {
		pkg := a.byRef[ref]
		for _, list := range []*[]string{&pkg.Depends, &pkg.Locations, &pkg.Unmet} {
			slices.Sort(*list)
			*list = slices.Compact(*list)
		}
	}
	d.Files = a.files()
	a.kinds(d.Files)
	for _, ref := range slices.Sorted(maps.Keys(a.byRef)) {
		d.Packages = append(d.Packages, *a.byRef[ref])
	}
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
	if old.SourceURL == "" {
		old.SourceURL = pkg.SourceURL
	}
	if old.Kind == nil {
		old.Kind = pkg.Kind
	}
	old.Artifact.add(pkg.Artifact)
	old.Relations = worse(old.Relations, pkg.Relations)
	return pkg.Ref
}

// addSystem adds the package manager's packages and who depends on whom.
func (a *assembly) addSystem(d Distro) {
	byName, byArch := map[[2]string]string{}, map[[3]string]string{}
	for _, pkg := range a.db.Packages() {
		ref := a.merge(a.distributionPackage(pkg, d))
		a.system[pkg] = ref
		if key := [2]string{pkg.Type, pkg.Name}; ref != "" && byName[key] == "" {
			byName[key] = ref
		}
		byArch[[3]string{pkg.Type, pkg.Name, pkg.Arch}] = ref
	}
	for _, pkg := range a.db.Packages() {
		for _, name := range pkg.Depends {
			on := byArch[[3]string{pkg.Type, name, pkg.Arch}]
			if on == "" {
				on = byName[[2]string{pkg.Type, name}]
			}
			a.depend(a.system[pkg], on)
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
		if e.same == nil {
			maps.Copy(a.artifacts, e.result.artifacts)
		}
	}
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
	if f.file == e.name {
		f.Artifact = Artifact{Name: path.Base(e.name), SHA512: e.result.sha512}
		structured := f.Kind != nil && f.Kind.Structured
		kind := e.result.kind
		kind.Structured = kind.Structured || structured
		f.Kind = &kind
	}
	if f.dir != "" {
		f.Artifact.add(a.artifacts[f.dir])
	}
	f.Relations = Complete
	if f.partial {
		f.Relations = Unknown
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
		pkg := a.byRef[f.Ref]
		for i, alternatives := range slices.Concat(f.requires, f.wishes) {
			if left -= len(alternatives); left < 0 {
				a.warn("more than %d dependencies: the rest was not read", maxRequires)
				a.uncertain()
				return
			}
			on := a.meets(f, alternatives)
			a.depend(f.Ref, on)
			if on == "" && i < len(f.requires) {
				pkg.Relations = worse(pkg.Relations, Incomplete)
				if len(pkg.Unmet) < maxUnmet {
					pkg.Unmet = append(pkg.Unmet, shortest(alternatives))
				}
			}
		}
	}
}

// meets is the Ref of the package that meets a requirement; "" when none does.
func (a *assembly) meets(f *found, alternatives []string) string {
	for _, key := range alternatives {
		if candidates := a.keys[[2]string{f.Type, key}]; len(candidates) > 0 {
			return nearest(candidates, f.scope).Ref
		}
	}
	return ""
}

// uncertain marks the language packages when their requirements were not read to the end.
func (a *assembly) uncertain() {
	for _, f := range a.found {
		a.byRef[f.Ref].Relations = worse(a.byRef[f.Ref].Relations, Unknown)
	}
}

// worse is the smaller claim of two.
func worse(one, two Completeness) Completeness {
	order := []Completeness{Unknown, Incomplete, Complete}
	return order[min(slices.Index(order, one), slices.Index(order, two))]
}

// shortest is the most general of a requirement's alternatives, for people: of npm's places the one in the outermost directory.
func shortest(alternatives []string) string {
	best := ""
	for _, name := range alternatives {
		if best == "" || len(name) < len(best) {
			best = name
		}
	}
	return strings.TrimPrefix(best, "node_modules/")
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
		list = append(list, File{Path: layers.Path(e.name), Size: res.size, SHA1: res.sha1, SHA256: res.sha256, SHA512: res.sha512,
			Time: e.time, Kind: res.kind, ELF: res.elf, Owner: a.owner(e.name)})
	}
	return list
}

// kinds says of packages that consist of several files what those are: an installed package is no archive, and names its parts.
func (a *assembly) kinds(files []File) {
	for _, f := range files {
		pkg := a.byRef[f.Owner]
		if pkg == nil {
			continue
		}
		switch one := pkg.Kind; {
		case one == nil:
			pkg.Kind = &Kind{Executable: f.Kind.Executable, Structured: true}
		case pkg.Artifact.Name != path.Base(string(f.Path)):
			one.Executable = one.Executable || f.Kind.Executable
		}
	}
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

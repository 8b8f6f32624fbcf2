package vuln

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// maxNeeders bounds the packages that are looked at to find out what needs one.
const maxNeeders = 10_000

// unnamed is the module of a Go program that was built of single files, as the go command calls it.
const unnamed = "command-line-arguments"

// relations tell which packages need which, and which manifest of somebody's sources a package of a language comes from.
type relations struct {
	packages map[string]*Package   // by package URL, with the applications
	needers  map[string][]string   // package URLs of what needs a package directly, sorted
	programs map[string]*Package   // the module of a program, by its path
	chains   map[string][]*Package // of through, by package URL
	system   map[string]*Package   // packages of the distribution, by the path of a file
	apps     map[string]bool       // package URLs of Subject.Applications
}

// newRelations reads them from an image and the one it was made of (nil for none), whose metadata is whole.
func newRelations(image Subject, before *Subject) *relations {
	r := &relations{packages: map[string]*Package{}, needers: map[string][]string{}, programs: map[string]*Package{},
		chains: map[string][]*Package{}, system: map[string]*Package{}, apps: map[string]bool{}}
	if before != nil {
		r.add(*before)
	}
	r.add(image)
	for on, list := range r.needers {
		slices.Sort(list)
		r.needers[on] = slices.Compact(list)
	}
	return r
}

// add adds what an image says; the later one counts.
func (r *relations) add(image Subject) {
	for _, list := range [][]Package{image.Packages, image.Applications} {
		for i := range list {
			pkg := &list[i]
			r.packages[pkg.Purl] = pkg
			if strings.HasPrefix(pkg.Purl, "pkg:deb/") || strings.HasPrefix(pkg.Purl, "pkg:apk/") || strings.HasPrefix(pkg.Purl, "pkg:rpm/") {
				for _, name := range pkg.Files {
					r.system[name] = pkg
				}
			}
		}
	}
	for i := range image.Applications {
		pkg := &image.Applications[i]
		r.apps[pkg.Purl] = true
		for _, name := range pkg.Locations {
			r.programs[name] = pkg
		}
	}
	for from, list := range image.Needs {
		for _, on := range list {
			r.needers[on] = append(r.needers[on], from)
		}
	}
}

// through is the shortest chain of what needs a package, from what nothing else needs to what needs it directly. A chain from an
// application of the image's owner is better than a shorter one. It is empty for a package that nothing needs.
func (r *relations) through(pkg *Package) []*Package {
	chain, known := r.chains[pkg.Purl]
	if !known {
		chain = r.search(pkg)
		r.chains[pkg.Purl] = chain
	}
	return chain
}

// search is through, without memory. A package with very many others that need it is searched in part.
func (r *relations) search(pkg *Package) []*Package {
	from := map[string]string{pkg.Purl: ""} // what is needed, by what needs it
	root := ""
	for queue := []string{pkg.Purl}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != pkg.Purl && r.application(r.packages[at]) {
			root = at
			break
		}
		if root == "" && len(r.needers[at]) == 0 {
			root = at
		}
		for _, needer := range r.needers[at] {
			if _, seen := from[needer]; !seen && r.packages[needer] != nil && len(from) < maxNeeders {
				from[needer] = at
				queue = append(queue, needer)
			}
		}
	}
	var chain []*Package
	for at := root; at != "" && at != pkg.Purl; at = from[at] {
		chain = append(chain, r.packages[at])
	}
	return chain
}

// application reports whether a package is the owner's own: a program's module, or a package.json outside node_modules.
func (r *relations) application(pkg *Package) bool {
	return r.apps[pkg.Purl] || pkg.Ecosystem == "npm" && len(pkg.Locations) > 0 &&
		!slices.ContainsFunc(pkg.Locations, func(name string) bool { return strings.Contains("/"+name, "/node_modules/") })
}

// fix says how to end a finding in a package of a language: slim does not change those. how is "" for packages of a distribution.
func (r *relations) fix(f *Finding) (manifest string, through []string, how string) {
	pkg := &f.Package
	chain := r.through(pkg)
	for _, needer := range chain {
		name := needer.Name
		if name == unnamed && len(needer.Locations) > 0 {
			name = "/" + needer.Locations[0]
		}
		through = append(through, strings.TrimSuffix(name+" "+needer.Version, " "))
	}
	if len(pkg.Locations) == 0 {
		return "", through, ""
	}
	place := pkg.Locations[0]
	if owner := r.system[place]; owner != nil {
		return "", through, fmt.Sprintf("update the package %s: it has %s %s, fixed in %s", owner.Name, pkg.Name, pkg.Version, f.Fixed)
	}
	if pkg.Ecosystem == "Go" || pkg.Ecosystem == "crates.io" {
		manifest, how = r.rebuild(f)
		return manifest, through, how
	}
	if global := r.global(pkg, chain); global != nil {
		if global == pkg {
			return "", through, fmt.Sprintf("install %s %s as a global package of Node.js: it is %s", pkg.Name, f.Fixed, pkg.Version)
		}
		return "", through, fmt.Sprintf("install a later %s as a global package of Node.js: it brings %s %s, fixed in %s", global.Name, pkg.Name,
			pkg.Version, f.Fixed)
	}
	manifest = r.manifest(pkg, chain)
	if manifest == "" {
		return "", through, ""
	}
	how = "edit " + manifest + ": " + change(pkg, f.Fixed)
	if direct := r.direct(chain); direct != nil {
		how += fmt.Sprintf(", which %s %s brings", direct.Name, direct.Version)
	}
	return manifest, through, how
}

// global is the package of a chain that npm installed for everybody, in lib/node_modules of a prefix (docs.npmjs.com, "folders": "Global
// installs on Unix systems go to {prefix}/lib/node_modules"); nil without one. No manifest names it.
func (r *relations) global(pkg *Package, chain []*Package) *Package {
	if len(chain) > 0 {
		pkg = chain[0]
	}
	if pkg.Ecosystem != "npm" || len(pkg.Locations) == 0 {
		return nil
	}
	prefix, inside, nested := strings.Cut("/"+pkg.Locations[0], "/node_modules/")
	if !nested || path.Base(prefix) != "lib" || strings.Contains(inside, "/node_modules/") {
		return nil
	}
	return pkg
}

// direct is the dependency that a manifest names and that brings another one; nil where the manifest names that itself.
func (r *relations) direct(chain []*Package) *Package {
	if len(chain) > 0 && r.application(chain[0]) {
		chain = chain[1:]
	}
	if len(chain) == 0 {
		return nil
	}
	return chain[0]
}

// manifest is where the sources of an image name a package: by its path in the image where it is known, else by its usual names.
func (r *relations) manifest(pkg *Package, chain []*Package) string {
	place := pkg.Locations[0]
	dir := path.Dir(place)
	switch pkg.Ecosystem {
	case "npm":
		if len(chain) > 0 && r.application(chain[0]) {
			return "/" + chain[0].Locations[0]
		}
		if r.application(pkg) {
			return "/" + place
		}
		root, _, _ := strings.Cut("/"+place, "/node_modules/")
		return path.Join("/", root, "package.json")
	case "PyPI":
		return "requirements.txt or pyproject.toml of /" + path.Dir(dir)
	case "RubyGems":
		return "the Gemfile of /" + path.Dir(dir)
	case "Maven":
		outer, _, _ := strings.Cut(place, "!/")
		return "pom.xml or build.gradle of /" + outer
	case "Packagist": // vendor/composer/installed.json
		return path.Join("/", dir, "../../composer.json")
	case "NuGet":
		return "the project of /" + place
	}
	return ""
}

// rebuild says which sources to change for a module that is built into programs.
func (r *relations) rebuild(f *Finding) (manifest, how string) {
	pkg := &f.Package
	programs := several(rooted(pkg.Locations), 3)
	if pkg.Ecosystem == "Go" && pkg.Name == "stdlib" {
		if f.Fixed == "" {
			return "", ""
		}
		return "", fmt.Sprintf("rebuild %s with Go %s or later: it was built with %s", programs, f.Fixed, pkg.Version)
	}
	manifest = "go.mod"
	if pkg.Ecosystem == "crates.io" {
		manifest = "Cargo.toml"
	}
	if own := r.programs[pkg.Locations[0]]; own != nil && own.Name != unnamed {
		manifest += " of " + own.Name
	}
	return manifest, fmt.Sprintf("edit %s: %s; then rebuild %s", manifest, change(pkg, f.Fixed), programs)
}

// rooted are paths as people write them.
func rooted(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = "/" + name
	}
	return list
}

// change is a package and the version to go to.
func change(pkg *Package, to string) string {
	text := pkg.Name + " " + pkg.version(pkg.Version)
	if to == "" {
		return text + " has no version without it"
	}
	return text + " to " + pkg.version(to)
}

// version is a version as the manifests of its ecosystem write it.
func (p *Package) version(version string) string {
	if p.Ecosystem == "Go" && p.Name != "stdlib" && version != "" {
		return "v" + version
	}
	return version
}

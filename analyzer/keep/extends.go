package keep

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// runtime is a program that ran, with all packages of its source package, and the folders that are its own.
type runtime struct {
	suggested map[string]bool // names that one of the group recommends or suggests
	group     map[string]*packages.Package
	trees     []string            // with a slash at the end
	others    []*packages.Package // that extend it
}

// ownFolder is the folder of one program below the places that the Filesystem Hierarchy Standard 3.0 gives to programs for their own
// files (4.6, 4.7, 4.11, 5.8), with Debian's folder of the architecture.
var ownFolder = regexp.MustCompile(`^((?:usr/(?:local/)?(?:lib(?:64)?(?:/[^/]+-linux-[^/]+)?|libexec|share)|var/lib|opt)/([^/]+)/)`)

// folders lists which packages have files in each program's folder.
func (w *worklist) folders() map[string][]*packages.Package {
	found := map[string][]*packages.Package{}
	for _, pkg := range w.db.Packages() {
		for _, file := range pkg.Files {
			m := ownFolder.FindStringSubmatch(file)
			if m == nil || rules.CommonFolder(m[2]) || strings.Contains(m[2], "-linux-") {
				continue
			}
			if list := found[m[1]]; len(list) == 0 || list[len(list)-1] != pkg {
				found[m[1]] = append(list, pkg)
			}
		}
	}
	return found
}

// newRuntime finds the folders of a source package's programs: those in which no package has a file that has nothing to do with them.
func newRuntime(db *packages.DB, folders map[string][]*packages.Package, source string) *runtime {
	r := &runtime{group: map[string]*packages.Package{}, suggested: map[string]bool{}}
	for _, pkg := range db.Packages() {
		if pkg.Source == source {
			r.group[pkg.Name] = pkg
			for _, name := range pkg.Suggests {
				r.suggested[name] = true
			}
		}
	}
	for folder, users := range folders {
		member := func(pkg *packages.Package) bool { return r.group[pkg.Name] != nil }
		stranger := func(pkg *packages.Package) bool { return !member(pkg) && !r.related(pkg) }
		if slices.ContainsFunc(users, member) && !slices.ContainsFunc(users, stranger) {
			r.trees = append(r.trees, folder)
		}
	}
	for _, pkg := range db.Packages() {
		if r.group[pkg.Name] == nil && r.related(pkg) {
			r.others = append(r.others, pkg)
		}
	}
	return r
}

// related says whether a package depends on one of the group or says that it enhances it, or one of the group names it.
func (r *runtime) related(pkg *packages.Package) bool {
	member := func(name string) bool { return r.group[name] != nil }
	return slices.ContainsFunc(pkg.Depends, member) || r.named(pkg)
}

// named says whether a package and one of the group name each other as going together: Enhances, Recommends, Suggests.
func (r *runtime) named(pkg *packages.Package) bool {
	if slices.ContainsFunc(pkg.Extends, func(name string) bool { return r.group[name] != nil }) {
		return true
	}
	return r.suggested[pkg.Name]
}

// inside says whether a file is in a folder of the runtime.
func (r *runtime) inside(file string) bool {
	return slices.ContainsFunc(r.trees, func(tree string) bool { return strings.HasPrefix(file, tree) })
}

// runtime keeps what belongs to a program that ran: the packages that the author asked for and that extend it, and of one that runs
// the application's files and that no rule knows, the packages of the same source that have their files in its folders.
func (w *worklist) runtime(r *runtime) {
	for _, pkg := range r.others {
		if pkg.Asked && (r.named(pkg) || w.mostly(pkg, r.inside)) {
			w.keepWhole(pkg, analyzer.RuleAskedFor, false)
		}
	}
	whole := !w.known(r) && w.runsApplication(r)
	for _, pkg := range w.db.Packages() {
		if r.group[pkg.Name] == nil || !w.mostly(pkg, r.inside) {
			continue
		}
		if pkg.Asked || whole {
			w.keepWhole(pkg, analyzer.RulePartOf, false)
		}
	}
}

// runsApplication says whether a program of the runtime opened a file of the application: what it does is written there.
func (w *worklist) runsApplication(r *runtime) bool {
	return slices.ContainsFunc(w.seen.Paths, func(use analyzer.PathUse) bool {
		name := string(use.Path)
		if !slices.Contains(use.Ops, analyzer.OpOpen) || !w.im.nodes[name].regular() || rules.Sandbox(name) {
			return false
		}
		_, owned := w.db.Owner(name)
		_, made := w.db.Generated(name)
		return !owned && !made && slices.ContainsFunc(use.By, func(by layers.Path) bool {
			pkg, ok := w.db.Owner(string(by))
			return ok && r.group[pkg.Name] != nil
		})
	})
}

// known says whether a rule is about one of the runtime's programs or libraries.
func (w *worklist) known(r *runtime) bool {
	for _, f := range w.rules.families {
		if len(f.When) == 0 || f.When[0] == "**" {
			continue
		}
		for _, pkg := range r.group {
			for _, file := range pkg.Files {
				if slices.ContainsFunc(f.when, func(g rules.Glob) bool { return g.Match(file) }) {
					return true
				}
			}
		}
	}
	return false
}

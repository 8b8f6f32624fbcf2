package keep

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/rules"
)

// askedState is what is known of the packages that the image's author asked for.
type askedState struct {
	whole    map[string]bool // packages that are kept whole, by name
	modules  []moduleTree
	extended map[string]bool // rules for which extendFamily is done
}

// moduleTree is a row of rules.ModuleTrees, compiled.
type moduleTree struct {
	family string
	globs  []rules.Glob
}

func newAskedState() askedState {
	s := askedState{whole: map[string]bool{}, extended: map[string]bool{}}
	for _, tree := range rules.ModuleTrees() {
		s.modules = append(s.modules, moduleTree{tree.Family, globs(tree.Trees...)})
	}
	return s
}

// keepAsked keeps the packages that the author asked for and whose use no run need show: libraries, what extends a program that ran, and,
// where the job is whatever the user brings, all.
func (w *worklist) keepAsked() {
	w.openEnded()
	for _, pkg := range w.db.Packages() {
		if pkg.Asked {
			w.askedLibrary(pkg)
		}
	}
	folders := w.folders()
	for _, source := range w.sourcesRun() {
		w.runtime(newRuntime(w.db, folders, source))
	}
}

// libraryDir is where the loader finds libraries without further settings (ld.so(8)).
var libraryDir = regexp.MustCompile(`^usr/(local/)?lib(64)?(/[^/]+-linux-[^/]+)?$`)

// sharedLibrary says whether a file is a library under the name that programs ask for.
func sharedLibrary(name string) bool {
	return strings.Contains(path.Base(name), ".so.") && libraryDir.MatchString(path.Dir(name))
}

// askedLibrary keeps the shared libraries of a package that the author asked for and that has no program: what is asked for by name and
// linked by nothing is loaded by name (ctypes, cffi, FFI, P/Invoke, JNA).
func (w *worklist) askedLibrary(pkg *packages.Package) {
	if slices.ContainsFunc(pkg.Files, func(file string) bool { return programDir.MatchString(path.Dir(file)) }) {
		return
	}
	w.packageLibraries(pkg, analyzer.RuleAskedFor)
}

func (w *worklist) packageLibraries(pkg *packages.Package, rule analyzer.Rule) {
	for _, file := range pkg.Files {
		if sharedLibrary(file) {
			w.add(file, analyzer.Reason{Rule: rule, From: "package " + pkg.Name})
		}
	}
}

// keepWhole keeps a package but for what is not for run time, and the libraries of the packages that it depends on, which nothing
// need link. headers keeps what compiling needs, too.
func (w *worklist) keepWhole(pkg *packages.Package, rule analyzer.Rule, headers bool) {
	if w.asks.whole[pkg.Name] {
		return
	}
	w.asks.whole[pkg.Name] = true
	for _, file := range pkg.Files {
		if junk := w.junked(file); junk != "" && !(headers && junk == rules.Headers) || w.untranslated(file) || !headers && w.excepted(file) {
			continue
		}
		w.add(file, analyzer.Reason{Rule: rule, From: "package " + pkg.Name})
		if headers && programDir.MatchString(path.Dir(file)) {
			w.runs(file)
		}
	}
	for _, name := range pkg.Depends {
		if other, ok := w.db.Package(name); ok && !w.db.Base(name) {
			w.packageLibraries(other, rule)
		}
	}
}

// untranslated says whether a file is a translation that no program reads because the image has no locale but C (gettext manual, 11.2).
func (w *worklist) untranslated(file string) bool {
	if !strings.HasPrefix(file, "usr/share/locale/") {
		return false
	}
	for _, name := range w.im.beginning("usr/lib/locale/") {
		if top, _, _ := strings.Cut(strings.TrimPrefix(name, "usr/lib/locale/"), "/"); !strings.HasPrefix(top, "C.") {
			return false
		}
	}
	return true
}

// excepted says whether a rule about a runtime in use leaves a file out.
func (w *worklist) excepted(file string) bool {
	return slices.ContainsFunc(w.rules.excepted, func(g rules.Glob) bool { return g.Match(file) })
}

// extendFamily keeps the packages that the author asked for and that are modules of a runtime of which a rule applies.
func (w *worklist) extendFamily(name string) {
	for _, tree := range w.asks.modules {
		if tree.family != name || w.asks.extended[name] {
			continue
		}
		for _, pkg := range w.db.Packages() {
			if pkg.Asked && w.mostly(pkg, func(file string) bool {
				return slices.ContainsFunc(tree.globs, func(g rules.Glob) bool { return g.Match(file) })
			}) {
				w.keepWhole(pkg, analyzer.RuleAskedFor, false)
			}
		}
	}
	w.asks.extended[name] = true
}

// mostly says whether at least half of what a package has for run time is in certain places.
func (w *worklist) mostly(pkg *packages.Package, in func(file string) bool) bool {
	inside, outside := 0, 0
	for _, file := range pkg.Files {
		switch {
		case w.junked(file) != "": // a package manager of the language, documentation
		case in(file):
			inside++
		case !strings.HasPrefix(file, "usr/share/locale/"):
			outside++
		}
	}
	return inside > 0 && inside >= outside
}

// maxSources bounds the source packages of programs that ran.
const maxSources = 200

// sourcesRun lists the source packages of the programs that ran, less those of the distribution's base system, in the order of the
// evidence.
func (w *worklist) sourcesRun() []string {
	var sources []string
	for _, use := range w.seen.Paths {
		pkg, ok := w.db.Owner(string(use.Path))
		ran := slices.Contains(use.Ops, analyzer.OpExec) || slices.Contains(use.Ops, analyzer.OpInterp)
		if len(sources) == maxSources {
			break
		}
		if ok && ran && !w.db.Base(pkg.Name) && !slices.Contains(sources, pkg.Source) {
			sources = append(sources, pkg.Source)
		}
	}
	return sources
}

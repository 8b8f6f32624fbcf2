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

// packageOf notes the package of a kept path and, once, keeps what belongs to every use of it: its configuration and its data.
func (w *worklist) packageOf(name string) {
	pkg, ok := w.db.Owner(name)
	if !ok || w.touched[pkg.Name] || !w.matters(name) {
		return
	}
	w.touch(pkg)
}

// touch keeps what belongs to every use of a package, and of the packages that hold its data and settings under its name.
func (w *worklist) touch(pkg *packages.Package) {
	w.touched[pkg.Name] = true
	from := "package " + pkg.Name
	for _, file := range pkg.Files {
		if w.req.Options.Keep == analyzer.KeepPackage {
			if w.junked(file) == "" && !strings.HasPrefix(file, "usr/share/locale/") {
				w.add(file, analyzer.Reason{Rule: analyzer.RulePackageOf, From: from})
			}
			continue
		}
		if w.packageData(file, pkg.Name) && w.junked(file) == "" && !cached(file) {
			w.packageFile(file, from)
			w.namedInSettings(file)
		}
	}
	w.requirements(pkg)
	for _, name := range append(companions(pkg.Name), w.siblings(pkg)...) {
		if companion, ok := w.db.Package(name); ok && !w.touched[name] {
			w.touch(companion)
		}
	}
}

// siblings are the packages from the same source that a package of a language's modules depends on: they hold the data of the modules.
func (w *worklist) siblings(pkg *packages.Package) []string {
	if !slices.ContainsFunc(pkg.Files, w.inModules) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(pkg.Depends), func(name string) bool {
		sibling, ok := w.db.Package(name)
		return !ok || sibling.Source != pkg.Source
	})
}

// companionSuffixes end the names of packages into which distributions split off what does not depend on the architecture, and the texts of
// a program in other languages (Debian Developer's Reference 6.7.5, Architecture-independent data; Debian's language packs: -l10n, -i18n,
// -langpack, -locales; openSUSE: -lang; Fedora: -langpacks).
var companionSuffixes = []string{"-data", "-common", "-l10n", "-i18n", "-langpack", "-langpacks", "-locales", "-lang"}

// companions are the names that companions of a package may have. A library's package has its version behind the name.
func companions(name string) []string {
	if slices.ContainsFunc(companionSuffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
		return nil
	}
	bases := []string{name}
	if base := strings.TrimRight(name, "0123456789.-"); base != name && base != "" {
		bases = append(bases, base)
	}
	var names []string
	for _, base := range bases {
		for _, suffix := range companionSuffixes {
			names = append(names, base+suffix)
		}
	}
	return names
}

// matters says whether a kept path means that its package is in use: a program or library of it, or a module of a language; not a
// directory, a copyright file or a piece of shared data. Of links only a program's name counts: Debian's redis-server is such a link into
// another package, and its settings are those of the package that has the name.
func (w *worklist) matters(name string) bool {
	n := w.im.nodes[name]
	if !n.regular() {
		return n.kind() == "symlink" && programDir.MatchString(path.Dir(name))
	}
	if strings.Contains(name, ".egg-info/") || strings.Contains(name, ".dist-info/") ||
		strings.HasSuffix(name, ".pth") ||
		strings.HasSuffix(name, ".egg-info") || strings.Contains(name, "-packages/_distutils_hack/") ||
		strings.Contains(name, "/specifications/") {
		return false // they are read at every start (site), or by whoever asks what distributions there are (importlib.metadata, RubyGems)
	}
	if strings.HasPrefix(name, "usr/share/") { // shared data is used by others; of a language's modules the package itself is
		return w.scripts.executed[name] || codeDir.MatchString(name)
	}
	return !strings.HasPrefix(name, "etc/")
}

// programDir is where programs are looked up by name (Filesystem Hierarchy Standard 3.0, 3.4, 3.16, 4.4 and 4.10).
var programDir = regexp.MustCompile(`^(usr/(local/)?)?s?bin$`)

// codeDir is where distributions put modules below usr/share (Debian Policy for Perl, Java, PHP and Node.js).
var codeDir = regexp.MustCompile(`^usr/share/(perl5?|java|maven-repo|php|nodejs|ruby|rubygems-integration|guile|lua|tcltk|[^/]+/bin)/`)

// packageData says whether a file of a package in use is its configuration, or data under its own name.
func (w *worklist) packageData(file, pkg string) bool {
	switch {
	case strings.HasPrefix(file, "etc/"):
		return !rules.ForeignSetting(file)
	case strings.HasPrefix(file, "usr/share/java/"), w.distributed(file, pkg): // Debian Policy for Java
		return true
	case strings.HasPrefix(file, "usr/share/"):
		top, _, _ := strings.Cut(strings.TrimPrefix(file, "usr/share/"), "/")
		return top == pkg || strings.HasPrefix(pkg, top+"-") && top != "doc" && top != "perl" && top != "python3"
	}
	if w.private(file, pkg) {
		return true
	}
	return strings.HasSuffix(file, ".jar")
}

// private says whether a file lies in its package's own folder below usr/lib or usr/libexec (Filesystem Hierarchy Standard 3.0, 4.6
// and 4.7: what is there is internal to one application), of which no rule knows better.
func (w *worklist) private(file, pkg string) bool {
	rest, ok := strings.CutPrefix(file, "usr/lib/")
	if ok {
		if _, below, triplet := strings.Cut(rest, "-linux-gnu/"); triplet {
			rest = below
		}
	} else if rest, ok = strings.CutPrefix(file, "usr/libexec/"); !ok {
		return false
	}
	top, _, inside := strings.Cut(rest, "/")
	if !inside || top != pkg && !strings.HasPrefix(pkg, top+"-") {
		return false
	}
	return !slices.ContainsFunc(w.rules.families, func(f *family) bool { return f.knows(strings.TrimSuffix(file, rest) + top + "/") })
}

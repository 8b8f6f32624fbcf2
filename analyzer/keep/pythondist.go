package keep

import (
	"bytes"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/keyword"
	"github.com/slimimage/slim/analyzer/python"
	"github.com/slimimage/slim/analyzer/rules"
)

// maxMetadata bounds a file of a distribution's metadata, in bytes.
const maxMetadata = 1 << 20

// pathFiles lists the directories that .pth files in the given ones add to the module path (Python Library Reference: site).
func pathFiles(im *image, dirs []string) []string {
	var found []string
	for _, dir := range dirs {
		for _, name := range im.beginning(dir + "/") {
			if path.Ext(name) != ".pth" || path.Dir(name) != dir {
				continue
			}
			data, err := im.read(name, maxMetadata)
			if err != nil {
				continue
			}
			for _, line := range strings.Split(string(data), "\n") {
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' || strings.HasPrefix(line, "import ") || strings.HasPrefix(line, "import\t") {
					continue
				}
				if !strings.HasPrefix(line, "/") {
					line = "/" + path.Join(dir, line)
				}
				if res, ok := im.resolve(".", line); ok {
					found = append(found, res.Path)
				}
			}
		}
	}
	return found
}

// pythonRequires keeps the distributions that a distribution in use requires. Metadata alone is read of all that are installed, so its
// package must be in use.
func (w *worklist) pythonRequires(name string) {
	if pkg, owned := w.db.Owner(name); owned && !w.touched[pkg.Name] {
		return
	}
	data, err := w.im.read(name, maxMetadata)
	if err != nil {
		return
	}
	for _, required := range python.Requires(data) {
		pkg, ok := w.db.Package(w.pythonDistributions()[required])
		if ok && !w.touched[pkg.Name] && !rules.PythonBuildTool(required) {
			w.touch(pkg)
		}
	}
}

// distributionName is the name in the name of a metadata folder or file: "Flask-2.2.2.egg-info", "PyYAML-6.0.dist-info".
var distributionName = regexp.MustCompile(`-packages/([A-Za-z0-9._]+)-[^/]*\.(?:dist|egg)-info(?:/METADATA|/PKG-INFO)?$`)

// pythonDistributions is which package each distribution is of, by normalized name.
func (w *worklist) pythonDistributions() map[string]string {
	if w.python.distributions != nil {
		return w.python.distributions
	}
	w.python.distributions = map[string]string{}
	for _, name := range w.im.names {
		if match := distributionName.FindStringSubmatch(name); match != nil {
			if pkg, ok := w.db.Owner(name); ok {
				w.python.distributions[python.Normalize(match[1])] = pkg.Name
			}
		}
	}
	return w.python.distributions
}

// entryGroup is a group of entry points of one distribution: what it advertises to a program that asks for the group.
type entryGroup struct {
	quoted  [2][]byte // the group's name in quotes
	modules []string
	from    string
	done    bool
}

// pythonEntryPoints keeps the modules that installed distributions advertise under a group that a source names.
func (w *worklist) pythonEntryPoints(src []byte, name string) {
	if dependency.Match(name) && !asksEntryPoints(src) {
		return
	}
	if w.python.points == nil {
		w.readEntryPoints()
	}
	for i := range w.python.points {
		group := &w.python.points[i]
		if group.done || !bytes.Contains(src, group.quoted[0]) && !bytes.Contains(src, group.quoted[1]) {
			continue
		}
		group.done = true
		w.keep(group.from, analyzer.RuleImportedBy, "/"+name)
		for _, module := range group.modules {
			w.pythonModule(module, "/"+group.from)
		}
	}
}

// asksEntryPoints reports whether a source looks entry points up (importlib.metadata, pkg_resources, stevedore). It is asked of every
// source of every library: a search for four words takes a fifteenth of the time of a regular expression.
func asksEntryPoints(src []byte) bool {
	return slices.ContainsFunc(entryPointCalls, func(call []byte) bool { return bytes.Contains(src, call) })
}

var entryPointCalls = [][]byte{[]byte("entry_points"), []byte("load_entry_point"), []byte("stevedore"), []byte("get_entry_info")}

// readEntryPoints reads the entry points of all distributions. Those that are programs or for build tools advertise to no program.
func (w *worklist) readEntryPoints() {
	w.python.points = []entryGroup{}
	for _, name := range w.im.names {
		if !strings.HasSuffix(name, "-info/entry_points.txt") {
			continue
		}
		data, err := w.im.read(name, maxMetadata)
		if err != nil {
			continue
		}
		groups := python.EntryPoints(data)
		for _, group := range slices.Sorted(maps.Keys(groups)) {
			if !rules.PythonBuildGroup(group) {
				quoted := [2][]byte{[]byte(`"` + group + `"`), []byte("'" + group + "'")}
				w.python.points = append(w.python.points, entryGroup{quoted: quoted, modules: groups[group], from: name})
			}
		}
	}
}

var (
	// findLibrary is a library by its short name: ctypes.util.find_library("geos_c").
	findLibrary = keyword.Anywhere("find_library(", `find_library\(\s*["']([A-Za-z0-9_.+-]{1,100})["']`)
	// loadLibrary is a library by its file's name, to ctypes or cffi.
	loadLibrary = keyword.Anywhere(`"lib 'lib`, `["'](lib[A-Za-z0-9_.+-]{1,100}\.so(?:\.[0-9.]{1,20})?)["']`)
)

// pythonLibraries keeps the shared libraries that a source loads with ctypes or cffi.
func (w *worklist) pythonLibraries(src []byte, name string) {
	if !bytes.Contains(src, []byte("ctypes")) && !bytes.Contains(src, []byte("dlopen")) {
		return
	}
	reason := analyzer.Reason{Rule: analyzer.RuleLoadedBy, From: "/" + name}
	for _, short := range captures(src, findLibrary) {
		for _, file := range w.libraries("lib" + short + ".so") {
			w.add(file, reason)
		}
	}
	for _, file := range captures(src, loadLibrary) {
		for _, found := range w.libraries(file) {
			if path.Base(found) == file {
				w.add(found, reason)
			}
		}
	}
}

// libraryDirs are the directories that the dynamic loader searches (ld.so(8)).
var libraryDirs = globs("usr/lib/*-linux-*/*.so*", "usr/lib/*.so*", "usr/lib64/*.so*", "usr/local/lib/*.so*")

// libraries lists the shared libraries whose name begins so.
func (w *worklist) libraries(prefix string) []string {
	if w.binaries.shared == nil {
		w.binaries.shared = []string{}
		for _, g := range libraryDirs {
			w.binaries.shared = append(w.binaries.shared, w.im.match(g)...)
		}
	}
	var found []string
	for _, name := range w.binaries.shared {
		if strings.HasPrefix(path.Base(name), prefix) {
			found = append(found, name)
		}
	}
	return found
}

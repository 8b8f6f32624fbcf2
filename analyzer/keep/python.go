package keep

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/python"
	"github.com/slimimage/slim/analyzer/rules"
)

// pythonState is what was read of Python sources.
type pythonState struct {
	done          map[string]bool // names of modules that were looked up
	installed     []string        // where modules are installed: site-packages, dist-packages, and what .pth files and PYTHONPATH add
	library       searchPath      // the standard library
	distributions map[string]string
	points        []entryGroup
	tags          map[string]bool // of the interpreters in use: "cpython-311" (PEP 3147)
	sources       []string        // kept, for their bytecode
	compiled      int             // of sources: for these the bytecode was looked up
}

func newPythonState(im *image, path []string) pythonState {
	s := pythonState{done: map[string]bool{}, library: searchPath{globs: globs("**/lib/python3.[0-9]*")}, tags: map[string]bool{}}
	for _, name := range im.names {
		if pythonPackages(name) && im.isDir(name) {
			s.installed = append(s.installed, name)
		}
	}
	for _, dir := range append(pathFiles(im, s.installed), path...) {
		dir = strings.Trim(dir, "/")
		if !slices.Contains(s.installed, dir) && dir != "." && im.isDir(dir) {
			s.installed = append(s.installed, dir)
		}
	}
	return s
}

func pythonPackages(dir string) bool {
	base := path.Base(dir)
	return base == "dist-packages" || base == "site-packages"
}

var stdlib = rules.MustCompile("**/lib/python3.*/**")

// pythonFile reads what a kept file of Python names.
func (w *worklist) pythonFile(name string) {
	switch base := path.Base(name); {
	case path.Ext(name) == ".pyc":
		w.pythonSource(name)
		return
	case base == "METADATA" || base == "requires.txt":
		w.pythonRequires(name)
		return
	case stdlib.Match(name) && !strings.Contains(name, "-packages/"):
		return // it is kept whole with its interpreter
	}
	src, err := w.im.read(name, maxArchive)
	if err != nil {
		return
	}
	if sources := python.Archived(src); sources != nil {
		for _, source := range sources {
			w.pythonImports(name, source)
		}
		return
	}
	w.pythonImports(name, src[:min(len(src), python.MaxSize)])
}

// maxArchive bounds a zip file of Python modules, in bytes.
const maxArchive = 64 << 20

// pythonImports keeps the installed modules that a source imports, and what else it names of distributions and libraries.
func (w *worklist) pythonImports(name string, src []byte) {
	_, owned := w.db.Owner(name)
	for _, module := range python.Imports(src) {
		if strings.HasPrefix(module, ".") {
			w.pythonRelative(module, name)
			continue
		}
		if !owned && !dependency.Match(name) && rules.PythonOptional(module) {
			w.pythonOptional(module, "/"+name)
		}
		if w.python.done[module] || owned && rules.PythonBuildTool(module) {
			continue
		}
		w.python.done[module] = true
		w.pythonModule(module, "/"+name)
	}
	w.pythonEntryPoints(src, name)
	w.pythonLibraries(src, name)
	if bytes.Contains(src, []byte("attach_stub(")) { // lazy_loader reads the stub that lies beside the source
		w.keepIf(strings.TrimSuffix(name, ".py")+".pyi", analyzer.RuleImportedBy, "/"+name)
	}
	if !owned && !dependency.Match(name) {
		w.pythonNames(python.Names(src), "/"+name)
	}
}

// pythonNames keeps the installed modules whose dotted names an application has as strings: settings name the classes and the
// applications that a framework loads.
func (w *worklist) pythonNames(names []string, from string) {
	for _, name := range names {
		if !w.python.done[name] && !rules.PythonBuildTool(name) {
			w.python.done[name] = true
			w.pythonModule(name, from)
		}
	}
}

// pythonRelative keeps the sibling that a relative import names, also in a folder that is kept for nothing else (tests).
func (w *worklist) pythonRelative(module, name string) {
	rest := strings.TrimLeft(module, ".")
	at := path.Dir(name)
	for range len(module) - len(rest) - 1 {
		at = path.Dir(at)
	}
	if rest == "" {
		return
	}
	for _, part := range strings.Split(rest, ".") {
		at = path.Join(at, part)
		w.keepIf(at+".py", analyzer.RuleImportedBy, "/"+name)
		w.keepIf(at+"/__init__.py", analyzer.RuleImportedBy, "/"+name)
	}
}

// pythonOptional keeps a part of the standard library that is not kept with every interpreter.
func (w *worklist) pythonOptional(module, from string) {
	top, _, _ := strings.Cut(module, ".")
	for _, dir := range w.python.library.dirs(w.im) {
		for _, file := range w.im.below(path.Join(dir, top)) {
			if !strings.Contains(file, "/test/") && !strings.Contains(file, "/tests/") && !strings.HasSuffix(file, ".pyc") {
				w.keepIf(file, analyzer.RuleImportedBy, from)
			}
		}
	}
}

// pythonModule keeps a module and its parents, wherever they are installed.
func (w *worklist) pythonModule(module, from string) {
	rule := analyzer.RuleImportedBy
	for _, dir := range w.python.installed {
		at := dir
		for _, part := range strings.Split(module, ".") {
			at = path.Join(at, part)
			w.keepIf(at+".py", rule, from)
			w.keepIf(at+"/__init__.py", rule, from)
			for _, ext := range w.extensionModules(at) {
				w.add(ext, analyzer.Reason{Rule: rule, From: from})
			}
			if !w.im.isDir(at) {
				break
			}
		}
	}
}

// extensionModules lists "yaml.cpython-311-x86_64-linux-gnu.so" and the like for "yaml" (PEP 3149).
func (w *worklist) extensionModules(at string) []string {
	if !w.im.isDir(path.Dir(at)) {
		return nil
	}
	var found []string
	for _, name := range w.im.beginning(at + ".") {
		tag, plain := name[len(at):], at+".so"
		tagged := strings.HasPrefix(tag, ".cpython-") || strings.HasPrefix(tag, ".abi3.")
		if name == plain || tagged && strings.HasSuffix(tag, ".so") && !strings.Contains(tag, "/") {
			found = append(found, name)
		}
	}
	return found
}

// pythonSource keeps the source of bytecode: without it an import fails (PEP 3147), even where the run only looked at it.
func (w *worklist) pythonSource(name string) {
	dir, file := path.Split(name)
	if path.Base(path.Clean(dir)) != "__pycache__" {
		return
	}
	base, _, _ := strings.Cut(file, ".")
	w.keepIf(path.Join(path.Dir(path.Clean(dir)), base+".py"), analyzer.RuleSourceOf, "/"+name)
}

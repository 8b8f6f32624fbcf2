package keep

import (
	"path"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/python"
	"github.com/slimimage/slim/analyzer/rules"
)

// pythonState is what was read of Python sources.
type pythonState struct {
	done      map[string]bool // names of modules that were looked up
	installed []string        // site-packages and dist-packages
	library   searchPath      // the standard library
}

func newPythonState(im *image) pythonState {
	s := pythonState{done: map[string]bool{}, library: searchPath{globs: globs("**/lib/python3.[0-9]*")}}
	for _, name := range im.names {
		if base := path.Base(name); (base == "dist-packages" || base == "site-packages") && im.isDir(name) {
			s.installed = append(s.installed, name)
		}
	}
	return s
}

var stdlib = rules.MustCompile("**/lib/python3.*/**")

// pythonImports keeps the installed modules that a source file imports. The standard library is kept whole with its interpreter.
func (w *worklist) pythonImports(name string) {
	if stdlib.Match(name) && !strings.Contains(name, "-packages/") {
		return
	}
	src, err := w.im.read(name, python.MaxSize)
	if err != nil {
		return
	}
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

package keep

import (
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/python"
	"github.com/slimimage/slim/analyzer/rules"
)

// language keeps the modules that a kept source file imports.
func (w *worklist) language(name string) {
	switch path.Ext(name) {
	case ".py", ".pyw":
		w.pythonImports(name)
	case ".pyc":
		w.pythonSource(name)
	case ".pm", ".pl", ".psgi", ".t", ".cgi":
		w.perlUses(name)
	case ".rb", ".ru", ".gemspec":
		w.rubyRequires(name)
	case ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx":
		w.nodeImports(name)
	case "":
		w.byInterpreter(name)
	}
}

// byInterpreter reads a script without extension by what its first line says.
func (w *worklist) byInterpreter(name string) {
	head, err := w.im.read(name, headSize)
	if err != nil || !strings.HasPrefix(string(head), "#!") {
		return
	}
	line, _, _ := strings.Cut(string(head), "\n")
	switch {
	case strings.Contains(line, "python"):
		w.pythonImports(name)
	case strings.Contains(line, "perl"):
		w.perlUses(name)
	case strings.Contains(line, "ruby"):
		w.rubyRequires(name)
	case strings.Contains(line, "node"):
		w.nodeImports(name)
	}
}

// pythonPath is where Python modules may lie.
type pythonPath struct {
	dirs []string        // site-packages and dist-packages
	done map[string]bool // module names looked up
}

func (w *worklist) pythonDirs() *pythonPath {
	if w.python == nil {
		w.python = &pythonPath{done: map[string]bool{}}
		for _, name := range w.im.names {
			if base := path.Base(name); (base == "dist-packages" || base == "site-packages") && w.im.isDir(name) {
				w.python.dirs = append(w.python.dirs, name)
			}
		}
	}
	return w.python
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
	paths := w.pythonDirs()
	_, owned := w.db.Owner(name)
	for _, module := range python.Imports(src) {
		if strings.HasPrefix(module, ".") {
			w.pythonRelative(module, name)
			continue
		}
		if !owned && !dependency.Match(name) && rules.PythonOptional(module) {
			w.pythonOptional(module, "/"+name)
		}
		if paths.done[module] || owned && rules.PythonBuildTool(module) {
			continue
		}
		paths.done[module] = true
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

var stdlibDirs = []rules.Glob{rules.MustCompile("**/lib/python3.[0-9]*")}

// pythonOptional keeps a part of the standard library that is not kept with every interpreter.
func (w *worklist) pythonOptional(module, from string) {
	top, _, _ := strings.Cut(module, ".")
	for _, dir := range w.searchDirs("python", stdlibDirs) {
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
	for _, dir := range w.pythonDirs().dirs {
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

func (w *worklist) keepIf(name string, rule analyzer.Rule, from string) {
	if n, ok := w.im.nodes[name]; ok && !n.mode.IsDir() {
		w.add(name, analyzer.Reason{Rule: rule, From: from})
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
		if name == plain || strings.HasSuffix(tag, ".so") && (strings.HasPrefix(tag, ".cpython-") || strings.HasPrefix(tag, ".abi3.")) && !strings.Contains(tag, "/") {
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

// maxSource is how much of a Perl or Ruby file is read for its imports, in bytes.
const maxSource = 1 << 20

var (
	perlUse     = regexp.MustCompile(`(?m)^\s*(?:use|require|no)\s+(?:parent\s+|base\s+)?(?:-norequire,?\s*)?(?:qw\s*[(/{]?\s*|['"])?([A-Za-z_][\w]*(?:::\w+)*)|\brequire\s+([A-Z]\w*(?:::\w+)*)`)
	rubyRequire = regexp.MustCompile(`(?m)\b(?:require|autoload\s*\(?\s*:\w+\s*,|load)\s*\(?\s*['"]([\w./-]+)['"]|^\s*gem\s+['"]([\w-]+)['"]`)
	perlDirs    = []rules.Glob{rules.MustCompile("usr/share/perl5"), rules.MustCompile("usr/lib/*/perl5"), rules.MustCompile("usr/lib/*/perl5/*"), rules.MustCompile("usr/local/share/perl/*"), rules.MustCompile("usr/local/lib/*/perl/*"), rules.MustCompile("usr/local/lib/perl5/**"),
		rules.MustCompile("usr/share/perl/*"), rules.MustCompile("usr/lib/*/perl/*"), rules.MustCompile("usr/lib/*/perl-base")}
	rubyDirs = []rules.Glob{rules.MustCompile("usr/lib/ruby/vendor_ruby"), rules.MustCompile("usr/lib/*/ruby/vendor_ruby/*"), rules.MustCompile("**/gems/*/lib"), rules.MustCompile("usr/lib/ruby/vendor_ruby/*.*.*")}
)

// captures lists what any group of the pattern found.
func captures(re *regexp.Regexp, src []byte) []string {
	var found []string
	for _, m := range re.FindAllSubmatch(src, 10_000) {
		for _, group := range m[1:] {
			if len(group) > 0 {
				found = append(found, string(group))
			}
		}
	}
	return found
}

// searchDirs lists the directories that match, once for each language.
func (w *worklist) searchDirs(language string, globs []rules.Glob) []string {
	dirs, known := w.modules[language]
	if known {
		return dirs
	}
	for _, g := range globs {
		for _, dir := range w.im.match(g) {
			if w.im.isDir(dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	w.modules[language] = dirs
	return dirs
}

// perlUses keeps the modules that a Perl file uses, with the XS library of each.
func (w *worklist) perlUses(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	for _, module := range captures(perlUse, src) {
		if w.perl[module] {
			continue
		}
		w.perl[module] = true
		file := strings.ReplaceAll(module, "::", "/")
		for _, dir := range w.searchDirs("perl", perlDirs) {
			w.keepIf(path.Join(dir, file+".pm"), analyzer.RuleUsedBy, "/"+name)
			w.keepIf(path.Join(dir, "auto", file, path.Base(file)+".so"), analyzer.RuleUsedBy, "/"+name)
		}
	}
}

// rubyRequires keeps the libraries that a Ruby file requires.
func (w *worklist) rubyRequires(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	for _, feature := range captures(rubyRequire, src) {
		key := "ruby:" + feature
		if w.perl[key] {
			continue
		}
		w.perl[key] = true
		for _, dir := range w.searchDirs("ruby", rubyDirs) {
			w.keepIf(path.Join(dir, strings.TrimSuffix(feature, ".rb")+".rb"), analyzer.RuleRequiredBy, "/"+name)
			w.keepIf(path.Join(dir, feature+".so"), analyzer.RuleRequiredBy, "/"+name)
		}
	}
}

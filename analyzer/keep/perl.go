package keep

import (
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/keyword"
)

// perlState is what was read of Perl sources.
type perlState struct {
	done map[string]bool // files of modules that were looked up
	path searchPath
}

func newPerlState() perlState {
	return perlState{done: map[string]bool{}, path: searchPath{globs: perlDirs}}
}

var (
	// perlUse finds the modules that a source loads: perlfunc(1), use and require; aliased(3pm), Module::Runtime, Class::Load and
	// Module::Load by a literal name.
	perlUse  = keyword.New("use no require", `(?:use|no|require)\s+(?:aliased\s+)?['"]?([A-Za-z_]\w*(?:::\w+)*)`)
	perlLoad = keyword.New("use_module require_module use_package_optimistically load_class try_load_class load_module load autoload "+
		"load_optional_class", `(?:use_module|require_module|use_package_optimistically|load_class|try_load_class|load_module|load|autoload|`+
		`load_optional_class)\s*\(?\s*['"]([A-Za-z_]\w*(?:::\w+)*)['"]`)
	// perlClass is a word that may name a module: classes are loaded by lists of them (parent, base, Moose's extends and with).
	perlClass = expression{regexp.MustCompile(`\b([A-Za-z_]\w*(?:::\w+)+)`)}
	// perlList is a list of words after a pragma or a keyword that loads classes.
	perlList = keyword.New("parent base extends with", `(?:parent|base|extends|with)\b[^;(]*(?:qw\s*[(/{\[|]|['"(])([^;]{1,500}?);`)
	// perlWord is one word of such a list.
	perlWord = expression{regexp.MustCompile(`\b([A-Za-z_]\w*(?:::\w+)*)\b`)}
	// perlFile is a file that a source loads by its path below @INC.
	perlFile = keyword.New("require do", `(?:require|do)\s*\(?\s*['"]([\w.-]+(?:/[\w.-]+)*\.p[lmh])['"]`)
	// perlPod is documentation, and perlEnd what follows the source (perlpod(1), perldata(1)).
	perlPod = regexp.MustCompile(`(?ms)^=[a-zA-Z].*?(?:^=cut\b[^\n]*\n|\z)`)
	perlEnd = regexp.MustCompile(`(?m)^__END__\s*$`)
	// perlComment is a line that is a comment.
	perlComment = regexp.MustCompile(`(?m)^\s*#.*$`)
)

// perlDirs are where perl looks for modules (Debian Policy for Perl 2.3, Module Path; perl -V of Alpine and Fedora).
var perlDirs = globs(
	"usr/share/perl5",
	"usr/lib/*/perl5",
	"usr/lib/*/perl5/*",
	"usr/local/share/perl/*",
	"usr/local/lib/*/perl/*",
	"usr/local/lib/perl5/**",
	"usr/share/perl/*",
	"usr/lib/*/perl/*",
	"usr/lib/*/perl-base",
	"usr/{lib,lib64,share}/perl5",
	"usr/{lib,lib64,share}/perl5/{core_perl,vendor_perl}",
)

// perlUses keeps the modules that a Perl file loads or may load by name.
func (w *worklist) perlUses(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	src = perlPod.ReplaceAll(src, nil)
	if end := perlEnd.FindIndex(src); end != nil {
		src = src[:end[0]]
	}
	src = perlComment.ReplaceAll(src, nil)
	modules := captures(src, perlUse, perlLoad, perlClass)
	for _, list := range perlList.FindAll(src, maxNamed) {
		modules = append(modules, captures(list[1], perlWord)...)
	}
	for _, module := range modules {
		w.perlModule(strings.ReplaceAll(module, "::", "/")+".pm", "/"+name)
	}
	for _, file := range captures(src, perlFile) {
		w.perlModule(file, "/"+name)
	}
}

// perlModule keeps a file below @INC, with what XSLoader, AutoLoader and SelfLoader load for it: the files in its folder of auto.
func (w *worklist) perlModule(file, from string) {
	if w.perl.done[file] {
		return
	}
	w.perl.done[file] = true
	auto := path.Join("auto", strings.TrimSuffix(file, path.Ext(file)))
	for _, dir := range w.perl.path.dirs(w.im) {
		w.keepIf(path.Join(dir, file), analyzer.RuleUsedBy, from)
		for _, part := range w.im.below(path.Join(dir, auto)) {
			if path.Dir(part) == path.Join(dir, auto) {
				w.keepIf(part, analyzer.RuleUsedBy, from)
			}
		}
	}
}

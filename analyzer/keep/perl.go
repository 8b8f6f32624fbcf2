package keep

import (
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// perlState is what was read of Perl sources.
type perlState struct {
	done map[string]bool // names of modules that were looked up
	path searchPath
}

func newPerlState() perlState {
	return perlState{done: map[string]bool{}, path: searchPath{globs: perlDirs}}
}

// perlUse finds the modules that a source names: perlfunc(1), use and require; parent(3pm), base(3pm).
var perlUse = regexp.MustCompile(`(?m)^\s*(?:use|require|no)\s+(?:parent\s+|base\s+)?(?:-norequire,?\s*)?` +
	`(?:qw\s*[(/{]?\s*|['"])?([A-Za-z_][\w]*(?:::\w+)*)|\brequire\s+([A-Z]\w*(?:::\w+)*)`)

// perlDirs are where Debian's perl looks for modules (Debian Policy for Perl 2.3, Module Path).
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
)

// perlUses keeps the modules that a Perl file uses, with the XS library of each.
func (w *worklist) perlUses(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	for _, module := range captures(perlUse, src) {
		if w.perl.done[module] {
			continue
		}
		w.perl.done[module] = true
		file := strings.ReplaceAll(module, "::", "/")
		for _, dir := range w.perl.path.dirs(w.im) {
			w.keepIf(path.Join(dir, file+".pm"), analyzer.RuleUsedBy, "/"+name)
			w.keepIf(path.Join(dir, "auto", file, path.Base(file)+".so"), analyzer.RuleUsedBy, "/"+name)
		}
	}
}

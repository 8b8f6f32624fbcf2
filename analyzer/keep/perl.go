package keep

import (
	"bytes"
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
	// perlList is a list of words after a pragma or a keyword that loads classes.
	perlList = keyword.New("parent base extends with", `(?:parent|base|extends|with)\b[^;(]*(?:qw\s*[(/{\[|]|['"(])([^;]+?);`)
	// perlWord is one word of such a list.
	perlWord = expression{regexp.MustCompile(`\b([A-Za-z_]\w*(?:::\w+)*)\b`)}
	// perlFile is a file that a source loads by its path below @INC.
	perlFile = keyword.New("require do", `(?:require|do)\s*\(?\s*['"]([\w.-]+(?:/[\w.-]+)*\.p[lmh])['"]`)
)

// maxList bounds a list of classes, in bytes: what is longer is data or text.
const maxList = 500

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
	src = perlCode(src)
	modules := append(captures(src, perlUse, perlLoad), perlClasses(src)...)
	for _, list := range perlList.FindAll(src, maxNamed) {
		if len(list[1]) > maxList {
			continue
		}
		modules = append(modules, captures(list[1], perlWord)...)
	}
	for _, module := range modules {
		w.perlModule(strings.ReplaceAll(module, "::", "/")+".pm", "/"+name)
	}
	for _, file := range captures(src, perlFile) {
		w.perlModule(file, "/"+name)
	}
}

// perlCode is a source without its documentation, its comments, and what follows its end (perlpod(1), perldata(1)).
func perlCode(src []byte) []byte {
	code := make([]byte, 0, len(src))
	pod := false
	for line := range bytes.Lines(src) {
		switch {
		case pod:
			pod = !perlCut(line)
		case len(line) > 1 && line[0] == '=' && keyword.IsWord(line[1]) && !isDigit(line[1]) && line[1] != '_':
			pod = true
		case bytes.HasPrefix(line, []byte("__END__")) && len(bytes.TrimSpace(line)) == len("__END__"):
			return code
		case !bytes.HasPrefix(bytes.TrimLeft(line, " \t\r\f"), []byte("#")):
			code = append(code, line...)
		}
	}
	return code
}

// perlCut reports whether a line ends documentation.
func perlCut(line []byte) bool {
	rest, cut := bytes.CutPrefix(line, []byte("=cut"))
	return cut && (len(rest) == 0 || !keyword.IsWord(rest[0]))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// perlClasses lists the words that may name a module in a folder, A::B: classes are loaded by lists of them (parent, base, Moose's
// extends and with).
func perlClasses(src []byte) []string {
	var found []string
	for at := 0; len(found) < maxCaptures; {
		i := bytes.Index(src[at:], []byte("::"))
		if i < 0 {
			break
		}
		start, end := at+i, at+i
		for start > at && keyword.IsWord(src[start-1]) {
			start--
		}
		for bytes.HasPrefix(src[end:], []byte("::")) && end+2 < len(src) && keyword.IsWord(src[end+2]) {
			for end += 2; end < len(src) && keyword.IsWord(src[end]); end++ {
			}
		}
		if start < at+i && end > at+i && !isDigit(src[start]) {
			found = append(found, string(src[start:end]))
			at = end
			continue
		}
		at += i + 2
	}
	return found
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

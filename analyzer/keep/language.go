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

// dependency is a file of a language's package: its shell scripts are tools of its makers, and run only where the evidence says so.
var dependency = rules.MustCompile("**/{node_modules,site-packages,dist-packages,gems,vendor,bower_components}/**")

// language is a runtime of the rule tables and how the imports of its sources are read.
type language struct {
	rules.Runtime
	programs []rules.Glob
	modules  []rules.Glob
	whole    []rules.Glob
	packages []rules.Glob
	metadata []rules.Glob
	read     func(w *worklist, name string)

	present bool     // its interpreter is kept
	waiting []string // its kept sources, until it is
	held    []held   // files of packages that only it reads, until it is
}

// held is a file of a package in use and the package that it is data of.
type held struct{ name, from string }

// readers are the languages whose imports are followed. Each has a file of its own, with its state.
var readers = map[string]func(w *worklist, name string){
	"python": (*worklist).pythonFile,
	"perl":   (*worklist).perlUses,
	"ruby":   (*worklist).rubyRequires,
	"node":   (*worklist).nodeImports,
	"jvm":    (*worklist).jarClassPath,
}

func newLanguages() []*language {
	var list []*language
	for _, r := range rules.Runtimes() {
		list = append(list, &language{
			Runtime: r, programs: globs(r.Programs...), modules: globs(r.Modules...), whole: globs(r.Whole...),
			packages: globs(r.Packages...), metadata: globs(r.Metadata...), read: readers[r.Name],
		})
	}
	return list
}

// interprets notes what a kept path says of the languages in use: that it is the interpreter of one, or for which version.
func (w *worklist) interprets(name string) {
	for _, l := range w.languages {
		if !l.present && w.im.nodes[name].regular() && matchAny(l.programs, name) {
			w.present(l)
		}
	}
	w.pythonTag(name)
	if path.Ext(name) == ".py" {
		w.python.sources = append(w.python.sources, name)
	}
}

// openedSources notes the languages of which the run opened a source: some program that no rule knows interprets it.
func (w *worklist) openedSources() {
	for _, use := range w.seen.Paths {
		for _, l := range w.languages {
			if l.Opened && !l.present && slices.Contains(l.Extensions, path.Ext(string(use.Path))) && slices.Contains(use.Ops, analyzer.OpOpen) {
				w.present(l)
			}
		}
	}
}

func (w *worklist) present(l *language) {
	l.present = true
	for _, h := range l.held {
		w.add(h.name, analyzer.Reason{Rule: analyzer.RuleDataOf, From: h.from})
	}
	for _, name := range l.waiting {
		l.read(w, name)
	}
	l.held, l.waiting = nil, nil
}

// packageFile keeps a file of a package in use. A module of a language waits until its interpreter is kept.
func (w *worklist) packageFile(name, from string) {
	for _, l := range w.languages {
		if !l.present && matchAny(l.modules, name) {
			l.held = append(l.held, held{name, from})
			return
		}
	}
	w.add(name, analyzer.Reason{Rule: analyzer.RuleDataOf, From: from})
}

// distributed says whether a file of a package is a part of a language's library that is kept whole.
func (w *worklist) distributed(file, pkg string) bool {
	return slices.ContainsFunc(w.languages, func(l *language) bool {
		return matchAny(l.whole, file) && (len(l.packages) == 0 || matchAny(l.packages, pkg))
	})
}

// requirements follows what the metadata of a package in use says that it needs. The metadata itself may be kept already: runtimes list
// what is installed.
func (w *worklist) requirements(pkg *packages.Package) {
	for _, file := range pkg.Files {
		for _, l := range w.languages {
			if matchAny(l.metadata, file) {
				w.readSource(l, file)
			}
		}
	}
}

func (w *worklist) readSource(l *language, name string) {
	if l.present {
		l.read(w, name)
	} else {
		l.waiting = append(l.waiting, name)
	}
}

// inModules says whether a path lies among the modules of a language in use.
func (w *worklist) inModules(name string) bool {
	return slices.ContainsFunc(w.languages, func(l *language) bool { return l.present && matchAny(l.modules, name) })
}

// language keeps the modules that a kept source file imports, once its interpreter is kept too. The first line says of which language a
// script is, else its extension.
func (w *worklist) language(name string, head []byte) {
	extension := path.Ext(name)
	line := firstLine(head)
	for _, l := range w.languages {
		ours := slices.Contains(l.Extensions, extension) || matchAny(l.metadata, name) ||
			line != "" && l.Shebang != "" && strings.Contains(line, l.Shebang)
		if l.read == nil || !ours {
			continue
		}
		w.readSource(l, name)
		return
	}
}

// firstLine is the first line of a script, "" of another file.
func firstLine(head []byte) string {
	if !strings.HasPrefix(string(head), "#!") {
		return ""
	}
	line, _, _ := strings.Cut(string(head), "\n")
	return line
}

// searchPath is where a language looks for modules: the directories of the image that match globs, looked up once.
type searchPath struct {
	globs []rules.Glob
	found []string
	done  bool
}

// dirs lists the directories in the order of the globs.
func (p *searchPath) dirs(im *image) []string {
	if p.done {
		return p.found
	}
	p.done = true
	for _, g := range p.globs {
		for _, dir := range im.match(g) {
			if im.isDir(dir) {
				p.found = append(p.found, dir)
			}
		}
	}
	return p.found
}

// globs compiles patterns of the program's own.
func globs(patterns ...string) []rules.Glob {
	list := make([]rules.Glob, len(patterns))
	for i, pattern := range patterns {
		list[i] = rules.MustCompile(pattern)
	}
	return list
}

func matchAny(list []rules.Glob, name string) bool {
	return slices.ContainsFunc(list, func(g rules.Glob) bool { return g.Match(name) })
}

// captures lists what the groups of the patterns found.
func captures(src []byte, patterns ...finder) []string {
	var found []string
	for _, p := range patterns {
		for _, match := range p.FindAll(src, maxCaptures) {
			for _, group := range match[1:] {
				if len(group) > 0 {
					found = append(found, string(group))
				}
			}
		}
	}
	return found
}

// maxCaptures is how many matches of one pattern count in one source.
const maxCaptures = 10_000

// finder is a keyword.Pattern, or a regular expression where no keyword begins a match.
type finder interface {
	FindAll(src []byte, limit int) [][][]byte
}

type expression struct{ *regexp.Regexp }

func (e expression) FindAll(src []byte, limit int) [][][]byte { return e.FindAllSubmatch(src, limit) }

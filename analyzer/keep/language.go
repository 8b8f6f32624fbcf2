package keep

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/rules"
)

// dependency is a file of a language's package: its shell scripts are tools of its makers, and run only where the evidence says so.
var dependency = rules.MustCompile("**/{node_modules,site-packages,dist-packages,gems,vendor,bower_components}/**")

// language is how the imports of a language's sources are read.
type language struct {
	extensions  []string // of its sources
	interpreter string   // the word in the first line of a source without extension, "" where there is none
	read        func(w *worklist, name string)
}

// languages are those whose imports are followed. Each has a file of its own, with its state.
func languages() []language {
	return []language{
		{[]string{".py", ".pyw"}, "python", (*worklist).pythonImports},
		{[]string{".pyc"}, "", (*worklist).pythonSource},
		{[]string{".pm", ".pl", ".psgi", ".t", ".cgi"}, "perl", (*worklist).perlUses},
		{[]string{".rb", ".ru", ".gemspec"}, "ruby", (*worklist).rubyRequires},
		{[]string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"}, "node", (*worklist).nodeImports},
	}
}

// language keeps the modules that a kept source file imports. A file without extension is of the language that its first line names.
func (w *worklist) language(name string) {
	extension, line := path.Ext(name), ""
	if extension == "" {
		line = w.firstLine(name)
	}
	for _, l := range w.languages {
		if slices.Contains(l.extensions, extension) || line != "" && l.interpreter != "" && strings.Contains(line, l.interpreter) {
			l.read(w, name)
			return
		}
	}
}

// firstLine is the first line of a script, "" of another file.
func (w *worklist) firstLine(name string) string {
	head, err := w.im.read(name, headSize)
	if err != nil || !strings.HasPrefix(string(head), "#!") {
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

package keep

import (
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// helpers are the executable files of the image, as programs name them.
type helpers struct {
	byName map[string][]string // by base name
	dirs   map[string]bool     // that they are in
	onPath map[string]bool     // directories of PATH, physical
	needed map[string]bool     // packages that another one needs
}

// executables lists the helpers, once.
func (w *worklist) executables() *helpers {
	if w.binaries.helpers != nil {
		return w.binaries.helpers
	}
	h := &helpers{byName: map[string][]string{}, dirs: map[string]bool{}, onPath: map[string]bool{}}
	for _, dir := range strings.Split(w.env["PATH"], ":") {
		if res, ok := w.im.resolve(".", dir); ok {
			h.onPath[res.Path] = true
		}
	}
	for name, n := range w.im.nodes {
		dir, base := path.Split(name)
		dir = strings.TrimSuffix(dir, "/")
		link := n.kind() == "symlink" && h.onPath[dir]
		if len(base) < minHelper || strings.Contains(base, ".so") || !link && (!n.regular() || n.mode.Perm()&0o111 == 0) {
			continue
		}
		h.byName[base] = append(h.byName[base], name)
		h.dirs[dir] = true
	}
	for _, names := range h.byName {
		slices.Sort(names)
	}
	w.binaries.helpers = h
	return h
}

// minHelper is the length of the shortest name that says enough: shorter ones stand in too many other words.
const minHelper = 3

// startedBy keeps the programs that an ELF file starts, as far as its read-only data names them: by absolute path, by a name on
// PATH, or by a name and the directory. They must be of the same source package, or of a package that the image's author asked for.
func (w *worklist) startedBy(name string, file *elf.File) {
	if !rules.Spawns(file.Imports) && !file.Go && !file.Static {
		return
	}
	h, from := w.executables(), "/"+name
	if _, owned := w.db.Owner(name); !owned && file.Soname == "" && !rules.GeneralPurpose(name) && rules.SpawnsShell(file.Imports) {
		w.keepProgram("/bin/sh", analyzer.RuleStartedBy, from)
	}
	names := h.byName
	words, err := w.binaries.resolver.Words(name, func(word string) bool {
		if word[0] == '/' {
			_, ok := w.im.resolve(".", word)
			return ok
		}
		return names[word] != nil
	})
	if err != nil {
		return // elfFile has said so
	}
	dirs := map[string]bool{}
	for _, word := range words {
		if res, ok := w.im.resolve(".", word); ok && word[0] == '/' {
			dirs[res.Path] = true
		}
	}
	own := w.mayStart(name)
	for _, word := range words {
		if word[0] == '/' {
			res, ok := w.im.resolve(".", word)
			if ok && w.im.nodes[res.Path].regular() && w.im.nodes[res.Path].mode.Perm()&0o111 != 0 && own(res.Path) {
				w.runs(res.Path)
				w.keep(strings.TrimPrefix(word, "/"), analyzer.RuleNamedBy, from)
			}
			continue
		}
		for _, program := range names[word] {
			if dir := path.Dir(program); (h.onPath[dir] || dirs[dir]) && own(program) {
				w.runs(program)
				w.keep(program, analyzer.RuleStartedBy, from)
			}
		}
	}
}

// mayStart says which programs an ELF file may be meant to start: those of its own source package; those of packages that were asked
// for, where it is the application's own, was asked for itself, or ran.
func (w *worklist) mayStart(name string) func(program string) bool {
	mine, owned := w.db.Owner(name)
	trusted := !owned || w.chosen(mine) || w.scripts.executed[name]
	return func(program string) bool {
		pkg, ok := w.db.Owner(program)
		if res, resolved := w.im.resolve(".", program); !ok && resolved {
			pkg, ok = w.db.Owner(res.Path)
		}
		if !ok {
			return false // the application's own files are kept anyway
		}
		return owned && pkg.Source == mine.Source && pkg.Type == mine.Type || trusted && w.chosen(pkg) ||
			!owned && shell.Reads(path.Base(program)) // the application's own names a shell
	}
}

// chosen says whether a package is there for itself: the image's author asked for it (Package.Asked), or no other needs it, as one that
// apt installed because it is recommended, and it is no part of every system.
func (w *worklist) chosen(pkg *packages.Package) bool {
	h := w.executables()
	if h.needed == nil {
		h.needed = map[string]bool{}
		for _, other := range w.db.Packages() {
			for _, name := range other.Depends {
				h.needed[name] = h.needed[name] || name != other.Name
			}
		}
	}
	return pkg.Asked || !pkg.Essential && !h.needed[pkg.Name]
}

package keep

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/python"
)

var (
	// interpreterVersion is an interpreter of Python, or the library that programs embed.
	interpreterVersion = regexp.MustCompile(`/(?:lib)?python(3)\.(\d+)[a-z]?(?:\.so[0-9.]*)?$`)
	// bytecodeVersion is the version in the name of a bytecode file (PEP 3147).
	bytecodeVersion = regexp.MustCompile(`/__pycache__/[^/]+\.([a-z]+-?\d+)\.pyc$`)
)

// pythonTag notes the version of a kept interpreter: bytecode is of one version.
func (w *worklist) pythonTag(name string) {
	match := interpreterVersion.FindStringSubmatch(name)
	if match == nil {
		return
	}
	if tag := "cpython-" + match[1] + match[2]; !w.python.tags[tag] {
		w.python.tags[tag] = true
		w.python.compiled = 0
	}
}

// openedBytecode notes the versions of which the run opened bytecode: some program that no rule knows runs it.
func (w *worklist) openedBytecode() {
	for _, use := range w.seen.Paths {
		if match := bytecodeVersion.FindStringSubmatch(string(use.Path)); match != nil && slices.Contains(use.Ops, analyzer.OpOpen) {
			w.python.tags[match[1]] = true
		}
	}
}

// bytecode keeps the valid bytecode of the kept Python sources: without it, each start compiles them anew, and the slim image's root
// file system is read-only.
func (w *worklist) bytecode() {
	for _, name := range w.python.sources[w.python.compiled:] {
		dir, file := path.Split(name)
		stem := strings.TrimSuffix(file, ".py")
		for _, compiled := range w.im.beginning(dir + "__pycache__/" + stem + ".") {
			tag := strings.TrimSuffix(compiled[len(dir+"__pycache__/"+stem+"."):], ".pyc")
			if w.python.tags[tag] && w.compiled(compiled, name) {
				w.add(compiled, analyzer.Reason{Rule: analyzer.RuleBytecodeOf, From: "/" + name})
			}
		}
	}
	w.python.compiled = len(w.python.sources)
}

// compiled says whether an interpreter would use a bytecode file for its source.
func (w *worklist) compiled(name, source string) bool {
	header, err := w.im.read(name, python.HeaderSize)
	if err != nil {
		return false
	}
	b, ok := python.ReadBytecode(header)
	if !ok {
		return false
	}
	var content []byte
	if b.NeedsSource() {
		if content, err = w.im.read(source, python.MaxSize); err != nil {
			return false
		}
	}
	n := w.im.nodes[source]
	return b.Matches(n.info.ModTime().Unix(), n.size, content)
}

// cached says whether a path is bytecode that a source beside its folder gives rise to; it is kept by bytecode alone.
func cached(name string) bool {
	return path.Ext(name) == ".pyc" && path.Base(path.Dir(name)) == "__pycache__"
}

package keep

import (
	"fmt"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
)

// binaryState is what was read of ELF files.
type binaryState struct {
	resolver *elf.Resolver
	objects  map[string]*elf.Object
	shared   []string // shared libraries where the loader searches, nil before they are asked for
	calls    *callReading
	opened   map[string]bool // by rule, class and machine: what imports brought in
	helpers  *helpers
}

func newBinaryState(im *image, env map[string]string) binaryState {
	loader := elf.Env{LibraryPath: fields(env["LD_LIBRARY_PATH"], ":;"), Preload: fields(env["LD_PRELOAD"], ": ")}
	return binaryState{resolver: elf.NewResolver(im, loader), objects: map[string]*elf.Object{}, calls: newCallReading(),
		opened: map[string]bool{}}
}

// elfFile keeps what the kernel and the loader need for a program or library, and the libraries it names to load later.
func (w *worklist) elfFile(name string) {
	obj := w.binaries.objects[name]
	if obj == nil {
		var err error
		if obj, err = w.binaries.resolver.Open(name, nil); err != nil {
			w.warn(fmt.Sprintf("/%s looks like ELF and cannot be read: %v", name, err))
			return
		}
	}
	w.calls(name, obj.File)
	w.imports(name, obj)
	from := "/" + name
	for _, need := range w.binaries.resolver.Needs(obj) {
		for _, found := range need.Found {
			w.library(found, obj, analyzer.Reason{Rule: analyzer.RuleNeededBy, From: from})
		}
	}
	for _, file := range w.binaries.resolver.Files(obj) {
		w.found(file, analyzer.Reason{Rule: analyzer.RuleReadByLoaderOf, From: from})
	}
	if obj.File.Soname == "libc.so.6" && w.req.Options.Keep != analyzer.KeepObserved {
		w.nameService(obj)
	}
	if !obj.File.Dlopens || w.req.Options.Keep == analyzer.KeepObserved {
		return // at that level the run itself shows what was loaded
	}
	for _, library := range obj.File.Strings {
		if rules.Optional(obj.File.Soname, library) {
			continue
		}
		for _, found := range w.binaries.resolver.Lookup(library, obj) {
			w.library(found, obj, analyzer.Reason{Rule: analyzer.RuleLoadedBy, From: from})
		}
	}
}

// library keeps a library with the loader that asked for it, whose search path it inherits.
func (w *worklist) library(found elf.Found, loader *elf.Object, reason analyzer.Reason) {
	if w.binaries.objects[found.Path] == nil && found.File != nil && len(w.binaries.objects) < maxPaths {
		w.binaries.objects[found.Path] = found.Object(loader)
	}
	w.found(found, reason)
}

func (w *worklist) found(found elf.Found, reason analyzer.Reason) {
	for _, hop := range found.Hops {
		w.add(hop, analyzer.Reason{Rule: analyzer.RuleFollowedBy, From: reason.From})
	}
	w.add(found.Path, reason)
}

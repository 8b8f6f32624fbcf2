package elf

import "github.com/slimimage/slim/layers"

// Env is what of the image's configuration changes the search for libraries.
type Env struct {
	LibraryPath []string // LD_LIBRARY_PATH split at colons and semicolons
	Preload     []string // LD_PRELOAD split at colons and spaces
}

// Object is an ELF file in a process: what the loader knows when that file asks for a library.
type Object struct {
	Path   string  // physical path
	As     string  // the path it was opened by, before symlinks; Path when empty. It decides $ORIGIN.
	File   *File   // what it holds
	Loader *Object // who asked for it; nil for the program, and for a library looked at by itself
}

// Found is a file the loader may take for a name.
type Found struct {
	Path string   // physical
	As   string   // the path it is opened by
	Hops []string // physical paths of the symlinks followed
}

// Ways of a Need.
const (
	ViaInterp  = "interp"  // PT_INTERP: the kernel maps it
	ViaPreload = "preload" // LD_PRELOAD or /etc/ld.so.preload
	ViaNeeded  = "needed"  // DT_NEEDED
)

// Need is one thing an object needs, and the files that satisfy it: none when it is missing, several where the loader picks
// one by the CPU (glibc-hwcaps), which is not known here.
type Need struct {
	Name  string
	Via   string
	Found []Found
}

// Resolver finds libraries in a root filesystem. It remembers what it read and is not safe for concurrent use.
type Resolver struct {
	root layers.RootFS
	env  Env
}

// NewResolver makes a Resolver. It reads nothing yet.
func NewResolver(root layers.RootFS, env Env) *Resolver { return &Resolver{root: root, env: env} }

// Open reads the ELF file at a physical path as an Object asked for by loader (nil for a program).
func (r *Resolver) Open(path string, loader *Object) (*Object, error) { return nil, nil }

// Lookup finds the files that the loader of from's process would take for name, in its order: all variants for different
// CPUs, then the one for any. name is a DT_NEEDED or dlopen argument; with a slash it is a path. Nothing found is no error.
func (r *Resolver) Lookup(name string, from *Object) ([]Found, error) { return nil, nil }

// Needs lists what the kernel and the loader need to start obj: its interpreter and preloaded libraries when it is a program
// (obj.Loader is nil and it has an interpreter), then its DT_NEEDED. One level: open each Found with obj as loader and go on.
func (r *Resolver) Needs(obj *Object) ([]Need, error) { return nil, nil }

// Files lists the files the loader itself reads when it starts obj: ld.so.cache, ld.so.preload, musl's path file; those
// that exist, with hops.
func (r *Resolver) Files(obj *Object) ([]Found, error) { return nil, nil }

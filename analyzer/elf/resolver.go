package elf

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Env holds the settings of the image's configuration that change the search for libraries.
type Env struct {
	LibraryPath []string // LD_LIBRARY_PATH split at colons and semicolons
	Preload     []string // LD_PRELOAD split at colons and spaces
}

// Object is an ELF file in a process: what the loader knows when that file asks for a library.
type Object struct {
	Path   string  // physical path
	As     string  // the path it was opened by, before symlinks; Path when empty. It decides $ORIGIN.
	File   *File   // what it holds
	Loader *Object // the object that requested it; nil for the program, and for a library examined by itself
}

// Found is a file the loader may take for a name.
type Found struct {
	Path string   // physical
	As   string   // the path it is opened by, without leading slash
	Hops []string // physical paths of the symlinks followed
	File *File    // what it holds
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
	root  layers.RootFS
	env   Env
	files map[string]*File    // by physical path; nil: not ELF
	tried map[string]*Found   // by path as opened; nil: nothing there
	subs  map[string][]string // by architecture and directory: its subdirectories of CPU variants
	cache map[string][]cacheEntry
	conf  []string
	ready bool // cache and conf are read
}

// NewResolver makes a Resolver. It reads nothing yet.
func NewResolver(root layers.RootFS, env Env) *Resolver {
	return &Resolver{
		root: root, env: env,
		files: map[string]*File{}, tried: map[string]*Found{}, subs: map[string][]string{},
	}
}

// Open reads the ELF file at a physical path as an Object asked for by loader (nil for a program). The error of a file that
// is not ELF satisfies errors.Is(err, ErrNotELF).
func (r *Resolver) Open(name string, loader *Object) (*Object, error) {
	file, err := r.read(name)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", name, err)
	}
	return &Object{Path: name, File: file, Loader: loader}, nil
}

// Object is f as loaded by loader.
func (f Found) Object(loader *Object) *Object {
	return &Object{Path: f.Path, As: f.As, File: f.File, Loader: loader}
}

// Lookup finds the files that the loader of from's process would take for name, in its order: all variants for different
// CPUs, then the one for any. name is a DT_NEEDED or dlopen argument; with a slash it is a path. Nil when there is none.
func (r *Resolver) Lookup(name string, from *Object) []Found {
	if name == "" || len(name) > maxName || strings.IndexByte(name, 0) >= 0 {
		return nil
	}
	if r.isMusl(from) {
		return r.lookupMusl(name, from)
	}
	return r.lookupGlibc(name, from)
}

// Needs lists what the kernel and the loader need to start obj: its interpreter and preloaded libraries when it is a program
// (obj.Loader is nil and it has an interpreter), then its DT_NEEDED. One level: open each Found with obj as loader and go on.
func (r *Resolver) Needs(obj *Object) []Need {
	var needs []Need
	if obj.Loader == nil && obj.File.Interp != "" {
		need := Need{Name: obj.File.Interp, Via: ViaInterp}
		if found := r.try(obj.File.Interp, nil); found != nil {
			need.Found = []Found{*found}
		}
		needs = append(needs, need)
		for _, name := range r.preloads(obj) {
			needs = append(needs, Need{Name: name, Via: ViaPreload, Found: r.Lookup(name, obj)})
		}
	}
	for _, name := range obj.File.Needed {
		needs = append(needs, Need{Name: name, Via: ViaNeeded, Found: r.Lookup(name, obj)})
	}
	return needs
}

// Files lists the files the loader itself reads when it starts obj: ld.so.cache and ld.so.preload, or musl's path file;
// those that exist, with hops. File is nil in them.
func (r *Resolver) Files(obj *Object) []Found {
	names := []string{"/etc/ld.so.cache", "/etc/ld.so.preload"}
	if r.isMusl(obj) {
		names = r.muslPathFiles(obj)
	}
	var files []Found
	for _, name := range names {
		res, err := layers.Resolve(r.root, ".", name, true)
		if err == nil && !res.Missing {
			files = append(files, Found{Path: res.Path, As: strings.TrimPrefix(name, "/"), Hops: res.Hops})
		}
	}
	return files
}

// program is the object at the end of the chain of loaders.
func program(obj *Object) *Object {
	for obj.Loader != nil {
		obj = obj.Loader
	}
	return obj
}

// try is the library at an absolute path as opened, nil when there is none that like's process can load. A nil like takes
// any machine.
func (r *Resolver) try(name string, like *File) *Found {
	found, known := r.tried[name]
	if !known {
		found = r.find(name)
		r.tried[name] = found
	}
	if found == nil || like != nil && (found.File.Class != like.Class || found.File.Machine != like.Machine ||
		found.File.BigEndian != like.BigEndian) {
		return nil
	}
	return found
}

func (r *Resolver) find(name string) *Found {
	res, err := layers.Resolve(r.root, ".", name, true)
	if err != nil || res.Missing {
		return nil
	}
	file, err := r.read(res.Path)
	if err != nil {
		return nil
	}
	return &Found{Path: res.Path, As: strings.TrimLeft(name, "/"), Hops: res.Hops, File: file}
}

// read reads the ELF file at a physical path, once.
func (r *Resolver) read(name string) (*File, error) {
	if file, known := r.files[name]; known {
		if file == nil {
			return nil, ErrNotELF
		}
		return file, nil
	}
	file, err := readAt(r.root, name)
	r.files[name] = file
	return file, err
}

// maxInMemory bounds a file of a root whose files cannot be read at an offset, in bytes.
const maxInMemory = 256 << 20

func readAt(root layers.RootFS, name string) (file *File, err error) {
	err = withBytes(root, name, func(r io.ReaderAt, size int64) error {
		file, err = Read(r, size)
		return err
	})
	return file, err
}

// Code reads what the instructions of the ELF file at a physical path ask the kernel for.
func (r *Resolver) Code(name string) (code Code, err error) {
	err = withBytes(r.root, name, func(at io.ReaderAt, size int64) error {
		code, err = ReadCode(at, size)
		return err
	})
	return code, err
}

// withBytes opens an ELF file of the root at a physical path to be read at any offset.
func withBytes(root layers.RootFS, name string, use func(io.ReaderAt, int64) error) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return ErrNotELF
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if at, ok := f.(io.ReaderAt); ok {
		return use(at, info.Size())
	}
	head := make([]byte, 4)
	if _, err := io.ReadFull(f, head); err != nil || !IsELF(head) {
		return ErrNotELF
	}
	rest, err := io.ReadAll(io.LimitReader(f, maxInMemory))
	if err != nil {
		return err
	}
	data := append(head, rest...)
	return use(bytes.NewReader(data), int64(len(data)))
}

// readSmall reads a configuration file by path, following links; nil when it is not there or larger than limit.
func (r *Resolver) readSmall(name string, limit int64) []byte {
	res, err := layers.Resolve(r.root, ".", name, true)
	if err != nil || res.Missing {
		return nil
	}
	info, err := r.root.Lstat(res.Path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > limit {
		return nil
	}
	data, err := fs.ReadFile(r.root, res.Path)
	if err != nil || int64(len(data)) > limit {
		return nil
	}
	return data
}

// origins are the directories $ORIGIN may stand for, with leading slash: that of the name obj was opened by, and the
// physical one. The first may hold "..", which is left to be resolved physically.
func origins(obj *Object) []string {
	dirs := []string{dirOf(obj.Path)}
	if obj.As != "" && obj.As != obj.Path && obj.Loader != nil {
		dirs = append([]string{dirOf(obj.As)}, dirs...)
	}
	return dirs
}

func dirOf(name string) string {
	name = "/" + strings.TrimLeft(name, "/")
	return name[:max(1, strings.LastIndexByte(name, '/'))]
}

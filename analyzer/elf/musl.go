package elf

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// isMusl reports whether musl loads obj's process. The program's interpreter decides; for a library by itself, its needs decide, then
// the loader in the root.
func (r *Resolver) isMusl(obj *Object) bool {
	if interp := program(obj).File.Interp; interp != "" {
		return strings.HasPrefix(path.Base(interp), "ld-musl-")
	}
	for ; obj != nil; obj = obj.Loader {
		for _, name := range obj.File.Needed {
			switch {
			case name == "libc.so" || strings.HasPrefix(name, "libc.musl-"):
				return true
			case name == "libc.so.6":
				return false
			}
		}
		if obj.Loader == nil {
			return r.muslLoader(obj) != nil && r.try("/lib/libc.so.6", nil) == nil
		}
	}
	return false
}

// muslLoader is musl's loader for obj's architecture, nil when the root has none.
func (r *Resolver) muslLoader(obj *Object) *Found {
	if interp := program(obj).File.Interp; interp != "" {
		return r.try(interp, nil)
	}
	for _, name := range archOf(obj.File).musl {
		if found := r.try("/lib/ld-musl-"+name+".so.1", obj.File); found != nil {
			return found
		}
	}
	return nil
}

// muslOwn are the libraries that musl's loader provides itself: "lib" and one of these, followed by anything (load_library,
// ldso/dynlink.c: libc and the libraries that are part of it).
var muslOwn = []string{"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."}

// lookupMusl searches as musl's load_library does: LD_LIBRARY_PATH; the search paths of from and of all who loaded it, where
// DT_RUNPATH and DT_RPATH are the same; the path file or the default directories.
func (r *Resolver) lookupMusl(name string, from *Object) []Found {
	if strings.Contains(name, "/") {
		return r.firstOf([]string{name}, from.File)
	}
	if rest, ok := strings.CutPrefix(name, "lib"); ok {
		if slices.ContainsFunc(muslOwn, func(own string) bool { return strings.HasPrefix(rest, own) }) {
			if found := r.muslLoader(from); found != nil {
				return []Found{*found}
			}
		}
	}
	dirs := slices.Clone(r.env.LibraryPath)
	for obj := from; obj != nil; obj = obj.Loader {
		dirs = append(dirs, muslRunpath(obj)...)
	}
	dirs = append(dirs, r.muslSystemDirs(from)...)
	for _, dir := range dirs {
		if !strings.HasPrefix(dir, "/") {
			continue
		}
		if found := r.try(strings.TrimRight(dir, "/")+"/"+name, from.File); found != nil {
			return []Found{*found}
		}
	}
	return nil
}

// muslRunpath is obj's own search path expanded (fixup_rpath): $ORIGIN is the only token; with any other the path is ignored.
func muslRunpath(obj *Object) []string {
	list := obj.File.Runpath
	if len(list) == 0 {
		list = obj.File.Rpath
	}
	var dirs []string
	for _, dir := range list {
		for _, origin := range origins(obj) {
			text := strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(dir)
			if strings.Contains(text, "$") {
				return nil
			}
			dirs = append(dirs, text)
			if text == dir {
				break
			}
		}
	}
	return dirs
}

// muslPathFiles are the names of the file that lists the default directories: etc/ld-musl-ARCH.path beside the lib
// directory that the loader was started from.
func (r *Resolver) muslPathFiles(obj *Object) []string {
	prefix, archs := "", archOf(obj.File).musl
	if dir, file := path.Split(program(obj).File.Interp); strings.HasPrefix(file, "ld-musl-") {
		prefix = strings.TrimSuffix(dir, "/lib/")
		archs = []string{strings.TrimSuffix(strings.TrimPrefix(file, "ld-musl-"), ".so.1")}
	}
	var names []string
	for _, name := range archs {
		names = append(names, prefix+"/etc/ld-musl-"+name+".path")
	}
	return names
}

func (r *Resolver) muslSystemDirs(obj *Object) []string {
	for _, name := range r.muslPathFiles(obj) {
		if data := r.readSmall(name, maxConf); data != nil {
			return strings.FieldsFunc(string(data), func(c rune) bool { return c == '\n' || c == ':' })
		}
	}
	return []string{"/lib", "/usr/local/lib", "/usr/lib"}
}

// isDir reports whether an absolute path leads to a directory.
func (r *Resolver) isDir(name string) bool {
	res, err := layers.Resolve(r.root, ".", name, true)
	if err != nil || res.Missing {
		return false
	}
	info, err := r.root.Lstat(res.Path)
	return err == nil && info.Mode()&fs.ModeDir != 0
}

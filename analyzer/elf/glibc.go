package elf

import (
	"path"
	"slices"
	"strings"
)

// lookupGlibc searches as _dl_map_object does (glibc elf/dl-load.c, ld.so(8)): DT_RPATH of from and of those who loaded it,
// if from has no DT_RUNPATH; LD_LIBRARY_PATH; DT_RUNPATH of from; the cache; the default directories.
func (r *Resolver) lookupGlibc(name string, from *Object) []Found {
	r.load()
	like := from.File
	a := archOf(like)
	if strings.Contains(name, "/") {
		return r.firstOf(expand(name, from, a), like)
	}
	var found []Found
	for _, dir := range r.pathDirs(from, a) {
		if r.inDir(dir, name, a, like, &found) {
			return found
		}
	}
	if r.inCache(name, from, a, &found) || like.NoDefaultLib {
		return found
	}
	for _, dir := range append(slices.Clone(r.conf), a.systemDirs()...) {
		if r.inDir(dir, name, a, like, &found) {
			break
		}
	}
	return found
}

// firstOf is the first of the absolute paths at which there is a library.
func (r *Resolver) firstOf(names []string, like *File) []Found {
	for _, name := range names {
		if !strings.HasPrefix(name, "/") {
			continue // relative to the current directory, which is not known
		}
		if found := r.try(name, like); found != nil {
			return []Found{*found}
		}
	}
	return nil
}

// pathDirs are the directories before the cache, in order, expanded.
func (r *Resolver) pathDirs(from *Object, a arch) []string {
	var dirs []string
	add := func(list []string, obj *Object) {
		for _, dir := range list {
			dirs = append(dirs, expand(dir, obj, a)...)
		}
	}
	if len(from.File.Runpath) == 0 {
		for obj := from; obj != nil; obj = obj.Loader {
			if len(obj.File.Runpath) == 0 {
				add(obj.File.Rpath, obj)
			}
		}
	}
	add(r.env.LibraryPath, program(from))
	add(from.File.Runpath, from)
	return dirs
}

// expand replaces the dynamic string tokens $ORIGIN, $LIB and $PLATFORM (ld.so(8)), each also in braces, by all they may stand for.
func expand(text string, obj *Object, a arch) []string {
	texts := []string{text}
	for _, token := range []struct {
		name   string
		values []string
	}{{"ORIGIN", origins(obj)}, {"LIB", a.libs()}, {"PLATFORM", a.platform}} {
		var next []string
		for _, t := range texts {
			if !strings.Contains(t, "$"+token.name) && !strings.Contains(t, "${"+token.name+"}") {
				next = append(next, t)
				continue
			}
			for _, value := range token.values {
				next = append(next, strings.NewReplacer("${"+token.name+"}", value, "$"+token.name, value).Replace(t))
			}
		}
		texts = next
	}
	return texts
}

// inDir adds the variants of name in dir, then the plain file, and reports whether the plain file exists. It skips a relative
// directory: the current directory is not known.
func (r *Resolver) inDir(dir, name string, a arch, like *File, found *[]Found) bool {
	if !strings.HasPrefix(dir, "/") {
		return false
	}
	for _, sub := range r.variants(dir, a) {
		if f := r.try(sub+"/"+name, like); f != nil {
			addFound(found, f)
		}
	}
	f := r.try(strings.TrimRight(dir, "/")+"/"+name, like)
	if f != nil {
		addFound(found, f)
	}
	return f != nil
}

// inCache adds the entries of ld.so.cache for name and reports whether one of them is for any CPU.
func (r *Resolver) inCache(name string, from *Object, a arch, found *[]Found) bool {
	plain := false
	for _, entry := range r.cache[name] {
		if from.File.NoDefaultLib && slices.Contains(a.systemDirs(), path.Dir(entry.path)) {
			continue
		}
		if f := r.try(entry.path, from.File); f != nil {
			addFound(found, f)
			plain = plain || !entry.hwcap
		}
	}
	return plain
}

func addFound(found *[]Found, f *Found) {
	for _, have := range *found {
		if have.Path == f.Path && have.As == f.As {
			return
		}
	}
	*found = append(*found, *f)
}

// variants are the existing subdirectories of dir that the loader tries first on some CPU: glibc-hwcaps/NAME, and before
// glibc 2.37 nested ones named after features.
func (r *Resolver) variants(dir string, a arch) []string {
	key := strings.Join(a.multiarch, " ") + ":" + dir
	if subs, known := r.subs[key]; known {
		return subs
	}
	var subs []string
	base := strings.TrimRight(dir, "/")
	for _, level := range a.hwcaps {
		if sub := base + "/glibc-hwcaps/" + level; r.isDir(sub) {
			subs = append(subs, sub)
		}
	}
	r.legacy(base, a.legacy, &subs)
	r.subs[key] = subs
	return subs
}

// legacy adds the nested feature directories, the deepest first. Names nest in the order of the list, so this ends.
func (r *Resolver) legacy(base string, names []string, subs *[]string) {
	for i, name := range names {
		if sub := base + "/" + name; r.isDir(sub) {
			r.legacy(sub, names[i+1:], subs)
			*subs = append(*subs, sub)
		}
	}
}

// preloads are the libraries loaded before all others: LD_PRELOAD, then /etc/ld.so.preload (glibc only).
func (r *Resolver) preloads(obj *Object) []string {
	names := slices.Clone(r.env.Preload)
	if !r.isMusl(obj) {
		text := string(r.readSmall("/etc/ld.so.preload", maxConf))
		for line := range strings.Lines(text) {
			line, _, _ = strings.Cut(line, "#")
			names = append(names, strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(" \t\n:", c) })...)
		}
	}
	return names
}

package elf

import (
	"path"
	"strings"

	"github.com/slimimage/slim/layers"
)

// Bounds of ld.so.conf and what it includes.
const (
	maxConf      = 1 << 20 // bytes of one file
	maxConfFiles = 256
	maxConfDirs  = 4096
)

// load reads ld.so.cache once. Only if the cache is missing or unreadable, the directories of ld.so.conf are searched instead: the
// loader itself never reads that file, but ldconfig would build such a cache from it.
func (r *Resolver) load() {
	if r.ready {
		return
	}
	r.ready = true
	if data := r.readSmall("/etc/ld.so.cache", maxCache); data != nil {
		if cache, err := parseCache(data); err == nil {
			r.cache = cache
			return
		}
	}
	c := confReader{r: r, seen: map[string]bool{}}
	c.file("/etc/ld.so.conf")
	r.conf = c.dirs
}

// confReader collects directories from ld.so.conf (ldconfig(8)): one a line, "#" comments, "include PATTERN".
type confReader struct {
	r    *Resolver
	seen map[string]bool
	dirs []string
}

func (c *confReader) file(name string) {
	if c.seen[name] || len(c.seen) >= maxConfFiles {
		return
	}
	c.seen[name] = true
	for line := range strings.Lines(string(c.r.readSmall(name, maxConf))) {
		line, _, _ = strings.Cut(line, "#")
		fields := strings.Fields(line)
		switch {
		case len(fields) == 0 || fields[0] == "hwcap":
		case fields[0] == "include":
			for _, pattern := range fields[1:] {
				c.include(pattern, path.Dir(name))
			}
		case len(c.dirs) < maxConfDirs:
			// "DIR=TYPE" was a way to say which libc a directory is for.
			dir, _, _ := strings.Cut(strings.TrimSpace(line), "=")
			c.dirs = append(c.dirs, strings.FieldsFunc(dir, func(r rune) bool { return r == ':' || r == ',' || r == ' ' || r == '\t' })...)
		}
	}
}

// include reads the files that match a pattern, in order; a relative one is relative to the including file. Only the last
// component may hold wildcards.
func (c *confReader) include(pattern, dir string) {
	if !strings.HasPrefix(pattern, "/") {
		pattern = dir + "/" + pattern
	}
	parent, last := path.Split(pattern)
	res, err := layers.Resolve(c.r.root, ".", parent, true)
	if err != nil || res.Missing {
		return
	}
	entries, err := c.r.root.ReadDir(res.Path)
	if err != nil {
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if hidden := strings.HasPrefix(name, ".") && !strings.HasPrefix(last, "."); hidden {
			continue
		}
		if ok, err := path.Match(last, name); ok && err == nil {
			c.file(parent + name)
		}
	}
}

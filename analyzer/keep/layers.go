package keep

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Names of the layers of a plan, lowest first: what equal variants share lies lowest.
var layerNames = []string{"os", "runtime", "app"}

const (
	layerOS = iota
	layerRuntime
	layerApp
)

// basePackages are packages of the distributions' base systems that are neither essential nor a library: Debian's priorities required and
// important, Alpine's alpine-base, and the base group of Red Hat's.
var basePackages = []string{
	"base-files", "netbase", "tzdata", "ca-certificates", "media-types", "openssl", "musl", "busybox", "alpine-baselayout", "glibc", "setup",
	"filesystem",
}

// layerOf returns the layer of a kept path: the operating system's for what the package manager made and for packages of the
// distribution's base, the runtime's for other packages, the application's for a path that no package owns.
func (p *planner) layerOf(name string) int {
	pkg, owned := p.db.Owner(name)
	if !owned {
		if _, made := p.db.Generated(name); made {
			return layerOS
		}
		return layerApp
	}
	library := strings.HasPrefix(pkg.Name, "lib") && !strings.HasPrefix(pkg.Name, "libpython") && !strings.HasPrefix(pkg.Name, "libnode")
	if pkg.Essential || library || slices.Contains(basePackages, pkg.Name) {
		return layerOS
	}
	return layerRuntime
}

// assignLayers puts each path into a layer: names of one file into the same, a directory where its first entry is.
func (p *planner) assignLayers() {
	first := map[[2]uint64]int{}
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		if f.Kind == "dir" {
			continue
		}
		f.Layer = layerOS
		if !f.New {
			f.Layer = p.layerOf(name)
		}
		if n.stat.Nlink > 1 && n.regular() {
			id := [2]uint64{n.stat.Dev, n.stat.Ino}
			if layer, ok := first[id]; ok {
				f.Layer = layer
			} else {
				first[id] = f.Layer
			}
		}
	}
	p.dirLayers()
}

func (p *planner) dirLayers() {
	lowest := map[string]int{}
	for name, f := range p.files {
		if f.Kind == "dir" {
			continue
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if have, ok := lowest[dir]; !ok || f.Layer < have {
				lowest[dir] = f.Layer
			}
		}
	}
	for name, f := range p.files {
		if f.Kind == "dir" {
			f.Layer = lowest[name] // an empty directory is the system's
		}
	}
}

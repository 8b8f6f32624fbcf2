package compare

import (
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// missingIn lists the look-ups that found nothing in the slim image and succeeded in the original: the original used the same
// path, or something below it, or followed a symlink on the way that is gone, which is then what is listed. What the original
// itself made while it ran is no part of the image.
func missingIn(original, slim *analyzer.Evidence) []analyzer.MissingPath {
	used, made, hop := map[layers.Path]bool{}, map[layers.Path]bool{}, map[layers.Path]bool{}
	for _, p := range original.Paths {
		if slices.Contains(p.Ops, analyzer.OpCreate) {
			made[p.Path] = true
			continue
		}
		if slices.Contains(p.Ops, analyzer.OpHop) {
			hop[p.Path] = true
		}
		for at := p.Path; !used[at]; at = parentOf(at) {
			used[at] = true
		}
	}
	var missing []analyzer.MissingPath
	for _, m := range slim.Missing {
		if !m.NotFound() || anyParent(m.Path, made) != "" {
			continue
		}
		if link := anyParent(m.Path, hop); link != "" {
			m.Path = link
		}
		if used[m.Path] {
			missing = append(missing, m)
		}
	}
	return analyzer.UniteMissing(missing)
}

// parentOf is the directory of a path; the root is its own.
func parentOf(p layers.Path) layers.Path {
	if i := strings.LastIndexByte(string(p), '/'); i > 0 {
		return p[:i]
	}
	return "."
}

// anyParent is the path or the nearest of its parents that is in a set, "" when none is.
func anyParent(p layers.Path, set map[layers.Path]bool) layers.Path {
	for ; p != "."; p = parentOf(p) {
		if set[p] {
			return p
		}
	}
	return ""
}

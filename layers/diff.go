package layers

import (
	"fmt"
	"io/fs"
)

// Values of Change.Change.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// Change is one path that differs between two images.
type Change struct {
	Path   Path   `json:"path"`   // that differs
	Change string `json:"change"` // Added, Removed or Changed
	// What differs, of Changed: a subset of "type", "mode", "owner", "size", "content", "link", "device", "capability", in this order
	What   []string `json:"what,omitempty"`
	Before int64    `json:"before,omitempty"` // bytes, of a regular file
	After  int64    `json:"after,omitempty"`  // size in the second image
}

// Diff lists the differences between a and b, sorted by path. Times are not compared. The content of files of the same size is compared
// in one pass over each layer that holds one; layers that both images share are not read.
func Diff(a, b *Index) ([]Change, error) {
	before, after := a.Entries(), b.Entries()
	same, err := sameContent(a, b, pairs(before, after))
	if err != nil {
		return nil, fmt.Errorf("comparing contents: %w", err)
	}
	var changes []Change
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].Path < after[0].Path:
			changes = append(changes, Change{Path: before[0].Path, Change: Removed, Before: fileSize(before[0])})
			before = before[1:]
		case len(before) == 0 || after[0].Path < before[0].Path:
			changes = append(changes, Change{Path: after[0].Path, Change: Added, After: fileSize(after[0])})
			after = after[1:]
		default:
			x, y := before[0], after[0]
			if what := differences(x, y, same); len(what) > 0 {
				changes = append(changes, Change{Path: x.Path, Change: Changed, What: what, Before: fileSize(x), After: fileSize(y)})
			}
			before, after = before[1:], after[1:]
		}
	}
	return changes, nil
}

func fileSize(e Entry) int64 {
	if e.Mode.IsRegular() {
		return e.Size
	}
	return 0
}

// pair is a file before and after.
type pair struct{ before, after *Inode }

// pairs are the regular files of the same size under the same path in both sorted lists.
func pairs(before, after []Entry) []pair {
	var list []pair
	for i, j := 0, 0; i < len(before) && j < len(after); {
		x, y := before[i], after[j]
		switch {
		case x.Path < y.Path:
			i++
		case x.Path > y.Path:
			j++
		default:
			if x.Mode.IsRegular() && y.Mode.IsRegular() && x.Size == y.Size {
				list = append(list, pair{x.Inode, y.Inode})
			}
			i, j = i+1, j+1
		}
	}
	return list
}

// sameContent reports which pairs have the same bytes.
func sameContent(a, b *Index, list []pair) (map[pair]bool, error) {
	same := map[pair]bool{}
	ofA, ofB := map[*Inode]bool{}, map[*Inode]bool{}
	for _, p := range list {
		if same[p] = p.before.Size == 0 || samePlace(a, b, p); !same[p] {
			ofA[p.before], ofB[p.after] = true, true
		}
	}
	sumsA, err := a.hashes(ofA)
	if err != nil {
		return nil, err
	}
	sumsB, err := b.hashes(ofB)
	if err != nil {
		return nil, err
	}
	for p, known := range same {
		if !known {
			same[p] = sumsA[p.before] == sumsB[p.after]
		}
	}
	return same, nil
}

// samePlace says whether both files are the same entry of the same layer.
func samePlace(a, b *Index, p pair) bool {
	return p.before.Layer < len(a.ids) && p.after.Layer < len(b.ids) && a.ids[p.before.Layer] == b.ids[p.after.Layer] &&
		p.before.Position == p.after.Position
}

func differences(x, y Entry, same map[pair]bool) []string {
	if x.Mode.Type() != y.Mode.Type() {
		return []string{"type"}
	}
	var what []string
	const bits = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
	regular := x.Mode.IsRegular()
	for _, d := range []struct {
		name string
		yes  bool
	}{
		{"mode", x.Mode&bits != y.Mode&bits},
		{"owner", x.UID != y.UID || x.GID != y.GID},
		{"size", regular && x.Size != y.Size},
		{"content", regular && x.Size == y.Size && !same[pair{x.Inode, y.Inode}]},
		{"link", x.Link != y.Link},
		{"device", x.Rdev != y.Rdev},
		{"capability", x.Capability != y.Capability},
	} {
		if d.yes {
			what = append(what, d.name)
		}
	}
	return what
}

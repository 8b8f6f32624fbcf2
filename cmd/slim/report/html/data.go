package html

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// Bounds of the data of a page, so that it opens in seconds whatever the image holds.
const (
	maxPathData = 9 << 20 // bytes of paths and their columns
	maxWhyData  = 3 << 20 // bytes of reasons
	maxClauses  = 16      // reasons of one path
)

// dropped is the layer of a path that the slim image does not have.
const dropped = -1

// entry is one path of the list.
type entry struct {
	path  string // as it is printed, with leading slash
	size  int64
	pkg   string
	layer int // index in layers, or dropped
	kind  string
	note  string // what else is to be said: mode and owner
	why   []clause
}

// clause is one reason: a rule, and what it came from; a path of the list is a link.
type clause struct{ rule, from string }

// data is the list as the script reads it. A column has one number for each path; strings stand once, in a table that a column indexes.
// Directories form a chain: each has a parent before it and its own name, and a path is its directory and its name.
type data struct {
	Kind     string     `json:"kind"` // "build" or "inspect"
	Before   int64      `json:"before"`
	After    int64      `json:"after"`
	Layers   []string   `json:"layers"`
	Packages []string   `json:"packages"` // the first is ""
	Kinds    []string   `json:"kinds"`
	Notes    []string   `json:"notes"` // the first is ""
	Rules    []string   `json:"rules"`
	Texts    []string   `json:"texts"`
	Whys     [][]int    `json:"whys"` // pairs of an index in Rules and what it came from: 0 nothing, n the path n-1, -n the text n-1
	Dirs     dirColumns `json:"dirs"`
	Paths    columnsOf  `json:"paths"`
	Omitted  int        `json:"omitted"` // paths that are counted in rows of their own, for want of space

	rules, texts names
	whys         map[string]int
	whyBytes     int
}

type dirColumns struct {
	Parent []int    `json:"parent"` // of the root 0
	Name   []string `json:"name"`
}

type columnsOf struct {
	Dir   []int    `json:"dir"`
	Name  []string `json:"name"`
	Size  []int64  `json:"size"`
	Pkg   []int    `json:"pkg"`
	Layer []int    `json:"layer"`
	Kind  []int    `json:"kind"`
	Note  []int    `json:"note"`
	Why   []int    `json:"why"`
}

// names gives each string of a table its index.
type names map[string]int

func (t names) of(list *[]string, s string) int {
	i, ok := t[s]
	if !ok {
		i = len(*list)
		t[s] = i
		*list = append(*list, s)
	}
	return i
}

// newData makes the data of a list. Entries come in the order of their importance: where there are too many, the last are only counted.
func newData(kind string, layers []string, entries []entry) *data {
	d := &data{Kind: kind, Layers: layers, Packages: []string{""}, Kinds: []string{}, Notes: []string{""}, Rules: []string{},
		Texts: []string{}, Whys: [][]int{{}},
		rules: names{}, texts: names{}, whys: map[string]int{"": 0}}
	entries = d.bound(entries)
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	where := map[string]int{}
	for i := range entries {
		where[entries[i].path] = i
	}
	dirs, packages, kinds, notes := map[string]int{}, names{"": 0}, names{}, names{"": 0}
	d.Dirs = dirColumns{Parent: []int{0}, Name: []string{""}}
	dirs["/"] = 0
	for i := range entries {
		e := &entries[i]
		p := &d.Paths
		p.Dir = append(p.Dir, d.dir(dirs, path.Dir(e.path)))
		p.Name = append(p.Name, printable.Text(path.Base(e.path)))
		p.Size = append(p.Size, e.size)
		p.Pkg = append(p.Pkg, packages.of(&d.Packages, short(e.pkg)))
		p.Layer = append(p.Layer, e.layer)
		p.Kind = append(p.Kind, kinds.of(&d.Kinds, e.kind))
		p.Note = append(p.Note, notes.of(&d.Notes, short(e.note)))
		p.Why = append(p.Why, d.why(e.why, where))
	}
	return d
}

// perPath is what the columns of a path cost besides its name, in bytes.
const perPath = 40

// bound keeps the entries that fit, and adds one for the rest of each layer, so that sums stay right.
func (d *data) bound(entries []entry) []entry {
	spent, counted := 0, map[string]bool{}
	once := func(key, text string) bool {
		if counted[key] {
			return false
		}
		counted[key] = true
		spent += len(text) + 12
		return true
	}
	for i := range entries {
		e := &entries[i]
		spent += len(printable.Text(path.Base(e.path))) + perPath
		once("package "+e.pkg, short(e.pkg))
		once("note "+e.note, short(e.note))
		for dir := path.Dir(e.path); dir != "/" && dir != "." && once(dir, printable.Text(path.Base(dir))); dir = path.Dir(dir) {
		}
		if spent > maxPathData {
			d.Omitted = len(entries) - i
			return slices.Concat(entries[:i:i], rest(entries[i:]))
		}
	}
	return slices.Clone(entries)
}

// rest adds entries up to one for each layer.
func rest(entries []entry) []entry {
	type sum struct {
		n    int
		size int64
	}
	sums := map[int]*sum{}
	for i := range entries {
		e := &entries[i]
		if sums[e.layer] == nil {
			sums[e.layer] = &sum{}
		}
		sums[e.layer].n++
		sums[e.layer].size += e.size
	}
	var list []entry
	for layer, s := range sums { // sorted by newData: the names differ
		list = append(list, entry{path: fmt.Sprintf("/(%d more paths, layer %d)", s.n, layer), size: s.size, layer: layer, kind: "not listed"})
	}
	return list
}

// dir is the index of a directory; its parents are added first.
func (d *data) dir(known map[string]int, name string) int {
	if name == "." || name == "" {
		name = "/"
	}
	if i, ok := known[name]; ok {
		return i
	}
	parent := d.dir(known, path.Dir(name))
	i := len(d.Dirs.Name)
	known[name] = i
	d.Dirs.Parent = append(d.Dirs.Parent, parent)
	d.Dirs.Name = append(d.Dirs.Name, printable.Text(path.Base(name)))
	return i
}

// why is the index of a list of reasons.
func (d *data) why(list []clause, where map[string]int) int {
	const more = "… (slim explain has all)"
	var set []int
	for i, c := range list {
		if i == maxClauses || d.whyBytes > maxWhyData {
			set = append(set, d.rules.of(&d.Rules, more), 0)
			break
		}
		set = append(set, d.rules.of(&d.Rules, short(c.rule)), d.source(c.from, where))
	}
	key := fmt.Sprint(set)
	if len(set) == 0 {
		key = ""
	}
	i, ok := d.whys[key]
	if !ok {
		i = len(d.Whys)
		d.whys[key] = i
		d.Whys = append(d.Whys, set)
		d.whyBytes += len(key)
	}
	return i
}

// source is what a reason came from, as a number.
func (d *data) source(from string, where map[string]int) int {
	if from == "" {
		return 0
	}
	if i, ok := where[from]; ok {
		return i + 1
	}
	n := len(d.Texts)
	i := d.texts.of(&d.Texts, short(from))
	if len(d.Texts) > n {
		d.whyBytes += len(from)
	}
	return -(i + 1)
}

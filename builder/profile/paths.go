package profile

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// maxWritable bounds the directories that are mounted over the root filesystem.
const maxWritable = 32

// kept lists the image's files and which of them are programs.
func (m *Model) kept(ev *analyzer.Evidence, plan *analyzer.Plan) {
	files, programs := map[layers.Path]bool{}, map[layers.Path]bool{}
	if plan != nil {
		for _, file := range plan.Files {
			if file.Kind != "dir" {
				files[file.Path] = true
			}
		}
	}
	for _, use := range ev.Paths {
		if plan == nil && isFile(use) && !slices.Contains(use.Ops, analyzer.OpCreate) {
			files[use.Path] = true
		}
		if slices.Contains(use.Ops, analyzer.OpExec) || slices.Contains(use.Ops, analyzer.OpInterp) {
			programs[use.Path] = true
		}
		if slices.Contains(use.Ops, analyzer.OpList) && !rules.KernelDir(string(use.Path)) {
			m.Listed = append(m.Listed, use.Path)
		}
	}
	slices.Sort(m.Listed)
	for name := range files {
		if slices.Contains([]string{"bin", "sbin", "libexec"}, path.Base(path.Dir(string(name)))) {
			programs[name] = true
		}
	}
	maps.DeleteFunc(programs, func(name layers.Path, _ bool) bool { return !files[name] })
	m.Kept, m.Programs = slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(programs))
}

// isFile reports whether the operations on a path are possible on a file and include more than a look-up.
func isFile(use analyzer.PathUse) bool {
	return slices.ContainsFunc(use.Ops, func(op analyzer.Op) bool {
		return op == analyzer.OpOpen || op == analyzer.OpExec || op == analyzer.OpInterp || op == analyzer.OpHop || op == analyzer.OpReadlink
	}) && !slices.Contains(use.Ops, analyzer.OpList) && !slices.Contains(use.Ops, analyzer.OpChdir)
}

// tree records the image's directories.
type tree struct {
	dirs    map[layers.Path]bool // they exist before the program starts
	used    map[layers.Path]bool // the run did something with them
	created map[layers.Path]bool // made by the run
}

func newTree(ev *analyzer.Evidence, plan *analyzer.Plan) tree {
	t := tree{dirs: map[layers.Path]bool{}, used: map[layers.Path]bool{}, created: map[layers.Path]bool{}}
	if plan != nil {
		for _, file := range plan.Files {
			if file.Kind == "dir" {
				t.dirs[file.Path] = true
			}
		}
	}
	for _, use := range ev.Paths {
		t.used[use.Path] = true
		if slices.Contains(use.Ops, analyzer.OpCreate) {
			t.created[use.Path] = true
			continue
		}
		if plan != nil {
			continue // the plan lists every used directory of the image: the run made all others, recorded or not
		}
		t.parents(use.Path)
		if slices.Contains(use.Ops, analyzer.OpList) || slices.Contains(use.Ops, analyzer.OpChdir) {
			t.dirs[use.Path] = true
		}
	}
	return t
}

// parents notes that the directories above a path of the image exist.
func (t tree) parents(name layers.Path) {
	for dir := parent(name); dir != "."; dir = parent(dir) {
		t.dirs[dir] = true
	}
}

func parent(name layers.Path) layers.Path { return layers.Path(path.Dir(string(name))) }

// below says whether a path lies under a directory.
func below(dir, name layers.Path) bool { return strings.HasPrefix(string(name), string(dir)+"/") }

// writable finds the directories that must be writable on a read-only root filesystem.
func (m *Model) writable(ev *analyzer.Evidence, plan *analyzer.Plan) {
	t, found := newTree(ev, plan), map[layers.Path]bool{}
	for _, use := range ev.Paths {
		created := slices.Contains(use.Ops, analyzer.OpCreate)
		if !created && !slices.Contains(use.Ops, analyzer.OpWrite) || rules.KernelDir(string(use.Path)) || rules.BytecodeCache(string(use.Path)) {
			continue
		}
		dir := use.Path
		for dir != "." && (t.created[dir] || !t.dirs[dir]) {
			dir = parent(dir)
			if plan == nil && !t.created[dir] {
				break // the evidence alone does not list every directory
			}
		}
		found[dir] = true
	}
	if plan != nil {
		state := stateDirectories(plan)
		for _, name := range plan.Writable {
			// The user only reads a directory that has files and in which nothing was written, unless it holds state.
			found[name] = found[name] || !m.populated(name) || state[name]
		}
	}
	if plan != nil && m.UID == 0 && m.becomesOthers(ev) {
		for _, name := range othersDirectories(plan) {
			found[name] = true
		}
	}
	if home := homeOf(plan); m.OpenEnded && t.dirs[home] {
		found[home] = true // tools keep settings, histories and caches there
	}
	if t.dirs["tmp"] || t.used["tmp"] {
		found["tmp"] = true // programs make temporary files on code paths that a run need not have taken
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if found[name] {
			m.addWritable(name)
		}
	}
	m.skeleton(t)
	if len(m.Writable) > maxWritable {
		m.warn("%d directories are written to: only the first %d are made writable", len(m.Writable), maxWritable)
		m.Writable = m.Writable[:maxWritable]
	}
}

// homeOf is the home directory of the image's user, "." where none is known.
func homeOf(plan *analyzer.Plan) layers.Path {
	if plan == nil {
		return "."
	}
	return layers.CleanPath(plan.User.Home)
}

// stateDirectories are the directories with a file in them that the application writes.
func stateDirectories(plan *analyzer.Plan) map[layers.Path]bool {
	dirs := map[layers.Path]bool{}
	for _, file := range plan.Files {
		if file.Kind == "file" && slices.Contains(file.Reasons, analyzer.Reason{Rule: analyzer.RuleState}) {
			dirs[parent(file.Path)] = true
		}
	}
	return dirs
}

// populated says whether the image has files below a directory.
func (m *Model) populated(dir layers.Path) bool {
	return slices.ContainsFunc(m.Kept, func(file layers.Path) bool { return below(dir, file) })
}

func (m *Model) addWritable(name layers.Path) {
	w := Writable{Path: name, Populated: m.populated(name)}
	switch {
	case rules.KernelDir(string(name)):
		return
	case rules.Unmountable(string(name)) || w.Populated && below("usr", name) && !below("usr/local", name):
		m.warn("the program wrote in %s, which stays read-only: give it another place", name)
	case mountable(name) != nil:
		m.warn("the program wrote in %s, whose name no mount can carry: it stays read-only", name)
	default:
		if w.Populated {
			m.warn("%s is written to and holds files of the image: docker and compose copy them into a volume, "+
				"Kubernetes needs a volume that has them", name)
		}
		m.Writable = append(m.Writable, w)
	}
}

// skeleton adds the directories that the run used below an empty mount: they would be gone. Those below a populated one are copied.
func (m *Model) skeleton(t tree) {
	var nested []layers.Path
	for dir := range t.dirs {
		if t.used[dir] && mountable(dir) == nil &&
			slices.ContainsFunc(m.Writable, func(w Writable) bool { return !w.Populated && below(w.Path, dir) }) {
			nested = append(nested, dir)
		}
	}
	for _, dir := range nested {
		if !slices.ContainsFunc(m.Writable, func(w Writable) bool { return w.Path == dir }) {
			m.Writable = append(m.Writable, Writable{Path: dir})
		}
	}
	slices.SortFunc(m.Writable, func(a, b Writable) int { return strings.Compare(string(a.Path), string(b.Path)) })
	var top []Writable
	for _, w := range m.Writable {
		under := slices.IndexFunc(top, func(o Writable) bool { return below(o.Path, w.Path) })
		if under < 0 || !top[under].Populated && t.dirs[w.Path] {
			top = append(top, w)
		}
	}
	m.Writable = top
}

// addVolume marks a directory that the image's config declares as a volume: its files are to outlive the container.
func (m *Model) addVolume(declared string) {
	name := layers.CleanPath(declared)
	if err := mountable(name); err != nil || rules.KernelDir(string(name)) {
		m.warn("the volume %s that the image declares is left out: no mount can carry it", name)
		return
	}
	i := slices.IndexFunc(m.Writable, func(w Writable) bool { return w.Path == name })
	if i < 0 {
		i = len(m.Writable)
		m.Writable = append(m.Writable, Writable{Path: name, Populated: m.populated(name)})
	}
	m.Writable[i].Volume = true
	m.warn("%s is a volume: in Kubernetes replace its emptyDir by a claim if what it holds must last", name)
	slices.SortFunc(m.Writable, func(a, b Writable) int { return strings.Compare(string(a.Path), string(b.Path)) })
}

package keep

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// maxIncomplete bounds Plan.Incomplete, which a label of the image holds.
const maxIncomplete = 10

// planner turns what a worklist kept into a plan.
type planner struct {
	*worklist
	files       map[string]*analyzer.File
	user        analyzer.User
	setuidFiles []layers.Path // programs that keep a setuid or setgid bit
	told        []analyzer.Sensitive
	withheld    map[string]bool // credentials and devices that are left out
}

// plan makes the plan of what was kept.
func (w *worklist) plan() (*analyzer.Plan, error) {
	user, err := w.decideUser()
	if err != nil {
		return nil, err
	}
	p := &planner{worklist: w, files: map[string]*analyzer.File{}, user: user, withheld: map[string]bool{}}
	p.withholdSecrets()
	p.withholdSensitive()
	for _, name := range slices.Sorted(maps.Keys(w.kept)) { // in order: the first entry of a directory is its reason
		p.put(name, w.kept[name])
	}
	p.skeleton()
	p.passwdFiles()
	p.ownership()
	p.records()
	p.setuidFiles = p.setuid()
	p.capabilities()
	p.tighten()
	p.assignLayers()
	return p.build(), nil
}

func (p *planner) put(name string, reasons []analyzer.Reason) *analyzer.File {
	n := p.im.nodes[name]
	if n.kind() == "socket" {
		return nil
	}
	f := &analyzer.File{Path: layers.Path(name), Kind: n.kind(), Reasons: reasons}
	if n.regular() {
		f.Size = n.size
	}
	if pkg, ok := p.db.Owner(name); ok {
		f.Package = pkg.Name
	}
	p.files[name] = f
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if p.files[dir] == nil {
			reason := analyzer.Reason{Rule: analyzer.RuleParentOf, From: "/" + name}
			p.files[dir] = &analyzer.File{Path: layers.Path(dir), Kind: "dir", Reasons: []analyzer.Reason{reason}}
		}
	}
	return f
}

// fresh is a path that the image does not have.
func (p *planner) fresh(name, kind string, mode uint32, content []byte) *analyzer.File {
	zero := uint32(0)
	f := &analyzer.File{
		Path: layers.Path(name), Kind: kind, New: true, Mode: &mode, UID: &zero, GID: &zero,
		Content: content, Size: int64(len(content)), Reasons: []analyzer.Reason{{Rule: analyzer.RuleIdentity}},
	}
	p.files[name] = f
	return f
}

// edit adds a line to a file of the image, or makes the file.
func (p *planner) edit(name, line, otherwise string) {
	data, err := p.im.read(name, 4<<20)
	if err != nil {
		if !p.im.has("etc") && p.files["etc"] == nil {
			p.fresh("etc", "dir", 0o755, nil)
		}
		p.fresh(name, "file", 0o644, []byte(otherwise+line))
		return
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		data = append(data, '\n')
	}
	f := p.put(name, []analyzer.Reason{{Rule: analyzer.RuleIdentity, From: "user " + p.user.Name}})
	f.Content, f.Edited = append(data, line...), true
	f.Size = int64(len(f.Content))
}

func (p *planner) parents(name string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if p.files[dir] == nil {
			if p.im.has(dir) {
				p.put(dir, []analyzer.Reason{{Rule: analyzer.RuleParentOf, From: "/" + name}})
			} else {
				p.fresh(dir, "dir", 0o755, nil)
			}
		}
	}
}

// included says whether the user asked for a path, by itself or with the directory it is in.
func included(reasons []analyzer.Reason) bool {
	return slices.ContainsFunc(reasons, func(r analyzer.Reason) bool { return r.Rule == analyzer.RuleIncluded })
}

// skeleton keeps the empty directories: a program makes files in them, and together they cost a few kilobytes. Those of
// documentation, caches and package managers' own folders are no use.
func (p *planner) skeleton() {
	for _, name := range p.im.names {
		if name == "." || !p.im.isDir(name) || p.files[name] != nil || p.excluded(name) || rules.Sandbox(name) {
			continue
		}
		temporary := strings.HasPrefix(name, "run") || strings.HasPrefix(name, "var/tmp") || name == "tmp"
		if p.junked(name+"/x") != "" && !temporary || rules.UnusedTree(name) {
			continue
		}
		p.put(name, []analyzer.Reason{{Rule: analyzer.RuleSkeleton}})
	}
}

// build sorts, counts and renumbers the layers that have files.
func (p *planner) build() *analyzer.Plan {
	plan := &analyzer.Plan{Schema: analyzer.PlanSchema, Image: p.req.Image, Platform: p.req.Platform, Options: p.req.Options, User: p.user}
	names := slices.Sorted(maps.Keys(p.files))
	sizes := make([]analyzer.Layer, len(layerNames))
	inodes := map[[2]uint64]bool{}
	for _, name := range names {
		f := p.files[name]
		l := &sizes[f.Layer]
		l.Name = layerNames[f.Layer]
		if f.Kind == "dir" {
			continue
		}
		l.Files++
		plan.After.Files++
		if f.Again = p.counted(name, inodes); !f.Again {
			l.Bytes += f.Size
			plan.After.Bytes += f.Size
		}
	}
	number := make([]int, len(sizes))
	for i, l := range sizes {
		if l.Name != "" {
			number[i] = len(plan.Layers)
			plan.Layers = append(plan.Layers, l)
		}
	}
	for _, name := range names {
		f := p.files[name]
		f.Layer = number[f.Layer]
		slices.SortFunc(f.Reasons, func(a, b analyzer.Reason) int { return strings.Compare(a.String(), b.String()) })
		plan.Files = append(plan.Files, *f)
		if f.Kind == "dir" && (f.UID != nil && *f.UID == p.user.UID && p.user.UID != 0 || p.prepared(name)) {
			plan.Writable = append(plan.Writable, f.Path)
		}
	}
	p.totals(plan)
	plan.Packages = p.packagesKept()
	p.binaries.calls.finish()
	plan.Syscalls = slices.Sorted(maps.Keys(p.binaries.calls.calls))
	plan.AnySyscall = slices.Sorted(slices.Values(p.binaries.calls.any))
	p.warn(p.binaries.calls.warnings...)
	plan.Warnings = slices.Sorted(maps.Keys(p.warnings))
	reasons := p.db.Incomplete()
	plan.Incomplete = reasons[:min(len(reasons), maxIncomplete)]
	plan.Programs = p.programs()
	plan.Sensitive = p.told[:min(len(p.told), maxSensitive)]
	plan.Directories, plan.Setuid = p.directories(), p.setuidFiles
	return plan
}

// programs counts the programs that are kept, and those of them that a run executed.
func (p *planner) programs() *analyzer.Programs {
	places := map[string]bool{} // directories of PATH, and programs elsewhere
	for _, dir := range fields(p.env["PATH"], ":") {
		if res, ok := p.im.resolve(".", dir); ok {
			places[res.Path] = true
		}
	}
	ran := map[string]bool{}
	for _, use := range p.seen.Paths {
		ran[string(use.Path)] = slices.Contains(use.Ops, analyzer.OpExec) || slices.Contains(use.Ops, analyzer.OpInterp)
		if slices.Contains(use.Ops, analyzer.OpExec) {
			places[string(use.Path)] = true
		}
	}
	count := &analyzer.Programs{}
	for name := range p.files {
		n := p.im.nodes[name]
		if !n.regular() || n.mode.Perm()&0o111 == 0 || !places[name] && !places[path.Dir(name)] {
			continue
		}
		count.Kept++
		if ran[name] {
			count.Ran++
		}
	}
	return count
}

// counted says whether another name of the same file was counted before.
func (p *planner) counted(name string, inodes map[[2]uint64]bool) bool {
	n, ok := p.im.nodes[name]
	if !ok || n.stat.Nlink < 2 || !n.regular() {
		return false
	}
	id := [2]uint64{n.stat.Dev, n.stat.Ino}
	before := inodes[id]
	inodes[id] = true
	return before
}

// totals counts the image before, the floor, and lists what is dropped.
func (p *planner) totals(plan *analyzer.Plan) {
	before, counted := map[[2]uint64]bool{}, map[[2]uint64]bool{}
	for name := range p.files {
		p.counted(name, counted)
	}
	for _, name := range p.im.names {
		n := p.im.nodes[name]
		if n.mode.IsDir() || name == "." {
			continue
		}
		plan.Before.Files++
		if n.regular() && !p.counted(name, before) {
			plan.Before.Bytes += n.size
		}
		if p.files[name] == nil && n.kind() != "socket" {
			d := analyzer.Dropped{Path: layers.Path(name), Rule: p.junked(name)}
			if n.regular() {
				d.Size, d.Again = n.size, p.counted(name, counted)
			}
			if pkg, ok := p.db.Owner(name); ok {
				d.Package = pkg.Name
			}
			if p.withheld[name] {
				d.Rule = analyzer.DropSensitive
			}
			if p.excluded(name) {
				d.Rule = analyzer.DropExcluded
			}
			plan.Dropped = append(plan.Dropped, d)
		}
	}
	for _, use := range p.seen.Paths {
		n := p.im.nodes[string(use.Path)]
		if n.regular() && slices.ContainsFunc(use.Ops, func(o analyzer.Op) bool {
			return o == analyzer.OpOpen || o == analyzer.OpExec || o == analyzer.OpInterp
		}) {
			plan.Floor.Files++
			plan.Floor.Bytes += n.size
		}
	}
}

func (p *planner) packagesKept() []analyzer.Package {
	count := map[string]int{}
	for _, f := range p.files {
		if f.Package != "" && f.Kind != "dir" && !strings.HasPrefix(string(f.Path), "usr/share/doc/") {
			count[f.Package]++
		}
	}
	var list []analyzer.Package
	for _, pkg := range p.db.Packages() {
		if n := count[pkg.Name]; n > 0 {
			list = append(list, analyzer.Package{
				Type: pkg.Type, Name: pkg.Name, Version: pkg.Version, Arch: pkg.Arch, Source: pkg.Source, Files: n,
			})
		}
	}
	slices.SortStableFunc(list, func(a, b analyzer.Package) int { return strings.Compare(a.Name, b.Name) })
	return list
}

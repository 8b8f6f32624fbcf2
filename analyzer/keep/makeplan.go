package keep

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// Names of the layers of a plan, lowest first: what equal variants share lies lowest.
var layerNames = []string{"os", "runtime", "app"}

const (
	layerOS = iota
	layerRuntime
	layerApp
)

// planner turns what a worklist kept into a plan.
type planner struct {
	*worklist
	files map[string]*analyzer.File
	user  analyzer.User
}

// plan makes the plan of what was kept.
func (w *worklist) plan() (*analyzer.Plan, error) {
	user, err := w.decideUser()
	if err != nil {
		return nil, err
	}
	p := &planner{worklist: w, files: map[string]*analyzer.File{}, user: user}
	p.withholdSecrets()
	for _, name := range slices.Sorted(maps.Keys(w.kept)) { // in order: the first entry of a directory is its reason
		p.put(name, w.kept[name])
	}
	p.skeleton()
	p.passwdFiles()
	p.ownership()
	p.records()
	p.setuid()
	p.capabilities()
	p.tighten()
	p.assignLayers()
	return p.build(), nil
}

// secretDatabases hold the users' password hashes (shadow(5), gshadow(5)).
var secretDatabases = []string{"etc/shadow", "etc/gshadow"}

// withholdSecrets leaves out what root alone may read of the user databases: the C library reads it for a lookup by root, and does without it
// for anybody else. Who needs it says so with --include.
func (p *planner) withholdSecrets() {
	if p.user.UID == 0 {
		return
	}
	for _, name := range secretDatabases {
		if !included(p.kept[name]) {
			delete(p.kept, name)
		}
	}
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
			p.files[dir] = &analyzer.File{Path: layers.Path(dir), Kind: "dir", Reasons: []analyzer.Reason{{Rule: analyzer.RuleParentOf, From: "/" + name}}}
		}
	}
	return f
}

// skeleton keeps the empty directories: a program makes files in them, and together they cost a few kilobytes. Those of
// documentation, caches and package managers' own folders are no use.
func (p *planner) skeleton() {
	for _, name := range p.im.names {
		if name == "." || !p.im.isDir(name) || p.files[name] != nil || p.excluded(name) || rules.Sandbox(name) {
			continue
		}
		if p.junked(name+"/x") != "" && !strings.HasPrefix(name, "run") && !strings.HasPrefix(name, "var/tmp") && name != "tmp" || skippedTree(name) {
			continue
		}
		p.put(name, []analyzer.Reason{{Rule: analyzer.RuleSkeleton}})
	}
}

func skippedTree(name string) bool {
	for _, tree := range []string{"usr/share/locale", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/include", "usr/src", "var/lib/dpkg", "var/lib/apt", "usr/lib/apt", "usr/share/zoneinfo", "usr/share/icons", "usr/lib/systemd", "etc/systemd", "usr/lib/udev", "etc/apt", "etc/dpkg", "usr/lib/dpkg", "usr/share/perl5", "usr/share/python3", "usr/share/X11"} {
		if name == tree || strings.HasPrefix(name, tree+"/") {
			return true
		}
	}
	return strings.HasSuffix(name, "/__pycache__") || strings.Contains(name, "/dist-packages/") || strings.Contains(name, "/.git/") || strings.Contains(name, "/lib/python3") || strings.Contains(name, "/node_modules/") && strings.HasPrefix(name, "usr/share/")
}

// passwdFiles gives the user a name and a home where the image has none for it.
func (p *planner) passwdFiles() {
	if p.user.UID == 0 {
		return
	}
	known := slices.ContainsFunc(p.passwd(), func(e passwdEntry) bool { return e.uid == p.user.UID })
	if known || p.user.Name == "" {
		return
	}
	u := p.user
	p.edit("etc/passwd", fmt.Sprintf("%s:x:%d:%d:%s:%s:/sbin/nologin\n", u.Name, u.UID, u.GID, u.Name, u.Home), "root:x:0:0:root:/root:/sbin/nologin\n")
	p.edit("etc/group", fmt.Sprintf("%s:x:%d:\n", u.Name, u.GID), "root:x:0:\n")
	home := strings.TrimPrefix(u.Home, "/")
	if p.files["home"] == nil && !p.im.has("home") {
		p.fresh("home", "dir", 0o755, nil)
	}
	if !p.im.has(home) {
		f := p.fresh(home, "dir", 0o700, nil)
		f.UID, f.GID = &p.user.UID, &p.user.GID
	}
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

// fresh is a path that the image does not have.
func (p *planner) fresh(name, kind string, mode uint32, content []byte) *analyzer.File {
	zero := uint32(0)
	f := &analyzer.File{Path: layers.Path(name), Kind: kind, New: true, Mode: &mode, UID: &zero, GID: &zero, Content: content, Size: int64(len(content)), Reasons: []analyzer.Reason{{Rule: analyzer.RuleIdentity}}}
	p.files[name] = f
	return f
}

// ownership gives the user what it must write and what it must read.
func (p *planner) ownership() {
	for _, name := range p.writable(p.user) {
		if !p.im.has(name) {
			f := p.fresh(name, "dir", 0o755, nil)
			f.Reasons = []analyzer.Reason{{Rule: analyzer.RuleVolume}}
			f.UID, f.GID = &p.user.UID, &p.user.GID
			p.parents(name)
			continue
		}
		p.give(name, analyzer.RuleWrittenByRun, true)
	}
	if p.user.UID == 0 {
		return
	}
	if p.user.Reason == reasonNonroot {
		for _, name := range p.state() {
			if mayNot(p.im.nodes[name], p.user, needBits(p.im.nodes[name])) {
				p.give(name, analyzer.RuleState, true)
			}
		}
	}
	var given []string
	for _, name := range p.unreadable(p.user) {
		if p.give(name, analyzer.RuleReadAsRoot, false) {
			given = append(given, "/"+name)
		}
	}
	if len(given) > 0 {
		p.warn(fmt.Sprintf("only root could read %s: given to user %d", strings.Join(given, ", "), p.user.UID))
	}
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

func (p *planner) give(name string, why analyzer.Rule, write bool) bool {
	f := p.files[name]
	if f == nil {
		if !p.im.isDir(name) {
			return false
		}
		f = p.put(name, []analyzer.Reason{{Rule: why}})
	}
	f.UID = &p.user.UID
	n := p.im.nodes[name]
	want := needBits(n)
	if !write {
		want = 4
		if n.mode.IsDir() {
			want = 5
		}
	}
	if uint32(n.mode.Perm())>>6&want != want {
		mode := unixMode(n) | want<<6
		f.Mode = &mode
	}
	return true
}

// unixMode is the permission bits of a node as the kernel numbers them.
func unixMode(n node) uint32 {
	mode := uint32(n.mode.Perm())
	for bit, flag := range map[uint32]uint32{0o4000: uint32(1 << 23), 0o2000: uint32(1 << 22), 0o1000: uint32(1 << 20)} {
		if uint32(n.mode)&flag != 0 { // fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky
			mode |= bit
		}
	}
	return mode
}

// setuid drops the bits by which a program gets more rights than the one that runs it.
func (p *planner) setuid() {
	var dropped []string
	for name, f := range p.files {
		n := p.im.nodes[name]
		mode := unixMode(n)
		if f.New || !n.regular() || mode&0o6000 == 0 || p.user.UID == 0 && p.executed[name] {
			continue
		}
		mode &^= 0o6000
		f.Mode = &mode
		dropped = append(dropped, "/"+name)
	}
	if len(dropped) > 0 {
		slices.Sort(dropped)
		p.warn("setuid or setgid bits dropped: " + strings.Join(dropped, ", "))
	}
}

// included says whether the user asked for a path, by itself or with the directory it is in.
func included(reasons []analyzer.Reason) bool {
	return slices.ContainsFunc(reasons, func(r analyzer.Reason) bool { return r.Rule == analyzer.RuleIncluded })
}

// capabilities drops the file capabilities of programs that neither ran nor were asked for, and says of the others that they have some: a
// program gives them to whoever starts it, as a setuid bit gives rights. The kernel reads them of what it executes alone (capabilities(7)).
func (p *planner) capabilities() {
	var dropped, kept []string
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		if f.New || f.Edited || !n.regular() || n.mode.Perm()&0o111 == 0 {
			continue
		}
		has, err := layers.HasCapability(p.im.root, name)
		switch {
		case err != nil:
			p.warn(fmt.Sprintf("/%s: its capabilities cannot be read: %v", name, err))
		case has && (p.executed[name] || included(f.Reasons)):
			kept = append(kept, "/"+name)
		case has:
			f.NoCapability = true
			dropped = append(dropped, "/"+name)
		}
	}
	if len(dropped) > 0 {
		p.warn("file capabilities dropped: " + strings.Join(dropped, ", "))
	}
	if len(kept) > 0 {
		p.warn("file capabilities kept, which no_new_privs takes away: " + strings.Join(kept, ", "))
	}
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
	if pkg.Essential || strings.HasPrefix(pkg.Name, "lib") && !strings.HasPrefix(pkg.Name, "libpython") && !strings.HasPrefix(pkg.Name, "libnode") || slices.Contains([]string{"base-files", "netbase", "tzdata", "ca-certificates", "media-types", "openssl", "musl", "busybox", "alpine-baselayout", "glibc", "setup", "filesystem"}, pkg.Name) {
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
	plan.Syscalls = slices.Sorted(maps.Keys(p.syscalls))
	plan.Warnings = slices.Sorted(maps.Keys(p.warnings))
	return plan
}

// prepared says whether a directory was made to be written in: by anybody (with the sticky bit, as /tmp), or by the user that owns it.
func (p *planner) prepared(name string) bool {
	n, ok := p.im.nodes[name]
	if !ok || !rules.Givable(name) {
		return false
	}
	anybody := n.mode&fs.ModeSticky != 0 && n.mode.Perm()&0o002 != 0
	return anybody || p.user.UID != 0 && n.stat.UID == p.user.UID && n.mode.Perm()&0o200 != 0
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
			list = append(list, analyzer.Package{Type: pkg.Type, Name: pkg.Name, Version: pkg.Version, Arch: pkg.Arch, Source: pkg.Source, Files: n})
		}
	}
	slices.SortStableFunc(list, func(a, b analyzer.Package) int { return strings.Compare(a.Name, b.Name) })
	return list
}

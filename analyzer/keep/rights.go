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
)

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

func (p *planner) give(name string, why analyzer.Rule, write bool) bool {
	f := p.files[name]
	if f == nil {
		if !p.im.isDir(name) {
			return false
		}
		f = p.put(name, []analyzer.Reason{{Rule: why}})
	} else if reason := (analyzer.Reason{Rule: why}); why == analyzer.RuleState && !slices.Contains(f.Reasons, reason) {
		f.Reasons = append(slices.Clone(f.Reasons), reason) // it tells a profile that the file is to be written
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
	for bit, flag := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if n.mode&flag != 0 {
			mode |= bit
		}
	}
	return mode
}

// mayNot says which of the permission bits (4 read, 2 write, 1 search or execute) the user lacks on a path.
func mayNot(n node, u analyzer.User, want uint32) bool {
	if u.UID == 0 {
		return false
	}
	mode := uint32(n.mode.Perm())
	switch {
	case n.stat.UID == u.UID:
		mode >>= 6
	case n.stat.GID == u.GID:
		mode >>= 3
	}
	return mode&want != want
}

func needBits(n node) uint32 {
	if n.mode.IsDir() {
		return 3
	}
	return 2
}

// prepared says whether a directory was made to be written in: by anybody (with the sticky bit, as /tmp), or by the user that owns it. An
// application of root has programs of several users, each of which may write in directories of its own.
func (p *planner) prepared(name string) bool {
	n, ok := p.im.nodes[name]
	if !ok || !rules.Givable(name) {
		return false
	}
	anybody := n.mode&fs.ModeSticky != 0 && n.mode.Perm()&0o002 != 0
	owner := n.stat.UID != 0 && n.mode.Perm()&0o200 != 0
	if p.user.UID == 0 {
		return anybody || owner && !rules.SystemTree(name) && p.im.nodes[path.Dir(name)].stat.UID != n.stat.UID
	}
	return anybody || owner && n.stat.UID == p.user.UID
}

// writable lists the paths that are the user's: volumes, and what the run was seen to write or to make files in.
func (w *worklist) writable(u analyzer.User) []string {
	found := map[string]bool{}
	for _, use := range w.seen.Paths {
		name := string(use.Path)
		created := slices.Contains(use.Ops, analyzer.OpCreate)
		if !created && !slices.Contains(use.Ops, analyzer.OpWrite) || rules.BytecodeCache(name) {
			continue
		}
		if created || !w.im.has(name) {
			name = path.Dir(name)
			for !w.im.has(name) {
				name = path.Dir(name)
			}
		}
		if !w.im.isDir(name) && w.im.nodes[name].kind() == "symlink" {
			continue
		}
		n := w.im.nodes[name]
		if !mayNot(n, u, needBits(n)) {
			continue
		}
		if !rules.Givable(name) {
			w.warn(fmt.Sprintf("the run wrote in /%s, which stays root's: give the program another place or use --user root",
				strings.TrimPrefix(name, ".")))
			continue
		}
		found[name] = true
	}
	for _, dir := range w.req.Writable {
		if n, ok := w.im.nodes[string(dir)]; ok && n.mode.IsDir() && mayNot(n, u, needBits(n)) && rules.Givable(string(dir)) {
			found[string(dir)] = true
		}
	}
	for _, volume := range w.req.Process.Volumes {
		if name := strings.Trim(path.Clean("/"+volume), "/"); name != "" {
			if res, ok := w.im.resolve(".", name); ok {
				name = res.Path
			}
			if n, ok := w.im.nodes[name]; !ok || mayNot(n, u, needBits(n)) {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// unreadable lists what the run read as root and the user may not read: it is given to the user, or the program that ran before
// would not start.
func (w *worklist) unreadable(u analyzer.User) []string {
	found := map[string]bool{}
	for _, use := range w.seen.Paths {
		name := string(use.Path)
		n, ok := w.im.nodes[name]
		if !ok {
			continue
		}
		if slices.ContainsFunc(use.Ops, func(o analyzer.Op) bool {
			return o == analyzer.OpOpen || o == analyzer.OpExec || o == analyzer.OpList || o == analyzer.OpInterp
		}) {
			want := uint32(4)
			if n.mode.IsDir() {
				want = 5
			}
			if n.kind() != "symlink" && mayNot(n, u, want) {
				found[name] = true
			}
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if mayNot(w.im.nodes[dir], u, 1) {
				found[dir] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// secretDatabases hold the users' password hashes (shadow(5), gshadow(5)).
var secretDatabases = []string{"etc/shadow", "etc/gshadow"}

// withholdSecrets leaves out what root alone may read of the user databases: the C library reads it for a lookup by root, and does
// without it for anybody else. Who needs it says so with --include.
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

// maxTold is the number of paths that one warning names.
const maxTold = 20

// tighten takes away what lets any process replace what is not its own: a directory that everybody may write to becomes sticky, as
// /tmp is, and a file is no longer everybody's. What the run wrote to becomes the user's, which ownership leaves as it is where
// everybody may write.
func (p *planner) tighten() {
	var found []string
	written := p.written()
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		mode := unixMode(n)
		if f.Mode != nil {
			mode = *f.Mode
		}
		switch {
		case f.New || mode&0o002 == 0:
			continue
		case n.mode.IsDir() && mode&0o1000 == 0:
			mode |= 0o1000
		case n.regular():
			mode &^= 0o002
		default:
			continue
		}
		if written[name] && p.user.UID != 0 {
			f.UID = &p.user.UID
			mode |= needBits(n) << 6
		}
		f.Mode = &mode
		found = append(found, "/"+name)
	}
	if len(found) == 0 {
		return
	}
	more := ""
	if len(found) > maxTold {
		more = fmt.Sprintf(" and %d more", len(found)-maxTold)
		found = found[:maxTold]
	}
	p.warn("everybody could write to " + strings.Join(found, ", ") + more + ": made sticky, or read-only for others")
}

// written are the files that the run wrote to, and the directories that it made files in.
func (p *planner) written() map[string]bool {
	found := map[string]bool{}
	for _, use := range p.seen.Paths {
		if slices.Contains(use.Ops, analyzer.OpWrite) {
			found[string(use.Path)] = true
		}
		if slices.Contains(use.Ops, analyzer.OpCreate) {
			found[path.Dir(string(use.Path))] = true
		}
	}
	return found
}

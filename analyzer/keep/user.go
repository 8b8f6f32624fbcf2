package keep

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/accounts"
)

// reasonNonroot is the reason of a user that neither the image nor the application has chosen.
const reasonNonroot = "the image ran as root and did not need to name a user"

// readAccounts reads the image's /etc/passwd and /etc/group; a file that is not there is empty.
func (w *worklist) readAccounts() accounts.Files {
	passwd, _ := w.im.read("etc/passwd", accounts.MaxSize)
	group, _ := w.im.read("etc/group", accounts.MaxSize)
	return accounts.Parse(passwd, group)
}

// decideUser says who the slim image runs as: the image's own user unless that is root, the user that the program dropped to, or
// nonroot.
func (w *worklist) decideUser() (analyzer.User, error) {
	files := w.readAccounts()
	if spec := w.req.Options.User; spec != "" {
		return namedUser(spec, files, "asked for with --user")
	}
	own, err := namedUser(w.req.Process.User, files, "the image's own")
	if err != nil {
		return own, err
	}
	if own.UID != 0 {
		return own, nil
	}
	if why := w.req.NeedsRoot; why != "" {
		own.Reason = "the application needs root; as another user: " + why
		return own, nil
	}
	if uid, gid, exe, ok := w.droppedTo(); ok {
		e, _ := files.ByUID(uid)
		return analyzer.User{UID: uid, GID: gid, Name: e.Name, Home: e.Home, Reason: "the user that " + exe + " dropped to"}, nil
	}
	e, _ := files.ByUID(accounts.Nonroot)
	if e.Name == "" {
		e = accounts.User{Name: "nonroot", UID: accounts.Nonroot, GID: accounts.Nonroot, Home: "/home/nonroot"}
	}
	return analyzer.User{UID: e.UID, GID: e.GID, Name: e.Name, Home: e.Home, Reason: reasonNonroot}, nil
}

// namedUser resolves the USER of a config or of --user. root needs no entry in /etc/passwd: 0 is its number everywhere.
func namedUser(spec string, files accounts.Files, reason string) (analyzer.User, error) {
	if spec == "root" || strings.HasPrefix(spec, "root:") {
		spec = "0" + strings.TrimPrefix(spec, "root")
	}
	id, err := files.Resolve(spec)
	return analyzer.User{UID: id.UID, GID: id.GID, Name: id.Name, Home: id.Home, Reason: reason}, err
}

// droppedTo is the non-root user that most processes switched to.
func (w *worklist) droppedTo() (uid, gid uint32, exe string, ok bool) {
	type identity struct{ uid, gid uint32 }
	count, first := map[identity]int{}, map[identity]string{}
	for _, p := range w.seen.Processes {
		if p.UID == 0 {
			continue
		}
		id := identity{p.UID, p.GID}
		count[id]++
		if first[id] == "" {
			first[id] = p.Exe.String()
		}
	}
	ids := slices.SortedFunc(maps.Keys(count), func(a, b identity) int {
		return cmp.Or(count[b]-count[a], int(int64(a.uid)-int64(b.uid)), int(int64(a.gid)-int64(b.gid)))
	})
	if len(ids) == 0 {
		return 0, 0, "", false
	}
	return ids[0].uid, ids[0].gid, first[ids[0]], true
}

// passwdFiles gives the user a name and a home where the image has none for it.
func (p *planner) passwdFiles() {
	if p.user.UID == 0 {
		return
	}
	_, known := p.readAccounts().ByUID(p.user.UID)
	if known || p.user.Name == "" {
		return
	}
	u := p.user
	entry := fmt.Sprintf("%s:x:%d:%d:%s:%s:/sbin/nologin\n", u.Name, u.UID, u.GID, u.Name, u.Home)
	p.edit("etc/passwd", entry, "root:x:0:0:root:/root:/sbin/nologin\n")
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

package keep

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// nonroot is the user of distroless images, for a program that never says who it wants to be.
const nonroot = 65532

// reasonNonroot is the reason of a user that neither the image nor the application has chosen.
const reasonNonroot = "the image ran as root and did not need to name a user"

// passwdEntry is one line of /etc/passwd.
type passwdEntry struct {
	name     string
	uid, gid uint32
	home     string
}

func (w *worklist) passwd() []passwdEntry {
	var entries []passwdEntry
	w.database("etc/passwd", 7, func(f []string) {
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 == nil && err2 == nil {
			entries = append(entries, passwdEntry{f[0], uint32(uid), uint32(gid), f[5]})
		}
	})
	return entries
}

// database calls f with the colon-separated fields of each line that has enough of them.
func (w *worklist) database(name string, least int, f func([]string)) {
	data, err := w.im.read(name, 4<<20)
	if err != nil {
		return
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) >= least {
			f(fields)
		}
	}
}

// decideUser says who the slim image runs as: the image's own user unless that is root, the user that the program dropped to, or
// nonroot.
func (w *worklist) decideUser() (analyzer.User, error) {
	entries := w.passwd()
	find := func(uid uint32) passwdEntry {
		i := slices.IndexFunc(entries, func(e passwdEntry) bool { return e.uid == uid })
		if i < 0 {
			return passwdEntry{uid: uid, gid: uid}
		}
		return entries[i]
	}
	if spec := w.req.Options.User; spec != "" {
		return w.namedUser(spec, entries, "asked for with --user")
	}
	own, err := w.namedUser(w.req.Process.User, entries, "the image's own")
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
		e := find(uid)
		return analyzer.User{UID: uid, GID: gid, Name: e.name, Home: e.home, Reason: "the user that " + exe + " dropped to"}, nil
	}
	e := find(nonroot)
	if e.name == "" {
		e = passwdEntry{"nonroot", nonroot, nonroot, "/home/nonroot"}
	}
	return analyzer.User{UID: e.uid, GID: e.gid, Name: e.name, Home: e.home, Reason: reasonNonroot}, nil
}

// namedUser resolves USER of a config: "", "name", "uid", "uid:gid", "name:group".
func (w *worklist) namedUser(spec string, entries []passwdEntry, reason string) (analyzer.User, error) {
	userPart, groupPart, hasGroup := strings.Cut(spec, ":")
	if userPart == "" || userPart == "root" {
		userPart = "0"
	}
	number, numErr := strconv.ParseUint(userPart, 10, 32)
	u := analyzer.User{UID: uint32(number), Reason: reason}
	i := slices.IndexFunc(entries, func(e passwdEntry) bool {
		return e.name == userPart || numErr == nil && uint64(e.uid) == number
	})
	switch {
	case i >= 0:
		u.UID, u.GID, u.Name, u.Home = entries[i].uid, entries[i].gid, entries[i].name, entries[i].home
	case numErr != nil:
		return u, fmt.Errorf("user %q is not in the image's /etc/passwd", userPart)
	}
	if !hasGroup {
		return u, nil
	}
	gid, err := strconv.ParseUint(groupPart, 10, 32)
	u.GID = uint32(gid)
	if err != nil {
		found := false
		w.database("etc/group", 3, func(f []string) {
			if n, err := strconv.ParseUint(f[2], 10, 32); err == nil && f[0] == groupPart {
				u.GID, found = uint32(n), true
			}
		})
		if !found {
			return u, fmt.Errorf("group %q is not in the image's /etc/group", groupPart)
		}
	}
	return u, nil
}

// droppedTo is the user that most of the programs were that had been root and were not any more.
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

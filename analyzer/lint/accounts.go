package lint

import (
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/layers"
)

// maxShadow bounds the lines of /etc/shadow that are reported.
const maxShadow = 100_000

// readAccounts reads /etc/passwd and /etc/group. Malformed lines are kept: runtimes use them.
func (f *facts) readAccounts() accounts.Files {
	passwd, _ := f.read("etc/passwd", accounts.MaxSize)
	group, _ := f.read("etc/group", accounts.MaxSize)
	return accounts.Parse(passwd, group)
}

// ids are the numbers of the image's user and group, as a runtime reads them; false where the image does not start with them.
func (f *facts) ids() (uid, gid uint32, ok bool) {
	id, err := f.accounts.Resolve(f.config.User)
	return id.UID, id.GID, err == nil
}

func configFinding(key, format string, args ...any) []Finding {
	return []Finding{{Key: "config." + key, Message: fmt.Sprintf(format, args...)}}
}

func checkUser(f *facts) ([]Finding, string) {
	uid, _, ok := f.ids()
	switch {
	case !ok:
		return configFinding("User", "%q is not a user or group of the image: it does not start", f.config.User), ""
	case f.config.User == "":
		return configFinding("User", "it is not set: the image runs as root"), ""
	case uid == 0:
		return configFinding("User", "%q is root", f.config.User), ""
	}
	return nil, ""
}

func checkNumericUser(f *facts) ([]Finding, string) {
	user, _ := accounts.Split(f.config.User)
	if user == "" {
		return nil, "no user is set"
	}
	if _, ok := accounts.IsNumber(user); !ok {
		return configFinding("User", "%q is a name: nobody but the image knows its number", f.config.User), ""
	}
	return nil, ""
}

func checkHighUser(f *facts) ([]Finding, string) {
	uid, _, ok := f.ids()
	if !ok {
		return nil, "the image's user is not known by number"
	}
	if uid == 0 {
		return nil, "the image's user is root"
	}
	if uid <= 1000 {
		return configFinding("User", "uid %d may be somebody on the host", uid), ""
	}
	return nil, ""
}

// checkPasswords reads the second field of both files: empty is no password, "x" in passwd is the one in shadow.
func checkPasswords(f *facts) ([]Finding, string) {
	var found []Finding
	for _, u := range f.accounts.Users {
		if u.Password == "" && !u.Malformed {
			found = append(found, Finding{Path: "etc/passwd", Message: fmt.Sprintf("%q has no password", shorten(u.Name))})
		}
	}
	data, _ := f.read("etc/shadow", maxSmall)
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(fields) > 2 && fields[0] != "" && fields[1] == "" && len(found) < maxShadow {
			found = append(found, Finding{Path: "etc/shadow", Message: fmt.Sprintf("%q has no password", shorten(fields[0]))})
		}
	}
	return found, ""
}

func checkDuplicateIDs(f *facts) ([]Finding, string) {
	users, groups := duplicates{file: "etc/passwd", what: "uid"}, duplicates{file: "etc/group", what: "gid"}
	for _, u := range f.accounts.Users {
		if !u.Malformed {
			users.add(u.UID, u.Name)
		}
	}
	for _, g := range f.accounts.Groups {
		if !g.Malformed {
			groups.add(g.GID, g.Name)
		}
	}
	return append(users.found, groups.found...), ""
}

// duplicates finds numbers with several names.
type duplicates struct {
	file  layers.Path
	what  string
	first map[uint32]string
	found []Finding
}

func (d *duplicates) add(id uint32, name string) {
	if d.first == nil {
		d.first = map[uint32]string{}
	}
	if other, ok := d.first[id]; !ok {
		d.first[id] = name
	} else if other != name {
		message := fmt.Sprintf("%q and %q have the same %s %d", shorten(other), shorten(name), d.what, id)
		d.found = append(d.found, Finding{Path: d.file, Message: message})
	}
}

package lint

import (
	"fmt"
	"strconv"
	"strings"
)

// account is a line of /etc/passwd or /etc/group.
type account struct {
	name, password string
	id             uint32
	gid            uint32 // of /etc/passwd
}

// maxAccounts bounds the lines that are read.
const maxAccounts = 100_000

// accounts reads /etc/passwd or /etc/group; lines that are none are left out, as libc does.
func (f *facts) accounts(name string) []account {
	data, _ := f.read(name, maxSmall)
	var list []account
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(fields) < 4 || len(list) >= maxAccounts {
			continue
		}
		id, err := strconv.ParseUint(fields[2], 10, 32)
		if err != nil {
			continue
		}
		gid, _ := strconv.ParseUint(fields[3], 10, 32)
		list = append(list, account{name: fields[0], password: fields[1], id: uint32(id), gid: uint32(gid)})
	}
	return list
}

// userParts are the two halves of config.User.
func (f *facts) userParts() (user, group string) {
	user, group, _ = strings.Cut(strings.TrimSpace(f.config.User), ":")
	return user, group
}

func number(word string) (uint32, bool) {
	n, err := strconv.ParseUint(word, 10, 32)
	return uint32(n), err == nil
}

// ids are the numbers of the image's user and group, as a runtime reads them; false when a name is in no file.
func (f *facts) ids() (uid, gid uint32, ok bool) {
	user, group := f.userParts()
	if user == "" {
		user = "0"
	}
	uid, ok = number(user)
	for _, a := range f.passwd {
		if !ok && a.name == user || ok && a.id == uid {
			uid, gid, ok = a.id, a.gid, true
			break
		}
	}
	if !ok || group == "" {
		return uid, gid, ok
	}
	gid, ok = number(group)
	for _, a := range f.group {
		if !ok && a.name == group {
			gid, ok = a.id, true
		}
	}
	return uid, gid, ok
}

func configFinding(key, format string, args ...any) []Finding {
	return []Finding{{Key: "config." + key, Message: fmt.Sprintf(format, args...)}}
}

func checkUser(f *facts) ([]Finding, string) {
	uid, _, ok := f.ids()
	switch {
	case !ok:
		return configFinding("User", "%q is no user or group of the image: it does not start", f.config.User), ""
	case f.config.User == "":
		return configFinding("User", "it is not set: the image runs as root"), ""
	case uid == 0:
		return configFinding("User", "%q is root", f.config.User), ""
	}
	return nil, ""
}

func checkNumericUser(f *facts) ([]Finding, string) {
	user, _ := f.userParts()
	if user == "" {
		return nil, "no user is set"
	}
	if _, ok := number(user); !ok {
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
	for _, a := range f.passwd {
		if a.password == "" {
			found = append(found, Finding{Path: "etc/passwd", Message: fmt.Sprintf("%q has no password", shorten(a.name))})
		}
	}
	data, _ := f.read("etc/shadow", maxSmall)
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimRight(line, "\n"), ":")
		if len(fields) > 2 && fields[0] != "" && fields[1] == "" && len(found) < maxAccounts {
			found = append(found, Finding{Path: "etc/shadow", Message: fmt.Sprintf("%q has no password", shorten(fields[0]))})
		}
	}
	return found, ""
}

func checkDuplicateIDs(f *facts) ([]Finding, string) {
	return append(duplicates("etc/passwd", "uid", f.passwd), duplicates("etc/group", "gid", f.group)...), ""
}

func duplicates(name, what string, list []account) []Finding {
	var found []Finding
	first := map[uint32]string{}
	for _, a := range list {
		if other, ok := first[a.id]; !ok {
			first[a.id] = a.name
		} else if other != a.name {
			found = append(found, Finding{Path: pathOf(name), Message: fmt.Sprintf("%q and %q have the same %s %d", shorten(other), shorten(a.name),
				what, a.id)})
		}
	}
	return found
}

// Package accounts reads /etc/passwd and /etc/group of an image, and resolves the USER of an image's config with them.
package accounts

import (
	"slices"
	"strconv"
	"strings"
)

// MaxSize bounds each of the two files, in bytes, and maxEntries its lines.
const (
	MaxSize    = 4 << 20
	maxEntries = 100_000
)

// Nonroot is the number of the user and the group for a program without a known user: distroless images call it nonroot.
const Nonroot = 65532

// The accounts of people, as useradd numbers them: UID_MIN and UID_MAX of login.defs(5), and Debian Policy 9.2.2.
const (
	FirstPerson = 1000
	LastPerson  = 60000
)

// User is a line of /etc/passwd (passwd(5)).
type User struct {
	Name, Password string
	UID, GID       uint32
	Home           string
	Shell          string
	Malformed      bool // libc does not read the line: fields are missing or its numbers are none
}

// Group is a line of /etc/group (group(5)).
type Group struct {
	Name, Password string
	GID            uint32
	Members        []string
	Malformed      bool // as of User
}

// Files is what both files say, in the order of their lines.
type Files struct {
	Users  []User
	Groups []Group
}

// Parse reads the two files; nil is an empty one. A malformed line is read as runc does: what is missing in it is empty or 0.
func Parse(passwd, group []byte) Files {
	var files Files
	for fields := range entries(passwd, 7) {
		u := User{Name: fields[0], Password: fields[1], Home: fields[5], Shell: fields[6]}
		var okUID, okGID bool
		u.UID, okUID = number(fields[2])
		u.GID, okGID = number(fields[3])
		u.Malformed = !okUID || !okGID
		files.Users = append(files.Users, u)
	}
	for fields := range entries(group, 4) {
		g := Group{Name: fields[0], Password: fields[1]}
		gid, ok := number(fields[2])
		g.GID, g.Malformed = gid, !ok
		if fields[3] != "" {
			g.Members = strings.Split(fields[3], ",")
		}
		files.Groups = append(files.Groups, g)
	}
	return files
}

// entries calls yield with at least count fields of each line that is not empty.
func entries(data []byte, count int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		left := maxEntries
		for line := range strings.Lines(string(data[:min(len(data), MaxSize)])) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			fields := strings.SplitN(line, ":", count+1)
			for len(fields) < count {
				fields = append(fields, "")
			}
			if left--; left < 0 || !yield(fields) {
				return
			}
		}
	}
}

func number(field string) (uint32, bool) {
	n, err := strconv.ParseUint(field, 10, 32)
	if err != nil {
		return 0, false
	}
	return uint32(n), true
}

// ByUID finds the first user with a number.
func (f Files) ByUID(uid uint32) (User, bool) {
	i := slices.IndexFunc(f.Users, func(u User) bool { return u.UID == uid })
	if i < 0 {
		return User{}, false
	}
	return f.Users[i], true
}

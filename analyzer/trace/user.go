package trace

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Identity is who a program runs as.
type Identity struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, sorted
	Home     string   // of the passwd entry, "" without
}

// maxDatabase bounds passwd and group files, in bytes.
const maxDatabase = 4 << 20

// ResolveUser reads a USER of an image config ("", "name", "uid", "uid:gid", "name:group") with the passwd and group files
// below root, as runc does: a numeric user needs no entry; supplementary groups come from the group file, but only where no
// group is named.
func ResolveUser(root, spec string) (Identity, error) {
	userPart, groupPart, hasGroup := strings.Cut(spec, ":")
	var id Identity
	name, found := "", false
	number, numErr := strconv.ParseUint(userPart, 10, 32)
	if userPart == "" {
		number, numErr = 0, nil
	}
	err := eachLine(path.Join(root, "etc/passwd"), func(f []string) bool {
		if len(f) < 7 {
			return true
		}
		uid, err1 := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err1 != nil || err2 != nil || !(f[0] == userPart || numErr == nil && uid == number) {
			return true
		}
		id = Identity{UID: uint32(uid), GID: uint32(gid), Home: f[5]}
		name, found = f[0], true
		return false
	})
	if err != nil {
		return id, err
	}
	if !found {
		if numErr != nil {
			return id, fmt.Errorf("user %q is not in /etc/passwd", userPart)
		}
		id = Identity{UID: uint32(number)}
	}
	return id, resolveGroups(root, name, groupPart, hasGroup, &id)
}

func resolveGroups(root, name, groupPart string, hasGroup bool, id *Identity) error {
	number, numErr := strconv.ParseUint(groupPart, 10, 32)
	found := !hasGroup
	err := eachLine(path.Join(root, "etc/group"), func(f []string) bool {
		if len(f) < 4 {
			return true
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			return true
		}
		switch {
		case hasGroup && (f[0] == groupPart || numErr == nil && gid == number):
			id.GID, found = uint32(gid), true
		case !hasGroup && name != "" && slices.Contains(strings.Split(f[3], ","), name):
			id.Groups = append(id.Groups, uint32(gid))
		}
		return true
	})
	if err != nil {
		return err
	}
	if !found {
		if numErr != nil {
			return fmt.Errorf("group %q is not in /etc/group", groupPart)
		}
		id.GID = uint32(number)
	}
	slices.Sort(id.Groups)
	id.Groups = slices.Compact(id.Groups)
	return nil
}

// eachLine calls f with the colon-separated fields of each line until it returns false. A file that is not there has no lines.
func eachLine(name string, f func(fields []string) bool) error {
	file, err := os.Open(name)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxDatabase))
	lines.Buffer(nil, 64<<10)
	for lines.Scan() {
		if !f(strings.Split(lines.Text(), ":")) {
			return nil
		}
	}
	return lines.Err()
}

package accounts

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Identity is who a program runs as.
type Identity struct {
	UID, GID uint32
	Groups   []uint32 // supplementary, sorted
	Name     string   // of the entry in /etc/passwd, "" without one
	Home     string   // likewise
}

// Split cuts a USER of an image's config ("", "USER", "USER:GROUP") into its parts.
func Split(spec string) (user, group string) {
	user, group, _ = strings.Cut(spec, ":")
	return user, group
}

// IsNumber says whether a part of a USER is a number rather than a name, and which. A number is never looked up as a name.
func IsNumber(part string) (id int, ok bool) {
	id, err := strconv.Atoi(part)
	return id, err == nil
}

// Resolve reads a USER of an image's config as runc does (moby/sys, user.GetExecUser): a numeric user needs no entry and has group 0
// without one; of several entries the first counts; supplementary groups come from /etc/group, but only where no group is named. An error
// is a name without an entry or a number that Linux does not take.
func (f Files) Resolve(spec string) (Identity, error) {
	user, group := Split(spec)
	id, err := f.user(user)
	if err != nil {
		return Identity{}, err
	}
	if group == "" {
		id.Groups = f.groupsOf(id.Name)
		return id, nil
	}
	id.GID, err = f.group(group)
	return id, err
}

func (f Files) user(part string) (Identity, error) {
	if part == "" {
		part = "0"
	}
	number, numeric := IsNumber(part)
	i := slices.IndexFunc(f.Users, func(u User) bool {
		if numeric {
			return int(u.UID) == number
		}
		return u.Name == part
	})
	if i >= 0 {
		u := f.Users[i]
		return Identity{UID: u.UID, GID: u.GID, Name: u.Name, Home: u.Home}, nil
	}
	if !numeric {
		return Identity{}, fmt.Errorf("user %q is not in the image's /etc/passwd", part)
	}
	uid, err := inRange("user", number)
	return Identity{UID: uid}, err
}

func (f Files) group(part string) (uint32, error) {
	number, numeric := IsNumber(part)
	if numeric {
		return inRange("group", number)
	}
	i := slices.IndexFunc(f.Groups, func(g Group) bool { return g.Name == part })
	if i < 0 {
		return 0, fmt.Errorf("group %q is not in the image's /etc/group", part)
	}
	return f.Groups[i].GID, nil
}

// groupsOf are the groups of which a user is a member.
func (f Files) groupsOf(name string) []uint32 {
	var gids []uint32
	for _, g := range f.Groups {
		if name != "" && slices.Contains(g.Members, name) {
			gids = append(gids, g.GID)
		}
	}
	slices.Sort(gids)
	return slices.Compact(gids)
}

// inRange checks a number as runc does, whose numbers have 31 bits.
func inRange(what string, number int) (uint32, error) {
	if number < 0 || number > math.MaxInt32 {
		return 0, fmt.Errorf("%s %d is not between 0 and %d", what, number, math.MaxInt32)
	}
	return uint32(number), nil
}

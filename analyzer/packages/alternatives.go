package packages

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// alternativeDirs are where update-alternatives records its groups: dpkg's, Red Hat's, SUSE's older one.
var alternativeDirs = []string{"/var/lib/dpkg/alternatives", "/var/lib/alternatives", "/var/lib/rpm/alternatives"}

// alternatives assigns the links of the alternatives system to the package of their target.
func (l *loader) alternatives() {
	for _, dir := range alternativeDirs {
		where, entries, err := l.readDir(dir)
		if err != nil {
			l.db.warn(err.Error())
		}
		for _, entry := range entries {
			if data, err := l.read("/"+where+"/"+entry.Name(), maxList); err == nil {
				l.group(string(data), entry.Name())
			}
		}
	}
	l.strays()
	slices.SortFunc(l.db.alternatives, func(a, b Alternative) int { return strings.Compare(a.Link, b.Link) })
}

// group reads one record: the mode, the master link, then pairs of a slave's name and link up to an empty line.
func (l *loader) group(data, name string) {
	lines := strings.Split(data, "\n")
	if len(lines) < 2 {
		return
	}
	l.alternative(lines[1], name)
	for lines = lines[2:]; len(lines) >= 2 && lines[0] != ""; lines = lines[2:] {
		l.alternative(lines[1], lines[0])
	}
}

// alternative records one link if it is one and leads to a file.
func (l *loader) alternative(link, name string) {
	if !strings.HasPrefix(link, "/") || name == "" || strings.Contains(name, "/") || !l.spend() {
		return
	}
	where := l.physical(link)
	if where == "" || !l.isLink(where) {
		return
	}
	res, err := layers.Resolve(l.root, ".", "/"+where, true)
	if err != nil || res.Missing {
		return
	}
	entry := l.physical("/etc/alternatives/" + name)
	if entry == "" || !slices.Contains(res.Hops, entry) {
		return // the administrator made another link
	}
	l.db.alternatives = append(l.db.alternatives, Alternative{Link: where, Name: entry, Target: res.Path})
	if pkg, ok := l.db.owner[res.Path]; ok {
		for _, path := range []string{where, entry} {
			if _, taken := l.db.owner[path]; !taken {
				l.db.owner[path] = pkg
			}
		}
	}
}

// strays assigns the links in /etc/alternatives that no record names to the package of their target.
func (l *loader) strays() {
	dir, entries, err := l.readDir("/etc/alternatives")
	if err != nil {
		l.db.warn(err.Error())
	}
	for _, entry := range entries {
		where := dir + "/" + entry.Name()
		if _, taken := l.db.owner[where]; taken || entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		if res, err := layers.Resolve(l.root, ".", "/"+where, true); err == nil && !res.Missing {
			if pkg, ok := l.db.owner[res.Path]; ok {
				l.db.owner[where] = pkg
			}
		}
	}
}

func (l *loader) isLink(name string) bool {
	info, err := l.root.Lstat(name)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

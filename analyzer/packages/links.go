package packages

import (
	"io/fs"
	"path"
	"strings"

	"github.com/slimimage/slim/layers"
)

// ucf assigns configuration files that maintainer scripts installed with ucf(1) to their packages. No list of files names them, but
// ucf's registry does, with "PACKAGE PATH" on each line.
func (l *loader) ucf() {
	data, err := l.read("/var/lib/ucf/registry", maxList)
	if err != nil {
		l.db.warn(err.Error())
	}
	byName := map[string]*Package{}
	for _, pkg := range l.db.packages {
		byName[pkg.Name] = pkg
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "/") || !l.spend() {
			continue
		}
		pkg, ok := byName[fields[0]]
		where := l.physical(fields[1])
		if !ok || where == "" {
			continue
		}
		info, err := l.root.Lstat(where)
		if err != nil || info.IsDir() {
			continue
		}
		if _, taken := l.db.owner[where]; !taken {
			l.own(pkg, where)
			pkg.Conffiles = append(pkg.Conffiles, where)
		}
	}
}

// linkDirs are the directories where installation makes links to a package's files: busybox's trigger links its applets
// (busybox --install -s), and ldconfig links the names under which programs load libraries.
var linkDirs = []string{"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/lib", "/usr/lib", "/lib64", "/usr/lib64"}

// links assigns unlisted links in system directories to the package of their target, if the installation made them.
func (l *loader) links() {
	dirs := linkDirs
	if where, entries, err := l.readDir("/usr/lib"); err == nil {
		for _, entry := range entries {
			if entry.IsDir() && strings.Contains(entry.Name(), "-linux-") {
				dirs = append(dirs[:len(dirs):len(dirs)], "/"+where+"/"+entry.Name())
			}
		}
	}
	for _, dir := range dirs {
		where, entries, err := l.readDir(dir)
		if err != nil {
			l.db.warn(err.Error())
		}
		for _, entry := range entries {
			if entry.Type()&fs.ModeSymlink != 0 {
				l.link(where + "/" + entry.Name())
			}
		}
	}
}

func (l *loader) link(name string) {
	if _, taken := l.db.owner[name]; taken {
		return
	}
	res, err := layers.Resolve(l.root, ".", "/"+name, true)
	if err != nil || res.Missing {
		return
	}
	pkg, ok := l.db.owner[res.Path]
	if !ok {
		return
	}
	applet := path.Base(res.Path) == "busybox"
	soname := path.Dir(res.Path) == path.Dir(name) && strings.Contains(path.Base(name), ".so.") && len(res.Hops) == 1
	if applet || soname {
		l.own(pkg, name)
	}
}

// own makes a package the owner of a path that it does not list.
func (l *loader) own(pkg *Package, name string) {
	l.db.owner[name] = pkg
	pkg.Files = append(pkg.Files, name)
}

package keep

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/rules"
)

// stateNames are what frameworks and image authors call the directories that an application writes in (Flask's instance, Rails' log,
// storage and tmp, Laravel's storage, Django's media, Symfony's var).
var stateNames = []string{
	"cache", "data", "db", "instance", "log", "logs", "media", "run", "session", "sessions", "state", "storage", "temp", "tmp",
	"upload", "uploads", "var", "work",
}

// sqliteMagic begins a database of SQLite (sqlite.org/fileformat2.html, 1.3).
const sqliteMagic = "SQLite format 3\x00"

// state lists the directories and databases that an application which ran as root may write in on ways that the run did not take: its
// working directory, its empty directories, those with a name for it, and SQLite databases with the directory in which their journal
// is made. They are the user's; what the application is made of stays root's.
func (w *worklist) state() []string {
	found := map[string]bool{}
	work := strings.Trim(path.Clean("/"+w.req.Process.Dir), "/")
	filled := map[string]bool{} // directories that are not empty
	for _, name := range w.im.names {
		filled[path.Dir(name)] = true
	}
	packaged := w.packagedDirs()
	for _, name := range w.im.names {
		n := w.im.nodes[name]
		inWork := work != "" && (name == work || strings.HasPrefix(name, work+"/"))
		if _, owned := w.db.Owner(name); owned || packaged[name] || !inWork && !rules.ApplicationTop(name) {
			continue
		}
		if !rules.Givable(name) || dependency.Match(name+"/x") {
			continue
		}
		switch {
		case n.mode.IsDir():
			if name == work || !filled[name] || slices.Contains(stateNames, path.Base(name)) {
				found[name] = true
			}
		case n.regular() && n.size > 0 && n.size%512 == 0: // its pages are of 512 bytes or more
			if head, err := w.im.read(name, int64(len(sqliteMagic))); err == nil && string(head) == sqliteMagic {
				found[name] = true
				if dir := path.Dir(name); rules.Givable(dir) {
					found[dir] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// packagedDirs are the directories with files of packages below them.
func (w *worklist) packagedDirs() map[string]bool {
	dirs := map[string]bool{}
	for _, pkg := range w.db.Packages() {
		for _, file := range pkg.Files {
			for dir := path.Dir(file); dir != "." && !dirs[dir]; dir = path.Dir(dir) {
				dirs[dir] = true
			}
		}
	}
	return dirs
}

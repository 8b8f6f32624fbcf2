package keep

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
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

// stateVariable is a name of an environment variable that says where a program keeps what it writes (XDG Base Directory Specification;
// environ(7), HOME; gpg(1), GNUPGHOME; the conventions of image authors).
var stateVariable = regexp.MustCompile(`HOME$|^XDG_.*_(HOME|DIR)$|_(DIR|DIRECTORY|FOLDER)$|DATA|STATE|CACHE|SPOOL|QUEUE|STORAGE|UPLOAD|(^|_)(LOG|RUN|TMP)`)

// codeFile is a file that an application is made of, or static content of it: it is read, and never written.
var codeFile = regexp.MustCompile(`\.(py[cw]?|rb|pl|pm|cgi|php\d?|phtml|[cm]?[jt]s|[jt]sx|lua|tcl|exs?|beam|jar|war|ear|class|so(\.\d+)*|a|dll|exe|wasm|` +
	`html?|css|svg|c|h|cc|cpp|go|rs|java|sh)$`)

// placeholder keeps an empty directory in a repository (gitignore(5)).
func placeholder(name string) bool {
	return slices.Contains([]string{".keep", ".gitkeep", ".gitignore", ".empty", ".placeholder"}, path.Base(name))
}

// stateFinder looks for what an application which ran as root may write on ways that the run did not take.
type stateFinder struct {
	*worklist
	work     string          // working directory, "" without one
	filled   map[string]bool // directories with a file in them, or below
	code     map[string]bool // directories with files of the application itself in them, or below
	packaged map[string]bool // directories with files of packages below
	used     map[string]bool // what the run used, and the directories above
	written  map[string]bool // directories in which the run wrote
	named    map[string]bool // directories that an environment variable names
	trees    map[string]bool // directories that are state with all that is in them
}

// state lists the directories and files that an application which ran as root may write, where the image's author made them and they are
// root's: its working directory, empty directories and those with a name for it, SQLite databases with the directory in which their
// journal is made; and whole trees that are private to root or named by the environment, or that hold variable data. They become the
// user's. What the application is made of stays root's, and what belongs to another user stays that user's.
func (w *worklist) state() []string {
	s := w.stateFinder()
	found := map[string]bool{}
	for _, name := range w.im.names { // a directory stands before what is in it
		n := w.im.nodes[name]
		if n.stat.UID != 0 || !s.own(name) {
			continue
		}
		switch {
		case n.mode.IsDir():
			s.trees[name] = s.trees[path.Dir(name)] || s.tree(name, n)
			if s.trees[name] && !s.code[name] || s.mayWriteIn(name) {
				found[name] = true
			}
		case n.regular() && s.database(name, n):
			found[name] = true
			if dir := path.Dir(name); rules.Givable(dir) {
				found[dir] = true
			}
		case n.regular() && s.trees[path.Dir(name)] && !isCode(name, n):
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (w *worklist) stateFinder() *stateFinder {
	s := &stateFinder{worklist: w, work: strings.Trim(path.Clean("/"+w.req.Process.Dir), "/"), filled: map[string]bool{},
		code:     map[string]bool{},
		packaged: w.packagedDirs(), used: map[string]bool{}, written: map[string]bool{}, named: map[string]bool{}, trees: map[string]bool{}}
	for _, name := range w.im.names {
		n := w.im.nodes[name]
		if n.mode.IsDir() || placeholder(name) || n.kind() == "socket" || n.kind() == "fifo" {
			continue
		}
		above(s.filled, name)
		if isCode(name, n) {
			above(s.code, name)
		}
	}
	for _, use := range w.seen.Paths {
		s.used[string(use.Path)] = true
		above(s.used, string(use.Path))
		if slices.Contains(use.Ops, analyzer.OpCreate) || slices.Contains(use.Ops, analyzer.OpWrite) {
			s.written[path.Dir(string(use.Path))] = true
		}
	}
	for _, entry := range w.req.Process.Env {
		key, value, _ := strings.Cut(entry, "=")
		if !stateVariable.MatchString(key) || !strings.HasPrefix(value, "/") {
			continue
		}
		if res, ok := w.im.resolve(".", value); ok {
			s.named[res.Path] = true
		}
	}
	return s
}

// above adds the directories above a path to a set.
func above(set map[string]bool, name string) {
	for dir := path.Dir(name); dir != "." && !set[dir]; dir = path.Dir(dir) {
		set[dir] = true
	}
}

// isCode says whether a file is part of an application rather than data of it.
func isCode(name string, n node) bool { return n.mode.Perm()&0o111 != 0 || codeFile.MatchString(name) }

// own says whether a path was made by the image's author, in a place where an application may write.
func (s *stateFinder) own(name string) bool {
	if _, owned := s.db.Owner(name); owned || s.packaged[name] || s.db.Directory(name) || !rules.Givable(name) || dependency.Match(name+"/x") {
		return false
	}
	inWork := s.work != "" && (name == s.work || strings.HasPrefix(name, s.work+"/"))
	return inWork || rules.ApplicationTop(name) || rules.VariableData(name) || s.trees[path.Dir(name)] || s.private(name) || s.named[name]
}

// private says whether a directory outside the system's own is closed to all but root: in a place for applications it is this one's,
// elsewhere where it was used.
func (s *stateFinder) private(name string) bool {
	n := s.im.nodes[name]
	return n.mode.IsDir() && n.mode.Perm()&0o077 == 0 && !rules.SystemTree(name) && (s.used[name] || rules.ApplicationTop(name))
}

// tree says whether a directory is state with all that is in it.
func (s *stateFinder) tree(name string, n node) bool {
	if s.private(name) {
		return true
	}
	return !s.code[name] && name != s.work && (s.named[name] && !rules.SystemTree(name) || s.written[name] || n.mode.Perm()&0o022 == 0o020 ||
		rules.VariableData(name))
}

// mayWriteIn says whether a directory is one to make files in: the working directory, an empty one, or one with a name for it.
func (s *stateFinder) mayWriteIn(name string) bool {
	return name == s.work || !s.filled[name] || slices.Contains(stateNames, path.Base(name))
}

// database says whether a file is a database of SQLite, whose pages are of 512 bytes or more.
func (s *stateFinder) database(name string, n node) bool {
	if n.size == 0 || n.size%512 != 0 {
		return false
	}
	head, err := s.im.read(name, int64(len(sqliteMagic)))
	return err == nil && string(head) == sqliteMagic
}

// packagedDirs are the directories with files of packages below them.
func (w *worklist) packagedDirs() map[string]bool {
	dirs := map[string]bool{}
	for _, pkg := range w.db.Packages() {
		for _, file := range pkg.Files {
			above(dirs, file)
		}
	}
	return dirs
}

package lint

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/secrets"
)

func checkSetuid(f *facts) ([]Finding, string) {
	return f.each(func(file *file) string {
		switch {
		case !file.regular():
			return ""
		case file.mode&fs.ModeSetuid != 0:
			return fmt.Sprintf("it runs as uid %d, whoever starts it", file.uid)
		case file.mode&fs.ModeSetgid != 0:
			return fmt.Sprintf("it runs as gid %d, whoever starts it", file.gid)
		}
		return ""
	}), ""
}

func checkCapabilities(f *facts) ([]Finding, string) {
	return f.each(func(file *file) string {
		if file.capability {
			return "it has rights of root, whoever starts it"
		}
		return ""
	}), ""
}

func checkWorldWritable(f *facts) ([]Finding, string) {
	return f.each(func(file *file) string {
		switch {
		case file.mode&0o002 == 0:
			return ""
		case file.mode.IsDir() && file.mode&fs.ModeSticky == 0:
			return "everybody may replace its entries: it is not sticky"
		case file.regular():
			return "everybody may write to it"
		}
		return ""
	}), ""
}

// private are files that only root may read by their purpose (shadow(5)).
var private = words("etc/shadow etc/shadow- etc/gshadow etc/gshadow- etc/passwd- etc/group- etc/subuid- etc/subgid- etc/.pwd.lock " +
	"etc/security/opasswd root")

// closedTo reports whether a file that the image's user can read by ownership is closed to a user of group 0.
func (f *facts) closedTo(file *file, uid, gid uint32) bool {
	read, enter := fs.FileMode(0o4), fs.FileMode(0)
	if file.mode.IsDir() {
		enter = 0o1
	}
	may := func(shift uint) bool {
		bits := file.mode.Perm() >> shift & 7
		if file.regular() && bits&1 != 0 {
			return true // a program need not be readable
		}
		return bits&read != 0 && bits&enter == enter
	}
	own := file.uid == uid && may(6) || file.gid == gid && may(3) || uid == 0
	return own && !may(0) && !(file.gid == 0 && may(3))
}

// checkReadable reports a closed directory once, without its entries. Files that packages close do not count unless the image's
// user is its owner.
func checkReadable(f *facts) ([]Finding, string) {
	uid, gid, ok := f.ids()
	if !ok {
		return nil, "the image's user is not known by number"
	}
	closed := told{}
	return f.each(func(file *file) string {
		if file.mode&fs.ModeSymlink != 0 || closed.covers(file.path) || !f.closedTo(file, uid, gid) {
			return ""
		}
		closed[file.path] = file.mode.IsDir()
		if private[file.path] || file.mode.IsDir() && f.empty(file.path) || uid == 0 && f.owned(file.path) || uid == 0 && systemDir(file) {
			return ""
		}
		return fmt.Sprintf("only uid %d and gid %d may read it (%v)", file.uid, file.gid, file.mode.Perm())
	}), ""
}

// empty reports whether a directory has no entries.
func (f *facts) empty(dir string) bool {
	i, _ := slices.BinarySearchFunc(f.files, dir+"/", func(a file, b string) int { return strings.Compare(a.path, b) })
	return i == len(f.files) || !strings.HasPrefix(f.files[i].path, dir+"/")
}

// systemDir reports whether a directory is closed by the package manager for itself or for keys: below its own places.
func systemDir(file *file) bool {
	for _, dir := range []string{"var/cache", "var/lib/apt", "var/lib/dpkg", "var/lib/private", "var/log", "var/spool", "etc/ssl/private",
		"etc/security"} {
		if file.mode.IsDir() && (file.path == dir || strings.HasPrefix(file.path, dir+"/")) {
			return true
		}
	}
	return false
}

// checkGroupZero reports the directories that only their owner, the image's user, may write to.
func checkGroupZero(f *facts) ([]Finding, string) {
	uid, gid, ok := f.ids()
	if !ok {
		return nil, "the image's user is not known by number"
	}
	if uid == 0 {
		return nil, "the image's user is root, who may write everywhere"
	}
	seen := told{}
	return f.each(func(file *file) string {
		mode := file.mode.Perm()
		own := file.uid == uid && mode&0o200 != 0 || file.gid == gid && mode&0o020 != 0
		if !file.mode.IsDir() || !own || mode&0o002 != 0 || file.gid == 0 && mode&0o020 != 0 {
			return ""
		}
		if seen.covers(file.path) {
			return ""
		}
		seen[file.path] = true
		return fmt.Sprintf("of all users, only uid %d may write to it", uid)
	}), ""
}

// below reports whether a path is in one of the directories.
func below(name string, dirs ...string) bool {
	for _, dir := range dirs {
		if strings.HasPrefix(name, dir+"/") {
			return true
		}
	}
	return false
}

func checkTemporary(f *facts) ([]Finding, string) {
	return f.each(func(file *file) string {
		if file.regular() && below(file.path, "tmp", "var/tmp", "run", "var/run", "dev/shm") && !f.owned(file.path) {
			return fmt.Sprintf("a temporary file of %d bytes", file.size)
		}
		return ""
	}), ""
}

func checkLogs(f *facts) ([]Finding, string) {
	return f.each(func(file *file) string {
		if file.regular() && below(file.path, "var/log") {
			return "a log file, not a link to standard output"
		}
		return ""
	}), ""
}

func checkCaches(f *facts) ([]Finding, string) {
	var sizes = map[string]int64{}
	dirs := []string{"var/lib/apt/lists", "var/cache/apt/archives", "var/cache/apk", "var/cache/dnf", "var/cache/yum", "var/cache/zypp",
		"var/cache/pacman"}
	for i := range f.files {
		for _, dir := range dirs {
			if file := &f.files[i]; file.regular() && below(file.path, dir) {
				sizes[dir] += file.size
			}
		}
	}
	return f.each(func(file *file) string {
		if sizes[file.path] > 0 {
			return fmt.Sprintf("a cache of %d bytes", sizes[file.path])
		}
		return ""
	}), ""
}

// Names that only a workplace needs: those Dockle knows, and their kin.
var (
	strayDirs  = words(".git .svn .hg .cache .aws .npm .ssh .vscode .idea .terraform")
	strayFiles = words("Dockerfile Containerfile docker-compose.yml docker-compose.yaml compose.yaml .DS_Store .vimrc .bash_history " +
		".ash_history .python_history .node_repl_history .dockerignore .gitlab-ci.yml Thumbs.db")
)

// checkStray reports a directory once. Directories of packages do not count.
func checkStray(f *facts) ([]Finding, string) {
	seen := told{}
	return f.each(func(file *file) string {
		base := path.Base(file.path)
		if seen.covers(file.path) || secrets.Published(file.path) {
			return ""
		}
		switch {
		case file.mode.IsDir() && strayDirs[base]:
			seen[file.path] = true
			return "a directory of a workplace"
		case file.regular() && strayFiles[base] && !f.owned(file.path):
			return "a file of a workplace"
		}
		return ""
	}), ""
}

//go:build linux

package trace

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/slimimage/slim/layers"
)

// traceLine is a call in the output of "strace -f -y": its name, the directory that the path is relative to where the call says, the path.
var traceLine = regexp.MustCompile(`^\d+ +(\w+)\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]*)"`)

// TestStrace asks a second witness: strace sees the same program in a directory like the first, and what it says was looked up has to
// be in the evidence, too.
func TestStrace(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	var names []string
	for _, a := range accesses() {
		names = append(names, a.files...)
	}
	dir, dir2 := place(t, names...), place(t, names...)
	for _, dir := range []string{dir, dir2} {
		if os.Getuid() != 0 {
			break
		}
		if err := all(reachable(dir), os.Chmod(filepath.Join(dir, "secret"), 0o600)); err != nil {
			t.Skip(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	ctx, cancel := context.WithTimeout(t.Context(), *patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, strace, "-f", "-y", "-qq", "-s", "4096", "-e", "trace=%file,inotify_add_watch", "-o", log, self)
	cmd.Dir, cmd.Env = dir2, []string{"PATH=/usr/bin:/bin", beTracee + "=all"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("strace does not run here: %v\n%s", err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	known := tracee(t, "all", dir).known()
	checked := 0
	for _, line := range strings.Split(string(data), "\n") {
		match := traceLine.FindStringSubmatch(line)
		if match == nil || match[1] == "getcwd" || match[3] == "" || match[3] == "/" {
			continue
		}
		from, name := match[2], match[3]
		// Of a path that is relative to a directory which the line does not name, or to another root, only the end is compared.
		sure := strings.HasPrefix(name, "/") == (from == "") && !strings.Contains(name, "../..") && !strings.HasPrefix(from, "anon_inode:")
		if sure && from != "" {
			name = from + "/" + name
		}
		if foreign(name) {
			continue
		}
		checked++
		name = strings.Replace(name, dir2, dir, 1)
		if name, sure = physical(name, sure); !known(name, sure) {
			t.Errorf("strace saw %s, slim did not: %s", name, line)
		}
	}
	if checked < 50 {
		t.Errorf("strace saw %d look-ups, want more:\n%s", checked, data)
	}
}

// known says whether a path is in the evidence; of one that is not sure, whether one that ends with it is.
func (s seen) known() func(name string, sure bool) bool {
	paths := map[string]bool{}
	for _, use := range s.Evidence.Paths {
		paths[string(use.Path)] = true
	}
	for _, m := range s.Evidence.Missing {
		paths[string(m.Path)] = true
	}
	return func(name string, sure bool) bool {
		if paths[string(layers.CleanPath(name))] {
			return true
		}
		for path := range paths {
			if !sure && strings.HasSuffix("/"+path, "/"+strings.TrimLeft(name, "./")) {
				return true
			}
		}
		return false
	}
}

// physical resolves the symlinks on the way to a path as far as it is there; it is not sure of one that is not.
func physical(name string, sure bool) (string, bool) {
	if !sure {
		return name, false
	}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real, true
	}
	if parent, err := filepath.EvalSymlinks(filepath.Dir(name)); err == nil && parent != "/" {
		return filepath.Join(parent, filepath.Base(name)), true
	}
	return name, false
}

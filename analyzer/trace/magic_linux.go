package trace

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// maxMagic bounds the magic links on the way of one look-up.
const maxMagic = 8

// resolve follows a path, also through the links of /proc to the open files, the executable, and the root and working directories of a
// process (proc_pid_fd(5)): their targets belong to the image.
func (t *tracer) resolve(tk *task, root, dir, name string, follow bool) found {
	f := t.walk.resolve(root, dir, name, follow)
	for range maxMagic {
		if f.missing || !foreign(f.path) {
			return f
		}
		target, rest := t.magic(tk, beforeLink(f.path))
		if target == "" || rest == "" && !follow {
			return f
		}
		hops := f.hops
		if rest == "" {
			f = t.walk.resolve("/", "/", target, false)
		} else {
			f = t.walk.resolve(root, target, rest, follow)
		}
		f.hops = append(hops, f.hops...)
	}
	return f
}

// beforeLink cleans a path up to its first magic link. After a link ".." is the parent of its target.
func beforeLink(name string) string {
	var clean []string
	parts := strings.Split(name, "/")
	for i, part := range parts {
		switch {
		case part == "" || part == ".":
			continue
		case part == "..":
			clean = clean[:max(0, len(clean)-1)]
			continue
		}
		clean = append(clean, part)
		link := part == "cwd" || part == "root" || part == "exe" || len(clean) > 1 && clean[len(clean)-2] == "fd"
		if link {
			return "/" + strings.Join(append(clean, parts[i+1:]...), "/")
		}
	}
	return "/" + strings.Join(clean, "/")
}

// magic returns the target of a magic link at the start of a path (beforeLink), and the rest of the path after it; "" where none is known.
func (t *tracer) magic(tk *task, name string) (target, rest string) {
	parts := strings.Split(name, "/")[1:]
	p := tk.proc
	if parts[0] == "dev" {
		fds := map[string]string{"stdin": "0", "stdout": "1", "stderr": "2"}
		if len(parts) == 2 && fds[parts[1]] != "" {
			parts = []string{"fd", fds[parts[1]]}
		} else {
			parts = parts[1:]
		}
	} else if parts[0] == "proc" && len(parts) > 2 {
		if p = t.named(tk, parts[1]); p == nil {
			return "", ""
		}
		parts = parts[2:]
		if parts[0] == "task" && len(parts) > 2 {
			parts = parts[2:]
		}
	}
	switch {
	case len(parts) == 0:
		return "", ""
	case parts[0] == "fd" && len(parts) > 1:
		fd, err := strconv.Atoi(parts[1])
		if err != nil || fd < 0 {
			return "", ""
		}
		target, parts = p.descriptor(fd), parts[2:]
	case name[1] == 'p' && parts[0] == "exe":
		target, parts = p.exe, parts[1:]
	case name[1] == 'p' && parts[0] == "root":
		target, parts = p.root, parts[1:]
	case name[1] == 'p' && parts[0] == "cwd" && p == tk.proc:
		target, parts = t.directory(tk, unix.AT_FDCWD), parts[1:]
	case name[1] == 'p' && parts[0] == "cwd":
		target, parts = p.cwd, parts[1:]
	}
	return target, strings.Join(parts, "/")
}

// named is the process of a directory of /proc.
func (t *tracer) named(tk *task, name string) *process {
	if name == "self" || name == "thread-self" {
		return tk.proc
	}
	pid, err := strconv.Atoi(name)
	if other := t.tasks[pid]; err == nil && other != nil {
		return other.proc
	}
	return nil
}

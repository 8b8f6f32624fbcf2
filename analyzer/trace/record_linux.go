package trace

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// recorder collects what happened. Only the tracer's thread writes, but others may read the finished evidence: the lock is
// for the few fields a prober touches.
type recorder struct {
	mu         sync.Mutex
	paths      map[string]*use
	missing    map[missKey]*use
	processes  map[string]analyzer.Process // that have ended
	alive      map[string]analyzer.Process // that have not, when they were looked at last
	powers     map[analyzer.Power]bool
	privileged map[string]bool
	peers      map[analyzer.Socket]bool
	calls      map[uint32]bool
	warnings   map[string]bool
	mounts     []analyzer.Mount
	peak       int64
}

type missKey struct {
	path  string
	errno unix.Errno
}

// use is who did what with one path.
type use struct {
	ops  few[analyzer.Op]
	by   few[string]
	uids few[uint32]
}

// few is a small set in a slice: one program uses most paths in one way, and a tree walk records thousands of paths.
type few[T comparable] []T

func (f *few[T]) add(value T) {
	if !slices.Contains(*f, value) {
		*f = append(*f, value)
	}
}

func (f few[T]) has(value T) bool { return slices.Contains(f, value) }

func newRecorder() *recorder {
	return &recorder{paths: map[string]*use{}, missing: map[missKey]*use{}, processes: map[string]analyzer.Process{},
		powers: map[analyzer.Power]bool{}, privileged: map[string]bool{},
		peers: map[analyzer.Socket]bool{}, calls: map[uint32]bool{}, warnings: map[string]bool{}}
}

// outside reports whether a path belongs to the sandbox or to a mount of the user, and not to the image.
func (r *recorder) outside(name string) bool {
	return foreign(name) || slices.ContainsFunc(r.mounts, func(m analyzer.Mount) bool {
		rest, ok := strings.CutPrefix(name, "/"+string(m.Path))
		return ok && (rest == "" || rest[0] == '/')
	})
}

// add notes a use; a nil use is of a path outside of the image.
func (u *use) add(p *process, ops ...analyzer.Op) {
	if u == nil {
		return
	}
	for _, op := range ops {
		u.ops.add(op)
	}
	if p.exe != "" {
		u.by.add(p.exe)
	}
	u.uids.add(p.uid)
}

// use records the path and the symlinks that led to it.
func (r *recorder) use(p *process, f found, ops ...analyzer.Op) {
	if p.exe == "" {
		return // the agent itself, before the program runs
	}
	for _, hop := range f.hops {
		r.at(hop).add(p, analyzer.OpHop)
	}
	r.at(f.path).add(p, ops...)
}

// at is the record of a path, nil for one outside of the image.
func (r *recorder) at(name string) *use {
	if r.outside(name) {
		return nil
	}
	u := r.paths[name]
	if u == nil {
		u = &use{}
		r.paths[name] = u
	}
	return u
}

// known says that recording would change nothing.
func (r *recorder) known(p *process, name string, op analyzer.Op) bool {
	u := r.paths[name]
	return u != nil && u.ops.has(op) && u.by.has(p.exe) && u.uids.has(p.uid)
}

func (r *recorder) miss(p *process, f found, op analyzer.Op) {
	if p.exe == "" || r.outside(f.path) {
		return
	}
	for _, hop := range f.hops {
		r.at(hop).add(p, analyzer.OpHop)
	}
	key := missKey{f.path, f.errno}
	u := r.missing[key]
	if u == nil {
		u = &use{}
		r.missing[key] = u
	}
	u.add(p, op)
}

func (r *recorder) exec(p *process, e *execution) {
	for _, hop := range e.hops {
		r.at(hop).add(p, analyzer.OpHop)
	}
	r.at(e.path).add(p, analyzer.OpExec)
}

// process records a process that has ended, or that now executes another program; stays says that the run was being stopped.
func (r *recorder) process(p *process, stays bool) { r.put(r.processes, p, stays) }

// living records the processes that are still running, and replaces the previous list.
func (r *recorder) living(list []*process) {
	r.alive = map[string]analyzer.Process{}
	for _, p := range list {
		r.put(r.alive, p, true)
	}
}

func (r *recorder) put(in map[string]analyzer.Process, p *process, stays bool) {
	if p.exe == "" || r.outside(p.exe) {
		return
	}
	entry := analyzer.Process{Exe: layers.CleanPath(p.exe), Argv: p.argv, UID: p.uid, GID: p.gid, Groups: p.groups, Role: p.role, From: p.from,
		Returns: p.uid != 0 && p.mayReturn, Stays: stays, Execs: p.execs, Listens: p.listens}
	if p.by != "" && !r.outside(p.by) {
		entry.By = layers.CleanPath(p.by)
	}
	in[fmt.Sprintf("%#v", entry)] = entry
}

func (r *recorder) privilegedExec(name string) { r.privileged[name] = true }

func (r *recorder) call(number uint32) { r.calls[number] = true }

func (r *recorder) warn(text string) { r.warnings[text] = true }

func (r *recorder) warnUnknown(exe string) {
	r.warn(fmt.Sprintf("%s used a directory descriptor whose path is not known", exe))
}

func (r *recorder) peer(addr netip.Addr, port uint16) {
	if port != 0 {
		r.peers[analyzer.Socket{Network: "tcp", Address: addr.String(), Port: int(port)}] = true
	}
}

// memory notes a peak of resident memory, in bytes.
func (r *recorder) memory(bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peak = max(r.peak, bytes)
}

// peakMemory is the peak, rounded up because it differs between runs.
func (r *recorder) peakMemory() int64 {
	const unit = 16 << 20
	r.mu.Lock()
	defer r.mu.Unlock()
	return (r.peak + unit - 1) / unit * unit
}

// fill puts what was recorded into evidence.
func (r *recorder) fill(e *analyzer.Evidence) {
	for name, u := range r.paths {
		e.Paths = append(e.Paths, analyzer.PathUse{Path: layers.CleanPath(name), Ops: sorted(u.ops), By: clean(u.by), UIDs: sorted(u.uids)})
	}
	for key, u := range r.missing {
		e.Missing = append(e.Missing, analyzer.MissingPath{Path: layers.CleanPath(key.path), Errno: unix.ErrnoName(key.errno), Ops: sorted(u.ops),
			By: clean(u.by)})
	}
	for _, processes := range []map[string]analyzer.Process{r.processes, r.alive} {
		for _, p := range processes {
			e.Processes = append(e.Processes, p)
		}
	}
	for p := range r.powers {
		e.Powers = append(e.Powers, p)
	}
	slices.SortFunc(e.Powers, func(a, b analyzer.Power) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for number := range r.calls {
		if name := callNames[number]; name != "" {
			e.Syscalls = append(e.Syscalls, name)
		}
	}
	slices.Sort(e.Syscalls)
	e.Warnings = append(e.Warnings, keys(r.warnings)...)
	for name := range r.privileged {
		e.Privileged = append(e.Privileged, layers.CleanPath(name))
	}
	slices.Sort(e.Privileged)
	slices.SortFunc(e.Paths, func(a, b analyzer.PathUse) int { return strings.Compare(string(a.Path), string(b.Path)) })
	slices.SortFunc(e.Missing, func(a, b analyzer.MissingPath) int {
		return strings.Compare(string(a.Path)+"\x00"+a.Errno, string(b.Path)+"\x00"+b.Errno)
	})
	slices.SortFunc(e.Processes, func(a, b analyzer.Process) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
}

func keys[K interface{ ~string | ~uint32 }](m map[K]bool) []K {
	out := make([]K, 0, len(m))
	for key := range m {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

func sorted[T cmp.Ordered](f few[T]) []T {
	out := slices.Clone([]T(f))
	slices.Sort(out)
	return out
}

func clean(f few[string]) []layers.Path {
	out := make([]layers.Path, len(f))
	for i, name := range f {
		out[i] = layers.CleanPath(name)
	}
	slices.Sort(out)
	return out
}

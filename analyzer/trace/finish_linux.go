package trace

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// idleTime is how long a stopping application may be idle before it counts as one that ignores the signal.
const idleTime = time.Second

// Stop ends the application as `docker stop` does: it sends the stop signal, and after grace it kills all processes. It does not wait
// the full grace for an application that does not catch the signal or does nothing after it.
func (s *Session) Stop(grace time.Duration) {
	signal := stopSignal(s.opt.Entry.StopSignal)
	if s.tracer.main == os.Getppid() && !catches(s.tracer.main, signal) {
		return // the first process of a pid namespace gets no signal it does not catch (pid_namespaces(7))
	}
	s.stopping()
	_ = unix.Kill(s.tracer.main, signal)
	end, tick := time.After(grace), time.NewTicker(idleTime)
	defer tick.Stop()
	for before := int64(-1); ; {
		select {
		case <-s.ended:
			return
		case <-end:
			return
		case <-tick.C:
			now := s.cpuTime()
			if now == before {
				return
			}
			before = now
		}
	}
}

// stopping notes that processes which end from now on were stopped.
func (s *Session) stopping() {
	s.events.Lock()
	s.tracer.stopping = true
	s.events.Unlock()
}

// cpuTime is the CPU time of all traced processes, in clock ticks: fields 14 and 15 of /proc/PID/stat (proc_pid_stat(5)).
func (s *Session) cpuTime() int64 {
	var total int64
	for _, pid := range s.pids() {
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		if fields := strings.Fields(rest); len(fields) > 12 {
			for _, field := range fields[11:13] {
				ticks, _ := strconv.ParseInt(field, 10, 64)
				total += ticks
			}
		}
	}
	return total
}

// catches says whether a process has a handler for a signal: the SigCgt mask of its status (proc_pid_status(5)).
func catches(pid int, signal unix.Signal) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return true
	}
	for _, line := range strings.Split(string(data), "\n") {
		if mask, ok := strings.CutPrefix(line, "SigCgt:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err != nil || bits&(1<<(signal-1)) != 0
		}
	}
	return true
}

// stopSignal reads the STOPSIGNAL of an image: a number, or a name with or without SIG.
func stopSignal(name string) unix.Signal {
	if number, err := strconv.Atoi(name); err == nil && number > 0 {
		return unix.Signal(number)
	}
	name = strings.ToUpper(name)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if signal := unix.SignalNum(name); signal != 0 {
		return signal
	}
	return unix.SIGTERM
}

// Written is the present size of the files that the application has made, in bytes. It counts blocks, not lengths, because of sparse files.
func (s *Session) Written() int64 {
	s.events.Lock()
	defer s.events.Unlock()
	var bytes int64
	for name, use := range s.tracer.rec.paths {
		var stat unix.Stat_t
		if use.ops.has(analyzer.OpCreate) && unix.Lstat(name, &stat) == nil && stat.Mode&unix.S_IFMT == unix.S_IFREG {
			bytes += stat.Blocks * 512 // stat(2): of 512 bytes whatever the file system's blocks are
		}
	}
	return bytes
}

// Finish ends the remaining processes, stops a first process that it may not end, and puts the observations into evidence and run. Output
// is the answer of a command.
func (s *Session) Finish(e *analyzer.Evidence, run *analyzer.Run) (output analyzer.Answer) {
	close(s.stopMem)
	s.stopping()
	s.killRest()
	s.freeze()
	s.out.drain()
	s.err.drain()
	s.events.Lock()
	defer s.events.Unlock()
	if !s.tracer.held {
		s.tracer.rec.living(s.tracer.processes()) // an adopted first process that takes no signals
	}
	s.tracer.rec.fill(e)
	for socket := range s.tracer.rec.peers {
		run.Peers = append(run.Peers, socket)
	}
	run.PeakMemory = s.tracer.rec.peakMemory()
	select {
	case <-s.ended:
		run.ExitCode = exitCode(s.status)
		if s.status.Signaled() {
			run.Signal = unix.SignalName(s.status.Signal())
		}
	default:
	}
	if s.failure != "" {
		run.Failure = s.failure
	}
	return analyzer.Answer{Probe: "output", OK: run.Failure == "", Status: run.ExitCode, Body: s.out.bytes(), Stderr: s.err.bytes(),
		Size: s.out.size, SHA256: s.out.sum()}
}

// killRest ends every process except an adopted first one, because the end of that one would also end this process.
func (s *Session) killRest() {
	for range 20 {
		s.events.Lock()
		left := 0
		for tid, tk := range s.tracer.tasks {
			if tk.proc.pid == s.tracer.main && s.tracer.onEnd != nil {
				continue
			}
			left++
			_ = unix.Kill(tid, unix.SIGKILL)
		}
		s.events.Unlock()
		if left == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// freeze stops the tasks that are left, for good: what is written from now on the application cannot change. A signal to a traced task is
// reported to the tracer first, also one to process number 1 (ptrace(2), signal-delivery-stop).
func (s *Session) freeze() {
	for range 50 {
		s.events.Lock()
		s.tracer.frozen = true
		left := 0
		for tid, tk := range s.tracer.tasks {
			if !tk.still {
				left++
				_ = unix.Tgkill(tk.proc.pid, tid, unix.SIGSTOP)
			}
		}
		s.events.Unlock()
		if left == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sampleMemory adds up the resident memory of all processes except the agent, at intervals.
func (s *Session) sampleMemory() {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-s.stopMem:
			return
		case <-tick.C:
			bytes, private := s.resident()
			s.tracer.rec.memory(bytes)
			if s.opt.MaxBytes > 0 && private > s.opt.MaxBytes {
				s.exceeds(fmt.Sprintf("it used more than %d MiB of memory (--max-memory)", s.opt.MaxBytes>>20))
			}
		}
	}
}

// pids lists the traced processes.
func (s *Session) pids() []int {
	s.events.Lock()
	defer s.events.Unlock()
	found := map[int]bool{}
	for _, tk := range s.tracer.tasks {
		found[tk.proc.pid] = true
	}
	return slices.Collect(maps.Keys(found))
}

// exceeds stops the application, which has exceeded a limit.
func (s *Session) exceeds(limit string) {
	s.events.Lock()
	s.tracer.exceeds(limit)
	s.events.Unlock()
	s.freeze()
}

// resident is the resident memory of all processes. In private, what they share counts only once.
func (s *Session) resident() (total, private int64) {
	var shared int64
	page := int64(os.Getpagesize())
	for _, pid := range s.pids() {
		// The second field of /proc/PID/statm is resident pages, the third those that are shared (proc_pid_statm(5)).
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if fields := strings.Fields(string(data)); err == nil && len(fields) > 2 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			common, _ := strconv.ParseInt(fields[2], 10, 64)
			total += pages * page
			private += (pages - common) * page
			shared = max(shared, common*page)
		}
	}
	return total, private + shared
}

// prepareRoot adds to a foreign root filesystem the files that a program expects in a container and that can be made without
// privilege: the harmless device nodes and the name service files.
func prepareRoot(root string) {
	_ = os.MkdirAll(path.Join(root, "dev"), 0o755)
	for name, minor := range map[string]uint32{"null": 3, "zero": 5, "full": 7, "random": 8, "urandom": 9} {
		_ = unix.Mknod(path.Join(root, "dev", name), unix.S_IFCHR|0o666, int(unix.Mkdev(1, minor)))
		_ = os.Chmod(path.Join(root, "dev", name), 0o666)
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return
	}
	defer dir.Close()
	_ = dir.MkdirAll("etc", 0o755)
	for _, name := range []string{"etc/hosts", "etc/resolv.conf"} {
		if data, err := os.ReadFile("/" + name); err == nil { // a mount of the sandbox
			_ = dir.Remove(name) // it may be a named pipe
			_ = dir.WriteFile(name, data, 0o644)
		}
	}
}

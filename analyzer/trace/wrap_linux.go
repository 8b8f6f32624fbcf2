package trace

import (
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// wrapAnswer is the file descriptor on which a witness tells the process it traces that it has come: one byte (answerSeized), or why not.
const wrapAnswer = 3

// Wrap makes the calling process the command argv: same process number, user, privileges, directory and open files, with env as its
// environment. Before that, it starts the agent again with args, as the command's witness (NewWitness), and waits until it is attached.
// It must run on the main thread, and returns only an error: the program does not exist, or the witness could not attach; then nothing
// was run.
func Wrap(argv, env []string, plain bool, args []string) error {
	program, err := lookPath(argv[0], env)
	if err != nil {
		return err
	}
	answer, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	witness, err := os.StartProcess("/proc/self/exe", args, &os.ProcAttr{Env: os.Environ(), Sys: ownSession,
		Files: []*os.File{nil, nil, os.Stderr, theirs}})
	if err != nil {
		return fmt.Errorf("starting the tracer: %w", err)
	}
	_ = unix.Prctl(unix.PR_SET_PTRACER, uintptr(witness.Pid), 0, 0, 0) // see Become
	theirs.Close()
	text, err := io.ReadAll(io.LimitReader(answer, 4096))
	answer.Close()
	if err != nil || string(text) != string(rune(answerSeized)) {
		_, _ = witness.Wait()
		return fmt.Errorf("the tracer could not come: %s", text)
	}
	if !plain {
		if err := install(filter(false, witness.Pid)); err != nil {
			return err
		}
	}
	if err := syscall.Exec(program, argv, env); err != nil {
		return fmt.Errorf("exec %q: %w", program, err)
	}
	return nil
}

// Witness traces the application that its parent becomes (Wrap). It does not change the application's user, files or signals.
type Witness struct {
	session *Session
	last    atomic.Int64 // number of the newest snapshot
	sockets map[analyzer.Socket]bool
	mu      sync.Mutex // of sockets
}

// Seen is what a witness has seen until now.
type Seen struct {
	Evidence analyzer.Evidence // paths, look-ups, processes, calls and warnings
	Run      analyzer.Run      // sockets, memory and, after the end, the exit code
	Number   int64             // grows from one snapshot to the next
	Size     int               // facts that were recorded: whether a snapshot is worth its while
	Ended    bool              // the first process has ended
}

// NewWitness calls ready and begins to trace the parent process. It calls ended once, with the evidence so far, when the first process
// is about to end. The process ends only after ended has returned; where it is process number 1, its container ends with it. NewWitness
// tells the parent to continue, or why it should not: ready's error, or that the parent may not be traced.
func NewWitness(plain bool, ready func() error, ended func(Seen)) (*Witness, error) {
	answer := os.NewFile(wrapAnswer, "answer")
	defer answer.Close()
	var w *Witness
	err := ready()
	if err == nil {
		w, err = witness(plain, ended)
	}
	if err != nil {
		fmt.Fprint(answer, err)
		return nil, err
	}
	_, err = answer.Write([]byte{answerSeized})
	return w, err
}

func witness(plain bool, ended func(Seen)) (*Witness, error) {
	user := Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
	groups, err := os.Getgroups()
	if err != nil {
		return nil, err
	}
	for _, gid := range groups {
		user.Groups = append(user.Groups, uint32(gid))
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	how := modeFilter
	if plain {
		how = modePlain
	}
	s := &Session{tracer: newTracer(how, plain), user: user, ended: make(chan struct{}), stopMem: make(chan struct{})}
	w := &Witness{session: s, sockets: map[analyzer.Socket]bool{}}
	s.tracer.main = os.Getppid()
	s.tracer.onEnd = s.end
	s.tracer.beforeEnd = func(status unix.WaitStatus) {
		seen := w.seen()
		seen.Run.ExitCode, seen.Ended = exitCode(status), true
		if status.Signaled() {
			seen.Run.Signal = unix.SignalName(status.Signal())
		}
		ended(seen)
	}
	seized := make(chan error, 1)
	s.run(func() error { return s.tracer.seize(s.tracer.main, user, dir) }, seized)
	if err := <-seized; err != nil {
		return nil, err
	}
	go w.listen()
	return w, nil
}

// listen looks every second for sockets that are listened on.
func (w *Witness) listen() {
	for range time.Tick(time.Second) {
		w.session.events.Lock()
		w.sample()
		w.session.events.Unlock()
	}
}

// sample notes the sockets of the traced processes. The tracer must stand still.
func (w *Witness) sample() {
	sockets, err := w.session.tracer.listening()
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, socket := range sockets {
		w.sockets[socket] = true
	}
}

// Seen is a snapshot.
func (w *Witness) Seen() Seen {
	w.session.events.Lock()
	defer w.session.events.Unlock()
	return w.seen()
}

// Alone says whether no traced process is left.
func (w *Witness) Alone() bool {
	w.session.events.Lock()
	defer w.session.events.Unlock()
	return len(w.session.tracer.tasks) == 0
}

// seen is a snapshot. The tracer must stand still.
func (w *Witness) seen() Seen {
	w.sample()
	t := w.session.tracer
	rec := t.rec
	rec.living(t.processes())
	seen := Seen{Number: w.last.Add(1), Size: len(rec.paths) + len(rec.missing) + len(rec.processes) + len(rec.alive) + len(rec.powers) +
		len(rec.peers) + len(rec.calls)}
	rec.fill(&seen.Evidence)
	for socket := range rec.peers {
		seen.Run.Peers = append(seen.Run.Peers, socket)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for socket := range w.sockets {
		seen.Run.Listen = append(seen.Run.Listen, socket)
	}
	seen.Run.PeakMemory = rec.peakMemory()
	return seen
}

// processes are the traced ones.
func (t *tracer) processes() []*process {
	var list []*process
	for _, tk := range t.tasks {
		if !slices.Contains(list, tk.proc) {
			list = append(list, tk.proc)
		}
	}
	return list
}

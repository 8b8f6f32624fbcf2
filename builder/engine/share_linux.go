//go:build !frontend

package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"
)

// The embedded engine is a process of its own (serve_linux.go), which all slim processes of a user with the same state directory and
// settings share: BuildKit's databases allow one process at a time. The first slim starts it; it ends with the last one, which waits for
// its end. In a session of its own, it outlives the slim that started it.

const (
	pollTime  = 50 * time.Millisecond  // between two attempts to reach the engine
	sayAfter  = 2 * time.Second        // a wait that is longer is announced
	startTime = 2 * time.Minute        // for the engine to open its databases and to answer; it is slow under emulation
	lostTime  = 100 * time.Millisecond // between the end of a connection and that of the process
	leaveTime = 10 * time.Second       // for the engine to end
)

// link is the connection of one slim process to the engine.
type link struct {
	conn    net.Conn
	taken   atomic.Bool   // gRPC has the connection
	process int           // a descriptor of the engine's process (pidfd_open(2))
	reaped  chan struct{} // closed when the engine's process, a child of this one, has been waited for; nil for that of another slim
	dir     string
	users   *flock.Flock // shared by all that use the engine
	private bool
	greeting
}

// greeting is the first line that the engine sends: whoever reads it counts as a user.
type greeting struct {
	Snapshotter string `json:"snapshotter"`
}

// helperNamespaces are the engine's own (clone(2)); tests without root have none.
var helperNamespaces uintptr = unix.CLONE_NEWNS

// maxGreeting bounds the greeting in bytes.
const maxGreeting = 1 << 10

// join finds the engine, or starts it.
func join(ctx context.Context, opt *Options, root string) (*link, error) {
	users := flock.New(filepath.Join(root, usersFile))
	if err := users.RLock(); err != nil {
		return nil, fmt.Errorf("locking %s: %w", root, err)
	}
	l, err := reach(ctx, opt, root)
	if err != nil {
		return nil, errors.Join(err, users.Unlock())
	}
	l.users = users
	return l, nil
}

// reach connects to the engine of root as soon as there is one with the same settings. If another one has the directory for too long, it
// starts an engine with a private directory.
func reach(ctx context.Context, opt *Options, root string) (*link, error) {
	begin, said := time.Now(), false
	for {
		l, err := dialEngine(root, *opt)
		if err != nil || l != nil {
			return l, err
		}
		s, err := tryState(root)
		if err != nil {
			return nil, err
		}
		if s != nil {
			sweepPrivate(filepath.Dir(root))
			if err := s.check(opt); err != nil {
				return nil, errors.Join(err, s.close())
			}
			return start(ctx, opt, s)
		}
		switch waited := time.Since(begin); {
		case waited >= lockWait:
			if s, err = privateState(opt, filepath.Dir(root)); err != nil {
				return nil, err
			}
			return start(ctx, opt, s)
		case waited >= sayAfter && !said:
			opt.notice("another slim with other settings is running: waiting up to %d s for its cache", int(lockWait.Seconds()))
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pollTime):
		}
	}
}

// dialEngine connects to a running engine; it returns nil without one, and while one is ending.
func dialEngine(dir string, opt Options) (*link, error) {
	conn, err := overShortPath(dir, func(dir string) (net.Conn, error) { return net.Dial("unix", filepath.Join(dir, socketName(opt))) })
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ECONNREFUSED) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("embedded BuildKit: %w", err)
	}
	peer, err := sameUser(conn)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("embedded BuildKit: %w", err), conn.Close())
	}
	l := &link{conn: conn, dir: dir}
	if err := l.read(); err != nil {
		return nil, conn.Close() // it is ending
	}
	if l.process, err = unix.PidfdOpen(int(peer.Pid), 0); err != nil {
		return nil, conn.Close()
	}
	return l, nil
}

// read reads the greeting, byte by byte: what follows is gRPC's.
func (l *link) read() error {
	_ = l.conn.SetReadDeadline(time.Now().Add(startTime))
	var line bytes.Buffer
	for one := make([]byte, 1); !bytes.HasSuffix(line.Bytes(), []byte("\n")); line.Write(one) {
		if _, err := io.ReadFull(l.conn, one); err != nil || line.Len() == maxGreeting {
			return errors.Join(errors.New("it does not answer"), err)
		}
	}
	_ = l.conn.SetReadDeadline(time.Time{})
	return json.Unmarshal(line.Bytes(), &l.greeting)
}

// dial is the one connection; there is no second one, because a new engine does not know the work of the old one.
func (l *link) dial(context.Context, string) (net.Conn, error) {
	if l.taken.Swap(true) {
		return nil, errors.New("the embedded BuildKit has ended")
	}
	return l.conn, nil
}

// ended waits for the end of the engine's process.
func (l *link) ended(wait time.Duration) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.process), Events: unix.POLLIN}}, int(wait.Milliseconds()))
	return n > 0 && err == nil
}

// lost says that the engine's process has ended, which it does not while it has users.
func (l *link) lost() error {
	if !l.ended(lostTime) {
		return nil
	}
	return fmt.Errorf("the process of the embedded BuildKit was killed or failed: run the command again (its last words, if any: %s)",
		filepath.Join(l.dir, logFile))
}

// sole reports whether no other slim uses the engine. From then on this one does not count.
func (l *link) sole() bool {
	if l.users.Unlock() != nil {
		return false
	}
	ok, err := l.users.TryLock()
	return err == nil && ok && l.users.Unlock() == nil
}

// leave ends the use of the engine. The last user waits until the engine has ended, so that nothing is left behind.
func (l *link) leave() error {
	lost := l.ended(0)
	_ = l.conn.Close() // gRPC may have closed it
	defer unix.Close(l.process)
	if err := l.users.Unlock(); err != nil {
		return err
	}
	if lost {
		return tidy(l.dir)
	}
	for deadline := time.Now().Add(leaveTime); time.Now().Before(deadline); {
		if l.ended(10 * time.Millisecond) {
			if l.reaped != nil {
				<-l.reaped // so that its processor time counts as that of this process
			}
			break
		}
		if l.private {
			continue
		}
		if sole, err := l.users.TryLock(); err != nil || !sole {
			return err // others use it
		}
		if err := l.users.Unlock(); err != nil {
			return err
		}
	}
	return nil
}

// tidy ends what an engine that was killed has left running, unless there is a new one, which does so.
func tidy(root string) error {
	s, err := tryState(root)
	if s == nil {
		return err
	}
	endLeft(root)
	return s.close()
}

// helperConfig is what the engine's process is told.
type helperConfig struct {
	Dir      string   `json:"dir"`
	Socket   string   `json:"socket"`
	Private  bool     `json:"private,omitempty"` // the directory is removed afterwards
	MaxCache int64    `json:"maxCache"`
	Insecure []string `json:"insecure,omitempty"`
}

// start starts the engine's process, which gets the lock of the directory, and connects to it.
func start(ctx context.Context, opt *Options, s *state) (*link, error) {
	reaped, err := startProcess(ctx, helperConfig{Dir: s.dir, Socket: socketName(*opt), Private: s.private, MaxCache: opt.MaxCache,
		Insecure: opt.Insecure}, s.lock)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("starting the embedded BuildKit: %w", err), s.close())
	}
	_ = s.lock.Close() // the engine has it
	l, err := dialEngine(s.dir, *opt)
	if err == nil && l == nil {
		err = fmt.Errorf("the embedded BuildKit ended at once (%s)", filepath.Join(s.dir, logFile))
	}
	if err != nil {
		return nil, err
	}
	l.private, l.reaped = s.private, reaped
	return l, nil
}

// startProcess starts the engine's process and waits until it listens; reaped is closed at its end. The process is in a session of its own,
// so that no signal of a terminal reaches it, and in a mount namespace of its own: if it is killed, the kernel removes its mounts.
func startProcess(ctx context.Context, config helperConfig, lock *os.File) (reaped chan struct{}, err error) {
	data, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(config.Dir, logFile), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	status, answer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer status.Close()
	cmd := exec.Command("/proc/self/exe", helperArg, string(data))
	cmd.Args[0] = "slim"
	cmd.Dir, cmd.Env, cmd.Stderr = "/", helperEnv(os.Environ(), config.Dir), log
	cmd.ExtraFiles = []*os.File{lock, answer}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: helperNamespaces}
	err = cmd.Start()
	answer.Close()
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }() // it may end before this process
	_ = status.SetReadDeadline(time.Now().Add(startTime))
	defer context.AfterFunc(ctx, func() { _ = status.SetReadDeadline(time.Now()) })()
	text, err := io.ReadAll(status)
	if string(text) == helperReady {
		return ended, nil
	}
	_ = cmd.Process.Kill() // it may have ended
	<-ended
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err == nil && len(text) > 0:
		err = errors.New(string(text))
	case err == nil:
		err = fmt.Errorf("it ended at once (%s)", log.Name())
	}
	return nil, err
}

// Variables of the environment: what the engine or the programs that it starts read. The first group distinguishes engines. Nothing else
// of the first slim's environment reaches the engine, which works for others, too.
var (
	engineVars = []string{"PATH", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "GODEBUG",
		usernsMarker}
	otherVars = []string{"HOME", "LANG", "GOMAXPROCS", "GOMEMLIMIT", "GOGC", "GOTRACEBACK", "GOCOVERDIR"}
)

// helperEnv is the environment of the engine's process. In a user namespace, runc needs a directory for its own state, and that of slim
// does not outlive it.
func helperEnv(environ []string, dir string) []string {
	env := chosen(environ, slices.Concat(engineVars, otherVars))
	return append(env, "XDG_RUNTIME_DIR="+filepath.Join(dir, runDir))
}

// chosen selects variables by name, sorted; names of proxies are as good in lower case.
func chosen(environ, names []string) []string {
	var list []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		upper := name
		if strings.HasSuffix(name, "_proxy") {
			upper = strings.ToUpper(name)
		}
		if slices.Contains(names, upper) || strings.HasPrefix(name, "BUILDKIT_") && name != "BUILDKIT_HOST" {
			list = append(list, variable)
		}
	}
	slices.Sort(list)
	return list
}

// socketName is the name of the engine's socket. It depends on the program and on the settings that an engine cannot have for one user
// alone: a slim with others does not find it. Processes of another container are no users: they end with that container.
func socketName(opt Options) string {
	var program unix.Stat_t
	_ = unix.Stat("/proc/self/exe", &program)
	settings := []any{program.Dev, program.Ino, program.Size, program.Mtim.Nano(), opt.Insecure, chosen(os.Environ(), engineVars)}
	for _, namespace := range []string{"pid", "net"} {
		id, _ := os.Readlink("/proc/self/ns/" + namespace)
		settings = append(settings, id)
	}
	data, _ := json.Marshal(settings) // strings and numbers
	sum := sha256.Sum256(data)
	return socketPrefix + hex.EncodeToString(sum[:6])
}

// overShortPath calls f with another name of a directory: the name of a socket has at most 107 bytes (unix(7)).
func overShortPath[T any](dir string, f func(dir string) (T, error)) (T, error) {
	d, err := os.Open(dir)
	if err != nil {
		var none T
		return none, err
	}
	defer d.Close()
	return f(fmt.Sprintf("/proc/self/fd/%d", d.Fd()))
}

// sameUser refuses a connection with a process of another user.
func sameUser(conn net.Conn) (*unix.Ucred, error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) { peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if int(peer.Uid) != os.Geteuid() {
		return nil, fmt.Errorf("the process at the socket is of user %d", peer.Uid)
	}
	return peer, nil
}

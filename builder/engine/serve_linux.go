//go:build !frontend

package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"github.com/moby/buildkit/util/grpcerrors"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
)

// Names in the state directory, besides those of BuildKit.
const (
	lockFile     = "lock"       // held by the engine, or by who changes the directory
	usersFile    = "users"      // held, shared, by the users of the engine
	logFile      = "engine.log" // the last words of the engine's process
	socketPrefix = "engine-"
	runDir       = "run" // of runc, in a user namespace
)

const (
	helperArg   = "_engine" // the first argument of the engine's process
	helperReady = "ready\n"
	firstUser   = 10 * time.Second // an engine that nobody has used by then ends: who started it was killed
)

// ServeHelper is the engine's process, in a program that was started as such (startProcess). In any other it returns false.
func ServeHelper(args []string) (code int, is bool) { return serveHelper(args, openServed) }

func serveHelper(args []string, open opener) (code int, is bool) {
	if len(args) != 3 || args[1] != helperArg {
		return 0, false
	}
	var config helperConfig
	if err := json.Unmarshal([]byte(args[2]), &config); err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		return 1, true
	}
	for _, fd := range []int{3, 4} {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil { // a container must not hold the lock
			fmt.Fprintln(os.Stderr, "slim: only slim itself uses this command")
			return 1, true
		}
	}
	lock, status := os.NewFile(3, lockFile), os.NewFile(4, "status")
	err := serveUntil(config, status, open)
	if config.Private {
		err = errors.Join(err, removeAll(config.Dir))
	}
	lock.Close()
	if err != nil {
		fmt.Fprintln(os.Stderr, "slim:", err)
		return 1, true
	}
	return 0, true
}

// opener opens what the engine's process serves.
type opener func(context.Context, helperConfig) (*served, error)

// serveUntil serves BuildKit in this process until its last user has left. It reports on status that it listens, or why not.
func serveUntil(config helperConfig, status *os.File, open opener) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	signal.Ignore(unix.SIGHUP)
	unix.Umask(0o022) // of the files that BuildKit and runc make in images
	setLog(nil)
	e, err := open(ctx, config)
	if err != nil {
		_, _ = status.WriteString(causeOf(err).Error())
		return errors.Join(err, status.Close())
	}
	_, _ = status.WriteString(helperReady)
	status.Close()
	return e.serve(ctx)
}

// served is a BuildKit behind a socket.
type served struct {
	server *grpc.Server
	door   *door
	close  func() error
}

// openServed opens the databases and the socket.
func openServed(ctx context.Context, config helperConfig) (*served, error) {
	// The engine's mounts are its own; those that the system makes or removes meanwhile it sees.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, fmt.Errorf("making the mounts private: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(config.Dir, runDir), 0o700); err != nil {
		return nil, err
	}
	endLeft(config.Dir)
	ctx, stop := context.WithCancel(ctx)
	dbs, err := openUnsynced(config.Dir)
	if err != nil {
		stop()
		return nil, err
	}
	ctl, name, err := controller(ctx, config, dbs)
	if err != nil {
		stop()
		return nil, err
	}
	door, err := openDoor(config.Dir, config.Socket, greeting{Snapshotter: name})
	if err != nil {
		stop()
		return nil, errors.Join(err, ctl.Close())
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(grpcerrors.UnaryServerInterceptor), grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	ctl.Register(server)
	return &served{server: server, door: door, close: func() error {
		stop()
		shutDown(server)
		return errors.Join(dbs.settle(), ctl.Close())
	}}, nil
}

// serve answers until the last user has left or the process is to end.
func (e *served) serve(ctx context.Context) error {
	go e.server.Serve(e.door) // ends with the server
	select {
	case <-e.door.empty:
	case <-ctx.Done():
		e.door.mu.Lock()
		e.door.shut()
		e.door.mu.Unlock()
	}
	return e.close()
}

// door lets users of this user in, counts them, and shuts behind the last one.
type door struct {
	net.Listener
	socket   string
	greeting []byte
	empty    chan struct{} // closed with the door
	mu       sync.Mutex
	users    int
	closed   bool
}

// openDoor makes the socket. The directory is locked, so other sockets in it are left of engines that were killed.
func openDoor(dir, name string, first greeting) (*door, error) {
	stale, _ := filepath.Glob(filepath.Join(dir, socketPrefix+"*"))
	for _, socket := range stale {
		if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == os.ModeSocket {
			_ = os.Remove(socket)
		}
	}
	listener, err := overShortPath(dir, func(dir string) (net.Listener, error) { return net.Listen("unix", filepath.Join(dir, name)) })
	if err != nil {
		return nil, fmt.Errorf("making the socket: %w", err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false) // by a name that is no longer valid
	line, err := json.Marshal(first)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	d := &door{Listener: listener, socket: filepath.Join(dir, name), greeting: append(line, '\n'), empty: make(chan struct{})}
	time.AfterFunc(firstUser, func() { d.count(0) })
	return d, nil
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if _, err := sameUser(conn); err != nil || !d.count(1) {
			conn.Close()
			continue
		}
		guest := &guest{Conn: conn, left: sync.OnceFunc(func() { d.count(-1) })}
		if _, err := conn.Write(d.greeting); err != nil {
			guest.Close()
			continue
		}
		return guest, nil
	}
}

// guest is the connection of one user.
type guest struct {
	net.Conn
	left func()
}

// Close implements net.Conn.
func (g *guest) Close() error {
	err := g.Conn.Close()
	g.left()
	return err
}

// count adds to the number of users and shuts the door if there are none. It returns false if the door is shut.
func (d *door) count(more int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.users += more
	if d.users == 0 {
		d.shut()
	}
	return !d.closed
}

// shut lets nobody in any more. The caller holds mu.
func (d *door) shut() {
	if !d.closed {
		d.closed = true
		_ = os.Remove(d.socket)
		close(d.empty)
	}
}

// endLeft ends the containers of an engine that was killed. The directory is locked.
func endLeft(dir string) {
	bundles, _ := filepath.Glob(filepath.Join(dir, "runc-*", "executor", "*", "config.json"))
	runc, err := runcPath()
	if err != nil {
		return
	}
	for _, bundle := range bundles {
		id := filepath.Base(filepath.Dir(bundle))
		killContainer(id)
		_ = exec.Command(runc, "delete", "--force", id).Run() // it may be gone
		_ = removeAll(filepath.Dir(bundle))
	}
}

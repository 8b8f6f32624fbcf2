//go:build !frontend

package engine

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/builder/statedir"
)

// usernsMarker is set in the environment of a slim that runs in its own user namespace. Its value is the stage of the setup: "map",
// "root", "ready".
const usernsMarker = "_SLIM_USERNS"

// NeedsUserns reports whether this process must run in its own user namespace: an unprivileged user with an embedded engine. podman says
// that images are in podman's store, for which no BuildKit of Docker is used.
func NeedsUserns(spec string, podman bool) bool {
	if os.Geteuid() == 0 || os.Getenv(usernsMarker) != "" {
		return false
	}
	switch spec {
	case KindEmbedded:
		return true
	case "", "auto":
		if os.Getenv("BUILDKIT_HOST") != "" {
			return false
		}
		if podman {
			return true
		}
		e, err := dockerEngine(context.Background(), Options{})
		if err == nil {
			e.Close()
		}
		return err != nil
	}
	return false
}

// RunInUserns runs this program again, with the same arguments, in a user namespace in which the user is root and has the
// subordinate ids that /etc/subuid and /etc/subgid give, and waits for it. It needs no daemon, and no privilege except that of
// newuidmap(1). It returns the exit code of the program.
func RunInUserns(ctx context.Context, args []string) (int, error) {
	maps, err := idMaps()
	if err != nil {
		return 1, err
	}
	cache, err := statedir.Dir() // here, where the owners of all directories are known
	if err != nil {
		return 1, err
	}
	runtimeDir, err := os.MkdirTemp("", "slim-run-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(runtimeDir)
	ready, wake, err := os.Pipe()
	if err != nil {
		return 1, err
	}
	cmd := exec.Command("/proc/self/exe", args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{ready}
	cmd.Env = append(os.Environ(), usernsMarker+"=map", "XDG_RUNTIME_DIR="+runtimeDir, statedir.EnvVar+"="+cache)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 1, fmt.Errorf("making a user namespace (is kernel.unprivileged_userns_clone 0, or user.max_user_namespaces?): %w", err)
	}
	ready.Close()
	if err := maps.write(cmd.Process.Pid); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return 1, err
	}
	_, _ = wake.Write([]byte{1})
	wake.Close()
	return wait(ctx, cmd)
}

// wait forwards signals to the program and returns its exit code.
func wait(ctx context.Context, cmd *exec.Cmd) (int, error) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig)
		case err := <-done:
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return 1, err
			}
			return cmd.ProcessState.ExitCode(), nil
		}
	}
}

// EnterUserns completes RunInUserns in the child process, and does nothing in any other process. A program must call it first: it
// waits for the id maps, becomes root of the namespace and executes the program again, because the first exec happened as an unmapped
// user and lost its capabilities (user_namespaces(7)); then it makes the mounts private.
func EnterUserns() error {
	switch os.Getenv(usernsMarker) {
	case "map":
		return becomeRoot()
	case "root":
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
			return fmt.Errorf("making the mounts private: %w", err)
		}
		return os.Setenv(usernsMarker, "ready")
	}
	return nil
}

func becomeRoot() error {
	pipe := os.NewFile(3, "ready")
	if _, err := pipe.Read(make([]byte, 1)); err != nil {
		return errors.New("the id maps of the user namespace were not written")
	}
	pipe.Close()
	if err := errors.Join(syscall.Setresgid(0, 0, 0), syscall.Setresuid(0, 0, 0)); err != nil {
		return fmt.Errorf("becoming root of the user namespace: %w", err)
	}
	if err := os.Setenv(usernsMarker, "root"); err != nil {
		return err
	}
	_ = unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
	return syscall.Exec("/proc/self/exe", os.Args, os.Environ())
}

// maps are the id maps of a user: the user as root, and the subordinate ids from 1 on.
type maps struct {
	uid, gid int
	sub      [2][2]int // first subordinate id and count, for users and groups
}

func idMaps() (*maps, error) {
	for _, tool := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("building without root needs %s: apt-get install uidmap", tool)
		}
	}
	m := &maps{uid: os.Getuid(), gid: os.Getgid()}
	for i, file := range []string{"/etc/subuid", "/etc/subgid"} {
		first, count, err := subordinate(file, m.uid)
		if err != nil {
			return nil, err
		}
		m.sub[i] = [2]int{first, count}
	}
	return m, nil
}

// subordinate returns the largest range of ids that a file in the form of subuid(5) assigns to a user, by name or number.
func subordinate(file string, uid int) (first, count int, err error) {
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, fmt.Errorf("building without root needs subordinate ids: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) != 3 || fields[0] != name && fields[0] != strconv.Itoa(uid) {
			continue
		}
		start, err1 := strconv.Atoi(fields[1])
		n, err2 := strconv.Atoi(fields[2])
		if err1 == nil && err2 == nil && n > count {
			first, count = start, n
		}
	}
	if count < 65536 {
		return 0, 0, fmt.Errorf("building without root needs 65536 subordinate ids: add the line %s:100000:65536 to %s", name, file)
	}
	return first, count, nil
}

// write sets the maps of a process with newuidmap(1) and newgidmap(1).
func (m *maps) write(pid int) error {
	for i, tool := range []string{"newuidmap", "newgidmap"} {
		own := m.uid
		if i == 1 {
			own = m.gid
		}
		args := []string{strconv.Itoa(pid), "0", strconv.Itoa(own), "1", "1", strconv.Itoa(m.sub[i][0]), strconv.Itoa(m.sub[i][1])}
		out, err := exec.Command(tool, args...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", tool, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

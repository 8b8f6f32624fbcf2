//go:build !frontend

package engine

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestMain is also the engine's process of these tests, which serves a BuildKit that only lists its workers.
func TestMain(m *testing.M) {
	helperNamespaces = 0 // tests need no root
	if code, is := serveHelper(os.Args, openFake); is {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

func openFake(_ context.Context, config helperConfig) (*served, error) {
	if config.MaxCache < 0 {
		return nil, errors.New("the databases are broken")
	}
	door, err := openDoor(config.Dir, config.Socket, greeting{Snapshotter: "fake"})
	if err != nil {
		return nil, err
	}
	server := (&fakeBuildKit{workers: nil}).server()
	return &served{server: server, door: door, close: func() error { shutDown(server); return nil }}, nil
}

func enter(t *testing.T, root string, opt Options) *link {
	t.Helper()
	l, err := join(t.Context(), &opt, root)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// stateDir has a name that is too long for the address of a socket.
func stateDir(t *testing.T) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), strings.Repeat("long", 30), "buildkit")
	if err := os.MkdirAll(root, 0o700); err != nil {
		t.Fatal(err)
	}
	return root
}

func engineOf(t *testing.T, l *link) int {
	t.Helper()
	peer, err := sameUser(l.conn)
	if err != nil {
		t.Fatal(err)
	}
	return int(peer.Pid)
}

func gone(t *testing.T, root string) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(root, socketPrefix+"*"))
	s, locked := tryState(root)
	if err != nil || locked != nil || len(left) > 0 || s == nil {
		t.Fatalf("after the last user: sockets %q, lock %v, %v, want no socket and a free lock", left, s, locked)
	}
	s.close()
}

// Any number of users that come at once share one engine, which is gone when the last one has left.
func TestShared(t *testing.T) {
	for _, count := range []int{1, 2, 4} {
		root, links := stateDir(t), make([]*link, count)
		var all sync.WaitGroup
		for i := range links {
			all.Go(func() { links[i], _ = join(t.Context(), &Options{}, root) })
		}
		all.Wait()
		for i, l := range links {
			if l == nil || l.private || l.Snapshotter != "fake" || engineOf(t, l) != engineOf(t, links[0]) {
				t.Fatalf("user %d of %d has %+v, want the engine of the first", i+1, count, l)
			}
		}
		for i, l := range links {
			if err := l.leave(); err != nil {
				t.Errorf("leave() = %v", err)
			}
			if i+1 < count && l.lost() == nil && links[count-1].ended(0) {
				t.Errorf("the engine ended after user %d of %d", i+1, count)
			}
		}
		gone(t, root)
	}
}

// The last user is the sole one.
func TestSole(t *testing.T) {
	root := stateDir(t)
	first, last := enter(t, root, Options{}), enter(t, root, Options{})
	if first.sole() {
		t.Error("a user beside another one is the sole one")
	}
	if err := first.leave(); err != nil {
		t.Errorf("leave() = %v", err)
	}
	if !last.sole() {
		t.Error("the last user is not the sole one")
	}
	if err := last.leave(); err != nil {
		t.Errorf("leave() = %v", err)
	}
	gone(t, root)
}

// A user that is killed loses nothing of another; with the last one the engine ends.
func TestKilledUser(t *testing.T) {
	root := stateDir(t)
	killed, other := enter(t, root, Options{}), enter(t, root, Options{})
	killed.conn.Close() // as the kernel does
	killed.users.Close()
	if err := other.lost(); err != nil {
		t.Errorf("after another user was killed: %v", err)
	}
	third := enter(t, root, Options{})
	if engineOf(t, third) != engineOf(t, other) {
		t.Error("after a user was killed there is another engine")
	}
	for _, l := range []*link{other, third} {
		if err := l.leave(); err != nil {
			t.Errorf("leave() = %v", err)
		}
	}
	gone(t, root)
}

// An engine that is killed is named in one line, and the next user starts another one.
func TestKilledEngine(t *testing.T) {
	root := stateDir(t)
	first, second := enter(t, root, Options{}), enter(t, root, Options{})
	before := engineOf(t, first)
	if err := unix.Kill(before, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for _, l := range []*link{first, second} {
		if !l.ended(10 * time.Second) {
			t.Fatal("the engine did not end")
		}
		e := &Engine{lost: l.lost}
		if err := e.Explain(errors.New("EOF")); err == nil || !strings.Contains(err.Error(), filepath.Join(root, logFile)) {
			t.Errorf("Explain() = %v, want what became of the engine, and its log", err)
		}
		if err := l.leave(); err != nil {
			t.Errorf("leave() = %v", err)
		}
	}
	third := enter(t, root, Options{})
	if engineOf(t, third) == before {
		t.Error("the engine was not started again")
	}
	if err := third.leave(); err != nil {
		t.Errorf("leave() = %v", err)
	}
	gone(t, root)
}

// A user with other settings waits for the directory, and then has a private one.
func TestOtherSettings(t *testing.T) {
	waitBriefly(t)
	root := stateDir(t)
	first := enter(t, root, Options{})
	var notices []string
	second := enter(t, root, Options{Insecure: []string{"registry.example"}, Notice: func(text string) { notices = append(notices, text) }})
	if !second.private || second.dir == root || engineOf(t, second) == engineOf(t, first) || len(notices) != 1 {
		t.Errorf("beside other settings: %+v, notices %q, want a private engine and one notice", second, notices)
	}
	if err := second.leave(); err != nil || exists(second.dir) {
		t.Errorf("leave() = %v, the private directory exists: %t", err, exists(second.dir))
	}
	if err := first.leave(); err != nil {
		t.Errorf("leave() = %v", err)
	}
	gone(t, root)
}

// What keeps an engine from starting is said, and keeps nothing locked.
func TestEngineDoesNotStart(t *testing.T) {
	root := stateDir(t)
	_, err := join(t.Context(), &Options{MaxCache: -1}, root)
	if err == nil || !strings.Contains(err.Error(), "starting the embedded BuildKit: the databases are broken") {
		t.Errorf("join() = %v, want the engine's own error", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := join(cancelled, &Options{}, root); !errors.Is(err, context.Canceled) {
		t.Errorf("join() after an interrupt = %v", err)
	}
}

// A socket without an engine is not in the way.
func TestStaleSocket(t *testing.T) {
	root := stateDir(t)
	for _, name := range []string{socketName(Options{}), socketPrefix + "other"} {
		l, err := overShortPath(root, func(dir string) (net.Listener, error) { return net.Listen("unix", filepath.Join(dir, name)) })
		if err != nil {
			t.Fatal(err)
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		l.Close()
	}
	l := enter(t, root, Options{})
	if err := l.leave(); err != nil {
		t.Errorf("leave() = %v", err)
	}
	gone(t, root)
}

// The engine gets no more of the first user's environment than it needs.
func TestHelperEnv(t *testing.T) {
	got := helperEnv([]string{"PATH=/bin", "https_proxy=http://p", "TOKEN=secret", "BUILDKIT_HOST=tcp://x", "BUILDKIT_DEBUG=1", "HOME=/root",
		"XDG_RUNTIME_DIR=/run/user/1", "my_no_proxy=x"}, "/state")
	want := []string{"BUILDKIT_DEBUG=1", "HOME=/root", "PATH=/bin", "https_proxy=http://p", "XDG_RUNTIME_DIR=/state/run"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("helperEnv() differs (-want +got):\n%s", diff)
	}
	before := socketName(Options{})
	t.Setenv("HOME", "/elsewhere")
	if socketName(Options{}) != before {
		t.Error("another HOME makes another engine")
	}
	t.Setenv("HTTPS_PROXY", "http://other.example")
	if socketName(Options{}) == before {
		t.Error("another proxy makes no other engine")
	}
}

package trace

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// listening tells the observer its port and waits to be stopped.
func listening(l net.Listener, err error) error {
	if err != nil {
		return err
	}
	fmt.Printf("ready %d.\n", l.Addr().(*net.TCPAddr).Port)
	time.Sleep(time.Minute)
	return l.Close()
}

func listenTCP() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

// listenAgain opens a socket on a port that is named in the call, as servers do.
func listenAgain() (net.Listener, error) {
	l, err := listenTCP()
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return net.Listen("tcp", l.Addr().String())
}

func becomeOther() error {
	return all(unix.Setgroups(nil), unix.Setresgid(1234, 1234, 1234), unix.Setresuid(1234, 1234, 1234))
}

// TestAttackSharedNetwork: a network that is shared with others has sockets of the application's user that are not the application's. They
// must not be probed, and the application's own must be found, whoever it has become.
func TestAttackSharedNetwork(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	foreign := map[int]bool{}
	for _, uid := range []int{0, 1234} {
		l := listenAs(t, uid)
		defer l.Close()
		foreign[l.Addr().(*net.TCPAddr).Port] = true
	}
	path := filepath.Join(t.TempDir(), "foreign")
	unixListener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer unixListener.Close()
	for _, name := range []string{"listens", "listens, then another user", "another user, then listens",
		"acts as another user, listens", "another user's program listens"} {
		for _, way := range append(ways[:len(ways):len(ways)], struct {
			name   string
			change func(*order)
		}{"bare", func(o *order) { o.Bare = true }}) {
			t.Run(name+"/"+way.name, func(t *testing.T) {
				got := tracee(t, name, t.TempDir(), way.change, func(o *order) { o.Stop = true })
				var port int
				if _, after, ok := strings.Cut(string(got.Output.Body), "ready "); !ok || !scan(after, &port) {
					t.Fatalf("it printed %q %q", got.Output.Body, got.Output.Stderr)
				}
				own := false
				for _, s := range got.Listen {
					own = own || s.Port == port
					if foreign[s.Port] || s.Network == "unix" && "/"+string(s.Path) == path {
						t.Errorf("%s: %+v is another's", name, s)
					}
				}
				if !own && way.name != "bare" {
					t.Errorf("%s: port %d is not in %+v", name, port, got.Listen)
				}
			})
		}
	}
}

func scan(text string, port *int) bool {
	_, err := fmt.Sscanf(text, "%d.", port)
	return err == nil
}

// listenAs opens a socket of a user in this process, which is not traced.
func listenAs(t *testing.T, uid int) net.Listener {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(uid); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Setfsuid(0) }()
	l, err := listenTCP()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestAttackSharedPort: a socket for IPv6 only has the port of another's for IPv4.
func TestAttackSharedPort(t *testing.T) {
	socket := func(address string) listener {
		return listener{Socket: analyzer.Socket{Network: "tcp", Address: address, Port: 80}}
	}
	for _, test := range []struct {
		own, other string
		want       bool
	}{{"::", "127.0.0.1", true}, {"::", "0.0.0.0", true}, {"::", "::1", false}, {"::1", "127.0.0.1", false}, {"0.0.0.0", "::1", false}} {
		if got := socket(test.own).shared([]listener{socket(test.other)}); got != test.want {
			t.Errorf("shared(%s with %s) = %v, want %v", test.own, test.other, got, test.want)
		}
	}
	if socket("::").shared(nil) {
		t.Error("shared with nothing = true, want false")
	}
}

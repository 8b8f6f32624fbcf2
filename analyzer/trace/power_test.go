//go:build linux

package trace

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

func init() {
	tracees["powers"] = func() error {
		return all(os.Chown("file", 0, 0), os.Chmod("file", 0o644), os.Truncate("file", 0), unix.Access("file", unix.R_OK),
			os.Chown("given", 1234, 0), os.Chmod("theirs", 0o600), read("theirs"), read("closed/inside"), os.WriteFile("closed/made", nil, 0o600),
			os.Remove("closed/made"), signalOther(), lowPort())
	}
	tracees["serving"] = func() error {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		if err := os.Chown("given", 1234, 0); err != nil {
			return err
		}
		client, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			return err
		}
		conn, err := l.Accept()
		return all(err, client.Close(), conn.Close(), os.Chmod("theirs", 0o600), again("dropping"))
	}
	tracees["dropping"] = func() error { return unix.Setresuid(1234, 1234, 1234) }
	tracees["returning"] = func() error {
		return all(unix.Setresuid(-1, 1234, -1), unix.Setresuid(-1, 0, -1), unix.Setresuid(-1, 1234, 0))
	}
}

// signalOther sends a signal to a process of another user, and to one of its own.
func signalOther() error {
	for _, uid := range []uint32{0, 1234} {
		child := exec.Command("/bin/sleep", "60")
		child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, NoSetGroups: true}}
		if err := child.Start(); err != nil {
			return err
		}
		if err := unix.Kill(child.Process.Pid, unix.SIGTERM); err != nil {
			return err
		}
		_ = child.Wait()
	}
	return nil
}

// lowPort takes a port that only root may take by default; port 0 asks for any.
func lowPort() error {
	for _, address := range []string{"127.0.0.3:0", "127.0.0.3:7"} {
		l, err := net.ListenPacket("udp4", address)
		if err != nil {
			return err
		}
		l.Close()
	}
	return nil
}

// powersOf are the recorded powers of a tracee as lines; its program is this one.
func powersOf(got seen) []string {
	var lines []string
	for _, p := range got.Evidence.Powers {
		line := fmt.Sprintf("%s %d", p.Capability, p.On)
		if p.Serving {
			line += " serving"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return lines
}

// TestPowers: each right of root is recorded when it is used, with whom it is used on; what any user may do to its own is none.
func TestPowers(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has root's rights")
	}
	for name, want := range map[string][]string{
		"powers": {"CAP_CHOWN 1234", "CAP_DAC_OVERRIDE 1234", "CAP_FOWNER 1234", "CAP_KILL 1234", "CAP_NET_BIND_SERVICE 0", "CAP_SETGID 0",
			"CAP_SETUID 1234"},
		"serving":   {"CAP_CHOWN 1234", "CAP_FOWNER 1234 serving", "CAP_SETUID 1234 serving"},
		"returning": {"CAP_SETUID 0", "CAP_SETUID 1234"},
		"jailed":    {"CAP_SYS_CHROOT 0"},
	} {
		for _, way := range ways {
			t.Run(name+"/"+way.name, func(t *testing.T) {
				dir := place(t, "file", "given", "theirs", "closed/inside", "jail/inside", "jail/link -> /inside", "jail/sub/deeper", "inside")
				err := all(os.Chown(filepath.Join(dir, "theirs"), 1234, 1234), os.Chmod(filepath.Join(dir, "theirs"), 0o600),
					os.Chown(filepath.Join(dir, "closed"), 1234, 1234), os.Chmod(filepath.Join(dir, "closed"), 0o700))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, powersOf(tracee(t, name, dir, way.change))); diff != "" {
					t.Errorf("the powers of %s (-want +got):\n%s", name, diff)
				}
			})
		}
	}
}

// TestOrigins: of each program is recorded who started it, as whom it began, whether it may be root again, and whether it went on.
func TestOrigins(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir := place(t, "given", "theirs")
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			got := tracee(t, "returning", dir, way.change)
			p := got.Evidence.Processes[len(got.Evidence.Processes)-1]
			if p.Role != analyzer.RoleMain || p.From != 0 || p.UID != 1234 || !p.Returns || p.Stays {
				t.Errorf("%+v, want the first process, which ended as user 1234 and may be root again", p)
			}
			got = tracee(t, "serve", dir, way.change, func(o *order) { o.Stop = true })
			if p := got.Evidence.Processes[0]; p.Role != analyzer.RoleMain || !p.Stays || p.Returns || p.Listens {
				t.Errorf("%+v, want the first process, which went on", p)
			}
			got = tracee(t, "serving", dir, way.change)
			if !slices.ContainsFunc(got.Evidence.Processes, func(p analyzer.Process) bool { return p.Listens && p.Role == analyzer.RoleMain }) {
				t.Errorf("%+v, want one that listened", got.Evidence.Processes)
			}
			o := command(t, dir, "sh", "-c", "(sleep 0; true); exec env true")
			way.change(&o)
			var lines []string
			for _, p := range observe(t, o).Evidence.Processes {
				line := strings.TrimSpace(fmt.Sprintf("%s by %s %s", path.Base(p.Argv[0]), path.Base(string(p.By)), p.Role))
				if p.Execs {
					line += " executes"
				}
				lines = append(lines, line)
			}
			shell, err := filepath.EvalSymlinks("/bin/sh")
			if err != nil {
				t.Fatal(err)
			}
			sh := filepath.Base(shell)
			want := []string{"env by " + sh + " main executes", "sh by . main executes", "sh by " + sh, "sh by " + sh + " executes",
				"sleep by " + sh, "true by env main"}
			slices.Sort(lines)
			slices.Sort(want)
			if diff := cmp.Diff(want, lines); diff != "" {
				t.Errorf("programs (-want +got):\n%s", diff)
			}
		})
	}
}

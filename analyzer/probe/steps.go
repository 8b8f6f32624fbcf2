package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// steps runs the user's steps in order. The first step that fails is the run's failure: the user expects it to work.
func (d *driver) steps(ctx context.Context) {
	for _, step := range d.job.Steps {
		if d.over(ctx) {
			return
		}
		a, status := d.step(ctx, step)
		if a = d.add(a, status); !a.OK {
			d.fail(a)
		}
	}
}

// step returns the answer and its status in words.
func (d *driver) step(ctx context.Context, step analyzer.Step) (analyzer.Answer, string) {
	switch {
	case step.HTTP != nil:
		a := d.httpStep(ctx, step.Name, step.HTTP)
		return a, strconv.Itoa(a.Status)
	case step.TCP != nil:
		return d.tcpStep(ctx, step.Name, step.TCP), "answered"
	case step.Exec != nil:
		return d.execStep(ctx, step.Name, step.Exec)
	case step.Wait != nil:
		return d.waitStep(ctx, step.Name, step.Wait), "done"
	}
	return analyzer.Answer{Probe: "step", Error: "it asks for nothing"}, ""
}

// maxReply bounds what a TCP step or a conversation reads, in bytes.
const maxReply = 64 << 10

func (d *driver) tcpStep(ctx context.Context, name string, s *analyzer.TCPStep) analyzer.Answer {
	a := analyzer.Answer{Probe: name}
	if name == "" {
		a.Probe = fmt.Sprintf("tcp %d %q", s.Port, s.Send)
	}
	conn, err := d.dial(ctx, "tcp", net.JoinHostPort("localhost", strconv.Itoa(s.Port)))
	if err != nil {
		a.Error = plainError(err, d.request)
		return a
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetWriteDeadline(time.Now().Add(d.request))
	if _, err := conn.Write([]byte(s.Send)); err != nil {
		a.Error = plainError(err, d.request)
		return a
	}
	reply := readReply(conn, s.Expect, d.request)
	sum := sha256.Sum256(reply)
	a.OK, a.Body, a.Size, a.SHA256 = true, reply, int64(len(reply)), hex.EncodeToString(sum[:])
	if !strings.Contains(string(reply), s.Expect) {
		a.OK, a.Error = false, contains("the answer", s.Expect, reply)
	}
	return a
}

// readReply reads until the expected text has come and the peer pauses, the peer closes, it is silent for a second when
// nothing is expected, or the time is over.
func readReply(conn net.Conn, want string, limit time.Duration) []byte {
	var reply []byte
	buf := make([]byte, 4096)
	end := time.Now().Add(limit)
	for len(reply) < maxReply && time.Now().Before(end) {
		silence := time.Second
		switch {
		case want != "" && strings.Contains(string(reply), want):
			silence = 200 * time.Millisecond
		case want != "":
			silence = limit
		}
		until := time.Now().Add(silence)
		if until.After(end) {
			until = end
		}
		_ = conn.SetReadDeadline(until)
		n, err := conn.Read(buf)
		reply = append(reply, buf[:n]...)
		if err != nil {
			break
		}
	}
	return reply
}

func (d *driver) execStep(ctx context.Context, name string, s *analyzer.ExecStep) (analyzer.Answer, string) {
	argv := s.Argv
	if len(argv) == 0 {
		argv = split(s.Line)
	}
	if name == "" && len(s.Argv) > 0 {
		name = "exec: " + quote(s.Argv)
	} else if name == "" {
		name = "exec: " + s.Line
	}
	defer d.waiting(ctx, fmt.Sprintf("for %.100s", name), 0)()
	result, err := d.target.Exec(ctx, Command{Argv: argv, User: s.User})
	return execAnswer(name, result, err, s.Status, s.Text), exitStatus(result)
}

func exitStatus(r Result) string { return "exit " + strconv.Itoa(r.ExitCode) }

func execAnswer(name string, result Result, err error, status int, text string) analyzer.Answer {
	a := analyzer.Answer{Probe: name, Status: result.ExitCode, Body: result.Stdout, Stderr: result.Stderr, Size: result.StdoutSize,
		SHA256: result.StdoutSHA}
	switch {
	case err != nil:
		a.Error = err.Error()
	case result.ExitCode != status:
		a.Error = fmt.Sprintf("exit %d, expected %d", result.ExitCode, status)
		if said := strings.TrimSpace(string(result.Stderr)); said != "" {
			lines := strings.Split(said, "\n")
			a.Error += fmt.Sprintf(": %q", lines[len(lines)-1])
		}
	case !strings.Contains(string(result.Stdout), text):
		a.Error = contains("the output", text, result.Stdout)
	default:
		a.OK = true
	}
	return a
}

// waitStep waits for a port, up to the step's time limit if it has one, or pauses for a fixed time.
func (d *driver) waitStep(ctx context.Context, name string, w *analyzer.WaitStep) analyzer.Answer {
	a := analyzer.Answer{Probe: name}
	long := time.Duration(w.Seconds) * time.Second
	if w.Port == 0 {
		if name == "" {
			a.Probe = fmt.Sprintf("wait %d s", w.Seconds)
		}
		defer d.waiting(ctx, "as the probe says", long)()
		if a.OK = pause(ctx, long); !a.OK {
			a.Error = "the time was over before"
		}
		return a
	}
	if name == "" {
		a.Probe = fmt.Sprintf("wait for port %d", w.Port)
	}
	begin := time.Now()
	defer d.waiting(ctx, fmt.Sprintf("for port %d", w.Port), long)()
	for {
		now, err := d.target.Listening()
		if err == nil && listens(now, w.Port) {
			a.OK = true
			return a
		}
		if d.exited() || w.Seconds > 0 && time.Since(begin) >= long || !pause(ctx, d.poll) {
			a.Error = "nothing listens on it"
			return a
		}
	}
}

// probeImage runs the test suite of another image beside the application. Its output varies and is not kept; its exit code is
// the answer.
func (d *driver) probeImage(ctx context.Context) {
	if d.job.ProbeRoot == "" || len(d.job.ProbeArgv) == 0 || d.over(ctx) {
		return
	}
	defer d.waiting(ctx, "for the probe image", 0)()
	result, err := d.target.Exec(ctx, Command{Argv: d.job.ProbeArgv, Env: d.job.ProbeEnv, Dir: d.job.ProbeDir, Root: d.job.ProbeRoot})
	a := execAnswer("probe-image: "+quote(d.job.ProbeArgv), result, err, 0, "")
	a.Body, a.Stderr, a.Size, a.SHA256 = nil, nil, 0, ""
	if a = d.add(a, exitStatus(result)); !a.OK {
		d.fail(a)
	}
}

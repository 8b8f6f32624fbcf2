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

	"mvdan.cc/sh/v3/shell"

	"github.com/slimimage/slim/analyzer"
)

// steps does what the user asked for, in order.
func (d *driver) steps(ctx context.Context) {
	for _, step := range d.job.Steps {
		if ctx.Err() != nil {
			return
		}
		if step.Wait != nil {
			d.wait(ctx, step.Wait)
			continue
		}
		a := d.step(ctx, step)
		d.add(a)
		if !a.OK && expects(step) && d.out.Failure == "" {
			d.out.Failure = a.Probe + ": " + a.Error
		}
	}
}

func (d *driver) step(ctx context.Context, step analyzer.Step) analyzer.Answer {
	switch {
	case step.HTTP != nil:
		return d.httpStep(ctx, step.Name, step.HTTP)
	case step.TCP != nil:
		return tcpStep(ctx, step.Name, step.TCP)
	case step.Exec != nil:
		return d.execStep(ctx, step.Name, step.Exec)
	}
	return analyzer.Answer{Probe: step.Name, Error: "the step asks for nothing"}
}

// expects says whether the user said what the answer must be; without that any answer is a good one.
func expects(step analyzer.Step) bool {
	switch {
	case step.HTTP != nil:
		return step.HTTP.Status != 0 || step.HTTP.Text != ""
	case step.TCP != nil:
		return step.TCP.Expect != ""
	case step.Exec != nil:
		return step.Exec.Text != "" || step.Exec.Status != 0
	}
	return false
}

// maxReply bounds what a TCP step reads, in bytes.
const maxReply = 64 << 10

func tcpStep(ctx context.Context, name string, s *analyzer.TCPStep) analyzer.Answer {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port))
	a := analyzer.Answer{Probe: name}
	if name == "" {
		a.Probe = fmt.Sprintf("tcp %d %q", s.Port, s.Send)
	}
	dialer := net.Dialer{Timeout: requestTime}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		a.Error = plainError(err)
		return a
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(requestTime))
	if _, err := conn.Write([]byte(s.Send)); err != nil {
		a.Error = plainError(err)
		return a
	}
	reply := readReply(conn, s.Expect)
	sum := sha256.Sum256(reply)
	a.OK, a.Body, a.Size, a.SHA256 = true, reply, int64(len(reply)), hex.EncodeToString(sum[:])
	expect(&a, 0, s.Expect, reply)
	return a
}

// readReply reads until the expected text has come and the peer pauses, the peer closes, or it is silent for a second.
func readReply(conn net.Conn, want string) []byte {
	var reply []byte
	buf := make([]byte, 4096)
	for len(reply) < maxReply {
		silence := time.Second
		switch {
		case want != "" && strings.Contains(string(reply), want):
			silence = 100 * time.Millisecond
		case want != "":
			silence = requestTime
		}
		_ = conn.SetReadDeadline(time.Now().Add(silence))
		n, err := conn.Read(buf)
		reply = append(reply, buf[:n]...)
		if err != nil {
			break
		}
	}
	return reply
}

func (d *driver) execStep(ctx context.Context, name string, s *analyzer.ExecStep) analyzer.Answer {
	argv := s.Argv
	if len(argv) == 0 {
		argv = split(s.Line)
	}
	if name == "" {
		name = "exec: " + s.Line + strings.Join(s.Argv, " ")
	}
	result, err := d.target.Exec(ctx, Command{Argv: argv, User: s.User})
	return execAnswer(name, result, err, s.Status, s.Text)
}

// split makes an argument vector of a command line: its words when it needs no shell, else a shell that runs it.
func split(line string) []string {
	if !strings.ContainsAny(line, "|&;<>()$`*?[]#~={}\n") {
		if words, err := shell.Fields(line, nil); err == nil && len(words) > 0 {
			return words
		}
	}
	return []string{"/bin/sh", "-c", line}
}

func execAnswer(name string, result Result, err error, status int, text string) analyzer.Answer {
	a := analyzer.Answer{Probe: name, Status: result.ExitCode, Body: result.Stdout, Stderr: result.Stderr, Size: result.StdoutSize, SHA256: result.StdoutSHA}
	if err != nil {
		a.Error = err.Error()
		return a
	}
	a.OK = result.ExitCode == status
	if !a.OK {
		a.Error = fmt.Sprintf("exit code %d, expected %d", result.ExitCode, status)
	} else if text != "" && !strings.Contains(string(result.Stdout), text) {
		a.OK, a.Error = false, fmt.Sprintf("the output does not contain %q", text)
	}
	return a
}

func (d *driver) wait(ctx context.Context, w *analyzer.WaitStep) {
	if w.Seconds > 0 {
		pause(ctx, time.Duration(w.Seconds)*time.Second)
	}
	for w.Port != 0 {
		if connect(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(w.Port))).OK || !pause(ctx, poll) {
			return
		}
	}
}

// probeImage runs the test suite of another image beside the application. Its output varies and is only logged; its exit code
// is the answer.
func (d *driver) probeImage(ctx context.Context) {
	if d.job.ProbeRoot == "" || len(d.job.ProbeArgv) == 0 || ctx.Err() != nil {
		return
	}
	result, err := d.target.Exec(ctx, Command{Argv: d.job.ProbeArgv, Env: d.job.ProbeEnv, Dir: d.job.ProbeDir, Root: d.job.ProbeRoot})
	a := execAnswer("probe image: "+strings.Join(d.job.ProbeArgv, " "), result, err, 0, "")
	a.Body, a.Stderr, a.Size, a.SHA256 = nil, nil, 0, ""
	d.add(a)
	if !a.OK && d.out.Failure == "" {
		d.out.Failure = a.Probe + ": " + a.Error
	}
}

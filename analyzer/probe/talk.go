package probe

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/slimimage/slim/analyzer"
)

const (
	maxLine  = 4 << 10  // bytes of one line
	maxLines = 500      // lines of one answer
	maxNotes = 32 << 10 // bytes that are recorded of one conversation
)

// What ends a conversation early.
var (
	errOther    = errors.New("it speaks another protocol")
	errStarting = errors.New("the server is starting")
)

// talk is one conversation with a server. Its reads are bounded in time and bytes; what the answer records goes to notes.
type talk struct {
	network string // "tcp" or "udp"
	dial    func() (net.Conn, error)
	silence time.Duration // for one read
	end     time.Time     // of the whole conversation
	entry   *analyzer.Entry
	mu      sync.Mutex
	conn    net.Conn
	in      *bufio.Reader
	left    int64 // bytes that may still be read
	notes   strings.Builder
}

// open begins the conversation, or begins it again on a new connection.
func (t *talk) open() error {
	t.close()
	conn, err := t.dial()
	if err != nil {
		return err
	}
	t.use(conn)
	return nil
}

func (t *talk) use(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.conn = conn
	t.in = bufio.NewReader(readFunc(t.read))
}

func (t *talk) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.conn != nil {
		t.conn.Close()
	}
}

// expire ends the conversation from outside: the time of the run is over.
func (t *talk) expire() { t.close() }

type readFunc func([]byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// read is one read of the connection within the bounds.
func (t *talk) read(p []byte) (int, error) {
	if t.left <= 0 {
		return 0, errOther
	}
	t.patience()
	n, err := t.conn.Read(p[:min(int64(len(p)), t.left)])
	t.left -= int64(n)
	return n, err
}

func (t *talk) patience() {
	until := time.Now().Add(t.silence)
	if until.After(t.end) {
		until = t.end
	}
	_ = t.conn.SetDeadline(until)
}

func (t *talk) send(data []byte) error {
	if len(data) == 0 {
		return nil
	}
	t.patience()
	_, err := t.conn.Write(data)
	return err
}

// line reads one line, without its end.
func (t *talk) line() (string, error) {
	var line []byte
	for len(line) < maxLine {
		c, err := t.in.ReadByte()
		if err != nil {
			return "", err
		}
		if c == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, c)
	}
	return "", errOther
}

// take reads n bytes.
func (t *talk) take(n int) ([]byte, error) {
	if n < 0 || n > maxReply {
		return nil, errOther
	}
	data := make([]byte, n)
	_, err := io.ReadFull(t.in, data)
	return data, err
}

// sized reads a message with its length before it, as 32 bits, big-endian; less is how much the length counts of itself.
func (t *talk) sized(less int) ([]byte, error) {
	head, err := t.take(4)
	if err != nil {
		return nil, err
	}
	return t.take(int(int32(binary.BigEndian.Uint32(head))) - less)
}

// datagram reads what one packet holds.
func (t *talk) datagram() ([]byte, error) {
	data := make([]byte, maxReply)
	n, err := t.read(data)
	return data[:n], err
}

// secure continues inside TLS. It does not verify the certificate, which comes from the image.
func (t *talk) secure() error {
	t.patience()
	conn := tls.Client(t.conn, &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", MinVersion: tls.VersionTLS10})
	if err := conn.Handshake(); err != nil {
		return err
	}
	t.use(conn)
	return nil
}

// note adds a line to what is recorded.
func (t *talk) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if !utf8.ValidString(line) {
		line = fmt.Sprintf("%q", line)
	}
	if t.notes.Len()+len(line) < maxNotes {
		t.notes.WriteString(line + "\n")
	}
}

// varying matches the parts of servers' messages that differ at each start or each second: dates and times (RFC 5322, RFC 3339,
// asctime), the message-id of POP3's APOP (RFC 1939, 7), and numbers and hexadecimal ids that are longer than those of a version.
var varying = regexp.MustCompile(`(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?` +
	`\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}` +
	`|(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d{1,2}(?: \d{4})?` +
	`|\d{4}-\d{2}-\d{2}[T ]?|\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?(?: ?(?:[+-]\d{4}(?: \([A-Z]+\))?|GMT|UTC|Z))?` +
	`|<[^<> ]*\d[^<> ]*>|\b\d{5,}\b|\b[0-9a-fA-F]{16,}\b`)

// steady replaces the varying parts of a text by a mark.
func steady(text string) string { return varying.ReplaceAllString(text, "*") }

// exchange is one message of the client and the server's answer in lines.
type exchange struct {
	when  *regexp.Regexp // only where what was recorded so far matches; always when nil
	send  string
	first *regexp.Regexp // of the first line; another protocol where it does not match
	until *regexp.Regexp // the last line
	wait  *regexp.Regexp // the last line of a server that is not ready yet
	tls   *regexp.Regexp // the last line after which TLS begins
	keep  func(line string) string
}

// script runs its exchanges one after another.
func script(exchanges ...exchange) func(*talk) error {
	return func(t *talk) error {
		for _, e := range exchanges {
			if e.when != nil && !e.when.MatchString(t.notes.String()) {
				continue
			}
			if err := e.say(t); err != nil {
				return err
			}
		}
		return nil
	}
}

func (e exchange) say(t *talk) error {
	if err := t.send([]byte(e.send)); err != nil {
		return err
	}
	for n := range maxLines {
		line, err := t.line()
		switch {
		case err != nil:
			return err
		case n == 0 && e.first != nil && !e.first.MatchString(line):
			return errOther
		case e.wait != nil && e.wait.MatchString(line):
			return errStarting
		}
		kept := steady(line)
		if e.keep != nil {
			kept = e.keep(line)
		}
		if kept != "" {
			t.note("%s", kept)
		}
		if !e.until.MatchString(line) {
			continue
		}
		if e.tls == nil || !e.tls.MatchString(line) {
			return nil
		}
		if err := t.secure(); err != nil {
			return err
		}
		t.note("TLS")
		return nil
	}
	return errOther
}

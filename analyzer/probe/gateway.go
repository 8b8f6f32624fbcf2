package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Kinds of records of the FastCGI specification, 8.
const (
	fcgiBegin, fcgiEnd, fcgiParams, fcgiStdin, fcgiStdout, fcgiStderr, fcgiGetValues, fcgiValues = 1, 3, 4, 5, 6, 7, 9, 10
	maxRecords                                                                                   = 1000
)

// webVariables are those of a request for the first page as a web server passes it on (RFC 3875, 4.1).
func webVariables() [][2]string {
	return [][2]string{{"GATEWAY_INTERFACE", "CGI/1.1"}, {"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/"}, {"QUERY_STRING", ""},
		{"CONTENT_TYPE", ""}, {"CONTENT_LENGTH", ""},
		{"SERVER_PROTOCOL", "HTTP/1.1"}, {"SERVER_NAME", "localhost"}, {"SERVER_PORT", "80"}, {"SERVER_SOFTWARE", userAgent}, {"REMOTE_ADDR",
			"127.0.0.1"}, {"REMOTE_PORT", "1024"},
		{"HTTP_HOST", "localhost"}, {"HTTP_USER_AGENT", userAgent}, {"HTTP_ACCEPT", "*/*"}}
}

// talkFastCGI asks for the limits of the server, and for the first page: GET of "/", as the crawler asks a web server.
func talkFastCGI(t *talk) error {
	if err := t.send(fcgiRecord(fcgiGetValues, 0, fcgiPairs([][2]string{{"FCGI_MAX_CONNS", ""}, {"FCGI_MAX_REQS", ""}, {"FCGI_MPXS_CONNS",
		""}}))); err != nil {
		return err
	}
	kind, body, err := fcgiRead(t)
	if err != nil {
		return err
	}
	if kind != fcgiValues {
		return errOther
	}
	for _, pair := range fcgiReadPairs(body) {
		t.note("%s", pair)
	}
	if err := t.open(); err != nil {
		return err
	}
	root := path.Clean("/" + t.entry.Dir)
	variables := append(webVariables(), [2]string{"DOCUMENT_ROOT", root}, [2]string{"SCRIPT_NAME", "/index.php"},
		[2]string{"SCRIPT_FILENAME", path.Join(root, "index.php")})
	request := slices.Concat(fcgiRecord(fcgiBegin, 1, []byte{0, 1, 0, 0, 0, 0, 0, 0}), fcgiRecord(fcgiParams, 1, fcgiPairs(variables)),
		fcgiRecord(fcgiParams, 1, nil), fcgiRecord(fcgiStdin, 1, nil))
	if err := t.send(request); err != nil {
		return err
	}
	return fcgiAnswer(t)
}

// fcgiAnswer records the page and the text on the stderr stream.
func fcgiAnswer(t *talk) error {
	var page, beside []byte
	for range maxRecords {
		kind, body, err := fcgiRead(t)
		if err != nil {
			return err
		}
		switch kind {
		case fcgiStdout:
			page = append(page, body...)
		case fcgiStderr:
			beside = append(beside, body...)
		case fcgiEnd:
			notePage(t, page)
			if len(beside) > 0 {
				t.note("stderr %s", steady(strings.TrimSpace(string(beside))))
			}
			return nil
		default:
			return errOther
		}
	}
	return errOther
}

// notePage records status, type and location of a page, and its body.
func notePage(t *talk, page []byte) {
	head, body, _ := bytes.Cut(page, []byte("\r\n\r\n"))
	for n, line := range strings.Split(string(head), "\r\n") {
		key, _, _ := strings.Cut(line, ":")
		if n == 0 && strings.HasPrefix(line, "HTTP/") || slices.Contains([]string{"status", "content-type", "location"}, strings.ToLower(key)) {
			t.note("%s", line)
		}
	}
	t.note("%s", body)
}

// fcgiRecord is a record of version 1: kind, request, length, padding, content.
func fcgiRecord(kind byte, request uint16, content []byte) []byte {
	record := binary.BigEndian.AppendUint16([]byte{1, kind}, request)
	record = binary.BigEndian.AppendUint16(record, uint16(len(content)))
	return append(append(record, 0, 0), content...)
}

// fcgiPairs are names and values of less than 128 bytes each (3.4).
func fcgiPairs(pairs [][2]string) (content []byte) {
	for _, pair := range pairs {
		if len(pair[0]) > 127 || len(pair[1]) > 127 {
			continue
		}
		content = append(content, byte(len(pair[0])), byte(len(pair[1])))
		content = append(append(content, pair[0]...), pair[1]...)
	}
	return content
}

func fcgiReadPairs(b []byte) (list []string) {
	for len(b) >= 2 {
		name, value := int(b[0]), int(b[1])
		if name > 127 || value > 127 || 2+name+value > len(b) {
			break
		}
		list = append(list, fmt.Sprintf("%q=%q", b[2:2+name], b[2+name:2+name+value]))
		b = b[2+name+value:]
	}
	slices.Sort(list)
	return list
}

func fcgiRead(t *talk) (kind byte, content []byte, err error) {
	head, err := t.take(8)
	if err != nil {
		return 0, nil, err
	}
	if head[0] != 1 {
		return 0, nil, errOther
	}
	n := int(binary.BigEndian.Uint16(head[4:]))
	content, err = t.take(n + int(head[6]))
	if err != nil {
		return 0, nil, err
	}
	return head[1], content[:n], nil
}

// talkUWSGI asks for the first page: a packet with the variables, and an HTTP response until the server closes.
func talkUWSGI(t *talk) error {
	var variables []byte
	for _, pair := range append(webVariables(), [2]string{"SCRIPT_NAME", ""}, [2]string{"PATH_INFO", "/"}) {
		for _, text := range pair {
			variables = append(binary.LittleEndian.AppendUint16(variables, uint16(len(text))), text...)
		}
	}
	packet := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(variables)))
	if err := t.send(append(append(packet, 0), variables...)); err != nil {
		return err
	}
	var page []byte
	for len(page) < maxReply {
		c, err := t.in.ReadByte()
		if err != nil {
			break
		}
		page = append(page, c)
	}
	if !bytes.HasPrefix(page, []byte("HTTP/")) {
		return errOther
	}
	notePage(t, page)
	return nil
}

// talkGit asks for the repository "/", which a server refuses unless it serves it: packets with their length as four hexadecimal digits.
func talkGit(t *talk) error {
	const request = "git-upload-pack /\x00host=localhost\x00"
	if err := t.send(fmt.Appendf(nil, "%04x%s", 4+len(request), request)); err != nil {
		return err
	}
	head, err := t.take(4)
	if err != nil {
		return err
	}
	var n int
	if _, err := fmt.Sscanf(string(head), "%04x", &n); err != nil || n < 4 {
		return errOther
	}
	line, err := t.take(n - 4)
	if err != nil {
		return err
	}
	t.note("%s", strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))))
	return nil
}

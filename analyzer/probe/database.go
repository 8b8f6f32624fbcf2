package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// talkRedis checks that the server answers and identifies it. It does not keep the counters, process number and times of INFO.
func talkRedis(t *talk) error {
	pong, err := redisAsk(t, "*1\r\n$4\r\nPING\r\n")
	switch {
	case err != nil:
		return err
	case strings.HasPrefix(pong, "-LOADING"):
		return errStarting
	case !strings.HasPrefix(pong, "+PONG") && !strings.HasPrefix(pong, "-NOAUTH") && !strings.HasPrefix(pong, "-DENIED"):
		return errOther
	}
	t.note("PING %s", pong)
	info, err := redisAsk(t, "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(info, "\n") {
		line = strings.TrimSuffix(line, "\r")
		key, _, _ := strings.Cut(line, ":")
		if line == info || slices.Contains([]string{"redis_version", "server_name", "valkey_version", "redis_mode", "arch_bits",
			"multiplexing_api"}, key) {
			t.note("INFO %s", line)
		}
	}
	count, err := redisAsk(t, "*2\r\n$7\r\nCOMMAND\r\n$5\r\nCOUNT\r\n")
	if err == nil {
		t.note("COMMAND COUNT %s", count)
	}
	return err
}

// redisAsk sends a command and reads its answer: a line, or the bytes of a bulk string.
func redisAsk(t *talk, command string) (string, error) {
	if err := t.send([]byte(command)); err != nil {
		return "", err
	}
	line, err := t.line()
	if err != nil || !strings.HasPrefix(line, "$") {
		return line, err
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 {
		return "", errOther
	}
	data, err := t.take(n + len("\r\n"))
	if err != nil {
		return "", err
	}
	return string(data[:n]), nil
}

// startup is a message without a kind: its length, then its content.
func startup(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(4+len(body))), body...)
}

// talkPostgres continues until the server requests a login. A server without TLS answers SSLRequest with N.
func talkPostgres(t *talk) error {
	if err := t.send(startup([]byte{0x04, 0xd2, 0x16, 0x2f})); err != nil { // SSLRequest, 80877103
		return err
	}
	kind, err := t.take(1)
	switch {
	case err != nil:
		return err
	case kind[0] == 'S':
		if err := t.secure(); err != nil {
			return err
		}
		t.note("TLS")
	case kind[0] != 'N':
		return errOther
	}
	if err := t.send(startup([]byte("\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"))); err != nil {
		return err
	}
	for range maxLines {
		kind, err := t.take(1)
		if err != nil {
			return err
		}
		body, err := t.sized(4)
		if err != nil {
			return err
		}
		if done, err := postgresMessage(t, kind[0], body); done || err != nil {
			return err
		}
	}
	return errOther
}

// postgresMessage records one message of the server; done is true after the last expected one.
func postgresMessage(t *talk, kind byte, body []byte) (done bool, err error) {
	switch kind {
	case 'R': // Authentication
		if len(body) < 4 {
			return true, errOther
		}
		method := binary.BigEndian.Uint32(body)
		t.note("authentication %d", method)
		if method == 10 { // SASL: the names of the mechanisms
			t.note("%s", bytes.ReplaceAll(bytes.Trim(body[4:], "\x00"), []byte{0}, []byte{' '}))
		}
		return method != 0, nil
	case 'E': // ErrorResponse
		fields := map[byte]string{}
		for _, field := range bytes.Split(body, []byte{0}) {
			if len(field) > 1 {
				fields[field[0]] = string(field[1:])
			}
		}
		if fields['C'] == "57P03" { // cannot_connect_now: it is starting up
			return true, errStarting
		}
		t.note("error %s %s", fields['C'], fields['M'])
		return true, nil
	case 'S': // ParameterStatus
		if name, value, found := bytes.Cut(bytes.Trim(body, "\x00"), []byte{0}); found {
			t.note("%s=%s", name, value)
		}
	case 'K', 'N', 'v': // BackendKeyData, NoticeResponse, NegotiateProtocolVersion
	case 'Z': // ReadyForQuery
		return true, t.send([]byte{'X', 0, 0, 0, 4}) // Terminate
	default:
		return true, errOther
	}
	return false, nil
}

// talkMySQL records the greeting without the connection number and the challenge.
func talkMySQL(t *talk) error {
	head, err := t.take(4)
	if err != nil {
		return err
	}
	if head[3] != 0 {
		return errOther
	}
	body, err := t.take(int(head[0]) | int(head[1])<<8 | int(head[2])<<16)
	if err != nil {
		return err
	}
	if len(body) > 3 && body[0] == 0xff {
		t.note("error %d: %s", binary.LittleEndian.Uint16(body[1:]), steady(string(body[3:])))
		return nil
	}
	version, rest, found := bytes.Cut(body, []byte{0})
	const fixed = 4 + 8 + 1 + 2 + 1 + 2 + 2 + 1 + 10 // connection, challenge, filler, abilities, charset, status, abilities, length, reserved
	if !found || len(version) < 2 || version[0] != 10 || len(rest) < fixed {
		return errOther
	}
	abilities := uint32(binary.LittleEndian.Uint16(rest[13:])) | uint32(binary.LittleEndian.Uint16(rest[18:]))<<16
	t.note("version %s, capabilities %08x, character set %d", version[1:], abilities, rest[15])
	if challenge := max(13, int(rest[20])-8); len(rest) > fixed+challenge {
		plugin, _, _ := bytes.Cut(rest[fixed+challenge:], []byte{0})
		t.note("authentication %s", plugin)
	}
	return nil
}

// talkMongo sends hello and asks for the version. It records the names of the fields in the documents, and the values that identify the
// server.
func talkMongo(t *talk) error {
	for i, command := range []string{"hello", "buildInfo"} {
		body := []byte{0, 0, 0, 0, 0x10}
		body = append(append(body, command...), 0, 1, 0, 0, 0, 0x02)
		body = append(append(body, "$db\x00\x06\x00\x00\x00admin\x00"...), 0)
		binary.LittleEndian.PutUint32(body, uint32(len(body)))
		const opMsg, header = 2013, 16
		m := make([]byte, header+4, header+5+len(body))
		binary.LittleEndian.PutUint32(m, uint32(header+5+len(body)))
		binary.LittleEndian.PutUint32(m[4:], uint32(i+1))
		binary.LittleEndian.PutUint32(m[12:], opMsg)
		if err := t.send(append(append(m, 0), body...)); err != nil {
			return err
		}
		head, err := t.take(header)
		if err != nil {
			return err
		}
		if binary.LittleEndian.Uint32(head[12:]) != opMsg || binary.LittleEndian.Uint32(head[8:]) != uint32(i+1) {
			return errOther
		}
		answer, err := t.take(int(int32(binary.LittleEndian.Uint32(head))) - header)
		if err != nil {
			return err
		}
		if len(answer) < 5 || answer[4] != 0 {
			return errOther
		}
		fields, ok := bsonFields(answer[5:])
		if !ok {
			return errOther
		}
		t.note("%s: %s", command, strings.Join(fields, " "))
	}
	return nil
}

// bsonFields lists the fields of a document, sorted; with their value those of version and protocol. An element is its type, its name and
// its value (bsonspec.org); the lengths of values of fixed size follow from the type.
func bsonFields(doc []byte) (fields []string, ok bool) {
	if len(doc) < 5 {
		return nil, false
	}
	for b := doc[4:]; len(b) > 0; {
		if b[0] == 0 {
			slices.Sort(fields)
			return fields, true
		}
		name, rest, found := bytes.Cut(b[1:], []byte{0})
		size, known := bsonSize(b[0], rest)
		if !found || !known || size > len(rest) {
			return nil, false
		}
		text := string(name)
		switch {
		case slices.Contains([]string{"version", "gitVersion", "errmsg"}, text) && b[0] == 2:
			text += "=" + string(rest[4:size-1])
		case slices.Contains([]string{"maxWireVersion", "minWireVersion", "code", "bits"}, text) && b[0] == 0x10:
			text += fmt.Sprintf("=%d", int32(binary.LittleEndian.Uint32(rest)))
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
			return nil, false
		}
		fields, b = append(fields, text), rest[size:]
	}
	return nil, false
}

func bsonSize(kind byte, rest []byte) (int, bool) {
	counted := func(more int) (int, bool) {
		if len(rest) < 4 {
			return 0, false
		}
		n := int(int32(binary.LittleEndian.Uint32(rest)))
		return n + more, n > 0 && n < maxReply && n+more >= 4
	}
	switch kind {
	case 0x01, 0x09, 0x11, 0x12: // double, date, timestamp, 64-bit integer
		return 8, true
	case 0x02: // string
		return counted(4)
	case 0x03, 0x04: // document, array
		return counted(0)
	case 0x05: // binary
		if len(rest) < 5 {
			return 0, false
		}
		n := int(int32(binary.LittleEndian.Uint32(rest)))
		return n + 5, n >= 0 && n < maxReply
	case 0x07: // object id
		return 12, true
	case 0x08: // boolean
		return 1, true
	case 0x0a: // null
		return 0, true
	case 0x10: // 32-bit integer
		return 4, true
	}
	return 0, false
}

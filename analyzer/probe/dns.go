package probe

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Types and classes of RFC 1035, 3.2, and RFC 4892, 3.
const (
	dnsA, dnsNS, dnsSOA, dnsPTR, dnsTXT, dnsDNSKEY = 1, 2, 6, 12, 16, 48
	dnsIN, dnsCH                                   = 1, 3
	dnsHeader                                      = 12
	maxDNSName                                     = 255
)

// question is a DNS question without recursion: the server answers from its own data and does not query other servers.
type question struct {
	name  string
	kind  uint16
	class uint16
	known string // kind and class in words
}

// questions are about the root, about the server itself (RFC 4892, 2 and 3), and about the names that each server knows (RFC 6761, 6.3).
var questions = []question{
	{"", dnsSOA, dnsIN, ". SOA"}, {"", dnsNS, dnsIN, ". NS"}, {"", dnsDNSKEY, dnsIN, ". DNSKEY"}, {"version.bind", dnsTXT, dnsCH,
		"version.bind CH TXT"},
	{"version.server", dnsTXT, dnsCH, "version.server CH TXT"}, {"localhost", dnsA, dnsIN, "localhost A"}, {"1.0.0.127.in-addr.arpa", dnsPTR,
		dnsIN, "1.0.0.127.in-addr.arpa PTR"},
}

// query is a question as a message, with EDNS so that the answer may be larger than 512 bytes (RFC 6891, 6.1).
func (q question) query(id uint16) []byte {
	m := binary.BigEndian.AppendUint16(nil, id)
	m = append(m, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
	for _, label := range strings.Split(q.name, ".") {
		if label != "" {
			m = append(append(m, byte(len(label))), label...)
		}
	}
	m = append(m, 0)
	m = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(m, q.kind), q.class)
	return append(m, 0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0)
}

// talkDNS asks over a stream, where a message has its length before it.
func talkDNS(t *talk) error {
	return askDNS(t, func(query []byte) ([]byte, error) {
		if err := t.send(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
			return nil, err
		}
		head, err := t.take(2)
		if err != nil {
			return nil, err
		}
		return t.take(int(binary.BigEndian.Uint16(head)))
	})
}

// talkDNSPacket asks over UDP.
func talkDNSPacket(t *talk) error {
	return askDNS(t, func(query []byte) ([]byte, error) {
		if err := t.send(query); err != nil {
			return nil, err
		}
		return t.datagram()
	})
}

func askDNS(t *talk, ask func([]byte) ([]byte, error)) error {
	for i, q := range questions {
		id := uint16(i + 1)
		answer, err := ask(q.query(id))
		if err != nil {
			return err
		}
		text, ok := readDNS(answer, id)
		if !ok {
			return errOther
		}
		t.note("%s: %s", q.known, text)
	}
	return nil
}

// dnsCodes are the usual response codes (RFC 1035, 4.1.1).
var dnsCodes = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}

// readDNS describes a response: its code, whether it is authoritative, and its records without their times to live. Servers rotate the
// order of the records.
func readDNS(m []byte, id uint16) (string, bool) {
	if len(m) < dnsHeader || binary.BigEndian.Uint16(m) != id || m[2]&0x80 == 0 {
		return "", false
	}
	code := fmt.Sprint(m[3] & 0xf)
	if n := int(m[3] & 0xf); n < len(dnsCodes) {
		code = dnsCodes[n]
	}
	if m[2]&0x04 != 0 {
		code += " authoritative"
	}
	pos := dnsHeader
	ok := true
	for range binary.BigEndian.Uint16(m[4:]) {
		if _, pos, ok = dnsName(m, pos); !ok || pos+4 > len(m) {
			return "", false
		}
		pos += 4
	}
	var records []string
	for range binary.BigEndian.Uint16(m[6:]) {
		var text string
		if text, pos, ok = dnsRecord(m, pos); !ok {
			return "", false
		}
		records = append(records, text)
	}
	slices.Sort(records)
	return strings.Join(append([]string{code}, records...), "; "), true
}

func dnsRecord(m []byte, pos int) (text string, next int, ok bool) {
	_, pos, ok = dnsName(m, pos)
	if !ok || pos+10 > len(m) {
		return "", 0, false
	}
	kind, size := binary.BigEndian.Uint16(m[pos:]), int(binary.BigEndian.Uint16(m[pos+8:]))
	pos += 10
	if pos+size > len(m) {
		return "", 0, false
	}
	data := m[pos : pos+size]
	switch {
	case kind == dnsTXT && size > 0 && int(data[0]) < size:
		text = fmt.Sprintf("TXT %q", steady(string(data[1:1+int(data[0])])))
	case kind == dnsA && size == 4:
		text = fmt.Sprintf("A %d.%d.%d.%d", data[0], data[1], data[2], data[3])
	case kind == dnsNS || kind == dnsPTR || kind == dnsSOA:
		name, _, named := dnsName(m, pos)
		if !named {
			return "", 0, false
		}
		text = fmt.Sprintf("%d %s", kind, name)
	default:
		text = fmt.Sprintf("%d, %d bytes", kind, size)
	}
	return text, pos + size, true
}

// dnsName reads a name, which may go on at an earlier place (RFC 1035, 4.1.4).
func dnsName(m []byte, pos int) (name string, next int, ok bool) {
	for hops := 0; pos < len(m) && len(name) <= maxDNSName; {
		switch n := int(m[pos]); {
		case n == 0:
			if next == 0 {
				next = pos + 1
			}
			return fmt.Sprintf("%q", name), next, true
		case n&0xc0 == 0xc0:
			if hops++; pos+1 >= len(m) || hops > maxDNSName {
				return "", 0, false
			}
			if next == 0 {
				next = pos + 2
			}
			pos = (n&0x3f)<<8 | int(m[pos+1])
		case n < 64 && pos+1+n <= len(m):
			name += string(m[pos+1:pos+1+n]) + "."
			pos += 1 + n
		default:
			return "", 0, false
		}
	}
	return "", 0, false
}

// talkNTP asks for the time and records only that an answer came: the time and its source differ at each start.
func talkNTP(t *talk) error {
	const size, version, client, server = 48, 4, 3, 4 // RFC 5905, 7.3
	if err := t.send(append([]byte{version<<3 | client}, make([]byte, size-1)...)); err != nil {
		return err
	}
	answer, err := t.datagram()
	if err != nil {
		return err
	}
	if len(answer) < size || answer[0]&7 != server {
		return errOther
	}
	t.note("version %d, mode %d", answer[0]>>3&7, answer[0]&7)
	return nil
}

// talkSIP asks for the capabilities of a server (RFC 3261, 11) and records them from the answer.
func talkSIP(transport string) func(*talk) error {
	return func(t *talk) error {
		request := "OPTIONS sip:localhost SIP/2.0\r\nVia: SIP/2.0/" + transport +
			" 127.0.0.1:5099;branch=z9hG4bKslim;rport\r\nMax-Forwards: 70\r\n" +
			"From: <sip:slim@localhost>;tag=slim\r\nTo: <sip:localhost>\r\nCall-ID: slim@localhost\r\nCSeq: 1 OPTIONS\r\n" +
			"Accept: application/sdp\r\nContent-Length: 0\r\n\r\n"
		if err := t.send([]byte(request)); err != nil {
			return err
		}
		var lines []string
		if transport == "UDP" {
			answer, err := t.datagram()
			if err != nil {
				return err
			}
			lines = strings.Split(string(answer), "\n")
		}
		return noteHeader(t, lines, "SIP/", "allow", "accept", "server", "supported", "user-agent")
	}
}

// noteHeader records the first line and the named fields of a header. It takes the header from lines, or reads it from the conversation
// when there are none.
func noteHeader(t *talk, lines []string, begins string, fields ...string) error {
	for n := range maxLines {
		var line string
		var err error
		switch {
		case n < len(lines):
			line = strings.TrimSuffix(lines[n], "\r")
		case len(lines) > 0:
			return nil
		default:
			line, err = t.line()
		}
		if err != nil {
			return err
		}
		key, _, _ := strings.Cut(line, ":")
		switch {
		case n == 0 && !strings.HasPrefix(line, begins):
			return errOther
		case line == "":
			return nil
		case n == 0 || slices.Contains(fields, strings.ToLower(key)):
			t.note("%s", steady(line))
		}
	}
	return errOther
}

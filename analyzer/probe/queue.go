package probe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// talkAMQP begins a connection: the server says what it is and which logins it knows, or which version of the protocol it would speak.
func talkAMQP(t *talk) error {
	if err := t.send([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return err
	}
	head, err := t.take(7)
	if err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte("AMQP")) {
		last, err := t.take(1)
		if err == nil {
			t.note("version %v", append(head[4:], last...))
		}
		return err
	}
	body, err := t.take(int(int32(binary.BigEndian.Uint32(head[3:]))) + 1)
	if err != nil {
		return err
	}
	// A method frame with Connection.Start: class 10, method 10, the version, a table, two long strings, the end of the frame.
	if head[0] != 1 || len(body) < 11 || !bytes.HasPrefix(body, []byte{0, 10, 0, 10}) || body[len(body)-1] != 0xce {
		return errOther
	}
	properties, rest, ok := sshField(body[6:])
	mechanisms, rest, ok2 := sshField(rest)
	locales, _, ok3 := sshField(rest)
	if !ok || !ok2 || !ok3 {
		return errOther
	}
	t.note("start %d.%d, mechanisms %s, locales %s", body[4], body[5], mechanisms, locales)
	for _, line := range amqpTable(properties) {
		t.note("%s", line)
	}
	return nil
}

// amqpTable lists the long strings of a table ("product", "version", "platform") up to a field of a kind that it does not read.
func amqpTable(b []byte) (list []string) {
	for len(b) > 0 && int(b[0]) < len(b)-1 {
		name, kind, rest := string(b[1:1+int(b[0])]), b[1+int(b[0])], b[2+int(b[0]):]
		var value []byte
		ok := true
		switch kind {
		case 'S':
			if value, rest, ok = sshField(rest); ok && slices.Contains([]string{"product", "version", "platform"}, name) {
				list = append(list, fmt.Sprintf("%s %q", name, value))
			}
		case 'F':
			_, rest, ok = sshField(rest)
		default:
			return list
		}
		if !ok {
			return list
		}
		b = rest
	}
	return list
}

// talkMQTT connects with a clean session, which leaves no state on the server, and disconnects.
func talkMQTT(t *talk) error {
	if err := t.send([]byte("\x10\x10\x00\x04MQTT\x04\x02\x00\x0a\x00\x04slim")); err != nil {
		return err
	}
	const connack, pingresp = 0x20, 0xd0
	answer, err := t.take(4)
	if err != nil {
		return err
	}
	if answer[0] != connack || answer[1] != 2 {
		return errOther
	}
	t.note("connect %d", answer[3])
	if answer[3] != 0 {
		return nil
	}
	if err := t.send([]byte{0xc0, 0}); err != nil {
		return err
	}
	answer, err = t.take(2)
	if err != nil {
		return err
	}
	if answer[0] != pingresp {
		return errOther
	}
	t.note("ping")
	return t.send([]byte{0xe0, 0})
}

// talkKafka asks which requests the broker knows, in the oldest form: key, version, number of the request, name of the client.
func talkKafka(t *talk) error {
	if err := t.send(sshString(nil, []byte{0, 18, 0, 0, 0, 0, 0, 1, 0, 4, 's', 'l', 'i', 'm'})); err != nil {
		return err
	}
	answer, err := t.sized(0)
	if err != nil {
		return err
	}
	const head, one = 10, 6 // number, error, count; key, least and highest version
	if len(answer) < head || binary.BigEndian.Uint32(answer) != 1 {
		return errOther
	}
	var list []string
	for b := answer[head:]; len(b) >= one; b = b[one:] {
		list = append(list, fmt.Sprintf("%d:%d-%d", binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:])))
	}
	if uint32(len(list)) != binary.BigEndian.Uint32(answer[6:]) {
		return errOther
	}
	slices.Sort(list)
	t.note("error %d, requests %s", binary.BigEndian.Uint16(answer[4:]), strings.Join(list, " "))
	return nil
}

// ldapSearch reads the root entry, which describes the server: message 1, an anonymous search of the base "" for (objectClass=*).
func ldapSearch(attributes ...string) []byte {
	var list []byte
	for _, name := range attributes {
		list = append(list, ber(0x04, []byte(name))...)
	}
	search := slices.Concat(ber(0x04, nil), ber(0x0a, []byte{0}), ber(0x0a, []byte{0}), ber(0x02, []byte{0}), ber(0x02, []byte{10}),
		ber(0x01, []byte{0}),
		ber(0x87, []byte("objectClass")), ber(0x30, list))
	return ber(0x30, slices.Concat(ber(0x02, []byte{1}), ber(0x63, search)))
}

// ber is an element: its tag, its length, its content (X.690, 8.1).
func ber(tag byte, content []byte) []byte {
	head := []byte{tag, byte(len(content))}
	if len(content) > 127 {
		head = []byte{tag, 0x82, byte(len(content) >> 8), byte(len(content))}
	}
	return append(head, content...)
}

// berField takes an element off the front.
func berField(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, head := int(b[1]), 2
	if n > 127 {
		size := n & 0x7f
		if size == 0 || size > 3 || len(b) < 2+size {
			return 0, nil, nil, false
		}
		n, head = 0, 2+size
		for _, c := range b[2 : 2+size] {
			n = n<<8 | int(c)
		}
	}
	if n > len(b)-head {
		return 0, nil, nil, false
	}
	return b[0], b[head : head+n], b[head+n:], true
}

func talkLDAP(t *talk) error {
	names := []string{"namingContexts", "supportedLDAPVersion", "supportedSASLMechanisms", "supportedExtension", "supportedControl",
		"vendorName", "vendorVersion"}
	if err := t.send(ldapSearch(names...)); err != nil {
		return err
	}
	for range maxLines {
		message, err := berRead(t)
		if err != nil {
			return err
		}
		if done, err := ldapMessage(t, message); done || err != nil {
			if err == nil {
				err = t.send([]byte{0x30, 5, 0x02, 1, 2, 0x42, 0}) // unbind
			}
			return err
		}
	}
	return errOther
}

// berRead reads one element of the conversation and returns its content.
func berRead(t *talk) ([]byte, error) {
	head, err := t.take(2)
	if err != nil {
		return nil, err
	}
	if head[0] != 0x30 {
		return nil, errOther
	}
	n := int(head[1])
	if n > 127 {
		size, err := t.take(n & 0x7f)
		if err != nil {
			return nil, err
		}
		if n = 0; len(size) == 0 || len(size) > 4 {
			return nil, errOther
		}
		for _, c := range size {
			n = n<<8 | int(c)
		}
	}
	return t.take(n)
}

// ldapMessage records an entry, or how the search ended (RFC 4511, 4.5.2).
func ldapMessage(t *talk, message []byte) (done bool, err error) {
	_, _, rest, ok := berField(message)
	tag, content, _, ok2 := berField(rest)
	if !ok || !ok2 {
		return true, errOther
	}
	switch tag {
	case 0x64: // SearchResultEntry: its name, then its attributes
		_, _, rest, ok := berField(content)
		_, attributes, _, ok2 := berField(rest)
		if !ok || !ok2 {
			return true, errOther
		}
		for _, line := range ldapAttributes(attributes) {
			t.note("%s", line)
		}
		return false, nil
	case 0x65: // SearchResultDone: the code of its result
		_, code, _, ok := berField(content)
		if !ok || len(code) != 1 {
			return true, errOther
		}
		if code[0] == 51 || code[0] == 52 { // busy, unavailable
			return true, errStarting
		}
		t.note("result %d", code[0])
		return true, nil
	case 0x73: // SearchResultReference
		return false, nil
	}
	return true, errOther
}

// ldapAttributes lists the attributes of an entry, each with its values, sorted: they are sets.
func ldapAttributes(b []byte) (lines []string) {
	for len(b) > 0 {
		_, attribute, rest, ok := berField(b)
		_, name, values, ok2 := berField(attribute)
		_, set, _, ok3 := berField(values)
		if !ok || !ok2 || !ok3 {
			break
		}
		var list []string
		for len(set) > 0 {
			var value []byte
			if _, value, set, ok = berField(set); !ok {
				break
			}
			list = append(list, fmt.Sprintf("%q", value))
		}
		slices.Sort(list)
		lines = append(lines, fmt.Sprintf("%q %s", name, strings.Join(list, " ")))
		b = rest
	}
	slices.Sort(lines)
	return lines
}

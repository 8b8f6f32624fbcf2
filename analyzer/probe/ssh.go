package probe

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"math/big"
	"slices"
	"strings"
)

// Messages of RFC 4253, 12, RFC 5656, 7.1 and RFC 4419, 5.
const (
	sshDisconnect  = 1
	sshIgnore      = 2
	sshDebug       = 4
	sshExtInfo     = 7
	sshKexInit     = 20
	sshNewKeys     = 21
	sshECDHInit    = 30
	sshECDHReply   = 31
	sshGroup       = 31
	sshGroupInit   = 32
	sshGroupReply  = 33
	sshGroupAsk    = 34
	maxSSHPacket   = 35000 // RFC 4253, 6.1
	sshGroupMethod = "diffie-hellman-group-exchange-sha256"
)

// sshLists are what the client can do, one list for each of the ten of a KEXINIT message, best first.
var sshLists = [10]string{
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256," + sshGroupMethod,
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa",
	sshCiphers, sshCiphers, sshMACs, sshMACs, "none", "none", "", "",
}

const (
	sshCiphers = "aes128-ctr,aes256-ctr,chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,aes256-gcm@openssh.com"
	sshMACs    = "hmac-sha2-256,hmac-sha2-512,hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1"
)

// talkSSH exchanges keys: once with an elliptic curve, and once with a group of the server's own where it has some.
func talkSSH(t *talk) error {
	groups, err := sshExchange(t, sshLists[0], true)
	if err != nil || !groups {
		return err
	}
	if err := t.open(); err != nil {
		return err
	}
	_, err = sshExchange(t, sshGroupMethod, false)
	return err
}

// sshExchange runs one key exchange to its end; groups says whether the server supports group exchange.
func sshExchange(t *talk, methods string, first bool) (groups bool, err error) {
	if err := sshIdentify(t, first); err != nil {
		return false, err
	}
	lists := sshLists
	lists[0] = methods
	if err := sshSend(t, sshInit(lists)); err != nil {
		return false, err
	}
	packet, err := sshRead(t, sshKexInit)
	if err != nil {
		return false, err
	}
	theirs, ok := sshReadInit(packet)
	if !ok {
		return false, errOther
	}
	method := sshAgree(lists[0], theirs[0])
	t.note("key exchange %s", method)
	if first {
		t.note("host key %s, cipher %s, MAC %s", sshAgree(lists[1], theirs[1]), sshAgree(lists[3], theirs[3]), sshAgree(lists[5], theirs[5]))
	}
	switch {
	case method == "":
		return false, nil
	case method == sshGroupMethod:
		err = sshGroups(t)
	case strings.HasPrefix(method, "curve25519"):
		err = sshCurve(t, ecdh.X25519())
	default:
		err = sshCurve(t, ecdh.P256())
	}
	if err == nil {
		err = sshKeys(t)
	}
	return slices.Contains(strings.Split(theirs[0], ","), sshGroupMethod) && method != sshGroupMethod, err
}

// sshIdentify exchanges the lines of identification; a server may say others before (RFC 4253, 4.2).
func sshIdentify(t *talk, first bool) error {
	if err := t.send([]byte("SSH-2.0-slim\r\n")); err != nil {
		return err
	}
	for range maxLines {
		line, err := t.line()
		if err != nil {
			return err
		}
		if strings.HasPrefix(line, "SSH-") {
			if first {
				t.note("%s", line)
			}
			return nil
		}
	}
	return errOther
}

func sshString[T string | []byte](b []byte, s T) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

func sshInit(lists [10]string) []byte {
	cookie := make([]byte, 16)
	_, _ = rand.Read(cookie)
	packet := append([]byte{sshKexInit}, cookie...)
	for _, list := range lists {
		packet = sshString(packet, list)
	}
	return append(packet, 0, 0, 0, 0, 0)
}

// sshSend sends a packet in the clear: length, length of padding, payload, padding to eight bytes (RFC 4253, 6).
func sshSend(t *talk, payload []byte) error {
	padding := 8 - (5+len(payload))%8
	if padding < 4 {
		padding += 8
	}
	packet := binary.BigEndian.AppendUint32(nil, uint32(1+len(payload)+padding))
	packet = append(append(packet, byte(padding)), payload...)
	return t.send(append(packet, make([]byte, padding)...))
}

// sshRead reads packets up to one of the wanted kind, and returns what follows the kind.
func sshRead(t *talk, kind byte) ([]byte, error) {
	for range maxLines {
		packet, err := t.sized(0)
		if err != nil {
			return nil, err
		}
		if len(packet) < 2 || len(packet) > maxSSHPacket || int(packet[0]) > len(packet)-2 {
			return nil, errOther
		}
		payload := packet[1 : len(packet)-int(packet[0])]
		switch payload[0] {
		case kind:
			return payload[1:], nil
		case sshIgnore, sshDebug, sshExtInfo:
		default:
			return nil, errOther
		}
	}
	return nil, errOther
}

// sshField takes a string off the front of a message.
func sshField(b []byte) (field, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n], b[4+n:], true
}

func sshReadInit(packet []byte) (lists [10]string, ok bool) {
	if len(packet) < 16 {
		return lists, false
	}
	packet = packet[16:]
	for i := range lists {
		var field []byte
		if field, packet, ok = sshField(packet); !ok {
			return lists, false
		}
		lists[i] = string(field)
	}
	return lists, true
}

// sshAgree returns the client's first algorithm that the server has too, "" where there is none (RFC 4253, 7.1).
func sshAgree(ours, theirs string) string {
	list := strings.Split(theirs, ",")
	for _, name := range strings.Split(ours, ",") {
		if slices.Contains(list, name) {
			return name
		}
	}
	return ""
}

// sshCurve exchanges keys on an elliptic curve (RFC 5656, 4; RFC 8731).
func sshCurve(t *talk, curve ecdh.Curve) error {
	key, err := curve.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	if err := sshSend(t, sshString([]byte{sshECDHInit}, key.PublicKey().Bytes())); err != nil {
		return err
	}
	reply, err := sshRead(t, sshECDHReply)
	if err != nil {
		return err
	}
	hostKey, rest, ok := sshField(reply)
	point, _, ok2 := sshField(rest)
	if !ok || !ok2 {
		return errOther
	}
	public, err := curve.NewPublicKey(point)
	if err != nil {
		return errOther
	}
	if _, err := key.ECDH(public); err != nil {
		return errOther
	}
	return sshHostKey(t, hostKey)
}

// sshGroups exchanges keys in a group that the server chooses among its own (RFC 4419, 3).
func sshGroups(t *talk) error {
	ask := []byte{sshGroupAsk}
	for _, bits := range []uint32{2048, 2048, 8192} {
		ask = binary.BigEndian.AppendUint32(ask, bits)
	}
	if err := sshSend(t, ask); err != nil {
		return err
	}
	group, err := sshRead(t, sshGroup)
	if err != nil {
		return err
	}
	prime, rest, ok := sshField(group)
	generator, _, ok2 := sshField(rest)
	p, g := new(big.Int).SetBytes(prime), new(big.Int).SetBytes(generator)
	if !ok || !ok2 || p.BitLen() < 1024 || p.BitLen() > 8192 || g.BitLen() > p.BitLen() || p.Bit(0) == 0 {
		return errOther
	}
	secret, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 256))
	if err != nil {
		return err
	}
	public := new(big.Int).Exp(g, secret, p).Bytes()
	if len(public) > 0 && public[0]&0x80 != 0 {
		public = append([]byte{0}, public...) // of two's complement (RFC 4251, 5)
	}
	if err := sshSend(t, sshString([]byte{sshGroupInit}, public)); err != nil {
		return err
	}
	reply, err := sshRead(t, sshGroupReply)
	if err != nil {
		return err
	}
	hostKey, _, ok := sshField(reply)
	if !ok {
		return errOther
	}
	return sshHostKey(t, hostKey)
}

// sshHostKey notes the type of a host key, not the key: each start of a container may make its own.
func sshHostKey(t *talk, key []byte) error {
	kind, _, ok := sshField(key)
	if !ok || len(kind) > 64 || bytes.ContainsAny(kind, "\r\n") {
		return errOther
	}
	t.note("signed with %s", kind)
	return nil
}

// sshKeys ends the exchange: both sides say that they use the new keys from here on.
func sshKeys(t *talk) error {
	if err := sshSend(t, []byte{sshNewKeys}); err != nil {
		return err
	}
	if _, err := sshRead(t, sshNewKeys); err != nil {
		return err
	}
	t.note("new keys")
	return nil
}

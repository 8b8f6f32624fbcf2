package probe

import (
	"bufio"
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
)

// dialogue is a server that says what it has to after each thing it was told: pairs of what a message begins with and the answer.
func dialogue(greeting string, pairs ...string) func(net.Conn) {
	return func(conn net.Conn) {
		_, _ = io.WriteString(conn, greeting)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			for i := 0; i < len(pairs); i += 2 {
				if bytes.HasPrefix(buf[:n], []byte(pairs[i])) {
					_, _ = io.WriteString(conn, pairs[i+1])
					break
				}
			}
		}
	}
}

func be32(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }
func le32(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

func long(s string) string { return be32(len(s)) + s }

// mongoAnswer is an OP_MSG with one document in answer to a request.
func mongoAnswer(to int, elements string) string {
	doc := le32(5+len(elements)) + elements + "\x00"
	return le32(16+5+len(doc)) + le32(9) + le32(to) + le32(2013) + le32(0) + "\x00" + doc
}

// dnsServer answers each question: that of version.bind with a text, others with REFUSED.
func dnsServer(query []byte) []byte {
	end := len(query) - 11 // less the EDNS record
	m := slices.Clone(query[:end])
	m[2], m[3], m[11] = 0x84, 5, 0
	if bytes.Contains(query, []byte("version\x04bind")) {
		m[3], m[7] = 0, 1
		m = append(m, 0xc0, 12, 0, dnsTXT, 0, dnsCH, 0, 0, 0, 0, 0, 4, 3, '9', '.', '1')
	}
	return m
}

func dnsStream(conn net.Conn) {
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(head))
		if _, err := io.ReadFull(conn, query); err != nil || len(query) < 23 {
			return
		}
		answer := dnsServer(query)
		_, _ = conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
	}
}

const dnsNotes = ". SOA: REFUSED authoritative\n. NS: REFUSED authoritative\n. DNSKEY: REFUSED authoritative\n" +
	"version.bind CH TXT: NOERROR authoritative; TXT \"9.1\"\n" +
	"version.server CH TXT: REFUSED authoritative\nlocalhost A: REFUSED authoritative\n1.0.0.127.in-addr.arpa PTR: REFUSED authoritative\n"

// sshServer is the other side of both exchanges of keys.
func sshServer(conn net.Conn) {
	t := &talk{silence: time.Second, end: time.Now().Add(5 * time.Second), left: maxReply}
	t.use(conn)
	_ = t.send([]byte("a line before\r\nSSH-2.0-Test_1\r\n"))
	_, _ = t.line()
	lists := sshLists
	lists[1] = "ssh-rsa,rsa-sha2-512"
	_ = sshSend(t, []byte{sshIgnore, 0, 0, 0, 0})
	_ = sshSend(t, sshInit(lists))
	init, err := sshRead(t, sshKexInit)
	if err != nil {
		return
	}
	theirs, _ := sshReadInit(init)
	hostKey := sshString(nil, sshString(nil, "ssh-rsa"))
	if theirs[0] == sshGroupMethod {
		if _, err := sshRead(t, sshGroupAsk); err != nil {
			return
		}
		prime := new(big.Int).SetBit(big.NewInt(12345), 1100, 1)
		_ = sshSend(t, sshString(sshString([]byte{sshGroup}, prime.Bytes()), []byte{2}))
		if _, err := sshRead(t, sshGroupInit); err != nil {
			return
		}
		_ = sshSend(t, sshString(sshString(append([]byte{sshGroupReply}, hostKey...), []byte{3}), "signature"))
	} else {
		if _, err := sshRead(t, sshECDHInit); err != nil {
			return
		}
		key, _ := ecdh.X25519().GenerateKey(rand.Reader)
		_ = sshSend(t, sshString(sshString(append([]byte{sshECDHReply}, hostKey...), key.PublicKey().Bytes()), "signature"))
	}
	if _, err := sshRead(t, sshNewKeys); err == nil {
		_ = sshSend(t, []byte{sshNewKeys})
	}
}

// fcgiServer answers one record on each connection, as a server that keeps none does.
func fcgiServer(conn net.Conn) {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return
	}
	if head[1] == fcgiGetValues {
		_, _ = conn.Write(fcgiRecord(fcgiValues, 0, fcgiPairs([][2]string{{"FCGI_MPXS_CONNS", "0"}})))
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	rest, seen := make([]byte, 4096), ""
	for !strings.HasSuffix(seen, string(fcgiRecord(fcgiStdin, 1, nil))) {
		n, err := conn.Read(rest)
		if err != nil {
			return
		}
		seen += string(rest[:n])
	}
	script := regexp.MustCompile(`SCRIPT_FILENAME([\w/.]+)`).FindString(seen)
	_, _ = conn.Write(slices.Concat(fcgiRecord(fcgiStderr, 1, []byte("no script")), fcgiRecord(fcgiStdout, 1,
		[]byte("Status: 404 Not Found\r\nX-Other: 1\r\n\r\n"+script)), fcgiRecord(fcgiEnd, 1, make([]byte, 8))))
}

// servers speak each protocol of the table over TCP; want is what is recorded.
var servers = []struct {
	name  string
	serve func(net.Conn)
	want  string
}{
	{"ssh", sshServer, "SSH-2.0-Test_1\nkey exchange curve25519-sha256\nhost key rsa-sha2-512, cipher aes128-ctr, MAC hmac-sha2-256\n" +
		"signed with ssh-rsa\nnew keys\n" +
		"key exchange diffie-hellman-group-exchange-sha256\nsigned with ssh-rsa\nnew keys\n"},
	{"ftp", dialogue("220-Hello\r\n220 FTP of 27 Nov 2026 10:11:12 ready\r\n", "FEAT", "211-Features\r\n UTF8\r\n211 End\r\n", "USER",
		"331 Password\r\n", "PASS", "530 No\r\n", "QUIT", "221 Bye\r\n"),
		"220-Hello\n220 FTP of * * ready\n211-Features\n UTF8\n211 End\n331 Password\n530 No\n"},
	{"smtp", dialogue("220 host ESMTP Fri, 27 Nov 2026 10:11:12 +0000\r\n", "EHLO", "250-host\r\n250 8BITMIME\r\n", "QUIT", "221 Bye\r\n"),
		"220 host ESMTP * *\n250-host\n250 8BITMIME\n"},
	{"imap", dialogue("* OK ready\r\n", "a ", "* CAPABILITY IMAP4rev1\r\na OK done\r\n", "d ", "* BYE\r\nd OK\r\n"),
		"* OK ready\n* CAPABILITY IMAP4rev1\na OK done\n"},
	{"pop3", dialogue("+OK <123.456@host>\r\n", "CAPA", "+OK\r\nTOP\r\n.\r\n", "QUIT", "+OK\r\n"), "+OK *\n+OK\nTOP\n.\n"},
	{"dns", dnsStream, dnsNotes},
	{"sip", dialogue("", "OPTIONS", "SIP/2.0 200 OK\r\nVia: x\r\nAllow: INVITE\r\nServer: s\r\n\r\n"),
		"SIP/2.0 200 OK\nAllow: INVITE\nServer: s\n"},
	{"redis", dialogue("", "*1\r\n$4\r\nPING", "+PONG\r\n", "*2\r\n$4\r\nINFO", "$37\r\nredis_version:7.0\r\nprocess_id:12345\r\n\r\n",
		"*2\r\n$7\r\nCOMMAND", ":240\r\n"),
		"PING +PONG\nINFO redis_version:7.0\nCOMMAND COUNT :240\n"},
	{"memcached", dialogue("", "version", "VERSION 1.6\r\n", "stats", "STAT pid 12\r\nSTAT uptime 3\r\nEND\r\n"),
		"VERSION 1.6\nSTAT pid\nSTAT uptime\nEND\n"},
	{"postgresql", dialogue("", "\x00\x00\x00\x08\x04", "N", "\x00", "R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\x00\x00"),
		"authentication 10\nSCRAM-SHA-256\n"},
	{"mysql", func(conn net.Conn) {
		body := "\x0a8.0.1\x00" + "iiiichalleng\x00" + "\xff\xf7\x2d\x02\x00\xff\xdf\x15" + strings.Repeat("\x00", 10) + "challenge123\x00" +
			"caching_sha2_password\x00"
		_, _ = io.WriteString(conn, string([]byte{byte(len(body)), 0, 0, 0})+body)
	}, "version 8.0.1, capabilities dffff7ff, character set 45\nauthentication caching_sha2_password\n"},
	{"mongodb", func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, mongoAnswer(1, "\x10maxWireVersion\x00\x15\x00\x00\x00\x09localTime\x0012345678\x08ok\x00\x01"))
		_, _ = conn.Read(make([]byte, 4096))
		_, _ = io.WriteString(conn, mongoAnswer(2, "\x02version\x00\x04\x00\x00\x006.0\x00"))
		_, _ = conn.Read(make([]byte, 1))
	}, "hello: localTime maxWireVersion=21 ok\nbuildInfo: version=6.0\n"},
	{"amqp", func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 8))
		table := "\x07productS" + long("Q") + "\x02idS" + long("x")
		method := "\x00\x0a\x00\x0a\x00\x09" + long(table) + long("PLAIN") + long("en_US")
		_, _ = io.WriteString(conn, "\x01\x00\x00"+be32(len(method))+method+"\xce")
		_, _ = conn.Read(make([]byte, 1))
	}, "start 0.9, mechanisms PLAIN, locales en_US\nproduct \"Q\"\n"},
	{"mqtt", dialogue("", "\x10", "\x20\x02\x00\x00", "\xc0", "\xd0\x00"), "connect 0\nping\n"},
	{"kafka", dialogue("", "\x00\x00\x00\x0e\x00\x12",
		long("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x02\x00\x12\x00\x00\x00\x03\x00\x00\x00\x00\x00\x09")), "error 0, requests 0:0-9 18:0-3\n"},
	{"ldap", dialogue("", "\x30", string(slices.Concat(
		ber(0x30, slices.Concat(ber(2, []byte{1}), ber(0x64, slices.Concat(ber(4, nil), ber(0x30, ber(0x30, slices.Concat(ber(4,
			[]byte("namingContexts")), ber(0x31, slices.Concat(ber(4, []byte("dc=b")), ber(4, []byte("dc=a"))))))))))),
		ber(0x30, slices.Concat(ber(2, []byte{1}), ber(0x65, slices.Concat(ber(10, []byte{0}), ber(4, nil), ber(4, nil)))))))),
		"\"namingContexts\" \"dc=a\" \"dc=b\"\nresult 0\n"},
	{"fastcgi", fcgiServer, "\"FCGI_MPXS_CONNS\"=\"0\"\nStatus: 404 Not Found\nSCRIPT_FILENAME/srv/index.php\nstderr no script\n"},
	{"uwsgi", func(conn net.Conn) {
		head := make([]byte, 4)
		_, _ = io.ReadFull(conn, head)
		_, _ = io.CopyN(io.Discard, conn, int64(binary.LittleEndian.Uint16(head[1:])))
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello")
	}, "HTTP/1.1 200 OK\nContent-Type: text/plain\nhello\n"},
	{"git", dialogue("", "002", "0012ERR no access\n"), "ERR no access\n"},
	{"rsync", dialogue("@RSYNCD: 31.0\n", "@RSYNCD:", "Welcome\ndata\tthe data\n@RSYNCD: EXIT\n"),
		"@RSYNCD: 31.0\nWelcome\ndata\tthe data\n@RSYNCD: EXIT\n"},
	{"irc", dialogue(":host NOTICE * :*** Looking up your hostname\r\n"), ":host NOTICE * :*** Looking up your hostname\n"},
}

// rowOf is the row of the table for TCP.
func rowOf(t testing.TB, name string) *hello {
	for i := range hellos {
		if h := &hellos[i]; h.name == name && h.network == "tcp" {
			return h
		}
	}
	t.Fatalf("no row for %s", name)
	return nil
}

func converse(t *testing.T, h *hello, address string, patience time.Duration) (string, error) {
	t.Helper()
	socket, _ := on(t, address)
	p := quickPace()
	p.request = patience
	d := &driver{pace: p, job: &analyzer.Job{Process: analyzer.Entry{Dir: "/srv"}}}
	return d.converse(t.Context(), &port{number: socket.Port, host: socket.Address}, spoken{h, false})
}

func TestHellos(t *testing.T) {
	known := map[string]bool{}
	for _, s := range servers {
		known[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				got, err := converse(t, rowOf(t, s.name), serve(t, s.serve), time.Second)
				if diff := cmp.Diff(s.want, got); diff != "" {
					t.Errorf("answer (-want +got), error %v:\n%s", err, diff)
				}
			}
		})
	}
	for _, h := range hellos {
		if h.source == "" || h.talk == nil || h.network == "tcp" && !known[h.name] {
			t.Errorf("%s: no source, nothing to say, or no test", h.name)
		}
	}
}

// TestHellosElsewhere: servers that speak nothing, that never stop and that speak something else are no answer, and cost little.
func TestHellosElsewhere(t *testing.T) {
	endless := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			for {
				if _, err := io.WriteString(conn, text); err != nil {
					return
				}
			}
		}
	}
	for name, server := range map[string]func(net.Conn){
		"silent":        func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"hangs up":      func(net.Conn) {},
		"endless":       endless(strings.Repeat("\xfe", 5000)),
		"endless lines": endless("lorem ipsum\n"),
		"endless zeros": endless(strings.Repeat("\x00", 4096)),
		"slow": func(conn net.Conn) {
			for range 50 {
				_, _ = conn.Write([]byte("x"))
				time.Sleep(20 * time.Millisecond)
			}
		},
		"garbage":            dialogue("\x00\x01\x02\x03garbage\xff\xff\n", "", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\n"),
		"largest of lengths": dialogue("", "", "\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff\x7f\xff\xff\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, server)
			for i := range hellos {
				h := &hellos[i]
				if h.network != "tcp" || h.name == "irc" && name == "endless lines" {
					continue
				}
				begin := time.Now()
				got, err := converse(t, h, address, 60*time.Millisecond)
				if got != "" && h.name != "irc" || err == nil && h.name != "irc" {
					t.Errorf("%s: answer %.80q, error %v", h.name, got, err)
				}
				if took := time.Since(begin); took > 2*time.Second {
					t.Errorf("%s: took %s", h.name, took)
				}
			}
		})
	}
}

// TestHelloTLS: the same is said after STARTTLS and inside TLS from the first byte.
func TestHelloTLS(t *testing.T) {
	certificate := httptest.NewTLSServer(http.NotFoundHandler())
	defer certificate.Close()
	inside := tlsServer(certificate)
	starttls := func(conn net.Conn) {
		in := bufio.NewReader(conn)
		_, _ = io.WriteString(conn, "220 host ESMTP\r\n")
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if strings.HasPrefix(line, "STARTTLS") {
				break
			}
			_, _ = io.WriteString(conn, "250-host\r\n250 STARTTLS\r\n")
		}
		_, _ = io.WriteString(conn, "220 go on\r\n")
		dialogue("", "EHLO", "250 inside\r\n", "QUIT", "221 Bye\r\n")(inside(conn))
	}
	got, err := converse(t, rowOf(t, "smtp"), serve(t, starttls), time.Second)
	if want := "220 host ESMTP\n250-host\n250 STARTTLS\n220 go on\nTLS\n250 inside\n"; got != want {
		t.Errorf("STARTTLS: answer %q, error %v, want %q", got, err, want)
	}
	d := &driver{pace: quickPace(), job: &analyzer.Job{}}
	socket, _ := on(t, serve(t, func(conn net.Conn) { dialogue("", "\x10", "\x20\x02\x00\x05")(inside(conn)) }))
	got, err = d.converse(t.Context(), &port{number: socket.Port, host: socket.Address}, spoken{rowOf(t, "mqtt"), true})
	if got != "connect 5\n" {
		t.Errorf("mqtt+tls: answer %q, error %v", got, err)
	}
}

func packetServer(t *testing.T, answer func([]byte) []byte) *port {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(answer(buf[:n]), from)
		}
	}()
	socket, _ := on(t, conn.LocalAddr().String())
	return &port{number: socket.Port, host: socket.Address}
}

func TestPackets(t *testing.T) {
	ntp := func([]byte) []byte { return append([]byte{4<<3 | 4}, make([]byte, 47)...) }
	sip := func([]byte) []byte { return []byte("SIP/2.0 200 OK\r\nAllow: INVITE\r\n\r\n") }
	for _, test := range []struct {
		name   string
		answer func([]byte) []byte
		want   string
	}{
		{"dns", dnsServer, dnsNotes}, {"ntp", ntp, "version 4, mode 4\n"}, {"sip", sip, "SIP/2.0 200 OK\nAllow: INVITE\n"},
		{"dns", sip, ""}, {"ntp", sip, ""}, {"sip", ntp, ""},
	} {
		p := packetServer(t, test.answer)
		d := &driver{pace: quickPace(), job: &analyzer.Job{}}
		for i := range hellos {
			if h := &hellos[i]; h.name == test.name && h.network == "udp" {
				if got, err := d.converse(t.Context(), p, spoken{h, false}); got != test.want {
					t.Errorf("%s: answer %q, error %v, want %q", test.name, got, err, test.want)
				}
			}
		}
	}
}

// TestDriveSpeaks: what greets, what hangs up at HTTP, HTTP/2, gRPC and WebSockets are found on any port; what says nothing is only
// connected to.
func TestDriveSpeaks(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `<script>new WebSocket("/live")</script>`) })
	mux.HandleFunc("/live", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			return
		}
		conn, in, _ := http.NewResponseController(w).Hijack()
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05event")
		_, _ = io.ReadFull(in, make([]byte, 10))
		_, _ = io.WriteString(conn, "\x8a\x04slim")
		_, _ = io.Copy(io.Discard, in)
	})
	web := httptest.NewServer(mux)
	defer web.Close()
	strict := func(conn net.Conn) { // hangs up when it does not understand
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil || !bytes.HasPrefix(buf[:n], []byte("\x10")) && !bytes.HasPrefix(buf[:n], []byte("\xc0")) {
				return
			}
			_, _ = conn.Write(map[bool][]byte{true: {0x20, 2, 0, 0}, false: {0xd0, 0}}[buf[0] == 0x10])
		}
	}
	for _, test := range []struct {
		address string
		want    []string
	}{
		{serve(t, dialogue("220 host ESMTP\r\n", "EHLO", "250 host\r\n", "QUIT", "221\r\n")), []string{"smtp 127.0.0.1:PORT"}},
		{serve(t, dialogue("welcome, stranger\r\n")), []string{"banner 127.0.0.1:PORT"}},
		{serve(t, strict), []string{"mqtt 127.0.0.1:PORT"}},
		{serve(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }), []string{"connect 127.0.0.1:PORT"}},
		{web.Listener.Addr().String(), []string{"GET http://127.0.0.1:PORT/", "websocket 127.0.0.1:PORT/live"}},
		{http2Server(t), []string{"http2 127.0.0.1:PORT", "grpc 127.0.0.1:PORT"}},
	} {
		socket, exposed := on(t, test.address)
		out, log := run(t, newFake(socket), &analyzer.Job{AutoProbe: true, Timeout: 30, Process: analyzer.Entry{Exposed: []string{exposed}}})
		var got []string
		for _, a := range out.Answers {
			got = append(got, strings.ReplaceAll(a.Probe, fmt.Sprint(socket.Port), "PORT"))
			if a.Connected != strings.HasPrefix(a.Probe, "connect ") || a.Connected == (a.Protocol != "") || !a.OK {
				t.Errorf("answer %+v", a)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s%s", diff, log)
		}
	}
}

// http2Server speaks HTTP/2 with prior knowledge alone, and gRPC.
func http2Server(t *testing.T) string {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Protocols: protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		if strings.Contains(r.URL.Path, "Health") {
			_, _ = w.Write([]byte{0, 0, 0, 0, 2, 8, 1})
			w.Header().Set("Grpc-Status", "0")
		} else {
			w.Header().Set("Grpc-Status", "12")
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

func TestReadServices(t *testing.T) {
	service := func(name string) string {
		return "\x0a" + string([]byte{byte(2 + len(name))}) + "\x0a" + string([]byte{byte(len(name))}) + name
	}
	list := service("b.B") + service("a.A")
	if got := readServices([]byte("\x0a\x01x\x32" + string([]byte{byte(len(list))}) + list)); got != `"a.A" "b.B"` {
		t.Errorf("readServices = %s", got)
	}
	if got := readHealth([]byte{8, 2}); got != "serving status 2" {
		t.Errorf("readHealth = %s", got)
	}
}

func TestSteady(t *testing.T) {
	for text, want := range map[string]string{
		"220 (vsFTPd 3.0.3)": "220 (vsFTPd 3.0.3)", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
		"220 h ESMTP Exim 4.96 Fri, 27 Nov 2026 22:08:50 +0000": "220 h ESMTP Exim 4.96 * *", "+OK <1896.697170952@h>": "+OK *",
		"at 2026-11-27T22:08:50Z":               "at **",
		"session 0123456789abcdef0123 of 31337": "session * of *",
	} {
		if got := steady(text); got != want {
			t.Errorf("steady(%q) = %q, want %q", text, got, want)
		}
	}
}

// memory is a connection on which a server says one thing.
type memory struct{ *bytes.Reader }

func (memory) Write(p []byte) (int, error)      { return len(p), nil }
func (memory) Close() error                     { return nil }
func (memory) LocalAddr() net.Addr              { return nil }
func (memory) RemoteAddr() net.Addr             { return nil }
func (memory) SetDeadline(time.Time) error      { return nil }
func (memory) SetReadDeadline(time.Time) error  { return nil }
func (memory) SetWriteDeadline(time.Time) error { return nil }

// FuzzHellos: whatever a server says, the client neither panics nor records without bound.
func FuzzHellos(f *testing.F) {
	for i := range hellos {
		f.Add(byte(i), []byte("220 a\r\n250 b\r\n"))
		f.Add(byte(i), []byte("\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04\x00\x04\x00"))
	}
	f.Add(byte(0), []byte("SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14xxxxxxxxxx"))
	f.Fuzz(func(t *testing.T, row byte, said []byte) {
		h := &hellos[int(row)%len(hellos)]
		c := &talk{silence: time.Second, end: time.Now().Add(time.Second), entry: &analyzer.Entry{}, left: maxReply}
		c.dial = func() (net.Conn, error) { return memory{bytes.NewReader(said)}, nil }
		if err := c.open(); err != nil {
			t.Fatal(err)
		}
		_ = h.talk(c)
		if c.notes.Len() > maxNotes+maxLine {
			t.Errorf("%s: %d bytes are recorded", h.name, c.notes.Len())
		}
		_, _ = readDNS(said, 1)
		_ = readServices(said)
		_ = readHealth(said)
	})
}

// tlsServer is the server's side of TLS with the certificate of a test server.
func tlsServer(s *httptest.Server) func(net.Conn) net.Conn {
	return func(conn net.Conn) net.Conn { return tls.Server(conn, s.TLS) }
}

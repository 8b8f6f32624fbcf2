package probe

import (
	"regexp"
	"slices"
)

// hello describes the probe of one protocol: enough to see that a server speaks it, without a change of the server's state. Its record
// is the same for two runs of one image: it leaves out nonces, times, process numbers and keys.
type hello struct {
	name    string
	ports   []int          // where it is usually spoken
	tls     []int          // where it is usually spoken inside TLS from the first byte on
	network string         // "tcp" or "udp"
	sockets *regexp.Regexp // the name of its usual unix socket; nil where it has none
	greets  *regexp.Regexp // what the server says first; nil where the client speaks first
	shared  bool           // HTTP is as usual on its ports, and is tried first
	blind   bool           // may be tried where another protocol was not understood: servers of this kind refuse others at once
	talk    func(*talk) error
	source  string // RFC or document
}

// hellos is the table of protocols, in the order in which they are tried.
var hellos = []hello{
	{name: "ssh", ports: []int{22, 2222}, network: "tcp", greets: regexp.MustCompile(`^SSH-`), talk: talkSSH,
		source: "RFC 4253, RFC 4419, RFC 8731"},
	{name: "ftp", ports: []int{21, 2121}, tls: []int{990}, network: "tcp", greets: regexp.MustCompile(`(?i)^220[ -].*ftp`),
		talk:   script(ftp...),
		source: "RFC 959, RFC 1635, RFC 2389, RFC 4217"},
	{name: "smtp", ports: []int{25, 587, 2525}, tls: []int{465}, network: "tcp", greets: regexp.MustCompile(`^220[ -]`),
		talk: script(smtp...), source: "RFC 5321, RFC 3207, RFC 8314"},
	{name: "imap", ports: []int{143}, tls: []int{993}, network: "tcp", greets: regexp.MustCompile(`^\* (?:OK|PREAUTH|BYE)`),
		talk: script(imap...), source: "RFC 9051, RFC 8314"},
	{name: "pop3", ports: []int{110}, tls: []int{995}, network: "tcp", greets: regexp.MustCompile(`^\+OK`), talk: script(pop3...),
		source: "RFC 1939, RFC 2449, RFC 2595, RFC 8314"},
	{name: "dns", ports: []int{53}, tls: []int{853}, network: "tcp", talk: talkDNS, source: "RFC 1035, RFC 7766, RFC 7858"},
	{name: "dns", ports: []int{53}, network: "udp", talk: talkDNSPacket, source: "RFC 1035, RFC 4892"},
	{name: "ntp", ports: []int{123}, network: "udp", talk: talkNTP, source: "RFC 5905"},
	{name: "sip", ports: []int{5060}, tls: []int{5061}, network: "tcp", talk: talkSIP("TCP"), source: "RFC 3261, 11"},
	{name: "sip", ports: []int{5060}, network: "udp", talk: talkSIP("UDP"), source: "RFC 3261, 11"},
	{name: "redis", ports: []int{6379, 26379}, network: "tcp", sockets: regexp.MustCompile(`^redis[^/]*\.sock$`), blind: true, talk: talkRedis,
		source: "Redis, Serialization protocol specification"},
	{name: "memcached", ports: []int{11211}, network: "tcp", blind: true, talk: script(memcached...), source: "memcached, doc/protocol.txt"},
	{name: "postgresql", ports: []int{5432}, network: "tcp", sockets: regexp.MustCompile(`^\.s\.PGSQL\.\d+$`), blind: true, talk: talkPostgres,
		source: "PostgreSQL, Frontend/Backend Protocol"},
	{name: "mysql", ports: []int{3306}, network: "tcp", sockets: regexp.MustCompile(`^mysqld?\.sock$`),
		greets: regexp.MustCompile(`(?s)^...\x00(?:\x0a\d|\xff)`),
		talk:   talkMySQL, source: "MySQL, Client/Server Protocol, Protocol::HandshakeV10"},
	{name: "mongodb", ports: []int{27017}, network: "tcp", sockets: regexp.MustCompile(`^mongodb-\d+\.sock$`), blind: true, talk: talkMongo,
		source: "MongoDB, Wire Protocol, OP_MSG; bsonspec.org"},
	{name: "amqp", ports: []int{5672}, tls: []int{5671}, network: "tcp", blind: true, talk: talkAMQP, source: "AMQP 0-9-1, 2.2.4 and 4.2"},
	{name: "mqtt", ports: []int{1883}, tls: []int{8883}, network: "tcp", blind: true, talk: talkMQTT,
		source: "MQTT 3.1.1, 3.1, 3.2, 3.12, 3.14"},
	{name: "kafka", ports: []int{9092, 9093}, network: "tcp", blind: true, talk: talkKafka,
		source: "Apache Kafka, Protocol Guide, ApiVersions"},
	{name: "ldap", ports: []int{389, 1389}, tls: []int{636}, network: "tcp", blind: true, talk: talkLDAP, source: "RFC 4511, RFC 4512, 5.1"},
	{name: "fastcgi", ports: []int{9000}, network: "tcp", sockets: regexp.MustCompile(`(?:fpm|fcgi|fastcgi)[^/]*\.sock$`), shared: true,
		blind: true, talk: talkFastCGI,
		source: "FastCGI Specification 1.0, 4.1 and 6.2"},
	{name: "uwsgi", ports: []int{3031}, network: "tcp", sockets: regexp.MustCompile(`uwsgi[^/]*\.sock$`), talk: talkUWSGI,
		source: "uWSGI, The uwsgi Protocol"},
	{name: "git", ports: []int{9418}, network: "tcp", talk: talkGit, source: "Git, gitprotocol-pack: Git Transport"},
	{name: "rsync", ports: []int{873}, network: "tcp", greets: regexp.MustCompile(`^@RSYNCD: `), talk: script(rsync...),
		source: "rsync, csprotocol.txt"},
	{name: "irc", ports: []int{}, tls: []int{6697}, network: "tcp", greets: regexp.MustCompile(`^:\S+ (?:NOTICE|020) `), talk: talkBanner,
		source: "RFC 2812, RFC 7194"},
}

// usualHTTP are ports of web servers, where the prober does not wait for a greeting: the IANA's registry of ports ("http", "https",
// "http-alt", "https-alt", "pcsync-https", "irdmi") and the default ports of development servers.
var usualHTTP = []int{80, 443, 591, 3000, 5000, 8000, 8008, 8080, 8081, 8443, 8888}

// usual lists the protocols that are usual on a port, and whether inside TLS.
func usual(network string, number int, shared bool) (found []spoken) {
	for i := range hellos {
		h := &hellos[i]
		if h.network != network || h.shared != shared {
			continue
		}
		if slices.Contains(h.ports, number) {
			found = append(found, spoken{h, false})
		}
		if slices.Contains(h.tls, number) {
			found = append(found, spoken{h, true})
		}
	}
	return found
}

// spoken is a protocol, plain or inside TLS.
type spoken struct {
	*hello
	secure bool
}

func (s spoken) String() string {
	if s.secure {
		return s.name + "+tls"
	}
	return s.name
}

// greeter returns the protocol whose servers send such a greeting, nil where there is none.
func greeter(greeting []byte) *hello {
	for i := range hellos {
		if h := &hellos[i]; h.greets != nil && h.greets.Match(greeting) {
			return h
		}
	}
	return nil
}

// A code of three digits and a space ends an answer of FTP and SMTP (RFC 959, 4.2; RFC 5321, 4.2).
var (
	lastReply = regexp.MustCompile(`^\d{3}(?: |$)`)
	anyReply  = regexp.MustCompile(`^\d{3}(?:[ -]|$)`)
	notYet    = regexp.MustCompile(`^421 `) // service not available
	goesOn    = regexp.MustCompile(`^2\d\d `)
)

// An anonymous login looks up the account database and only reads (RFC 1635); a server without anonymous access refuses it.
var ftp = []exchange{
	{first: regexp.MustCompile(`^[1245]\d\d[ -]`), until: regexp.MustCompile(`^[245]\d\d `), wait: notYet},
	{send: "FEAT\r\n", first: anyReply, until: lastReply},
	{when: regexp.MustCompile(`(?m)^\s+AUTH (?:TLS|SSL)`), send: "AUTH TLS\r\n", until: lastReply, tls: goesOn},
	{send: "USER anonymous\r\n", until: lastReply},
	{when: regexp.MustCompile(`(?m)^331 `), send: "PASS slim@localhost\r\n", until: lastReply},
	{when: regexp.MustCompile(`(?m)^230 `), send: "PWD\r\n", until: lastReply},
	{send: "QUIT\r\n", until: lastReply, keep: nothing},
}

var smtp = []exchange{
	{first: regexp.MustCompile(`^[245]\d\d[ -]`), until: lastReply, wait: notYet},
	{send: "EHLO localhost\r\n", first: anyReply, until: lastReply},
	{when: regexp.MustCompile(`(?m)^250[ -]STARTTLS`), send: "STARTTLS\r\n", until: lastReply, tls: goesOn},
	{when: regexp.MustCompile(`(?m)^TLS$`), send: "EHLO localhost\r\n", until: lastReply},
	{send: "QUIT\r\n", until: lastReply, keep: nothing},
}

var imap = []exchange{
	{first: regexp.MustCompile(`^\* (?:OK|PREAUTH|BYE)`), until: regexp.MustCompile(`^\* `)},
	{send: "a CAPABILITY\r\n", until: regexp.MustCompile(`^a `)},
	{when: regexp.MustCompile(`\bSTARTTLS\b`), send: "b STARTTLS\r\n", until: regexp.MustCompile(`^b `), tls: regexp.MustCompile(`^b OK`)},
	{when: regexp.MustCompile(`(?m)^TLS$`), send: "c CAPABILITY\r\n", until: regexp.MustCompile(`^c `)},
	{send: "d LOGOUT\r\n", until: regexp.MustCompile(`^d `), keep: nothing},
}

var pop3 = []exchange{
	{first: regexp.MustCompile(`^(?:\+OK|-ERR)`), until: regexp.MustCompile(`^[+-]`)},
	{send: "CAPA\r\n", first: regexp.MustCompile(`^[+-]`), until: regexp.MustCompile(`^(?:\.$|-ERR)`)},
	{when: regexp.MustCompile(`(?m)^STLS$`), send: "STLS\r\n", until: regexp.MustCompile(`^[+-]`), tls: regexp.MustCompile(`^\+OK`)},
	{send: "QUIT\r\n", until: regexp.MustCompile(`^[+-]`), keep: nothing},
}

// Of the statistics the names are kept: their values are counts and times.
var memcached = []exchange{
	{send: "version\r\n", first: regexp.MustCompile(`^VERSION `), until: regexp.MustCompile(`^VERSION `)},
	{send: "stats\r\n", first: regexp.MustCompile(`^(?:STAT|END|ERROR)`), until: regexp.MustCompile(`^(?:END|\w*ERROR)`),
		keep: regexp.MustCompile(`^(?:STAT )?\S+`).FindString},
}

// An empty line instead of a module's name asks for the list.
var rsync = []exchange{
	{first: regexp.MustCompile(`^@RSYNCD: \d`), until: regexp.MustCompile(`^@RSYNCD: \d`)},
	{send: "@RSYNCD: 30.0\n\n", until: regexp.MustCompile(`^@(?:RSYNCD: EXIT|ERROR)`)},
}

func nothing(string) string { return "" }

// talkBanner records the line that a server says first.
func talkBanner(t *talk) error {
	line, err := t.line()
	if err != nil {
		return err
	}
	t.note("%s", steady(line))
	return nil
}

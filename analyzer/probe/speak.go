package probe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// speak probes a port before HTTP: it tries the protocols that are usual on it, then the one whose greeting arrives. It reports whether
// it recorded an answer.
func (d *driver) speak(ctx context.Context, p *port) bool {
	for _, s := range usual("tcp", p.number, false) {
		if d.try(ctx, p, s) {
			return true
		}
	}
	return !slices.Contains(usualHTTP, p.number) && d.greeted(ctx, p, d.greeting)
}

// speakOther probes a port that does not speak HTTP. Where the server sent something that is not HTTP, or hung up, it tries other
// protocols; it does not probe a silent server again.
func (d *driver) speakOther(ctx context.Context, p *port, silent bool) bool {
	for _, s := range usual("tcp", p.number, true) {
		if d.try(ctx, p, s) {
			return true
		}
	}
	if d.greeted(ctx, p, 10*d.greeting) {
		return true
	}
	for i := 0; i < len(hellos) && !silent && !d.over(ctx); i++ {
		h := &hellos[i]
		if !h.blind || slices.Contains(h.ports, p.number) {
			continue
		}
		begin := time.Now()
		if d.try(ctx, p, spoken{h, false}) {
			return true
		}
		silent = time.Since(begin) >= d.request
	}
	return false
}

// greeted waits for a server that speaks first.
func (d *driver) greeted(ctx context.Context, p *port, wait time.Duration) bool {
	t := d.talk(ctx, p, false)
	t.silence = wait
	defer t.close()
	if t.open() != nil {
		return false
	}
	greeting, _ := t.datagram()
	if len(greeting) == 0 {
		return false
	}
	if h := greeter(greeting); h != nil && d.try(ctx, p, spoken{h, false}) {
		return true
	}
	return d.try(ctx, p, spoken{&anyBanner, false})
}

// anyBanner is the first line that a server sends, in any protocol.
var anyBanner = hello{name: "banner", network: "tcp", talk: talkBanner}

// try speaks one protocol to a port and records the answer. One that is starting is asked again for a while.
func (d *driver) try(ctx context.Context, p *port, s spoken) bool {
	until := time.Now().Add(d.starting)
	for {
		notes, err := d.converse(ctx, p, s)
		if errors.Is(err, errStarting) && time.Now().Before(until) && !d.exited() && pause(ctx, d.retry) {
			continue
		}
		if notes == "" {
			return false
		}
		name := s.String()
		address := p.address()
		if s.network == "udp" {
			address += "/udp"
		}
		d.add(spokenAnswer(name, address, notes), "answered")
		return true
	}
}

func spokenAnswer(name, address, notes string) analyzer.Answer {
	sum := sha256.Sum256([]byte(notes))
	return analyzer.Answer{Probe: name + " " + address, Protocol: name, OK: true, Body: []byte(notes), Size: int64(len(notes)),
		SHA256: hex.EncodeToString(sum[:])}
}

// converse holds one conversation and returns its record, "" where the server does not speak the protocol. Of a conversation that breaks
// off it records the part before.
func (d *driver) converse(ctx context.Context, p *port, s spoken) (string, error) {
	t := d.talk(ctx, p, s.secure)
	t.network = s.network
	defer t.close()
	stop := context.AfterFunc(ctx, func() { t.expire() })
	defer stop()
	if err := t.open(); err != nil {
		return "", err
	}
	err := s.talk(t)
	switch {
	case errors.Is(err, errStarting):
		return "", err
	case err != nil && t.notes.Len() > 0:
		t.note("(no more)")
	}
	return t.notes.String(), err
}

// talk prepares a conversation with a port.
func (d *driver) talk(ctx context.Context, p *port, secure bool) *talk {
	t := &talk{network: "tcp", silence: d.request, end: time.Now().Add(2 * d.request), entry: &d.job.Process, left: maxReply}
	t.dial = func() (net.Conn, error) {
		conn, err := dialPort(ctx, t.network, p, d.request)
		if err != nil || !secure {
			return conn, err
		}
		t.use(conn)
		if err := t.secure(); err != nil {
			conn.Close()
			return nil, err
		}
		return t.conn, nil
	}
	return t
}

// dial connects to a port of the application for a request to an address, whose host may be any: in a network that is shared with others,
// a probe must not reach what is not the application's.
func (d *driver) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	p := d.known(number)
	if p == nil {
		now, err := d.target.Listening()
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(tcpPorts(now), func(p *port) bool { return p.number == number })
		if i < 0 {
			return nil, fmt.Errorf("the application does not listen on port %d", number)
		}
		p = tcpPorts(now)[i]
	}
	if host != p.other || host == "" {
		host = p.host
	}
	dialer := net.Dialer{Timeout: d.request}
	return dialer.DialContext(ctx, network, net.JoinHostPort(host, text))
}

// dialPort connects to a port; when IPv4 is refused, it tries IPv6 where the port listens there.
func dialPort(ctx context.Context, network string, p *port, limit time.Duration) (net.Conn, error) {
	dialer := net.Dialer{Timeout: limit}
	if p.path != "" {
		return dialer.DialContext(ctx, "unix", p.path)
	}
	conn, err := dialer.DialContext(ctx, network, p.address())
	if p.other != "" && errors.Is(err, syscall.ECONNREFUSED) {
		p.host, p.other = p.other, ""
		conn, err = dialer.DialContext(ctx, network, p.address())
	}
	return conn, err
}

// packets probes the UDP ports on which a protocol is usual, or whose TCP port spoke a protocol that also runs over UDP. It sends nothing
// to other ports, where any packet may be a command.
func (d *driver) packets(ctx context.Context) {
	done := map[int]bool{}
	for _, s := range d.out.Listen {
		if s.Network != "udp" || d.over(ctx) {
			continue
		}
		p := &port{number: s.Port, host: packetHost(s.Address)}
		if done[p.number] {
			continue // IPv4 comes before IPv6
		}
		done[p.number] = true
		for i := range hellos {
			h := &hellos[i]
			if h.network == "udp" && (slices.Contains(h.ports, s.Port) || d.spoke(h.name, s.Port)) && d.try(ctx, p, spoken{h, false}) {
				break
			}
		}
	}
}

func packetHost(address string) string {
	switch address {
	case "0.0.0.0", "":
		return "127.0.0.1"
	case "::":
		return "::1"
	}
	return address
}

// spoke says whether a TCP port spoke a protocol.
func (d *driver) spoke(name string, number int) bool {
	return slices.ContainsFunc(d.out.Answers, func(a analyzer.Answer) bool {
		return a.Protocol == name && strings.HasSuffix(a.Probe, ":"+strconv.Itoa(number))
	})
}

// files probes the unix sockets whose name tells the protocol.
func (d *driver) files(ctx context.Context) {
	for _, s := range d.out.Listen {
		name := s.Path.String()
		if s.Network != "unix" {
			continue
		}
		for i := range hellos {
			h := &hellos[i]
			if h.sockets == nil || !h.sockets.MatchString(path.Base(name)) || d.over(ctx) {
				continue
			}
			if d.try(ctx, &port{path: name}, spoken{h, false}) {
				break
			}
		}
	}
}

// connectOnly probes a port that answered no protocol: it records only whether the port accepts a connection.
func (d *driver) connectOnly(ctx context.Context, p *port) {
	a := analyzer.Answer{Probe: analyzer.ConnectProbe + p.address(), Connected: true}
	conn, err := dialPort(ctx, "tcp", p, d.request)
	if err != nil {
		a.Error = plainError(err, d.request)
	} else {
		conn.Close()
		a.OK = true
	}
	d.add(a, "accepted a connection, said nothing")
}

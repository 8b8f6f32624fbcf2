package profile

import (
	"cmp"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// network reads ports, peers and the HTTP paths that answered well from the runs.
func (m *Model) network(ev *analyzer.Evidence) {
	for _, run := range ev.Runs {
		m.Server = m.Server || run.Kind == analyzer.KindServer
		for _, socket := range run.Listen {
			m.listen(socket)
		}
		for _, answer := range run.Answers {
			m.answer(answer)
		}
	}
	for _, run := range ev.Runs {
		for _, socket := range run.Peers {
			m.peer(socket)
		}
	}
	m.sortPorts()
	slices.SortFunc(m.Peers, func(a, b Peer) int { return cmp.Or(cmp.Compare(a.Address, b.Address), a.Port-b.Port) })
	m.Peers = slices.Compact(m.Peers)
	if m.OpensLowPorts() {
		m.warn("a port below 1024 is opened by an ordinary user: the sysctl net.ipv4.ip_unprivileged_port_start=0 allows it")
	}
}

// listen adds a port that is reachable from outside of the container.
func (m *Model) listen(socket analyzer.Socket) {
	if socket.Network != "tcp" && socket.Network != "udp" || socket.Port == 0 {
		return
	}
	m.LowPorts = m.LowPorts || socket.Port < 1024
	if addr, err := netip.ParseAddr(socket.Address); err == nil && addr.IsLoopback() {
		return
	}
	if i := m.port(socket.Network, socket.Port); i >= 0 {
		m.Ports[i].Seen = true
		return
	}
	m.Ports = append(m.Ports, Port{Network: socket.Network, Number: socket.Port, Seen: true})
}

func (m *Model) port(network string, number int) int {
	return slices.IndexFunc(m.Ports, func(p Port) bool { return p.Network == network && p.Number == number })
}

// expose adds a port that the image's config declares: "80/tcp", or "80", which is tcp.
func (m *Model) expose(declared string) {
	text, network, found := strings.Cut(declared, "/")
	if !found {
		network = "tcp"
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 || number > 65535 || network != "tcp" && network != "udp" {
		m.warn("the image exposes %q, which is no port of tcp or udp", declared)
		return
	}
	if m.port(network, number) < 0 {
		m.Ports = append(m.Ports, Port{Network: network, Number: number})
	}
}

func (m *Model) sortPorts() {
	slices.SortFunc(m.Ports, func(a, b Port) int { return cmp.Or(cmp.Compare(a.Network, b.Network), a.Number-b.Number) })
}

// answer records that a port speaks HTTP, and the best path for a probe. The probe's name is "GET URL" (Answer.Probe).
func (m *Model) answer(answer analyzer.Answer) {
	rest, found := strings.CutPrefix(answer.Probe, "GET ")
	if !found || !answer.OK || answer.Status == 0 {
		return
	}
	u, err := url.Parse(rest)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return
	}
	number, err := strconv.Atoi(u.Port())
	if err != nil {
		number = map[string]int{"http": 80, "https": 443}[u.Scheme]
	}
	i := m.port("tcp", number)
	if i < 0 {
		return
	}
	p := &m.Ports[i]
	p.Scheme = strings.ToUpper(u.Scheme)
	if answer.Status < 200 || answer.Status > 299 || len(u.RequestURI()) > 200 || strings.ContainsRune(u.RequestURI(), 0) {
		return
	}
	if p.Path == "" || comparePaths(u.RequestURI(), p.Path) < 0 {
		p.Path = u.RequestURI()
	}
}

// healthPaths are the usual names of health endpoints, best first; "/" comes after them.
var healthPaths = []string{"/readyz", "/healthz", "/livez", "/ready", "/health", "/up", "/ping", "/"}

// comparePaths orders request paths by how well they serve as a probe.
func comparePaths(a, b string) int {
	rank := func(p string) int {
		if i := slices.Index(healthPaths, p); i >= 0 {
			return i
		}
		return len(healthPaths)
	}
	return cmp.Or(rank(a)-rank(b), len(a)-len(b), cmp.Compare(a, b))
}

// peer adds a remote end, unless it is the container itself.
func (m *Model) peer(socket analyzer.Socket) {
	addr, err := netip.ParseAddr(socket.Address)
	if err != nil || socket.Port == 0 || addr.IsUnspecified() {
		return
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsLoopback() || addr.IsMulticast() {
		return
	}
	m.Peers = append(m.Peers, Peer{Address: addr.String(), Port: socket.Port})
}

// served are the ports to publish: those that were listened on, else those that the image declares.
func (m Model) served() []Port {
	seen := slices.DeleteFunc(slices.Clone(m.Ports), func(p Port) bool { return !p.Seen })
	if len(seen) > 0 {
		return seen
	}
	return m.Ports
}

// OpensLowPorts says whether an ordinary user opens a port below 1024, which needs the sysctl of unprivilegedPorts.
func (m Model) OpensLowPorts() bool {
	return m.UID != 0 && (m.LowPorts || slices.ContainsFunc(m.served(), func(p Port) bool { return p.Number < 1024 }))
}

package analyzer

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strings"
)

// ConnectProbe begins the name of a probe that only connects; the address follows.
const ConnectProbe = "connect "

// Spoke lists what the automatic probes of a run found: each protocol with where it was spoken ("ssh on 22"), and the ports that only
// accepted a connection. Both are sorted.
func (r Run) Spoke() (spoken, connected []string) {
	for _, a := range r.Answers {
		place := placeOf(a.Probe)
		switch {
		case place == "" || !a.OK && a.Status == 0:
		case a.Connected:
			connected = append(connected, place)
		case a.Protocol != "":
			spoken = append(spoken, a.Protocol+" on "+place)
		}
	}
	slices.SortFunc(connected, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return union(spoken, nil), slices.Compact(connected)
}

// Spoke reports whether the answer is one: a status, an exit code, a protocol or bytes. A connection that was accepted, a time that was
// waited and an error of the probe are none.
func (a Answer) Spoke() bool {
	return !a.Connected && (a.Status != 0 || a.Protocol != "" || a.Size > 0 || a.SHA256 != "" || len(a.Body)+len(a.Stderr) > 0)
}

// Content reports whether the answer has bytes and is no error page of HTTP.
func (a Answer) Content() bool {
	const failed = 400 // RFC 9110, 15.5: client errors begin here
	return a.Spoke() && a.Status < failed && (a.Size > 0 || len(a.Body)+len(a.Stderr) > 0)
}

// Answered counts the probes that got an answer. A connection that was accepted is none.
func (r Run) Answered() int {
	n := 0
	for _, a := range r.Answers {
		if a.OK && !a.Connected {
			n++
		}
	}
	return n
}

// Protocols is Spoke as a clause: "spoke ssh on 22; connected only: 9999", "" if no port was probed.
func (r Run) Protocols() string { return protocols(r.Spoke()) }

// Protocols is the clause of Run.Protocols.
func (r RunSummary) Protocols() string { return protocols(r.Spoke, r.Connected) }

func protocols(spoken, connected []string) string {
	const shown = 10
	var clauses []string
	for _, c := range []struct {
		prefix string
		list   []string
	}{{"spoke ", spoken}, {"connected only: ", connected}} {
		if len(c.list) > shown {
			c.list = append(slices.Clone(c.list[:shown]), "...")
		}
		if len(c.list) > 0 {
			clauses = append(clauses, c.prefix+strings.Join(c.list, ", "))
		}
	}
	return strings.Join(clauses, "; ")
}

// placeOf is the port or the unix socket that a probe names: "GET http://127.0.0.1:80/", "dns 127.0.0.1:53/udp", "postgresql
// /run/.s.PGSQL.5432".
func placeOf(probe string) string {
	_, place, _ := strings.Cut(probe, " ")
	if u, err := url.Parse(place); err == nil && u.Port() != "" {
		return u.Port()
	}
	if strings.HasPrefix(place, "/") {
		return place
	}
	address, path, _ := strings.Cut(place, "/")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if path == "udp" {
		port += "/udp"
	}
	return port
}

package analyzer

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strings"
)

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

// placeOf is the port or the unix socket that a probe names: "GET http://127.0.0.1:80/", "dns 127.0.0.1:53/udp", "postgresql /run/.s.PGSQL.5432".
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

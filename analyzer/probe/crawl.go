package probe

import (
	"context"
	"errors"
	"html"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/slimimage/slim/analyzer"
)

const (
	maxPages = 50   // requests a port
	maxDepth = 2    // links away from the first page
	maxLinks = 1000 // looked at in a page
	maxLink  = 2048 // bytes of a link
	rounds   = 3    // looks for ports that were opened late
)

// port is a listening TCP port and how it is spoken to.
type port struct {
	number int
	host   string // reached from beside it
	other  string // tried where host refuses, "" when there is none
	scheme string // "http", "https", "" when it speaks neither
	asked  bool   // scheme is known
	path   string // of a unix socket, instead of host and number
}

func (p *port) address() string {
	if p.path != "" {
		return p.path
	}
	return net.JoinHostPort(p.host, strconv.Itoa(p.number))
}

// root is the port's first page.
func (p *port) root(scheme string) *url.URL {
	return &url.URL{Scheme: scheme, Host: p.address(), Path: "/"}
}

// automatic is the default drive: it probes every listening socket, then those that were opened meanwhile, and runs the health check.
func (d *driver) automatic(ctx context.Context) error {
	for range rounds {
		found := false
		for _, p := range tcpPorts(d.out.Listen) {
			if d.known(p.number) != nil || d.over(ctx) {
				continue
			}
			found = true
			d.ports = append(d.ports, p)
			d.crawl(ctx, p)
		}
		if !found {
			break
		}
		now, err := d.target.Listening()
		if err != nil {
			return err
		}
		d.out.Listen = uniteSockets(d.out.Listen, d.lasting(now))
	}
	d.packets(ctx)
	d.files(ctx)
	d.health(ctx)
	return nil
}

// uniteSockets adds what is new to a list in the order of the new one: both are sorted alike.
func uniteSockets(list, more []analyzer.Socket) []analyzer.Socket {
	for _, s := range list {
		if !slices.Contains(more, s) {
			more = append(more, s)
		}
	}
	return more
}

func (d *driver) known(number int) *port {
	for _, p := range d.ports {
		if p.number == number {
			return p
		}
	}
	return nil
}

// tcpPorts lists the listening TCP ports by number, each with the address it is reached at: that of IPv4 where it has one.
func tcpPorts(sockets []analyzer.Socket) []*port {
	byNumber := map[int][]string{}
	for _, s := range sockets {
		if s.Network == "tcp" && s.Port != 0 {
			byNumber[s.Port] = append(byNumber[s.Port], s.Address)
		}
	}
	var ports []*port
	for number, addresses := range byNumber {
		p := &port{number: number}
		switch slices.Sort(addresses); {
		case slices.Contains(addresses, "0.0.0.0"), slices.Contains(addresses, "127.0.0.1"), slices.Contains(addresses, ""):
			p.host = "127.0.0.1"
		case slices.Contains(addresses, "::"):
			p.host, p.other = "127.0.0.1", "::1"
		default:
			p.host = addresses[0]
		}
		ports = append(ports, p)
	}
	slices.SortFunc(ports, func(a, b *port) int { return a.number - b.number })
	return ports
}

// crawl probes one port: first the port's usual protocol or the one whose greeting arrives, then HTTP or HTTPS with the links of the
// pages, then HTTP/2 and other protocols, then a plain connection. It takes at most half of the remaining time.
func (d *driver) crawl(ctx context.Context, p *port) {
	if deadline, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithTimeout(ctx, time.Until(deadline)/2)
		defer cancel()
		ctx = limited
	}
	if d.speak(ctx, p) {
		p.asked = true
		return
	}
	first := d.detect(ctx, p)
	if p.scheme == "" {
		silent := isTimeout(first.err)
		if (silent || !d.speakHTTP2(ctx, p)) && !d.speakOther(ctx, p, silent) {
			d.connectOnly(ctx, p)
		}
		return
	}
	asked := len(d.out.Answers)
	d.addPage(p, first)
	if wantsHTTP2(first.answer) {
		d.speakHTTP2(ctx, p)
	}
	d.follow(ctx, p, first.links)
	if first.answer.Error == "" {
		d.webSockets(ctx, p, d.out.Answers[asked:])
	}
}

// wantsHTTP2 says whether a server refused HTTP/1: it wants another version or an upgrade, or gRPC (RFC 9110, 15.5.16, 15.5.22, 15.6.6).
func wantsHTTP2(a analyzer.Answer) bool {
	return a.Status == http.StatusUnsupportedMediaType || a.Status == http.StatusUpgradeRequired ||
		a.Status == http.StatusHTTPVersionNotSupported
}

func (d *driver) addPage(p *port, found page) {
	found.answer.Protocol = p.scheme
	d.add(found.answer, strconv.Itoa(found.answer.Status))
}

// detect learns what a port speaks and returns its first page. A server that says it is not ready is asked again.
func (d *driver) detect(ctx context.Context, p *port) page {
	p.asked = true
	first := d.first(ctx, p, "http")
	if p.other != "" && errors.Is(first.err, syscall.ECONNREFUSED) {
		p.host, p.other = p.other, ""
		first = d.first(ctx, p, "http")
	}
	// A port that wants TLS answers a plain request with 400 (nginx, Apache, Go), with an alert or with nothing.
	if first.err != nil || first.answer.Status == http.StatusBadRequest {
		if secure := d.first(ctx, p, "https"); secure.err == nil {
			p.scheme = "https"
			return secure
		}
	}
	if first.err == nil {
		p.scheme = "http"
	}
	return first
}

func (d *driver) first(ctx context.Context, p *port, scheme string) page {
	until := time.Now().Add(d.starting)
	for {
		found := d.get(ctx, p.root(scheme))
		status := found.answer.Status
		starting := status == http.StatusBadGateway || status == http.StatusServiceUnavailable
		if !starting || time.Now().After(until) || d.exited() || !pause(ctx, d.retry) {
			return found
		}
	}
}

// follow requests the pages that the first page links to, nearest first, in the order of their addresses.
func (d *driver) follow(ctx context.Context, p *port, links []string) {
	seen := map[string]bool{p.root(p.scheme).String(): true}
	for depth := 1; depth <= maxDepth && len(links) > 0; depth++ {
		slices.Sort(links)
		var next []string
		for _, link := range slices.Compact(links) {
			u, err := url.Parse(link)
			if err != nil || seen[link] || len(seen) >= maxPages {
				continue
			}
			seen[link] = true
			found := d.get(ctx, u)
			if d.over(ctx) {
				return
			}
			d.addPage(p, found)
			next = append(next, found.links...)
		}
		links = next
	}
}

var linkPattern = regexp.MustCompile(`(?i)\b(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))|url\(\s*["']?([^"')]+)`)

// findLinks lists the pages of the same origin that a page names, and where it redirects to, absolute and without fragment.
// An application that received a request for "localhost" uses that name in its links.
func findLinks(base *url.URL, header http.Header, body []byte) []string {
	var found []string
	add := func(text string) {
		u, err := base.Parse(strings.TrimSpace(text))
		if err != nil || len(text) > maxLink || text == "" {
			return
		}
		if u.Host == "localhost" || u.Host == "localhost:"+base.Port() {
			u.Host = base.Host
		}
		if u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil {
			return
		}
		u.Fragment, u.RawFragment = "", ""
		if u.Path == "" {
			u.Path = "/"
		}
		found = append(found, u.String())
	}
	add(header.Get("Location"))
	kind := header.Get("Content-Type")
	if strings.Contains(kind, "html") || strings.Contains(kind, "css") {
		for _, match := range linkPattern.FindAllSubmatch(body, maxLinks) {
			add(html.UnescapeString(string(slices.Concat(match[1:]...))))
		}
	}
	return found
}

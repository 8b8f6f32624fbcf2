package probe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

const (
	requestTime   = 10 * time.Second
	handshakeTime = 2 * time.Second
	maxPages      = 50 // requests a port
	maxDepth      = 2
	maxPage       = 64 << 20 // bytes of a body that are read
)

// client asks one application: no proxy, no redirect followed, no connection kept, no certificate believed or refused.
func client() *http.Client {
	return &http.Client{
		Timeout:       requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: handshakeTime,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the certificate is the image's own, the host is this one
		},
	}
}

// crawl probes one port: HTTP, else HTTPS, with the links of the pages; else a plain connection.
func (d *driver) crawl(ctx context.Context, at socketPort) {
	base := &url.URL{Scheme: "http", Host: net.JoinHostPort(at.host, strconv.Itoa(at.port)), Path: "/"}
	first, links, spoke := d.get(ctx, base)
	if !spoke || wantsTLS(first) {
		secure := *base
		secure.Scheme = "https"
		if answer, more, ok := d.get(ctx, &secure); ok {
			base, first, links, spoke = &secure, answer, more, true
			d.secure[at.port] = true
		}
	}
	if !spoke {
		d.add(connect(ctx, base.Host))
		return
	}
	if d.httpPort == 0 {
		d.httpPort = at.port
	}
	d.add(first)
	d.follow(ctx, base, links)
}

// wantsTLS says whether a plain answer only says that the port speaks TLS (nginx: 400 "The plain HTTP request was sent to
// HTTPS port"; Go: 400 "Client sent an HTTP request to an HTTPS server").
func wantsTLS(a analyzer.Answer) bool {
	return a.Status == http.StatusBadRequest && strings.Contains(strings.ToUpper(string(a.Body)), "HTTPS")
}

func (d *driver) follow(ctx context.Context, base *url.URL, links []string) {
	seen := map[string]bool{base.String(): true}
	for depth := 1; depth <= maxDepth && len(links) > 0; depth++ {
		slices.Sort(links)
		var next []string
		for _, link := range slices.Compact(links) {
			u, err := url.Parse(link)
			if err != nil || seen[link] || len(seen) >= maxPages || ctx.Err() != nil {
				continue
			}
			seen[link] = true
			answer, more, _ := d.get(ctx, u)
			d.add(answer)
			next = append(next, more...)
		}
		links = next
	}
}

// get asks for one page; spoke is false when what came back is not HTTP.
func (d *driver) get(ctx context.Context, u *url.URL) (a analyzer.Answer, links []string, spoke bool) {
	a.Probe = "GET " + u.String()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		a.Error = err.Error()
		return a, nil, false
	}
	for range 8 {
		a, links, spoke = do(request, u)
		starting := spoke && (a.Status == http.StatusBadGateway || a.Status == http.StatusServiceUnavailable)
		if !starting || !pause(ctx, 250*time.Millisecond) {
			break
		}
	}
	return a, links, spoke
}

// do sends one request and keeps what is compared: status, content type, location, body.
func do(request *http.Request, u *url.URL) (a analyzer.Answer, links []string, spoke bool) {
	a.Probe = request.Method + " " + u.String()
	response, err := client().Do(request)
	if err != nil {
		a.Error = plainError(err)
		return a, nil, false
	}
	defer response.Body.Close()
	a.Status = response.StatusCode
	a.OK = a.Status < 500
	var header []string
	for _, key := range []string{"Content-Type", "Location"} {
		if value := response.Header.Get(key); value != "" {
			header = append(header, strings.ToLower(key)+": "+value)
		}
	}
	a.Header = strings.Join(header, "\n")
	if err := readBody(&a, response.Body); err != nil {
		a.OK, a.Error = false, "the body broke off: "+plainError(err)
	}
	return a, findLinks(u, response.Header, a.Body), true
}

func readBody(a *analyzer.Answer, r io.Reader) error {
	sum := sha256.New()
	head := &headWriter{limit: analyzer.MaxBody}
	n, err := io.Copy(io.MultiWriter(sum, head), io.LimitReader(r, maxPage))
	a.Size, a.Body, a.SHA256 = n, head.data, hex.EncodeToString(sum.Sum(nil))
	return err
}

// headWriter keeps the beginning of what is written.
type headWriter struct {
	data  []byte
	limit int
}

func (h *headWriter) Write(p []byte) (int, error) {
	h.data = append(h.data, p[:min(len(p), h.limit-len(h.data))]...)
	return len(p), nil
}

// plainError is an error without the address of the request, which a port chosen by chance would make different each time.
func plainError(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op + ": " + op.Err.Error()
	}
	return err.Error()
}

var linkPattern = regexp.MustCompile(`(?i)(?:href|src)\s*=\s*["']?([^"'\s>]+)|url\(\s*["']?([^"')]+)`)

// findLinks lists the pages of the same origin that a page names, and where it redirects to, absolute and without fragment.
func findLinks(base *url.URL, header http.Header, body []byte) []string {
	var found []string
	add := func(text string) {
		u, err := base.Parse(strings.TrimSpace(text))
		if err != nil || u.Scheme != base.Scheme || u.Host != base.Host {
			return
		}
		u.Fragment = ""
		if u.Path == "" {
			u.Path = "/"
		}
		found = append(found, u.String())
	}
	if location := header.Get("Location"); location != "" {
		if u, err := base.Parse(location); err == nil && (u.Hostname() == "localhost" || u.Host == base.Host) {
			u.Host = base.Host
			add(u.String())
		}
	}
	kind := header.Get("Content-Type")
	if strings.Contains(kind, "html") || strings.Contains(kind, "css") {
		for _, match := range linkPattern.FindAllSubmatch(body, 1000) {
			add(string(match[1]) + string(match[2]))
		}
	}
	return found
}

// connect is the probe of a port that does not speak HTTP.
func connect(ctx context.Context, address string) analyzer.Answer {
	a := analyzer.Answer{Probe: "connect " + address}
	dialer := net.Dialer{Timeout: requestTime}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		a.Error = plainError(err)
		return a
	}
	conn.Close()
	a.OK = true
	return a
}

// httpStep is a request the user described.
func (d *driver) httpStep(ctx context.Context, name string, s *analyzer.HTTPStep) analyzer.Answer {
	method := s.Method
	if method == "" {
		method = http.MethodGet
	}
	u, err := d.stepURL(s)
	if err != nil {
		return analyzer.Answer{Probe: name, Error: err.Error()}
	}
	request, err := http.NewRequestWithContext(ctx, method, u.String(), strings.NewReader(s.Body))
	if err != nil {
		return analyzer.Answer{Probe: name, Error: err.Error()}
	}
	for key, value := range s.Headers {
		request.Header.Set(key, value)
		if strings.EqualFold(key, "host") {
			request.Host = value
		}
	}
	a, _, _ := do(request, u)
	if name != "" {
		a.Probe = name
	}
	expect(&a, s.Status, s.Text, a.Body)
	return a
}

func (d *driver) stepURL(s *analyzer.HTTPStep) (*url.URL, error) {
	if s.URL != "" {
		return url.Parse(s.URL)
	}
	port := s.Port
	if port == 0 {
		port = d.httpPort
	}
	if port == 0 {
		return nil, errors.New("no port speaks HTTP: name one")
	}
	scheme := "http"
	if d.secure[port] {
		scheme = "https"
	}
	return url.Parse(fmt.Sprintf("%s://127.0.0.1:%d/%s", scheme, port, strings.TrimPrefix(s.Path, "/")))
}

// expect checks an answer against what the user expects.
func expect(a *analyzer.Answer, status int, text string, body []byte) {
	switch {
	case a.Error != "":
		a.OK = false
	case status != 0 && a.Status != status:
		a.OK, a.Error = false, fmt.Sprintf("status %d, expected %d", a.Status, status)
	case text != "" && !strings.Contains(string(body), text):
		a.OK, a.Error = false, fmt.Sprintf("the answer does not contain %q", text)
	case status != 0:
		a.OK = true
	}
}

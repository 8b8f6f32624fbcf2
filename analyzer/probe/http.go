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
	"os"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

const (
	handshakeTime = 5 * time.Second
	maxPage       = 64 << 20 // bytes of a body that are read
	maxHeader     = 1 << 20  // bytes of a header that are read
	userAgent     = "slim"
)

// page is an answer to a request; err is set when what came back is not HTTP.
type page struct {
	answer analyzer.Answer
	links  []string
	err    error
}

// get asks for one page, as a browser beside the application would.
func (d *driver) get(ctx context.Context, u *url.URL) page {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return page{answer: analyzer.Answer{Probe: "GET " + u.String(), Error: err.Error()}, err: err}
	}
	return d.do(request)
}

// do sends one request and keeps the parts that slim compares: status, content type, location, body. It uses no proxy, follows no
// redirect, keeps no connection, and does not verify certificates: the certificate comes from the image, and the host is local.
func (d *driver) do(request *http.Request) (p page) {
	p.answer.Probe = request.Method + " " + request.URL.String()
	if ip := net.ParseIP(request.URL.Hostname()); request.Host == request.URL.Host && ip.IsLoopback() {
		request.Host = "localhost"
	}
	for key, value := range map[string]string{"User-Agent": userAgent, "Accept": "*/*", "Accept-Encoding": "identity"} {
		if request.Header.Get(key) == "" {
			request.Header.Set(key, value)
		}
	}
	client := &http.Client{
		Timeout:       d.request,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true, TLSHandshakeTimeout: handshakeTime, MaxResponseHeaderBytes: maxHeader,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", MinVersion: tls.VersionTLS10},
			DialContext:     d.dial,
		},
	}
	response, err := client.Do(request)
	if err != nil {
		p.answer.Error, p.err = plainError(err, d.request), err
		return p
	}
	defer response.Body.Close()
	p.answer.Status, p.answer.OK = response.StatusCode, response.StatusCode < 500
	p.answer.Header = keptHeader(response.Header)
	d.readBody(&p.answer, response.Body)
	p.links = findLinks(request.URL, response.Header, p.answer.Body)
	return p
}

func keptHeader(header http.Header) string {
	var lines []string
	for _, key := range []string{"Content-Type", "Location"} {
		if value := header.Get(key); value != "" {
			lines = append(lines, strings.ToLower(key)+": "+value)
		}
	}
	return strings.Join(lines, "\n")
}

// readBody keeps a body. A body that does not end in time is a stream: the received part depends on timing and is not kept.
func (d *driver) readBody(a *analyzer.Answer, r io.Reader) {
	sum := sha256.New()
	head := &headWriter{limit: analyzer.MaxBody}
	n, err := io.Copy(io.MultiWriter(sum, head), io.LimitReader(r, maxPage))
	switch {
	case err != nil && isTimeout(err):
		a.Error = "the body did not end within " + d.request.String()
		return
	case err != nil:
		a.OK, a.Error = false, "the body broke off: "+plainError(err, d.request)
	}
	a.Size, a.Body, a.SHA256 = n, head.data, hex.EncodeToString(sum.Sum(nil))
}

func isTimeout(err error) bool {
	var timed net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
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

// plainError is an error without the addresses of the connection, whose local port differs each time.
func plainError(err error, limit time.Duration) string {
	if isTimeout(err) {
		return "no answer within " + limit.String()
	}
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

// httpStep is a request the user described.
func (d *driver) httpStep(ctx context.Context, name string, s *analyzer.HTTPStep) analyzer.Answer {
	method := strings.ToUpper(s.Method)
	if method == "" {
		method = http.MethodGet
	}
	if name == "" {
		name = method + " " + s.URL + s.Path
	}
	u, err := d.stepURL(ctx, s)
	if err != nil {
		return analyzer.Answer{Probe: name, Error: err.Error()}
	}
	if strings.HasPrefix(name, method+" ") {
		name = method + " " + u.String()
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
	a := d.do(request).answer
	a.Probe = name
	switch {
	case a.Error != "" && a.Status == 0:
	case s.Status != 0 && a.Status != s.Status:
		a.OK, a.Error = false, fmt.Sprintf("status %d, expected %d", a.Status, s.Status)
	case s.Status == 0 && a.Status >= 500:
		a.OK, a.Error = false, fmt.Sprintf("status %d, expected one below 500", a.Status)
	case !strings.Contains(string(a.Body), s.Text):
		a.OK, a.Error = false, contains("the body", s.Text, a.Body)
	case a.Error == "":
		a.OK = true
	}
	return a
}

// contains is the error of an answer that lacks the expected text: it shows both.
func contains(what, text string, got []byte) string {
	const shown = 80
	if len(got) > shown {
		got = append(got[:shown:shown], "..."...)
	}
	return fmt.Sprintf("%s does not contain %q: %q", what, text, got)
}

// stepURL is the URL of a request: a whole URL, or a path on a port. Without a port number it is the first port that speaks HTTP.
func (d *driver) stepURL(ctx context.Context, s *analyzer.HTTPStep) (*url.URL, error) {
	if s.URL != "" {
		return url.Parse(s.URL)
	}
	p, err := d.httpPort(ctx, s.Port)
	if err != nil {
		return nil, err
	}
	path, err := url.Parse("/" + strings.TrimPrefix(s.Path, "/"))
	if err != nil {
		return nil, err
	}
	return p.root(p.scheme).ResolveReference(path), nil
}

func (d *driver) httpPort(ctx context.Context, number int) (*port, error) {
	now, err := d.target.Listening()
	if err != nil {
		return nil, err
	}
	ports := slices.Clone(d.ports)
	for _, p := range tcpPorts(now) {
		if d.known(p.number) == nil && (p.number == number || number == 0 && !d.byChance(analyzer.Socket{Network: "tcp", Port: p.number})) {
			ports = append(ports, p)
		}
	}
	for _, p := range ports {
		if number != 0 && p.number != number {
			continue
		}
		if !p.asked {
			d.detect(ctx, p)
			d.ports = append(d.ports, p)
		}
		if p.scheme != "" {
			return p, nil
		}
	}
	if number != 0 {
		return nil, fmt.Errorf("port %d does not speak HTTP", number)
	}
	return nil, errors.New("no port speaks HTTP")
}

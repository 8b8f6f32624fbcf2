package layers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"time"
)

// Bounds of one answer of a registry. Every other answer than a blob has at most maxManifest bytes.
const (
	maxRedirects = 10               // as net/http has it for a client without a rule of its own
	maxWait      = 30 * time.Second // for the head of an answer
	maxStall     = 60 * time.Second // for the next stallBytes of its body
	stallBytes   = 256 << 10
)

var (
	errRedirects = fmt.Errorf("the registry redirects more than %d times", maxRedirects)
	errSlow      = errors.New("the registry does not answer in time")
)

// BoundedTransport bounds what a registry that inner talks to can cost: redirects (clients with a rule of their own for redirects lose
// the bound of net/http), bytes that are not a blob's, and time without progress.
func BoundedTransport(inner http.RoundTripper) http.RoundTripper {
	return boundedTransport{inner, maxWait, maxStall}
}

type boundedTransport struct {
	inner       http.RoundTripper
	wait, stall time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	first, redirects := origin(r)
	if redirects > maxRedirects {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, errRedirects
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	if r.Body == nil || r.Body == http.NoBody { // an upload lasts as long as it has bytes to send
		timer := time.AfterFunc(t.wait, func() { cancel(errSlow) })
		defer timer.Stop()
	}
	resp, err := t.inner.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if context.Cause(ctx) == errSlow {
			err = errSlow
		}
		cancel(nil)
		return nil, err
	}
	a := &answer{Reader: resp.Body, body: resp.Body, ctx: ctx, cancel: cancel, stall: t.stall}
	if path.Base(path.Dir(first.URL.Path)) != "blobs" {
		a.Reader = &capped{resp.Body, maxManifest}
	}
	resp.Body = a
	return resp, nil
}

// origin returns the request that a chain of redirects began with, and the number of redirects.
func origin(r *http.Request) (first *http.Request, redirects int) {
	for r.Response != nil && r.Response.Request != nil && redirects <= maxRedirects {
		r = r.Response.Request
		redirects++
	}
	return r, redirects
}

// answer is the body of an answer that may wait only so long for its next bytes.
type answer struct {
	io.Reader // of body
	body      io.Closer
	ctx       context.Context
	cancel    context.CancelCauseFunc
	stall     time.Duration
	waited    time.Duration // for the bytes in got
	got       int
}

// Read implements io.Reader. The time in which the caller does not read does not count.
func (a *answer) Read(p []byte) (int, error) {
	start := time.Now()
	timer := time.AfterFunc(a.stall-a.waited, func() { a.cancel(errSlow) })
	n, err := a.Reader.Read(p)
	timer.Stop()
	a.waited += time.Since(start)
	if a.got += n; a.got >= stallBytes {
		a.waited, a.got = 0, 0
	}
	if err != nil && err != io.EOF && context.Cause(a.ctx) == errSlow {
		err = errSlow
	}
	return n, err
}

// Close implements io.Closer.
func (a *answer) Close() error {
	err := a.body.Close()
	a.cancel(nil)
	return err
}

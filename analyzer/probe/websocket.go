package probe

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

const (
	maxSockets = 5 // WebSockets that are tried on a port
	wsPing     = 0x9
	wsPong     = 0xa
	wsClose    = 0x8
)

var (
	webSocketURL  = regexp.MustCompile(`\bwss?://[\w.:\[\]-]+(/[\w./~-]*)?`)
	webSocketCall = regexp.MustCompile("new WebSocket\\(\\s*[\"'`](/[\\w./~-]*)")
)

// webSockets tries the paths that pages named as those of WebSockets, or the first page's where none was named. Only those that speak it
// are answers.
func (d *driver) webSockets(ctx context.Context, p *port, pages []analyzer.Answer) {
	var paths []string
	for _, page := range pages {
		paths = append(paths, socketPaths(page)...)
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	for _, path := range paths[:min(len(paths), maxSockets)] {
		if d.over(ctx) {
			return
		}
		if notes := d.webSocket(ctx, p, path); notes != "" {
			d.add(spokenAnswer("websocket", p.address()+path, notes), "answered")
		}
	}
}

// socketPaths are the paths that a page names, and its own where it wants an upgrade (RFC 9110, 15.5.22).
func socketPaths(page analyzer.Answer) (paths []string) {
	for _, pattern := range []*regexp.Regexp{webSocketURL, webSocketCall} {
		for _, match := range pattern.FindAllSubmatch(page.Body, maxSockets) {
			paths = append(paths, "/"+strings.TrimPrefix(string(match[1]), "/"))
		}
	}
	if _, text, found := strings.Cut(page.Probe, " "); found && page.Status == http.StatusUpgradeRequired {
		if u, err := url.Parse(text); err == nil {
			paths = append(paths, u.RequestURI())
		}
	}
	return paths
}

// webSocket opens a WebSocket, sends a ping and closes it (RFC 6455, 4.1 and 5.5). It does not keep the server's own messages, which vary.
func (d *driver) webSocket(ctx context.Context, p *port, path string) string {
	t := d.talk(ctx, p, p.scheme == "https")
	t.end = time.Now().Add(d.request)
	defer t.close()
	stop := context.AfterFunc(ctx, func() { t.expire() })
	defer stop()
	if t.open() != nil {
		return ""
	}
	request := "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nOrigin: " + p.scheme + "://localhost\r\nUser-Agent: " + userAgent +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + base64.StdEncoding.EncodeToString([]byte("slim's first key")) + "\r\n\r\n"
	if t.send([]byte(request)) != nil {
		return ""
	}
	if err := noteHeader(t, nil, "HTTP/1.1 101", "upgrade", "sec-websocket-protocol"); err != nil {
		return ""
	}
	// Frames of a client are masked (5.3); with a mask of zeros the bytes stay as they are.
	if t.send([]byte{0x80 | wsPing, 0x80 | 4, 0, 0, 0, 0, 's', 'l', 'i', 'm'}) == nil && ponged(t) {
		t.note("pong")
	}
	_ = t.send([]byte{0x80 | wsClose, 0x80 | 2, 0, 0, 0, 0, 0x03, 0xe8})
	return t.notes.String()
}

// ponged reads frames up to the answer to a ping.
func ponged(t *talk) bool {
	for range maxLines {
		head, err := t.take(2)
		if err != nil {
			return false
		}
		size := int(head[1] & 0x7f)
		if size >= 126 {
			more, err := t.take(2 + (size-126)*6)
			if err != nil {
				return false
			}
			size = 0
			for _, c := range more {
				size = size<<8 | int(c)
			}
		}
		if _, err := t.take(size); err != nil || head[0]&0xf == wsClose {
			return false
		}
		if head[0]&0xf == wsPong {
			return true
		}
	}
	return false
}

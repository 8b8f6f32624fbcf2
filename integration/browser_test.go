//go:build e2e

package integration

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// browser is a headless browser and a server that gives it pages and notes what it asks for.
type browser struct {
	program string
	url     string

	mu    sync.Mutex
	pages map[string][]byte
	asked []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	b := &browser{pages: map[string][]byte{}}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			b.program = found
			break
		}
	}
	if b.program == "" {
		t.Fatal("the tests of the page need a browser: apt-get install chromium")
	}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// ServeHTTP gives a page and notes every request.
func (b *browser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked = append(b.asked, r.URL.Path)
	page, ok := b.pages[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/html") // no charset: the page says it
	_, _ = w.Write(page)
}

// open loads a page at an address such as "/report.html#q=x", and returns the document as the page's script left it. A request for
// anything but the page is an error.
func (b *browser) open(t *testing.T, page []byte, address string) *html.Node {
	t.Helper()
	path, _, _ := strings.Cut(address, "#")
	b.mu.Lock()
	b.pages, b.asked = map[string][]byte{path: page}, nil
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, b.program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--window-size=1280,1000", "--virtual-time-budget=5000",
		"--dump-dom", b.url+address)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s", b.program, address, err, tail(stderr.String(), 10))
	}
	root, err := html.Parse(io.LimitReader(&stdout, 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.asked, []string{path}) {
		t.Errorf("the browser asked for %q, want only the page", b.asked)
	}
	return root
}

// driven is a page whose policy is off and which runs a script of the test after its own.
func driven(t *testing.T, page []byte, script string) []byte {
	t.Helper()
	return append(replace(t, page, `http-equiv="Content-Security-Policy"`, `name="policy"`), "<script>"+script+"</script>"...)
}

func replace(t *testing.T, page []byte, old, new string) []byte {
	t.Helper()
	if bytes.Count(page, []byte(old)) != 1 {
		t.Fatalf("the page does not have %q once", old)
	}
	return bytes.Replace(page, []byte(old), []byte(new), 1)
}

// elements are those with a class, in order.
func elements(root *html.Node, class string) []*html.Node {
	var list []*html.Node
	for n := range root.Descendants() {
		if slices.Contains(strings.Fields(attribute(n, "class")), class) {
			list = append(list, n)
		}
	}
	return list
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// textOf is the text of an element, its parts apart.
func textOf(n *html.Node) string {
	var parts []string
	for child := range n.Descendants() {
		if child.Type == html.TextNode && strings.TrimSpace(child.Data) != "" {
			parts = append(parts, strings.TrimSpace(child.Data))
		}
	}
	return strings.Join(parts, " ")
}

func textsOf(list []*html.Node) []string {
	all := make([]string, len(list))
	for i, n := range list {
		all[i] = textOf(n)
	}
	return all
}

// ready says that the page's own script ran to its end.
func ready(t *testing.T, root *html.Node) {
	t.Helper()
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && n.Data == "html" && attribute(n, "data-ready") == "true" {
			return
		}
	}
	t.Fatal("the page's script did not run to its end")
}

//go:build e2e

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/net/html"
)

// hostileNames are names of files in the image whose page the tests open.
var hostileNames = []string{"srv/</script><script>document.title=1</script>", `srv/<img src="pixel.png" onerror="document.title=1">`,
	"srv/new\nline", "srv/\xff\xfe"}

// reportPage builds the small image, with files of hostile names, and returns its artifacts' page and the folder.
func reportPage(t *testing.T) (page []byte, dir string) {
	t.Helper()
	files := smallFiles(t)
	for _, name := range hostileNames {
		files[name] = []byte("x")
	}
	img, err := mutate.AppendLayers(empty.Image, filesLayer(t, files, "server"))
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(t.TempDir(), "artifacts")
	mustSlim(t, "build", addToLayout(t, "page", img, smallConfig), "--output", "type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"),
		"--artifacts", dir, "--progress", "plain")
	return readPage(t, filepath.Join(dir, "report.html")), dir
}

func readPage(t *testing.T, name string) []byte {
	t.Helper()
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// TestReportPage looks at the page of a build in a browser: it is drawn, its search leads to paths and their reasons, it makes no
// network requests, and the names of files stay plain text.
func TestReportPage(t *testing.T) {
	page, dir := reportPage(t)
	b := newBrowser(t)

	root := b.open(t, page, "/report.html")
	ready(t, root)
	if n := len(elements(root, "group")); n == 0 {
		t.Error("the map shows nothing")
	}
	if cards := textsOf(elements(root, "card")); len(cards) < 4 || !strings.HasPrefix(cards[2], "Check") || !strings.Contains(cards[2],
		"answer") {
		t.Errorf("the cards say %q", cards)
	}
	for n := range root.Descendants() {
		if file := attribute(n, "href"); strings.HasPrefix(file, "./") {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Errorf("the page leads to a file that is not there: %v", err)
			}
		}
		if n.Data == "img" || strings.HasPrefix(attribute(n, "onerror"), "document") {
			t.Errorf("a name became an element: <%s>", n.Data)
		}
	}
	if got := title(root); got == "1" {
		t.Error("a name ran as a script")
	}

	root = b.open(t, page, "/report.html#q=/server")
	want := []string{"/server"}
	if diff := cmp.Diff(want, textsOf(elements(root, "path"))); diff != "" {
		t.Errorf("searching /server lists (-want +got):\n%s", diff)
	}
	if detail := textsOf(elements(root, "detail")); len(detail) != 1 || !strings.Contains(detail[0], "entrypoint") {
		t.Errorf("the reasons for /server are %q, want the entrypoint among them", detail)
	}
	root = b.open(t, page, "/report.html#q=.git/&show=dropped")
	if diff := cmp.Diff([]string{"/.git/config"}, textsOf(elements(root, "path"))); diff != "" {
		t.Errorf("searching what is not kept lists (-want +got):\n%s", diff)
	}
	if detail := textsOf(elements(root, "detail")); len(detail) != 1 || !strings.Contains(detail[0], "It is not kept: the rule") {
		t.Errorf("/.git/config: %q, want why it is not kept", detail)
	}
	root = b.open(t, page, "/report.html#q=srv/&show=all&sort=path")
	if got := textsOf(elements(root, "path")); len(got) != 6 || !slices.Contains(got, `/srv/new\x0aline`) || !slices.Contains(got,
		`/srv/\xff\xfe`) || !slices.Contains(got, `/srv/</script><script>document.title=1</script>`) {
		t.Errorf("the hostile names are listed as %q", got)
	}
}

// TestReportPolicy shows that the browser holds the page to its policy: a script and pictures that were smuggled in do nothing. Without the
// policy they do.
func TestReportPolicy(t *testing.T) {
	page, _ := reportPage(t)
	b := newBrowser(t)
	const script = `document.title = "smuggled"`
	if got := title(b.open(t, driven(t, page, script), "/report.html")); got != "smuggled" {
		t.Errorf("without its policy the page is called %q: this test shows nothing", got)
	}
	smuggled := append(slices.Clone(page), "<script>"+script+
		`</script><img src="/pixel.png"><style>body{background:url(/pixel.png)}</style>`...)
	if got := title(b.open(t, smuggled, "/report.html")); got == "smuggled" {
		t.Error("a script ran that is not the page's own")
	}
}

func title(root *html.Node) string {
	for n := range root.Descendants() {
		if n.Data == "title" {
			return textOf(n)
		}
	}
	return ""
}

// TestReportKeys works the page by keyboard: the map is walked, looked into and left, the list is walked.
func TestReportKeys(t *testing.T) {
	page, _ := reportPage(t)
	b := newBrowser(t)
	root := b.open(t, driven(t, page, `
		const press = (node, key) => node.dispatchEvent(new KeyboardEvent("keydown", {key: key, bubbles: true, cancelable: true}));
		const say = (text) => { const p = document.createElement("p"); p.className = "told"; p.textContent = text; document.body.append(p); };
		const crumbs = () => document.querySelector(".crumbs").textContent;
		document.querySelector('[data-value="folder"]').click();
		document.querySelector(".group").focus();
		say(document.querySelector(".said").textContent.split(":")[0]);
		press(document.activeElement, "ArrowRight");
		say(document.activeElement.dataset.index);
		press(document.activeElement, "End");
		press(document.activeElement, "Home");
		say(document.activeElement.dataset.index);
		document.querySelector('[data-value="package"]').click();
		document.querySelector(".group").focus();
		press(document.activeElement, "Enter");
		say(crumbs().split("·")[0]);
		press(document.activeElement, "Escape");
		say(crumbs().split("·")[0]);
		const rows = document.querySelector(".rows");
		press(rows, "Home");
		press(rows, "ArrowDown");
		say(document.getElementById(rows.getAttribute("aria-activedescendant")).getAttribute("aria-posinset"));
		press(rows, "End");
		say(document.querySelector('[aria-selected="true"]').getAttribute("aria-posinset") ===
			 document.querySelector(".row").getAttribute("aria-setsize"));
	`), "/report.html")
	want := []string{"server", "1", "0", "Everything›(no package)", "Everything", "2", "true"}
	if diff := cmp.Diff(want, textsOf(elements(root, "told"))); diff != "" {
		t.Errorf("the keys did (-want +got):\n%s", diff)
	}
}

// TestInspectPage looks at the page of an image of 50,000 files: only the rows in sight are in the document, and a search finds one
// of them.
func TestInspectPage(t *testing.T) {
	const count = 50_000
	files := make(map[string][]byte, count)
	for i := range count {
		files[fmt.Sprintf("usr/lib/app/module%d/file%d.py", i%300, i)] = []byte("x")
	}
	files["usr/bin/su"] = []byte("#!/bin/sh\n")
	img, err := mutate.AppendLayers(empty.Image, filesLayer(t, files))
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "image.html")
	mustSlim(t, "inspect", addToLayout(t, "many", img, v1.Config{}), "--html", name)
	page := readPage(t, name)
	b := newBrowser(t)
	start := time.Now()
	root := b.open(t, page, "/image.html")
	ready(t, root)
	t.Logf("a page of %.1f MB opened in %.1f s", float64(len(page))/1e6, time.Since(start).Seconds())
	if rows := len(elements(root, "row")); rows == 0 || rows > 200 {
		t.Errorf("%d rows are in the document, want those in sight", rows)
	}
	if hint := strings.Join(textsOf(elements(root, "hint")), " "); !strings.Contains(hint, "50,305 paths") {
		t.Errorf("the list says %q, want 50,305 paths: 50,001 files and 304 directories", hint)
	}
	root = b.open(t, driven(t, page, `document.querySelector('[data-value="folder"]').click();
		document.querySelector(".group").dispatchEvent(new MouseEvent("click", {bubbles: true}));`), "/image.html")
	groups := elements(root, "group")
	last := slices.ContainsFunc(groups, func(n *html.Node) bool {
		return strings.HasPrefix(attribute(n, "aria-label"),
			"151 smaller: 25.1 kB")
	})
	if len(groups) != 150 || !last {
		t.Errorf("the map of 300 folders shows %d, and one for the smaller ones is %v; want 150 and true", len(groups), last)
	}
	root = b.open(t, page, "/image.html#q=file49999.py")
	if diff := cmp.Diff([]string{"/usr/lib/app/module199/file49999.py"}, textsOf(elements(root, "path"))); diff != "" {
		t.Errorf("searching one of 50,000 files lists (-want +got):\n%s", diff)
	}
}

package html

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

// document is a page as a browser takes it apart.
type document struct {
	tags  map[string]int
	links []string // every attribute that may load or lead anywhere
	texts map[string][]string
	data  data
}

// parse reads a page; what a page must never have is an error of the test.
func parse(t *testing.T, page []byte) document {
	t.Helper()
	if !utf8.Valid(page) {
		t.Error("the page is not UTF-8")
	}
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	doc := document{tags: map[string]int{}, texts: map[string][]string{}}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		doc.tags[n.Data]++
		if n.FirstChild != nil && n.FirstChild.Type == html.TextNode {
			doc.texts[n.Data] = append(doc.texts[n.Data], n.FirstChild.Data)
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has the attribute %s=%q", n.Data, a.Key, a.Val)
			}
			if a.Key == "href" || a.Key == "src" || a.Key == "srcset" || a.Key == "action" {
				doc.links = append(doc.links, a.Val)
			}
		}
	}
	if got := doc.tags["script"]; got != 2 {
		t.Fatalf("the page has %d scripts, want its data and its own", got)
	}
	if err := json.Unmarshal([]byte(doc.texts["script"][0]), &doc.data); err != nil {
		t.Fatalf("the data of the page: %v", err)
	}
	return doc
}

// paths puts the paths of a page's data together.
func (d *data) paths() []string {
	list := make([]string, len(d.Paths.Name))
	for i := range list {
		for dir := d.Paths.Dir[i]; dir != 0; dir = d.Dirs.Parent[dir] {
			list[i] = "/" + d.Dirs.Name[dir] + list[i]
		}
		list[i] += "/" + d.Paths.Name[i]
	}
	return list
}

func build(t testing.TB, in Built) []byte {
	t.Helper()
	var page bytes.Buffer
	if err := Build(&page, in); err != nil {
		t.Fatal(err)
	}
	return page.Bytes()
}

func inspect(t testing.TB, in Inspected) []byte {
	t.Helper()
	var page bytes.Buffer
	if err := Inspect(&page, in); err != nil {
		t.Fatal(err)
	}
	return page.Bytes()
}

// TestHostile shows that no name breaks out of its place, on neither page, and that each is there.
func TestHostile(t *testing.T) {
	findings := &report.Findings{Source: hostile[0]}
	for _, name := range hostile {
		findings.List = append(findings.List, report.Finding{ID: name, Severity: name, Package: name, Version: name, Text: name, Before: true,
			After: true})
	}
	plain := parse(t, build(t, Built{Result: testResult(), Findings: &report.Findings{}}))
	for kind, page := range map[string][]byte{"build": build(t, Built{Result: testResult(hostile...), Findings: findings, Files: hostile}),
		"inspect": inspect(t, testImage(hostile...))} {
		doc := parse(t, page)
		for _, tag := range []string{"img", "iframe", "object", "form", "base", "link"} {
			if doc.tags[tag] != plain.tags[tag] {
				t.Errorf("%s: %d <%s>, want %d", kind, doc.tags[tag], tag, plain.tags[tag])
			}
		}
		paths := doc.data.paths()
		for _, name := range hostile {
			if want := path.Dir(testPath(name)) + "/" + printable.Text(path.Base(testPath(name))); !slices.Contains(paths, want) {
				t.Errorf("%s: no path %q", kind, want)
			}
		}
		for _, link := range doc.links {
			if !strings.HasPrefix(link, "#") && !strings.HasPrefix(link, "./") && link != "data:," {
				t.Errorf("%s: a link leads to %q", kind, link)
			}
		}
	}
}

// testPath is a name of the fixture as a path is printed.
func testPath(name string) string { return testResult(name).Plan.Files[4].Path.String() }

// TestPolicy shows that the page allows exactly its own style and script.
func TestPolicy(t *testing.T) {
	page := build(t, Built{Result: testResult()})
	doc := parse(t, page)
	for _, own := range []string{doc.texts["style"][0], doc.texts["script"][1]} {
		if !bytes.Contains(page, []byte(strings.ReplaceAll(hash([]byte(own)), "+", "&#43;"))) {
			t.Errorf("the policy does not have the hash of %.60q", own)
		}
	}
	if !bytes.Contains(page, []byte("default-src &#39;none&#39;")) {
		t.Error("the policy does not forbid the rest")
	}
}

// TestPlain shows what is readable without the script.
func TestPlain(t *testing.T) {
	page := string(build(t, Built{Result: testResult(), Files: []string{"seccomp.json", "plan.json"},
		Findings: &report.Findings{List: []report.Finding{{ID: "CVE-1", Severity: "high", Score: 7.5, Package: "web", Version: "1",
			Before: true, State: vuln.StateRemoved}, {ID: "CVE-2", Severity: "low", Package: "libc6", Version: "2", Before: true, After: true}}}}))
	body, _, _ := strings.Cut(page, `<script type="application/json"`)
	for _, want := range []string{"5.0\u00a0kB → 320\u00a0B", "94% smaller", "9 → 3", "✓", "2 answers",
		"parts of 1 that differ between its own two runs", "33:33", "identical", "varies in the original too",
		"missing paths in 2 rounds",
		"as 33:33 with a read-only root filesystem", `href="#q=pkg%3Aweb"`, `href="./seccomp.json"`, "/tmp", "2 → 1",
		"Before: 1 high, 1 low. After: 1 low.", "removed", "<td class=\"number\">7.5</td>", "noscript"} {
		if !strings.Contains(body+string(must(assets.ReadFile("page.css"))), want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// TestData holds what the script is given.
func TestData(t *testing.T) {
	d := parse(t, build(t, Built{Result: testResult()})).data
	var lines []string
	for i, name := range d.paths() {
		why := ""
		for k := 0; k < len(d.Whys[d.Paths.Why[i]]); k += 2 {
			flat := d.Whys[d.Paths.Why[i]]
			why += " [" + d.Rules[flat[k]]
			switch from := flat[k+1]; {
			case from > 0:
				why += " path " + d.paths()[from-1]
			case from < 0:
				why += " text " + d.Texts[-from-1]
			}
			why += "]"
		}
		lines = append(lines, fmt.Sprintf("%s %s %d %q %d %q%s", name, d.Kinds[d.Paths.Kind[i]], d.Paths.Size[i], d.Packages[d.Paths.Pkg[i]],
			d.Paths.Layer[i], d.Notes[d.Paths.Note[i]], why))
	}
	want := `/srv dir 0 "" 0 "" [skeleton]
/usr/bin/perl file 4000 "perl-base" -1 "" [nothing that ran or is kept needs it]
/usr/lib/libc.so file 200 "libc6" 0 "" [needed by path /usr/sbin/web]
/usr/sbin/web file 100 "web" 0 "given to 0:0" [entrypoint] [check round 2]
/usr/sbin/web2 hard link 0 "" 0 "" [opened by path /usr/sbin/web]
/usr/share/doc/web file 10 "" -1 "" [the rule docs says that it is not for run time]`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("the data is\n%s\nwant\n%s", got, want)
	}
}

// TestDeterministic: the same result, the same bytes.
func TestDeterministic(t *testing.T) {
	if !bytes.Equal(build(t, Built{Result: testResult(hostile...)}), build(t, Built{Result: testResult(hostile...)})) {
		t.Error("two pages of one result differ")
	}
	if !bytes.Equal(inspect(t, testImage(hostile...)), inspect(t, testImage(hostile...))) {
		t.Error("two pages of one image differ")
	}
}

// TestSize bounds the page of a large image, and that of one which has more than any page can list: sums stay right.
func TestSize(t *testing.T) {
	page := build(t, Built{Result: manyFiles(100_000)})
	if mb := float64(len(page)) / 1e6; mb > 15 {
		t.Errorf("100,000 paths make a page of %.1f MB, want at most 15", mb)
	}
	if d := parse(t, page).data; d.Omitted != 0 || len(d.Paths.Name) < 100_000 {
		t.Errorf("%d paths are listed and %d left out, want all", len(d.Paths.Name), d.Omitted)
	}
	long := manyFiles(20_000)
	for i := range long.Plan.Dropped {
		d := &long.Plan.Dropped[i]
		d.Path += layers.Path(strings.Repeat("/"+strings.Repeat("x", 199), 10))
	}
	page = build(t, Built{Result: long})
	if mb := float64(len(page)) / 1e6; mb > 15 {
		t.Errorf("paths of 2000 bytes make a page of %.1f MB, want at most 15", mb)
	}
	d, want := parse(t, page).data, int64(0)
	for i := range long.Plan.Dropped {
		want += long.Plan.Dropped[i].Size
	}
	for i := range d.Paths.Size {
		if d.Paths.Layer[i] == dropped {
			want -= d.Paths.Size[i]
		}
	}
	if d.Omitted == 0 || want != 0 {
		t.Errorf("%d paths are left out, and %d bytes are missing", d.Omitted, want)
	}
}

// FuzzNames: whatever a file is called, the page keeps its shape and says the name.
func FuzzNames(f *testing.F) {
	for _, name := range hostile {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if name = path.Base(path.Clean("/" + name)); name == "/" || len(name) > 200 {
			t.Skip()
		}
		doc := parse(t, build(t, Built{Result: testResult(name), Findings: &report.Findings{List: []report.Finding{{ID: name, Text: name}}}}))
		if want := path.Dir(testPath(name)) + "/" + printable.Text(path.Base(testPath(name))); !slices.Contains(doc.data.paths(), want) {
			t.Errorf("no path %q among %q", want, doc.data.paths())
		}
		parse(t, inspect(t, testImage(name)))
	})
}

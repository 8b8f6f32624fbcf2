package keep

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/layerstest"
)

// counted is a root filesystem that counts what it is asked. The analysis keeps the infos, so that a look-up in its own memory counts, too.
type counted struct {
	layers.RootFS
	count *int
}

func (c counted) Open(name string) (fs.File, error) {
	*c.count++
	return c.RootFS.Open(name)
}

func (c counted) Lstat(name string) (fs.FileInfo, error) {
	*c.count++
	info, err := c.RootFS.Lstat(name)
	if err != nil {
		return nil, err
	}
	return countedInfo{info, c.count}, nil
}

func (c counted) ReadLink(name string) (string, error) {
	*c.count++
	return c.RootFS.ReadLink(name)
}

func (c counted) ReadDir(name string) ([]fs.DirEntry, error) {
	*c.count++
	entries, err := c.RootFS.ReadDir(name)
	for i := range entries {
		entries[i] = countedEntry{entries[i], c.count}
	}
	return entries, err
}

type countedEntry struct {
	fs.DirEntry
	count *int
}

func (e countedEntry) Info() (fs.FileInfo, error) {
	info, err := e.DirEntry.Info()
	if err != nil {
		return nil, err
	}
	return countedInfo{info, e.count}, nil
}

type countedInfo struct {
	fs.FileInfo
	count *int
}

func (i countedInfo) Mode() fs.FileMode {
	*i.count++
	return i.FileInfo.Mode()
}

// linked analyzes an image of n files and 2n symlinks to them and to their directory, all of which were used, and counts the look-ups.
func linked(t *testing.T, n int) (lookups, kept int) {
	t.Helper()
	var tree strings.Builder
	seen := observation()
	add := func(name string, op analyzer.Op) { seen.Paths = append(seen.Paths, use(layers.Path(name), op)) }
	for i := range n {
		name := fmt.Sprintf("srv/files/f%d", i)
		fmt.Fprintf(&tree, "file %s\nsymlink srv/links/l%d -> ../files/f%d\nsymlink srv/links/d%d -> ../files\n", name, i, i, i)
		add(name, analyzer.OpOpen)
		add(fmt.Sprintf("srv/links/l%d", i), analyzer.OpHop)
		add(fmt.Sprintf("srv/links/d%d", i), analyzer.OpHop)
	}
	tree.WriteString("file bin/app\nmode bin/app 755\n")
	root, err := layerstest.TreeFromTxtar([]byte(tree.String()))
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	plan, err := Plan(context.Background(), counted{root, &count}, analyzer.Request{Process: analyzer.Entry{Argv: []string{"/bin/app"}}},
		[]*analyzer.Evidence{seen})
	if err != nil {
		t.Fatal(err)
	}
	return count, len(plan.Files)
}

// D10: the incumbent compares each symlink of an image with each of its files. Twice as many may take twice the look-ups, not four times.
func TestD10SymlinksTakeLinearTime(t *testing.T) {
	const n = 400
	one, kept := linked(t, n)
	two, kept2 := linked(t, 2*n)
	four, kept4 := linked(t, 4*n)
	if kept < 3*n || kept2 < 6*n || kept4 < 12*n {
		t.Fatalf("%d, %d and %d paths are kept: the links are not among them", kept, kept2, kept4)
	}
	t.Logf("%d, %d and %d look-ups for %d, %d and %d links", one, two, four, 2*n, 4*n, 8*n)
	if growth := float64(four-two) / float64(two-one); growth > 2.2 {
		t.Errorf("%d, %d and %d look-ups for %d, %d and %d links: they grow by %.1f where the links grow by 2", one, two, four, 2*n, 4*n, 8*n,
			growth)
	}
}

func use(path layers.Path, ops ...analyzer.Op) analyzer.PathUse {
	return analyzer.PathUse{Path: path, Ops: ops}
}

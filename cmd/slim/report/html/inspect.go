package html

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

// Inspected is what a page of an image shows.
type Inspected struct {
	Name       string
	Inspection *layers.Inspection
	Entries    []layers.Entry // every path of the image
	Packages   *packages.DB   // who owns which path; nil is nobody
}

// Inspect writes the page of an image: its layers, packages and folders, what is wasted, rights worth a look, every path. The same image
// gives the same bytes.
func Inspect(w io.Writer, in Inspected) error {
	found := in.Inspection
	if found == nil {
		return fmt.Errorf("writing the page: there is no inspection")
	}
	entries := imageEntries(in)
	p := &page{Title: in.Name, Facts: []fact{{"platform", found.Platform}, {"digest", found.Digest}}, Cards: inspectCards(found)}
	if in.Packages != nil {
		p.Warnings = shortAll(in.Packages.Warnings())
	}
	p.Sections = []section{imageSizes(found, entries), layersSection(found), rightsSection(found), {ID: "paths", Title: "Paths", Paths: true}}
	var names []string
	for i, layer := range found.Layers {
		names = append(names, strings.TrimSpace(fmt.Sprintf("%d %s", i, short(layer.Command))))
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(b.size, a.size) })
	p.Data = newData("inspect", names, entries)
	p.Data.Before, p.Data.After = found.Bytes, found.Bytes
	return write(w, p)
}

func inspectCards(found *layers.Inspection) []card {
	cards := []card{
		{Name: "Size", Value: report.Bytes(found.Bytes), Note: report.Bytes(found.Size) + " as it is stored"},
		{Name: "Files", Value: report.Count(found.Files), Note: "in " + report.Plural(found.Dirs, "directory", "directories")},
		{Name: "Layers", Value: report.Count(len(found.Layers)), Note: "wasted: " + report.Bytes(found.Wasted)},
		{Name: "Setuid files", Value: report.Count(len(found.Setuid)), Note: "they run with another user's rights", State: good},
		{Name: "World-writable", Value: report.Count(len(found.WorldWritable)), Note: "directories"},
	}
	if len(found.Setuid) > 0 {
		cards[3].State = fair
	}
	return cards
}

// kinds are the words for the first letter of a mode.
var kinds = map[byte]string{'-': "file", 'd': "dir", 'l': "symlink", 'b': "device", 'c': "device", 'p': "fifo"}

// imageEntries lists the paths of an image, a file with several names once with its bytes.
func imageEntries(in Inspected) []entry {
	list := make([]entry, 0, len(in.Entries))
	seen := map[*layers.Inode]bool{}
	for _, e := range in.Entries {
		if e.Path == "." {
			continue
		}
		mode := layers.ModeString(e.Mode)
		row := entry{path: e.Path.String(), layer: e.Layer, kind: kinds[mode[0]], note: fmt.Sprintf("%s %d:%d", mode, e.UID, e.GID)}
		if e.Mode.IsRegular() && seen[e.Inode] {
			row.kind = "hard link"
		} else if e.Mode.IsRegular() {
			row.size, seen[e.Inode] = e.Size, true
		}
		if in.Packages != nil {
			if owner, ok := in.Packages.Owner(string(e.Path)); ok {
				row.pkg = owner.Name
			}
		}
		if e.Link != "" {
			row.why = []clause{{rule: "leads to", from: e.Link}}
		}
		list = append(list, row)
	}
	return list
}

func imageSizes(found *layers.Inspection, entries []entry) section {
	s := section{ID: "sizes", Title: "Where the bytes are", Map: true}
	sizes := map[string]*analyzer.Size{}
	for i := range entries {
		e := &entries[i]
		if e.kind == "dir" {
			continue
		}
		if sizes[e.pkg] == nil {
			sizes[e.pkg] = &analyzer.Size{Name: e.pkg}
		}
		sizes[e.pkg].Files++
		sizes[e.pkg].Bytes += e.size
	}
	packages := table{Title: "By package", Columns: columns("Package", "#Files", "#Bytes", "")}
	for _, x := range analyzer.Largest(sizes) {
		packages.Rows = append(packages.Rows, []cell{filtered("pkg:", x.Name), count(x.Files), size(x.Bytes), bar(x.Bytes, found.Bytes)})
	}
	folders := table{Title: "Biggest folders", Columns: columns("Folder", "#Files", "#Bytes", "")}
	for _, f := range found.Folders {
		folders.Rows = append(folders.Rows, []cell{{Text: short(f.Path.String()), Link: query(quoted(f.Path.String() + "/")), Code: true},
			count(f.Files), size(f.Bytes), bar(f.Bytes, found.Bytes)})
	}
	s.Tables = []table{packages.cut(maxSizes, ""), folders.cut(maxSizes, "")}
	return s
}

func layersSection(found *layers.Inspection) section {
	t := table{Columns: columns("#Layer", "#Bytes", "", "#Files", "#Stored", "#Wasted", "Made by"), Wide: true}
	var all int64
	for _, layer := range found.Layers {
		all += layer.Bytes
	}
	for i, layer := range found.Layers {
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprint(i), Number: true}, size(layer.Bytes), bar(layer.Bytes, all), count(layer.Files),
			size(layer.Size), size(layer.Wasted), code(layer.Command)})
	}
	return section{ID: "layers", Title: "Layers", Tables: []table{t.cut(maxAnswers, "")},
		Text: []string{"Wasted are bytes of files that a later layer overwrites or deletes: they are stored and pulled, and no container sees " +
			"them."}}
}

func rightsSection(found *layers.Inspection) section {
	s := section{ID: "rights", Title: "Rights worth a look"}
	for _, list := range []struct {
		title string
		paths []layers.Special
	}{{"Setuid and setgid files", found.Setuid}, {"Files with capabilities", found.Capabilities}, {"World-writable directories",
		found.WorldWritable}} {
		if len(list.paths) == 0 {
			s.Text = append(s.Text, list.title+": none.")
		}
		t := table{Title: fmt.Sprintf("%s (%s)", list.title, report.Count(len(list.paths))), Columns: columns("Mode", "#Owner", "Path")}
		for _, x := range list.paths {
			t.Rows = append(t.Rows, []cell{code(x.Mode), {Text: fmt.Sprintf("%d:%d", x.UID, x.GID), Number: true}, code(x.Path.String())})
		}
		s.Tables = append(s.Tables, t.cut(maxAnswers, ""))
	}
	return s
}

// Package html writes what slim knows about an image as one HTML page that stands alone: it loads nothing, from nowhere. Facts that
// matter are plain HTML; the map and the list of paths are drawn by the page's own script from data inside it.
//
// Whatever comes from an image (names of files, output of programs) is hostile: html/template escapes it for its place, and characters
// that hide or reorder text are written out (printable.Text). The page says so to the browser too: its Content-Security-Policy names its
// own style and script by hash and forbids the rest.
package html

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"

	"github.com/slimimage/slim/cmd/slim/report"
)

//go:embed page.html.tmpl page.css js/*.js
var assets embed.FS

// scripts are the parts of the page's script, in order: together they are one function.
var scripts = []string{"js/data.js", "js/address.js", "js/squarify.js", "js/tree.js", "js/treemap.js", "js/search.js", "js/paths.js",
	"js/detail.js", "js/page.js"}

// page is what the template shows.
type page struct {
	Title    string
	Facts    []fact
	Cards    []card
	Warnings []string
	Sections []section
	Data     *data
}

// fact is a line of names and values under the title.
type fact struct {
	Name, Value string
}

// card is one of the large figures at the top.
type card struct {
	Name  string
	Value string
	Note  string
	State state
	Share *share
}

type state = report.State

const (
	good = report.Good
	bad  = report.Bad
	fair = report.Fair
)

// share is a part of a whole as a bar, in hundredths.
type share float64

// section is one part of the page.
type section struct {
	ID     string
	Title  string
	Text   []string
	Map    bool // the treemap stands here
	Paths  bool // the list of paths stands here
	Tables []table
	Links  []cell // files beside the page
}

// table is a table; columns of numbers are aligned to the right.
type table struct {
	Title   string
	Columns []column
	Rows    [][]cell
	More    string // what was left out
	Wide    bool   // takes the whole width
}

type column struct {
	Name   string
	Number bool
}

// cell is one value. The zero value is an empty cell.
type cell struct {
	Text   string
	Number bool
	Code   bool // a path or a command
	Link   string
	State  state
	Share  *share
}

// write renders a page.
func write(w io.Writer, p *page) error {
	style, err := assets.ReadFile("page.css")
	if err != nil {
		return err
	}
	script, err := readScript()
	if err != nil {
		return err
	}
	t, err := template.New("page.html.tmpl").ParseFS(assets, "page.html.tmpl")
	if err != nil {
		return err
	}
	policy := fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'",
		hash(style), hash(script))
	return t.Execute(w, struct {
		*page
		Policy string
		Style  template.CSS // ours, and to the letter: the policy has its hash
		Script template.JS
	}{p, policy, template.CSS(style), template.JS(script)})
}

// readScript joins the parts to one function, so that they share names with each other and with nothing else.
func readScript() ([]byte, error) {
	var all bytes.Buffer
	all.WriteString("(function () {\n\"use strict\";\n")
	for _, name := range scripts {
		part, err := assets.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all.Write(part)
	}
	all.WriteString("}());\n")
	return all.Bytes(), nil
}

// hash is a source of a Content-Security-Policy that allows exactly this text.
func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

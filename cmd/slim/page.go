package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/cmd/slim/report/html"
	"github.com/slimimage/slim/layers"
)

// pageFile is the name of the page among the artifacts.
const pageFile = "report.html"

func htmlFlag() cli.Flag {
	return text(groupReport, "html", "also write a page to look at to FILE: one file that loads nothing")
}

// addPage adds the page of a build to its artifacts; the page links to the others.
func addPage(files map[string][]byte, result *builder.Result) error {
	if result.Plan == nil {
		return nil
	}
	var page bytes.Buffer
	built := html.Built{Result: result, Findings: report.FindingsOf(result.Scan, result.Plan), Files: slices.Collect(maps.Keys(files))}
	if err := html.Build(&page, built); err != nil {
		return err
	}
	files[pageFile] = page.Bytes()
	return nil
}

// maxDatabase bounds what is read ahead of an image's package databases, in bytes together.
const maxDatabase = 256 << 20

// inspectPage writes the page of --html; without a name it does nothing.
func (p *program) inspectPage(name, image string, index *layers.Index, found *layers.Inspection) error {
	if name == "" {
		return nil
	}
	if name == "-" {
		return usagef("slim inspect --html image.html IMAGE", "--html needs a file")
	}
	var ahead int64
	err := index.Preload(maxDatabase, func(e layers.Entry) bool {
		if !packages.IsDatabase(string(e.Path)) || ahead+e.Size > maxDatabase {
			return false
		}
		ahead += e.Size
		return true
	})
	if err != nil {
		return fmt.Errorf("image %s: %w", image, err)
	}
	db, err := packages.Load(index)
	if err != nil {
		return fmt.Errorf("image %s: %w", image, err)
	}
	in := html.Inspected{Name: image, Inspection: found, Entries: index.Entries(), Packages: db}
	if err := p.writeFile(name, func(w io.Writer) error { return html.Inspect(w, in) }); err != nil {
		return fmt.Errorf("--html: %w", err)
	}
	return nil
}

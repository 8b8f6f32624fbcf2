package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/layers"
)

// maxSaid is the number of doubts of a kind that are printed; the JSON form has all.
const maxSaid = 10

func (p *program) sayAll(list []string) {
	for i, line := range list {
		if i == maxSaid {
			p.say("warning: and %d more; --format json lists them", len(list)-i)
			return
		}
		p.say("warning: %s", line)
	}
}

// doubts prints what a scan could not tell.
func (p *program) doubts(report *vuln.Report) {
	for _, ecosystem := range report.Missing {
		p.say("warning: the database has no records of %s", ecosystem)
	}
	p.sayAll(report.Notes)
	p.sayAll(report.Skipped)
}

// vulnerabilities says what slim build found: what became of the original's findings, and what remains to be done.
func (p *program) vulnerabilities(report *vuln.Report) {
	if report == nil {
		return
	}
	if report.Comparison != nil {
		p.say("vulnerabilities: %s; %d open", became(report.Comparison), report.Open())
	}
	listed := 0
	for i := range report.Decisions {
		d := &report.Decisions[i]
		if !d.Open() {
			continue
		}
		if listed == maxSaid {
			p.say("  and %d more: scan.json among the --artifacts, or the report, has all", report.Open()-listed)
			break
		}
		p.say("  %s %s in %s %s: %s", d.Finding.Severity, d.Finding.ID, d.Finding.Package.Name, d.Finding.Package.Version, d.Text)
		listed++
	}
	p.doubts(report)
}

func printScan(w io.Writer, report *vuln.Report) error {
	out := &printer{w: w}
	counts := map[vuln.Level]int{}
	for i := range report.Decisions {
		d := &report.Decisions[i]
		f := &d.Finding
		counts[f.Severity]++
		out.line("%-8s %4s %-19s %s %s: %s", f.Severity, score(f.Score), f.ID, f.Package.Name, f.Package.Version, d.Text)
	}
	if c := report.Comparison; c != nil {
		for _, change := range c.Fixed {
			out.line("fixed         %-19s %s %s, now %s", change.Finding.ID, change.Finding.Package.Name, change.Finding.Package.Version, change.Now.Version)
		}
		out.line("%s", became(c))
	}
	var parts []string
	for _, level := range []vuln.Level{vuln.Critical, vuln.High, vuln.Medium, vuln.Low, vuln.None, vuln.Unknown} {
		if counts[level] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[level], level))
		}
	}
	if len(parts) == 0 {
		parts = []string{"none"}
	}
	out.line("findings: %s; %d open, of %d packages", strings.Join(parts, ", "), report.Open(), report.Packages)
	return out.err
}

// became is what became of the findings of the image that this one was made of.
func became(c *vuln.Comparison) string {
	return fmt.Sprintf("%d removed with their packages, %d fixed by another version, %d remain, %d new", len(c.Removed), len(c.Fixed), len(c.Remaining), len(c.New))
}

func score(value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", value)
}

// productOf names an image for VEX.
func productOf(in *layers.Input) vex.Product {
	p := vex.Product{Repository: in.Repo, Tag: in.Tag, Digest: in.Digest.String(), Arch: in.Platform.Architecture}
	if in.RepoDigest != "" && in.RepoDigest != p.Digest {
		p.Platforms, p.Digest = []string{p.Digest}, in.RepoDigest
	}
	if p.Repository == "" {
		_, name, _ := strings.Cut(in.Name, ":")
		p.Repository = nameFrom(name)
	}
	return p
}

// Bounds on what is read ahead of an image's files, all of a layer in one pass. Others are read one by one.
const (
	maxAhead     = 512 << 20 // bytes together
	maxAheadFile = 16 << 20  // bytes of one file
)

// imagePackages lists the packages of an image, of its distribution and of language runtimes, with the files of each.
func imagePackages(ctx context.Context, index *layers.Index) (list []vuln.Package, warnings []string, err error) {
	var ahead int64
	err = index.Preload(maxAhead, func(e layers.Entry) bool {
		if e.Size > maxAheadFile || ahead+e.Size > maxAhead {
			return false
		}
		ahead += e.Size
		return true
	})
	if err != nil {
		return nil, nil, err
	}
	document, err := sbom.Read(ctx, index, sbom.Options{})
	if err != nil {
		return nil, nil, err
	}
	list, warnings = vuln.FromInventory(document.Inventory())
	return list, warnings, nil
}

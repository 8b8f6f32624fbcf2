package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/layers"
)

// scanReport is the JSON form of a scan.
type scanReport struct {
	Schema     string           `json:"schema"`
	Image      string           `json:"image"`            // digest of the platform manifest
	Packages   int              `json:"packages"`         // of the image
	Records    int              `json:"records"`          // of the database that were looked at
	Newest     string           `json:"newest,omitempty"` // time of the newest of them
	Decisions  []vuln.Decision  `json:"decisions"`
	Comparison *vuln.Comparison `json:"comparison,omitempty"` // with --before
	Notes      []string         `json:"notes,omitempty"`      // on the configuration and the database
	Missing    []string         `json:"missing,omitempty"`    // ecosystems of its packages that the database does not have
	Skipped    []string         `json:"skipped,omitempty"`    // what could not be answered
}

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

func printScan(w io.Writer, report *scanReport) error {
	out := &printer{w: w}
	counts, open := map[vuln.Level]int{}, 0
	for i := range report.Decisions {
		d := &report.Decisions[i]
		f := &d.Finding
		counts[f.Severity]++
		if d.Open() {
			open++
		}
		out.line("%-8s %4s %-19s %s %s: %s", f.Severity, score(f.Score), f.ID, f.Package.Name, f.Package.Version, d.Text)
	}
	if c := report.Comparison; c != nil {
		for _, change := range c.Fixed {
			out.line("fixed         %-19s %s %s, now %s", change.Finding.ID, change.Finding.Package.Name, change.Finding.Package.Version, change.Now.Version)
		}
		out.line("%d removed with their packages, %d fixed by another version, %d remain, %d new", len(c.Removed), len(c.Fixed), len(c.Remaining), len(c.New))
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
	out.line("findings: %s; %d open, of %d packages", strings.Join(parts, ", "), open, report.Packages)
	return out.err
}

func score(value float64) string {
	if value == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f", value)
}

// staleDatabase is the age at which a database is doubted.
const staleDatabase = 30 * 24 * time.Hour

// stale doubts a database that has not changed for long.
func stale(newest string, today time.Time) []string {
	changed, err := time.Parse(time.RFC3339, newest)
	if err != nil || today.Sub(changed) < staleDatabase {
		return nil
	}
	return []string{fmt.Sprintf("the newest record of the database is of %s", changed.UTC().Format(time.DateOnly))}
}

// gate is the error of a scan that --fail-on stops: an open finding of the level, or an ecosystem nothing is known about.
func gate(report *scanReport, level string) error {
	if level == "" {
		return nil
	}
	decisions := report.Decisions
	var names []string
	seen := map[string]bool{}
	for i := range decisions {
		d := &decisions[i]
		if !d.Open() || level != "any" && d.Finding.Severity.Rank() < vuln.Level(level).Rank() || seen[d.Finding.ID] {
			continue
		}
		seen[d.Finding.ID] = true
		names = append(names, d.Finding.ID)
	}
	if len(names) == 0 && len(report.Missing) > 0 {
		return fmt.Errorf("--fail-on cannot tell: the database has no records of %s", strings.Join(report.Missing, ", "))
	}
	if len(names) == 0 {
		return nil
	}
	list := names
	if len(list) > 5 {
		list = append(list[:5:5], "...")
	}
	what := "open vulnerabilities of level " + level + " or worse"
	if level == "any" {
		what = "open vulnerabilities"
	}
	if len(names) == 1 {
		what = strings.Replace(what, "vulnerabilities", "vulnerability", 1)
	}
	return fmt.Errorf("%d %s: %s", len(names), what, strings.Join(list, ", "))
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
	files := map[string][]string{}
	for _, file := range document.Files {
		if file.Owner != "" {
			files[file.Owner] = append(files[file.Owner], string(file.Path))
		}
	}
	warnings = document.Warnings
	for _, pkg := range document.Packages {
		if pkg.Application && pkg.Version == "" {
			continue // built of a working copy: nobody can have published anything about it
		}
		found, err := vuln.FromPurl(pkg.Purl)
		if err != nil {
			warnings = append(warnings, err.Error())
			continue
		}
		found.Files = files[pkg.Ref]
		list = append(list, found)
	}
	return list, warnings, nil
}

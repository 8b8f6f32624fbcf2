package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/slimimage/slim/analyzer/packages"
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

// imagePackages lists the packages of an image: those of its distribution's package manager.
func imagePackages(_ context.Context, root layers.RootFS) (list []vuln.Package, warnings []string, err error) {
	db, err := packages.Load(root)
	if err != nil {
		return nil, nil, err
	}
	id, version := osRelease(root)
	if len(db.Packages()) > 0 && id == "" {
		warnings = append(warnings, "its distribution is not known: it has no os-release")
	}
	for _, pkg := range db.Packages() {
		qualifiers := map[string]string{"arch": pkg.Arch, "distro": strings.Trim(id+"-"+version, "-")}
		purl := packageurl.NewPackageURL(pkg.Type, id, pkg.Name, pkg.Version, packageurl.QualifiersFromMap(qualifiers), "").ToString()
		found, err := vuln.FromPurl(purl)
		if err != nil {
			warnings = append(warnings, err.Error())
			continue
		}
		found.Name, found.Version, found.SourceName, found.Files = pkg.Name, pkg.Version, pkg.Source, pkg.Files
		list = append(list, found)
	}
	return list, append(warnings, db.Warnings()...), nil
}

// osRelease reads ID and VERSION_ID of os-release(5), or the code name of a release without number.
func osRelease(root fs.FS) (id, version string) {
	const most = 64 << 10
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		f, err := root.Open(name)
		if err != nil {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(f, most))
		_ = f.Close()
		if err != nil {
			continue
		}
		values := map[string]string{}
		for _, line := range strings.Split(string(data), "\n") {
			key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			values[key] = strings.Trim(value, `"'`)
		}
		if version = values["VERSION_ID"]; version == "" {
			version = values["VERSION_CODENAME"]
		}
		return values["ID"], version
	}
	return "", ""
}

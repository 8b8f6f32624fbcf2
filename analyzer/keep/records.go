package keep

import (
	"bytes"
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// maxDatabase bounds a package database, maxBill a bill of materials in the image, in bytes.
const (
	maxDatabase = 256 << 20
	maxBill     = 32 << 20
)

// records keeps the package databases, with only what is kept, so that scanners see what is there: dpkg's in the form of
// distroless images (var/lib/dpkg/status.d, PACKAGE_METADATA.md of GoogleContainerTools/distroless), apk's and rpm's with fewer entries.
func (p *planner) records() {
	kept := map[string]bool{}
	for _, pkg := range p.packagesKept() {
		kept[pkg.Name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(kept)) {
		copyright := "usr/share/doc/" + name + "/copyright"
		p.copyright(copyright, name)
	}
	p.sboms()
	for _, database := range p.db.Databases() {
		switch {
		case database == "var/lib/dpkg/status":
			p.dpkgRecords(kept)
		case strings.HasSuffix(database, "apk/db/installed"):
			p.apkRecords(database)
		case strings.HasSuffix(database, "/rpmdb.sqlite"):
			p.rpmRecords(database, kept)
		case strings.Contains(database, "rpm/"):
			p.put(database, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
			p.warn("the package database /" + database + " is of an old kind and kept whole: it also lists packages of which nothing is kept")
		case strings.Contains(database, "status.d/"):
			p.distrolessRecord(database, kept)
		}
	}
}

// sboms keeps the bills of materials that say what is inside a kept program: sboms/*.json, where DevGuard's scanner looks for a CycloneDX
// document whose component is named as the program's path.
func (p *planner) sboms() {
	for _, name := range p.im.below("sboms") {
		if !p.im.nodes[name].regular() || path.Dir(name) != "sboms" || path.Ext(name) != ".json" || p.excluded(name) || p.files[name] != nil {
			continue
		}
		data, err := p.im.read(name, maxBill)
		var bill struct {
			Metadata struct{ Component struct{ Name string } }
		}
		if err != nil || json.Unmarshal(data, &bill) != nil || bill.Metadata.Component.Name == "" {
			continue
		}
		program := bill.Metadata.Component.Name
		if res, ok := p.im.resolve(".", program); ok && p.files[res.Path] != nil {
			p.put(name, []analyzer.Reason{{Rule: analyzer.RuleBillOf, From: program}})
		}
	}
}

// rpmRecords writes rpm's database with the kept packages, and keeps their licences.
func (p *planner) rpmRecords(database string, kept map[string]bool) {
	data, err := p.im.read(database, maxDatabase)
	if err == nil {
		data, err = packages.FilterRpm(data, func(name string) bool { return kept[name] })
	}
	f := p.put(database, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
	if err != nil {
		p.warn("the package database is kept whole: " + err.Error())
		return
	}
	f.Content, f.Size, f.Edited = data, int64(len(data)), true
	for _, pkg := range p.db.Packages() {
		for _, name := range pkg.Files {
			if kept[pkg.Name] && strings.HasPrefix(name, "usr/share/licenses/") {
				p.copyright(name, pkg.Name)
			}
		}
	}
}

// copyright keeps a package's licence, through a link of its folder to another package's.
func (p *planner) copyright(name, pkg string) {
	res, ok := p.im.resolve(".", name)
	if !ok || !p.im.nodes[res.Path].regular() || p.excluded(res.Path) {
		return
	}
	for _, hop := range res.Hops {
		p.put(hop, []analyzer.Reason{{Rule: analyzer.RuleCopyrightOf, From: pkg}})
	}
	p.put(res.Path, []analyzer.Reason{{Rule: analyzer.RuleCopyrightOf, From: pkg}})
}

// dpkgRecords writes one stanza a kept package, without the fields that only dpkg itself reads.
func (p *planner) dpkgRecords(kept map[string]bool) {
	data, err := p.im.read("var/lib/dpkg/status", maxDatabase)
	if err != nil {
		p.warn("the package database cannot be read: " + err.Error())
		return
	}
	for _, stanza := range bytes.Split(data, []byte("\n\n")) {
		name, text := dpkgStanza(string(stanza))
		if !kept[name] || strings.ContainsAny(name, "/\x00") {
			continue
		}
		p.record("var/lib/dpkg/status.d/"+name, []byte(text))
		if sums := p.md5sums(name, field(string(stanza), "Architecture")); len(sums) > 0 {
			p.record("var/lib/dpkg/status.d/"+name+".md5sums", sums)
		}
	}
}

// distrolessRecord keeps a record that has dpkg's distroless form already, with the checksums of what is kept.
func (p *planner) distrolessRecord(name string, kept map[string]bool) {
	about, sums := strings.CutSuffix(name, ".md5sums")
	stanza, err := p.im.read(about, maxDatabase)
	if err != nil {
		return // checksums without a package
	}
	if pkg, _ := dpkgStanza(string(stanza)); !kept[pkg] {
		return
	}
	f := p.put(name, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
	if !sums {
		return
	}
	if data, err := p.im.read(name, maxDatabase); err == nil {
		f.Content, f.Edited = p.keptSums(data), true
		f.Size = int64(len(f.Content))
	}
}

// record is a file that slim writes about packages.
func (p *planner) record(name string, content []byte) {
	p.parents(name)
	f := p.fresh(name, "file", 0o644, content)
	f.Reasons = []analyzer.Reason{{Rule: analyzer.RulePackageRecord}}
}

// dpkgStanza is the package of a stanza and its text less Status and Conffiles.
func dpkgStanza(stanza string) (name, text string) {
	var b strings.Builder
	skip := false
	for _, line := range strings.Split(strings.Trim(stanza, "\n"), "\n") {
		continued := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		if !continued {
			key, value, _ := strings.Cut(line, ":")
			skip = key == "Status" || key == "Conffiles"
			if key == "Package" {
				name = strings.TrimSpace(value)
			}
		}
		if !skip {
			b.WriteString(line + "\n")
		}
	}
	return name, b.String()
}

func field(stanza, key string) string {
	for _, line := range strings.Split(stanza, "\n") {
		if value, ok := strings.CutPrefix(line, key+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// md5sums are the lines of a package's checksums whose files are kept.
func (p *planner) md5sums(name, arch string) []byte {
	var out []byte
	for _, file := range []string{name + ".md5sums", name + ":" + arch + ".md5sums"} {
		if data, err := p.im.read("var/lib/dpkg/info/"+file, maxDatabase); err == nil {
			out = append(out, p.keptSums(data)...)
		}
	}
	return out
}

// keptSums are the lines, "CHECKSUM  PATH", whose files are kept.
func (p *planner) keptSums(data []byte) []byte {
	var out bytes.Buffer
	for _, line := range strings.Split(string(data), "\n") {
		if len(line) < 35 {
			continue
		}
		if res, ok := p.im.resolve(".", line[34:]); ok && p.files[res.Path] != nil {
			out.WriteString(line + "\n")
		}
	}
	return out.Bytes()
}

// apkRecords writes the stanzas of kept packages with the files of each that are kept.
func (p *planner) apkRecords(database string) {
	data, err := p.im.read(database, maxDatabase)
	if err != nil {
		p.warn("the package database cannot be read: " + err.Error())
		return
	}
	var out bytes.Buffer
	for _, stanza := range strings.Split(string(data), "\n\n") {
		if text, files := p.apkStanza(stanza); files > 0 {
			out.WriteString(text + "\n\n")
		}
	}
	f := p.put(database, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
	f.Content, f.Size, f.Edited = out.Bytes(), int64(out.Len()), true
}

// apkStanza drops the F:, R:, a:, M: and Z: lines of files that are not kept (apk-package(5), the installed database).
func (p *planner) apkStanza(stanza string) (text string, files int) {
	var lines, folder []string
	dir, keep := "", true
	flush := func() {
		if len(folder) > 1 {
			lines = append(lines, folder...)
		}
		folder = nil
	}
	for _, line := range strings.Split(stanza, "\n") {
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "F":
			flush()
			dir, keep = value, true
			folder = []string{line}
		case "R":
			at, ok := p.im.resolve(".", string(layers.CleanPath(dir))) // the link itself counts, not what it leads to
			keep = ok && p.files[path.Join(at.Path, value)] != nil
			if keep {
				files++
				folder = append(folder, line)
			}
		case "M", "a", "Z":
			if keep && folder != nil {
				folder = append(folder, line)
			}
		default:
			lines = append(lines, line)
		}
	}
	flush()
	return strings.Join(lines, "\n"), files
}

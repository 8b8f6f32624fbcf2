package keep

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/packages/rpmdb"
	"github.com/slimimage/slim/layers"
)

// maxBill bounds a bill of materials in the image, in bytes.
const maxBill = 32 << 20

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
		switch packages.FormatOf(database) {
		case packages.FormatDpkg:
			p.dpkgRecords(kept)
		case packages.FormatApk:
			p.apkRecords(database)
		case packages.FormatRpm:
			p.rpmRecords(database, kept)
		case packages.FormatRpmOld:
			p.put(database, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
			p.warn("the package database /" + database + " is of an old kind and kept whole: it also lists packages of which nothing is kept")
		case packages.FormatDistroless:
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
	data, err := p.im.read(database, rpmdb.MaxSize)
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
	data, err := p.im.read("var/lib/dpkg/status", packages.MaxDatabase)
	if err != nil {
		p.warn("the package database cannot be read: " + err.Error())
		return
	}
	for record := range packages.DpkgRecords(data) {
		if !kept[record.Name] {
			continue
		}
		p.record("var/lib/dpkg/status.d/"+record.Name, record.Text)
		if sums := p.md5sums(record.Sums); len(sums) > 0 {
			p.record("var/lib/dpkg/status.d/"+record.Name+".md5sums", sums)
		}
	}
}

// distrolessRecord keeps a record that has dpkg's distroless form already, with the checksums of what is kept.
func (p *planner) distrolessRecord(name string, kept map[string]bool) {
	about, sums := strings.CutSuffix(name, ".md5sums")
	stanza, err := p.im.read(about, packages.MaxDatabase)
	if err != nil {
		return // checksums without a package
	}
	if !slices.ContainsFunc(packages.PackageNames(stanza), func(name string) bool { return kept[name] }) {
		return
	}
	f := p.put(name, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
	if !sums {
		return
	}
	if data, err := p.im.read(name, packages.MaxDatabase); err == nil {
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

// md5sums are the lines of a package's checksums whose files are kept.
func (p *planner) md5sums(files []string) []byte {
	var out []byte
	for _, file := range files {
		if data, err := p.im.read(file, packages.MaxDatabase); err == nil {
			out = append(out, p.keptSums(data)...)
		}
	}
	return out
}

// keptSums are the lines of a list of checksums whose files are kept.
func (p *planner) keptSums(data []byte) []byte {
	return packages.FilterSums(data, func(name string) bool {
		res, ok := p.im.resolve(".", name)
		return ok && p.files[res.Path] != nil
	})
}

// apkRecords writes the stanzas of kept packages with the files of each that are kept.
func (p *planner) apkRecords(database string) {
	data, err := p.im.read(database, packages.MaxDatabase)
	if err != nil {
		p.warn("the package database cannot be read: " + err.Error())
		return
	}
	out := packages.FilterApk(data, func(dir, name string) bool {
		at, ok := p.im.resolve(".", string(layers.CleanPath(dir))) // the link itself counts, not what it leads to
		return ok && p.files[path.Join(at.Path, name)] != nil
	})
	f := p.put(database, []analyzer.Reason{{Rule: analyzer.RulePackageRecord}})
	f.Content, f.Size, f.Edited = out, int64(len(out)), true
}

package sbom

import (
	"encoding/json"
	"path"
	"strings"
)

type composerPackage struct {
	Name, Version, Type, Homepage string
	License                       json.RawMessage
	Authors                       []struct{ Name, Email string }
	Require                       json.RawMessage // an object, or an empty list
	InstallPath                   string          `json:"install-path"` // relative to vendor/composer
	Source, Dist                  struct{ URL string }
}

// parseComposer reads vendor/composer/installed.json: {"packages": [...]} since Composer 2, the list alone before.
func parseComposer(name string, data []byte) metadata {
	var file struct{ Packages []composerPackage }
	if err := json.Unmarshal(data, &file); err != nil {
		if json.Unmarshal(data, &file.Packages) != nil {
			return lost(name, err)
		}
	}
	var m metadata
	dir := path.Dir(name)
	for _, pkg := range file.Packages {
		if m.enough(name) {
			break
		}
		if !plausible(pkg.Name) || !plausible(pkg.Version) {
			continue
		}
		namespace, base := splitName(pkg.Name)
		f := found{
			Package: Package{
				Type: "composer", Name: pkg.Name, Version: pkg.Version, Purl: purl("composer", namespace, base, pkg.Version, nil),
				Homepage: pkg.Homepage,
				Licenses: composerLicenses(pkg.License), SourceURL: sourceURL(pkg.Source.URL),
			},
			key: strings.ToLower(pkg.Name), scope: dir, dir: path.Join(path.Dir(dir), pkg.Name),
		}
		if len(pkg.Authors) > 0 {
			f.Supplier = person(pkg.Authors[0].Name, pkg.Authors[0].Email)
		}
		if pkg.InstallPath != "" {
			f.dir = strings.TrimPrefix(path.Join("/", dir, pkg.InstallPath), "/")
		}
		if isURL(pkg.Dist.URL) {
			f.Artifact = Artifact{URL: pkg.Dist.URL, Name: fileOf(pkg.Dist.URL)}
		}
		var require map[string]json.RawMessage
		if json.Unmarshal(pkg.Require, &require) == nil {
			for _, name := range sortedKeys(require) {
				if strings.Contains(name, "/") { // others are PHP, its extensions and libraries (getcomposer.org, "Platform packages")
					f.requires = append(f.requires, []string{strings.ToLower(name)})
				}
			}
		}
		m.found = append(m.found, f)
	}
	return m
}

// composerLicenses reads a text or a list, of which one may be chosen (getcomposer.org/doc/04-schema.md, "license").
func composerLicenses(raw json.RawMessage) []string {
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return licenseTerms(textOf(raw))
	}
	return licenseTerms(strings.Join(list, " OR "))
}

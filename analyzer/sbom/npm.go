package sbom

import (
	"encoding/json"
	"maps"
	"path"
	"slices"
	"strings"
)

// npmManifest is package.json. What has more than one form is read later.
type npmManifest struct {
	Name, Version        string
	License, Licenses    json.RawMessage
	Author, Maintainers  json.RawMessage
	Repository           json.RawMessage
	Homepage             json.RawMessage
	Dependencies         json.RawMessage
	OptionalDependencies json.RawMessage
	PeerDependencies     json.RawMessage
}

// parseNpm reads package.json. One without name and version does not describe a package, only how the files below it are loaded.
func parseNpm(name string, data []byte) metadata {
	var manifest npmManifest
	if err := json.Unmarshal(data, &manifest); err != nil {
		return metadata{warning: unreadable(name, err)}
	}
	if !plausible(manifest.Name) || !plausible(manifest.Version) {
		return metadata{}
	}
	dir := path.Dir(name)
	namespace, base := splitName(manifest.Name)
	f := found{
		Package: Package{
			Type: "npm", Name: manifest.Name, Version: manifest.Version, Purl: purl("npm", namespace, base, manifest.Version, nil),
			Licenses: npmLicenses(manifest.License, manifest.Licenses), Supplier: npmPerson(manifest.Author), Homepage: textOf(manifest.Homepage),
			SourceURL: npmRepository(manifest.Repository),
		},
		key: dir, dir: dir,
	}
	if f.Supplier == "" {
		var list []json.RawMessage
		if json.Unmarshal(manifest.Maintainers, &list) == nil && len(list) > 0 {
			f.Supplier = npmPerson(list[0])
		}
	}
	optional := npmNames(manifest.OptionalDependencies) // npm writes them among "dependencies", too
	for _, name := range sortedKeys(npmNames(manifest.Dependencies)) {
		if !optional[name] {
			f.requires = append(f.requires, npmPlaces(dir, name))
		}
	}
	maps.Copy(optional, npmNames(manifest.PeerDependencies)) // of the project, which may do without
	for _, name := range sortedKeys(optional) {
		f.wishes = append(f.wishes, npmPlaces(dir, name))
	}
	return metadata{found: []found{f}}
}

// npmNames are the names in an object of dependencies; none in the empty list that old tools write.
func npmNames(raw json.RawMessage) map[string]bool {
	var list map[string]json.RawMessage
	names := map[string]bool{}
	if json.Unmarshal(raw, &list) == nil {
		for name := range list {
			if plausible(name) {
				names[name] = true
			}
		}
	}
	return names
}

// npmRepository reads "repository": a URL or a short form of one, or {"url"}.
func npmRepository(raw json.RawMessage) string {
	var object struct{ URL string }
	if json.Unmarshal(raw, &object) == nil {
		return sourceURL(object.URL)
	}
	return sourceURL(textOf(raw))
}

// debianNode are the folders in which Debian's Node.js looks besides (Debian JavaScript Policy, "nodejs modules").
var debianNode = []string{"usr/share/nodejs", "usr/lib/nodejs"}

// npmPlaces are the directories in which Node.js looks for a package, nearest first (nodejs.org/api/modules.html, "Loading from
// node_modules folders").
func npmPlaces(dir, name string) []string {
	var places []string
	for at := dir; len(places) < maxDepth; at = path.Dir(at) {
		if path.Base(at) != "node_modules" {
			places = append(places, path.Join(at, "node_modules", name))
		}
		if at == "." || at == "/" {
			break
		}
	}
	for _, folder := range debianNode {
		places = append(places, path.Join(folder, name))
	}
	return places
}

// npmLicenses reads "license", which is an expression or {"type"}, and the older "licenses", a list of objects with "type".
func npmLicenses(license, licenses json.RawMessage) []string {
	one := func(raw json.RawMessage) []string {
		var object struct{ Type, Name string }
		if json.Unmarshal(raw, &object) == nil && object.Type+object.Name != "" {
			if object.Type == "" {
				object.Type = object.Name
			}
			return licenseTerms(object.Type)
		}
		text := textOf(raw)
		if strings.HasPrefix(strings.ToUpper(text), "SEE LICENSE") || strings.EqualFold(text, "UNLICENSED") {
			return nil
		}
		return licenseTerms(text)
	}
	terms := one(license)
	for _, raw := range []json.RawMessage{license, licenses} {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			continue
		}
		var choices []string
		for _, item := range list {
			if part := one(item); len(part) > 0 {
				choices = addTerms(choices, []string{joinAll(part)})
			}
		}
		if len(choices) > 0 {
			terms = addTerms(terms, licenseTerms(strings.Join(choices, " OR ")))
		}
	}
	return terms
}

// npmPerson reads "NAME <ADDRESS> (URL)" or {"name", "email", "url"}.
func npmPerson(raw json.RawMessage) string {
	var object struct{ Name, Email, URL string }
	if json.Unmarshal(raw, &object) == nil {
		if object.Email == "" && isURL(object.URL) {
			object.Email = object.URL
		}
		return person(object.Name, object.Email)
	}
	text, home, _ := strings.Cut(textOf(raw), "(")
	if home = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(home), ")")); isURL(home) && !strings.Contains(text, "<") {
		return person(text, home)
	}
	return person(text, "")
}

// textOf is a JSON string; "" for all else.
func textOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// unreadable is the warning for metadata that is not what it should be.
func unreadable(name string, err error) string {
	text := err.Error()
	if len(text) > maxLicenseText {
		text = text[:maxLicenseText]
	}
	return "\"" + name + "\" cannot be read: " + text
}

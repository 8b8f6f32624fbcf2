package sbom

import (
	"encoding/json"
	"path"
	"strings"
)

// dotnetFile is NAME.deps.json, which the .NET host reads (dotnet/sdk, documentation/specs/runtime-configuration-file.md).
type dotnetFile struct {
	RuntimeTarget json.RawMessage
	Targets       map[string]map[string]struct {
		Dependencies map[string]string
		Runtime      map[string]json.RawMessage
		Native       map[string]json.RawMessage
	}
	Libraries map[string]struct{ Type string }
}

// parseDotnet reads the packages of a .NET application or framework.
func parseDotnet(name string, data []byte) metadata {
	var file dotnetFile
	if err := json.Unmarshal(data, &file); err != nil {
		return lost(name, err)
	}
	var target struct{ Name string }
	if json.Unmarshal(file.RuntimeTarget, &target) != nil {
		target.Name = textOf(file.RuntimeTarget)
	}
	assets := file.Targets[target.Name]
	var m metadata
	dir := path.Dir(name)
	for _, library := range sortedKeys(file.Libraries) {
		if m.enough(name) {
			break
		}
		kind := file.Libraries[library].Type
		title, version := splitName(library)
		if kind != "package" && kind != "runtimepack" || !plausible(title) || !plausible(version) {
			continue
		}
		title = strings.TrimPrefix(title, "runtimepack.")
		f := found{
			Package: Package{Type: "nuget", Name: title, Version: version, Purl: purl("nuget", "", title, version, nil)},
			key:     strings.ToLower(library), scope: name,
		}
		for _, dependency := range sortedKeys(assets[library].Dependencies) {
			f.requires = append(f.requires, []string{strings.ToLower(dependency + "/" + assets[library].Dependencies[dependency])})
		}
		for _, list := range []map[string]json.RawMessage{assets[library].Runtime, assets[library].Native} {
			for _, asset := range sortedKeys(list) { // publishing flattens lib/net8.0/X.dll to X.dll
				f.owned = append(f.owned, strings.TrimPrefix(path.Join("/", dir, path.Base(asset)), "/"), strings.TrimPrefix(path.Join("/", dir, asset),
					"/"))
			}
		}
		m.found = append(m.found, f)
	}
	return m
}

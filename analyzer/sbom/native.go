package sbom

import (
	"bytes"
	"compress/zlib"
	"debug/buildinfo"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
)

// maxAudit bounds what cargo auditable wrote, unpacked.
const maxAudit = 8 << 20

// maxModules bounds the modules of one Go program; the largest have some thousand.
const maxModules = 20_000

// lookELF reads what a program says of how it was built: Go's build information, and the section that cargo auditable adds.
func lookELF(name string, r io.ReaderAt, size int64) metadata {
	section := io.NewSectionReader(r, 0, size)
	if info, err := buildinfo.Read(section); err == nil {
		m := metadata{found: goModules(name, info)}
		if len(info.Deps) > maxModules {
			m.warning, m.lost = fmt.Sprintf("%q is built of more than %d modules: the rest was not read", name, maxModules), true
		}
		return m
	}
	file, err := elf.NewFile(section)
	if err != nil {
		return metadata{}
	}
	audit := file.Section(".dep-v0")
	if audit == nil {
		return metadata{}
	}
	if audit.Size > maxAudit {
		return lost(name, errLarge)
	}
	packed, err := io.ReadAll(io.LimitReader(audit.Open(), maxAudit))
	if err != nil {
		return lost(name, err)
	}
	found, err := parseAudit(name, packed)
	if err != nil {
		return lost(name, err)
	}
	return metadata{found: found}
}

// goModules are the modules a Go program was built of; the first is its own. The standard library counts as one, under the name
// that vulnerability databases use.
func goModules(name string, info *debug.BuildInfo) []found {
	module := func(path, version string) (found, bool) {
		if version == "(devel)" {
			version = ""
		}
		namespace, base := splitName(path)
		ok := plausible(path) && (version == "" || plausible(version))
		return found{
			Package: Package{Type: "golang", Name: path, Version: version, Purl: purl("golang", namespace, base, version, nil),
				SourceURL: moduleSource(path)},
			key: path, scope: name, partial: true, // only that the program is built of it
		}, ok
	}
	path := info.Main.Path
	if path == "" {
		path = info.Path // built of single files, or without modules
	}
	main, ok := module(path, info.Main.Version)
	if !ok {
		main, _ = module("command-line-arguments", "") // as the go command calls it
	}
	main.Application, main.owned, main.file, main.partial = true, []string{name}, name, false
	main.Kind = &Kind{Structured: true}
	list := []found{main}
	version, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ") // "go1.22.1 X:boringcrypto"
	if std, ok := module("stdlib", version); ok && path != "std" {
		list = append(list, std)
	}
	for _, dep := range info.Deps[:min(len(info.Deps), maxModules)] {
		if dep.Replace != nil && plausible(dep.Replace.Path) && !strings.HasPrefix(dep.Replace.Path, ".") && !strings.HasPrefix(dep.Replace.Path,
			"/") {
			dep = dep.Replace
		}
		if f, ok := module(dep.Path, dep.Version); ok {
			list = append(list, f)
		}
	}
	for _, f := range list[1:] {
		list[0].requires = append(list[0].requires, []string{f.key})
	}
	return list
}

// auditPackage is a crate in the JSON that cargo auditable writes (rust-secure-code/cargo-auditable, PARSING.md).
type auditPackage struct {
	Name, Version, Source, Kind string
	Dependencies                []int
	Root                        bool
}

// parseAudit reads a .dep-v0 section: JSON, compressed with zlib. Crates that only the build used are left out.
func parseAudit(name string, packed []byte) ([]found, error) {
	r, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var audit struct{ Packages []auditPackage }
	if err := json.NewDecoder(io.LimitReader(r, maxAudit)).Decode(&audit); err != nil {
		return nil, err
	}
	var list []found
	left := maxRequires / 10
	for _, crate := range audit.Packages {
		if crate.Kind == "build" || !plausible(crate.Name) || !plausible(crate.Version) {
			continue
		}
		f := found{
			Package: Package{Type: "cargo", Name: crate.Name, Version: crate.Version, Purl: purl("cargo", "", crate.Name, crate.Version, nil),
				Application: crate.Root},
			key: crate.Name + "@" + crate.Version, scope: name,
		}
		for _, i := range crate.Dependencies {
			if left--; left < 0 || i < 0 || i >= len(audit.Packages) {
				break
			}
			f.requires = append(f.requires, []string{audit.Packages[i].Name + "@" + audit.Packages[i].Version})
		}
		if crate.Root {
			f.owned, f.file, f.Kind = []string{name}, name, &Kind{Structured: true}
		}
		list = append(list, f)
	}
	return list, nil
}

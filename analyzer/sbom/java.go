package sbom

import (
	"archive/zip"
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
)

// Bounds of a Java archive.
const (
	maxZipEntries = 200_000
	maxProperties = 64 << 10  // bytes of pom.properties
	maxNested     = 64 << 20  // bytes of an archive in an archive, unpacked
	maxNestedAll  = 512 << 20 // of all of them
	maxPoms       = 2000      // shaded archives list many
)

// jarFile is "NAME-VERSION.jar", the version beginning with a digit.
var jarFile = regexp.MustCompile(`^(.+?)-(\d[^/]*)$`)

// lookJava reads the packages in a jar or war and in the archives inside it, one level deep.
func lookJava(name string, r io.ReaderAt, size int64) metadata {
	found, err := readJar(name, name, r, size, true)
	m := metadata{found: found}
	if err != nil {
		m.warning, m.lost = unreadable(name, err), true
	}
	return m
}

// readJar reads one archive; place is how it is called in the document, NAME or OUTER!/INNER.
func readJar(name, place string, r io.ReaderAt, size int64, outer bool) ([]found, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(archive.File) > maxZipEntries {
		return nil, fmt.Errorf("it has more than %d entries", maxZipEntries)
	}
	var (
		poms []found
		dirs []string // of poms, in the archive
		errs []error
	)
	manifest, descriptions := map[string][]string{}, map[string]*zip.File{}
	var nested []*zip.File
	for _, file := range archive.File {
		if dir, ok := pomDir(file.Name); ok && len(descriptions) < maxPoms {
			descriptions[dir] = file
		}
		switch base := path.Base(file.Name); {
		case file.Name == "META-INF/MANIFEST.MF":
			if data, err := readEntry(file, maxManifest); err == nil {
				manifest = parseHeaders(data, "")
			}
		case base == "pom.properties" && strings.HasPrefix(file.Name, "META-INF/maven/"):
			data, err := readEntry(file, maxProperties)
			if err == nil && len(poms) >= maxPoms {
				err = fmt.Errorf("it is one of more than %d", maxPoms)
			}
			if err != nil {
				errs = append(errs[:min(len(errs), 2)], fmt.Errorf("%q in it: %w", file.Name, err))
				continue
			}
			for _, f := range parsePom(data) {
				poms, dirs = append(poms, f), append(dirs, path.Dir(file.Name))
			}
		case outer && strings.HasSuffix(base, ".jar"):
			nested = append(nested, file)
		}
	}
	describePoms(poms, dirs, descriptions)
	list := own(name, poms, manifest)
	for i := range list {
		list[i].Locations = []string{place}
		list[i].scope = place
	}
	if len(list) > 0 && outer {
		list[0].owned = []string{name}
		if list[0].self {
			list[0].file = name
		}
	}
	inner, err := readNested(name, place, nested)
	if len(list) > 0 {
		for _, f := range inner {
			list[0].requires = append(list[0].requires, []string{f.key})
		}
	}
	return append(list, inner...), errors.Join(append(errs, err)...)
}

// readNested reads the archives inside one.
func readNested(name, place string, files []*zip.File) ([]found, error) {
	var (
		list []found
		errs []error
	)
	left := int64(maxNestedAll)
	for _, file := range files {
		data, err := readEntry(file, min(maxNested, left))
		left -= int64(len(data))
		var inner []found
		if err == nil {
			inner, err = readJar(file.Name, place+"!/"+file.Name, bytes.NewReader(data), int64(len(data)), false)
		}
		if len(inner) > 0 && inner[0].self {
			sum := sha512.Sum512(data)
			inner[0].Artifact = Artifact{Name: path.Base(file.Name), SHA512: hex.EncodeToString(sum[:])}
			kind := kindOf(data)
			inner[0].Kind = &kind
		}
		if err != nil && len(errs) < 3 {
			errs = append(errs, fmt.Errorf("%q in it: %w", file.Name, err))
		}
		if list = append(list, inner...); len(list) > maxFound {
			return list, errors.Join(append(errs, errors.New("too many packages"))...)
		}
	}
	return list, errors.Join(errs...)
}

var errLarge = errors.New("too large")

// readEntry unpacks one entry of an archive.
func readEntry(file *zip.File, limit int64) ([]byte, error) {
	if file.UncompressedSize64 > uint64(max(limit, 0)) {
		return nil, errLarge
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = errLarge
	}
	return data, err
}

// parsePom reads pom.properties as Maven's archiver writes it: groupId, artifactId and version, one KEY=VALUE a line.
func parsePom(data []byte) []found {
	values := map[string]string{}
	for line := range bytes.Lines(data) {
		if key, value, ok := strings.Cut(string(line), "="); ok && !strings.HasPrefix(key, "#") {
			values[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	if !plausible(values["groupId"]) || !plausible(values["artifactId"]) || !plausible(values["version"]) {
		return nil
	}
	return []found{maven(values["groupId"], values["artifactId"], values["version"])}
}

func maven(group, artifact, version string) found {
	return found{
		Package: Package{Type: "maven", Group: group, Name: artifact, Version: version, Purl: purl("maven", group, artifact, version, nil)},
		key:     group + ":" + artifact + "@" + version,
		partial: true, // an archive does not say what it needs besides
	}
}

// own puts the package that the archive itself is first: the one of poms that its file is named after, or the only one. Without
// any it is what manifest and file name say.
func own(name string, poms []found, manifest map[string][]string) []found {
	base := strings.TrimSuffix(path.Base(name), path.Ext(name))
	self := -1
	for i, f := range poms {
		if base == f.Name || strings.HasPrefix(base, f.Name+"-") && (self < 0 || len(f.Name) > len(poms[self].Name)) {
			self = i
		}
	}
	if self < 0 && len(poms) == 1 {
		self = 0
	}
	if self < 0 {
		f, ok := fromManifest(base, manifest)
		if !ok {
			return poms
		}
		poms, self = append(poms, f), len(poms)
	}
	poms[0], poms[self] = poms[self], poms[0]
	poms[0].self = true
	describe(&poms[0].Package, manifest)
	return poms
}

// fromManifest guesses the package of an archive that Maven has not built: version and group of the manifest, the name of the file.
func fromManifest(base string, manifest map[string][]string) (found, bool) {
	artifact, version := base, ""
	if m := jarFile.FindStringSubmatch(base); m != nil {
		artifact, version = m[1], m[2]
	}
	for _, key := range []string{"implementation-version", "bundle-version", "specification-version"} {
		if version == "" {
			version = first(manifest, key)
		}
	}
	group := first(manifest, "implementation-vendor-id")
	symbolic, _, _ := strings.Cut(first(manifest, "bundle-symbolicname"), ";")
	for _, full := range []string{strings.TrimSpace(symbolic), first(manifest, "automatic-module-name")} {
		if i := strings.LastIndexByte(full, '.'); group == "" && i > 0 {
			group = full
			if full[i+1:] == artifact {
				group = full[:i]
			}
		}
	}
	if strings.ContainsAny(group, " /") || group == "" {
		group = artifact // as early Maven artifacts have it
	}
	if !plausible(artifact) || !plausible(version) || !plausible(group) {
		return found{}, false
	}
	return maven(group, artifact, version), true
}

// describe adds what the manifest says besides.
func describe(pkg *Package, manifest map[string][]string) {
	license, _, _ := strings.Cut(first(manifest, "bundle-license"), ";")
	if terms := licenseTerms(strings.Trim(license, `" `)); len(pkg.Licenses) == 0 {
		pkg.Licenses = terms
	}
	for _, key := range []string{"implementation-vendor", "bundle-vendor"} {
		if pkg.Supplier == "" {
			pkg.Supplier = person(first(manifest, key), "")
		}
	}
	if pkg.Homepage == "" {
		pkg.Homepage = first(manifest, "bundle-docurl")
	}
}

package sbom

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// The part of SPDX 2.3 that is written (spdx.github.io/spdx-spec/v2.3).
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Comment       string             `json:"comment,omitempty"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Files         []spdxFile         `json:"files,omitempty"`
		Licenses      []spdxLicense      `json:"hasExtractedLicensingInfos,omitempty"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		Name      string            `json:"name"`
		ID        string            `json:"SPDXID"`
		Version   string            `json:"versionInfo,omitempty"`
		File      string            `json:"packageFileName,omitempty"`
		Supplier  string            `json:"supplier"`
		Origin    string            `json:"originator,omitempty"`
		Download  string            `json:"downloadLocation"`
		Analyzed  bool              `json:"filesAnalyzed"`
		Verify    *spdxVerification `json:"packageVerificationCode,omitempty"`
		Checksums []spdxChecksum    `json:"checksums,omitempty"`
		Homepage  string            `json:"homepage,omitempty"`
		Source    string            `json:"sourceInfo,omitempty"`
		Concluded string            `json:"licenseConcluded"`
		Declared  string            `json:"licenseDeclared"`
		Copyright string            `json:"copyrightText"`
		Comment   string            `json:"comment,omitempty"`
		External  []spdxExternal    `json:"externalRefs,omitempty"`
		Purpose   string            `json:"primaryPackagePurpose"`
	}
	spdxVerification struct {
		Value string `json:"packageVerificationCodeValue"`
	}
	spdxExternal struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxFile struct {
		Name      string         `json:"fileName"`
		ID        string         `json:"SPDXID"`
		Types     []string       `json:"fileTypes,omitempty"`
		Checksums []spdxChecksum `json:"checksums"`
		Concluded string         `json:"licenseConcluded"`
		InFile    []string       `json:"licenseInfoInFiles"`
		Copyright string         `json:"copyrightText"`
	}
	spdxChecksum struct {
		Algorithm string `json:"algorithm"`
		Value     string `json:"checksumValue"`
	}
	spdxLicense struct {
		ID   string `json:"licenseId"`
		Text string `json:"extractedText"`
		Name string `json:"name"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Kind string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	spdxNone = "NOASSERTION"
	spdxSelf = "SPDXRef-DOCUMENT"
	spdxRoot = "SPDXRef-Image"
	// spdxNamespace begins the document's namespace: an identifier, nothing is to be fetched there (section 6.5).
	spdxNamespace = slimURL + "/spdx/"
	spdxEpoch     = "1970-01-01T00:00:00Z"
)

// SPDX is the document as SPDX 2.3 JSON. Its namespace is made of its content. Errors are those of encoding.
func (d *Document) SPDX() ([]byte, error) {
	doc := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: spdxSelf, Name: d.name(),
		Creation:      spdxCreation{Created: d.opt.Created, Creators: []string{"Tool: slim"}},
		Relationships: []spdxRelationship{{spdxSelf, "DESCRIBES", spdxRoot}},
	}
	if len(d.Incomplete) > 0 {
		doc.Comment = "This document is incomplete. " + strings.Join(d.Incomplete, "; ")
	}
	if doc.Creation.Created == "" {
		doc.Creation.Created = spdxEpoch
	}
	if d.opt.Tool != "" {
		doc.Creation.Creators[0] += "-" + d.opt.Tool
	}
	if author := spdxSupplier(d.opt.Author); author != spdxNone {
		doc.Creation.Creators = append(doc.Creation.Creators, author)
	}
	files := map[string][]string{} // SHA-1 sums by owner
	for _, f := range d.listed() {
		files[f.Owner] = append(files[f.Owner], f.SHA1)
	}
	refs := map[string]string{}
	root := newSpdxPackage(d.image(), refs)
	root.Name, root.ID, root.Version, root.Purpose = d.name(), spdxRoot, d.opt.Version, "CONTAINER"
	root.refer(d.opt.Purl)
	root.verify(files[""])
	doc.Packages = []spdxPackage{root}
	if d.Distro.ID != "" {
		doc.Packages = append(doc.Packages, d.spdxSystem(refs))
		doc.Relationships = append(doc.Relationships, spdxRelationship{spdxRoot, "CONTAINS", spdxSystemID})
	}
	for _, pkg := range d.Packages {
		p := newSpdxPackage(pkg, refs)
		p.verify(files[pkg.Ref])
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{spdxRoot, "CONTAINS", p.ID})
		for _, on := range pkg.Depends {
			doc.Relationships = append(doc.Relationships, spdxRelationship{p.ID, "DEPENDS_ON", spdxID(on)})
		}
	}
	for _, f := range d.listed() {
		file := newSpdxFile(f)
		owner := spdxRoot
		if f.Owner != "" {
			owner = spdxID(f.Owner)
		}
		doc.Files = append(doc.Files, file)
		doc.Relationships = append(doc.Relationships, spdxRelationship{owner, "CONTAINS", file.ID})
	}
	for _, ref := range slices.Sorted(maps.Keys(refs)) {
		doc.Licenses = append(doc.Licenses, spdxLicense{ref, refs[ref], refs[ref]})
	}
	content, err := encode(doc)
	if err != nil {
		return nil, err
	}
	doc.Namespace = spdxNamespace + contentUUID(content)
	return encode(doc)
}

// spdxSystemID is the identifier of the distribution. Trivy knows it by how it begins, and without one it finds no vulnerability of a
// distribution's packages (pkg/sbom/spdx in Trivy 0.74).
const spdxSystemID = "SPDXRef-OperatingSystem"

// spdxSystem is the distribution, as a package.
func (d *Document) spdxSystem(refs map[string]string) spdxPackage {
	p := newSpdxPackage(Package{Name: d.Distro.ID, Version: d.Distro.Version}, refs)
	p.ID, p.Purpose, p.Comment = spdxSystemID, "OPERATING-SYSTEM", d.Distro.Name
	p.verify(nil)
	return p
}

// spdxID is the identifier of a Ref or path: letters, digits, "." and "-" (section 7.2), unique by a hash.
func spdxID(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	kind := "File"
	if rest, ok := strings.CutPrefix(ref, "pkg:"); ok {
		kind, _, _ = strings.Cut(rest, "/")
	}
	return "SPDXRef-" + refSafe(kind) + "-" + hex.EncodeToString(sum[:10])
}

func newSpdxPackage(pkg Package, refs map[string]string) spdxPackage {
	p := spdxPackage{
		Name: pkg.Name, ID: spdxID(pkg.Ref), Version: pkg.Version, Supplier: spdxSupplier(pkg.Supplier), Download: spdxNone,
		Concluded: spdxNone, Declared: asExpression(pkg.Licenses, refs), Copyright: spdxNone, Purpose: "LIBRARY", File: pkg.Artifact.Name,
	}
	if pkg.Group != "" {
		p.Name = pkg.Group + ":" + pkg.Name
	}
	if p.Declared == "" {
		p.Declared = spdxNone
	}
	if pkg.Application {
		p.Purpose = "APPLICATION"
	}
	if isURL(pkg.Homepage) {
		p.Homepage = pkg.Homepage
	}
	if pkg.Artifact.URL != "" {
		p.Download = pkg.Artifact.URL
	}
	if pkg.Artifact.SHA512 != "" {
		p.Checksums = []spdxChecksum{{"SHA512", pkg.Artifact.SHA512}}
	}
	switch pkg.Type {
	case "deb", "apk", "rpm": // whoever packaged it is not who wrote it
		p.Origin = spdxNone
	default:
		p.Origin = p.Supplier
	}
	if p.Source = spdxSource(pkg); pkg.Relations != "" {
		p.Comment = "dependencies: " + string(pkg.Relations) // a relationship to NOASSERTION or NONE is not known to every reader
	}
	p.refer(pkg.Purl)
	return p
}

// spdxSource is where a package's code is from, as text (section 7.12).
func spdxSource(pkg Package) string {
	var parts []string
	if len(pkg.Locations) > 0 {
		parts = append(parts, "found in "+printable(pkg.Locations[0]))
	} else if pkg.Source != "" {
		parts = append(parts, "built from "+pkg.Source)
	}
	if pkg.SourceURL != "" {
		parts = append(parts, "source code: "+pkg.SourceURL)
	}
	return strings.Join(parts, "; ")
}

func (p *spdxPackage) refer(purl string) {
	if purl != "" {
		p.External = []spdxExternal{{"PACKAGE-MANAGER", "purl", purl}}
	}
}

// verify marks a package whose files are listed, with their verification code (section 7.9): the SHA-1 of their sorted sums.
func (p *spdxPackage) verify(sums []string) {
	if len(sums) == 0 {
		return
	}
	slices.Sort(sums)
	p.Analyzed = true
	p.Verify = &spdxVerification{fmt.Sprintf("%x", sha1.Sum([]byte(strings.Join(sums, ""))))}
}

// spdxSupplier is "Organization: NAME (ADDRESS)" (section 7.5); whether it is a person is not known.
func spdxSupplier(text string) string {
	name, address := splitPerson(text)
	switch {
	case name == "" && address == "":
		return spdxNone
	case name == "":
		name, address = address, ""
	}
	name = strings.Map(func(r rune) rune {
		if r == '(' || r == ')' {
			return -1
		}
		return r
	}, name)
	if address != "" {
		name += " (" + address + ")"
	}
	return "Organization: " + name
}

func newSpdxFile(f File) spdxFile {
	file := spdxFile{
		Name: "." + f.Path.String(), ID: spdxID(f.Path.String()), Checksums: []spdxChecksum{{"SHA1", f.SHA1}, {"SHA256", f.SHA256}},
		Concluded: spdxNone, InFile: []string{spdxNone}, Copyright: spdxNone,
	}
	if f.SHA512 != "" {
		file.Checksums = append(file.Checksums, spdxChecksum{"SHA512", f.SHA512})
	}
	if f.ELF {
		file.Types = []string{"BINARY"}
	}
	if f.Kind.Archive {
		file.Types = append(file.Types, "ARCHIVE")
	}
	return file
}

// printable is a physical path as it is printed.
func printable(name string) string { return layers.Path(name).String() }

package sbom

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"

	"github.com/slimimage/slim/analyzer/jsonout"
)

// maxOccurrences bounds the places that are written of one package.
const maxOccurrences = 20

// slimURL is the page of the project: it has made a document that names nobody else, and it begins the namespace of SPDX documents.
const slimURL = "https://github.com/slimimage/slim"

// CycloneDX is the document as CycloneDX 1.6 JSON: the image depends on every package and on every file that no package accounts
// for. Errors are those of encoding.
func (d *Document) CycloneDX() ([]byte, error) {
	w := &cdxWriter{d: d, top: cdxDependency{Ref: d.rootRef()}, relations: map[Completeness][]string{}}
	w.doc = cdxDocument{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: cdxMetadata{
			Timestamp: d.opt.Created, Component: d.cdxImage(), Manufacturer: d.cdxAuthor(),
			Tools: cdxTools{Components: []cdxComponent{{Type: "application", Name: "slim", Version: d.opt.Tool}}},
		},
		Components: []cdxComponent{},
	}
	if d.Distro.ID != "" {
		w.add(cdxComponent{Ref: "os:" + d.Distro.ID, Type: "operating-system", Name: d.Distro.ID, Version: d.Distro.Version,
			Desc: d.Distro.Name, CPE: d.Distro.CPE}, nil, Unknown, true)
	}
	for _, pkg := range d.Packages {
		w.add(cdxPackage(pkg), pkg.Depends, pkg.Relations, true)
	}
	for _, f := range d.listed() {
		w.add(cdxFile(f), nil, Unknown, f.Owner == "")
	}
	w.finish()
	content, err := encode(w.doc)
	if err != nil {
		return nil, err
	}
	w.doc.Serial = "urn:uuid:" + contentUUID(content)
	return encode(w.doc)
}

// cdxWriter makes one document.
type cdxWriter struct {
	d         *Document
	doc       cdxDocument
	top       cdxDependency             // what the image depends on
	relations map[Completeness][]string // references by what is known of their dependencies
}

// add writes a component. Without an entry in the graph, what it depends on is not known; an empty entry means that it depends on nothing
// (CycloneDX 1.6, "dependencies").
func (w *cdxWriter) add(c cdxComponent, depends []string, relations Completeness, direct bool) {
	w.doc.Components = append(w.doc.Components, c)
	if len(depends) > 0 || relations == Complete {
		w.doc.Dependencies = append(w.doc.Dependencies, cdxDependency{c.Ref, depends})
	}
	w.relations[relations] = append(w.relations[relations], c.Ref)
	if direct {
		w.top.DependsOn = append(w.top.DependsOn, c.Ref)
	}
}

// finish writes the graph's root and how complete everything is. Of the image itself that is never known: nothing names what a program was
// linked with statically.
func (w *cdxWriter) finish() {
	w.doc.Dependencies = append([]cdxDependency{w.top}, w.doc.Dependencies...)
	root := Unknown
	if len(w.d.Incomplete) > 0 {
		root = Incomplete
		w.doc.Compositions = []cdxComposition{{Aggregate: Incomplete, Assemblies: []string{w.top.Ref}}}
	}
	w.relations[root] = append([]string{w.top.Ref}, w.relations[root]...)
	for _, c := range []Completeness{Complete, Incomplete, Unknown} {
		if len(w.relations[c]) > 0 {
			w.doc.Compositions = append(w.doc.Compositions, cdxComposition{Aggregate: c, Dependencies: w.relations[c]})
		}
	}
	for _, reason := range w.d.Incomplete {
		w.doc.Metadata.Properties = append(w.doc.Metadata.Properties, cdxProperty{"slim:incomplete", reason})
	}
}

// rootRef is the reference of the image itself; no package's, as those are package URLs of other types.
func (d *Document) rootRef() string {
	if d.opt.Purl != "" {
		return d.opt.Purl
	}
	return "image:" + d.name()
}

// cdxAuthor is who has the document made.
func (d *Document) cdxAuthor() *cdxPerson {
	if p := newCdxPerson(d.opt.Author); p != nil {
		return p
	}
	return &cdxPerson{Name: "slim", URL: []string{slimURL}}
}

// cdxImage is the image itself.
func (d *Document) cdxImage() cdxComponent {
	c := cdxAbout(d.image())
	c.Ref, c.Type, c.Name, c.Version, c.Purl = d.rootRef(), "container", d.name(), d.opt.Version, d.opt.Purl
	return c
}

func cdxPackage(pkg Package) cdxComponent {
	c := cdxAbout(pkg)
	c.Ref, c.Type, c.Group, c.Name, c.Version, c.Purl = pkg.Ref, "library", pkg.Group, pkg.Name, pkg.Version, pkg.Purl
	if pkg.Application {
		c.Type = "application"
	}
	if pkg.Source != "" && pkg.Source != pkg.Name {
		c.Properties = append(c.Properties, cdxProperty{"slim:source", pkg.Source})
	}
	for _, name := range pkg.Unmet {
		c.Properties = append(c.Properties, cdxProperty{"slim:unmet", name})
	}
	if missing := pkg.missing(c.Manufacturer != nil); len(missing) > 0 {
		c.Properties = append(c.Properties, cdxProperty{"slim:noassertion", strings.Join(missing, ",")})
	}
	if len(pkg.Locations) > 0 {
		c.Evidence = &cdxEvidence{}
		for _, place := range pkg.Locations[:min(len(pkg.Locations), maxOccurrences)] {
			c.Evidence.Occurrences = append(c.Evidence.Occurrences, cdxOccurrence{printable(place)})
		}
	}
	return c
}

// missing names what BSI TR-03183-2 requires of a component and nothing says of this one.
func (pkg *Package) missing(creator bool) []string {
	var list []string
	for _, field := range []struct {
		name  string
		known bool
	}{
		{"creator", creator}, {"version", pkg.Version != ""}, {"licences", len(pkg.Licenses) > 0},
		{"filename", pkg.Artifact.Name != ""}, {"hash", pkg.Artifact.SHA512 != ""}, {"deployable URI", pkg.Artifact.URL != ""},
		{"source code URI", pkg.SourceURL != ""}, {"dependencies", pkg.Relations == Complete || len(pkg.Depends) > 0},
	} {
		if !field.known {
			list = append(list, field.name)
		}
	}
	return list
}

// cdxAbout is what packages and the image have in common.
func cdxAbout(pkg Package) cdxComponent {
	c := cdxComponent{Supplier: newCdxPerson(pkg.Supplier), Manufacturer: cdxCreator(pkg), Licenses: cdxLicenses(pkg.Licenses)}
	if isURL(pkg.Homepage) {
		c.References = append(c.References, cdxReference{Type: "website", URL: pkg.Homepage})
	}
	if pkg.SourceURL != "" {
		c.References = append(c.References, cdxReference{Type: "source-distribution", URL: pkg.SourceURL})
	}
	if a := pkg.Artifact; a.URL != "" {
		c.References = append(c.References, cdxReference{Type: "distribution", URL: a.URL, Hashes: sha512Of(a.SHA512)})
	} else {
		c.Hashes = sha512Of(a.SHA512)
	}
	if pkg.Artifact.Name != "" {
		c.Properties = append(c.Properties, cdxProperty{"bsi:component:filename", pkg.Artifact.Name})
	}
	if pkg.Kind != nil {
		c.Properties = append(c.Properties, cdxKind(*pkg.Kind)...)
	}
	return c
}

func sha512Of(sum string) []cdxHash {
	if sum == "" {
		return nil
	}
	return []cdxHash{{"SHA-512", sum}}
}

// cdxKind are the properties of BSI's taxonomy (github.com/tr-03183/tr-03183-cyclonedx-property-taxonomy).
func cdxKind(k Kind) []cdxProperty {
	choose := func(is bool, yes, no string) string {
		if is {
			return yes
		}
		return no
	}
	return []cdxProperty{
		{"bsi:component:executable", choose(k.Executable, "executable", "non-executable")},
		{"bsi:component:archive", choose(k.Archive, "archive", "no archive")},
		{"bsi:component:structured", choose(k.Structured, "structured", "unstructured")},
	}
}

// cdxFile is a file. Its version is the time of its modification: it has no other (BSI TR-03183-2, section 5.2.2).
func cdxFile(f File) cdxComponent {
	c := cdxComponent{Ref: "file:" + f.Path.String(), Type: "file", Name: f.Path.String(), Version: f.Time,
		Hashes: append([]cdxHash{{"SHA-1", f.SHA1}, {"SHA-256", f.SHA256}}, sha512Of(f.SHA512)...)}
	c.Properties = append([]cdxProperty{{"bsi:component:filename", path.Base(f.Path.String())}}, cdxKind(f.Kind)...)
	c.Properties = append(c.Properties, cdxProperty{"slim:size", fmt.Sprint(f.Size)})
	if f.Owner != "" {
		c.Properties = append(c.Properties, cdxProperty{"slim:owner", f.Owner})
	}
	return c
}

// cdxCreator is whom one can ask about a component: an e-mail address, or a URL, which may be the project's (BSI TR-03183-2, section
// 5.2.2).
func cdxCreator(pkg Package) *cdxPerson {
	p := newCdxPerson(pkg.Supplier)
	if p != nil && len(p.URL)+len(p.Contact) > 0 {
		return p
	}
	if !isURL(pkg.Homepage) {
		return nil
	}
	if p == nil {
		p = &cdxPerson{}
	}
	p.URL = []string{pkg.Homepage}
	return p
}

// newCdxPerson reads "NAME <ADDRESS>"; nil when it says nothing.
func newCdxPerson(text string) *cdxPerson {
	name, address := splitPerson(text)
	p := &cdxPerson{Name: name}
	switch {
	case name == "" && address == "":
		return nil
	case isURL(address):
		p.URL = []string{address}
	case address != "":
		p.Contact = []cdxContact{{Email: address}}
	}
	return p
}

// cdxLicenses is a list of licences by identifier or name; where one is a choice, it must be one expression. All of them are what the
// component's metadata declares.
func cdxLicenses(terms []string) []cdxLicense {
	var list []cdxLicense
	for _, term := range terms {
		switch {
		case cdxLicenseIDs()[term]:
			list = append(list, cdxLicense{License: &cdxLicenseName{ID: term, Acknowledgement: declared}})
		case isExpression(term) && !isLicenseRef(term):
			return []cdxLicense{{Expression: asExpression(terms, nil), Acknowledgement: declared}}
		default:
			list = append(list, cdxLicense{License: &cdxLicenseName{Name: term, Acknowledgement: declared}})
		}
	}
	return list
}

// splitPerson is a name and an address of "NAME <ADDRESS>": an e-mail address, or a URL.
func splitPerson(text string) (name, address string) {
	name, rest, ok := strings.Cut(text, "<")
	name = strings.Trim(name, ` "`)
	if !ok {
		if isAddress(name) {
			return "", name
		}
		return name, ""
	}
	address, _, _ = strings.Cut(rest, ">")
	if address = strings.TrimSpace(address); !isAddress(address) {
		address = ""
	}
	return name, address
}

// isAddress reports whether text is an e-mail address, as the format requires it, or a URL.
func isAddress(text string) bool {
	return isURL(text) || strings.Count(text, "@") == 1 && !strings.ContainsAny(text, " \t")
}

// isURL reports whether a homepage is worth writing down: the format requires an IRI.
func isURL(text string) bool {
	return (strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")) && len(text) <= 4*maxName && !strings.ContainsAny(text,
		" \t\n\"<>\\^`{|}")
}

// encode is indented JSON with a final newline.
func encode(v any) ([]byte, error) {
	data, err := jsonout.Indented(v)
	if err != nil {
		return nil, fmt.Errorf("bill of materials: %w", err)
	}
	return data, nil
}

// contentUUID is a UUID of version 8 (RFC 9562) made of a hash: the same content has the same one.
func contentUUID(content []byte) string {
	sum := sha256.Sum256(content)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

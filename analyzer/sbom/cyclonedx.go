package sbom

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/slimimage/slim/analyzer/jsonout"
)

// The part of CycloneDX 1.6 that is written (ECMA-424, cyclonedx.org/docs/1.6/json).
type (
	cdxDocument struct {
		Schema       string          `json:"$schema"`
		Format       string          `json:"bomFormat"`
		SpecVersion  string          `json:"specVersion"`
		Serial       string          `json:"serialNumber,omitempty"`
		Version      int             `json:"version"`
		Metadata     cdxMetadata     `json:"metadata"`
		Components   []cdxComponent  `json:"components"`
		Dependencies []cdxDependency `json:"dependencies"`
		// Compositions says of which parts of the document everything is listed; none without doubts.
		Compositions []cdxComposition `json:"compositions,omitempty"`
	}
	cdxMetadata struct {
		Timestamp string       `json:"timestamp,omitempty"`
		Tools     cdxTools     `json:"tools"`
		Component cdxComponent `json:"component"`
		// Properties are the reasons for which the document is incomplete.
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxComposition struct {
		Aggregate  string   `json:"aggregate"`
		Assemblies []string `json:"assemblies"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Ref        string         `json:"bom-ref,omitempty"`
		Type       string         `json:"type"`
		Supplier   *cdxSupplier   `json:"supplier,omitempty"`
		Group      string         `json:"group,omitempty"`
		Name       string         `json:"name"`
		Version    string         `json:"version,omitempty"`
		Desc       string         `json:"description,omitempty"`
		Hashes     []cdxHash      `json:"hashes,omitempty"`
		Licenses   []cdxLicense   `json:"licenses,omitempty"`
		Purl       string         `json:"purl,omitempty"`
		References []cdxReference `json:"externalReferences,omitempty"`
		Properties []cdxProperty  `json:"properties,omitempty"`
		Evidence   *cdxEvidence   `json:"evidence,omitempty"`
	}
	cdxSupplier struct {
		Name    string       `json:"name,omitempty"`
		Contact []cdxContact `json:"contact,omitempty"`
	}
	cdxContact struct {
		Email string `json:"email"`
	}
	cdxHash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	cdxLicense struct {
		License    *cdxLicenseName `json:"license,omitempty"`
		Expression string          `json:"expression,omitempty"`
	}
	cdxLicenseName struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	}
	cdxReference struct {
		Type string `json:"type"`
		URL  string `json:"url"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxEvidence struct {
		Occurrences []cdxOccurrence `json:"occurrences"`
	}
	cdxOccurrence struct {
		Location string `json:"location"`
	}
	cdxDependency struct {
		Ref       string   `json:"ref"`
		DependsOn []string `json:"dependsOn,omitempty"`
	}
)

// maxOccurrences bounds the places that are written of one package.
const maxOccurrences = 20

// CycloneDX is the document as CycloneDX 1.6 JSON: the image depends on every package and on every file that no package accounts
// for. Errors are those of encoding.
func (d *Document) CycloneDX() ([]byte, error) {
	root := cdxComponent{Ref: d.rootRef(), Type: "container", Name: d.name(), Version: d.opt.Version, Purl: d.opt.Purl}
	doc := cdxDocument{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata: cdxMetadata{
			Timestamp: d.opt.Created, Component: root,
			Tools: cdxTools{Components: []cdxComponent{{Type: "application", Name: "slim", Version: d.opt.Tool}}},
		},
		Components: []cdxComponent{},
	}
	top := cdxDependency{Ref: root.Ref}
	add := func(c cdxComponent, depends []string, direct bool) {
		doc.Components = append(doc.Components, c)
		doc.Dependencies = append(doc.Dependencies, cdxDependency{c.Ref, depends})
		if direct {
			top.DependsOn = append(top.DependsOn, c.Ref)
		}
	}
	if d.Distro.ID != "" {
		add(cdxComponent{Ref: "os:" + d.Distro.ID, Type: "operating-system", Name: d.Distro.ID, Version: d.Distro.Version, Desc: d.Distro.Name},
			nil, true)
	}
	for _, pkg := range d.Packages {
		add(cdxPackage(pkg), pkg.Depends, true)
	}
	for _, f := range d.listed() {
		add(cdxFile(f), nil, f.Owner == "")
	}
	doc.Dependencies = append([]cdxDependency{top}, doc.Dependencies...)
	if len(d.Incomplete) > 0 {
		doc.Compositions = []cdxComposition{{Aggregate: "incomplete", Assemblies: []string{root.Ref}}}
	}
	for _, reason := range d.Incomplete {
		doc.Metadata.Properties = append(doc.Metadata.Properties, cdxProperty{"slim:incomplete", reason})
	}
	content, err := encode(doc)
	if err != nil {
		return nil, err
	}
	doc.Serial = "urn:uuid:" + contentUUID(content)
	return encode(doc)
}

// rootRef is the reference of the image itself; no package's, as those are package URLs of other types.
func (d *Document) rootRef() string {
	if d.opt.Purl != "" {
		return d.opt.Purl
	}
	return "image:" + d.name()
}

func cdxPackage(pkg Package) cdxComponent {
	c := cdxComponent{Ref: pkg.Ref, Type: "library", Group: pkg.Group, Name: pkg.Name, Version: pkg.Version, Purl: pkg.Purl,
		Licenses: cdxLicenses(pkg.Licenses)}
	if pkg.Application {
		c.Type = "application"
	}
	if name, address := splitPerson(pkg.Supplier); name != "" || address != "" {
		c.Supplier = &cdxSupplier{Name: name}
		if address != "" {
			c.Supplier.Contact = []cdxContact{{Email: address}}
		}
	}
	if isURL(pkg.Homepage) {
		c.References = []cdxReference{{"website", pkg.Homepage}}
	}
	if pkg.Source != "" && pkg.Source != pkg.Name {
		c.Properties = []cdxProperty{{"slim:source", pkg.Source}}
	}
	if len(pkg.Locations) > 0 {
		c.Evidence = &cdxEvidence{}
		for _, place := range pkg.Locations[:min(len(pkg.Locations), maxOccurrences)] {
			c.Evidence.Occurrences = append(c.Evidence.Occurrences, cdxOccurrence{printable(place)})
		}
	}
	return c
}

func cdxFile(f File) cdxComponent {
	c := cdxComponent{Ref: "file:" + f.Path.String(), Type: "file", Name: f.Path.String(),
		Hashes: []cdxHash{{"SHA-1", f.SHA1}, {"SHA-256", f.SHA256}}}
	c.Properties = []cdxProperty{{"slim:size", fmt.Sprint(f.Size)}}
	if f.Owner != "" {
		c.Properties = append(c.Properties, cdxProperty{"slim:owner", f.Owner})
	}
	return c
}

// cdxLicenses is a list of licences by identifier or name; where one is a choice, it must be one expression.
func cdxLicenses(terms []string) []cdxLicense {
	var list []cdxLicense
	for _, term := range terms {
		_, expression := parseExpression(term)
		switch {
		case cdxLicenseIDs()[term]:
			list = append(list, cdxLicense{License: &cdxLicenseName{ID: term}})
		case expression && !isLicenseRef(term):
			return []cdxLicense{{Expression: asExpression(terms, nil)}}
		default:
			list = append(list, cdxLicense{License: &cdxLicenseName{Name: term}})
		}
	}
	return list
}

// splitPerson is a name and an address of "NAME <ADDRESS>".
func splitPerson(text string) (name, address string) {
	name, rest, ok := strings.Cut(text, "<")
	name = strings.Trim(name, ` "`)
	if !ok {
		if strings.Contains(name, "@") && !strings.Contains(name, " ") {
			return "", name
		}
		return name, ""
	}
	address, _, _ = strings.Cut(rest, ">")
	if address = strings.TrimSpace(address); strings.Count(address, "@") != 1 || strings.ContainsAny(address, " \t") {
		address = ""
	}
	return name, address
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

package vex

import (
	"net/url"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/analyzer/sbom"
)

type openDocument struct {
	Context    string          `json:"@context"`
	ID         string          `json:"@id"`
	Author     string          `json:"author"`
	Timestamp  string          `json:"timestamp"`
	Version    int             `json:"version"`
	Tooling    string          `json:"tooling"`
	Statements []openStatement `json:"statements"`
}

type openStatement struct {
	Vulnerability openVulnerability `json:"vulnerability"`
	Timestamp     string            `json:"timestamp"`
	Products      []openComponent   `json:"products"`
	Status        Status            `json:"status"`
	Notes         string            `json:"status_notes"`
	Justification string            `json:"justification,omitempty"`
	Impact        string            `json:"impact_statement,omitempty"`
	Action        string            `json:"action_statement,omitempty"`
}

type openVulnerability struct {
	ID      string   `json:"@id,omitempty"`
	Name    string   `json:"name"`
	Aliases []string `json:"aliases,omitempty"`
}

type openComponent struct {
	ID            string            `json:"@id"`
	Hashes        map[string]string `json:"hashes,omitempty"`
	Identifiers   map[string]string `json:"identifiers,omitempty"`
	Subcomponents []openComponent   `json:"subcomponents,omitempty"`
}

// OpenVEX writes an OpenVEX 0.2 document. The product of a statement is the image, the subcomponent the package. Its @id is made
// of its content: equal input gives equal bytes.
func OpenVEX(statements []Statement, product Product, opts Options) ([]byte, error) {
	if err := check(statements, product, opts); err != nil {
		return nil, err
	}
	doc := openDocument{
		Context: predicates.OpenVEX, Author: opts.author(), Timestamp: opts.stamp(), Version: 1, Tooling: opts.tooling(),
		Statements: []openStatement{},
	}
	for _, s := range sorted(statements) {
		out := openStatement{
			Vulnerability: openVulnerability{ID: s.URL, Name: s.ID, Aliases: s.Aliases}, Timestamp: doc.Timestamp,
			Products: openProducts(product, s.Package.Purl, opts.PackageProducts), Status: s.Status,
			Notes: "decision: " + string(s.Decision),
		}
		switch s.Status {
		case NotAffected:
			out.Justification, out.Impact = codeNotPresent, s.Evidence
		case Affected:
			out.Action = s.Action
		}
		doc.Statements = append(doc.Statements, out)
	}
	var err error
	if doc.ID, err = documentID(doc); err != nil {
		return nil, err
	}
	return jsonout.Indented(doc)
}

// openProducts names the image in every way scanners do: the package URL of type oci without qualifiers matches those with any (Trivy's and
// Grype's differ), the hash Grype's bare digest, the one of type docker Docker Scout's.
func openProducts(p Product, purl string, bare bool) []openComponent {
	bareID, _, _ := strings.Cut(purl, "?")
	sub := []openComponent{{ID: purl}}
	if bareID != purl {
		sub = append(sub, openComponent{ID: bareID})
	}
	oci := "pkg:oci/" + url.PathEscape(strings.ToLower(p.name()))
	var list []openComponent
	for _, digest := range p.digests() {
		list = append(list, openComponent{
			ID:            oci + "@" + url.PathEscape(digest),
			Hashes:        map[string]string{"sha-256": strings.TrimPrefix(digest, "sha256:")},
			Identifiers:   map[string]string{"purl": p.oci(digest)},
			Subcomponents: sub,
		})
	}
	if len(list) == 0 { // any digest: the statement around the document names it
		list = append(list, openComponent{ID: oci, Identifiers: map[string]string{"purl": p.oci("")}, Subcomponents: sub})
	}
	docker := "pkg:docker/" + p.Repository + "@"
	for _, version := range append([]string{p.Tag}, p.digests()...) {
		if version != "" {
			list = append(list, openComponent{ID: docker + url.PathEscape(version), Subcomponents: sub})
		}
	}
	if bare {
		list = append(list, openComponent{ID: purl})
	}
	return list
}

// digests are those of the index and of its platforms that are known.
func (p *Product) digests() []string {
	list := append([]string{p.Digest}, p.Platforms...)
	return slices.Compact(slices.DeleteFunc(list, func(digest string) bool { return digest == "" }))
}

// oci is the image's package URL with the repository it is in, as the bill of materials has it.
func (p *Product) oci(digest string) string {
	return sbom.ImagePurl(p.Repository, p.Tag, digest, p.Arch)
}

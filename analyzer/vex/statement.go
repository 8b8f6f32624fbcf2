package vex

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer/vuln"
)

// Status is what a statement says, in OpenVEX's words.
type Status string

// The statuses.
const (
	NotAffected        Status = "not_affected"
	Affected           Status = "affected"
	Fixed              Status = "fixed"
	UnderInvestigation Status = "under_investigation"
)

// codeNotPresent is the one justification that an image without the vulnerable files supports.
const codeNotPresent = "vulnerable_code_not_present"

// Statement is one vulnerability of one package of the product.
type Statement struct {
	ID       string
	Aliases  []string
	Status   Status
	Package  vuln.Package // with a purl
	Evidence string       // of NotAffected, required
	Action   string       // of Affected, required: what to do, or that the risk is accepted and until when
	Update   bool         // an update is known that ends it
	Decision vuln.State   // as other documents have it
	Severity vuln.Level
	Score    float64 // CVSS base score; 0 when it is not known
	Vector   string
	URL      string
}

// Product is the image, by all names that scanners know it by.
type Product struct {
	Repository string   // "registry.example.com/team/app", without tag; may be a bare name
	Tag        string   // may be empty
	Digest     string   // of the image that the name refers to, "sha256:..."; of the index if there is one. May be empty with Options.Enclosed
	Platforms  []string // digests of platform manifests, where they differ from Digest
	Arch       string   // may be empty
}

// Options are what a document says about itself.
type Options struct {
	Timestamp time.Time // when it was made
	Author    string    // "slim" when empty
	// PackageProducts also names the bare package as a product, for scanners that match packages only (DevGuard). Such a statement
	// says nothing about the image: give the document only to scanners that apply it to this image.
	PackageProducts bool
	// Incomplete are reasons for which the list of packages is incomplete: the document then has no statement about some vulnerabilities that
	// the image may have, and says so.
	Incomplete []string
	// Removed are the findings of removed packages, as Removed returns them. The CycloneDX document lists them as properties of its own, for
	// people; no scanner reads those.
	Removed []string
	// Enclosed says that the document is the predicate of a statement whose subject is the image's digest, made before that is known: it
	// names the image without one.
	Enclosed bool
}

// errNoEvidence refuses a claim that nothing supports.
var errNoEvidence = errors.New("not affected, without evidence")

// Statements turns the decisions of a report into statements. There is none about a removed package: it is not in the image and in no bill
// of materials of it, so that it would silence nothing there, but much in another image of that name. A finding of a package without purl
// has none either: nothing could match it.
func Statements(report *vuln.Report) []Statement {
	var list []Statement
	for _, d := range report.All() {
		s := Statement{ID: d.Finding.ID, Aliases: d.Finding.Aliases, Package: d.Finding.Package, Severity: d.Finding.Severity,
			Score: d.Finding.Score, Vector: d.Finding.Vector, URL: d.Finding.URL, Decision: d.State}
		switch d.State {
		case vuln.StateRemoved:
			continue
		case vuln.StateUpdated:
			s.Status, s.Package = Fixed, *d.Now
		case vuln.StateNotAffected:
			s.Status, s.Evidence = NotAffected, d.Evidence
		default:
			s.Status, s.Action, s.Update = Affected, d.Text, d.Advice == vuln.Update
		}
		if s.Package.Purl != "" {
			list = append(list, s)
		}
	}
	return list
}

// Removed are the findings that an image no longer has because their packages are removed, "VULNERABILITY PURL" each, sorted.
func Removed(report *vuln.Report) []string {
	var list []string
	for i := range report.Gone {
		if d := &report.Gone[i]; d.State == vuln.StateRemoved && d.Finding.Package.Purl != "" {
			list = append(list, d.Finding.ID+" "+d.Finding.Package.Purl)
		}
	}
	slices.Sort(list)
	return list
}

// check refuses statements that a document must not make.
func check(statements []Statement, product Product, opts Options) error {
	if product.Repository == "" || product.Digest == "" && !opts.Enclosed {
		return errors.New("VEX: the product has no name or no digest")
	}
	for _, digest := range product.digests() {
		if hex, ok := strings.CutPrefix(digest, "sha256:"); !ok || len(hex) != 64 || strings.Trim(hex, "0123456789abcdef") != "" {
			return fmt.Errorf("VEX: %q is not a SHA-256 digest", digest)
		}
	}
	for i := range statements {
		s := &statements[i]
		err := error(nil)
		switch {
		case s.ID == "":
			err = errors.New("no vulnerability")
		case s.Package.Purl == "":
			err = errors.New("no package URL")
		case s.Status == NotAffected && strings.TrimSpace(s.Evidence) == "":
			err = errNoEvidence
		case s.Status != NotAffected && s.Evidence != "":
			err = errors.New("evidence, but not \"not affected\"")
		case s.Status == Affected && s.Action == "":
			err = errors.New("affected, without an action")
		case !slices.Contains([]Status{NotAffected, Affected, Fixed, UnderInvestigation}, s.Status):
			err = fmt.Errorf("unknown status %q", s.Status)
		}
		if err != nil {
			return fmt.Errorf("VEX statement about %s in %s: %w", s.ID, s.Package.Name, err)
		}
	}
	return nil
}

// sorted is a copy in the order of documents, without repetitions.
func sorted(statements []Statement) []Statement {
	list := slices.Clone(statements)
	slices.SortStableFunc(list, func(a, b Statement) int {
		return slices.Compare([]string{a.ID, a.Package.Purl, string(a.Status)}, []string{b.ID, b.Package.Purl, string(b.Status)})
	})
	return slices.CompactFunc(list, func(a, b Statement) bool {
		return a.ID == b.ID && a.Package.Purl == b.Package.Purl && a.Status == b.Status && a.Action == b.Action && a.Evidence == b.Evidence
	})
}

// name is the last element of the repository.
func (p *Product) name() string {
	return p.Repository[strings.LastIndexByte(p.Repository, '/')+1:]
}

// documentID is a UUID made of a document's content: version 8 of RFC 9562, from SHA-256.
func documentID(content any) (string, error) {
	data, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]), nil
}

// author is the document's author.
func (o *Options) author() string {
	if o.Author == "" {
		return "slim"
	}
	return o.Author
}

// tooling names what made the document, and its doubts: OpenVEX has no other place for text about a document as a whole.
func (o *Options) tooling() string {
	if len(o.Incomplete) == 0 {
		return "slim"
	}
	return "slim; the list of packages is incomplete: " + strings.Join(o.Incomplete, "; ")
}

// stamp is the time as both formats write it.
func (o *Options) stamp() string { return o.Timestamp.UTC().Format(time.RFC3339) }

// Package update brings packages of an image up to date with the image's own package manager.
//
// It works in two phases, each a command of the agent whose root filesystem is the image. Fetch has a network: it reads the lists of the
// repositories, simulates the transaction, refuses one that does more than it was asked for, and downloads the package files; what it
// changes in the root is discarded. Install has no network: it installs exactly these files, and removes what the package manager left.
// Install therefore depends on the package files alone, and not on the repositories.
package update

import (
	"encoding/json"
	"fmt"
	"path"
	"regexp"

	"github.com/slimimage/slim/analyzer/printable"
)

// Names of the schemas of the files that the builder and the agent exchange.
const (
	RequestSchema = "slim/update-request/v1"
	ReportSchema  = "slim/update/v1"
)

// Names of the files in the directories of a phase. A request is in the phase's input, a report in its output; the package files are in
// FilesDir of the output of fetch and of the input of install.
const (
	RequestFile = "request.json"
	ReportFile  = "report.json"
	FilesDir    = "packages"
)

// Mode is which of the wanted packages are updated.
type Mode string

// The modes.
const (
	Security Mode = "security" // those for which a security repository of the distribution offers a newer version
	Fixable  Mode = "fixable"  // those with a known vulnerability that a newer version fixes: the builder asks for only these
	All      Mode = "all"      // all of them
)

// Modes are all of them.
func Modes() []string { return []string{string(Security), string(Fixable), string(All)} }

// Request is what a phase is to do.
type Request struct {
	Schema string `json:"schema"`
	Mode   Mode   `json:"mode,omitempty"` // of fetch
	// Wanted are the packages that fetch may update, sorted by name and architecture.
	Wanted []Package `json:"wanted,omitempty"`
	// Changes are what install does, as fetch reported it. In a request for fetch they are those of a lock: fetch gets exactly these, or
	// fails. The package files must have the checksums.
	Changes []Change `json:"changes,omitempty"`
	Epoch   int64    `json:"epoch"` // mtime of the files that install makes or changes and that come from no package, in seconds
}

// Package is a package of the image.
type Package struct {
	Name    string `json:"name"`
	Arch    string `json:"arch,omitempty"` // the distribution's word
	Version string `json:"version,omitempty"`
}

func (p Package) String() string { return p.Name + " " + p.Version }

// same reports whether two are the same package, in any version. Not every driver knows each architecture.
func (p Package) same(q Package) bool {
	return p.Name == q.Name && (p.Arch == q.Arch || p.Arch == "" || q.Arch == "")
}

// Change is one package of a transaction.
type Change struct {
	Name       string `json:"name"`
	Arch       string `json:"arch,omitempty"`
	Before     string `json:"before,omitempty"` // installed version, "" for a package that is not installed
	After      string `json:"after,omitempty"`  // version in the repository, "" for a package that is removed
	Repository string `json:"repository,omitempty"`
	Asked      bool   `json:"asked,omitempty"`    // it was wanted; the others are of its dependencies
	File       string `json:"file,omitempty"`     // name of the package file in FilesDir
	Checksum   string `json:"checksum,omitempty"` // of the package file: "sha256:..."
	Lower      bool   `json:"-"`                  // After is an older version than Before; only in what a driver returns
}

// Package is the package as it will be.
func (c Change) Package() Package { return Package{c.Name, c.Arch, c.After} }

// Report is what a phase did. Nothing in it was checked: the image's own programs say most of it.
type Report struct {
	Schema  string   `json:"schema"`
	Manager string   `json:"manager"`           // name of the package manager: "apt"
	Changes []Change `json:"changes,omitempty"` // sorted by name and architecture
	Failure *Error   `json:"failure,omitempty"` // why nothing was fetched
	Note    string   `json:"note,omitempty"`    // what the mode means for this package manager, where it is not just what its name says
}

// Error is the reason why an image cannot be updated.
type Error struct {
	Reason string `json:"reason"`
	Next   string `json:"hint,omitempty"` // the next step
}

func (e *Error) Error() string { return e.Reason }

// Hint is the next step.
func (e *Error) Hint() string { return e.Next }

// refuse is an Error with a hint.
func refuse(hint, format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...), Next: hint}
}

// checksumForm is the form of Change.Checksum.
var checksumForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ReadReport reads a report. The image's own programs decide what is in it: its words are those of names and versions, and its texts are
// escaped.
func ReadReport(data []byte) (*Report, error) {
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if r.Schema != ReportSchema || len(r.Changes) > maxChanges || plain(r.Manager) != nil {
		return nil, fmt.Errorf("reading the report: it is not of schema %q", ReportSchema)
	}
	r.Note = printable.Short(r.Note, 2*maxLine)
	if f := r.Failure; f != nil {
		r.Failure = &Error{printable.Short(f.Reason, 2*maxLine), printable.Short(f.Next, 2*maxLine)}
		return &r, nil
	}
	for i := range r.Changes {
		c := &r.Changes[i]
		if err := plain(c.Name, c.Arch, c.Before, c.After, c.File); err != nil {
			return nil, fmt.Errorf("reading the report: %w", err)
		}
		if c.Name == "" || c.After == "" || c.File != path.Base(c.File) || !checksumForm.MatchString(c.Checksum) {
			return nil, fmt.Errorf("reading the report: the entry of %q is not complete", c.Name)
		}
		c.Repository = printable.Short(c.Repository, maxField)
	}
	return &r, nil
}

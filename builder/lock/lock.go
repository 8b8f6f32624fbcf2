// Package lock is the lock file of an image: what it was built from. It reads, writes and checks locks; package builder makes them and
// rebuilds images from them.
package lock

import (
	"fmt"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/update"
)

// Schema names the version of Lock.
const Schema = "slim/lock/v1"

// Lock records what an image was made of, to rebuild it without running the application and to detect changes of its input. It
// contains no time: the same build writes the same lock.
type Lock struct {
	Schema   string  `json:"schema"`
	Input    Input   `json:"input"`
	Options  Options `json:"options"`
	Evidence File    `json:"evidence"`
	Check    Check   `json:"check"`
	Plan     string  `json:"plan"` // digest of the plan
	// Update is what --update did, with the exact versions and the checksums of the package files; nil without it.
	Update   *update.Report `json:"update,omitempty"`
	Engine   Engine         `json:"engine"`
	Manifest string         `json:"manifest"` // digest of the slim platform manifest, with Options.Compression

	// Packages are those of the slim image as package URLs, sorted, for slim check --vuln-db; Incomplete says why they are not all.
	Packages   []string `json:"packages,omitempty"`
	Incomplete []string `json:"incomplete,omitempty"`

	Seen *analyzer.Evidence `json:"-"` // the content of Evidence; nil if only the lock was read
}

// Input is what was slimmed.
type Input struct {
	Kind      string `json:"kind"`      // KindImage or KindDockerfile
	Reference string `json:"reference"` // as given; the path of a Dockerfile
	Digest    string `json:"digest"`    // of the platform manifest; of what a Dockerfile is built from, its recipe
	Platform  string `json:"platform"`
	Bases     []Base `json:"bases,omitempty"` // images that a Dockerfile is built from, sorted
}

// Kinds of locked inputs.
const (
	KindImage      = "image"
	KindDockerfile = "dockerfile"
)

// Base is an image that a Dockerfile is built from.
type Base struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// File is a file beside the lock.
type File struct {
	File   string `json:"file"`   // name in the lock's directory
	Digest string `json:"digest"` // of its content, before compression
}

// Check is the result of the check of the image, and its findings.
type Check struct {
	Checked  int  `json:"checked"` // answers and connections compared; 0 if it was not checked
	Confined bool `json:"confined"`
	AnyUser  bool `json:"anyUser"`
	analyzer.Findings
}

// Engine is what made the image; other versions may make another image.
type Engine struct {
	Slim     string `json:"slim"`
	BuildKit string `json:"buildkit"`
}

func (e Engine) String() string {
	return fmt.Sprintf("slim %s on BuildKit %s", e.Slim, e.BuildKit)
}

// Error is the reason why a lock cannot be replayed, or made. Exit code 1.
type Error struct {
	Reason string
	Hint   string // the next step
}

func (e *Error) Error() string { return e.Reason }

// HintRelock is the next step if the lock does not match what is built.
const HintRelock = "to lock the input as it is now: slim build --lock, which runs and checks the image again"

// Findings are those of the check when the lock was written, none without a lock.
func (l *Lock) Findings() analyzer.Findings {
	if l == nil {
		return analyzer.Findings{}
	}
	return l.Check.Findings
}

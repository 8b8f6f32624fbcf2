package sbom

import (
	"context"
	"io"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// Options has what the root filesystem does not contain.
type Options struct {
	Name    string // of the image; "image" when empty
	Version string // of the image: its tag or digest; may be empty
	Purl    string // of the image, see ImagePurl; may be empty
	Created string // time of the document, RFC 3339; SPDX must have one, 1970 when empty
	Tool    string // version of slim; may be empty
	Author  string // who has the document made: "NAME <ADDRESS>", with an e-mail address or a URL; slim itself when empty
	// Labels are the image's: those that OCI defines (image-spec, annotations.md) say who made it and under which licences.
	Labels map[string]string
	// Incomplete are reasons known from elsewhere for which the root filesystem has packages that nothing in it names: the package database
	// of a slim image has what was known of the original's.
	Incomplete []string
	AllFiles   bool // list every file, not only programs and libraries that no package accounts for

	// Database is the result of packages.Load for the same root; loaded when nil.
	Database *packages.DB
	// Contents reads many files faster than one by one: it calls do with the physical path and content of regular files, in any
	// order and possibly not all of them. When it names a file twice the later content counts. It may be nil.
	Contents func(ctx context.Context, do func(name string, content io.Reader) error) error
}

// Document is a bill of materials. It is deterministic: the same root and Options give the same bytes.
type Document struct {
	Packages []Package // sorted by Ref
	Files    []File    // every regular file, sorted by path
	Distro   Distro
	Warnings []string // what could not be read, one sentence each, sorted
	// Incomplete are those of Warnings after which packages, or files of packages, are missing here, sorted. The document is then no proof
	// that a package is not in the image, and says so itself.
	Incomplete []string

	opt Options
}

// Distro is the distribution that os-release(5) names; empty without that file.
type Distro struct {
	ID      string // "debian"
	Version string // VERSION_ID, or the code name of a release that has none yet
	Name    string // PRETTY_NAME
	CPE     string // CPE_NAME
}

// Package is one package, wherever it was found.
type Package struct {
	Ref         string   // its identity in the document: Purl
	Purl        string   // package URL
	Type        string   // of the package URL: "deb", "apk", "rpm", "pypi", "npm", "maven", "gem", "composer", "golang", "cargo", "nuget"
	Group       string   // Maven's group; "" for others
	Name        string   // as its ecosystem writes it: "@scope/name", "github.com/x/y"
	Version     string   // likewise; may be empty
	Source      string   // source package of a distribution's package
	Supplier    string   // "NAME <ADDRESS>"
	Homepage    string   // URL
	Licenses    []string // all of them apply: SPDX expressions, or names that are none
	Application bool     // a program's own module, no library
	Depends     []string // Refs, sorted
	Locations   []string // physical paths of the files it was read from, sorted

	SourceURL string   // URL of its source code
	Artifact  Artifact // the file that it is, or that it was installed from
	// Kind is nil for a package that no file is known of: a module that was compiled into a program.
	Kind *Kind
	// Relations says what Depends is worth, as far as the package's metadata goes.
	Relations Completeness
	Unmet     []string // what it requires and no package here provides, as its metadata writes it, sorted
}

// Completeness says whether a list has everything.
type Completeness string

// The values of Completeness, as CycloneDX has them.
const (
	Complete   Completeness = "complete"   // the metadata lists what is required, and all of it is here
	Incomplete Completeness = "incomplete" // some of what is required is not here
	Unknown    Completeness = "unknown"    // the metadata does not say everything
)

// File is a regular file.
type File struct {
	Path   layers.Path
	Size   int64
	SHA1   string // hex
	SHA256 string // hex
	SHA512 string // hex; "" for a file that is not written down
	Time   string // of its modification, RFC 3339; may be empty
	Kind   Kind
	ELF    bool   // a program or library of machine code
	Owner  string // Ref of the package that accounts for it; "" when none does
}

// Unowned lists the programs and libraries of machine code that no package accounts for.
func (d *Document) Unowned() []File {
	var list []File
	for _, f := range d.Files {
		if f.ELF && f.Owner == "" {
			list = append(list, f)
		}
	}
	return list
}

// listed are the files that are written down.
func (d *Document) listed() []File {
	if d.opt.AllFiles {
		return d.Files
	}
	return d.Unowned()
}

// name is the image's name.
func (d *Document) name() string {
	if d.opt.Name == "" {
		return "image"
	}
	return d.opt.Name
}

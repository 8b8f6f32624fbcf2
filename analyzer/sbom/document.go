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
}

// File is a regular file.
type File struct {
	Path   layers.Path
	Size   int64
	SHA1   string // hex
	SHA256 string // hex
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

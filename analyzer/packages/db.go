package packages

import (
	"slices"
	"strings"
)

// Package is one installed package.
type Package struct {
	Type      string   // "deb", "apk" or "rpm"
	Name      string   // without architecture
	Version   string   // as the database writes it, with epoch and revision
	Arch      string   // the distribution's word: "amd64", "x86_64", "all", "noarch"
	Source    string   // source package's name; Name when the database does not say
	Files     []string // physical paths of its files, symlinks and other non-directories that are there, sorted
	Conffiles []string // those of Files that are configuration, sorted
	Depends   []string // names of the installed packages it depends on (of alternatives the first installed one), sorted
	Provides  []string // virtual names it provides, sorted
	Unmet     []string // what it requires and no installed package provides, sorted: "a | b", or a condition (rpm's rich dependencies)
	Essential bool     // dpkg's Essential or Protected; the others have no such mark
	Priority  string   // dpkg's
	Section   string   // dpkg's: "libs", "perl", "fonts"
	Extends   []string // names of the installed packages that it says it enhances, sorted
	Suggests  []string // names of the installed packages that it recommends or suggests, sorted

	// Asked is set for a package that the image's author requested by name, as the package manager recorded it, and that is not part of
	// the distribution's base system. Without such records it is set for an rpm package that no other package depends on.
	Asked bool

	// More fields for a bill of materials; "" where the database does not have them. dpkg's database has no licences.
	SourceVersion string // of the source package, where it is not Version
	Maintainer    string // "NAME <ADDRESS>", or the vendor's name
	License       string // as the database writes it
	Homepage      string
	SourceURL     string // of the repository with its source code

	requires [][]string // dependencies, each a list of alternative names
	enhances []string   // names
	suggests []string   // names
	listed   []string   // paths as the database writes them, with leading slash
	conffile []string   // likewise
	bytes    int        // of listed
	cut      bool       // listed is not complete
}

// list adds a path that the database names, up to twice maxList bytes of them.
func (p *Package) list(name string, config bool) {
	const overhead = 24 // bytes of a string besides its text
	if p.bytes += len(name) + overhead; p.bytes > 2*maxList || len(name) > maxPath {
		p.cut = true
		return
	}
	p.listed = append(p.listed, name)
	if config {
		p.conffile = append(p.conffile, name)
	}
}

// Alternative is a link of the alternatives system (update-alternatives): Link points to Name, Name to Target.
type Alternative struct {
	Link   string // physical path, "usr/bin/awk"
	Name   string // physical path, "etc/alternatives/awk"
	Target string // physical path, "usr/bin/mawk"
}

// DB is what the image's package managers say about its files. It is immutable.
type DB struct {
	packages     []*Package
	byName       map[string]*Package
	base         map[string]bool     // names of the distribution's base system
	owner        map[string]*Package // physical path to owner
	listed       map[string]bool     // physical paths of directories that packages list
	databases    []string            // physical paths of the files that were read
	alternatives []Alternative
	warnings     []string
	incomplete   []string                   // those of warnings after which the DB does not have every package with its files
	makers       map[string][]compiledMaker // by first component
}

// Packages lists the installed packages, sorted by type, name, architecture and version.
func (db *DB) Packages() []*Package { return db.packages }

// Package finds an installed package by name, of any type and architecture: the first in the order of Packages.
func (db *DB) Package(name string) (*Package, bool) {
	pkg, ok := db.byName[name]
	return pkg, ok
}

// Warnings are doubts about the databases, one sentence each: a database in an unknown format, a list cut at a bound.
func (db *DB) Warnings() []string { return db.warnings }

// Incomplete lists those of Warnings that mean that the image may have packages, or files of packages, which the DB does not have:
// a database or a list that was cut at a bound, is damaged, or has something in its place that is not a file. Whoever looks for
// something in the packages can then not say that it is not there.
func (db *DB) Incomplete() []string { return db.incomplete }

// Databases lists the physical paths of the databases that Load read, sorted.
func (db *DB) Databases() []string { return db.databases }

// Alternatives lists the links of the alternatives system that lead to an existing file, sorted.
func (db *DB) Alternatives() []Alternative { return db.alternatives }

// Owner is the package that installed the file or symlink at a physical path (clean, no leading slash, no symlink among its
// parent directories). A link of the alternatives system belongs to the package of its target. Directories have no owner.
func (db *DB) Owner(path string) (*Package, bool) {
	pkg, ok := db.owner[path]
	return pkg, ok
}

// Directory says whether a package lists the directory at a physical path as its own, which the databases of dpkg and rpm do.
func (db *DB) Directory(path string) bool { return db.listed[path] }

func (db *DB) warn(text string) { db.warnings = append(db.warnings, text) }

// lose is a warning after which the DB is incomplete.
func (db *DB) lose(text string) {
	db.warn(text)
	db.incomplete = append(db.incomplete, text)
}

// finish sorts, and turns requirements into names of installed packages. physical is where a path really is, "" where it is nowhere.
func (db *DB) finish(physical func(name string) string) {
	slices.SortFunc(db.packages, comparePackages)
	db.byName = map[string]*Package{}
	for _, pkg := range slices.Backward(db.packages) {
		db.byName[pkg.Name] = pkg
	}
	providers, all := map[string]string{}, map[string][]string{}
	for _, pkg := range db.packages {
		all[pkg.Name] = append(all[pkg.Name], pkg.Name)
		for _, name := range pkg.Provides {
			all[name] = append(all[name], pkg.Name)
			if providers[name] == "" {
				providers[name] = pkg.Name
			}
		}
	}
	for _, pkg := range db.packages {
		providers[pkg.Name] = pkg.Name
	}
	for _, pkg := range db.packages {
		for _, alternatives := range pkg.requires {
			switch provider := db.provider(alternatives, providers, physical); provider {
			case "":
				pkg.Unmet = append(pkg.Unmet, strings.Join(alternatives, " | "))
			case pkg.Name:
			default:
				pkg.Depends = append(pkg.Depends, provider)
			}
		}
		pkg.Extends, pkg.Suggests = installed(all, pkg.enhances), installed(all, pkg.suggests)
		pkg.requires, pkg.enhances, pkg.suggests = nil, nil, nil
		for _, list := range []*[]string{&pkg.Files, &pkg.Conffiles, &pkg.Depends, &pkg.Provides, &pkg.Unmet, &pkg.Extends,
			&pkg.Suggests} {
			sortUnique(list)
		}
	}
	sortUnique(&db.databases)
	sortUnique(&db.warnings)
	sortUnique(&db.incomplete)
}

// provider is the name of the package that meets a requirement: of its alternatives the first that is there; "" when none is.
func (db *DB) provider(alternatives []string, providers map[string]string, physical func(string) string) string {
	for _, name := range alternatives {
		provider := providers[name]
		if provider == "" && strings.HasPrefix(name, "/") {
			provider = db.ownerName(physical(name)) // rpm and apk may require a file
		}
		if provider != "" {
			return provider
		}
	}
	return ""
}

// installed turns names into those of the installed packages that have or provide them.
func installed(providers map[string][]string, names []string) []string {
	var list []string
	for _, name := range names {
		list = append(list, providers[name]...)
	}
	return list
}

func (db *DB) ownerName(path string) string {
	if pkg, ok := db.owner[path]; ok {
		return pkg.Name
	}
	return ""
}

func comparePackages(a, b *Package) int {
	return slices.Compare([]string{a.Type, a.Name, a.Arch, a.Version}, []string{b.Type, b.Name, b.Arch, b.Version})
}

func sortUnique(list *[]string) {
	slices.Sort(*list)
	*list = slices.Compact(*list)
}

package packages

// Package is one installed package.
type Package struct {
	Type      string   // "deb", "apk" or "rpm"
	Name      string   // without architecture
	Version   string   // as the database writes it, with epoch and revision
	Arch      string   // the distribution's word: "amd64", "x86_64", "all", "noarch"
	Source    string   // source package's name; Name when the database does not say
	Files     []string // physical paths of its files, symlinks and other non-directories, sorted
	Conffiles []string // those of Files that are configuration, sorted
	Depends   []string // names of packages it depends on (the first of alternatives; without versions), sorted
	Provides  []string // virtual names it provides, sorted
	Essential bool     // dpkg's Essential or Protected, apk's and rpm's have none
}

// DB is what the image's package managers say about its files. It is immutable.
type DB struct {
	packages []*Package
	owner    map[string]*Package // physical path to owner
	types    []string
	warnings []string
	modules  map[string]bool
}

// Packages lists the installed packages, sorted by type, name and architecture.
func (db *DB) Packages() []*Package { return db.packages }

// Warnings are doubts about the databases, one sentence each: a database in an unknown format, a list cut at a bound.
func (db *DB) Warnings() []string { return db.warnings }

// Owner is the package that installed the file or symlink at a physical path (clean, no leading slash, no symlink among its
// parent directories). A link of the alternatives system belongs to the package of its target. Directories have no owner.
func (db *DB) Owner(path string) (*Package, bool) {
	pkg, ok := db.owner[path]
	return pkg, ok
}

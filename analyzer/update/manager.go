package update

import (
	"context"
	"os"
	"path"
	"slices"
)

// Manager is the driver of one package manager. Each method runs programs of the image (Tool), whose output is hostile. An error for the
// user is an *Error; that of a program is a *ToolError, from which the phases make one. Bounds, order, the refusal of transactions,
// checksums, the times of files and the verification of the result are the phases' (fetch.go, install.go), and not the driver's.
type Manager interface {
	// Name is that of the program: "apt".
	Name() string

	// Installed lists the installed packages.
	Installed(ctx context.Context) ([]Installed, error)

	// Refresh reads the lists of the repositories, with the image's own keys, and names the repositories. One that cannot be read or
	// verified is an error.
	Refresh(ctx context.Context) ([]Repository, error)

	// Offers lists the versions of packages in the repositories that are newer than the installed ones.
	Offers(ctx context.Context, of []Installed) ([]Offer, error)

	// Simulate lists everything that an update of packages to the given versions would change, other packages included.
	Simulate(ctx context.Context, to []Package) ([]Change, error)

	// Download puts the files of these packages into dir and returns their names in the order of the packages. The package manager has
	// verified them.
	Download(ctx context.Context, changes []Change, dir string) ([]string, error)

	// Install installs package files without a network. Configuration files that the image's author changed stay as they are, and no
	// service is started.
	Install(ctx context.Context, files []string) error

	// Leftovers are what the package manager leaves behind in a root filesystem.
	Leftovers() Leftovers
}

// Explainer is a Manager for which a mode does not mean just what its name says. The note tells the user what it means instead; an error is
// a mode that it cannot honour.
type Explainer interface {
	Explain(mode Mode) (note string, err error)
}

// Installed is an installed package.
type Installed struct {
	Package
	Held   bool   // its version must not change
	Broken string // why it is not installed as a whole, "" if it is
}

// Repository is a place that the package manager gets packages from.
type Repository struct {
	Name     string // as a user would name it: "Debian-Security bookworm-security"
	Security bool   // it is one of those in which the distribution publishes security updates
}

// Offer is a version of a package that a repository has.
type Offer struct {
	Package
	From      Repository
	Preferred bool // the package manager would update to this version, by the image's own settings
}

// Leftovers are what a package manager leaves behind, as patterns of paths (path.Match) without leading slash. The phases remove what the
// image had not, and give the rest its former content.
type Leftovers struct {
	Remove  []string // files, and directories of which the files are removed: lists, archives, backups
	Restore []string // files that keep their former content or are removed if they are new: logs
	Source  string   // where the facts are documented
}

// Target is the root filesystem that is updated, and what runs in it.
type Target struct {
	Root string // "/" for the root filesystem of this process
	Tool Tool
	// Epoch is the time that a package manager notes as that of the installation, where it can be told.
	Epoch int64
}

// has reports whether the target has one of these programs, and which.
func (t Target) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		info, err := os.Stat(path.Join(t.Root, name))
		return err == nil && info.Mode().IsRegular()
	})
}

// drivers find the package manager of a root filesystem; each returns nil for a root without its own.
var drivers = []func(Target) Manager{findApt, findApk, findDnf, findZypper, findMicrodnf}

// ErrNoManager says that an image cannot update itself.
var ErrNoManager = &Error{Reason: "the image has no package manager that slim knows (apt, apk, dnf, microdnf, zypper)",
	Next: "name an image of the same distribution and release that has one with --update-from IMAGE"}

// Find returns the package manager of a root filesystem, nil if it has none.
func Find(t Target) Manager {
	for _, find := range drivers {
		if m := find(t); m != nil {
			return m
		}
	}
	return nil
}

package analyzer

import "github.com/slimimage/slim/layers"

// PlanSchema names the version of Plan.
const PlanSchema = "slim/plan/v1"

// Keep is how much more than what was observed is kept.
type Keep string

// The levels of --keep.
const (
	KeepObserved Keep = "observed"
	KeepClosure  Keep = "closure" // the default
	KeepPackage  Keep = "package"
)

// Options says how evidence becomes a plan. The zero value is the default.
type Options struct {
	Keep           Keep     `json:"keep,omitempty"`           // KeepClosure when empty
	Include        []string `json:"include,omitempty"`        // globs of paths: kept with what they need
	Exclude        []string `json:"exclude,omitempty"`        // globs of paths: never kept
	IncludeExe     []string `json:"includeExe,omitempty"`     // programs by name (looked up in PATH) or path
	IncludePackage []string `json:"includePackage,omitempty"` // packages, whole
	IncludeShell   bool     `json:"includeShell,omitempty"`   // a shell and the coreutils-like programs beside it
	User           string   `json:"user,omitempty"`           // "" decides; "root", "uid" or "uid:gid" is taken as it is
	DisableRules   []string `json:"disableRules,omitempty"`   // names of rules switched off
}

// RequestSchema names the version of Request.
const RequestSchema = "slim/request/v1"

// Request is what the analyze stage is given besides the image and the evidence.
type Request struct {
	Schema   string  `json:"schema"`
	Image    string  `json:"image"`
	Platform string  `json:"platform"`
	Process  Entry   `json:"process"` // the image's own config; what is in PATH is looked up in Env
	Options  Options `json:"options"`
	Findings         // without Syscalls and Capabilities, which do not change a plan
}

// Plan is what the slim image holds. Files are sorted by path; each has at least one reason.
type Plan struct {
	Schema   string        `json:"schema"`
	Image    string        `json:"image"`
	Platform string        `json:"platform"`
	Options  Options       `json:"options"`
	User     User          `json:"user"`
	Layers   []Layer       `json:"layers"` // in order, lowest first; only those with files
	Files    []File        `json:"files"`
	Writable []layers.Path `json:"writable,omitempty"` // the user's: seen written, volumes, and what the image has ready to be written in
	// Directories are the kept directories that are not root's own with mode 0755, sorted by path.
	Directories []Directory `json:"directories,omitempty"`
	// Setuid are programs with a setuid or setgid bit that users other than root started, sorted. They keep it, as such programs keep their
	// file capabilities (File.Capabilities): no_new_privs would take its effect.
	Setuid   []layers.Path `json:"setuid,omitempty"`
	Before   Totals        `json:"before"`
	After    Totals        `json:"after"`
	Floor    Totals        `json:"floor"` // regular files the observed run itself opened
	Warnings []string      `json:"warnings,omitempty"`
	// Incomplete are those of Warnings for which the package database of the slim image lacks packages of which files are kept, because the
	// original's could not be read as a whole; at most ten.
	Incomplete []string `json:"incomplete,omitempty"`
	// Programs counts the programs of the slim image, and those of them that a run executed; nil in plans of an older slim.
	Programs *Programs `json:"programs,omitempty"`
	// Sensitive lists credentials and devices of the image by path, and whether they are kept; those that no other rule would keep are not
	// listed.
	Sensitive []Sensitive `json:"sensitive,omitempty"`
	Syscalls  []string    `json:"syscalls,omitempty"` // that kept programs and libraries may make, by their imports and their code, sorted
	// AnySyscall lists kept programs and libraries that ask for system calls by numbers which cannot be read from their code, sorted.
	AnySyscall []layers.Path `json:"anySyscall,omitempty"`
	Packages   []Package     `json:"packages,omitempty"` // with at least one kept file, sorted by name
	Dropped    []Dropped     `json:"dropped,omitempty"`  // what is not kept, sorted by path
}

// User is who the slim image runs as.
type User struct {
	UID    uint32 `json:"uid"`
	GID    uint32 `json:"gid"`
	Name   string `json:"name,omitempty"`
	Home   string `json:"home,omitempty"`
	Reason string `json:"reason"` // one clause: "the image's own", "the user nginx dropped to", ...
}

// Layer is one layer of the slim image: "os", "runtime" or "app".
type Layer struct {
	Name  string `json:"name"`
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
}

// Totals count a tree: Files without directories, Bytes of regular files, a hard-linked file once.
type Totals struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// File is one kept path.
type File struct {
	Path    layers.Path `json:"path"`
	Kind    string      `json:"kind"`  // "file", "dir", "symlink", "device", "fifo", "socket"
	Layer   int         `json:"layer"` // index in Plan.Layers
	Size    int64       `json:"size,omitempty"`
	Again   bool        `json:"again,omitempty"`   // a further name of a hard-linked file that an earlier path names
	Package string      `json:"package,omitempty"` // owner, "" when none
	Reasons []Reason    `json:"reasons"`
	UID     *uint32     `json:"uid,omitempty"` // owner in the slim image where it is not the image's own
	GID     *uint32     `json:"gid,omitempty"`
	Mode    *uint32     `json:"mode,omitempty"`    // permission bits (07777) where not the image's own
	Content []byte      `json:"content,omitempty"` // where the bytes are not the image's own (made or edited by slim)
	Edited  bool        `json:"edited,omitempty"`  // Content takes the place of the image's bytes, also when it is empty
	New     bool        `json:"new,omitempty"`     // the image has no such path: Kind, UID, GID, Mode and Content say it all
	Link    string      `json:"link,omitempty"`    // target of a new symlink
	// Capabilities are the file capabilities that stay, those that the program gets ("CAP_NET_RAW").
	Capabilities []string `json:"capabilities,omitempty"`
	// NoCapability says that the file capabilities which it has in the image are dropped: it did not run.
	NoCapability bool `json:"noCapability,omitempty"`
}

// Programs counts executable files in the directories of PATH, and those elsewhere that a run executed.
type Programs struct {
	Kept int `json:"kept"`
	Ran  int `json:"ran"`
}

// Sensitive is a file of credentials, or a device.
type Sensitive struct {
	Path layers.Path `json:"path"`
	What string      `json:"what"`           // "a private key", "a file of credentials by its name", "a device"
	Kept string      `json:"kept,omitempty"` // what uses it: "opened by /usr/sbin/nginx"; "" where nothing is known to, and it is dropped
}

// Directory is a directory of the slim image with its owner and its permission bits (07777).
type Directory struct {
	Path layers.Path `json:"path"`
	UID  uint32      `json:"uid"`
	GID  uint32      `json:"gid"`
	Mode uint32      `json:"mode"`
}

// Reason says why a path is kept: a rule, and what it came from (a path, a package, a program; may be empty).
type Reason struct {
	Rule Rule   `json:"rule"`
	From string `json:"from,omitempty"`
}

// String is the reason as a clause: "opened by /usr/sbin/nginx".
func (r Reason) String() string {
	if r.From == "" {
		return string(r.Rule)
	}
	return string(r.Rule) + " " + r.From
}

// Package is an installed package that owns kept files.
type Package struct {
	Type    string `json:"type"` // "deb", "apk", "rpm"
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch,omitempty"`
	Source  string `json:"source,omitempty"`
	Files   int    `json:"files"` // kept
}

// Dropped is one path that is not kept. Directories are kept whole as a skeleton and never listed.
type Dropped struct {
	Path    layers.Path `json:"path"`
	Size    int64       `json:"size,omitempty"`
	Again   bool        `json:"again,omitempty"` // a further name of a file that a kept path or an earlier one names
	Package string      `json:"package,omitempty"`
	Rule    string      `json:"rule,omitempty"` // that drops it (DropExcluded, DropSensitive, "package-cache"); "" when nothing needed it
}

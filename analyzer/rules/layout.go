package rules

import (
	"slices"
	"strings"
)

// Place is a set of directories or names of the file system layout that have one property in common.
type Place struct {
	Name   string
	Paths  []string
	Source string // where the fact is documented
}

// has reports whether a path is one of the place's.
func (p *Place) has(name string) bool { return slices.Contains(p.Paths, name) }

// below reports whether a path is one of the place's or lies in one.
func (p *Place) below(name string) bool {
	return slices.ContainsFunc(p.Paths, func(dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") })
}

// Places is the table of the layout: each fact once.
func Places() []Place {
	return []Place{ungivable, sharedDirs, systemTops, applicationDirs, unmountable, kernelDirs, unusedTrees, unusedParts,
		systemTrees, systemState, foreignSettings, commonFolders, utilities}
}

var ungivable = Place{
	Name: "directories of the system in which no program's user may make files at will",
	Paths: []string{
		".", "usr", "etc", "bin", "sbin", "lib", "lib64", "var", "home", "root", "dev", "proc", "sys", "boot", "opt", "srv", "mnt", "media",
	},
	Source: "Filesystem Hierarchy Standard 3.0, chapters 3 and 4",
}

var sharedDirs = Place{
	Name: "directories that hold the files of many packages",
	Paths: []string{
		"usr/bin", "usr/sbin", "usr/local/bin", "usr/lib", "usr/lib64", "usr/share", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu",
		"etc", "usr", "var", "var/lib",
	},
	Source: "Filesystem Hierarchy Standard 3.0, chapters 3 to 5; Debian, Multiarch/Tuples",
}

var systemTops = Place{
	Name: "directories at the top that are the system's: others are an application's",
	Paths: []string{
		".", "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "proc", "root", "run", "sbin", "sys", "tmp",
		"usr", "var",
	},
	Source: "Filesystem Hierarchy Standard 3.0, chapter 3",
}

var applicationDirs = Place{
	Name:  "directories in which applications are put that come from no package",
	Paths: []string{"app", "srv", "opt", "home", "var/www", "usr/src/app", "usr/local"},
	Source: "Filesystem Hierarchy Standard 3.0, 3.8, 3.13, 3.17 and 4.9; Debian Policy 11.5 (var/www); " +
		"the working directories of Docker's documentation",
}

var unmountable = Place{
	Name: "directories that hold the image's own programs and settings: an empty mount in their place is worse than a failed write",
	Paths: []string{
		".", "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "media", "mnt", "opt", "proc", "sbin", "srv", "sys", "usr",
		"var",
	},
	Source: "Filesystem Hierarchy Standard 3.0, chapter 3, except run, tmp and root, which hold what programs write",
}

var kernelDirs = Place{
	Name:   "mount points of the kernel's file systems: what is there is the container runtime's and not the image's",
	Paths:  []string{"proc", "sys", "dev"},
	Source: "OCI runtime-spec, config-linux.md, Default Filesystems",
}

var unusedTrees = Place{
	Name: "trees whose empty directories no program makes files in: documentation, caches, package managers and the init system",
	Paths: []string{
		"usr/share/locale", "usr/share/doc", "usr/share/man", "usr/share/info", "usr/share/lintian", "usr/share/bug", "usr/include", "usr/src",
		"var/lib/dpkg", "var/lib/apt", "usr/lib/apt", "usr/share/zoneinfo", "usr/share/icons", "usr/lib/systemd", "etc/systemd",
		"usr/lib/udev", "etc/apt", "etc/dpkg", "usr/lib/dpkg", "usr/share/perl5", "usr/share/python3", "usr/share/X11",
	},
	Source: "Filesystem Hierarchy Standard 3.0, 4.11; dpkg(1), apt(8), systemd.unit(5), udev(7): FILES",
}

var unusedParts = Place{
	Name:   "parts of paths of trees that only a package manager or a language's runtime makes directories in",
	Paths:  []string{"/dist-packages/", "/.git/", "/lib/python3"},
	Source: "Debian Python Policy 2.5; gitrepository-layout(5); Python Library Reference, site",
}

var systemTrees = Place{
	Name:   "trees of programs, settings and users' homes, in which an application keeps no state of its own",
	Paths:  []string{"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr"},
	Source: "Filesystem Hierarchy Standard 3.0, chapters 3 and 4",
}

var systemState = Place{
	Name: "variable data of the distribution's own tools, most of it made by the scripts of packages",
	Paths: []string{
		"run/lock", "run/log", "run/mount", "run/systemd", "run/user", "var/backups", "var/cache/apk", "var/cache/apt", "var/cache/debconf",
		"var/cache/dnf", "var/cache/fontconfig", "var/cache/ldconfig", "var/cache/man", "var/cache/yum", "var/lib/alternatives", "var/lib/apk",
		"var/lib/apt", "var/lib/dnf", "var/lib/dpkg", "var/lib/misc", "var/lib/pam", "var/lib/rpm", "var/lib/selinux", "var/lib/sgml-base",
		"var/lib/systemd", "var/lib/ucf", "var/lib/xml-core", "var/lib/yum", "var/local", "var/lock", "var/log/apt", "var/mail", "var/run",
		"var/spool/mail", "var/tmp", "var/www",
	},
	Source: "Filesystem Hierarchy Standard 3.0, chapter 5; apt(8), debconf(7), dnf(8), ldconfig(8), pam-auth-update(8), systemd(1), " +
		"ucf(1): FILES",
}

var foreignSettings = Place{
	Name: "beginnings of settings that a package installs for other programs: cron, the init system, package managers",
	Paths: []string{
		"etc/init.d/", "etc/cron", "etc/logrotate.d/", "etc/systemd/", "etc/default/", "etc/apt/", "etc/kernel/", "etc/logcheck/",
		"etc/bash_completion.d/", "etc/ufw/", "etc/apparmor", "etc/dpkg/", "etc/init/", "etc/emacs/", "etc/X11/", "etc/update-motd.d/",
	},
	Source: "Debian Policy 9.3 (init), 9.5 (cron), 10.8 (logrotate), 11.8 (X11); the manual page of each program: FILES",
}

// Givable reports whether a directory may be given to the user that the slim image runs as.
func Givable(dir string) bool {
	return !ungivable.has(dir) && !strings.HasPrefix(dir, "usr/") && !Sandbox(dir)
}

// SharedDir reports whether a directory holds the files of many packages.
func SharedDir(dir string) bool { return sharedDirs.has(dir) }

// ApplicationTop reports whether a path lies where applications are put that come from no package.
func ApplicationTop(name string) bool {
	top, _, _ := strings.Cut(name, "/")
	return !systemTops.has(top) || strings.HasPrefix(name, "var/www/") || strings.HasPrefix(name, "usr/src/")
}

// VariableData reports whether a path lies where the layout puts what programs write, below a directory of one program's own.
func VariableData(name string) bool {
	switch top, rest, _ := strings.Cut(name, "/"); {
	case rest == "" || systemState.below(name) || name == "var/lib" || name == "var/cache" || name == "var/log" || name == "var/spool" ||
		name == "var/opt":
		return false
	default:
		return top == "var" || top == "run"
	}
}

// SystemTree reports whether a path lies among the system's programs and settings.
func SystemTree(name string) bool { return systemTrees.below(name) }

// ApplicationDirs lists the directories that hold an application where nothing says which files are a package's.
func ApplicationDirs() []string { return slices.Clone(applicationDirs.Paths) }

// Unmountable reports whether an empty mount over a directory would hide the image's own programs and settings.
func Unmountable(dir string) bool { return unmountable.has(dir) }

// KernelDir reports whether a path is or lies in a mount point of the kernel's file systems.
func KernelDir(name string) bool { return kernelDirs.below(name) }

// Sandbox reports whether a path is the container runtime's and not the image's: what is below the mount points of the kernel's file
// systems, and Docker's marker file. The mount points themselves are the image's.
func Sandbox(name string) bool {
	return KernelDir(name) && !kernelDirs.has(name) || name == ".dockerenv"
}

// UnusedTree reports whether a path lies in a tree whose empty directories no program makes files in.
func UnusedTree(name string) bool {
	inPart := func(part string) bool { return strings.Contains(name, part) }
	return unusedTrees.below(name) || strings.HasSuffix(name, "/__pycache__") || slices.ContainsFunc(unusedParts.Paths, inPart) ||
		strings.Contains(name, "/node_modules/") && strings.HasPrefix(name, "usr/share/")
}

// ForeignSetting reports whether a file below etc is a package's setting for another program.
func ForeignSetting(name string) bool {
	return slices.ContainsFunc(foreignSettings.Paths, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// BytecodeCache reports whether a path is Python's cache of compiled modules (PEP 3147): Python writes it where it can and runs without
// it where it cannot.
func BytecodeCache(name string) bool { return strings.Contains("/"+name+"/", "/__pycache__/") }

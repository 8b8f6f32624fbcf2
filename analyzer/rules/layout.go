package rules

import (
	"slices"
	"strings"
)

// systemDirs are directories that belong to the system: no program's user may make files there at will. Source: Filesystem Hierarchy
// Standard 3.0, chapters 3 and 4.
var systemDirs = []string{
	".", "usr", "etc", "bin", "sbin", "lib", "lib64", "var", "home", "root", "dev", "proc", "sys", "boot", "opt", "srv", "mnt", "media",
}

// Givable reports whether a directory may be given to the user that the slim image runs as.
func Givable(dir string) bool {
	return !slices.Contains(systemDirs, dir) && !strings.HasPrefix(dir, "usr/") && !Sandbox(dir)
}

// Sandbox reports whether a path is the container runtime's and not the image's: the kernel's file systems (OCI runtime-spec,
// config-linux.md, Default Filesystems) and Docker's marker file.
func Sandbox(name string) bool {
	return strings.HasPrefix(name, "proc/") || strings.HasPrefix(name, "sys/") || strings.HasPrefix(name, "dev/") || name == ".dockerenv"
}

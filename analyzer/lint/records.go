package lint

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer/secrets"
	"github.com/slimimage/slim/layers"
)

func checkSums(f *facts) ([]Finding, string) {
	if len(f.sums) == 0 {
		return nil, "no package has checksums that can be compared (dpkg's and apk's are)"
	}
	return f.changed.list, ""
}

// identity lists, by os-release's ID, the file that Trivy needs besides os-release, of which it knows other IDs by themselves.
var identity = map[string]string{"debian": "etc/debian_version", "ubuntu": "etc/lsb-release", "amzn": "etc/system-release"}

// databases lists the distributions whose package databases scanners read.
var databases = words("debian ubuntu alpine wolfi chainguard rhel centos fedora rocky almalinux amzn ol " +
	"opensuse-leap opensuse-tumbleweed sles photon azurelinux mariner")

func checkIdentity(f *facts) ([]Finding, string) {
	id := f.release["ID"]
	if id == "" && len(f.db.Packages()) == 0 {
		return nil, "" // nothing of a distribution is in it
	}
	if id == "" {
		return []Finding{{Path: "etc/os-release", Message: "it is missing or has no ID, and there are packages of a distribution"}}, ""
	}
	if name := identity[id]; name != "" {
		if _, ok := f.resolve(name); !ok {
			return []Finding{{Path: layers.Path(name), Message: fmt.Sprintf("it is missing, and os-release says %q", id)}}, ""
		}
	}
	return nil, ""
}

func checkRecords(f *facts) ([]Finding, string) {
	var found []Finding
	for _, warning := range f.db.Warnings() {
		level := Warning
		if slices.Contains(f.db.Incomplete(), warning) {
			level = Error
		}
		found = append(found, Finding{Key: "packages", Level: level, Message: warning})
	}
	if id := f.release["ID"]; databases[id] && len(f.db.Packages()) == 0 {
		found = append(found, Finding{Key: "packages", Message: fmt.Sprintf("os-release says %q, but no package is recorded", id)})
	}
	return found, ""
}

// checkUnowned leaves out what names its own parts: Go's build information, and what languages' package managers installed.
func checkUnowned(f *facts) ([]Finding, string) {
	var found findings
	for _, e := range f.elfs {
		if e.By == "go" || secrets.Published(string(e.Path)) || f.owned(string(e.Path)) {
			continue
		}
		found.add(Finding{Path: e.Path, Message: fmt.Sprintf("no package has this %s", e.Kind)})
	}
	return found.list, ""
}

func checkRelease(f *facts) ([]Finding, string) {
	if len(f.db.Packages()) == 0 {
		return nil, "it has no package database"
	}
	if f.release["VERSION_ID"] == "" {
		return []Finding{{Path: "etc/os-release", Message: "it has no VERSION_ID: records of vulnerabilities are kept by release"}}, ""
	}
	return nil, ""
}

package lint

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// sum is a file's checksum as a package recorded it.
type sum struct {
	hex   string
	owner string // package
}

// maxSums bounds the checksums that are remembered.
const maxSums = 2_000_000

// checksums reads what dpkg (also the form of it that images without dpkg have) and apk recorded. Of dpkg's files those count that
// are the package's still: another package may have replaced them, configuration is the administrator's.
func (f *facts) checksums() map[string]sum {
	sums := map[string]sum{}
	moved := f.diversions()
	for _, dir := range []string{"var/lib/dpkg/info", "var/lib/dpkg/status.d"} {
		physical, ok := f.resolve(dir)
		if !ok {
			continue
		}
		entries, err := f.root.ReadDir(physical)
		if err != nil {
			continue
		}
		for _, entry := range entries {
			name, ok := strings.CutSuffix(entry.Name(), ".md5sums")
			if !ok {
				continue
			}
			if data, ok := f.read(path.Join(physical, entry.Name()), maxDatabase); ok {
				name, _, _ = strings.Cut(name, ":")
				f.dpkgSums(sums, name, string(data), moved)
			}
		}
	}
	for _, name := range []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"} {
		if data, ok := f.read(name, maxDatabase); ok {
			f.apkSums(sums, string(data))
		}
	}
	return sums
}

// diversion is where dpkg-divert put a file, and the package that may have the old place.
type diversion struct{ to, by string }

// diversions reads dpkg's list: three lines each, from, to and package (":" is the administrator).
func (f *facts) diversions() map[string]diversion {
	moved := map[string]diversion{}
	data, _ := f.read("var/lib/dpkg/diversions", maxSmall)
	lines := strings.Split(string(data), "\n")
	for ; len(lines) >= 3; lines = lines[3:] {
		moved[strings.TrimPrefix(lines[0], "/")] = diversion{strings.TrimPrefix(lines[1], "/"), lines[2]}
	}
	return moved
}

// dpkgSums reads one package's list: "MD5  PATH" a line.
func (f *facts) dpkgSums(sums map[string]sum, owner, list string, moved map[string]diversion) {
	for line := range strings.Lines(list) {
		digest, name, ok := strings.Cut(strings.TrimRight(line, "\n"), " ")
		name = strings.TrimLeft(name, " *")
		if !ok || len(digest) != 32 || len(sums) >= maxSums {
			continue
		}
		if d, ok := moved[name]; ok && d.by != owner {
			name = d.to
		}
		f.addSum(sums, name, sum{strings.ToLower(digest), owner})
	}
}

// apkSums reads the installed database (apk-package(5)): P: a package, F: a directory, R: a file in it, Z: its checksum, "Q1" and
// base64 of SHA-1 or "Q2" and that of SHA-256. What is below etc is the administrator's (apk's protected paths).
func (f *facts) apkSums(sums map[string]sum, list string) {
	var owner, dir, name string
	for line := range strings.Lines(list) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ":")
		switch key {
		case "P":
			owner = value
		case "F":
			dir = value
		case "R":
			name = value
		case "Z":
			if len(value) < 2 || len(sums) >= maxSums || dir == "etc" || strings.HasPrefix(dir, "etc/") {
				continue
			}
			if raw, err := base64.StdEncoding.DecodeString(value[2:]); err == nil {
				f.addSum(sums, path.Join(dir, name), sum{hex.EncodeToString(raw), owner})
			}
		}
	}
}

// addSum places a checksum at the physical path of a name, if the package is its owner there.
func (f *facts) addSum(sums map[string]sum, name string, s sum) {
	res, err := layers.Resolve(f.root, ".", string(layers.CleanPath(name)), false)
	if err != nil || res.Missing {
		return
	}
	owner, ok := f.db.Owner(res.Path)
	if !ok || owner.Name != s.owner {
		return
	}
	if _, own := slices.BinarySearch(owner.Conffiles, res.Path); own {
		return
	}
	sums[res.Path] = s
}

func checkSums(f *facts) ([]Finding, string) {
	if len(f.sums) == 0 {
		return nil, "no package has checksums that can be compared (dpkg's and apk's are)"
	}
	return f.changed.list, ""
}

// osRelease reads os-release(5).
func (f *facts) osRelease() map[string]string {
	release := map[string]string{}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		data, ok := f.read(name, maxSmall)
		if !ok {
			continue
		}
		for line := range strings.Lines(string(data)) {
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(key, "#") {
				release[key] = strings.Trim(value, `"'`)
			}
		}
		break
	}
	return release
}

// identity lists, by os-release's ID, the file that Trivy needs besides os-release, of which it knows other IDs by themselves.
var identity = map[string]string{"debian": "etc/debian_version", "ubuntu": "etc/lsb-release", "amzn": "etc/system-release"}

// databases lists the distributions whose package databases scanners read.
var databases = words("debian ubuntu alpine wolfi chainguard rhel centos fedora rocky almalinux amzn ol opensuse-leap opensuse-tumbleweed sles photon azurelinux mariner")

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
		found = append(found, Finding{Key: "packages", Level: Warning, Message: warning})
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
		if e.By == "go" || published(string(e.Path)) || f.owned(string(e.Path)) {
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

//go:build e2e

package integration

import (
	"archive/tar"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// content is one path of an image as a container of it sees it.
type content struct {
	*tar.Header
	md5  string
	data []byte // of a file of at most maxContent bytes
}

const maxContent = 1 << 20

// contents reads an image with a library that slim itself does not use.
func contents(t testing.TB, img v1.Image) map[string]content {
	t.Helper()
	r := mutate.Extract(img)
	defer r.Close()
	found := map[string]content{}
	archive := tar.NewReader(r)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return linked(found)
		}
		if err != nil {
			t.Fatal(err)
		}
		c := content{Header: header}
		if header.Typeflag == tar.TypeReg {
			sum, head := md5.New(), &bytes.Buffer{}
			if _, err := io.CopyN(io.MultiWriter(head, sum), archive, min(header.Size, maxContent)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(sum, archive); err != nil {
				t.Fatal(err)
			}
			c.md5, c.data = hex.EncodeToString(sum.Sum(nil)), head.Bytes()
		}
		found[path.Clean("/"+header.Name)] = c
	}
}

// linked copies the content of a file to its hard links.
func linked(found map[string]content) map[string]content {
	for name, c := range found {
		if first, ok := found[path.Clean("/"+c.Linkname)]; ok && c.Typeflag == tar.TypeLink {
			c.md5, c.data = first.md5, first.data
			found[name] = c
		}
	}
	return found
}

// slimImage is a result and its content.
type slimImage struct {
	t      testing.TB
	result builder.Result
	files  map[string]content
	plan   map[string]analyzer.File // by path
	root   string                   // a part of the reason for which the user may be root; "" for none
}

// contract checks that a slim image is built as hardened images are: the structure of distroless images (base/testdata/base.yaml of
// GoogleContainerTools/distroless), as far as the original had it, and what slim promises besides. The exceptions are those that the
// plan has evidence for: a shell that something needs, root where it was asked for or where the
// plan gives the expected reason.
func contract(t testing.TB, result builder.Result, img v1.Image, root string) {
	t.Helper()
	s := slimImage{t, result, contents(t, img), map[string]analyzer.File{}, root}
	for _, f := range result.Plan.Files {
		s.plan[f.Path.String()] = f
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	s.user(config.Config)
	s.identity()
	s.rights()
	s.tools()
	s.records()
}

// resolve follows links; it returns nil if the target does not exist.
func (s slimImage) resolve(name string) *content {
	for range 40 {
		c, ok := s.files[name]
		if !ok {
			dir, base := path.Split(name)
			if dir = path.Clean(dir); dir == "/" {
				return nil
			}
			parent := s.resolve(dir)
			if parent == nil || path.Clean("/"+parent.Name) == dir {
				return nil
			}
			name = path.Clean("/" + parent.Name + "/" + base)
			continue
		}
		if c.Typeflag != tar.TypeSymlink {
			return &c
		}
		if target := c.Linkname; path.IsAbs(target) {
			name = path.Clean(target)
		} else {
			name = path.Join(path.Dir(name), target)
		}
	}
	return nil
}

// had says whether the original had a path.
func (s slimImage) had(name string) bool {
	if _, ok := s.plan[name]; ok {
		return !s.plan[name].New
	}
	return slices.ContainsFunc(s.result.Plan.Dropped, func(d analyzer.Dropped) bool { return d.Path.String() == name })
}

var numericUser = regexp.MustCompile(`^([0-9]+):([0-9]+)$`)

// user: numeric, not root, in passwd and group, with a home.
func (s slimImage) user(config v1.Config) {
	ids := numericUser.FindStringSubmatch(config.User)
	if ids == nil {
		s.t.Errorf("the user is %q, want UID:GID", config.User)
		return
	}
	reason := s.result.Plan.User.Reason
	if asked := s.result.Plan.Options.User != "" || s.root != "" && strings.Contains(reason, s.root); ids[1] == "0" && !asked {
		s.t.Errorf("the user is root (%s), and nobody asked for it", reason)
	}
	account := s.line("/etc/passwd", 2, ids[1])
	if len(account) < 7 {
		s.t.Errorf("/etc/passwd has no line for uid %s", ids[1])
		return
	}
	if s.had("/etc/group") && s.line("/etc/group", 2, ids[2]) == nil {
		s.t.Errorf("/etc/group has no line for gid %s", ids[2])
	}
	home := path.Clean("/" + account[5])
	switch dir := s.resolve(home); {
	case dir == nil && (s.plan[home].Path != "" || s.result.Plan.User.Name == "nonroot"):
		s.t.Errorf("the user's home %s is missing", home)
	case dir != nil && dir.Typeflag != tar.TypeDir:
		s.t.Errorf("the user's home %s is no directory", home)
	case dir != nil && s.result.Plan.User.Name == "nonroot" && s.plan[home].New && strconv.Itoa(dir.Uid) != ids[1]:
		s.t.Errorf("the user's home %s belongs to %d", home, dir.Uid)
	}
}

// line is the fields of the first line of a database whose field has a value.
func (s slimImage) line(name string, field int, value string) []string {
	file := s.resolve(name)
	if file == nil {
		return nil
	}
	for line := range strings.Lines(string(file.data)) {
		if fields := strings.Split(strings.TrimRight(line, "\n"), ":"); len(fields) > field && fields[field] == value {
			return fields
		}
	}
	return nil
}

// identity: the files that name the distribution, so that scanners find its vulnerabilities, and those that a runtime needs.
func (s slimImage) identity() {
	for _, name := range []string{
		"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version", "/etc/alpine-release",
		"/etc/lsb-release",
		"/etc/redhat-release", "/etc/system-release", "/etc/ssl/certs/ca-certificates.crt", "/tmp", "/root",
	} {
		if s.had(name) && s.resolve(name) == nil {
			s.t.Errorf("%s is missing, the original has it", name)
		}
	}
	release := s.resolve("/etc/os-release")
	if release != nil && strings.Contains("\n"+string(release.data), "\nID=debian\n") && s.resolve("/etc/debian_version") == nil {
		s.t.Error("/etc/debian_version is missing: Trivy finds nothing without it")
	}
	if tmp := s.resolve("/tmp"); tmp != nil && (tmp.Mode&0o7777 != 0o1777 || tmp.Uid != 0) {
		s.t.Errorf("/tmp is %o of %d, want 1777 of 0", tmp.Mode&0o7777, tmp.Uid)
	}
	if s.resolve("/etc/shadow") != nil {
		s.t.Error("/etc/shadow is in the image: nobody logs in")
	}
}

// rights: no file grants unneeded privileges (setuid, setgid, file capabilities), and no user can replace files of another user.
func (s slimImage) rights() {
	for name, c := range s.files {
		regular := c.Typeflag == tar.TypeReg || c.Typeflag == tar.TypeLink
		switch {
		case c.Typeflag == tar.TypeDir && c.Mode&0o002 != 0 && c.Mode&0o1000 == 0:
			s.t.Errorf("%s is world-writable and not sticky: mode %o", name, c.Mode)
		case regular && c.Mode&0o002 != 0:
			s.t.Errorf("%s is world-writable: mode %o", name, c.Mode)
		case regular && c.Mode&0o6000 != 0 && s.result.Plan.User.UID != 0:
			s.t.Errorf("%s is setuid or setgid: mode %o", name, c.Mode)
		}
		if c.PAXRecords["SCHILY.xattr.security.capability"] != "" && !s.needed(name) {
			s.t.Errorf("%s has file capabilities, and nothing needs it", name)
		}
	}
}

var (
	shellNames   = strings.Fields("sh bash dash ash zsh ksh mksh csh tcsh fish busybox")
	managerNames = strings.Fields("apt apt-get dpkg apk rpm dnf microdnf yum zypper")
	// reasons for keeping a path that do not show its use.
	noEvidence = []analyzer.Rule{analyzer.RuleAppFile, analyzer.RuleSkeleton, analyzer.RuleIdentity, analyzer.RuleParentOf}
)

// needed says whether the plan keeps a path because something uses it.
func (s slimImage) needed(name string) bool {
	return slices.ContainsFunc(s.plan[name].Reasons, func(r analyzer.Reason) bool { return !slices.Contains(noEvidence, r.Rule) })
}

// tools: no shell and no package manager that nothing needs.
func (s slimImage) tools() {
	for name, c := range s.files {
		dir := path.Base(path.Dir(name))
		if c.Typeflag != tar.TypeReg && c.Typeflag != tar.TypeLink || dir != "bin" && dir != "sbin" || c.Mode&0o111 == 0 {
			continue
		}
		if slices.Contains(shellNames, path.Base(name)) && !s.needed(name) {
			s.t.Errorf("%s is a shell that nothing needs: %v", name, s.plan[name].Reasons)
		}
		if slices.Contains(managerNames, path.Base(name)) && !s.needed(name) {
			s.t.Errorf("%s is a package manager that nothing needs: %v", name, s.plan[name].Reasons)
		}
	}
}

// records: each Debian package of which something is kept is recorded as distroless images do (PACKAGE_METADATA.md), and no other;
// its list of files is true; its copyright is there.
func (s slimImage) records() {
	recorded := map[string]bool{}
	for name := range s.files {
		if base, ok := strings.CutPrefix(name, "/var/lib/dpkg/status.d/"); ok && !strings.HasSuffix(base, ".md5sums") {
			recorded[base] = true
		}
	}
	for _, pkg := range s.result.Plan.Packages {
		if pkg.Type != "deb" {
			continue
		}
		record := s.resolve("/var/lib/dpkg/status.d/" + pkg.Name)
		if record == nil {
			s.t.Errorf("package %s has no record", pkg.Name)
			continue
		}
		delete(recorded, pkg.Name)
		text := "\n" + string(record.data)
		if !strings.Contains(text, "\nPackage: "+pkg.Name+"\n") || !strings.Contains(text, "\nVersion: "+pkg.Version+"\n") {
			s.t.Errorf("the record of package %s does not say name and version %s", pkg.Name, pkg.Version)
		}
		copyright := "/usr/share/doc/" + pkg.Name + "/copyright"
		if s.had(copyright) && s.resolve(copyright) == nil {
			s.t.Errorf("%s is missing", copyright)
		}
		s.sums(pkg.Name)
	}
	for name := range recorded {
		s.t.Errorf("package %s is recorded, and nothing of it is kept", name)
	}
	for _, name := range []string{"/var/lib/dpkg/status", "/var/lib/dpkg/info"} {
		if c := s.resolve(name); c != nil && c.Typeflag == tar.TypeReg {
			s.t.Errorf("%s lists what the original had", name)
		}
	}
}

// sums checks a package's list of files.
func (s slimImage) sums(pkg string) {
	list := s.resolve("/var/lib/dpkg/status.d/" + pkg + ".md5sums")
	if list == nil {
		return // dpkg has none of packages without files of their own
	}
	for line := range strings.Lines(string(list.data)) {
		sum, name, _ := strings.Cut(strings.TrimRight(line, "\n"), "  ")
		file := s.resolve("/" + name)
		if file == nil {
			s.t.Errorf("package %s lists /%s, which is not there", pkg, name)
		} else if file.Typeflag == tar.TypeReg && file.md5 != sum && s.plan["/"+name].Content == nil {
			s.t.Errorf("package %s lists /%s with another checksum", pkg, name)
		}
	}
}

//go:build e2e

package integration

import (
	"archive/tar"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/lint"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/layers"
)

// lintOf runs slim lint on an image and returns the rules with a finding of level warning or worse, and the report.
func lintOf(t *testing.T, ref string, flags ...string) ([]string, lint.Report) {
	t.Helper()
	var report lint.Report
	decode(t, mustSlim(t, append([]string{"lint", ref, "--format", "json"}, flags...)...).stdout, &report)
	var failed []string
	for _, result := range report.Results {
		if len(result.Findings) > 0 && result.Findings[0].Level.Rank() >= lint.Warning.Rank() {
			failed = append(failed, result.ID)
		}
	}
	return failed, report
}

// plantedConfig has no user.
var plantedConfig = v1.Config{Entrypoint: []string{"/opt/app/server", "do"}, Cmd: []string{"open:/opt/app/data", "list:/opt/app/spool",
	"create:/tmp/x"}, Env: []string{"PATH=/usr/bin"}}

// planted is an image with a mistake of each kind in it, a distribution with one package to blame for the tools.
func planted(t *testing.T) string {
	t.Helper()
	program, err := serverProgram()
	if err != nil {
		t.Fatal(err)
	}
	tool := func(name string, mode int64) entry {
		e := file(name, "#!/bin/true\n")
		e.Mode = mode
		return e
	}
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("QUJD", 16) + "\n-----END PRIVATE KEY-----\n"
	tools := []string{"usr/bin/sh", "usr/bin/su", "usr/sbin/sshd", "usr/bin/apt", "usr/bin/gcc"}
	entries := []entry{
		dir("tmp", 0o1777, 0, 0), dir("usr", 0o755, 0, 0), dir("usr/bin", 0o755, 0, 0), dir("usr/sbin", 0o755, 0, 0),
		dir("opt", 0o755, 0, 0), dir("opt/app", 0o755, 0, 0), dir("opt/app/spool", 0o777, 0, 0), dir("opt/app/.git", 0o755, 0, 0),
		dir("root", 0o700, 0, 0),
		tool("usr/bin/sh", 0o755), tool("usr/bin/su", 0o4755), tool("usr/sbin/sshd", 0o755), tool("usr/bin/apt", 0o755),
		tool("usr/bin/gcc", 0o755),
		file("opt/app/data", "data\n"), file("opt/app/.git/HEAD", "ref: x\n"), file("root/key.pem", key), file("etc/shadow", "root::1::::::\n"),
		file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"), file("etc/group", "root:x:0:\n"), file("etc/nsswitch.conf", "passwd: files\n"),
		file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"), file("etc/debian_version", "12.5\n"),
		file("var/lib/apt/lists/x_Packages", "Package: x\n"),
		file("usr/share/doc/tools/copyright", "mine\n"), file("usr/share/doc/base/copyright", "mine\n"),
		file("var/lib/dpkg/status", dpkgEntry("tools")+dpkgEntry("base")),
		file("var/lib/dpkg/info/tools.list", "/"+strings.Join(tools, "\n/")+"\n/usr/share/doc/tools/copyright\n"),
		file("var/lib/dpkg/info/base.list", "/etc/os-release\n/etc/debian_version\n/etc/nsswitch.conf\n/usr/share/doc/base/copyright\n"),
		{tar.Header{Name: "opt/app/server", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}, program},
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: entriesLayer(t, entries),
		History: v1.History{CreatedBy: "COPY . / # buildkit"}},
		mutate.Addendum{Layer: entriesLayer(t, []entry{file("root/.wh.key.pem", "")}),
			History: v1.History{CreatedBy: "RUN |1 NPM_TOKEN=1234 /bin/sh -c rm /root/key.pem # buildkit"}})
	if err != nil {
		t.Fatal(err)
	}
	return addToLayout(t, "planted", img, plantedConfig)
}

func dpkgEntry(name string) string {
	return "Package: " + name + "\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\n" +
		"Maintainer: X <x@example.org>\nDescription: x\n\n"
}

// The original fails on exactly the planted mistakes. The slim image fails only because it is not signed.
func TestLintBeforeAndAfter(t *testing.T) {
	ref := planted(t)
	failed, _ := lintOf(t, ref)
	want := []string{
		"B1-stray", "B1-cache", "B3-digest", "P5-compiler", "C6-remote", "S1-history", "S1-files", "R2-user", "R2-password", "R12-setuid",
		"R4-writable", "R10-shell", "R10-manager",
		"P3-provenance", "P4-signature", "M1-sbom",
	}
	if diff := cmp.Diff(want, failed); diff != "" {
		t.Errorf("rules that the original fails (-want +got)\n%s", diff)
	}
	out := filepath.Join(t.TempDir(), "layout")
	var result builder.Result
	decode(t, mustSlim(t, "build", ref, "--output", "type=oci,tar=false,dest="+out, "--tag", "example.com/planted:1.0", "--format", "json",
		"--progress", "plain").stdout, &result)
	contract(t, result, readLayout(t, out), "")
	failed, report := lintOf(t, "oci:"+out)
	justified := []string{"P4-signature"} // nobody signed it
	if diff := cmp.Diff(justified, failed); diff != "" {
		t.Errorf("rules that the slim image fails (-want +got)\n%s", diff)
		for _, r := range report.Results {
			if slices.Contains(failed, r.ID) {
				text, _ := json.Marshal(r.Findings)
				t.Logf("%s: %s", r.ID, text)
			}
		}
	}
	mustSlim(t, "lint", "oci:"+out, "--fail-on", "warning", "--disable", "P4-signature")
	if gate := slim(t, "lint", ref, "--fail-on", "warning"); gate.code != 1 || !strings.Contains(gate.stderr, "R2-user") {
		t.Errorf("slim lint --fail-on warning of the original: exit code %d, %q", gate.code, gate.stderr)
	}
	for _, item := range report.Items {
		if item.Status == lint.Passed && item.Rest != "" {
			t.Errorf("item %s passed, although %q", item.ID, item.Rest)
		}
	}
}

// recorder stands in for a test that is expected to fail.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.said = append(r.said, fmt.Sprintf(format, args...))
}

func (r *recorder) Error(args ...any) { r.said = append(r.said, fmt.Sprint(args...)) }

// The contract finds the planted mistakes in an image that keeps them.
func TestContractFails(t *testing.T) {
	dir, tag, _ := strings.Cut(strings.TrimPrefix(planted(t), "oci:"), ":")
	img := taggedImage(t, dir, tag)
	result := builder.Result{Plan: &analyzer.Plan{User: analyzer.User{UID: 65532},
		Packages: []analyzer.Package{{Type: "deb", Name: "tools", Version: "1.0"}}}}
	for name := range contents(t, img) {
		result.Plan.Files = append(result.Plan.Files, analyzer.File{Path: layers.CleanPath(name),
			Reasons: []analyzer.Reason{{Rule: analyzer.RuleAppFile}}})
	}
	result.Plan.Dropped = []analyzer.Dropped{{Path: "etc/ssl/certs/ca-certificates.crt"}}
	r := &recorder{TB: t}
	contract(r, result, img, "")
	slices.Sort(r.said)
	want := []string{
		"/etc/shadow is in the image: nobody logs in",
		"/etc/ssl/certs/ca-certificates.crt is missing, the original has it",
		"/opt/app/spool is world-writable and not sticky: mode 777",
		"/usr/bin/apt is a package manager that nothing needs: [app file]",
		"/usr/bin/sh is a shell that nothing needs: [app file]",
		"/usr/bin/su is setuid or setgid: mode 4755",
		"/var/lib/dpkg/status lists what the original had",
		"package tools has no record",
		`the user is "", want UID:GID`,
	}
	if diff := cmp.Diff(want, r.said); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// taggedImage is an image of a layout by its name.
func taggedImage(t *testing.T, dir, tag string) v1.Image {
	t.Helper()
	in, err := layers.Open(context.Background(), "oci:"+dir+":"+tag,
		layers.OpenOptions{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}})
	if err != nil {
		t.Fatal(err)
	}
	return in.Image
}

package update

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// played is a Tool that prints what a test recorded: the key is a part of the command line.
func played(t *testing.T, record map[string]string) Tool {
	return func(_ context.Context, _ []string, argv ...string) (string, error) {
		line, longest := strings.Join(argv, " "), ""
		for key := range record {
			if strings.Contains(line, key) && len(key) > len(longest) {
				longest = key
			}
		}
		if longest == "" {
			t.Errorf("%s was not expected", line)
			return "", fmt.Errorf("unexpected")
		}
		return record[longest], nil
	}
}

// rootWith is a root filesystem with these files.
func rootWith(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(path.Join(root, path.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func apkWorldTarget(t *testing.T, record map[string]string) Target {
	return Target{Root: rootWith(t, map[string]string{
		"sbin/apk": "", "lib/apk/db/installed": "", "etc/apk/world": "greet\nheld=1.0-r0\nrange<2 tagged@edge\n",
		"etc/apk/repositories":            "https://example.org/v3.20/main\n# a comment\n@edge https://example.org/edge/main\n",
		"etc/apk/repositories.d/own.list": "https://example.org/own\n",
	}), Tool: played(t, record)}
}

func TestApkInstalled(t *testing.T) {
	m := findApk(apkWorldTarget(t, map[string]string{
		"--version": "apk-tools 2.14.4, compiled for x86_64.\n",
		"list": "WARNING: opening https://example.org: No such file or directory\n" +
			"greet-1.0-r0 x86_64 {greet} (MIT) [installed]\n" +
			"py3-foo-bar-2_rc1-r10 noarch {foo bar} (GPL-2.0-only AND MIT) [upgradable from: x]\n" +
			"held-1.0-r0 x86_64 {held} (MIT) [installed]\n" +
			".build-deps-20260101.101010 noarch {} () [installed]\n",
	}))
	got, err := m.Installed(t.Context())
	want := []Installed{
		{Package: Package{"greet", "x86_64", "1.0-r0"}},
		{Package: Package{"py3-foo-bar", "noarch", "2_rc1-r10"}},
		{Package: Package{"held", "x86_64", "1.0-r0"}, Held: true},
		{Package: Package{".build-deps", "noarch", "20260101.101010"}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Installed = %v, -want +got\n%s", err, diff)
	}
	for version, want := range map[string]bool{"apk-tools 2.10.8, compiled for x86_64.": true, "apk-tools 2.12.0,": false,
		"apk-tools 3.0.6, compiled": false, "busybox": true} {
		if got := old(version); got != want {
			t.Errorf("old(%q) = %v, want %v", version, got, want)
		}
	}
}

const apkPolicy = `greet policy:
  1.0-r0:
    lib/apk/db/installed
    https://example.org/v3.20/main
  1.1-r0:
    https://example.org/v3.20/main
  1.2-r0:
    @edge https://example.org/edge/main
`

func TestApkOffers(t *testing.T) {
	m := findApk(apkWorldTarget(t, map[string]string{
		"update": "OK: 12 distinct packages available\n",
		"policy": apkPolicy, "version -t 1.1-r0 1.0-r0": ">\n",
		"upgrade --simulate": "(1/2) Installing newdep (1.0-r0)\n(2/2) Upgrading greet (1.0-r0 -> 1.1-r0)\nOK: 700 B in 7 packages\n",
	}))
	repositories, err := m.Refresh(t.Context())
	want := []Repository{{"https://example.org/v3.20/main", true}, {"https://example.org/own", true}}
	if diff := cmp.Diff(want, repositories); diff != "" || err != nil {
		t.Errorf("Refresh = %v, -want +got\n%s", err, diff)
	}
	got, err := m.Offers(t.Context(), []Installed{{Package: Package{"greet", "x86_64", "1.0-r0"}}})
	offers := []Offer{{Package{"greet", "x86_64", "1.1-r0"}, want[0], true}}
	if diff := cmp.Diff(offers, got); diff != "" || err != nil {
		t.Errorf("Offers = %v, -want +got\n%s", err, diff)
	}
	changes, err := m.Simulate(t.Context(), []Package{{"greet", "x86_64", "1.1-r0"}})
	wanted := []Change{{Name: "newdep", After: "1.0-r0"},
		{Name: "greet", Before: "1.0-r0", After: "1.1-r0", Repository: "https://example.org/v3.20/main"}}
	if diff := cmp.Diff(wanted, changes); diff != "" || err != nil {
		t.Errorf("Simulate = %v, -want +got\n%s", err, diff)
	}
}

func TestParseApkChanges(t *testing.T) {
	got, err := parseApkChanges("fetch https://example.org/APKINDEX.tar.gz\n( 1/15) Purging gone (1.0-r0)\n" +
		"(2/5) Downgrading low (2-r0 -> 1-r0)\n" +
		"(3/5) Replacing same (1-r0 -> 1-r0)\n(4/5) Reinstalling again (1-r0)\n(5/5) Upgrading tagged@edge (1-r0 -> 2-r0)\nOK: 1 MiB\n")
	want := []Change{{Name: "gone", Before: "1.0-r0"}, {Name: "low", Before: "2-r0", After: "1-r0", Lower: true},
		{Name: "tagged", Before: "1-r0", After: "2-r0"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseApkChanges = %v, -want +got\n%s", err, diff)
	}
	for _, bad := range []string{"(1/1) Upgrading x\n", "(1/1) Exploding x (1-r0)\n"} {
		if got, err := parseApkChanges(bad); err == nil {
			t.Errorf("parseApkChanges(%q) = %v, want an error", bad, got)
		}
	}
}

func TestApkDownload(t *testing.T) {
	dir := t.TempDir()
	m := &apk{Target: Target{Tool: func(_ context.Context, _ []string, argv ...string) (string, error) {
		return "", os.WriteFile(path.Join(dir, argv[len(argv)-1]+"-1.1-r0.apk"), nil, 0o644)
	}}}
	names, err := m.Download(t.Context(), []Change{{Name: "greet", After: "1.1-r0"}}, dir)
	if diff := cmp.Diff([]string{"greet-1.1-r0.apk"}, names); diff != "" || err != nil {
		t.Errorf("Download = %v, -want +got\n%s", err, diff)
	}
	if names, err := m.Download(t.Context(), []Change{{Name: "greet", After: "1.0.5-r0"}}, dir); err == nil {
		t.Errorf("Download of a version that is not there = %v, want an error", names)
	}
}

// TestExplain fetches with a package manager that cannot honour a mode, and with one for which it means something else.
func TestExplain(t *testing.T) {
	for _, test := range []struct {
		m             Manager
		mode          Mode
		note, failure string
	}{
		{&microdnf{}, Security, "", "microdnf cannot tell security updates from others"},
		{&apk{}, Security, "each newer version in its repositories counts as one", "apk: it is not there"},
		{&apk{}, All, "", "apk: it is not there"},
	} {
		gone := Target{Tool: func(_ context.Context, _ []string, argv ...string) (string, error) {
			return "", &ToolError{Program: argv[0], Stderr: "it is not there\n"}
		}}
		switch m := test.m.(type) {
		case *apk:
			m.Target = gone
		case *microdnf:
			m.Target = gone
		}
		report, err := Fetch(t.Context(), test.m, Request{Mode: test.mode}, t.TempDir())
		if err != nil || report.Failure == nil || report.Failure.Reason != test.failure || !strings.HasSuffix(report.Note, test.note) {
			t.Errorf("Fetch of %s with %s = %+v, %v, want the note %q and the failure %q", test.m.Name(), test.mode, report, err, test.note,
				test.failure)
		}
	}
}

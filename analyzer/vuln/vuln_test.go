package vuln

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFromPurl(t *testing.T) {
	tests := []struct {
		purl string
		want Package
	}{
		{"pkg:deb/debian/libssl3@3.0.15-1~deb12u1?arch=amd64&distro=debian-12&source=openssl", Package{Ecosystem: "Debian:12", Name: "libssl3",
			Version: "3.0.15-1~deb12u1", SourceName: "openssl"}},
		{"pkg:deb/debian/libssl3@3.0.15-1?distro=debian-12.5&upstream=openssl%403.0.14-1", Package{Ecosystem: "Debian:12", Name: "libssl3",
			Version: "3.0.15-1", SourceName: "openssl", SourceVersion: "3.0.14-1"}},
		{"pkg:deb/debian/bash@5.2?distro=bookworm&epoch=1", Package{Ecosystem: "Debian:12", Name: "bash", Version: "1:5.2"}},
		{"pkg:deb/debian/bash@5.2?distro=debian-trixie", Package{Ecosystem: "Debian:13", Name: "bash", Version: "5.2"}},
		{"pkg:deb/debian/bash@5.2", Package{Ecosystem: "Debian", Name: "bash", Version: "5.2"}},
		{"pkg:deb/ubuntu/bash@5.1-6ubuntu1?distro=ubuntu-22.04", Package{Ecosystem: "Ubuntu:22.04", Name: "bash", Version: "5.1-6ubuntu1"}},
		{"pkg:apk/alpine/libcrypto3@3.1.4-r5?distro=alpine-3.19.1&upstream=openssl", Package{Ecosystem: "Alpine:v3.19", Name: "libcrypto3",
			Version: "3.1.4-r5", SourceName: "openssl"}},
		{"pkg:apk/alpine/musl@1.2.4-r2?distro=3.19.0", Package{Ecosystem: "Alpine:v3.19", Name: "musl", Version: "1.2.4-r2"}},
		{"pkg:apk/wolfi/musl@1.2.4-r2?distro=wolfi-20230201", Package{Ecosystem: "Wolfi", Name: "musl", Version: "1.2.4-r2"}},
		{"pkg:rpm/rocky/openssl-libs@3.0.7-27.el9?distro=rocky-9.4&epoch=1&upstream=openssl-3.0.7-27.el9.src.rpm",
			Package{Ecosystem: "Rocky Linux:9", Name: "openssl-libs", Version: "1:3.0.7-27.el9", SourceName: "openssl"}},
		{"pkg:rpm/redhat/bash@5.1.8-9.el9?distro=rhel-9.4", Package{Ecosystem: "Red Hat:9", Name: "bash", Version: "5.1.8-9.el9"}},
		{"pkg:rpm/opensuse/bash@5.2?distro=opensuse-leap-15.6", Package{Ecosystem: "openSUSE:Leap 15.6", Name: "bash", Version: "5.2"}},
		{"pkg:rpm/suse/bash@5.2?distro=sles-15.5", Package{Ecosystem: "SUSE:15 SP5", Name: "bash", Version: "5.2"}},
		{"pkg:golang/stdlib@go1.22rc1", Package{Ecosystem: "Go", Name: "stdlib", Version: "1.22.0-rc.1"}},
		{"pkg:golang/github.com/docker/docker@v24.0.7%2Bincompatible", Package{Ecosystem: "Go", Name: "github.com/docker/docker",
			Version: "24.0.7"}},
		{"pkg:pypi/Flask_SQLAlchemy@3.0", Package{Ecosystem: "PyPI", Name: "flask-sqlalchemy", Version: "3.0"}},
		{"pkg:npm/%40babel/core@7.0.0", Package{Ecosystem: "npm", Name: "@babel/core", Version: "7.0.0"}},
		{"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1", Package{Ecosystem: "Maven", Name: "org.apache.logging.log4j:log4j-core",
			Version: "2.14.1"}},
		{"pkg:gem/rack@2.2.3", Package{Ecosystem: "RubyGems", Name: "rack", Version: "2.2.3"}},
		{"pkg:composer/symfony/http-kernel@5.4.0", Package{Ecosystem: "Packagist", Name: "symfony/http-kernel", Version: "5.4.0"}},
		{"pkg:cargo/time@0.1.0", Package{Ecosystem: "crates.io", Name: "time", Version: "0.1.0"}},
		{"pkg:nuget/Newtonsoft.Json@12.0.3", Package{Ecosystem: "NuGet", Name: "Newtonsoft.Json", Version: "12.0.3"}},
		{"pkg:generic/redis@7.2", Package{Name: "redis", Version: "7.2"}},
	}
	for _, test := range tests {
		got, err := FromPurl(test.purl)
		test.want.Purl = test.purl
		if err != nil {
			t.Errorf("%s: %v", test.purl, err)
		} else if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.purl, diff)
		}
	}
	if _, err := FromPurl("not a purl"); err == nil {
		t.Error("no error for nonsense")
	}
}

func TestSameRelease(t *testing.T) {
	tests := []struct {
		record, installed string
		want              bool
	}{
		{"Debian:12", "Debian:12", true}, {"Debian:11", "Debian:12", false}, {"Debian", "Debian:12", true},
		{"Ubuntu:22.04:LTS", "Ubuntu:22.04", true},
		{"Ubuntu:Pro:22.04:LTS", "Ubuntu:22.04", false}, {"Red Hat:enterprise_linux:9::baseos", "Red Hat:9", true},
		{"Red Hat:rhel_eus:9.2::baseos", "Red Hat:9", false},
		{"Red Hat:enterprise_linux:8::baseos", "Red Hat:9", false}, {"SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:15 SP5", true},
		{"SUSE:Linux Enterprise Server 15 SP4", "SUSE:15 SP5", false}, {"Alpine:v3.19", "Alpine:v3.20", false}, {"PyPI", "PyPI", true},
		{"npm", "PyPI", false},
	}
	for _, test := range tests {
		if got := sameRelease(test.record, test.installed); got != test.want {
			t.Errorf("sameRelease(%q, %q) = %t", test.record, test.installed, got)
		}
	}
}

// TestAffects is the evaluation of the OSV schema: events are written "i1 f2 l3 m4" for introduced, fixed, last_affected, limit.
func TestAffects(t *testing.T) {
	tests := []struct {
		ecosystem, kind, events, versions string
		version                           string
		want                              bool
		fixed                             string
	}{
		{"Debian:12", "ECOSYSTEM", "i0 f1.2-3", "", "1.2-2", true, "1.2-3"},
		{"Debian:12", "ECOSYSTEM", "i0 f1.2-3", "", "1.2-3", false, ""},
		{"Debian:12", "ECOSYSTEM", "i0 f1:1.0-1", "", "2.0-1", true, "1:1.0-1"}, // an epoch beats everything
		{"Debian:12", "ECOSYSTEM", "i0 f2.0-1", "", "1:1.0-1", false, ""},
		{"Debian:12", "ECOSYSTEM", "i0 f2.0-1", "", "2.0~rc1-1", true, "2.0-1"}, // a tilde is before the end
		{"Debian:12", "ECOSYSTEM", "i0 f3.0.15-1~deb12u1", "", "3.0.15-1~deb12u0", true, "3.0.15-1~deb12u1"},
		{"Debian:12", "ECOSYSTEM", "i0 f3.0.15-1~deb12u1", "", "3.0.15-1", false, ""},
		{"Debian:12", "ECOSYSTEM", "i0 f3.0.15-1", "", "3.0.15-1+b1", false, ""},
		{"Debian:12", "ECOSYSTEM", "i0", "", "99", true, ""},
		{"Alpine:v3.19", "ECOSYSTEM", "i0 f3.1.4-r3", "", "3.1.4-r2", true, "3.1.4-r3"},
		{"Alpine:v3.19", "ECOSYSTEM", "i0 f3.1.4-r3", "", "3.1.4-r10", false, ""},
		{"Alpine:v3.19", "ECOSYSTEM", "i0 f1.0-r0", "", "1.0_rc1-r0", true, "1.0-r0"},
		{"Rocky Linux:9", "ECOSYSTEM", "i0 f1:3.0.7-27.el9", "", "1:3.0.7-25.el9", true, "1:3.0.7-27.el9"},
		{"Rocky Linux:9", "ECOSYSTEM", "i0 f1:3.0.7-27.el9", "", "1:3.0.7-27.el9_1", false, ""},
		{"Go", "SEMVER", "i1.21.0-0 f1.21.4", "", "1.21.0-rc.1", true, "1.21.4"},
		{"Go", "SEMVER", "i0 f1.20.11 i1.21.0-0 f1.21.4", "", "1.20.10", true, "1.20.11"},
		{"Go", "SEMVER", "i0 f1.20.11 i1.21.0-0 f1.21.4", "", "1.20.12", false, ""},
		{"Go", "SEMVER", "i0 f1.20.11 i1.21.0-0 f1.21.4", "", "1.21.3", true, "1.21.4"},
		{"Go", "SEMVER", "i1.21.0-0 f1.21.4 i0 f1.20.11", "", "1.20.12", false, ""}, // events in any order
		{"npm", "SEMVER", "i2.0.0 f2.1.0", "", "2.1.0-beta.1", true, "2.1.0"},       // a prerelease is before its release
		{"npm", "SEMVER", "i2.0.0 f2.1.0", "", "2.0.0-beta.1", false, ""},
		{"npm", "SEMVER", "i2.0.0 l2.1.0", "", "2.1.0", true, ""},
		{"npm", "SEMVER", "i2.0.0 l2.1.0", "", "2.1.1", false, ""},
		{"npm", "SEMVER", "i0 m2.0.0", "", "1.9.9", true, ""},
		{"npm", "SEMVER", "i0 m2.0.0", "", "2.0.0", false, ""},
		{"npm", "SEMVER", "i0 m*", "", "2.0.0", true, ""},
		{"npm", "SEMVER", "i1.0.0 f1.0.0", "", "1.0.0", false, ""},
		{"npm", "SEMVER", "i1.0.0 f2.0.0 i2.0.0 f3.0.0", "", "2.0.0", true, "3.0.0"},
		{"PyPI", "ECOSYSTEM", "i0 f2.0", "", "2.0rc1", true, "2.0"},
		{"PyPI", "ECOSYSTEM", "i0 f2.0", "", "2.0.post1", false, ""},
		{"PyPI", "ECOSYSTEM", "i0 f2.0", "", "1!0.1", false, ""},
		{"PyPI", "ECOSYSTEM", "i0 f2.0", "", "2.0.dev1", true, "2.0"},
		{"PyPI", "ECOSYSTEM", "i1.10 f1.20", "", "1.9", false, ""},
		{"PyPI", "GIT", "i0", "1.0.0", "1.0", true, ""}, // listed, in another spelling
		{"PyPI", "GIT", "i0", "1.0.0", "1.1", false, ""},
		{"PyPI", "ECOSYSTEM", "i3.0 f3.1", "2.0", "2.0", true, "3.1"}, // a list adds to the ranges
		{"Maven", "ECOSYSTEM", "i2.0-beta9 f2.15.0", "", "2.14.1", true, "2.15.0"},
		{"Maven", "ECOSYSTEM", "i2.0-beta9 f2.15.0", "", "2.15.0-SNAPSHOT", true, "2.15.0"},
		{"RubyGems", "ECOSYSTEM", "i0 f2.2.3.1", "", "2.2.3", true, "2.2.3.1"},
		{"Packagist", "ECOSYSTEM", "i5.0.0 f5.4.20", "", "v5.4.3", true, "5.4.20"},
		{"crates.io", "SEMVER", "i0.0.0-0 f0.2.23", "", "0.1.43", true, "0.2.23"},
		{"NuGet", "ECOSYSTEM", "i0 f13.0.1", "", "12.0.3", true, "13.0.1"},
	}
	for _, test := range tests {
		a := affected{Ranges: []eventRange{{Type: test.kind, Events: events(test.events)}}, Versions: strings.Fields(test.versions)}
		got, fixed, err := a.affects(test.ecosystem, test.version)
		if err != nil || got != test.want || fixed != test.fixed {
			t.Errorf("%s %s [%s] %s: %t, fixed %q, %v; want %t, %q", test.ecosystem, test.version, test.events, test.versions, got, fixed, err,
				test.want, test.fixed)
		}
	}
	a := affected{Ranges: []eventRange{{Type: "ECOSYSTEM", Events: events("i0 f1.0")}}}
	if hit, _, err := a.affects("Debian:12", strings.Repeat("1", maxVersion+1)); hit || err == nil {
		t.Errorf("a version of %d digits is compared", maxVersion+1)
	}
}

func events(text string) []event {
	var list []event
	for _, word := range strings.Fields(text) {
		version := word[1:]
		switch word[0] {
		case 'i':
			list = append(list, event{Introduced: version})
		case 'f':
			list = append(list, event{Fixed: version})
		case 'l':
			list = append(list, event{LastAffected: version})
		default:
			list = append(list, event{Limit: version})
		}
	}
	return list
}

// TestCVSS has the scores of the calculator of FIRST, and of NVD for version 2.
func TestCVSS(t *testing.T) {
	tests := map[string]float64{
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H":     9.8,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H":     10,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H":     7.5,
		"CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:N/A:N":     5.9,
		"CVSS:3.0/AV:N/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N":     5.4,
		"CVSS:3.1/AV:L/AC:H/PR:L/UI:N/S:U/C:L/I:N/A:N":     2.5,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N":     0,
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/E:P": 7.5,
		"AV:N/AC:L/Au:N/C:P/I:P/A:P":                       7.5,
		"AV:N/AC:M/Au:N/C:N/I:P/A:N":                       4.3,
	}
	for vector, want := range tests {
		if got, ok := cvss(vector); !ok || got != want {
			t.Errorf("cvss(%q) = %v, %t; want %v", vector, got, ok, want)
		}
	}
	for _, vector := range []string{"", "CVSS:3.1/AV:N", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
		"AV:N/AC:X/Au:N/C:P/I:P/A:P"} {
		if got, ok := cvss(vector); ok {
			t.Errorf("cvss(%q) = %v", vector, got)
		}
	}
}

// Records of the structure that OSV exports.
const (
	recordDebian = `{"id":"DEBIAN-CVE-2024-0001","upstream":["CVE-2024-0001"],"modified":"2026-01-02T00:00:00Z","details":"A flaw in\u001b[31m libthing.\nMore.",
 "affected":[{"package":{"ecosystem":"Debian:12","name":"thing","purl":"pkg:deb/debian/thing?arch=source"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2-3+deb12u2"}]}],"ecosystem_specific":{"urgency":"not yet assigned"}},
 {"package":{"ecosystem":"Debian:11","name":"thing"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}],"schema_version":"1.7.3"}`
	recordDSA = `{"id":"DSA-5000-1","upstream":["CVE-2024-0001","CVE-2024-0002"],"summary":"thing - security update","modified":"2026-01-01T00:00:00Z",
 "affected":[{"package":{"ecosystem":"Debian:12","name":"thing"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.2-3+deb12u2"}]}]}],
 "references":[{"type":"ADVISORY","url":"https://www.debian.org/security/2024/dsa-5000"}],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]}`
	recordGHSA = `{"id":"GHSA-aaaa-bbbb-cccc","aliases":["CVE-2024-0003","PYSEC-2024-1"],"summary":"Flask thing","modified":"2026-02-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"Flask-Thing"},
 "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}],"versions":["1.0"]}],"database_specific":{"severity":"MODERATE","cwe_ids":["CWE-1"]},
 "severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}]}`
	recordPYSEC     = `{"id":"PYSEC-2024-1","aliases":["CVE-2024-0003","GHSA-aaaa-bbbb-cccc"],"details":"Thing","affected":[{"package":{"ecosystem":"PyPI","name":"flask-thing"},"ranges":[{"type":"GIT","events":[{"introduced":"0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.1"}]}]}]}`
	recordWithdrawn = `{"id":"PYSEC-2024-2","withdrawn":"2024-02-02T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"flask-thing"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}`
)

// writeDB makes a database: "X/all.zip" or "X.zip" of records that are named 0.json, 1.json..., other names hold one record.
func writeDB(t *testing.T, files map[string][]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, records := range files {
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			t.Fatal(err)
		}
		data := []byte(records[0])
		if strings.HasSuffix(name, ".zip") {
			var buf bytes.Buffer
			w := zip.NewWriter(&buf)
			for i, text := range records {
				f, err := w.Create(string(rune('0'+i)) + ".json")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := f.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			data = buf.Bytes()
		}
		if err := os.WriteFile(target, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func open(t *testing.T, files map[string][]string) *Database {
	t.Helper()
	db, err := Open(writeDB(t, files))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

var (
	thing = Package{Ecosystem: "Debian:12", Name: "libthing1", Version: "1.2-3", SourceName: "thing",
		Purl: "pkg:deb/debian/libthing1@1.2-3?distro=debian-12", Files: []string{"usr/lib/libthing.so.1"}}
	flask = Package{Ecosystem: "PyPI", Name: "flask_thing", Version: "1.5", Purl: "pkg:pypi/flask-thing@1.5"}
)

func TestScan(t *testing.T) {
	layouts := map[string]map[string][]string{
		"osv": {"Debian/all.zip": {recordDebian, recordDSA}, "PyPI/all.zip": {recordPYSEC, recordGHSA, recordWithdrawn},
			"npm/all.zip": {"{broken"}},
		"flat": {"Debian.zip": {recordDSA, recordDebian}, "PyPI.zip": {recordWithdrawn, recordGHSA, recordPYSEC}, "README.txt": {"text"}},
		"loose": {"a.json": {recordDebian}, "DSA.json": {recordDSA}, "PyPI/x.json": {recordGHSA}, "PyPI/y.json": {recordPYSEC},
			"index.json": {`{"x":1}`}},
		"one": {"all.zip": {recordDebian, recordDSA, recordGHSA, recordPYSEC, recordWithdrawn}},
	}
	want := []Finding{
		{ID: "CVE-2024-0001", Aliases: []string{"DEBIAN-CVE-2024-0001"}, Advisories: []string{"DSA-5000-1"}, Package: thing,
			Fixed: "1.2-3+deb12u2", Severity: High, Score: 7.5, Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H",
			Summary: "A flaw in[31m libthing.", URL: "https://osv.dev/vulnerability/DEBIAN-CVE-2024-0001"},
		{ID: "CVE-2024-0002", Advisories: []string{"DSA-5000-1"}, Package: thing, Fixed: "1.2-3+deb12u2", Severity: High, Score: 7.5,
			Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Summary: "thing - security update",
			URL: "https://www.debian.org/security/2024/dsa-5000"},
		{ID: "CVE-2024-0003", Aliases: []string{"GHSA-aaaa-bbbb-cccc", "PYSEC-2024-1"}, Package: flask, Fixed: "2.1", Severity: Medium,
			Vector: "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", Summary: "Thing",
			URL: "https://osv.dev/vulnerability/GHSA-aaaa-bbbb-cccc"},
	}
	for name, files := range layouts {
		got, err := Scan(context.Background(), open(t, files), []Package{flask, thing})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSkipped(t *testing.T) {
	db := open(t, map[string][]string{"PyPI/all.zip": {recordGHSA}})
	results, err := db.Search(context.Background(), []Package{flask, thing, {Name: "redis", Version: "7"},
		{Ecosystem: "Debian", Name: "bash", Version: "5"}, {Ecosystem: "npm", Name: "x"}}, nil, []Package{thing})
	if err != nil {
		t.Fatal(err)
	}
	result := results[0]
	if diff := cmp.Diff([]string{"Debian"}, result.Missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	if len(results) != 3 || len(results[1].Findings)+len(results[2].Findings) != 0 || len(results[2].Missing) != 1 {
		t.Errorf("%+v", results)
	}
	want := []string{"bash 5: the release of Debian is not known", "redis 7: OSV does not have this kind of package",
		"x: its version is not known"}
	if diff := cmp.Diff(want, result.Skipped); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if result.Records != 1 || result.Newest != "2026-02-01T00:00:00Z" || len(result.Findings) != 1 {
		t.Errorf("%+v", result)
	}
}

func TestHostileDatabase(t *testing.T) {
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "has no OSV records") {
		t.Errorf("empty directory: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("no error for a missing directory")
	}
	bomb := `{"id":"X","details":"` + strings.Repeat("a", 1<<20) + `"}`
	db := open(t, map[string][]string{"PyPI/all.zip": {bomb}})
	db.most = 1 << 16
	if _, err := Scan(context.Background(), db, []Package{flask}); err == nil || !strings.Contains(err.Error(),
		`PyPI/all.zip: "0.json": it is larger than 65536 bytes`) {
		t.Errorf("a record that is too large: %v", err)
	}
	db.most, db.total = maxRecord, 1<<16
	if _, err := Scan(context.Background(), db, []Package{flask}); err == nil || !strings.Contains(err.Error(), "the database is too large") {
		t.Errorf("too many bytes: %v", err)
	}
	for name, text := range map[string]string{"PyPI/all.zip": "{", "PyPI/x.json": `{"id":1}`, "PyPI.zip": "[]"} {
		if _, err := Scan(context.Background(), open(t, map[string][]string{name: {text}}), []Package{flask}); err == nil ||
			!strings.Contains(err.Error(), "no OSV record") {
			t.Errorf("%s %s: %v", name, text, err)
		}
	}
	dir := writeDB(t, map[string][]string{"PyPI/x.json": {"{}"}})
	if err := os.WriteFile(filepath.Join(dir, "PyPI", "all.zip"), []byte("no zip"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Scan(context.Background(), broken, []Package{flask}); err == nil {
		t.Error("no error for a broken zip")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, broken, []Package{flask}); err == nil {
		t.Error("a cancelled scan has a result")
	}
}

func FuzzRecord(f *testing.F) {
	for _, seed := range []string{recordDebian, recordDSA, recordGHSA, recordPYSEC, recordWithdrawn,
		`{"id":"X","affected":[{"package":{"ecosystem":"PyPI","name":"flask-thing"},"versions":["~","1!2.post"]}]}`} {
		f.Add([]byte(seed), "1.5")
	}
	f.Fuzz(func(t *testing.T, data []byte, version string) {
		var packages []Package
		for ecosystem := range map[string]bool{"Debian:12": true, "PyPI": true, "npm": true, "Go": true, "Alpine:v3.19": true, "Maven": true,
			"RubyGems": true, "Packagist": true, "NuGet": true, "Red Hat:9": true, "CRAN": true} {
			packages = append(packages, Package{Ecosystem: ecosystem, Name: "thing", Version: version},
				Package{Ecosystem: ecosystem, Name: "flask-thing", Version: version})
		}
		s := newSearch(packages)
		_ = look([]*search{s}, data)
		if _, err := json.Marshal(s.findings()); err != nil {
			t.Error(err)
		}
	})
}

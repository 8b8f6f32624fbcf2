package update

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatus(t *testing.T) {
	got, err := parseStatus("install ok installed\tapt\tamd64\t2.6.1\n" +
		"hold ok installed\tlibssl3:amd64\tamd64\t3.0.17-1~deb12u2\n" +
		"deinstall ok config-files\told\tall\t1\n" +
		"install ok half-configured\ttzdata\tall\t2024a-0\n" +
		"install reinstreq installed\tx\tall\t1\n")
	want := []Installed{
		{Package: Package{"apt", "amd64", "2.6.1"}},
		{Package: Package{"libssl3", "amd64", "3.0.17-1~deb12u2"}, Held: true},
		{Package: Package{"tzdata", "all", "2024a-0"}, Broken: "dpkg has it as install ok half-configured"},
		{Package: Package{"x", "all", "1"}, Broken: "dpkg has it as install reinstreq installed"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseStatus = %v, -want +got\n%s", err, diff)
	}
	for _, bad := range []string{"x\n", "a b\tn\ta\tv\n"} {
		if got, err := parseStatus(bad); err == nil {
			t.Errorf("parseStatus(%q) = %v, want an error", bad, got)
		}
	}
}

const policyText = `Package files:
 100 /var/lib/dpkg/status
     release a=now
 500 http://security.debian.org/debian-security bookworm-security/main amd64 Packages
     release v=12,o=Debian,a=oldstable-security,n=bookworm-security,l=Debian-Security,c=main,b=amd64
     origin security.debian.org
 500 http://deb.debian.org/debian bookworm/main amd64 Packages
     release v=12.15,o=Debian,a=oldstable,n=bookworm,l=Debian,c=main,b=amd64
     origin deb.debian.org
 500 file:/srv/debs ./ Packages
     release c=
Pinned packages:
`

func TestParseReleases(t *testing.T) {
	got := map[string]Repository{}
	for place, r := range parseReleases(policyText) {
		got[place] = r.repository()
	}
	want := map[string]Repository{
		"http://security.debian.org/debian-security bookworm-security/main amd64 Packages": {"Debian-Security bookworm-security", true},
		"http://deb.debian.org/debian bookworm/main amd64 Packages":                        {"Debian bookworm", false},
		"file:/srv/debs ./ Packages":                                                       {"a repository without a name", false},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parseReleases: -want +got\n%s", diff)
	}
}

func TestOffers(t *testing.T) {
	const table = `libssl3:
  Installed: 3.0.17-1~deb12u2
  Candidate: 3.0.18-1~deb12u1
  Version table:
     3.0.18-1~deb12u1 500
        500 http://security.debian.org/debian-security bookworm-security/main amd64 Packages
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
 *** 3.0.17-1~deb12u2 100
        100 /var/lib/dpkg/status
     3.0.9-1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
libssl3:i386:
  Installed: (none)
  Candidate: 3.0.18-1~deb12u1
  Version table:
     3.0.18-1~deb12u1 500
        500 http://deb.debian.org/debian bookworm/main amd64 Packages
`
	a := &apt{native: "amd64", releases: parseReleases(policyText)}
	a.Tool = fixed(table)
	libssl := Package{"libssl3", "amd64", "3.0.17-1~deb12u2"}
	got, err := a.Offers(t.Context(), []Installed{{Package: libssl}})
	libssl.Version = "3.0.18-1~deb12u1"
	want := []Offer{
		{libssl, Repository{"Debian-Security bookworm-security", true}, true},
		{libssl, Repository{"Debian bookworm", false}, true},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Offers = %v, -want +got\n%s", err, diff)
	}
}

func TestParseSimulation(t *testing.T) {
	got, err := parseSimulation(`Reading package lists...
Building dependency tree...
The following packages will be upgraded:
  libssl3 openssl
2 upgraded, 1 newly installed, 1 to remove and 0 not upgraded.
Remv ntp [4.2.8] [sntp:amd64 ]
Inst libssl3 [3.0.17-1~deb12u2] (3.0.18-1~deb12u1 Debian-Security:12/oldstable-security, Debian:12.15/oldstable [amd64]) [openssl:amd64 ]
Inst libc6:i386 [2.36-9] (2.36-10 Debian:12.15/oldstable [i386])
Inst new (1.0 Debian:12.15/oldstable [all])
Inst local [1] (2 local-deb [all]) []
Conf libssl3 (3.0.18-1~deb12u1 Debian-Security:12/oldstable-security [amd64])
`)
	want := []Change{
		{Name: "ntp", Before: "4.2.8"},
		{Name: "libssl3", Arch: "amd64", Before: "3.0.17-1~deb12u2", After: "3.0.18-1~deb12u1",
			Repository: "Debian-Security oldstable-security"},
		{Name: "libc6", Arch: "i386", Before: "2.36-9", After: "2.36-10", Repository: "Debian oldstable"},
		{Name: "new", Arch: "all", After: "1.0", Repository: "Debian oldstable"},
		{Name: "local", Arch: "all", Before: "1", After: "2", Repository: "local-deb"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseSimulation = %v, -want +got\n%s", err, diff)
	}
	if got, err := parseSimulation("Inst x what\n"); err == nil {
		t.Errorf("parseSimulation of a strange line = %v, want an error", got)
	}
}

func TestExplainApt(t *testing.T) {
	for _, test := range []struct{ stderr, want string }{
		{"W: GPG error: http://r x InRelease: The following signatures were invalid: EXPKEYSIG 12\n" +
			"E: The repository 'http://r' is not signed.\n",
			"apt-get: GPG error: http://r x InRelease: The following signatures were invalid: EXPKEYSIG 12"},
		{"E: Failed to fetch http://r/InRelease  Temporary failure resolving 'r'\nE: Some index files failed to download.\n",
			"apt-get: Failed to fetch http://r/InRelease  Temporary failure resolving 'r'"},
		{"E: \x1b[31mno\n", `apt-get: E: \x1b[31mno`},
	} {
		err := explainApt(&ToolError{Program: "apt-get", Stderr: test.stderr})
		if got := err.Error(); got != test.want {
			t.Errorf("explainApt(%q) = %q, want %q", test.stderr, got, test.want)
		}
	}
}

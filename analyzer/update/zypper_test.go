package update

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Outputs of zypper 1.14.42.
const (
	zyppUpdates = `<?xml version='1.0'?>
<stream>
<message type="info">Loading repository data...</message>
<update-status version="0.6">
<update-list>
<update kind="package" name="greet" edition="1:1.1-1" arch="noarch" edition-old="1.0-1"><summary>t</summary><source url="x" alias="up"/></update>
<update kind="package" name="tool" edition="1.1-1" arch="noarch" edition-old="1.0-1"><source url="x" alias="up"/></update>
</update-list>
</update-status>
</stream>`
	zyppPatches = `<stream><update-status version="0.6"><update-list>
<update kind="patch" name="TEST-1" edition="1" arch="noarch" status="needed" category="security"><source alias="up"/></update>
<update kind="patch" name="TEST-2" edition="1" arch="noarch" status="needed" category="bugfix"><source alias="up"/></update>
</update-list></update-status></stream>`
	zyppInfo = `<stream><message type="info">Repository  : Updates
Name        : TEST-1
Category    : security
Description :
    greet &lt; 9 is not a conflict
Provides    : patch:TEST-1 = 1
Conflicts   : [3]
    greet.noarch &lt; 1:1.1-1
    srcpackage:tool &lt; 1.1-1
    lib &lt; 2-1
</message></stream>`
	zyppInstall = `<stream><install-summary download-size="1" packages-to-change="3">
<to-upgrade><solvable type="package" name="greet" edition="1:1.1-1" arch="noarch" edition-old="1.0-1" arch-old="noarch"/></to-upgrade>
<to-install><solvable type="package" name="newdep" edition="1.0-1" arch="noarch"/><solvable type="patch" name="TEST-1" edition="1" arch="noarch"/></to-install>
<to-downgrade><solvable type="package" name="low" edition="1-1" arch="x86_64" edition-old="2-1"/></to-downgrade>
<to-remove><solvable type="package" name="gone" edition="1-1" arch="noarch"/></to-remove>
</install-summary><prompt id="0"><text>Continue?</text></prompt></stream>`
	zyppFailed = `<stream><message type="info">Forcing raw metadata refresh</message>
<message type="error">Repository &apos;Up&apos; is invalid.
 - Signature verification failed for repomd.xml
</message>
<message type="error">Could not refresh the repositories because of errors.</message></stream>`
)

func TestZypperOffers(t *testing.T) {
	m := findZypper(rpmTarget(t, "usr/bin/zypper", played(t, map[string]string{
		"repos": `<stream><repo-list><repo alias="up" name="Updates" enabled="1"/><repo alias="off" name="Off" enabled="0"/>` +
			`<repo alias="base" name="Base" enabled="1"/></repo-list></stream>`,
		"refresh --force": "<stream/>", "list-updates": zyppUpdates, "list-patches": zyppPatches, "info -t patch TEST-1": zyppInfo,
	}), map[string]string{"var/cache/zypp/raw/up/repodata/repomd.xml": repomd}))
	repositories, err := m.Refresh(t.Context())
	if diff := cmp.Diff([]Repository{{"up", true}, {"base", false}}, repositories); diff != "" || err != nil {
		t.Errorf("Refresh = %v, -want +got\n%s", err, diff)
	}
	offers, err := m.Offers(t.Context(), []Installed{{Package: Package{"greet", "noarch", "1.0-1"}},
		{Package: Package{"tool", "noarch", "1.0-1"}}})
	want := []Offer{{Package{"greet", "noarch", "1:1.1-1"}, Repository{"up", true}, true},
		{Package{"tool", "noarch", "1.1-1"}, Repository{"up", false}, true}}
	if diff := cmp.Diff(want, offers); diff != "" || err != nil {
		t.Errorf("Offers = %v, -want +got\n%s", err, diff)
	}
}

func TestZypperSimulate(t *testing.T) {
	m := findZypper(rpmTarget(t, "usr/bin/zypper", played(t, map[string]string{"install --dry-run": zyppInstall}), nil))
	got, err := m.Simulate(t.Context(), []Package{{"greet", "noarch", "1:1.1-1"}})
	want := []Change{{Name: "greet", Arch: "noarch", Before: "1.0-1", After: "1:1.1-1"}, {Name: "newdep", Arch: "noarch", After: "1.0-1"},
		{Name: "low", Arch: "x86_64", Before: "2-1", After: "1-1", Lower: true}, {Name: "gone", Arch: "noarch", Before: "1-1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Simulate = %v, -want +got\n%s", err, diff)
	}
}

func TestZypperInstalled(t *testing.T) {
	m := findZypper(rpmTarget(t, "usr/bin/zypper", played(t, map[string]string{"rpm -qa": rpmInstalled}), map[string]string{
		"etc/zypp/locks": "\ntype: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: gre*\n\ntype: patch\nsolvable_name: lib\n",
	}))
	got, err := m.Installed(t.Context())
	want := []Installed{{Package: Package{"greet", "noarch", "1.0-1"}, Held: true}, {Package: Package{"lib", "x86_64", "2-1"}},
		{Package: Package{"kernel", "x86_64", "5:1-1"}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Installed = %v, -want +got\n%s", err, diff)
	}
}

// exit is the failure of a program.
type exit int

func (e exit) Error() string { return "exit" }
func (e exit) ExitCode() int { return int(e) }

func TestZypperFailure(t *testing.T) {
	fail := func(code exit, out string) *zypper {
		return &zypper{rpm: rpm{Target: Target{Tool: func(context.Context, []string, ...string) (string, error) {
			return "", &ToolError{Program: "zypper", Err: code, Stdout: out}
		}}}}
	}
	_, err := fail(4, zyppFailed).Refresh(t.Context())
	const want = "zypper: Repository 'Up' is invalid. - Signature verification failed for repomd.xml"
	var failed *ToolError
	if !errors.As(err, &failed) || err.Error() != want {
		t.Errorf("Refresh = %v, want %s", err, want)
	}
	if list, err := fail(6, "<stream/>").Refresh(t.Context()); len(list) > 0 || err != nil {
		t.Errorf("Refresh without a repository = %v, %v, want none", list, err)
	}
	if _, err := parseZypper("what"); err == nil {
		t.Errorf("parseZypper of a text gave no error")
	}
}

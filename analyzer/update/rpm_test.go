package update

import (
	"context"
	"errors"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rpmTarget is a root filesystem with rpm, a program and these files.
func rpmTarget(t *testing.T, program string, tool Tool, files map[string]string) Target {
	all := map[string]string{"usr/bin/rpm": "", "var/lib/rpm/rpmdb.sqlite": "", program: ""}
	for name, text := range files {
		all[name] = text
	}
	return Target{Root: rootWith(t, all), Tool: tool, Epoch: 7}
}

func TestFindRpm(t *testing.T) {
	for program, want := range map[string]string{"usr/bin/dnf": "dnf", "usr/bin/dnf5": "dnf5", "usr/bin/microdnf": "microdnf",
		"usr/bin/zypper": "zypper", "sbin/apk": "", "usr/bin/yum": ""} {
		got := ""
		if m := Find(rpmTarget(t, program, nil, nil)); m != nil {
			got = m.Name()
		}
		if got != want {
			t.Errorf("Find of a root with %s = %q, want %q", program, got, want)
		}
	}
}

func TestParseNevra(t *testing.T) {
	for text, want := range map[string]Package{
		"greet-1.1-1.noarch":                 {"greet", "noarch", "1.1-1"},
		"python3-libs-3:3.9.18-3.el9.x86_64": {"python3-libs", "x86_64", "3:3.9.18-3.el9"},
		"bash-0:5.1-9.el9.x86_64":            {"bash", "x86_64", "5.1-9.el9"},
		"a-b":                                {}, "x": {}, "-1-1.noarch": {},
	} {
		got, ok := parseNevra(text)
		if ok != (want != Package{}) || ok && got != want {
			t.Errorf("parseNevra(%q) = %v, %v, want %v", text, got, ok, want)
		}
	}
}

const rpmInstalled = "greet\tnoarch\t1.0-1\nlib\tx86_64\t0:2-1\nkernel\tx86_64\t5:1-1\ngpg-pubkey\t(none)\ta38f1024-6b0a93b3\n"

func TestDnfInstalled(t *testing.T) {
	for file, text := range map[string]string{
		"etc/dnf/plugins/versionlock.list": "# Added\ngreet-0:1.0-1.*\n!lib-0:2-1.*\n",
		"etc/dnf/versionlock.toml":         "version = \"1.0\"\n[[packages]]\nname = \"greet\"\n[[packages.conditions]]\nkey = \"evr\"\n",
		"etc/dnf/dnf.conf":                 "[main]\nexcludepkgs=gre*, x\n",
		"etc/yum.conf":                     "[main]\nexclude = greet\n",
	} {
		m := findDnf(rpmTarget(t, "usr/bin/dnf", fixed(rpmInstalled), map[string]string{file: text}))
		got, err := m.Installed(t.Context())
		want := []Installed{{Package: Package{"greet", "noarch", "1.0-1"}, Held: true}, {Package: Package{"lib", "x86_64", "2-1"}},
			{Package: Package{"kernel", "x86_64", "5:1-1"}}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("Installed with %s = %v, -want +got\n%s", file, err, diff)
		}
	}
}

const repomd = `<repomd><data type="primary"/><data type="updateinfo"/></repomd>`

func TestDnfOffers(t *testing.T) {
	m := findDnf(rpmTarget(t, "usr/bin/dnf", played(t, map[string]string{
		"makecache": "",
		"repolist":  "repo id                    repo name\nbase                       Base, all of it\nupdates                    Updates\n",
		"--upgrades": "greet\tnoarch\t1.1-1\tupdates\n\ngreet\tnoarch\t1:1.2-1\tupdates\n\ntool\tnoarch\t1.1-1\tbase\n\n" +
			"lib\tx86_64\t3-1\tbase\n",
		"--latest-limit=1":        "greet\tnoarch\t1:1.2-1\tupdates\ntool\tnoarch\t1.1-1\tbase\nlib\tx86_64\t3-1\tbase\n",
		"%{repoid}\\n --security": "greet\tnoarch\t1.1-1\tupdates\ngreet\tnoarch\t1:1.2-1\tupdates\n",
	}), map[string]string{"var/cache/dnf/updates-0123456789abcdef/repodata/repomd.xml": repomd,
		"var/cache/dnf/base-0123456789abcdef/repodata/repomd.xml": "<repomd/>"}))
	repositories, err := m.Refresh(t.Context())
	want := []Repository{{"base", false}, {"updates", true}}
	if diff := cmp.Diff(want, repositories); diff != "" || err != nil {
		t.Errorf("Refresh = %v, -want +got\n%s", err, diff)
	}
	offers, err := m.Offers(t.Context(), []Installed{{Package: Package{"greet", "noarch", "1.0-1"}},
		{Package: Package{"lib", "x86_64", "2-1"}}})
	wanted := []Offer{{Package{"greet", "noarch", "1.1-1"}, Repository{"updates", true}, false},
		{Package{"greet", "noarch", "1:1.2-1"}, Repository{"updates", true}, true},
		{Package{"lib", "x86_64", "3-1"}, Repository{"base", false}, true}}
	if diff := cmp.Diff(wanted, offers); diff != "" || err != nil {
		t.Errorf("Offers = %v, -want +got\n%s", err, diff)
	}
}

// dnfVerbose is what dnf 4.14 prints with -v.
const dnfVerbose = `DNF version: 4.14.0
--> Starting dependency resolution
---> Package newdep.noarch 1.0-1 will be installed
---> Package greet.noarch 1.0-1 will be upgraded
---> Package greet.noarch 1:1.1-1 will be an upgrade
---> Package low.x86_64 2-1 will be downgraded
---> Package low.x86_64 1-1 will be a downgrade
---> Package gone.noarch 1-1 will be erased
---> Package was.noarch 1-1 will be obsoleted
--> Finished dependency resolution
Dependencies resolved.
`

func TestDnfSimulate(t *testing.T) {
	tool := func(_ context.Context, _ []string, argv ...string) (string, error) {
		if !slices.Contains(argv, "--assumeno") || !slices.Contains(argv, "greet-1:1.1-1.noarch") {
			t.Errorf("dnf was called with %v", argv)
		}
		return "", &ToolError{Program: "dnf", Err: errors.New("exit status 1"), Stdout: dnfVerbose, Stderr: "Operation aborted.\n"}
	}
	m := findDnf(rpmTarget(t, "usr/bin/dnf", tool, nil)).(*dnf)
	m.offers = []Offer{{Package{"greet", "noarch", "1:1.1-1"}, Repository{"updates", true}, true}}
	got, err := m.Simulate(t.Context(), []Package{{"greet", "noarch", "1:1.1-1"}})
	want := []Change{{Name: "newdep", Arch: "noarch", After: "1.0-1"},
		{Name: "greet", Arch: "noarch", Before: "1.0-1", After: "1:1.1-1", Repository: "updates"},
		{Name: "low", Arch: "x86_64", Before: "2-1", After: "1-1", Lower: true},
		{Name: "gone", Arch: "noarch", Before: "1-1"}, {Name: "was", Arch: "noarch", Before: "1-1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("Simulate = %v, -want +got\n%s", err, diff)
	}
	for _, bad := range []string{"---> Package x.noarch 1-1 will be sold\n", "---> something\n"} {
		if got, err := parseDnf(bad); err == nil {
			t.Errorf("parseDnf(%q) = %v, want an error", bad, got)
		}
	}
}

func TestParseStored(t *testing.T) {
	got, err := parseStored([]byte(`{"version":"1.0","rpms":[
{"nevra":"greet-0:1.1-1.noarch","action":"Upgrade","reason":"User","repo_id":"@stored_transaction(updates)","package_path":"./packages/x.rpm"},
{"nevra":"greet-0:1.0-1.noarch","action":"Replaced","reason":"User","repo_id":"@System"},
{"nevra":"newdep-1:1.0-1.noarch","action":"Install","reason":"Dependency","repo_id":"updates"}]}`))
	want := []Change{{Name: "greet", Arch: "noarch", Before: "1.0-1", After: "1.1-1"}, {Name: "newdep", Arch: "noarch", After: "1:1.0-1"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("parseStored = %v, -want +got\n%s", err, diff)
	}
	for _, bad := range []string{`{`, `{"rpms":[{"nevra":"x","action":"Upgrade"}]}`,
		`{"rpms":[{"nevra":"x-1-1.noarch","action":"Reason Change"}]}`} {
		if got, err := parseStored([]byte(bad)); err == nil {
			t.Errorf("parseStored(%q) = %v, want an error", bad, got)
		}
	}
}

// microdnfUpgrade is what microdnf 3.10 prints.
const microdnfUpgrade = `Downloading metadata...
Package                           Repository   Size
Installing:                                        
 newdep-1.0-1.noarch              test       6.5 kB
Upgrading:                                         
 greet-1:1.1-1.noarch             test       6.5 kB
  replacing greet-1.0-1.noarch                     
 needy-1.1-1.noarch               test       6.5 kB
   replacing needy-1.0-1.noarch                    
Removing:
 gone-1.0-1.noarch                @System    6.5 kB
Transaction Summary:
 Installing:        1 packages
 Upgrading:         2 packages
Operation aborted.
`

func TestMicrodnf(t *testing.T) {
	m := findMicrodnf(rpmTarget(t, "usr/bin/microdnf", played(t, map[string]string{
		"repolist": "repo id repo name\ntest    Test repository\n", "makecache": "Metadata cache created.\n", "upgrade": microdnfUpgrade,
		"--test.skip_if_unavailable": "",
	}), nil))
	repositories, err := m.Refresh(t.Context())
	if diff := cmp.Diff([]Repository{{"test", false}}, repositories); diff != "" || err != nil {
		t.Errorf("Refresh = %v, -want +got\n%s", err, diff)
	}
	offers, err := m.Offers(t.Context(), []Installed{{Package: Package{"greet", "noarch", "1.0-1"}},
		{Package: Package{"other", "noarch", "1.0-1"}}})
	wanted := []Offer{{Package{"greet", "noarch", "1:1.1-1"}, Repository{Name: "test"}, true}}
	if diff := cmp.Diff(wanted, offers); diff != "" || err != nil {
		t.Errorf("Offers = %v, -want +got\n%s", err, diff)
	}
	changes, err := m.Simulate(t.Context(), []Package{{"greet", "noarch", "1:1.1-1"}})
	want := []Change{{Name: "newdep", Arch: "noarch", After: "1.0-1", Repository: "test"},
		{Name: "greet", Arch: "noarch", Before: "1.0-1", After: "1:1.1-1", Repository: "test"},
		{Name: "needy", Arch: "noarch", Before: "1.0-1", After: "1.1-1", Repository: "test"}, {Name: "gone", Arch: "noarch", Before: "1.0-1"}}
	if diff := cmp.Diff(want, changes); diff != "" || err != nil {
		t.Errorf("Simulate = %v, -want +got\n%s", err, diff)
	}
	if got, err := parseMicrodnf("Nothing to do.\n"); len(got.changes) > 0 || err != nil {
		t.Errorf("parseMicrodnf of nothing = %v, %v", got, err)
	}
	for _, bad := range []string{"Selling:\n x-1-1.noarch r 1\n", "Upgrading:\n x r 1\n", "Upgrading:\n x-1-1.noarch r 1\n"} {
		if got, err := parseMicrodnf(bad); err == nil {
			t.Errorf("parseMicrodnf(%q) = %v, want an error", bad, got)
		}
	}
}

func TestRpmFiles(t *testing.T) {
	dir := t.TempDir()
	fill := func(names ...string) string {
		from := path.Join(dir, ".new")
		for _, name := range names {
			if err := os.MkdirAll(path.Join(from, path.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path.Join(from, name), []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return from
	}
	// What a file has in it is its name here.
	r := rpm{Target: Target{Tool: func(_ context.Context, _ []string, argv ...string) (string, error) {
		pkg, _ := parseNevra(strings.TrimSuffix(path.Base(argv[len(argv)-1]), ".rpm"))
		return pkg.Name + "\t" + pkg.Arch + "\t" + pkg.Version + "\n", nil
	}}}
	changes := []Change{{Name: "b", Arch: "noarch", After: "2-1"}, {Name: "a", Arch: "x86_64", After: "1:1-1"}}
	got, err := r.collect(t.Context(), changes, fill("repo/a-1:1-1.x86_64.rpm", "b-2-1.noarch.rpm", "repo/index.xml"), dir)
	if diff := cmp.Diff([]string{"b.noarch.rpm", "a.x86_64.rpm"}, got); diff != "" || err != nil {
		t.Errorf("collect = %v, -want +got\n%s", err, diff)
	}
	if got, err := r.collect(t.Context(), changes, fill("a-1:1-1.x86_64.rpm"), dir); err == nil {
		t.Errorf("collect of one of two files = %v, want an error", got)
	}
	if got, err := r.collect(t.Context(), changes, fill("c-1-1.noarch.rpm"), dir); err == nil {
		t.Errorf("collect of a file of another package = %v, want an error", got)
	}
}

func TestRpmInstall(t *testing.T) {
	for file, text := range map[string]string{"etc/dnf/x": "", "etc/dnf/dnf.conf": "[main]\ntsflags=nodocs\n",
		"etc/zypp/zypp.conf": "rpm.install.excludedocs = yes\n"} {
		var line string
		tool := func(_ context.Context, env []string, argv ...string) (string, error) {
			line = strings.Join(append(slices.Clone(env), argv...), " ")
			return "", nil
		}
		want := "SOURCE_DATE_EPOCH=7 rpm -U --nosignature --excludedocs /in/a.rpm"
		if text == "" {
			want = strings.Replace(want, " --excludedocs", "", 1)
		}
		err := findDnf(rpmTarget(t, "usr/bin/dnf", tool, map[string]string{file: text})).Install(t.Context(), []string{"/in/a.rpm"})
		if err != nil || line != want {
			t.Errorf("Install with %s = %v, ran %q, want %q", file, err, line, want)
		}
	}
}

package update

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	bookworm = "ID=debian\nVERSION_ID=\"12\"\n"
	aptFiles = "usr/bin/apt-get usr/bin/dpkg var/lib/dpkg/status"
)

// helperRoot is a root filesystem with these empty files and a release.
func helperRoot(t *testing.T, files, release string) string {
	all := map[string]string{"etc/os-release": release}
	for _, name := range strings.Fields(files) {
		all[name] = "x"
	}
	return rootWith(t, all)
}

func TestFindHelper(t *testing.T) {
	const record = "Package: lib\nVersion: 1\nArchitecture: amd64\n"
	for name, test := range map[string]struct {
		helper, helperRelease string
		image                 map[string]string
		want                  string // name of the driver, or a part of the error
	}{
		"distroless": {aptFiles, bookworm, map[string]string{"etc/os-release": bookworm, "var/lib/dpkg/status.d/lib": record}, "apt"},
		"own manager": {aptFiles, bookworm, map[string]string{"etc/os-release": bookworm, "usr/bin/apt-get": "", "usr/bin/dpkg": "",
			"var/lib/dpkg/status": record}, "a package manager of its own, apt"},
		"other release": {aptFiles, bookworm, map[string]string{"etc/os-release": "ID=debian\nVERSION_ID=\"13\"\n"},
			"the image is of debian 13, the helper image of debian 12"},
		"no release":      {aptFiles, bookworm, map[string]string{"etc/passwd": ""}, "its distribution is not known"},
		"helper unknown":  {aptFiles, "", map[string]string{"etc/os-release": bookworm}, "the helper image of no known distribution"},
		"no records":      {aptFiles, bookworm, map[string]string{"etc/os-release": bookworm}, "no list of packages that apt can update"},
		"helper has none": {"", bookworm, map[string]string{"etc/os-release": bookworm}, "the helper image has no package manager"},
		"apk": {"sbin/apk lib/apk/db/installed", "ID=alpine\nVERSION_ID=3.20.1\n",
			map[string]string{"etc/os-release": "ID=alpine\nVERSION_ID=3.20.1\n", "lib/apk/db/installed": "P:a\nV:1\n\n"}, "apk"},
		"dnf": {"usr/bin/dnf usr/bin/rpm var/lib/rpm/x", "ID=x\n", map[string]string{"etc/os-release": "ID=x\n", "var/lib/rpm/y": ""}, "dnf"},
		"zypper": {"usr/bin/zypper usr/bin/rpm var/lib/rpm/x", "ID=x\n", map[string]string{"etc/os-release": "ID=x\n", "var/lib/rpm/y": ""},
			"zypper"},
		"dnf and deb": {"usr/bin/dnf usr/bin/rpm var/lib/rpm/x", "ID=x\n",
			map[string]string{"etc/os-release": "ID=x\n", "var/lib/dpkg/status.d/lib": record}, "no list of packages that dnf can update"},
	} {
		t.Run(name, func(t *testing.T) {
			helper := Target{Root: helperRoot(t, test.helper, test.helperRelease)}
			m, err := FindHelper(helper, rootWith(t, test.image))
			var refused *Error
			switch {
			case err == nil && m.Name() != test.want:
				t.Errorf("FindHelper = %s, want %s", m.Name(), test.want)
			case err != nil && (!errors.As(err, &refused) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("FindHelper = %v, want %s", err, test.want)
			}
		})
	}
}

// distroless is an image without dpkg: a merged /usr, a library with a link to it, a file of settings, and a second package that has one of
// the files, too.
func distroless(t *testing.T) string {
	root := rootWith(t, map[string]string{
		"usr/lib/libx.so.1.1": "old", "usr/share/x/gone": "old", "usr/share/x/shared": "old", "etc/x.conf": "the author's",
		"var/lib/dpkg/status.d/x": "Package: x\nVersion: 1\nArchitecture: amd64\n",
		"var/lib/dpkg/status.d/x.md5sums": "0  lib/libx.so.1.1\n0  usr/share/x/gone\n0  usr/share/x/shared\n" +
			"0  ../../../../etc/passwd\n0  usr/share/x\n",
		"var/lib/dpkg/status.d/y":         "Package: y\nVersion: 1\nArchitecture: amd64\n",
		"var/lib/dpkg/status.d/y.md5sums": "0  usr/share/x/shared\n",
	})
	for link, target := range map[string]string{"lib": "usr/lib", "usr/lib/libx.so.1": "libx.so.1.1", "usr/lib/libx.so.0": "libx.so.1.1"} {
		if err := os.Symlink(target, path.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// fakeDeb is dpkg-deb for a package with these files.
func fakeDeb(t *testing.T, files, control map[string]string, links map[string]string) Tool {
	return func(_ context.Context, _ []string, argv ...string) (string, error) {
		into := argv[len(argv)-1]
		content := files
		switch argv[1] {
		case "-f":
			return "x\n", nil
		case "-e":
			content = control
		}
		for name, text := range content {
			if err := os.MkdirAll(path.Join(into, path.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path.Join(into, name), []byte(text), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		for name, target := range links {
			if argv[1] == "-x" {
				if err := os.Symlink(target, path.Join(into, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		return "", nil
	}
}

func TestHelperAptInstall(t *testing.T) {
	root := distroless(t)
	tool := fakeDeb(t, map[string]string{"lib/libx.so.1.2": "new", "etc/x.conf": "default", "etc/y.conf": "default", "usr/share/new/f": "new"},
		map[string]string{"control": "Package: x\nVersion: 2\nArchitecture: amd64\n", "md5sums": "1  lib/libx.so.1.2\n",
			"conffiles": "/etc/x.conf\n/etc/y.conf\n"}, map[string]string{"lib/libx.so.1": "libx.so.1.2"})
	m, err := helperAptOf(Target{Root: helperRoot(t, aptFiles, ""), Tool: tool}, root)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Install(t.Context(), []string{"x.deb"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"usr/lib/libx.so.1.2": "new", "usr/lib/libx.so.1": "-> libx.so.1.2", "lib": "-> usr/lib", "usr/share/x/shared": "old",
		"usr/share/new/f": "new", "etc/x.conf": "the author's", "etc/y.conf": "default",
		"var/lib/dpkg/status.d/x": "Package: x\nVersion: 2\nArchitecture: amd64\n", "var/lib/dpkg/status.d/x.md5sums": "1  lib/libx.so.1.2\n",
		"var/lib/dpkg/status.d/y": "Package: y\nVersion: 1\nArchitecture: amd64\n", "var/lib/dpkg/status.d/y.md5sums": "0  usr/share/x/shared\n",
	}
	if diff := cmp.Diff(want, contentOf(t, root)); diff != "" {
		t.Errorf("Install: -want +got\n%s", diff)
	}
	if info, err := os.Stat(path.Join(root, "usr/share/new/f")); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the new file is %v, %v", info, err)
	}
}

// TestHelperAptHostile unpacks a package over an image whose links lead out of it.
func TestHelperAptHostile(t *testing.T) {
	outside := t.TempDir()
	root := rootWith(t, map[string]string{"var/lib/dpkg/status.d/x": "Package: x\nVersion: 1\nArchitecture: amd64\n"})
	if err := os.Symlink(outside, path.Join(root, "usr")); err != nil {
		t.Fatal(err)
	}
	tool := fakeDeb(t, map[string]string{"usr/f": "new"}, map[string]string{"control": "Package: x\n"}, nil)
	m, err := helperAptOf(Target{Root: helperRoot(t, aptFiles, ""), Tool: tool}, root)
	if err != nil {
		t.Fatal(err)
	}
	err = m.Install(t.Context(), []string{"x.deb"})
	if left := contentOf(t, outside); len(left) > 0 {
		t.Errorf("Install = %v, wrote %v out of the image", err, left)
	}
}

// helperAptOf is the driver of apt, whatever the releases are.
func helperAptOf(helper Target, root string) (Manager, error) {
	return aptFor(findApt(helper).(*apt), Target{Root: root, Tool: helper.Tool})
}

// contentOf are the files and links of a tree.
func contentOf(t *testing.T, root string) map[string]string {
	all := map[string]string{}
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path.Join(root, name))
			all[name] = "-> " + target
			return err
		}
		data, err := os.ReadFile(path.Join(root, name))
		all[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestHelperAptInstalled(t *testing.T) {
	root := rootWith(t, map[string]string{"var/lib/dpkg/status.d/x": "Package: x\nVersion: 1\nArchitecture: amd64\nDepends: debconf\n"})
	var admin string
	m, err := helperAptOf(Target{Root: helperRoot(t, aptFiles, ""), Tool: func(_ context.Context, env []string,
		argv ...string) (string, error) {
		for _, value := range env {
			admin = strings.TrimPrefix(value, "DPKG_ADMINDIR=")
		}
		if argv[0] == "dpkg" {
			return "amd64\n", nil
		}
		return "install ok installed\tdebconf\tamd64\t9999:0\ninstall ok installed\tx\tamd64\t1\n", nil
	}}, root)
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Installed(t.Context())
	if diff := cmp.Diff([]Installed{{Package: Package{"x", "amd64", "1"}}}, got); diff != "" || err != nil {
		t.Errorf("Installed = %v, -want +got\n%s", err, diff)
	}
	status, err := os.ReadFile(path.Join(admin, "status"))
	if err != nil || !strings.Contains(string(status), "Package: debconf\n") {
		t.Errorf("dpkg-query reads %q, %v", status, err)
	}
}

func TestApkStandIn(t *testing.T) {
	const database = "P:greet\nV:1\nD:so:libc.so.1 musl>=1.2 tool exact=1.0-r0 low<2 !bad cmd:sh\np:cmd:sh=1\n\nP:tool\nV:1\n\n"
	names, stanza := apkStandIn([]byte(database))
	if diff := cmp.Diff([]string{"greet", "tool"}, names); diff != "" {
		t.Errorf("apkStandIn: -want +got\n%s", diff)
	}
	if want := "\np:so:libc.so.1=9999 musl=9999 exact=1.0-r0 low=0\n"; !strings.Contains(stanza, want) {
		t.Errorf("apkStandIn = %q, want %q", stanza, want)
	}
	if got := string(withoutStandIn([]byte(database + stanza))); got != database {
		t.Errorf("withoutStandIn = %q, want %q", got, database)
	}
}

// TestHelperApk looks at what apk sees while it runs, and at what is left.
func TestHelperApk(t *testing.T) {
	const database = "P:greet\nV:1\nD:musl\n\n"
	root := rootWith(t, map[string]string{"lib/apk/db/installed": database, "etc/apk/world": "greet=1\n"})
	tool := func(_ context.Context, _ []string, argv ...string) (string, error) {
		seen := contentOf(t, root)
		if want := "greet=1\ngreet\n" + absent + "\n"; seen["etc/apk/world"] != want {
			t.Errorf("%v sees the wanted packages %q, want %q", argv, seen["etc/apk/world"], want)
		}
		if !strings.HasSuffix(seen["lib/apk/db/installed"], "p:musl=9999\n\n") {
			t.Errorf("%v sees the database %q", argv, seen["lib/apk/db/installed"])
		}
		if err := os.WriteFile(path.Join(root, "lib/apk/db/lock"), nil, 0o600); err != nil {
			t.Error(err)
		}
		return map[string]string{"list": "greet-1 noarch {} ()\n" + absent + "-0 noarch {} ()\n", "--version": "apk-tools 3.0.6,"}[argv[10]], nil
	}
	m, err := apkFor(&apk{Target: Target{Tool: tool}}, Target{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Installed(t.Context())
	if diff := cmp.Diff([]Installed{{Package: Package{"greet", "noarch", "1"}, Held: true}}, got); diff != "" || err != nil {
		t.Errorf("Installed = %v, -want +got\n%s", err, diff)
	}
	want := map[string]string{"lib/apk/db/installed": database, "etc/apk/world": "greet=1\n"}
	if diff := cmp.Diff(want, contentOf(t, root)); diff != "" {
		t.Errorf("Installed: -want +got\n%s", diff)
	}
}

func TestHelperRpm(t *testing.T) {
	root := rootWith(t, map[string]string{"etc/os-release": "ID=x\nVERSION_ID=9\n", "var/lib/rpm/y": ""})
	var lines []string
	tool := func(_ context.Context, _ []string, argv ...string) (string, error) {
		lines = append(lines, strings.ReplaceAll(strings.Join(argv, " "), root, "ROOT"))
		return "", nil
	}
	for _, program := range []Manager{&dnf{program: "dnf"}, &microdnf{}, &zypper{}} {
		m, err := rpmFor(program, Target{Root: root, Tool: tool, Epoch: 7})
		if err != nil {
			t.Fatal(err)
		}
		lines = nil
		if err := m.Install(t.Context(), []string{"a.rpm"}); err != nil {
			t.Error(err)
		}
		m.Refresh(t.Context())
		all := strings.Join(lines, "\n")
		for _, want := range []string{"rpm --root ROOT -U --nosignature --noscripts --notriggers a.rpm", map[string]string{
			"dnf": "--installroot=ROOT --setopt=reposdir=/etc/yum.repos.d", "microdnf": "--config=/etc/dnf/dnf.conf --noplugins",
			"zypper": "rpm --root ROOT --import",
		}[m.Name()]} {
			if !strings.Contains(all, want) {
				t.Errorf("%s ran\n%s\nwant %s", m.Name(), all, want)
			}
		}
	}
}

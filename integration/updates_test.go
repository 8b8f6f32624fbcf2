//go:build e2e && updates

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/slimimage/slim/builder"
)

// rpms is a root filesystem with rpm, dnf and zypper in which a signed repository of small packages was made, and a server of it.
type rpms struct {
	root, url string
	database  []byte // rpm's, with each package in version 1.0-1
	key       []byte // armored, of packages and repository
}

// rpmScript makes packages in version 1.0-1, installs them, and makes a repository of version 1.1-1: an advisory says that the newer greet
// is a security update, and the newer needy needs a package that is not installed.
const rpmScript = `set -e
export HOME=/root GNUPGHOME=/root/gpg SOURCE_DATE_EPOCH=1700000000
mkdir -m 700 /root/gpg
gpg -q --batch --passphrase '' --quick-gen-key 'test <test@example.org>' rsa2048 sign never
gpg --armor --export > /root/key.asc
mkdir -p /etc/rpm && echo '%_dbpath /var/lib/rpm' > /etc/rpm/macros
make() { # NAME VERSION DIRECTORY [LINE OF THE SPEC]
  { printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: t\nLicense: MIT\nBuildArch: noarch\nAutoReqProv: no\n%s\n' "$1" "$2" "$4"
    printf '%%description\nt\n%%install\nmkdir -p %%{buildroot}/usr/bin %%{buildroot}/usr/share/%s\n' "$1"
    printf 'printf "#!/bin/sh\\n# %s\\nread line < /usr/share/%s/text\\necho \\$line\\n" > %%{buildroot}/usr/bin/%s\n' "$2" "$1" "$1"
    printf 'chmod 755 %%{buildroot}/usr/bin/%s\necho "hello from %s" > %%{buildroot}/usr/share/%s/text\n' "$1" "$1" "$1"
    printf '%%files\n/usr/bin/%s\n/usr/share/%s\n' "$1" "$1"
  } > /root/x.spec
  rpmbuild -bb --quiet --define "_topdir /root/build" --define "_rpmdir $3" \
    --define '_build_name_fmt %%{NAME}-%%{VERSION}.rpm' /root/x.spec
}
for name in greet tool needy; do make $name 1.0 /root/old ''; done
for name in greet tool; do make $name 1.1 /root/repo ''; done
make needy 1.1 /root/repo 'Requires: newdep'
make newdep 1.0 /root/repo ''
rpmsign --define '_gpg_name test' --define '__gpg /usr/bin/gpg' --addsign /root/repo/*.rpm > /dev/null
createrepo_c -q /root/repo
cat > /root/updateinfo.xml <<'X'
<?xml version="1.0" encoding="UTF-8"?>
<updates><update from="test@example.org" status="final" type="security" version="1"><id>TEST-1</id><title>greet</title>
<severity>Important</severity><issued date="2026-01-01 00:00:00"/><updated date="2026-01-01 00:00:00"/><references/><description>d</description>
<pkglist><collection short="t"><name>t</name><package name="greet" version="1.1" release="1" epoch="0" arch="noarch" src="greet-1.1-1.src.rpm">
<filename>greet-1.1.rpm</filename></package></collection></pkglist></update></updates>
X
modifyrepo_c --mdtype=updateinfo /root/updateinfo.xml /root/repo/repodata > /dev/null
gpg -q --batch --armor --detach-sign /root/repo/repodata/repomd.xml
cp /root/key.asc /root/repo/repodata/repomd.xml.key
rpmkeys --import /root/key.asc
rpm -U /root/old/*.rpm
`

// newRpms makes the root filesystem and serves the repository on a free port.
func newRpms(t *testing.T) *rpms {
	t.Helper()
	root := t.TempDir()
	if out, err := exec.Command("tar", "-xf", worldFile(t, "rpm"), "-C", root).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	cmd := exec.Command("chroot", root, "/bin/sh")
	cmd.Stdin, cmd.Env = strings.NewReader(rpmScript), []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("making packages: %v\n%s", err, tail(string(out), 20))
	}
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(root, "root/repo"))))
	t.Cleanup(server.Close)
	return &rpms{root: root, url: server.URL, database: []byte(read(t, filepath.Join(root, "var/lib/rpm/rpmdb.sqlite"))),
		key: []byte(read(t, filepath.Join(root, "root/key.asc")))}
}

// image is the world without apt and without the other package managers, with the packages and the repository; change may add files.
func (r *rpms) image(t *testing.T, name, manager, program string, change map[string]string) string {
	t.Helper()
	files := map[string][]byte{
		"var/lib/rpm/rpmdb.sqlite": r.database, "etc/rpm/macros": []byte("%_dbpath /var/lib/rpm\n"), "etc/pki/test.asc": r.key,
		"usr/bin/.wh.apt-get": nil, "var/lib/.wh.dpkg": nil,
		"etc/os-release": []byte("ID=test\nVERSION_ID=1\n"),
	}
	for _, other := range []string{"dnf", "zypper"} {
		if other != manager {
			files["usr/bin/.wh."+other] = nil
		}
	}
	files["usr/bin/.wh.dnf-3"] = nil
	if manager == "dnf" {
		delete(files, "usr/bin/.wh.dnf-3")
	}
	settings := fmt.Sprintf("[test]\nname=Test\nbaseurl=%s\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\ngpgkey=file:///etc/pki/test.asc\n", r.url)
	files["etc/yum.repos.d/test.repo"] = []byte(settings)
	files["etc/zypp/repos.d/test.repo"] = []byte(settings + "type=rpm-md\nautorefresh=0\n")
	for _, pkg := range []string{"greet", "tool", "needy"} {
		for _, file := range []string{"usr/bin/" + pkg, "usr/share/" + pkg + "/text"} {
			files[file] = []byte(read(t, filepath.Join(r.root, file)))
		}
	}
	for file, text := range change {
		files[file] = []byte(text)
	}
	return addImageOver(t, "rpm", name, v1.Config{Cmd: []string{"/bin/sh", "-c", program}}, filesLayer(t, files))
}

// updatedTo is the update of a report as text: the package manager and the packages before and after.
func updatedTo(t *testing.T, report string) string {
	t.Helper()
	var result builder.Result
	if err := json.Unmarshal([]byte(read(t, report)), &result); err != nil {
		t.Fatal(err)
	}
	if result.Update == nil || result.Verdict == nil || !result.Verdict.OK {
		t.Fatalf("update %+v, verdict %+v, want an update and a passed check", result.Update, result.Verdict)
	}
	text := result.Update.Manager
	for _, p := range result.Update.Packages {
		text += fmt.Sprintf(", %s %s -> %s (%s)", p.Name, p.Before, p.After, p.Repository)
	}
	return text
}

// The real dnf and the real zypper update the packages that the slim image keeps, in each mode, and a lock gives the same image again.
func TestUpdateRpm(t *testing.T) {
	repo := newRpms(t)
	const program = "greet; tool"
	for _, manager := range []string{"dnf", "zypper"} {
		t.Run(manager, func(t *testing.T) {
			ref := repo.image(t, "update-"+manager, manager, program, nil)
			dir := t.TempDir()
			lock, report := filepath.Join(dir, "slim.lock"), filepath.Join(dir, "report.json")
			flags := []string{ref, "--build-network", "host", "--update=security"}
			layout := filepath.Join(dir, "layout")
			args := append([]string{"build", "--lock=" + lock, "--report", report, "--output", "type=oci,tar=false,dest=" + layout}, flags...)
			mustSlim(t, args...)
			first, err := readLayout(t, layout).Digest()
			if err != nil {
				t.Fatal(err)
			}
			if got, want := updatedTo(t, report), manager+", greet 1.0-1 -> 1.1-1 (test)"; got != want {
				t.Errorf("--update=security = %s, want %s", got, want)
			}
			if again, _ := fresh(t, append(flags, "--locked="+lock)...); again != first.String() {
				t.Errorf("the image of the lock is %s, want %s", again, first)
			}
			mustSlim(t, "build", ref, "--build-network", "host", "--update=all", "--report", report, "--output",
				"type=oci,dest="+filepath.Join(dir, "slim.tar"))
			want := manager + ", greet 1.0-1 -> 1.1-1 (test), tool 1.0-1 -> 1.1-1 (test)"
			if got := updatedTo(t, report); got != want {
				t.Errorf("--update=all = %s, want %s", got, want)
			}
		})
	}
}

// What the package managers must not do, or cannot, is refused in one line.
func TestUpdateRpmRefused(t *testing.T) {
	repo := newRpms(t)
	other := exec.Command("chroot", repo.root, "/bin/sh", "-c", "export GNUPGHOME=/root/gpg2; mkdir -m 700 $GNUPGHOME; "+
		"gpg -q --batch --passphrase '' --quick-gen-key 'other <other@example.org>' rsa2048 sign never; gpg --armor --export")
	otherKey, err := other.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, manager := range []string{"dnf", "zypper"} {
		for _, test := range []struct {
			name, program string
			change        map[string]string
			want          string
		}{
			{"needs", "needy", nil, "the update would install package newdep 1.0-1, which the image does not have"},
			{"held", "greet", map[string]string{"etc/dnf/plugins/versionlock.list": "greet-0:1.0-1.*\n",
				"etc/zypp/locks": "type: package\nmatch_type: glob\ncase_sensitive: on\nsolvable_name: greet\n\n"},
				"package greet is held at 1.0-1; the repository has 1.1-1"},
			{"no-repository", "greet", map[string]string{"etc/yum.repos.d/test.repo": "",
				"etc/zypp/repos.d/test.repo": ""}, manager + " has no repository in this image"},
		} {
			ref := repo.image(t, "refused-"+manager+"-"+test.name, manager, test.program, test.change)
			notUpdated(t, 1, test.want, ref, "--build-network", "host", "--update=all")
		}
		foreign := repo.image(t, "refused-"+manager+"-key", manager, "greet", map[string]string{"etc/pki/test.asc": string(otherKey),
			"var/lib/rpm/rpmdb.sqlite": withoutKeys(t, repo.root)})
		notUpdated(t, 1, map[string]string{"dnf": "dnf: Error: Failed to download metadata for repo 'test': repomd.xml GPG signature",
			"zypper": "zypper: Repository 'Test' is invalid."}[manager], foreign, "--build-network", "host", "--update=all")
	}
}

// withoutKeys is rpm's database without the keys that it trusts.
func withoutKeys(t *testing.T, root string) string {
	t.Helper()
	script := "cp -a /var/lib/rpm /root/db && rpm --dbpath /root/db -e gpg-pubkey 2>/dev/null; cat /root/db/rpmdb.sqlite; rm -r /root/db"
	out, err := exec.Command("chroot", root, "/bin/sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// An image with rpm's database and without a package manager is updated with dnf and with zypper of a helper image.
func TestUpdateFromRpm(t *testing.T) {
	repo := newRpms(t)
	registry := memoryRegistry(t)
	files := map[string][]byte{"var/lib/rpm/rpmdb.sqlite": repo.database, "etc/os-release": []byte("ID=test\nVERSION_ID=1\n")}
	for _, file := range []string{"usr/bin/greet", "usr/share/greet/text", "usr/share/tool/text", "bin/busybox"} {
		data, err := os.ReadFile(filepath.Join(repo.root, file))
		if err != nil {
			t.Fatal(err)
		}
		files[file] = data
	}
	files["bin/sh"] = files["bin/busybox"]
	img, err := mutate.AppendLayers(empty.Image, filesLayer(t, files, "bin/sh", "bin/busybox"))
	if err != nil {
		t.Fatal(err)
	}
	bare := addToLayout(t, "update-bare", img, v1.Config{Cmd: []string{"/bin/sh", "/usr/bin/greet"}})
	for _, manager := range []string{"dnf", "zypper"} {
		helper := registry + "/helper/" + manager + ":1"
		pushedFrom(t, repo.image(t, "helper-"+manager, manager, "greet", nil), helper)
		report := filepath.Join(t.TempDir(), "report.json")
		mustSlim(t, "build", bare, "--build-network", "host", "--update=security", "--update-from", helper, "--report", report,
			"--output", "type=oci,dest="+filepath.Join(t.TempDir(), "slim.tar"))
		if got, want := updatedTo(t, report), manager+", greet 1.0-1 -> 1.1-1 (test)"; got != want {
			t.Errorf("--update-from = %s, want %s", got, want)
		}
	}
}

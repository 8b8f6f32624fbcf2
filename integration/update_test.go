//go:build e2e

package integration

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/builder"
)

// debs is a signed repository of one package, flaw, whose program prints a text. It is served over HTTP on a free port.
type debs struct {
	url   string
	key   *openpgp.Entity
	now   time.Time
	mu    sync.Mutex
	files map[string][]byte
}

// newDebs makes a repository with a key that was made at a time and is valid for a lifetime.
func newDebs(t *testing.T, made time.Time, lifetime time.Duration) *debs {
	t.Helper()
	config := &packet.Config{RSABits: 2048, KeyLifetimeSecs: uint32(lifetime.Seconds()), Time: func() time.Time { return made }}
	key, err := openpgp.NewEntity("Test", "", "test@example.com", config)
	if err != nil {
		t.Fatal(err)
	}
	d := &debs{key: key, now: made.Add(time.Minute), files: map[string][]byte{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

// ServeHTTP implements http.Handler.
func (d *debs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	data, ok := d.files[strings.TrimPrefix(r.URL.Path, "/")]
	d.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}

// flawProgram is the program of the package in a version.
func flawProgram(version, text string) string {
	return "#!/bin/sh\n# " + version + "\nread line < /usr/share/flaw/text\necho \"$line\" " + text + "\n"
}

const flawText = "usr/share/flaw/text"

// publish replaces the content of the repository: versions of the package, and what its program prints in each.
func (d *debs) publish(t *testing.T, versions map[string]string) {
	t.Helper()
	var index bytes.Buffer
	files := map[string][]byte{}
	for version, text := range versions {
		dir := t.TempDir()
		for name, content := range map[string]string{
			"DEBIAN/control": "Package: flaw\nVersion: " + version + "\nArchitecture: all\nMaintainer: Test <test@example.com>\n" +
				"Description: a test\n",
			"usr/bin/flaw": flawProgram(version, text), flawText: "hello\n"} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, name), content)
		}
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(filepath.Join(dir, "usr/bin/flaw"), 0o755)); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "flaw.deb")
		pack := exec.Command("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", dir, out)
		pack.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
		if text, err := pack.CombinedOutput(); err != nil {
			t.Fatalf("dpkg-deb: %v\n%s", err, text)
		}
		data := []byte(read(t, out))
		name := "pool/flaw_" + version + "_all.deb"
		files[name] = data
		fmt.Fprintf(&index, "%sFilename: %s\nSize: %d\nSHA256: %x\n\n", read(t, filepath.Join(dir, "DEBIAN/control")), name, len(data),
			sha256.Sum256(data))
	}
	files["dists/test-security/main/binary-amd64/Packages"] = index.Bytes()
	release := fmt.Sprintf("Origin: Debian\nLabel: Debian-Security\nSuite: test-security\nCodename: test-security\nDate: %s\n"+
		"Architectures: amd64\nComponents: main\nSHA256:\n %x %d main/binary-amd64/Packages\n", d.now.UTC().Format(time.RFC1123),
		sha256.Sum256(index.Bytes()), index.Len())
	files["dists/test-security/InRelease"] = d.sign(t, release)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files = files
}

func (d *debs) sign(t *testing.T, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := clearsign.Encode(&buf, d.key.PrivateKey, &packet.Config{Time: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// image is a Debian with the package in version 1.0-1 in a state (dpkg's), and with the repository as its only one.
func (d *debs) image(t *testing.T, name, state string) string {
	t.Helper()
	var key bytes.Buffer
	w, err := armor.Encode(&key, openpgp.PublicKeyType, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.key.Serialize(w), w.Close()); err != nil {
		t.Fatal(err)
	}
	status := worldStatus(t, "web") + "\nPackage: flaw\nStatus: " + state + "\nMaintainer: Test <test@example.com>\n" +
		"Architecture: all\nVersion: 1.0-1\nDescription: a test\n"
	return addImageOver(t, "web", name, v1.Config{Cmd: []string{"/usr/bin/flaw"}}, filesLayer(t, map[string][]byte{
		"usr/bin/flaw": []byte(flawProgram("1.0-1", "world")), flawText: []byte("hello\n"),
		"etc/apt/sources.list":           []byte("deb [signed-by=/etc/apt/keyrings/test.asc] " + d.url + " test-security main\n"),
		"etc/apt/keyrings/test.asc":      key.Bytes(),
		"var/lib/dpkg/status":            []byte(status),
		"var/lib/dpkg/info/flaw.list":    []byte("/.\n/usr\n/usr/bin\n/usr/bin/flaw\n/usr/share\n/usr/share/flaw\n/" + flawText + "\n"),
		"var/lib/dpkg/info/flaw.md5sums": {},
	}))
}

// worldStatus is dpkg's database of a world.
func worldStatus(t *testing.T, world string) string {
	t.Helper()
	f, err := os.Open(worldFile(t, world))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if err != nil {
			t.Fatalf("the world %s has no dpkg: %v", world, err)
		}
		if strings.TrimPrefix(header.Name, "./") != "var/lib/dpkg/status" {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSuffix(string(data), "\n") + "\n"
	}
}

// updating are the flags of a build that updates with the repository of the test.
var updating = []string{"--build-network", "host", "--update"}

// A package that the slim image keeps is brought up to date with the image's own package manager. A lock installs the same version again
// on an empty cache, also when the repository has a newer one, and gives the same image.
func TestUpdate(t *testing.T) {
	repo := newDebs(t, time.Now().Add(-time.Hour), 0)
	repo.publish(t, map[string]string{"1.0-2": "world"})
	ref := repo.image(t, "update", "install ok installed")
	dir := t.TempDir()
	lock, report := filepath.Join(dir, "slim.lock"), filepath.Join(dir, "report.json")
	layout := filepath.Join(dir, "layout")
	out := mustSlim(t, append([]string{"build", ref, "--lock=" + lock, "--report", report, "--output", "type=oci,tar=false,dest=" + layout,
		"--vuln-db", osvDatabase(t, map[string]string{"CVE-2026-7": "flaw"})}, updating...)...)
	first, err := readLayout(t, layout).Digest()
	if err != nil {
		t.Fatal(err)
	}
	var result builder.Result
	if err := json.Unmarshal([]byte(read(t, report)), &result); err != nil {
		t.Fatal(err)
	}
	if u := result.Update; u == nil || u.Mode != "security" || u.Manager != "apt" || len(u.Packages) != 1 || u.Packages[0].Name != "flaw" ||
		u.Packages[0].Before != "1.0-1" || u.Packages[0].After != "1.0-2" || u.Packages[0].Repository != "Debian-Security test-security" ||
		!cmp.Equal(u.Packages[0].Closed, []string{"CVE-2026-7"}) {
		t.Errorf("update of the report = %+v, want flaw from 1.0-1 to 1.0-2, which closes CVE-2026-7", u)
	}
	const line = "flaw 1.0-1 -> 1.0-2 (Debian-Security test-security): closes CVE-2026-7"
	if !strings.Contains(out.stderr, line) || result.Verdict == nil || !result.Verdict.OK {
		t.Errorf("verdict %+v, want a passed check and %q in\n%s", result.Verdict, line, tail(out.stderr, 15))
	}
	repo.publish(t, map[string]string{"1.0-2": "world", "1.0-3": "everybody"})
	again, _ := fresh(t, append([]string{ref, "--locked=" + lock}, updating...)...)
	if again != first.String() {
		t.Errorf("the image of the lock is %s, want %s", again, first)
	}
	repo.publish(t, map[string]string{"1.0-3": "everybody"})
	notUpdated(t, 1, "the lock has flaw 1.0-2; the repositories have 1.0-3", append([]string{ref, "--locked=" + lock}, updating...)...)
	notUpdated(t, 3, "the update changes what the image answers: output, body: hello everybody (updated: flaw 1.0-1 to 1.0-3)",
		append([]string{ref}, updating...)...)
}

// notUpdated checks that a build fails with an exit code and a line, and writes nothing.
func notUpdated(t *testing.T, code int, line string, args ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "slim.tar")
	out := slim(t, append([]string{"build", "--output", "type=oci,dest=" + file}, args...)...)
	_, err := os.Stat(file)
	if out.code != code || out.stdout != "" || !os.IsNotExist(err) || !strings.Contains(out.stderr, "slim: "+line) {
		t.Errorf("slim build %q: exit code %d, stdout %q, file: %v, want %d, no file and %q in\n%s", args, out.code, out.stdout, err, code, line,
			tail(out.stderr, 15))
	}
}

// What cannot be updated, or must not be, is refused in one line.
func TestUpdateRefused(t *testing.T) {
	repo := newDebs(t, time.Now().Add(-240*time.Hour), 24*time.Hour)
	repo.publish(t, map[string]string{"1.0-2": "world"})
	notUpdated(t, 1, "apt-get: GPG error: "+repo.url+" test-security InRelease: The following signatures were invalid: EXPKEYSIG",
		append([]string{repo.image(t, "update-expired", "install ok installed")}, updating...)...)

	repo = newDebs(t, time.Now().Add(-time.Hour), 0)
	repo.publish(t, map[string]string{"1.0-2": "world"})
	notUpdated(t, 1, "package flaw is held at 1.0-1; the repository has 1.0-2",
		append([]string{repo.image(t, "update-held", "hold ok installed")}, updating...)...)
	notUpdated(t, 1, "package flaw is not installed as a whole: dpkg has it as install ok half-configured",
		append([]string{repo.image(t, "update-broken", "install ok half-configured")}, updating...)...)
	bare, _ := flawed(t)
	notUpdated(t, 1, "the image has no package manager that slim knows", append([]string{bare}, updating...)...)
	notUpdated(t, 2, "--update: the step that fetches packages needs a network", small(t), "--update", "--build-network", "none")
	notUpdated(t, 2, "--update=fixable needs --vuln-db", small(t), "--update=fixable", "--build-network", "host")
}

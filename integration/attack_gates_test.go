//go:build e2e

package integration

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/builder"
	words "github.com/slimimage/slim/cmd/slim/report"
)

// TestAttackHideInventory puts a named pipe in the place of the package database: nothing is exported through a gate, and an image
// without a gate says in its label, in its SBOM and in the summary that the list of packages is incomplete.
func TestAttackHideInventory(t *testing.T) {
	t.Parallel()
	pipe := entry{tar.Header{Name: "var/lib/dpkg/status", Typeflag: tar.TypeFifo, Mode: 0o644}, nil}
	release := file("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n")
	ref := addToLayout(t, "hidden-inventory", withEntries(t, smallImage(t), release, pipe), smallConfig)
	osv := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(osv, "Debian"), 0o755))
	must(t, os.WriteFile(filepath.Join(osv, "Debian", "X.json"), []byte(`{"id":"X","modified":"2026-11-20T00:00:00Z","affected":`+
		`[{"package":{"name":"x","ecosystem":"Debian:12"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]}`), 0o644))
	const reason = `"/var/lib/dpkg/status" is a named pipe`
	refused(t, 1, "--fail-on cannot tell: the list of packages is incomplete: "+reason, ref, "--vuln-db", osv, "--fail-on", "critical")

	artifacts := t.TempDir()
	result, slimmed := built(t, ref, "--artifacts", artifacts)
	config, err := slimmed.ConfigFile()
	must(t, err)
	if label := config.Config.Labels[builder.LabelIncomplete]; !strings.Contains(label, reason) {
		t.Errorf("the label of the slim image is %q, want %s", label, reason)
	}
	if text := summary(&result); !strings.Contains(text, "bill of materials of the slim image are incomplete: "+reason) {
		t.Errorf("the summary does not say that the list is incomplete:\n%s", text)
	}
	bill, err := os.ReadFile(filepath.Join(artifacts, "sbom.cyclonedx.json"))
	must(t, err)
	if !strings.Contains(string(bill), `"aggregate": "incomplete"`) {
		t.Error("the bill of materials does not say that it is incomplete")
	}
}

// TestAttackKeepCredentials leaves credentials and a device in an image: what nothing uses is not in the slim image, and the summary says
// what became of each.
func TestAttackKeepCredentials(t *testing.T) {
	t.Parallel()
	const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB\n"
	lost := []string{"/root/.ssh/id_rsa", "/root/.aws/credentials", "/root/.docker/config.json", "/root/.git-credentials", "/root/.netrc",
		"/root/.npmrc", "/etc/ssh/ssh_host_rsa_key", "/etc/shadow-", "/etc/gshadow-", "/srv/deploy"}
	entries := []entry{file("tls/opened.key", key), {tar.Header{Name: "srv/disk", Typeflag: tar.TypeBlock, Mode: 0o666, Devmajor: 7}, nil}}
	for _, name := range lost {
		entries = append(entries, file(strings.TrimPrefix(name, "/"), key))
	}
	ref := doImage(t, "credentials", v1.Config{}, entries, "open:/tls/opened.key")
	result, slimmed := built(t, ref)
	has(t, slimmed, "/tls/opened.key")
	lacks(t, slimmed, append(lost, "/srv/disk")...)
	for _, want := range []string{"credentials and devices dropped, nothing is known to use them: ",
		"credentials and devices kept: /tls/opened.key (opened by /server)"} {
		if text := summary(&result); !strings.Contains(text, want) {
			t.Errorf("the summary has no %q:\n%s", want, text)
		}
	}
	if got, want := len(result.Plan.Sensitive), len(lost)+2; got != want {
		t.Errorf("the plan lists %d credentials and devices, want %d: %v", got, want, result.Plan.Sensitive)
	}
}

func summary(result *builder.Result) string { return strings.Join(words.Summary(result), "\n") }

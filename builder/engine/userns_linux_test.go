//go:build !frontend

package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSubordinate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "subuid")
	const uid = 54321 // has no name on this machine
	for _, test := range []struct {
		name, text   string
		first, count int
		fail         string
	}{
		{"one range", "54321:100000:65536\n", 100000, 65536, ""},
		{"the largest range", "54321:1:65536\n54321:200000:131072\n54321:3:70000\n", 200000, 131072, ""},
		{"malformed lines", "54321\n54321:x:65536\n54321:1:y\n:::\n54321:5:65536", 5, 65536, ""},
		{"another user", "other:100000:65536\n", 0, 0, "add the line 54321:100000:65536 to " + file},
		{"too small", "54321:100000:65535\n", 0, 0, "65536 subordinate ids"},
		{"empty", "", 0, 0, "65536 subordinate ids"},
	} {
		if err := os.WriteFile(file, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		first, count, err := subordinate(file, uid)
		if first != test.first || count != test.count || (err == nil) != (test.fail == "") || err != nil &&
			!strings.Contains(err.Error(), test.fail) {
			t.Errorf("%s: subordinate() = %d, %d, %v, want %d, %d, %q", test.name, first, count, err, test.first, test.count, test.fail)
		}
	}
	if _, _, err := subordinate(file+".missing", uid); err == nil {
		t.Error("subordinate() of a missing file succeeded")
	}
}

func TestIDMapsNeedTools(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := idMaps(); err == nil || !strings.Contains(err.Error(), "newuidmap") {
		t.Errorf("idMaps() = %v, want an error that names newuidmap", err)
	}
}

// A process that is in its user namespace does not make another.
func TestNeedsUserns(t *testing.T) {
	noEngines(t)
	unprivileged := os.Geteuid() != 0
	for spec, want := range map[string]bool{KindEmbedded: unprivileged, "auto": unprivileged, "": unprivileged,
		KindDocker: false, "tcp://host:1234": false} {
		if got := NeedsUserns(spec, false); got != want {
			t.Errorf("NeedsUserns(%q) = %t, want %t", spec, got, want)
		}
	}
	t.Setenv(usernsMarker, "ready")
	if NeedsUserns(KindEmbedded, false) {
		t.Error("NeedsUserns() inside the user namespace = true")
	}
	if err := EnterUserns(); err != nil || os.Getenv(usernsMarker) != "ready" {
		t.Errorf("EnterUserns() = %v, marker %q", err, os.Getenv(usernsMarker))
	}
}

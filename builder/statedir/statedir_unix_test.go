//go:build unix

package statedir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const other = 12345 // another user of the machine

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// asRoot skips a test that needs files of two users.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of another user")
	}
}

// TestAttackSharedPlace takes what the environment leaves away: slim must not fall back to a place that others can write.
func TestAttackSharedPlace(t *testing.T) {
	for _, name := range []string{EnvVar, "HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	for _, place := range places() {
		if place == os.TempDir() || strings.HasPrefix(place, os.TempDir()+"/") {
			t.Errorf("places() has %s", place)
		}
	}
	if dir, err := first(nil); err == nil {
		t.Errorf("first(nil) = %s, want an error", dir)
	}
}

// TestAttackStateOfOthers tries what another local user can prepare.
func TestAttackStateOfOthers(t *testing.T) {
	asRoot(t)
	for _, test := range []struct {
		name, want string
		make       func(base string) error
	}{
		{"nothing is there", "", func(string) error { return nil }},
		{"a directory of another user", "belongs to user 12345, not to user 0", func(base string) error {
			return errorsOf(os.Mkdir(base+"/slim", 0o700), os.Chown(base+"/slim", other, other))
		}},
		{"a link of another user", "is a link of user 12345", func(base string) error {
			return errorsOf(os.Symlink("/etc", base+"/slim"), os.Lchown(base+"/slim", other, other))
		}},
		{"above it a directory of another user", "belongs to user 12345, who", func(base string) error {
			return errorsOf(os.Chown(base, other, other))
		}},
		{"above it a directory for everybody", "can be written by other users", func(base string) error {
			return errorsOf(os.Chmod(base, 0o777))
		}},
		{"above it a directory for a group", "can be written by other users", func(base string) error {
			return errorsOf(os.Chown(base, 0, other), os.Chmod(base, 0o775))
		}},
		{"a file", "is not a directory", func(base string) error { return os.WriteFile(base+"/slim", nil, 0o600) }},
		{"a link of root", "", func(base string) error {
			return errorsOf(os.Mkdir(base+"/real", 0o755), os.Symlink("real", base+"/slim"))
		}},
		{"above it a sticky directory", "", func(base string) error { return os.Chmod(base, 0o777|os.ModeSticky) }},
	} {
		base := filepath.Join(t.TempDir(), "base")
		must(t, os.Mkdir(base, 0o755), test.make(base))
		dir, err := Open(base + "/slim")
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: Open() = %q, %v, want an error with %q", test.name, dir, err, test.want)
		}
		if test.want == "" {
			info, statErr := os.Lstat(dir)
			if err != nil || statErr != nil || !info.IsDir() || info.Mode().Perm() != 0o700 {
				t.Errorf("%s: Open() = %q, %v, %v, want a directory of mode 0700", test.name, dir, err, info)
			}
		}
	}
}

func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A directory that was open to others is closed; a volume that everybody can write may hold it, but must not be it.
func TestOwn(t *testing.T) {
	base := t.TempDir()
	must(t, os.Mkdir(base+"/slim", 0o755), os.Chmod(base, 0o777))
	t.Setenv(EnvVar, base+"/slim")
	dir, err := Dir()
	must(t, err)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s has mode %v, %v, want 0700", dir, info.Mode(), err)
	}
}

// If the home of the environment is another user's, as with sudo, the cache is in the user's own.
func TestHomeOfOthers(t *testing.T) {
	asRoot(t)
	home := t.TempDir()
	must(t, os.Chown(home, other, other))
	own := t.TempDir()
	if dir, err := first([]string{home + "/.cache", own}); err != nil || dir != own+"/slim" {
		t.Errorf("first() = %q, %v, want the user's own home", dir, err)
	}
	if dir, err := first([]string{home + "/.cache"}); err == nil {
		t.Errorf("first() = %q, want an error", dir)
	}
}

// A seal is the same for the same cache, and another for other data and for another cache.
func TestSeal(t *testing.T) {
	t.Setenv(EnvVar, filepath.Join(t.TempDir(), "one"))
	seals := map[string]bool{}
	for range 2 {
		seal, err := Seal([]byte("data"))
		must(t, err)
		seals[seal] = true
	}
	if len(seals) != 1 {
		t.Errorf("Seal() of the same data has %d values, want 1", len(seals))
	}
	other, err := Seal([]byte("date"))
	must(t, err)
	seals[other] = true
	t.Setenv(EnvVar, filepath.Join(t.TempDir(), "two"))
	other, err = Seal([]byte("data"))
	must(t, err)
	if seals[other] = true; len(seals) != 3 {
		t.Errorf("Seal() has %d values, want one for other data and one for another cache", len(seals))
	}
}

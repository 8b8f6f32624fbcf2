package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAttackBatchFile tries what the author of a pull request may write into the file of --all.
func TestAttackBatchFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	flags := (&program{}).buildCommand().Flags
	const allowed = ""
	for _, test := range []struct{ line, want string }{
		{"network: host", "network"},
		{"network: none", allowed},
		{"build-network: host", "build-network"},
		{"build-network: none", allowed},
		{"mount: /root/.ssh:/ssh", "mount"},
		{"probe-image: evil:1", "probe-image"},
		{"force: true", "force"},
		{"force: false", allowed},
		{"keep-going: true", "keep-going"},
		{"push: true", "push"},
		{"sign: cosign.key", "sign"},
		{"secret: ['id=a,src=/etc/shadow']", "secret"},
		{"env-file: .env", "env-file"},
		{"build-context: [a=/root]", "build-context"},
		{"cache-to: ['type=local,dest=/root/x']", "cache-to"},
		{"env: [A=1]", allowed},
		{"env: [A=1, CI_DEPLOY_TOKEN]", "env"},
		{"build-arg: [CI_DEPLOY_TOKEN]", "build-arg"},
		{"probe: ../../etc/shadow", "probe"},
		{"probe: link/shadow", "probe"},
		{"probe: sub/probe.yaml", allowed},
		{"report: /etc/cron.d/slim", "report"},
		{"artifacts: link/cron.d", "artifacts"},
		{"output: 'type=local,dest=/etc'", "output"},
		{"output: 'type=oci,dest=out.tar'", allowed},
		{"lock: true", allowed},
		{"locked: ../lock", "locked"},
	} {
		data := []byte("- image: a\n  " + test.line + "\n")
		limits, err := newBatchLimits(filepath.Join(dir, "images.yaml"), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = parseBatch(data, flags, limits)
		if test.want == allowed && err != nil {
			t.Errorf("%s: %v, want no error", test.line, err)
		}
		if test.want != allowed && (err == nil || !strings.Contains(err.Error(), "pass --allow "+test.want)) {
			t.Errorf("%s: %v, want an error that names --allow %s", test.line, err, test.want)
		}
		if limits, err = newBatchLimits("images.yaml", []string{test.want}); test.want != allowed {
			if err == nil {
				_, err = parseBatch(data, flags, limits)
			}
			if err != nil {
				t.Errorf("%s with --allow %s: %v", test.line, test.want, err)
			}
		}
	}
	for _, image := range []string{"docker-archive:/root/backup.tar", "oci:../layout:tag", "oci:link:tag", "oci-archive:link/a:b"} {
		limits, _ := newBatchLimits("images.yaml", nil)
		if _, err := parseBatch([]byte("- image: "+image+"\n"), flags, limits); err == nil || !strings.Contains(err.Error(), "--allow image") {
			t.Errorf("image %s: %v, want an error", image, err)
		}
	}
	limits, err := newBatchLimits(filepath.Join(t.TempDir(), "images.yaml"), nil)
	if err != nil || limits != nil {
		t.Errorf("a file in no repository has limits: %+v, %v", limits, err)
	}
	if _, err := newBatchLimits("images.yaml", []string{"engine"}); err == nil {
		t.Error("--allow engine is no error")
	}
}

// TestAttackBatchState has a state file in the repository that says that an image is done.
func TestAttackBatchState(t *testing.T) {
	t.Setenv("SLIM_CACHE", filepath.Join(t.TempDir(), "cache"))
	file := filepath.Join(t.TempDir(), "images.yaml.state.json")
	p := &program{stderr: io.Discard}
	own, err := p.openBatchState(file, false)
	if err == nil {
		err = own.add("a", batchImage{Name: "a"})
	}
	if err != nil {
		t.Fatal(err)
	}
	found := func() bool {
		t.Helper()
		state, err := p.openBatchState(file, true)
		if err != nil {
			t.Fatal(err)
		}
		return state.find("a") != nil
	}
	if !found() {
		t.Error("the own state file is not believed")
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, bytes.Replace(data, []byte(`"name": "a"`), []byte(`"name": "b"`), 1), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if found() {
		t.Error("a changed state file is believed")
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SLIM_CACHE", filepath.Join(t.TempDir(), "cache"))
	if found() {
		t.Error("a state file of another cache is believed")
	}
}

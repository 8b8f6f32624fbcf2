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
)

// TestStart checks that the options of how an application is started reach the run of the original and the check of the slim image,
// that entrypoint and working directory become the slim image's, and that nothing of a mount is in the image or in the evidence.
func TestStart(t *testing.T) {
	const inMount = "content of the mount 5f1c"
	dir := t.TempDir()
	mount, envFile := filepath.Join(dir, "mount"), filepath.Join(dir, "app.env")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(mount, "a.txt"), inMount)
	write(t, filepath.Join(mount, "app.conf"), inMount)
	write(t, envFile, "# more\nFROM_FILE=12345\nTOKEN=file\n")
	if err := os.Symlink("/data/linked.txt", filepath.Join(mount, "link")); err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) entry {
		return entry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}, []byte(text)}
	}
	ref := doImage(t, "start", v1.Config{WorkingDir: "/"}, []entry{file("data/linked.txt", "linked"), file("etc/app.conf", "the image's own"),
		file("srv/here", "here")}, "root:")
	out, artifacts := filepath.Join(dir, "out.tar"), filepath.Join(dir, "artifacts")
	line := "/server do cwd hostname lookup:db length:FROM_FILE length:TOKEN open:/mnt/a.txt open:/mnt/link append:/mnt/a.txt " +
		"list:/mnt open:/etc/app.conf open:here"
	args := []string{"build", ref, "--output", "type=oci,dest=" + out, "--artifacts", artifacts, "--format", "json", "--progress", "plain",
		"--mount", mount + ":/mnt", "--mount", filepath.Join(mount, "app.conf") + ":/etc/app.conf", "--env-file", envFile, "--env", "TOKEN=flag!",
		"--entrypoint", line, "--workdir", "/srv", "--hostname", "web.example.com", "--add-host", "db:192.0.2.7"}
	built := mustSlim(t, args...)
	var result builder.Result
	decode(t, built.stdout, &result)
	want := "/srv cwd true\nweb.example.com hostname true\n[192.0.2.7] lookup:db true\nlength:FROM_FILE 5 true\nlength:TOKEN 5 true\n" +
		"open:/mnt/a.txt true\nopen:/mnt/link true\nappend:/mnt/a.txt false\n3 entries: list:/mnt true\nopen:/etc/app.conf true\nopen:here true\n"
	run := result.Evidence.Runs[0]
	if got := string(run.Answers[0].Body); got != want {
		t.Errorf("the program printed\n%swant\n%s", got, want)
	}
	if result.Verdict == nil || !result.Verdict.OK || !result.Verdict.Confined {
		t.Errorf("verdict %+v, want a pass under the profile", result.Verdict)
	}
	if len(run.Mounts) != 2 || run.Mounts[0].Path.String() != "/etc/app.conf" || run.Mounts[0].Digest == "" {
		t.Errorf("mounts %+v, want /etc/app.conf and /mnt", run.Mounts)
	}
	kept, used := map[string]bool{}, map[string]bool{}
	for _, f := range result.Plan.Files {
		kept[f.Path.String()] = true
	}
	for _, use := range result.Evidence.Paths {
		used[use.Path.String()] = true
	}
	if !kept["/data/linked.txt"] || !kept["/srv/here"] || kept["/mnt/a.txt"] || kept["/mnt/link"] {
		t.Errorf("kept %v, want /data/linked.txt and /srv/here, nothing of the mounts", kept)
	}
	if !used["/data/linked.txt"] || used["/etc/app.conf"] || used["/mnt/a.txt"] || used["/mnt/link"] || used["/mnt"] {
		t.Errorf("evidence of %v, want /data/linked.txt and nothing of the mounts", used)
	}
	if got := strings.Join(result.Config.Entrypoint, " "); got != line || len(result.Config.Cmd) != 0 {
		t.Errorf("entrypoint %q and command %q of the slim image", got, result.Config.Cmd)
	}
	for _, name := range append(files(t, artifacts), out) {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), inMount) {
			t.Errorf("%s has the content of the mount", name)
		}
	}
	script, err := os.ReadFile(filepath.Join(artifacts, "docker-run.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--volume " + mount + ":/mnt:ro", "--env-file " + envFile, "--hostname web.example.com",
		"--add-host db:192.0.2.7"} {
		if !strings.Contains(string(script), want) {
			t.Errorf("docker-run.sh lacks %q:\n%s", want, script)
		}
	}
}

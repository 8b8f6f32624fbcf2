package builder

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/profile"
)

func mounted(t *testing.T, spec string) Mount {
	t.Helper()
	var opt Options
	if err := addMount(&opt, spec); err != nil {
		t.Fatal(err)
	}
	return opt.Observe.Mounts[0]
}

func TestMount(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "a[1].conf")
	for name, text := range map[string]string{file: "one", filepath.Join(dir, "other"): "two"} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, one := mounted(t, dir+":/etc/app/"), mounted(t, file+":/etc/app.conf:ro")
	if tree.Source != dir || tree.Target != "/etc/app" || one.Target != "/etc/app.conf" {
		t.Errorf("mounts %+v and %+v", tree, one)
	}
	fsys, err := mountFS(one.Source)
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	if err := fsys.Walk(context.Background(), "", func(name string, _ fs.DirEntry, err error) error {
		seen = append(seen, name)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a[1].conf"}, seen); diff != "" {
		t.Errorf("the mount of a file shows (-want +got):\n%s", diff)
	}
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("TWO"), 0o644); err != nil {
		t.Fatal(err)
	}
	if again := mounted(t, dir+":/etc/app"); again.Digest == tree.Digest {
		t.Errorf("digest %s for another content", again.Digest)
	}
	if again := mounted(t, file+":/etc/app.conf"); again.Digest != one.Digest {
		t.Errorf("digest %s, want %s: the file is the same", again.Digest, one.Digest)
	}
	opt := Options{Observe: ObserveOptions{Mounts: []Mount{tree}}}
	if err := addMount(&opt, file+":/etc/app"); err == nil || !strings.Contains(err.Error(), "two mounts") {
		t.Errorf("two mounts at one path: %v", err)
	}
}

// TestEnvFile compares with the rules of docker run --env-file.
func TestEnvFile(t *testing.T) {
	lookup := func(key string) (string, bool) { return "from outside", key == "TAKEN" }
	text := "\ufeffA=1\n# B=2\n\n  C= x # y \nTAKEN\nNONE\nD=\"q\"\r\nE=\nF=a=b"
	got, err := parseEnvFile([]byte(text), lookup)
	want := []string{"A=1", "C= x # y ", "TAKEN=from outside", `D="q"`, "E=", "F=a=b"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("parseEnvFile: %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{"=secret", "A secret=1", "A\tB=secret", "A=\x00", "A=\xff"} {
		if got, err := parseEnvFile([]byte(bad), lookup); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("parseEnvFile(%q) = %q, %v; want an error without the line", bad, got, err)
		}
	}
	name := filepath.Join(t.TempDir(), "app.env")
	if err := os.WriteFile(name, []byte("A=file\nB=file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opt, err := apply(t, "env-file "+name, "env B=flag")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"B=flag", "A=file"}, reversed(analyzer.WithEnv(nil, opt.Observe.Env...))); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{name}, opt.Observe.EnvFiles); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func reversed(list []string) []string {
	out := make([]string, 0, len(list))
	for i := len(list) - 1; i >= 0; i-- {
		out = append(out, list[i])
	}
	return out
}

// TestStarted checks that the entrypoint and the working directory of the options replace the image's in the runs and in the slim image,
// and that they do not change what the input is.
func TestStarted(t *testing.T) {
	own, err := parseConfig([]byte(`{"os":"linux","config":{"Entrypoint":["/old"],"Cmd":["-x"],"WorkingDir":"/w","StopTimeout":3}}`))
	if err != nil {
		t.Fatal(err)
	}
	got := own.started(ObserveOptions{Entrypoint: []string{"/new", "-y"}, Dir: "/srv"})
	entry, err := got.entry(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"/new", "-y"}, entry.Argv); diff != "" || entry.Dir != "/srv" {
		t.Errorf("it starts in %s (-want +got):\n%s", entry.Dir, diff)
	}
	if string(got.identity()) != string(own.identity()) {
		t.Errorf("identity %s, want %s", got.identity(), own.identity())
	}
	data, summary, err := slimConfig(got, input{}, &analyzer.Plan{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	slim, err := parseConfig(data)
	if err != nil {
		t.Fatal(err)
	}
	c := slim.Config
	if len(c.Cmd) != 0 || c.WorkingDir != "/srv" || !cmp.Equal(c.Entrypoint, []string{"/new", "-y"}) ||
		!strings.Contains(string(slim.raw["config"]), `"StopTimeout":3`) {
		t.Errorf("config %s", data)
	}
	if text := strings.Join(summary.Edits, "\n"); !strings.Contains(text, "entrypoint is now") ||
		!strings.Contains(text, "working directory is now") {
		t.Errorf("edits %q", summary.Edits)
	}
	if same, _, err := slimConfig(own.started(ObserveOptions{}), input{}, &analyzer.Plan{}, 0); err != nil ||
		!strings.Contains(string(same), `"/old"`) {
		t.Errorf("without the options: %s, %v", same, err)
	}
}

func TestStart(t *testing.T) {
	got := ObserveOptions{Hostname: "db", EnvFiles: []string{"/e"}, Hosts: []Host{{"a", "::1"}},
		Mounts: []Mount{{Source: "/s", Target: "/t"}}}.start()
	want := profile.Start{Hostname: "db", EnvFiles: []string{"/e"}, Hosts: []profile.Host{{Name: "a", Address: "::1"}},
		Mounts: []profile.Mount{{Source: "/s", Path: "t"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("start (-want +got):\n%s", diff)
	}
}

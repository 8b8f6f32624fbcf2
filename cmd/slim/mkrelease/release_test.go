package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

var testFiles = map[string]pointer{
	"linux-amd64":  {"intel", "https://example.com/slim_1.2.3_linux_amd64.tar.gz", strings.Repeat("a", 64)},
	"linux-arm64":  {"arm", "https://example.com/slim_1.2.3_linux_arm64.tar.gz", strings.Repeat("b", 64)},
	"darwin-amd64": {"intel", "https://example.com/slim_1.2.3_darwin_amd64.tar.gz", strings.Repeat("c", 64)},
	"darwin-arm64": {"arm", "https://example.com/slim_1.2.3_darwin_arm64.tar.gz", strings.Repeat("d", 64)},
}

// TestFormula holds that each system and processor gets its own archive, and that every "do" and "def" has its "end".
func TestFormula(t *testing.T) {
	data, err := (&release{version: "v1.2.3"}).formula(testFiles)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, want := range []string{
		"on_macos do\n    on_arm do\n      url \"https://example.com/slim_1.2.3_darwin_arm64.tar.gz\"\n      sha256 \"" + strings.Repeat("d", 64),
		"on_linux do\n    on_arm do\n      url \"https://example.com/slim_1.2.3_linux_arm64.tar.gz\"\n      sha256 \"" + strings.Repeat("b", 64),
		"version \"1.2.3\"\n", "slim v1.2.3, made",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the formula has no %q:\n%s", want, text)
		}
	}
	begins := len(regexp.MustCompile(`(?m) do$|^ *(class|def) `).FindAllString(text, -1))
	if ends := len(regexp.MustCompile(`(?m)^ *end$`).FindAllString(text, -1)); begins != ends || begins != 9 {
		t.Errorf("the formula has %d blocks and %d ends, want 9:\n%s", begins, ends, text)
	}
}

// TestAction holds that the Action of a release compiles nothing, checks what it downloads, and is otherwise that of the repository.
func TestAction(t *testing.T) {
	own, err := os.ReadFile("../../../examples/ci/github/action.yml")
	if err != nil {
		t.Fatal(err)
	}
	data, err := action(string(own), testFiles["linux-amd64"], testFiles["linux-arm64"])
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Runs struct {
			Steps []struct{ Name, Uses, Run string }
		}
	}
	if err := yaml.Unmarshal(data, &parsed); err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	install := parsed.Runs.Steps[0]
	if install.Name != "Install slim" || strings.Contains(string(data), "setup-go") || strings.Contains(string(data), "make -C") {
		t.Errorf("the first step is %q, and the Action compiles: %t", install.Name, strings.Contains(string(data), "setup-go"))
	}
	for _, want := range []string{strings.Repeat("a", 64), strings.Repeat("b", 64), testFiles["linux-arm64"].URL, "sha256sum --check"} {
		if !strings.Contains(install.Run, want) {
			t.Errorf("the installation has no %q:\n%s", want, install.Run)
		}
	}
	if _, err := syntax.NewParser().Parse(strings.NewReader(install.Run), ""); err != nil {
		t.Error(err)
	}
	_, tail, _ := strings.Cut(string(own), installEnd)
	if !strings.HasSuffix(string(data), tail) {
		t.Error("the Action of a release does not end as that of the repository")
	}
	if _, err := action("runs:\n", pointer{}, pointer{}); err == nil {
		t.Error("an Action without marks was taken")
	}
}

// made is a release of programs that are texts.
func made(t *testing.T) *release {
	t.Helper()
	dir := t.TempDir()
	r := &release{version: "v1.2.3-rc.1", bin: dir + "/bin", root: "../../..", work: dir + "/work", out: dir, epoch: time.Unix(1.7e9, 0).UTC()}
	for _, name := range []string{r.bin, r.work + "/man", r.work + "/completions"} {
		if err := os.MkdirAll(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{r.work + "/man/slim.1", r.work + "/completions/slim.bash", r.work + "/completions/slim.zsh"}
	for _, platform := range platforms {
		files = append(files, r.bin+"/slim-"+platform)
	}
	for _, name := range files {
		if err := os.WriteFile(name, []byte(filepath.Base(name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// TestArchives reads what is in the archives, and holds that they are the same bytes a second time, later and with other modes.
func TestArchives(t *testing.T) {
	r := made(t)
	read := func() map[string][]byte {
		if err := r.archives(t.Context()); err != nil {
			t.Fatal(err)
		}
		files := map[string][]byte{}
		for _, platform := range platforms {
			data, err := os.ReadFile(filepath.Join(r.out, r.archiveName(platform)))
			if err != nil {
				t.Fatal(err)
			}
			files[platform] = data
		}
		return files
	}
	first := read()
	if err := os.Chmod(r.bin+"/slim-linux-amd64", 0o755); err != nil {
		t.Fatal(err)
	}
	if again := read(); cmp.Diff(first, again) != "" {
		t.Error("the archives of the same programs differ")
	}
	want := []string{"-rwxr-xr-x slim", "-rw-r--r-- LICENSE", "-rw-r--r-- README.md", "-rw-r--r-- completions/slim.bash",
		"-rw-r--r-- completions/slim.zsh", "-rw-r--r-- man/slim.1"}
	if diff := cmp.Diff(want, tarNames(t, first["darwin-arm64"])); diff != "" {
		t.Errorf("%s (-want +got):\n%s", r.archiveName("darwin-arm64"), diff)
	}
	z, err := zip.NewReader(bytes.NewReader(first["windows-arm64"]), int64(len(first["windows-arm64"])))
	name := r.archiveName("windows-arm64")
	if err != nil || len(z.File) != 3 || z.File[0].Name != "slim.exe" || name != "slim_1.2.3-rc.1_windows_arm64.zip" {
		t.Errorf("the archive for Windows is %v, %v", z, err)
	}
}

func tarNames(t *testing.T, data []byte) (names []string) {
	t.Helper()
	compressed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(compressed); ; {
		header, err := r.Next()
		if err == io.EOF {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.FileInfo().Mode().String()+" "+header.Name)
	}
}

// TestPackageConfig holds that every file of the archive has an absolute place in the package.
func TestPackageConfig(t *testing.T) {
	config, err := made(t).packageConfig("arm64")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range config.Contents {
		got = append(got, f.Dst)
	}
	want := []string{"/usr/bin/slim", "/usr/share/doc/slim/copyright", "/usr/share/doc/slim/README.md",
		"/usr/share/bash-completion/completions/slim", "/usr/share/zsh/site-functions/_slim", "/usr/share/man/man1/slim.1"}
	if diff := cmp.Diff(want, got); diff != "" || config.Version != "1.2.3-rc.1" || config.Contents[0].Info.Mode != 0o755 {
		t.Errorf("packageConfig() = %+v (-want +got):\n%s", config, diff)
	}
}

// TestRefuses holds what is asked before anything is made.
func TestRefuses(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "")
	for version, want := range map[string]string{"1.2.3": "not of the form", "v1.2": "not of the form", "v1.2.3 x": "not of the form",
		"v1.2.3": "SOURCE_DATE_EPOCH"} {
		if err := (&release{version: version}).run(t.Context(), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("run() of %q = %v, want an error with %q", version, err, want)
		}
	}
}

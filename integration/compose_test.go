//go:build e2e

package integration

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"golang.org/x/tools/txtar"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// docker needs a Docker engine: the one of this machine, else one that the test starts and stops. It is a failure where there is neither.
func docker(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("docker"); err != nil {
		t.Fatal("the tests with Docker need its programs: apt-get install docker.io docker-compose")
	}
	if exec.Command("docker", "version").Run() == nil {
		return
	}
	dir, err := os.MkdirTemp("", "slim-dockerd-")
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "docker.sock")
	cmd := exec.Command("dockerd", "--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile",
		filepath.Join(dir, "pid"), "--host", "unix://"+socket)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatalf("no Docker engine answers, and none can be started (apt-get install docker.io): %v", err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		log.Close()
		os.RemoveAll(dir)
	})
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	for range 300 {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			if exec.Command("docker", "version").Run() == nil {
				return
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	t.Fatalf("dockerd does not answer:\n%s", tail(string(text), 20))
}

// load gives images to Docker under their names, and takes them away again.
func load(t testing.TB, images map[string]v1.Image) {
	t.Helper()
	refs := map[name.Reference]v1.Image{}
	for ref, img := range images {
		tag, err := name.NewTag(ref)
		if err != nil {
			t.Fatal(err)
		}
		refs[tag] = img
		t.Cleanup(func() { exec.Command("docker", "rmi", "-f", ref).Run() })
	}
	archive := filepath.Join(t.TempDir(), "images.tar")
	if err := tarball.MultiRefWriteToFile(archive, refs); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("docker", "load", "-q", "-i", archive).CombinedOutput(); err != nil {
		t.Fatalf("docker load: %v\n%s", err, out)
	}
}

// configured is an image of layers with a config.
func configured(t testing.TB, config v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	config.Env = append(config.Env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	img, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Config: config,
		RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		t.Fatal(err)
	}
	if img, err = mutate.AppendLayers(img, layers...); err != nil {
		t.Fatal(err)
	}
	return img
}

// shop loads the images of testdata/shop.txtar into Docker and returns its compose file.
func shop(t *testing.T) string {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/shop.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var compose string
	files := map[string]map[string][]byte{"web": {}, "tests": {}, "db": {}}
	for _, f := range archive.Files {
		if f.Name == "compose.yaml" {
			compose = string(f.Data)
			continue
		}
		service, path, _ := strings.Cut(f.Name, "/")
		files[service][path] = f.Data
	}
	world := worldLayer(t, "shop")
	gunicorn := []string{"gunicorn", "--worker-tmp-dir", "/tmp", "--bind", "0.0.0.0:8000", "app:app"}
	load(t, map[string]v1.Image{
		"slim-e2e-shop/web:1": configured(t, v1.Config{Entrypoint: gunicorn[:1], Cmd: gunicorn[1:], WorkingDir: "/app",
			Env: []string{"PYTHONDONTWRITEBYTECODE=1"}}, world, filesLayer(t, files["web"])),
		"slim-e2e-shop/tests:1": configured(t, v1.Config{Cmd: []string{"sleep", "3600"}}, world, filesLayer(t, files["tests"])),
		"slim-e2e-shop/db:1":    configured(t, v1.Config{Cmd: []string{"/start"}, User: "postgres"}, world, filesLayer(t, files["db"])),
		"slim-e2e-shop/cache:1": configured(t, v1.Config{Cmd: []string{"redis-server", "--protected-mode", "no", "--save", "", "--dir", "/tmp"}},
			world),
	})
	compose = strings.NewReplacer("WEB", "slim-e2e-shop/web:1", "DB", "slim-e2e-shop/db:1", "image: CACHE", "image: slim-e2e-shop/cache:1",
		"TESTS", "slim-e2e-shop/tests:1").Replace(compose)
	name := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(name, []byte(compose), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestCompose observes an application with a real PostgreSQL and Redis beside it, driven by its own tests, and has the slim image
// made of that pass the same tests in the same place.
func TestCompose(t *testing.T) {
	docker(t)
	compose := shop(t)
	t.Run("fails", func(t *testing.T) { composeFails(t, compose) })
	evidence := filepath.Join(t.TempDir(), "evidence.json")
	test := []string{"--", "python3", "/tests/test_shop.py"}
	out := mustSlim(t, append([]string{"observe", "--compose", compose, "web", "--in", "tests", "-o", evidence}, test...)...)
	if !strings.Contains(out.stderr, "Ran 2 tests") || strings.TrimSpace(out.stdout) != evidence {
		t.Errorf("stdout %q, stderr:\n%s", out.stdout, tail(out.stderr, 20))
	}
	seen := readEvidence(t, evidence)
	for _, path := range []string{"/app/report.py", "/app/data/report.txt", "/app/health.py"} {
		if !slices.ContainsFunc(seen.Paths, func(p analyzer.PathUse) bool { return p.Path.String() == path }) {
			t.Errorf("the tests used %s, and the evidence does not say so", path)
		}
	}
	for _, port := range []int{5432, 6379} {
		if !slices.ContainsFunc(seen.Runs, func(r analyzer.Run) bool {
			return r.Kind == analyzer.KindServer && slices.ContainsFunc(r.Peers, func(s analyzer.Socket) bool { return s.Port == port })
		}) {
			t.Errorf("no run reached port %d: %+v", port, seen.Runs)
		}
	}
	nothingLeft(t)

	built := mustSlim(t, "build", "slim-e2e-shop/web:1", "--keep", "observed", "--evidence", evidence, "--load", "--format", "json",
		"--progress", "plain")
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", "slim-e2e-shop/web.slim:1").Run() })
	var result builder.Result
	decode(t, built.stdout, &result)
	if explained, err := analyzer.Explain(result.Plan, "/app/data/unused.txt"); err != nil || explained.Kept {
		t.Errorf("unused.txt: %+v, %v, want it dropped", explained, err)
	}
	t.Logf("%.1f MB of %.1f MB", float64(result.SizeAfter)/1e6, float64(result.SizeBefore)/1e6)
	data, err := os.ReadFile(compose)
	if err != nil {
		t.Fatal(err)
	}
	slimmed := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(slimmed, []byte(strings.ReplaceAll(string(data), "shop/web:1", "shop/web.slim:1")), 0o644); err != nil {
		t.Fatal(err)
	}
	out = mustSlim(t, append([]string{"observe", "--compose", slimmed, "web", "--in", "tests", "-o", filepath.Join(t.TempDir(), "slim.json")},
		test...)...)
	if !strings.Contains(out.stderr, "Ran 2 tests") {
		t.Errorf("the slim image and the tests:\n%s", tail(out.stderr, 20))
	}

	other := slim(t, "build", "slim-e2e-shop/cache:1", "--evidence", evidence, "--output", "type=oci,dest="+filepath.Join(t.TempDir(),
		"a.tar"), "--progress", "plain")
	if other.code != 1 || !strings.Contains(other.stderr, "the evidence is of image "+seen.Image) {
		t.Errorf("evidence of another image: exit code %d\n%s", other.code, tail(other.stderr, 5))
	}
}

// composeFails checks that a test command that fails makes no evidence, and that no part of the project remains.
func composeFails(t *testing.T, compose string) {
	dir := t.TempDir()
	out := slim(t, "observe", "--compose", compose, "cache", "-o", filepath.Join(dir, "e.json"), "--quiet", "--", "sh", "-c",
		`test -n "$COMPOSE_PROJECT_NAME" && exit 9`)
	if out.code != 3 || !strings.Contains(out.stderr, "the test command sh: exit status 9") {
		t.Errorf("exit code %d, want 3\n%s", out.code, out.stderr)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("it left %v", left)
	}
	nothingLeft(t)
}

// nothingLeft reports containers, volumes and networks of a project that still exist.
func nothingLeft(t *testing.T) {
	t.Helper()
	for _, kind := range []string{"container", "volume", "network"} {
		args := []string{kind, "ls", "-q", "--filter", "label=com.docker.compose.project", "--filter", "name=slim-"}
		if kind == "container" {
			args = append(args, "-a")
		}
		out, err := exec.Command("docker", args...).Output()
		if err != nil || strings.TrimSpace(string(out)) != "" {
			t.Errorf("left: %s %s (%v)", kind, out, err)
		}
	}
}

func readEvidence(t *testing.T, name string) *analyzer.Evidence {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := analyzer.ReadEvidence(f)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

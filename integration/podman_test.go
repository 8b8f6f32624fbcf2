//go:build e2e

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// box is the directory of integration/podman/box.sh, in which these tests run: `make e2e-podman`.
func box(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("SLIM_PODMAN_BOX")
	if dir == "" {
		t.Skip("run by make e2e-podman")
	}
	return dir
}

// podUser runs commands as root, or as an ordinary user with a home of its own.
type podUser struct {
	name string // "" for root
	home string
	env  []string
	uid  string
	gid  string
}

// podUsers are root and an ordinary user with subordinate ids. Docker is not there for them.
func podUsers(t *testing.T, runtime string) []podUser {
	t.Helper()
	conf := "CONTAINERS_CONF=" + filepath.Join(box(t), runtime+".conf")
	const ordinary = "slimtest"
	if _, err := user.Lookup(ordinary); err != nil {
		outputOf(t, exec.Command("useradd", "--create-home", ordinary))
	}
	u, err := user.Lookup(ordinary)
	if err != nil {
		t.Fatal(err)
	}
	users := []podUser{{home: t.TempDir()}, {name: ordinary, uid: u.Uid, gid: u.Gid}}
	home, err := os.MkdirTemp(box(t), "home-")
	if err != nil {
		t.Fatal(err)
	}
	users[1].home = home
	for i := range users {
		p := &users[i]
		run := filepath.Join(p.home, "run")
		if err := os.Mkdir(run, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"slim", "slim-sensor-linux-amd64"} {
			outputOf(t, exec.Command("cp", filepath.Join(agentDir, file), p.home))
		}
		// The variables of the test that name other places than this home are not there.
		p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "TMPDIR=" + p.home, "SLIM_AGENT=" + p.home,
			"SLIM_CACHE=" + p.home + "/cache", "XDG_RUNTIME_DIR=" + run, conf}
	}
	outputOf(t, exec.Command("chown", "-R", ordinary, home))
	t.Cleanup(func() {
		for _, p := range users {
			_ = p.command("podman", "rm", "--all", "--force", "--time", "1").Run()
			_ = p.command("podman", "system", "migrate").Run() // ends its process that holds the user namespace
		}
		_ = users[1].command("sh", "-c", "podman unshare rm -rf "+home+"/.local "+home+"/cache").Run()
	})
	return users
}

func (p podUser) command(args ...string) *exec.Cmd {
	if p.name != "" {
		args = append([]string{"setpriv", "--reuid", p.uid, "--regid", p.gid, "--init-groups"}, args...)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.home, p.env
	return cmd
}

// outputOf runs a command and returns its output.
func outputOf(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", cmd.Args, err, tail(string(out), 20), tail(stderr.String(), 40))
	}
	return string(out)
}

// archiveOf writes the small image as an archive that podman can load, under a name without a registry.
func archiveOf(t *testing.T, file string) {
	t.Helper()
	img, err := mutate.ConfigFile(smallImage(t), mustConfig(t, smallImage(t)))
	if err != nil {
		t.Fatal(err)
	}
	archiveAs(t, file, "localhost/apps/small:1", img)
}

// archiveAs writes an image as an archive that everybody can load.
func archiveAs(t *testing.T, file, ref string, img v1.Image) {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
}

// An image in podman's store becomes a slim one there, and the emitted line runs it: as root and as an ordinary user, with crun and runc.
func TestPodman(t *testing.T) {
	archive := filepath.Join(box(t), "small.tar")
	archiveOf(t, archive)
	for _, runtime := range []string{"crun", "runc"} {
		for _, p := range podUsers(t, runtime) {
			who := "root"
			if p.name != "" {
				who = "rootless"
			}
			t.Run(who+" "+runtime, func(t *testing.T) { podmanStore(t, p, archive) })
		}
	}
}

func podmanStore(t *testing.T, p podUser, archive string) {
	outputOf(t, p.command("podman", "load", "--input", archive))
	// Where Docker answers too, the name says that it is podman's.
	build := p.command("./slim", "build", "containers-storage:apps/small:1", "--engine", "embedded", "--artifacts", "profile", "--strict")
	var log strings.Builder
	build.Stderr = &log
	out, err := build.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, tail(log.String(), 40))
	}
	if want := "localhost/apps/small.slim:1\n"; string(out) != want || !strings.Contains(log.String(), "slim: loaded into podman: "+want) {
		t.Errorf("stdout = %q, want %q\n%s", out, want, tail(log.String(), 10))
	}
	var images []struct{ Names []string }
	if err := json.Unmarshal([]byte(outputOf(t, p.command("podman", "images", "--format", "json"))), &images); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(images, func(i struct{ Names []string }) bool { return slices.Contains(i.Names, "localhost/apps/small.slim:1") }) {
		t.Errorf("podman images = %+v, want localhost/apps/small.slim:1", images)
	}
	again := p.command("./slim", "inspect", "apps/small.slim:1", "--format", "json")
	again.Env = append(again.Env, "SLIM_STORE=podman")
	if text := outputOf(t, again); !strings.Contains(text, `"slim/inspection/v1"`) {
		t.Errorf("slim inspect with SLIM_STORE=podman: %.300s", text)
	}
	if left, _ := filepath.Glob(filepath.Join(p.home, "slim-podman-*")); len(left) > 0 {
		t.Errorf("%q is left behind", left)
	}
	podmanServes(t, p)
}

// podmanServes starts the emitted script and asks the server. The network namespace is the box's: the port is free.
func podmanServes(t *testing.T, p podUser) {
	cmd := p.command("sh", "profile/podman-run.sh")
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	got := ""
	for deadline := time.Now().Add(time.Minute); got == "" && time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("podman-run.sh ended: %v\n%s", err, log.String())
		default:
		}
		if response, err := http.Get("http://127.0.0.1:8080/data"); err == nil {
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			got = string(body)
		}
	}
	if got != "late\n" {
		t.Errorf("GET /data = %q, want %q", got, "late\n")
	}
	id := strings.TrimSpace(outputOf(t, p.command("podman", "ps", "--quiet")))
	top := strings.Fields(outputOf(t, p.command("podman", "top", id, "user", "capeff", "seccomp")))
	if got := top[max(len(top)-3, 0):]; !slices.Equal(got, []string{"nonroot", "none", "filter"}) {
		t.Errorf("podman top = %q, want a user, no capabilities and a filter", got)
	}
	debug := filepath.Join(box(t), "debug.tar")
	if _, err := os.Stat(debug); err != nil {
		archiveAs(t, debug, "localhost/apps/debug:1", debugImage(t))
	}
	outputOf(t, p.command("podman", "load", "--input", debug))
	lookInto(t, "podman", id, "apps/debug:1", map[string]string{" inspect ": "running 0", " cp ": "root:", " export ": "server",
		"/proc/1/root/": "server", "/proc/net/tcp": "server"}, func(command string) string { return outputOf(t, p.command("sh", "-c", command)) })
	outputOf(t, p.command("podman", "stop", "--time", "2", id))
	<-ended
}

// Every output that slim writes is read by skopeo, buildah, podman and containerd, with the same layers.
func TestOutputsElsewhere(t *testing.T) {
	dir, ref := filepath.Join(box(t), "outputs"), small(t)
	registry := memoryRegistry(t) + "/apps/small.slim:1"
	oci, ociTar, dockerTar := filepath.Join(dir, "oci"), filepath.Join(dir, "oci.tar"), filepath.Join(dir, "docker.tar")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	mustSlim(t, "build", ref, "--tag", registry, "--push", "--output", "type=oci,tar=false,dest="+oci, "--output", "type=oci,dest="+ociTar,
		"--output", "type=docker,dest="+dockerTar)
	want := diffIDs(t, readLayout(t, oci))
	p := podUsers(t, "runc")[0]
	for _, source := range []string{"oci:" + oci, "oci-archive:" + ociTar, "docker-archive:" + dockerTar, "docker://" + registry} {
		var config v1.ConfigFile
		decode(t, outputOf(t, p.command("skopeo", "inspect", "--tls-verify=false", "--config", source)), &config)
		if got := fmt.Sprint(config.RootFS.DiffIDs); got != want {
			t.Errorf("skopeo inspect %s: diff IDs %s, want %s", source, got, want)
		}
		outputOf(t, p.command("skopeo", "copy", "--src-tls-verify=false", source, "dir:"+filepath.Join(t.TempDir(), "copy")))
		for _, program := range []string{"buildah", "podman"} {
			pull := []string{program, "pull", "--quiet", "--tls-verify=false", source}
			if id := strings.TrimSpace(outputOf(t, p.command(pull...))); len(id) != 64 {
				t.Errorf("%q = %q, want an image ID", pull, id)
			} else if out := outputOf(t, p.command("podman", "run", "--rm", "--network", "none", id, "there")); out != "ran there\n" {
				t.Errorf("%q, podman run = %q, want %q", pull, out, "ran there\n")
			}
			outputOf(t, p.command("podman", "rmi", "--all", "--force"))
		}
	}
	containerd(t, p, ociTar, dockerTar)
}

// containerd imports archives and runs the image.
func containerd(t *testing.T, p podUser, archives ...string) {
	dir := t.TempDir()
	socket := filepath.Join(box(t), "containerd.sock")
	config := filepath.Join(dir, "config.toml")
	text := "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	daemon := p.command("containerd", "--config", config, "--root", dir+"/root", "--state", dir+"/state", "--address", socket)
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Signal(os.Interrupt); _ = daemon.Wait() })
	ctr := func(args ...string) *exec.Cmd {
		return p.command(append([]string{"ctr", "--address", socket}, args...)...)
	}
	for deadline := time.Now().Add(time.Minute); ctr("version").Run() != nil; time.Sleep(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("containerd does not answer")
		}
	}
	for i, archive := range archives {
		out := outputOf(t, ctr("images", "import", "--base-name", fmt.Sprintf("test/small%d", i), archive))
		ref, _, _ := strings.Cut(strings.TrimPrefix(out, "unpacking "), " ")
		if ran := outputOf(t, ctr("run", "--rm", ref, fmt.Sprintf("c%d", i), "/server", "there")); ran != "ran there\n" {
			t.Errorf("%s: ctr run = %q, want %q", archive, ran, "ran there\n")
		}
	}
}

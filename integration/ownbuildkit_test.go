//go:build e2e && dockerengine

package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slimimage/slim/builder"
)

// The tests with the BuildKit of a current Docker engine, which docker-engine.sh starts: make e2e-docker.

// dockerStore is the kind of image store of the engine: "containerd" or "classic".
func dockerStore(t testing.TB) string {
	t.Helper()
	store := os.Getenv("SLIM_TEST_DOCKER_STORE")
	if store == "" || os.Getenv("DOCKER_HOST") == "" {
		t.Fatal("there is no engine of the tests: make e2e-docker starts it")
	}
	return store
}

// dockerUser is an ordinary user who may use the engine's socket, and has neither runc nor a save of any image.
type dockerUser struct {
	dir      string
	uid, gid string
	group    string // of the socket
}

func newDockerUser(t *testing.T) *dockerUser {
	t.Helper()
	const login = "slimtest"
	if _, err := user.Lookup(login); err != nil {
		if out, err := exec.Command("useradd", "--create-home", login).CombinedOutput(); err != nil {
			t.Fatalf("useradd: %v: %s", err, out)
		}
	}
	account, err := user.Lookup(login)
	if err != nil {
		t.Fatal(err)
	}
	u := &dockerUser{uid: account.Uid, gid: account.Gid}
	info, err := os.Stat(strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	u.group = fmt.Sprint(info.Sys().(*syscall.Stat_t).Gid)
	if u.dir, err = os.MkdirTemp("", "slim-user-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(u.dir) })
	for _, file := range []string{"slim", "slim-sensor-linux-amd64"} {
		data, err := os.ReadFile(filepath.Join(agentDir, file))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(u.dir, file), data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command("chown", "-R", login, u.dir).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
	return u
}

// slim runs slim as the user, with the engine that it finds.
func (u *dockerUser) slim(t *testing.T, args ...string) output {
	t.Helper()
	return u.slimIn(t, u.group, os.Getenv("DOCKER_HOST"), args...)
}

func (u *dockerUser) slimIn(t *testing.T, group, host string, args ...string) output {
	t.Helper()
	argv := append([]string{"--reuid", u.uid, "--regid", u.gid, "--groups", group, filepath.Join(u.dir, "slim")}, args...)
	cmd := exec.Command("setpriv", argv...)
	cmd.Dir = u.dir
	cmd.Env = []string{"HOME=" + u.dir, "PATH=" + u.dir, "SLIM_AGENT=" + u.dir, "DOCKER_HOST=" + host}
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var failed *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatalf("slim %q: %v", args, err)
	}
	return output{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// mustUse is slim for a run that has to succeed with Docker's own BuildKit.
func (u *dockerUser) mustUse(t *testing.T, args ...string) output {
	t.Helper()
	out := u.slim(t, append(args, "--progress", "plain")...)
	if out.code != 0 || !strings.Contains(out.stderr, "engine: BuildKit of Docker ") {
		t.Fatalf("slim %q: exit code %d, want 0 and Docker's own BuildKit\n%s", args, out.code, tail(out.stderr, 30))
	}
	return out
}

// saved is the directory of what docker save writes of an image.
func saved(t *testing.T, ref string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "image.tar")
	dockerDo(t, "save", "-o", file, ref)
	if out, err := exec.Command("tar", "-xf", file, "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	return dir
}

// inEngine is an image of the engine.
func inEngine(t *testing.T, ref string) v1.Image {
	t.Helper()
	img, err := tarball.ImageFromPath(filepath.Join(saved(t, ref), "image.tar"), nil)
	if err != nil {
		t.Fatalf("docker save %s: %v", ref, err)
	}
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", ref).Run() })
	return img
}

func dockerDo(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %q: %v\n%s", args, err, tail(string(out), 30))
	}
	return string(out)
}

const ownImage = "slim-e2e-own/small:1"

// TestOwnBuildKit builds an image of the engine's store in every way that ends outside of a Dockerfile.
func TestOwnBuildKit(t *testing.T) {
	store, u := dockerStore(t), newDockerUser(t)
	load(t, map[string]v1.Image{ownImage: configured(t, smallConfig, filesLayer(t, smallFiles(t), "server"))})
	_, want := built(t, "docker:"+ownImage) // by the embedded engine, through docker save

	artifacts := filepath.Join(u.dir, "artifacts")
	out := u.mustUse(t, "build", ownImage, "--tag", "slim-e2e-own/out:1", "--artifacts", artifacts, "--format", "json")
	var result builder.Result
	decode(t, out.stdout, &result)
	if result.Verdict == nil || !result.Verdict.OK || !result.Verdict.Confined {
		t.Errorf("verdict %+v, want a passed check under the profile", result.Verdict)
	}
	sameLayers(t, want, inEngine(t, "slim-e2e-own/out:1"))
	if blobs, err := filepath.Glob(filepath.Join(u.dir, ".cache/slim/images/blobs/*/*")); err != nil || len(blobs) > 0 {
		t.Errorf("docker save was used: %v, %v", blobs, err)
	}

	t.Run("docker run under the emitted line", func(t *testing.T) {
		out, err := exec.Command("sh", filepath.Join(artifacts, "docker-run.sh"), "confined").CombinedOutput()
		if err != nil || string(out) != "ran confined\n" {
			t.Errorf("docker-run.sh: %v, %q, want %q", err, out, "ran confined\n")
		}
	})
	t.Run("attestations stay", func(t *testing.T) {
		const statement = "https://in-toto.io/attestation/test-result/v0.1"
		if store == "classic" {
			if len(result.Attested) > 0 {
				t.Errorf("attached are %v, but the classic store holds no attestations", result.Attested)
			}
			return
		}
		if types := predicates(t, saved(t, "slim-e2e-own/out:1")); !slices.Contains(types, statement) ||
			!slices.Contains(types, "https://slsa.dev/provenance/v1") {
			t.Errorf("attached are %v, want the result of the check and provenance", types)
		}
	})
	t.Run("push", func(t *testing.T) { ownPush(t, u, want) })
	t.Run("by ID", func(t *testing.T) {
		id := strings.TrimSpace(dockerDo(t, "image", "inspect", "-f", "{{.Id}}", ownImage))
		u.mustUse(t, "build", id, "--tag", "slim-e2e-own/id:1")
		sameLayers(t, want, inEngine(t, "slim-e2e-own/id:1"))
	})
	t.Run("archive", func(t *testing.T) {
		file := filepath.Join(u.dir, "in.tar")
		dockerDo(t, "save", "-o", file, ownImage)
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
		if store == "containerd" {
			u.mustUse(t, "build", "docker-archive:"+file, "--tag", "slim-e2e-own/archive:1")
			sameLayers(t, want, inEngine(t, "slim-e2e-own/archive:1"))
			return
		}
		out := u.slim(t, "build", "docker-archive:"+file, "--engine", "docker")
		if out.code != 1 || !strings.Contains(out.stderr, "classic image store") || !strings.Contains(out.stderr, "hint: ") {
			t.Errorf("exit code %d, want 1, the reason and the next step:\n%s", out.code, tail(out.stderr, 5))
		}
	})
}

// ownPush pushes a result to a registry on this machine, and reads it there.
func ownPush(t *testing.T, u *dockerUser, want v1.Image) {
	ref := quietRegistry(t) + "/own/out:1"
	out := u.mustUse(t, "build", ownImage, "--tag", ref, "--push", "--format", "json")
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", ref).Run() })
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	pushed, err := remote.Image(parsed, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"}))
	if err != nil {
		t.Fatal(err)
	}
	sameLayers(t, want, pushed)
	top, err := remote.Get(parsed)
	if err != nil {
		t.Fatal(err)
	}
	var result builder.Result
	decode(t, out.stdout, &result)
	if result.Digest != top.Digest.String() {
		t.Errorf("digest %s, want that in the registry, %s", result.Digest, top.Digest)
	}
}

// TestOwnDockerfile builds a Dockerfile over an image that only the engine has, with slim, buildx and bake.
func TestOwnDockerfile(t *testing.T) {
	dockerStore(t)
	u := newDockerUser(t)
	load(t, map[string]v1.Image{ownImage: configured(t, smallConfig, filesLayer(t, smallFiles(t), "server"))})
	dir := filepath.Join(u.dir, "project")
	for name, data := range map[string]string{"Dockerfile": "FROM " + ownImage + "\nCOPY more.txt /data/more.txt\nLABEL made=here\n",
		"more.txt": "more\n"} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	u.mustUse(t, "build", "-f", filepath.Join(dir, "Dockerfile"), dir, "--tag", "slim-e2e-own/file:1")
	want := inEngine(t, "slim-e2e-own/file:1")
	if labels := labelsOf(t, want); labels["made"] != "here" || labels[builder.LabelSlim] == "" {
		t.Errorf("labels %v, want the Dockerfile's and slim's", labels)
	}
	t.Run("buildx", func(t *testing.T) {
		dockerDo(t, "buildx", "build", "--build-arg", "BUILDKIT_SYNTAX="+frontend(t), "--load", "--tag", "slim-e2e-own/buildx:1", dir)
		sameLayers(t, want, inEngine(t, "slim-e2e-own/buildx:1"))
	})
	t.Run("bake", func(t *testing.T) {
		bake := filepath.Join(t.TempDir(), "bake.hcl")
		text := fmt.Sprintf("target \"default\" {\n context = %q\n args = {BUILDKIT_SYNTAX = %q}\n tags = [\"slim-e2e-own/bake:1\"]\n"+
			" output = [\"type=docker\"]\n}\n", dir, frontend(t))
		if err := os.WriteFile(bake, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		dockerDo(t, "buildx", "bake", "-f", bake, "--allow=fs.read=*")
		sameLayers(t, want, inEngine(t, "slim-e2e-own/bake:1"))
	})
	t.Run("a builder elsewhere", func(t *testing.T) {
		out := slim(t, "build", "-f", filepath.Join(dir, "Dockerfile"), dir, "--engine", startBuildkitd(t), "--tag", "a/b:1", "--output",
			"type=oci,dest="+filepath.Join(t.TempDir(), "x.tar"))
		if out.code != 1 || !strings.Contains(out.stderr, "only Docker has "+ownImage) || !strings.Contains(out.stderr, "hint: ") {
			t.Errorf("exit code %d, want 1, the image and the next step:\n%s", out.code, tail(out.stderr, 5))
		}
	})
}

// TestOwnBuildKitFails: what is wrong with an engine is one line, with the next step.
func TestOwnBuildKitFails(t *testing.T) {
	dockerStore(t)
	u := newDockerUser(t)
	load(t, map[string]v1.Image{ownImage: configured(t, smallConfig, filesLayer(t, smallFiles(t), "server"))})
	dead := filepath.Join(u.dir, "dead.sock")
	listener, err := net.Listen("unix", dead)
	if err != nil {
		t.Fatal(err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(dead, 0o666), listener.Close()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, group, host, engine, want, hint string }{
		{"no permission", u.gid, os.Getenv("DOCKER_HOST"), "docker", "this user may not use its socket", "group docker"},
		{"stopped", u.group, "unix://" + dead, "docker", "nothing listens on its socket", "start Docker"},
		{"no socket", u.group, "unix://" + dead + "x", "docker", "there is no such socket", "start Docker"},
	} {
		out := u.slimIn(t, test.group, test.host, "build", "docker:"+ownImage, "--engine", test.engine)
		lines := strings.Split(strings.TrimSpace(out.stderr), "\n") // the reason, the next step, and the page about it
		if out.code != 1 || len(lines) < 2 || len(lines) > 3 || !strings.Contains(lines[0], test.want) || !strings.Contains(lines[1], test.hint) {
			t.Errorf("%s: exit code %d, want 1, a line with %q and one with %q:\n%s", test.name, out.code, test.want, test.hint, out.stderr)
		}
	}
	t.Run("a builder elsewhere gets the image", func(t *testing.T) {
		_, want := built(t, "docker:"+ownImage)
		_, got := built(t, ownImage, "--engine", startBuildkitd(t))
		sameLayers(t, want, got)
	})
}

// TestShopWorld makes the root filesystem of TestCompose, which TestOwnCompose cannot: beside the engine there is no network.
func TestShopWorld(t *testing.T) {
	if info, err := os.Stat(worldFile(t, "shop")); err != nil || info.Size() == 0 {
		t.Errorf("the root filesystem: %v, %v", info, err)
	}
}

// TestOwnCompose is TestCompose with the images in the engine's own store and the engine's own BuildKit.
func TestOwnCompose(t *testing.T) {
	dockerStore(t)
	dockerDo(t, "compose", "version") // version 2: the first is a program of its own
	t.Setenv("SLIM_TEST_ENGINE", "auto")
	TestCompose(t)
}

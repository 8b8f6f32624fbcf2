//go:build e2e

package integration

import (
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

// goTool builds a program once into the tests' cache.
func goTool(t *testing.T, name, pkg string, flags ...string) string {
	t.Helper()
	output := filepath.Join(cacheDir(t), name)
	cmd := exec.Command("go", append(append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", output}, flags...), pkg)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return output
}

// frontend makes the image of slim-frontend for this machine, puts it into a registry and returns its reference.
func frontend(t *testing.T) string {
	t.Helper()
	program := "slim-frontend-linux-" + runtime.GOARCH
	goTool(t, program, "../cmd/slim-frontend", "-tags", "frontend")
	dir := filepath.Join(t.TempDir(), "layout") + "/"
	if out, err := exec.Command(goTool(t, "mkimage", "../cmd/slim-frontend/mkimage"), "-bin", cacheDir(t), "-agents", agentDir, "-out",
		dir).CombinedOutput(); err != nil {
		t.Fatalf("mkimage: %v\n%s", err, out)
	}
	index, manifest := layoutIndex(t, dir)
	inner, _ := innerIndex(t, index, manifest)
	if err := validate.Index(inner); err != nil {
		t.Error(err)
	}
	ref := quietRegistry(t) + "/slim/frontend:1"
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(parsed, inner); err != nil {
		t.Fatal(err)
	}
	return ref
}

// quietRegistry is a registry in this process; it returns its host and port.
func quietRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// project is a build context: a Dockerfile with stages, a cache mount, a secret and a named context.
type project struct {
	address, dir, assets, secret, dockerfile string
}

const projectDockerfile = `FROM scratch AS made
COPY server /server
RUN --mount=type=cache,target=/cache --mount=type=secret,id=word \
    ["/server", "do", "copy:/run/secrets/word,/cache/word", "copy:/cache/word,/word.txt"]

FROM scratch AS whole
ARG GREETING=none
COPY --from=made /word.txt /data/late.txt
COPY --from=assets extra.txt /data/extra.txt
COPY .git /.git
COPY server /server
LABEL greeting=$GREETING
ENV PATH=/
ENTRYPOINT ["/server"]
`

func newProject(t *testing.T, first string) *project {
	t.Helper()
	p := &project{address: startBuildkitd(t), dir: t.TempDir(), assets: t.TempDir()}
	p.secret, p.dockerfile = filepath.Join(t.TempDir(), "word"), filepath.Join(p.dir, "Dockerfile")
	for file, data := range smallFiles(t) {
		p.write(t, file, string(data))
	}
	p.write(t, "Dockerfile", first+projectDockerfile)
	for file, data := range map[string]string{filepath.Join(p.assets, "extra.txt"): "extra\n", p.secret: "secret word\n"} {
		if err := os.WriteFile(file, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

func (p *project) write(t *testing.T, name, data string) {
	t.Helper()
	file := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(data), 0o755); err != nil {
		t.Fatal(err)
	}
}

// buildctl builds the project as buildx would, and returns what it printed.
func (p *project) buildctl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	all := []string{"--addr", p.address, "build", "--frontend", "dockerfile.v0", "--progress", "plain", "--local", "context=" + p.dir,
		"--local", "dockerfile=" + p.dir,
		"--local", "assets=" + p.assets, "--opt", "context:assets=local:assets", "--secret", "id=word,src=" + p.secret}
	out, err := exec.Command(goTool(t, "buildctl", "github.com/moby/buildkit/cmd/buildctl"), append(all, args...)...).CombinedOutput()
	return string(out), err
}

// image builds the project with buildctl and reads the image.
func (p *project) image(t *testing.T, args ...string) v1.Image {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	if out, err := p.buildctl(t, append(args, "--output", "type=oci,tar=false,dest="+dir)...); err != nil {
		t.Fatalf("buildctl %q: %v\n%s", args, err, tail(out, 40))
	}
	return readLayout(t, dir)
}

// command builds the project with slim build -f, in the same BuildKit.
func (p *project) command(t *testing.T, args ...string) v1.Image {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	mustSlim(t, append([]string{"build", "-f", p.dockerfile, p.dir, "--engine", p.address, "--build-context", "assets=" + p.assets, "--secret",
		"id=word,src=" + p.secret,
		"--output", "type=oci,tar=false,dest=" + dir}, args...)...)
	return readLayout(t, dir)
}

func labelsOf(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	return configOf(t, img).Config.Labels
}

// TestFrontend builds one Dockerfile through slim-frontend in every way there is.
func TestFrontend(t *testing.T) {
	ref := frontend(t)
	p := newProject(t, "# syntax="+ref+"\n")
	syntax := []string{"--opt", "build-arg:BUILDKIT_SYNTAX=" + ref}

	got := p.image(t, "--opt", "build-arg:GREETING=hi")
	if err := validate.Image(got); err != nil {
		t.Error(err)
	}
	if labels := labelsOf(t, got); labels[builder.LabelSlim] == "" || labels["greeting"] != "hi" {
		t.Errorf("labels = %v, want slim's and greeting=hi", labels)
	}
	t.Run("slim build -f", func(t *testing.T) {
		want := p.command(t, "--build-arg", "GREETING=hi")
		sameLayers(t, want, got)
		sameConfig(t, want, got)
	})
	t.Run("slim build of the built image", func(t *testing.T) {
		whole := p.image(t, "--opt", "target=full", "--opt", "build-arg:SOURCE_DATE_EPOCH=0")
		if labelsOf(t, whole)[builder.LabelSlim] != "" {
			t.Error("--target full gave a slim image")
		}
		dir := filepath.Join(t.TempDir(), "whole")
		writeLayout(t, dir, whole)
		_, want := built(t, "oci:"+dir, "--engine", p.address)
		sameLayers(t, want, got)
	})
	t.Run("build argument", func(t *testing.T) {
		p.write(t, "Dockerfile", projectDockerfile)
		sameLayers(t, got, p.image(t, syntax...))
		sameLayers(t, got, p.image(t, append(syntax, "--opt", "target=slim")...))
		sameLayers(t, got, p.image(t, append(syntax, "--opt", "target=WHOLE")...))
		if labelsOf(t, p.image(t, append(syntax, "--opt", "build-arg:SLIM_OFF=1")...))[builder.LabelSlim] != "" {
			t.Error("SLIM_OFF gave a slim image")
		}
	})
	t.Run("settings", func(t *testing.T) {
		p.write(t, ".dockerignore", ".slim.yaml\n")
		p.write(t, ".slim.yaml", "build:\n  include: [/.git/config]\n  user: 1234:5678\n  probe: checks.yaml\n")
		p.write(t, "checks.yaml", "- get: /data\n")
		small := p.image(t, syntax...)
		sameLayers(t, p.command(t), small)
		if config := configOf(t, small); config.Config.User != "1234:5678" {
			t.Errorf("user = %q, want that of .slim.yaml", config.Config.User)
		}
		if config := configOf(t, p.image(t, append(syntax, "--opt", "build-arg:SLIM_USER=4321")...)); !strings.HasPrefix(config.Config.User,
			"4321:") {
			t.Errorf("user = %q, want that of SLIM_USER", config.Config.User)
		}
		for _, bad := range [][2]string{{"SLIM_KEPP=closure", "SLIM_KEEP"}, {"SLIM_TIMEOUT=soon", "SLIM_TIMEOUT"}} {
			if out, err := p.buildctl(t, append(syntax, "--opt", "build-arg:"+bad[0])...); err == nil || !strings.Contains(out, bad[1]) {
				t.Errorf("%s: %v, want an error that names %s:\n%s", bad[0], err, bad[1], tail(out, 5))
			}
		}
		p.write(t, ".slim.yaml", "build:\n  keepp: closure\n")
		if out, err := p.buildctl(t, syntax...); err == nil || !strings.Contains(out, "line 2") {
			t.Errorf("a key that is none: %v, want an error that names the line:\n%s", err, tail(out, 5))
		}
		if out := slim(t, "build", "-f", p.dockerfile, p.dir, "--engine", p.address); out.code != 2 || !strings.Contains(out.stderr, "line 2") {
			t.Errorf("slim build: exit code %d, want 2 and the line:\n%s", out.code, tail(out.stderr, 5))
		}
		os.Remove(filepath.Join(p.dir, ".slim.yaml"))
	})
	t.Run("subrequests", func(t *testing.T) {
		out, err := p.buildctl(t, append(syntax, "--opt", "requestid=frontend.targets")...)
		if err != nil || !strings.Contains(out, "whole") || !strings.Contains(out, "made") {
			t.Errorf("targets: %v\n%s", err, tail(out, 10))
		}
		p.write(t, "Dockerfile", projectDockerfile+"Cmd [\"x\"]\n")
		if out, err = p.buildctl(t, append(syntax, "--opt", "requestid=frontend.lint")...); err != nil || !strings.Contains(out,
			"ConsistentInstructionCasing") {
			t.Errorf("lint: %v\n%s", err, tail(out, 10))
		}
		p.write(t, "Dockerfile", projectDockerfile)
	})
	t.Run("attestations", func(t *testing.T) {
		for _, opt := range []string{"build-arg:SLIM_ATTEST=1", "attest:sbom="} {
			dir := filepath.Join(t.TempDir(), "layout")
			if out, err := p.buildctl(t, append(syntax, "--opt", opt, "--output", "type=oci,tar=false,name=a/b:1,dest="+dir)...); err != nil {
				t.Fatalf("%s: %v\n%s", opt, err, tail(out, 20))
			}
			sameLayers(t, got, readLayout(t, dir))
			types := predicates(t, dir)
			for _, want := range []string{"https://cyclonedx.org/bom", "https://spdx.dev/Document",
				"https://in-toto.io/attestation/runtime-trace/v0.1", "https://in-toto.io/attestation/test-result/v0.1"} {
				if !slices.Contains(types, want) {
					t.Errorf("%s: attached are %v, want %s among them", opt, types, want)
				}
			}
		}
	})
	t.Run("artifacts", func(t *testing.T) {
		dir := t.TempDir()
		if out, err := p.buildctl(t, append(syntax, "--opt", "target=slim-artifacts", "--output", "type=local,dest="+dir)...); err != nil {
			t.Fatalf("%v\n%s", err, tail(out, 20))
		}
		for _, file := range []string{"seccomp.json", "evidence.json", "plan.json", "sbom.spdx.json"} {
			if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
				t.Error(err)
			}
		}
		var report builder.Result
		data, err := os.ReadFile(filepath.Join(dir, "report.json"))
		if err == nil {
			err = json.Unmarshal(data, &report)
		}
		if err != nil || report.Verdict == nil || !report.Verdict.OK || report.Plan.Schema != analyzer.PlanSchema {
			t.Errorf("report.json: %v, verdict %+v", err, report.Verdict)
		}
	})
	t.Run("several platforms", func(t *testing.T) {
		own, other := "linux/"+runtime.GOARCH, "linux/"+foreignArch()
		p.write(t, "server-"+runtime.GOARCH, string(smallFiles(t)["server"]))
		p.write(t, "server-"+foreignArch(), string(serverFor(t, foreignArch())))
		p.write(t, "Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY server-$TARGETARCH /server\nCOPY data /data\n"+
			"ENV PATH=/\nENTRYPOINT [\"/server\"]\n")
		dir, line := filepath.Join(t.TempDir(), "layout"), filepath.Join(t.TempDir(), "line")
		if out, err := p.buildctl(t, append(syntax, "--opt", "platform="+other+","+own, "--opt", "build-arg:SLIM_ATTEST=1", "--output",
			"type=oci,tar=false,name=a/b:1,dest="+dir)...); err != nil {
			t.Fatalf("%v\n%s", err, tail(out, 20))
		}
		images, statements := members(t, dir)
		mustSlim(t, "build", "-f", p.dockerfile, p.dir, "--engine", p.address, "--platform", own+","+other, "--tag", "a/b:1", "--output",
			"type=oci,tar=false,dest="+line)
		wants, _ := members(t, line)
		for _, arch := range []string{runtime.GOARCH, foreignArch()} {
			if images[arch] == nil || wants[arch] == nil {
				t.Fatalf("no image for %s: %v, %v", arch, images, wants)
			}
			sameManifest(t, wants[arch], images[arch])
			if !slices.Contains(statements[arch], "https://in-toto.io/attestation/test-result/v0.1") {
				t.Errorf("%s: attached are %v", arch, statements[arch])
			}
		}
		if out, err := p.buildctl(t, append(syntax, "--opt", "platform="+own+","+other, "--opt", "build-arg:SLIM_STRICT=1")...); err == nil ||
			!strings.Contains(out, "not "+other) {
			t.Errorf("strict: %v, want an error that names %s:\n%s", err, other, tail(out, 5))
		}
		p.write(t, "Dockerfile", projectDockerfile)
	})
	t.Run("an image that does not run", func(t *testing.T) {
		p.write(t, "Dockerfile", projectDockerfile+"ENTRYPOINT [\"/nothing\"]\n")
		out, err := p.buildctl(t, syntax...)
		if err == nil || !strings.Contains(out, "did not run as it should") || !strings.Contains(out, "--target full") {
			t.Errorf("%v, want an error with the reason and the next step:\n%s", err, tail(out, 10))
		}
	})
}

func configOf(t *testing.T, img v1.Image) *v1.ConfigFile {
	t.Helper()
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func sameConfig(t *testing.T, want, got v1.Image) {
	t.Helper()
	a, err := want.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	b, err := got.RawConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(a), string(b)); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

// predicates are the types of all statements attached in a layout.
func predicates(t *testing.T, dir string) []string {
	t.Helper()
	l, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := l.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	var walk func(index v1.ImageIndex)
	walk = func(index v1.ImageIndex) {
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range manifest.Manifests {
			if d.MediaType.IsIndex() {
				inner, err := index.ImageIndex(d.Digest)
				if err != nil {
					t.Fatal(err)
				}
				walk(inner)
				continue
			}
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			m, err := img.Manifest()
			if err != nil {
				t.Fatal(err)
			}
			for _, layer := range m.Layers {
				if kind := layer.Annotations["in-toto.io/predicate-type"]; kind != "" {
					types = append(types, kind)
				}
			}
		}
	}
	walk(index)
	return types
}

// buildx is docker buildx, "" where it is not installed: Debian has no package of it.
func buildx() string {
	for _, name := range []string{os.Getenv("SLIM_TEST_BUILDX"), "docker-buildx", "/usr/libexec/docker/cli-plugins/docker-buildx",
		"/usr/lib/docker/cli-plugins/docker-buildx"} {
		if file, err := exec.LookPath(name); err == nil {
			return file
		}
	}
	return ""
}

// TestFrontendBake builds the example with docker buildx.
func TestFrontendBake(t *testing.T) {
	tool := buildx()
	if tool == "" {
		t.Skip("docker buildx is not installed: set SLIM_TEST_BUILDX to its program")
	}
	ref, address, dir := frontend(t), startBuildkitd(t), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../examples")); err != nil {
		t.Fatal(err)
	}
	prepare := exec.Command("sh", "./prepare.sh")
	prepare.Dir = filepath.Join(dir, "examples/hello")
	if out, err := prepare.CombinedOutput(); err != nil {
		t.Fatalf("prepare.sh: %v\n%s", err, out)
	}
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Dir = prepare.Dir
		cmd.Env = append(os.Environ(), "BUILDX_CONFIG="+filepath.Join(dir, "config"), "FRONTEND="+ref)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("buildx %q: %v\n%s", args, err, tail(string(out), 30))
		}
		return string(out)
	}
	run("create", "--name", "slim-test", "--driver", "remote", "--use", address)
	bake := []string{"bake", "-f", "../bake/docker-bake.hcl", "--allow=fs.read=..", "--progress", "plain"}
	run(append(bake, "--set", "full.output=type=oci,tar=false,dest=full", "--set", "slim.output=type=oci,tar=false,dest=slim")...)
	full, slim := readLayout(t, filepath.Join(prepare.Dir, "full")), readLayout(t, filepath.Join(prepare.Dir, "slim"))
	if labelsOf(t, full)[builder.LabelSlim] != "" || labelsOf(t, slim)[builder.LabelSlim] == "" {
		t.Error("want the image as it is, and the slim one")
	}
	run(append(bake, "artifacts")...)
	if _, err := os.Stat(filepath.Join(prepare.Dir, "profile/seccomp.json")); err != nil {
		t.Error(err)
	}
	if out := run("build", "--check", "--build-arg", "BUILDKIT_SYNTAX="+ref, "."); !strings.Contains(out, "no warnings") {
		t.Errorf("--check: %s", tail(out, 10))
	}
	attested := filepath.Join(t.TempDir(), "attested")
	run("build", "--sbom=true", "--build-arg", "BUILDKIT_SYNTAX="+ref, "--output", "type=oci,tar=false,name=a/b:1,dest="+attested, ".")
	if types := predicates(t, attested); !slices.Contains(types, "https://in-toto.io/attestation/test-result/v0.1") || !slices.Contains(types,
		"https://slsa.dev/provenance/v1") {
		t.Errorf("--sbom: attached are %v", types)
	}
}

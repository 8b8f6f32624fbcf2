package builder

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/containerd/platforms"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/builder/agent"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/statedir"
)

// TestAgentOfTheEngine gives builds engines of several architectures: each gets the agent of its own, and its own platform is the default.
func TestAgentOfTheEngine(t *testing.T) {
	agents := t.TempDir()
	for _, arch := range []string{"amd64", "arm64"} {
		if err := os.WriteFile(filepath.Join(agents, "slim-sensor-linux-"+arch), []byte("agent for "+arch), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("SLIM_AGENT", agents)
	t.Setenv(statedir.EnvVar, t.TempDir())
	amd64, arm64 := ocispecs.Platform{OS: "linux", Architecture: "amd64"}, ocispecs.Platform{OS: "linux", Architecture: "arm64"}
	for _, test := range []struct {
		engine             []ocispecs.Platform
		asked, image, want string
	}{
		{[]ocispecs.Platform{arm64}, "", "linux/arm64", "arm64"},
		{[]ocispecs.Platform{amd64, arm64}, "", "linux/amd64", "amd64"},
		{[]ocispecs.Platform{arm64, amd64}, "linux/amd64", "linux/amd64", "arm64"}, // a foreign image is analyzed by the engine's agent
		{nil, "", "linux/" + runtime.GOARCH, runtime.GOARCH},
	} {
		b, err := newBuild(Options{Engine: &engine.Engine{Platforms: test.engine}, Platform: test.asked,
			Dockerfile: &Dockerfile{Context: t.TempDir()}})
		if err != nil {
			t.Fatal(err)
		}
		if got := platforms.FormatAll(platforms.Normalize(b.platform)); got != test.image {
			t.Errorf("%v: the image is for %s, want %s", test.engine, got, test.image)
		}
		opt, err := b.solveOpt(t.Context(), Export{})
		if err != nil {
			t.Fatal(err)
		}
		f, err := opt.LocalMounts[agentMount].Open(agent.Name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err := f.Close(); err != nil || string(data) != "agent for "+test.want {
			t.Errorf("%v: the agent is %q, %v, want that for %s", test.engine, data, err, test.want)
		}
	}
}

func TestSplitMount(t *testing.T) {
	for _, test := range []struct{ system, spec, source, target string }{
		{"linux", "/srv/data:/data", "/srv/data", "/data"},
		{"linux", "data:/data:ro", "data", "/data"},
		{"linux", "C:/data:/x", "C", "/data:/x"},
		{"windows", `C:\data:/data`, `C:\data`, "/data"},
		{"windows", "C:/data:/data:ro", "C:/data", "/data"},
		{"windows", "data:/data", "data", "/data"},
		{"windows", "c:/data", "c:/data", ""},
	} {
		if source, target := splitMount(test.system, test.spec); source != test.source || target != test.target {
			t.Errorf("splitMount(%s, %q) = %q, %q, want %q, %q", test.system, test.spec, source, target, test.source, test.target)
		}
	}
}

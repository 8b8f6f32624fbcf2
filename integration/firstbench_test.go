//go:build e2e

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// threeBuilds are the builds of one image one after the other: with an empty cache, with another environment, and the same again.
var threeBuilds = []struct{ kind, env string }{{"first", "CHANGED=no"}, {"changed", "CHANGED=yes"}, {"unchanged", "CHANGED=yes"}}

// BenchmarkBuild is the processor time of the first build, of one with another environment, and of an unchanged one, of slim and its engine
// with all that they run. The unit is the processor time that tar needs to unpack the layers of the same image in the same run: the least
// that a tool does that has to look at the files.
func BenchmarkBuild(b *testing.B) {
	for _, app := range []string{"nginx", "flask"} {
		file := savedApp(b, app)
		for _, engine := range benchEngines() {
			b.Run(app+"/"+engine, func(b *testing.B) {
				for b.Loop() {
					unit := unpackTime(b, file)
					cost, ref := builds(b, engine), "docker-archive:"+file
					if engine == "docker" {
						ref = app
						command(b, "docker", "load", "--quiet", "--input", file)
					}
					for _, build := range threeBuilds {
						kind, spent := build.kind, cost(ref, "--env", build.env)
						b.ReportMetric(spent.Seconds(), kind+"-cpu-s")
						b.ReportMetric(float64(spent)/float64(unit), kind+"/tar")
					}
					b.ReportMetric(0, "ns/op")
				}
			})
		}
	}
}

// benchEngines are the engines that are measured: that of Docker where docker-engine.sh has started one.
func benchEngines() []string {
	engines := []string{"embedded", "buildkitd"}
	if os.Getenv("SLIM_TEST_DOCKER_STORE") != "" {
		engines = append(engines, "docker")
	}
	return engines
}

// savedApp is an application as an archive of docker save.
func savedApp(b *testing.B, app string) string {
	b.Helper()
	file := filepath.Join(b.TempDir(), app+".tar")
	tag, err := name.NewTag(app)
	if err == nil {
		err = tarball.WriteToFile(file, tag, layoutImage(b, loadApp(b, app).ref))
	}
	if err != nil {
		b.Fatal(err)
	}
	return file
}

// unpackTime is the processor time that tar needs for the layers of an archive.
func unpackTime(b *testing.B, file string) time.Duration {
	b.Helper()
	img, err := tarball.ImageFromPath(file, nil)
	if err != nil {
		b.Fatal(err)
	}
	layers := mutate.Extract(img)
	defer layers.Close()
	cmd := exec.Command("tar", "-x", "-C", b.TempDir())
	cmd.Stdin = layers
	timed(b, cmd)
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// builds returns a function that builds with an engine whose cache was empty at first, and returns the processor time.
func builds(b *testing.B, engine string) func(args ...string) time.Duration {
	b.Helper()
	cache, dest := filepath.Join(b.TempDir(), "cache"), []string{"--output", "type=oci,dest=" + filepath.Join(b.TempDir(), "out.tar")}
	address, daemon := engine, func() time.Duration { return 0 }
	switch engine {
	case "buildkitd":
		socket, process := startWorker(b)
		address, daemon = "unix://"+socket, func() time.Duration { return processorTime(b, process.Pid) }
	case "docker":
		dest = []string{"--load", "--tag", "bench-slim"}
		daemon = func() time.Duration { return dockerTime(b) }
	}
	return func(args ...string) time.Duration {
		before := daemon()
		cmd := exec.Command(slimBinary, slices.Concat([]string{"build", "--engine", address, "--progress", "quiet"}, dest, args)...)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+cache, "BUILDKIT_HOST=")
		timed(b, cmd)
		return daemon() - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
}

// dockerTime is the processor time of the Docker engine of docker-engine.sh and of its containerd, with the processes that they waited for.
func dockerTime(b *testing.B) (total time.Duration) {
	b.Helper()
	dir := filepath.Dir(strings.TrimPrefix(os.Getenv("DOCKER_HOST"), "unix://"))
	for _, name := range []string{"pid", "exec/containerd/containerd.pid"} {
		pid, err := strconv.Atoi(strings.TrimSpace(read(b, filepath.Join(dir, name))))
		if err != nil {
			b.Fatal(err)
		}
		total += processorTime(b, pid)
	}
	return total
}

// BenchmarkTogether is four builds at once with one embedded engine against the same four with one buildkitd, both with empty caches.
func BenchmarkTogether(b *testing.B) {
	refs := make([]string, 4)
	for i := range refs {
		img, err := mutate.AppendLayers(smallImage(b), filesLayer(b, map[string][]byte{"data/own.txt": fmt.Append(nil, i)}))
		if err != nil {
			b.Fatal(err)
		}
		refs[i] = addToLayout(b, fmt.Sprintf("together-%d", i), img, smallConfig)
	}
	together := func(engine string) time.Duration {
		build := builds(b, engine)
		start := time.Now()
		var all sync.WaitGroup
		for _, ref := range refs {
			all.Go(func() { build(ref) })
		}
		all.Wait()
		return time.Since(start)
	}
	for b.Loop() {
		daemon := together("buildkitd")
		b.ReportMetric(daemon.Seconds(), "buildkitd-s")
		report(b, "embedded/buildkitd", float64(together("embedded"))/float64(daemon), 1.5)
	}
}

// BenchmarkPeer is the time of the same three builds from Docker into Docker against one build of SlimToolkit, in the same run.
// SLIM_TEST_PEER names SlimToolkit's program, and SLIM_TEST_PEER_IMAGES images that Docker has; without those it loads its own.
func BenchmarkPeer(b *testing.B) {
	peer := os.Getenv("SLIM_TEST_PEER")
	if peer == "" {
		b.Skip("SLIM_TEST_PEER names no program")
	}
	images := strings.Fields(os.Getenv("SLIM_TEST_PEER_IMAGES"))
	if len(images) == 0 {
		for _, app := range []string{"nginx", "flask"} {
			command(b, "docker", "load", "--quiet", "--input", savedApp(b, app))
			images = append(images, app)
		}
	}
	for _, image := range images {
		b.Run(strings.ReplaceAll(image, "/", "-"), func(b *testing.B) {
			for b.Loop() {
				againstPeer(b, peer, image)
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

func againstPeer(b *testing.B, peer, image string) {
	b.Helper()
	cmd := exec.Command(peer, "--in-container=false", "build", "--target", image, "--tag", "bench-peer", "--continue-after", "probe")
	cmd.Dir = b.TempDir() // where it writes its report
	unit := timed(b, cmd)
	b.ReportMetric(unit.Seconds(), "peer-s")
	cache := filepath.Join(b.TempDir(), "cache")
	for _, build := range threeBuilds {
		cmd := exec.Command(slimBinary, "build", "docker:"+image, "--progress", "quiet", "--load", "--tag", "bench-slim", "--env", build.env)
		cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+cache, "BUILDKIT_HOST=")
		b.ReportMetric(float64(timed(b, cmd))/float64(unit), build.kind+"/peer")
	}
}

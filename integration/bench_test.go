//go:build e2e

package integration

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
)

// The benchmarks print ratios of two things measured in the same run; docs/performance.md says what each may be.

// best is the shortest time of some runs of f: other work on the machine only makes a run longer.
func best(runs int, f func() time.Duration) time.Duration {
	shortest := f()
	for range runs - 1 {
		shortest = min(shortest, f())
	}
	return shortest
}

func report(b *testing.B, name string, ratio, target float64) {
	b.ReportMetric(ratio, name)
	b.ReportMetric(target, "target")
	b.ReportMetric(0, "ns/op")
	if ratio > target {
		b.Logf("%s is %.2f, above the target %.2f", name, ratio, target)
	}
}

// BenchmarkObserve is how much longer a program takes while it is observed.
func BenchmarkObserve(b *testing.B) {
	root := worldRoot(b)
	for _, test := range []struct {
		name   string
		target float64
		argv   []string
	}{
		{"python", 1.5, []string{"python3", "-c", "import flask, django"}},
		{"node", 1.5, []string{"node", "-e", "require('http'); require('crypto')"}},
		{"nginx, ten times", 1.5, []string{"sh", "-c", "for i in 0 1 2 3 4 5 6 7 8 9; do nginx -t; done"}},
		{"find", 8, []string{"find", "/", "-xdev"}},
	} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				plain := best(5, func() time.Duration { return timed(b, exec.Command("chroot", append([]string{root}, test.argv...)...)) })
				bare := best(5, func() time.Duration { return timed(b, sensorIn(b, root, test.argv, false)) })
				traced := best(5, func() time.Duration { return timed(b, sensorIn(b, root, test.argv, true)) })
				// The agent's own start and end, which do not grow with the program, are in both of its times.
				report(b, "observed/plain", float64(plain+traced-bare)/float64(plain), test.target)
			}
		})
	}
}

// worldRoot unpacks the root filesystem of most tests, once, with the agent in it.
func worldRoot(b *testing.B) string {
	b.Helper()
	root := filepath.Join(cacheDir(b), "bench-root")
	if _, err := os.Stat(filepath.Join(root, ".done")); err != nil {
		if err := os.MkdirAll(root, 0o755); err != nil {
			b.Fatal(err)
		}
		command(b, "tar", "-xf", worldFile(b, "base"), "-C", root)
		command(b, "mkdir", "-p", filepath.Join(root, ".slim"), filepath.Join(root, "proc"))
		command(b, "touch", filepath.Join(root, ".done"))
	}
	command(b, "cp", filepath.Join(agentDir, "slim-sensor-linux-"+runtime.GOARCH), filepath.Join(root, ".slim", "sensor"))
	return root
}

func command(b testing.TB, name string, args ...string) {
	b.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		b.Fatalf("%s %q: %v\n%s", name, args, err, tail(string(out), 10))
	}
}

// sensorIn runs a program in root under the agent, in a process namespace of its own.
func sensorIn(b *testing.B, root string, argv []string, trace bool) *exec.Cmd {
	b.Helper()
	job := analyzer.Job{Schema: analyzer.JobSchema, Image: "sha256:0", Platform: "linux/" + runtime.GOARCH, Name: "bench", Timeout: 120,
		Trace:   trace,
		Process: analyzer.Entry{Argv: argv, Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}}
	data, err := json.Marshal(job)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, ".slim", "job.json"), data, 0o644); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `mount -t proc proc "$0/proc" &&
		exec chroot "$0" /.slim/sensor observe --job /.slim/job.json --out /.slim/evidence.json`, root)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}

func timed(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%q: %v\n%s", cmd.Args, err, tail(out.String(), 10))
	}
	return time.Since(start)
}

// BenchmarkRebuild is the second build of an unchanged input against the first, with a cache that was empty before.
func BenchmarkRebuild(b *testing.B) {
	a := loadApp(b, "flask")
	for b.Loop() {
		env := []string{"SLIM_CACHE=" + filepath.Join(b.TempDir(), "cache")}
		build := func() time.Duration {
			start := time.Now()
			if out := slimEnv(b, env, "build", a.ref, "--output", "type=oci,dest="+filepath.Join(b.TempDir(), "a.tar"), "--progress",
				"quiet"); out.code != 0 {
				b.Fatalf("exit code %d\n%s", out.code, tail(out.stderr, 20))
			}
			return time.Since(start)
		}
		first := build()
		report(b, "second/first", float64(best(3, build))/float64(first), 0.15)
	}
}

// BenchmarkMemory is the peak memory of slim, with all its children, for an image of 1.5 GB against one of 250 MB.
func BenchmarkMemory(b *testing.B) {
	small, large := grown(b, "memory-small", 250), grown(b, "memory-large", 1500)
	for b.Loop() {
		peak := func(ref string) float64 {
			cmd := exec.Command(slimBinary, "build", ref, "--output", "type=oci,dest="+filepath.Join(b.TempDir(), "a.tar"), "--progress", "quiet")
			cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(b.TempDir(), "cache"), "SLIM_ENGINE=embedded",
				"BUILDKIT_HOST=")
			timed(b, cmd)
			return float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1e3 // in kilobytes: getrusage(2)
		}
		before, after := peak(small), peak(large)
		b.ReportMetric(after, "MB")
		report(b, "1500MB/250MB", after/before, 1.2)
	}
}

// grown is an application with so many megabytes of data that do not compress.
func grown(b *testing.B, name string, megabytes int) string {
	b.Helper()
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return randomTar(megabytes), nil })
	if err != nil {
		b.Fatal(err)
	}
	img, err := mutate.AppendLayers(smallImage(b), layer)
	if err != nil {
		b.Fatal(err)
	}
	return addToLayout(b, name, img, smallConfig)
}

// randomTar streams files of 1 MB; 10 of them are the application's, the rest lies where a package manager's cache does.
func randomTar(megabytes int) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		t := tar.NewWriter(w)
		random := rand.NewChaCha8([32]byte{1})
		for i := range megabytes {
			dir := "var/cache/apt/archives"
			if i < 10 {
				dir = "srv/data"
			}
			if err := t.WriteHeader(&tar.Header{Name: fmt.Sprintf("%s/%04d", dir, i), Mode: 0o644, Size: 1e6}); err != nil {
				w.CloseWithError(err)
				return
			}
			if _, err := io.CopyN(t, random, 1e6); err != nil {
				w.CloseWithError(err)
				return
			}
		}
		w.CloseWithError(t.Close())
	}()
	return r
}

// BenchmarkAnalyze is the time of the analyze step against the observed run, and how it grows with the image.
func BenchmarkAnalyze(b *testing.B) {
	for _, name := range []string{"flask", "django", "express-debian", "php", "ruby", "graphviz", "rscript"} {
		b.Run(name, func(b *testing.B) {
			a := loadApp(b, name)
			for b.Loop() {
				steps := stepTimes(b, a.ref)
				report(b, "analyze/observe", float64(steps["[slim] analyze"])/float64(steps["[slim] observe"]), 1)
			}
		})
	}
	b.Run("size", func(b *testing.B) {
		for b.Loop() {
			analyze := func(ref string) time.Duration {
				return best(3, func() time.Duration { return stepTimes(b, ref)["[slim] analyze"] })
			}
			small, large := analyze(manyFiles(b, "files-small", 20_000)), analyze(manyFiles(b, "files-large", 128_000))
			report(b, "growth/linear", float64(large)/float64(small)/6.4, 1)
		}
	})
}

// manyFiles is an image with so many small files that a package manager's cache would hold, as large images have more files.
func manyFiles(b *testing.B, name string, count int) string {
	b.Helper()
	files := map[string][]byte{}
	for i := range count {
		files[fmt.Sprintf("srv/data/%03d/%03d/f%d.txt", i/10_000, i/100%100, i)] = []byte("x")
	}
	img, err := mutate.AppendLayers(smallImage(b), filesLayer(b, files))
	if err != nil {
		b.Fatal(err)
	}
	return addToLayout(b, name, img, smallConfig)
}

// stepTimes are the durations of BuildKit's steps, by name, in a build with an empty cache.
func stepTimes(b *testing.B, ref string) map[string]time.Duration {
	b.Helper()
	env := []string{"SLIM_CACHE=" + filepath.Join(b.TempDir(), "cache")}
	out := slimEnv(b, env, "analyze", ref, "--progress", "rawjson")
	if out.code != 0 {
		b.Fatalf("exit code %d\n%s", out.code, tail(out.stderr, 20))
	}
	steps := map[string]time.Duration{}
	lines := bufio.NewScanner(strings.NewReader(out.stderr))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var status struct {
			Vertexes []struct {
				Digest             digest.Digest
				Name               string
				Started, Completed *time.Time
			}
		}
		if json.Unmarshal(lines.Bytes(), &status) != nil {
			continue
		}
		for _, v := range status.Vertexes {
			if v.Started != nil && v.Completed != nil && v.Digest.Algorithm() == digest.SHA256 {
				steps[v.Name] = max(steps[v.Name], v.Completed.Sub(*v.Started))
			}
		}
	}
	if steps["[slim] analyze"] == 0 || steps["[slim] observe"] == 0 {
		b.Fatalf("no times of the steps in %.2000q", out.stderr)
	}
	return steps
}

//go:build e2e

package integration

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// batchResult is slim's JSON result of --all, as far as the tests read it.
type batchResult struct {
	Images []struct {
		Name, State, Error string
		ExitCode           int
		Written            []string
	}
}

// states are the names of the images in each state, sorted.
func (r batchResult) states() map[string][]string {
	found := map[string][]string{}
	for _, image := range r.Images {
		found[image.State] = append(found[image.State], image.Name)
	}
	for _, names := range found {
		slices.Sort(names)
	}
	return found
}

// manyImages puts so many small images, each with a file of its own, into the shared layout, and writes a file for --all that
// builds them into out.
func manyImages(t testing.TB, count int, out string) string {
	t.Helper()
	text := "defaults:\n  no-attest: true\nimages:\n"
	for i := range count {
		img, err := mutate.AppendLayers(smallImage(t),
			filesLayer(t, map[string][]byte{fmt.Sprintf("data/own-%d.txt", i): fmt.Appendf(nil, "%d in %s", i, out)}))
		if err != nil {
			t.Fatal(err)
		}
		ref := addToLayout(t, fmt.Sprintf("many-%d", i), img, smallConfig)
		text += fmt.Sprintf("  - image: %s\n    name: app-%02d\n    output: type=oci,tar=false,dest=%s/%d\n", ref, i, out, i)
	}
	file := filepath.Join(out, "images.yaml")
	write(t, file, text)
	return file
}

// complete checks that every image is in the output and has its own file.
func complete(t testing.TB, out string, count int) {
	t.Helper()
	for i := range count {
		has(t, readLayout(t, filepath.Join(out, fmt.Sprint(i))), "/server", fmt.Sprintf("/data/own-%d.txt", i))
	}
	parts, _ := filepath.Glob(filepath.Join(out, ".*part-*"))
	if len(parts) > 0 {
		t.Errorf("half-written files are left: %v", parts)
	}
}

// Twenty images at once over one buildkitd: none is lost, one that cannot be opened is named, and a second run only builds that one.
func TestBatch(t *testing.T) {
	const count = 20
	out := t.TempDir()
	file := manyImages(t, count, out)
	write(t, file, read(t, file)+"  - {image: 'oci:"+out+"/nowhere', name: broken}\n")
	build := func(args ...string) (batchResult, output) {
		t.Helper()
		var result batchResult
		got := slim(t, append([]string{"build", "--all", file, "--engine", startOnce(t), "--jobs", "20", "--format", "json", "--progress",
			"plain"}, args...)...)
		decode(t, got.stdout, &result)
		return result, got
	}
	first, got := build()
	if states := first.states(); got.code != 1 || len(states["done"]) != count || !slices.Equal(states["failed"], []string{"broken"}) {
		t.Fatalf("exit code %d, states %v\n%s", got.code, states, tail(got.stderr, 60))
	}
	complete(t, out, count)
	for _, line := range strings.Split(strings.TrimSpace(got.stderr), "\n") {
		if !strings.HasPrefix(line, "slim: ") {
			t.Errorf("progress holds %q, want slim's own lines alone", line)
		}
	}
	if want := "21 images failed: broken"; !strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, "app-07: done, ") {
		t.Errorf("no %q or no line of app-07:\n%s", want, tail(got.stderr, 40))
	}
	if err := os.RemoveAll(filepath.Join(out, "3")); err != nil {
		t.Fatal(err)
	}
	second, got := build("--resume")
	if states := second.states(); got.code != 1 || !slices.Equal(states["done"], []string{"app-03"}) || len(states["before"]) != count-1 ||
		len(states["failed"]) != 1 {
		t.Errorf("exit code %d, states %v, want the one whose result is gone built\n%s", got.code, states, tail(got.stderr, 40))
	}
	complete(t, out, count)
}

// startOnce is a buildkitd for one test, started by the first caller.
func startOnce(t testing.TB) string {
	t.Helper()
	if daemons[t.Name()] == "" {
		daemons[t.Name()] = startBuildkitd(t)
	}
	return daemons[t.Name()]
}

var daemons = map[string]string{}

// One of two workers behind an address is killed in the middle: its images are named, the rest complete, and a second run
// builds only what is missing.
func TestBatchKilledWorker(t *testing.T) {
	const count = 10
	out := t.TempDir()
	file := manyImages(t, count, out)
	first, victim := startWorker(t)
	second, _ := startWorker(t)
	pool := balance(t, first, second)
	address := pool.address
	killed := make(chan bool, 1)
	go func() {
		defer close(killed)
		for range 1200 { // the middle: two images are done, and the worker is at one
			if data, _ := os.ReadFile(file + ".state.json"); strings.Count(string(data), `"state": "done"`) >= 2 && pool.busy(first) {
				killed <- victim.Kill() == nil
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	var result batchResult
	got := slim(t, "build", "--all", file, "--engine", address, "--jobs", "4", "--format", "json", "--progress", "plain")
	if !<-killed {
		t.Fatalf("no worker was killed\n%s", tail(got.stderr, 40))
	}
	decode(t, got.stdout, &result)
	states := result.states()
	failed := states["failed"]
	if got.code != 1 || len(failed) == 0 || len(failed) > 4 || len(states["done"]) != count-len(failed) {
		t.Fatalf("exit code %d, states %v, want the killed worker's images failed and the rest done\n%s", got.code, states, tail(got.stderr, 60))
	}
	if !strings.Contains(got.stderr, "images failed: "+strings.Join(failed, ", ")) {
		t.Errorf("%v are not named:\n%s", failed, tail(got.stderr, 20))
	}
	got = slim(t, "build", "--all", file, "--engine", address, "--resume", "--format", "json", "--progress", "plain")
	decode(t, got.stdout, &result)
	if states := result.states(); got.code != 0 || !slices.Equal(states["done"], failed) || len(states["before"]) != count-len(failed) {
		t.Errorf("second run: exit code %d, states %v, want %v done\n%s", got.code, states, failed, tail(got.stderr, 40))
	}
	complete(t, out, count)
}

// balancer listens on one address and forwards each connection to the next of several sockets that answers, like a Kubernetes Service.
type balancer struct {
	address string
	mu      sync.Mutex
	next    int
	open    map[net.Conn]connection
}

type connection struct {
	socket string
	since  time.Time
}

func balance(t *testing.T, sockets ...string) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	b := &balancer{address: "tcp://" + listener.Addr().String(), open: map[net.Conn]connection{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go b.forward(client, sockets)
		}
	}()
	return b
}

func (b *balancer) forward(client net.Conn, sockets []string) {
	defer client.Close()
	server, err := net.Conn(nil), error(nil)
	for range sockets {
		b.mu.Lock()
		b.next++
		socket := sockets[b.next%len(sockets)]
		b.mu.Unlock()
		if server, err = net.Dial("unix", socket); err == nil {
			b.mu.Lock()
			b.open[server] = connection{socket, time.Now()}
			b.mu.Unlock()
			break
		}
	}
	if err != nil {
		return
	}
	defer func() {
		server.Close()
		b.mu.Lock()
		delete(b.open, server)
		b.mu.Unlock()
	}()
	go func() {
		io.Copy(server, client)
		server.Close()
	}()
	io.Copy(client, server)
}

// busy says whether a worker began an image a moment ago, which takes longer.
func (b *balancer) busy(socket string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.open {
		if age := time.Since(c.since); c.socket == socket && age > 200*time.Millisecond && age < time.Second {
			return true
		}
	}
	return false
}

// An interrupt in the middle keeps the finished images, and leaves no partial files.
func TestBatchInterrupted(t *testing.T) {
	const count = 4
	out := t.TempDir()
	file := manyImages(t, count, out)
	args := []string{"build", "--all", file, "--jobs", "2", "--progress", "plain"}
	cmd := exec.Command(slimBinary, args...)
	cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(cacheDir(t), "slim"), "SLIM_ENGINE=embedded",
		"BUILDKIT_HOST=")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range 1200 {
		if data, _ := os.ReadFile(file + ".state.json"); len(data) > 0 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.Contains(stderr.String(), "slim: cancelled") {
		t.Errorf("exit code %d, want 130:\n%s", code, tail(stderr.String(), 20))
	}
	got := mustSlim(t, append(args, "--resume")...)
	if !strings.Contains(got.stderr, "done by an earlier run") {
		t.Errorf("the second run began afresh:\n%s", tail(got.stderr, 20))
	}
	complete(t, out, count)
}

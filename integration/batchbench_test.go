//go:build e2e

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkBatch is what many images at once cost one buildkitd with an empty cache: time, processor time and memory. The processor
// time is that of buildkitd, of all that it ran, and of slim; it tells more than the time where the machine does other work, too.
func BenchmarkBatch(b *testing.B) {
	for _, test := range []struct{ images, jobs int }{{1, 1}, {5, 4}, {10, 4}, {20, 4}, {20, 20}} {
		b.Run(fmt.Sprintf("images=%d/jobs=%d", test.images, test.jobs), func(b *testing.B) {
			for b.Loop() {
				out := b.TempDir()
				file := manyImages(b, test.images, out)
				socket, daemon := startWorker(b)
				before := processorTime(b, daemon.Pid)
				cmd := exec.Command(slimBinary, "build", "--all", file, "--engine", "unix://"+socket, "--jobs", strconv.Itoa(test.jobs), "--progress",
					"quiet")
				cmd.Env = append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(b.TempDir(), "cache"), "BUILDKIT_HOST=")
				took := timed(b, cmd)
				spent := processorTime(b, daemon.Pid) - before + cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				b.ReportMetric(took.Seconds()/float64(test.images), "s/image")
				b.ReportMetric(spent.Seconds()/float64(test.images), "cpu-s/image")
				b.ReportMetric(peakMemory(b, daemon.Pid), "buildkitd-MB")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}

// processorTime is that of a process and of all children that it has waited for (proc_pid_stat(5): utime to cstime, in hundredths
// of a second).
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	_, rest, ok := strings.Cut(read(b, fmt.Sprintf("/proc/%d/stat", pid)), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 15 {
		b.Fatalf("/proc/%d/stat = %q", pid, rest)
	}
	var total int64
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += n
	}
	return time.Duration(total) * time.Second / 100
}

// peakMemory is the most that a process has held, in MB (proc_pid_status(5): VmHWM).
func peakMemory(b *testing.B, pid int) float64 {
	b.Helper()
	for line := range strings.Lines(read(b, fmt.Sprintf("/proc/%d/status", pid))) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				b.Fatal(err)
			}
			return kb / 1e3
		}
	}
	b.Fatalf("no VmHWM of %d", pid)
	return 0
}

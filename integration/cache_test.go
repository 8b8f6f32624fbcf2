//go:build e2e

package integration

import (
	"path/filepath"
	"testing"
)

// What BuildKit's cache exports: a machine that imports it does not run the original again. The slim image it checks again, because
// nothing of its result comes from that.
func TestCacheExported(t *testing.T) {
	ref, cache := small(t), filepath.Join(t.TempDir(), "cache")
	probe := filepath.Join(t.TempDir(), "probe.yaml")
	write(t, probe, "- get: /now\n")
	run := func(args ...string) string {
		t.Helper()
		evidence := t.TempDir()
		fresh(t, append([]string{ref, "--probe", probe, "--artifacts", evidence}, args...)...)
		return read(t, filepath.Join(evidence, "evidence.json"))
	}
	first := run("--cache-to", "type=local,mode=max,dest="+cache)
	if again := run("--cache-from", "type=local,src="+cache); again != first {
		t.Error("the evidence is another: the application, which answers with the time, was run again")
	}
	if other := run(); other == first {
		t.Error("without the cache the evidence is the same: this test shows nothing")
	}
}

//go:build e2e

package integration

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// TestAttackHostServices: a service of this machine must get no request from the probes where the runs share its network, and none from the
// RUN steps of a Dockerfile unless the user has given them that network.
func TestAttackHostServices(t *testing.T) {
	var requests atomic.Int64
	service := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer service.Close()
	_, text, _ := strings.Cut(strings.TrimPrefix(service.URL, "http://"), ":")
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("probes", func(t *testing.T) {
		result, _ := built(t, small(t), "--network", "host")
		listen := result.Evidence.Runs[0].Listen
		has := func(number int) bool {
			return slices.ContainsFunc(listen, func(s analyzer.Socket) bool { return s.Port == number })
		}
		if n := requests.Load(); n != 0 || has(port) || !has(8080) {
			t.Errorf("%d requests to a service of this machine on port %d; the application listens on %+v, want 8080 alone", n, port, listen)
		}
	})
	t.Run("RUN", func(t *testing.T) {
		context := t.TempDir()
		file := filepath.Join(context, "Dockerfile")
		fetch := `RUN ["/server", "fetch", "` + service.URL + `/delete"]`
		for _, err := range []error{os.WriteFile(filepath.Join(context, "server"), smallFiles(t)["server"], 0o755),
			os.WriteFile(file, []byte("FROM scratch\nCOPY server /server\n"+fetch+"\nENTRYPOINT [\"/server\"]\n"), 0o644)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		refused(t, 1, "building "+file, "-f", file, context)
		refused(t, 1, "building "+file, "-f", file, context, "--build-network", "none")
		if n := requests.Load(); n != 0 {
			t.Errorf("RUN made %d requests to a service of this machine, want 0", n)
		}
		mustSlim(t, "observe", "-f", file, context, "--build-network", "host", "-o", filepath.Join(t.TempDir(), "evidence.json"))
		if n := requests.Load(); n != 1 {
			t.Errorf("RUN made %d requests with --build-network host, want 1", n)
		}
	})
}

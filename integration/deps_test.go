package integration

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/slimimage/slim"

// arrow is the one direction of imports: what each part of slim must never link, directly or through another package.
var arrow = []struct {
	pkg    string // pattern for go list
	banned []string
	why    string
}{
	{"./cmd/slim-sensor", []string{"github.com/moby/buildkit", "github.com/urfave/cli", "github.com/containerd/containerd",
		module + "/builder"}, "the agent stays small"},
	{"./analyzer/...", []string{"github.com/moby/buildkit", "github.com/urfave/cli", module + "/builder", module + "/cmd"},
		"the analyzer knows no BuildKit"},
	{"./layers/...", []string{"github.com/moby/buildkit", "github.com/urfave/cli", module + "/analyzer", module + "/builder", module + "/cmd"},
		"layers is the lowest package"},
	{"./builder/...", []string{"github.com/urfave/cli", module + "/cmd"}, "the command line is a user of builder"},
}

// TestImportArrow checks the direction of imports and names the package that violates it.
func TestImportArrow(t *testing.T) {
	for _, rule := range arrow {
		for _, line := range list(t, `{{.ImportPath}} {{join .Deps ","}}`, rule.pkg) {
			pkg, deps, _ := strings.Cut(line, " ")
			for _, dep := range strings.Split(deps, ",") {
				if banned := under(dep, rule.banned); banned != "" {
					t.Errorf("%s links %s, and must not link %s: %s", pkg, dep, banned, rule.why)
				}
			}
		}
	}
}

// TestBuildKitHome checks that only builder/... and the command line import BuildKit.
func TestBuildKitHome(t *testing.T) {
	homes := []string{module + "/builder", module + "/cmd/slim", module + "/cmd/slim-frontend", module + "/integration"}
	for _, line := range list(t, `{{.ImportPath}} {{join .Imports ","}}`, "./...") {
		pkg, imports, _ := strings.Cut(line, " ")
		if under(pkg, homes) != "" {
			continue
		}
		for _, dep := range strings.Split(imports, ",") {
			if under(dep, []string{"github.com/moby/buildkit"}) != "" {
				t.Errorf("%s imports %s: BuildKit lives in builder/... and cmd/slim", pkg, dep)
			}
		}
	}
}

// TestClients checks that slim for systems that run no containers links none of what runs them.
func TestClients(t *testing.T) {
	const buildkit, containerd = "github.com/moby/buildkit/", "github.com/containerd/containerd/v2/"
	engine := []string{
		buildkit + "control", buildkit + "worker", buildkit + "cache", buildkit + "snapshot", buildkit + "executor/runcexecutor",
		buildkit + "solver/llbsolver/ops", containerd + "core/snapshots", containerd + "core/mount", containerd + "plugins/snapshots",
		"github.com/containerd/go-runc", "github.com/containerd/go-cni", "github.com/opencontainers/runc", module + "/analyzer/trace",
	}
	for _, system := range []string{"linux", "darwin", "windows"} {
		linked := 0
		for _, line := range listFor(t, system, `{{join .Deps ","}}`, "./cmd/slim") {
			for _, dep := range strings.Split(line, ",") {
				if under(dep, engine) == "" {
					continue
				}
				if linked++; system != "linux" {
					t.Errorf("slim for %s links %s", system, dep)
				}
			}
		}
		if system == "linux" && linked < 10 {
			t.Errorf("slim for linux links %d packages of the engine: the list is not that of its packages", linked)
		}
	}
}

// list runs go list for linux in the module's root and returns its lines.
func list(t *testing.T, format, pattern string) []string {
	t.Helper()
	return listFor(t, "linux", format, pattern)
}

func listFor(t *testing.T, system, format, pattern string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-f", format, pattern)
	cmd.Dir = ".."
	cmd.Env = append(cmd.Environ(), "GOOS="+system, "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", pattern, err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// under returns the first of prefixes that dep is or lies below (a package path, whole elements), "" for none.
func under(dep string, prefixes []string) string {
	for _, prefix := range prefixes {
		if dep == prefix || strings.HasPrefix(dep, prefix+"/") {
			return prefix
		}
	}
	return ""
}

//go:build e2e

package integration

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

var update = flag.Bool("update", false, "record the evidence and the plans of testdata/plans again")

// TestPlans: from fixed evidence, the analyzer makes the recorded plan. What a Debian update changes is left out of the comparison:
// versions, sizes and the minor numbers of libraries.
func TestPlans(t *testing.T) {
	for _, name := range []string{"lua", "memcached", "shell", "tcl"} {
		t.Run(name, func(t *testing.T) {
			a := loadApp(t, name)
			evidence := filepath.Join("testdata", "plans", name+".evidence.json")
			golden := filepath.Join("testdata", "plans", name+".plan.txt")
			if *update {
				recordEvidence(t, a, evidence)
			}
			got := planText(analyzed(t, a.ref, evidence).Plan)
			if again := planText(analyzed(t, a.ref, evidence).Plan); again != got {
				t.Errorf("a second analysis differs (-first +second):\n%s", cmp.Diff(got, again))
			}
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("plan of %s (-want +got); -update records it again:\n%s", name, diff)
			}
		})
	}
}

// recordEvidence observes an application and writes its evidence without the digest of the image, which every Debian update changes.
func recordEvidence(t *testing.T, a app, file string) {
	t.Helper()
	mustSlim(t, "observe", a.ref, "-o", file, "--progress", "plain")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	evidence, err := analyzer.ReadEvidence(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	evidence.Image = ""
	var out bytes.Buffer
	if err := evidence.Write(&out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// analyzed is the result of slim analyze with recorded evidence.
func analyzed(t *testing.T, ref, evidence string) builder.Result {
	t.Helper()
	var result builder.Result
	decode(t, mustSlim(t, "analyze", ref, "--evidence", evidence, "--format", "json", "--progress", "plain").stdout, &result)
	if result.Plan == nil || len(result.Plan.Files) == 0 {
		t.Fatalf("slim analyze %s made no plan", ref)
	}
	return result
}

// libraryVersion is the part of a library's file name that an update of its package changes: "libssl.so.3.0.17", "libfoo-2.36.so".
var libraryVersion = regexp.MustCompile(`(\.so|-)[.0-9]+(\.so)?\b`)

// planText writes a plan as text, one line a fact: the user, the layers, what is writable, the packages, and each file with what the plan
// changes of it and why it is kept. Package records and copyright files are left out: they follow from the packages.
func planText(plan *analyzer.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "user %d:%d %s\n", plan.User.UID, plan.User.GID, plan.User.Reason)
	for _, layer := range plan.Layers {
		fmt.Fprintf(&b, "layer %s\n", layer.Name)
	}
	for _, dir := range plan.Writable {
		fmt.Fprintf(&b, "writable /%s\n", dir)
	}
	for _, pkg := range plan.Packages {
		fmt.Fprintf(&b, "package %s\n", libraryVersion.ReplaceAllString(pkg.Name, "$1"))
	}
	for _, file := range plan.Files {
		name := string(file.Path)
		if file.Kind == "dir" || strings.HasPrefix(name, "var/lib/dpkg/") || strings.HasPrefix(name, "usr/share/doc/") ||
			strings.HasPrefix(name, "usr/share/zoneinfo/") || strings.HasPrefix(name, "etc/ssl/certs/") ||
			strings.HasPrefix(name, "usr/share/ca-certificates/") {
			continue
		}
		line := file.Kind + " /" + name
		if file.Mode != nil {
			line += fmt.Sprintf(" mode=%o", *file.Mode)
		}
		if file.UID != nil {
			line += fmt.Sprintf(" uid=%d", *file.UID)
		}
		for _, reason := range file.Reasons {
			line += "; " + reason.String()
		}
		b.WriteString(libraryVersion.ReplaceAllString(line, "$1") + "\n")
	}
	return b.String()
}

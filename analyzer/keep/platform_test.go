package keep

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// Evidence of amd64 tells what is kept of the image for arm64: names of the architecture are the other's where it has them.
func TestTranslate(t *testing.T) {
	there := map[string]bool{"usr/lib/aarch64-linux-gnu/libz.so.1": true, "usr/lib/ld-linux-aarch64.so.1": true, "etc/passwd": true,
		"usr/bin/app": true, "opt/x64/both": true, "opt/arm64": true}
	seen := &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:a", Platform: "linux/amd64",
		Paths: []analyzer.PathUse{
			{Path: "etc/passwd", Ops: []analyzer.Op{analyzer.OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "opt/x64/both", Ops: []analyzer.Op{analyzer.OpOpen}},
			{Path: "usr/lib/x86_64-linux-gnu/glibc-hwcaps", Ops: []analyzer.Op{analyzer.OpStat}},
			{Path: "usr/lib/x86_64-linux-gnu/libz.so.1", Ops: []analyzer.Op{analyzer.OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "usr/lib64/ld-linux-x86-64.so.2", Ops: []analyzer.Op{analyzer.OpInterp}},
			{Path: "var/cache/made", Ops: []analyzer.Op{analyzer.OpCreate}},
		},
		Processes: []analyzer.Process{{Exe: "usr/bin/app", Argv: []string{"app"}, UID: 33}}}
	got := translate(seen, "sha256:b", "linux/arm64/v8", func(name string) bool { return there[name] })
	want := &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:b", Platform: "linux/arm64/v8", Runs: []analyzer.Run{},
		Paths: []analyzer.PathUse{
			{Path: "etc/passwd", Ops: []analyzer.Op{analyzer.OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "opt/x64/both", Ops: []analyzer.Op{analyzer.OpOpen}},
			{Path: "usr/lib/aarch64-linux-gnu/libz.so.1", Ops: []analyzer.Op{analyzer.OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "usr/lib/ld-linux-aarch64.so.1", Ops: []analyzer.Op{analyzer.OpInterp}},
			{Path: "var/cache/made", Ops: []analyzer.Op{analyzer.OpCreate}},
		},
		Processes: []analyzer.Process{{Exe: "usr/bin/app", Argv: []string{"app"}, UID: 33}},
		Warnings: []string{"linux/arm64/v8 was not run: what is kept follows from the evidence of linux/amd64 and from its own files; it " +
			"lacks 1 of the 6 paths that were used there"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("translate (-want +got):\n%s", diff)
	}
	if seen.Paths[3].Path != "usr/lib/x86_64-linux-gnu/libz.so.1" || seen.Image != "sha256:a" {
		t.Error("translate changed what it was given")
	}
}

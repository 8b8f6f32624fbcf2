package analyzer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/layers"
)

// Evidence of amd64 tells what is kept of the image for arm64: names of the architecture are the other's where it has them.
func TestTranslate(t *testing.T) {
	there := map[string]bool{"usr/lib/aarch64-linux-gnu/libz.so.1": true, "usr/lib/ld-linux-aarch64.so.1": true, "etc/passwd": true, "usr/bin/app": true, "opt/x64/both": true, "opt/arm64": true}
	seen := &Evidence{Schema: EvidenceSchema, Image: "sha256:a", Platform: "linux/amd64",
		Paths: []PathUse{
			{Path: "etc/passwd", Ops: []Op{OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "opt/x64/both", Ops: []Op{OpOpen}},
			{Path: "usr/lib/x86_64-linux-gnu/glibc-hwcaps", Ops: []Op{OpStat}},
			{Path: "usr/lib/x86_64-linux-gnu/libz.so.1", Ops: []Op{OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "usr/lib64/ld-linux-x86-64.so.2", Ops: []Op{OpInterp}},
			{Path: "var/cache/made", Ops: []Op{OpCreate}},
		},
		Processes: []Process{{Exe: "usr/bin/app", Argv: []string{"app"}, UID: 33}}}
	got := seen.translate("sha256:b", "linux/arm64/v8", func(name string) bool { return there[name] })
	want := &Evidence{Schema: EvidenceSchema, Image: "sha256:b", Platform: "linux/arm64/v8", Runs: []Run{},
		Paths: []PathUse{
			{Path: "etc/passwd", Ops: []Op{OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "opt/x64/both", Ops: []Op{OpOpen}},
			{Path: "usr/lib/aarch64-linux-gnu/libz.so.1", Ops: []Op{OpOpen}, By: []layers.Path{"usr/bin/app"}},
			{Path: "usr/lib/ld-linux-aarch64.so.1", Ops: []Op{OpInterp}},
			{Path: "var/cache/made", Ops: []Op{OpCreate}},
		},
		Processes: []Process{{Exe: "usr/bin/app", Argv: []string{"app"}, UID: 33}},
		Warnings:  []string{"linux/arm64/v8 was not run: what is kept follows from the evidence of linux/amd64 and from its own files; it lacks 1 of the 6 paths that were used there"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("translate (-want +got):\n%s", diff)
	}
	if seen.Paths[3].Path != "usr/lib/x86_64-linux-gnu/libz.so.1" || seen.Image != "sha256:a" {
		t.Error("translate changed what it was given")
	}
}

func TestSamePlatform(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"linux/amd64", "linux/amd64/v3", true}, {"linux/arm64", "linux/arm64/v8", true}, {"linux/amd64", "linux/arm64", false}, {"linux/arm/v7", "linux/arm/v6", true}} {
		if got := SamePlatform(test.a, test.b); got != test.want {
			t.Errorf("SamePlatform(%s, %s) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTranslate(t *testing.T) {
	for _, test := range []struct {
		path, to string
		want     []string
	}{
		{"usr/lib/x86_64-linux-gnu/libz.so.1.2.13", "arm64", []string{"usr/lib/aarch64-linux-gnu/libz.so.1.2.13"}},
		{"usr/lib64/ld-linux-x86-64.so.2", "arm64", []string{"usr/lib64/ld-linux-aarch64.so.1", "usr/lib/ld-linux-aarch64.so.1"}},
		{"lib64/ld-linux-x86-64.so.2", "riscv64", []string{"lib64/ld-linux-riscv64-lp64d.so.1", "lib/ld-linux-riscv64-lp64d.so.1"}},
		{"lib/ld-musl-x86_64.so.1", "arm64", []string{"lib/ld-musl-aarch64.so.1"}},
		{"usr/lib/python3.11/lib-dynload/_json.cpython-311-x86_64-linux-gnu.so", "arm64",
			[]string{"usr/lib/python3.11/lib-dynload/_json.cpython-311-aarch64-linux-gnu.so"}},
		{"usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so", "arm64", []string{"usr/lib/jvm/java-17-openjdk-arm64/lib/server/libjvm.so"}},
		{"app/node_modules/x/prebuilds/linux-x64/x.node", "arm64", []string{"app/node_modules/x/prebuilds/linux-arm64/x.node"}},
		{"usr/lib/x86_64-linux-gnu/amd64/x", "arm64", []string{"usr/lib/aarch64-linux-gnu/arm64/x", "usr/lib/aarch64-linux-gnu/amd64/x"}},
		{"srv/max64/amd640/x86_64_v2", "arm64", nil},
		{"usr/lib64/libz.so.1", "arm64", []string{"usr/lib/libz.so.1"}},
		{"etc/passwd", "arm64", nil},
	} {
		want := append(test.want, test.path)
		if diff := cmp.Diff(want, Translate(test.path, "amd64", test.to)); diff != "" {
			t.Errorf("Translate(%s, amd64, %s) (-want +got):\n%s", test.path, test.to, diff)
		}
	}
}

// Every name has a source, and an entry for the architectures that slim's agent is built for.
func TestArchNames(t *testing.T) {
	for _, a := range archNames {
		if a.source == "" || a.names["amd64"] == "" || a.names["arm64"] == "" {
			t.Errorf("%v: no source, or no name for amd64 or arm64", a)
		}
	}
}

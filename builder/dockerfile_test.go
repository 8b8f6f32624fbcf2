package builder

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/frontend/dockerui"
)

// What a call asks for, and what goes on to BuildKit's own frontend.
func TestDockerfileCall(t *testing.T) {
	const self = "registry.test/slim:1"
	for _, test := range []struct {
		name, file string
		opts, want map[string]string
		gives      string
	}{
		{"by the first line", "# syntax=" + self + "\nFROM scratch\n", map[string]string{"source": self, "cmdline": self,
			"platform": "linux/amd64"},
			map[string]string{"cmdline": self, "platform": "linux/amd64"}, wantSlim},
		{"by the argument", "FROM scratch\n", map[string]string{"source": self, "cmdline": self, optSyntax: self,
			"build-arg:SLIM_KEEP": "observed", "build-arg:A": "b"},
			map[string]string{"cmdline": self, "build-arg:A": "b"}, wantSlim},
		{"another first line is followed", "# syntax=docker/dockerfile:1\nFROM scratch\n", map[string]string{"source": self, "cmdline": self,
			optSyntax: self},
			map[string]string{optInner: "1"}, wantSlim},
		{"by another slim", "# syntax=" + self + "2\nFROM scratch\n", map[string]string{"source": self, "cmdline": self, optInner: "1"},
			map[string]string{"cmdline": self, optInner: "1"}, wantFull},
		{"a target of slim's own", "FROM scratch AS a\n", map[string]string{"source": self, "target": "Full"},
			map[string]string{"cmdline": self}, wantFull},
		{"a stage of that name", "FROM scratch AS Full\n", map[string]string{"source": self, "target": "full"},
			map[string]string{"cmdline": self, "target": "full"}, wantSlim},
		{"artifacts", "FROM scratch\n", map[string]string{"source": self, "target": "slim-artifacts"}, map[string]string{"cmdline": self},
			wantArtifacts},
		{"off, and an argument that the Dockerfile has", "ARG SLIM_OFF SLIM_MINE=1\nFROM scratch\n", map[string]string{"source": self,
			"build-arg:SLIM_OFF": "true", "build-arg:SLIM_USER": "1"},
			map[string]string{"cmdline": self, "build-arg:SLIM_OFF": "true"}, wantFull},
		{"a subrequest, attestations", "FROM scratch\n", map[string]string{"source": self, "requestid": "frontend.lint", "attest:sbom": "",
			"attest:provenance": "mode=max"},
			map[string]string{"cmdline": self, "requestid": "frontend.lint"}, wantFull},
	} {
		d := &dockerfile{opts: test.opts, source: &dockerui.Source{SourceMap: &llb.SourceMap{Data: []byte(test.file), Filename: "Dockerfile"}}}
		if err := d.scan(d.source.Data); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if diff := cmp.Diff(test.want, d.inner()); diff != "" {
			t.Errorf("%s: inner options (-want +got):\n%s", test.name, diff)
		}
		if got := d.want(); got != test.gives {
			t.Errorf("%s: gives %s, want %s", test.name, got, test.gives)
		}
	}
}

package main

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/builder"
)

func TestParseOutput(t *testing.T) {
	tests := []struct {
		in   string
		want builder.Output
	}{
		{"-", builder.Output{Type: "tar", Dest: "-"}},
		{"dir", builder.Output{Type: "local", Dest: "dir"}},
		{"type=oci,dest=a.tar", builder.Output{Type: "oci", Dest: "a.tar", Attrs: map[string]string{}}},
		{`type=oci,"dest=a,b.tar",tar=false`, builder.Output{Type: "oci", Dest: "a,b.tar", Attrs: map[string]string{"tar": "false"}}},
		{"type=registry,name=r/x", builder.Output{Type: "image", Attrs: map[string]string{"name": "r/x", "push": "true"}}},
	}
	for _, test := range tests {
		got, err := parseOutput(test.in)
		if err != nil {
			t.Errorf("parseOutput(%q): %v", test.in, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("parseOutput(%q): -want +got\n%s", test.in, diff)
		}
	}
	for _, in := range []string{"type=zip,dest=x", "dest=x", `type=oci,"dest`, "type=oci,what"} {
		var usage *usageError
		if _, err := parseOutput(in); !errors.As(err, &usage) {
			t.Errorf("parseOutput(%q) = %v, want a usage error", in, err)
		}
	}
}

func TestNames(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"corpus/nginx", "latest"}:        "corpus/nginx.slim:latest",
		{"nginx", ""}:                     "nginx.slim:latest",
		{"registry.test:5000/a/b", "1.2"}: "registry.test:5000/a/b.slim:1.2",
	} {
		if got := defaultName(in[0], in[1]); got != want {
			t.Errorf("defaultName(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"corpus/nginx.slim:latest": "nginx.slim.oci.tar", "a/b:2": "b.slim.oci.tar", "registry.test:5000/x": "x.slim.oci.tar",
	} {
		if got := archiveName(in); got != want {
			t.Errorf("archiveName(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"/x/My App.tar": "my-app", "app.oci.tar.gz": "app", "./": "image", "dir/": "dir"} {
		if got := nameFrom(in); got != want {
			t.Errorf("nameFrom(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	for in, want := range map[string]int{"": 0, "90": 90, "90s": 90, "5m": 300} {
		if got, err := seconds(in); err != nil || got != want {
			t.Errorf("seconds(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"0", "-1", "10ms", "soon"} {
		if _, err := seconds(in); err == nil {
			t.Errorf("seconds(%q): no error", in)
		}
	}
}

func TestMegabytes(t *testing.T) {
	for in, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 14_100_000: "14.1 MB", 2_345_000_000: "2.35 GB"} {
		if got := megabytes(in); got != want {
			t.Errorf("megabytes(%d) = %q, want %q", in, got, want)
		}
	}
}

package main

import "testing"

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

func TestMegabytes(t *testing.T) {
	for in, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 14_100_000: "14.1 MB", 2_345_000_000: "2.35 GB"} {
		if got := megabytes(in); got != want {
			t.Errorf("megabytes(%d) = %q, want %q", in, got, want)
		}
	}
}

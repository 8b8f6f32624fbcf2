//go:build e2e

package integration

import (
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

var serverProgram = sync.OnceValues(func() ([]byte, error) { return program("./testdata/server") })

// smallFiles are the files of the small image: the server, what it serves late, and something nobody needs.
func smallFiles(t testing.TB) map[string][]byte {
	t.Helper()
	program, err := serverProgram()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{
		"server":        program,
		"data/late.txt": []byte("late\n"),
		".git/config":   []byte("junk\n"),
		"etc/passwd":    []byte("root:x:0:0:root:/root:/bin/sh\n"),
	}
}

// smallImage is the server alone in an image: a test with it takes a second or two.
func smallImage(t testing.TB) v1.Image {
	t.Helper()
	files := smallFiles(t)
	layer := filesLayer(t, files, "server")
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

var smallConfig = v1.Config{Entrypoint: []string{"/server"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, Env: []string{"PATH=/"}}

// small puts the small image into the shared layout.
func small(t testing.TB) string {
	t.Helper()
	return addToLayout(t, "small", smallImage(t), smallConfig)
}

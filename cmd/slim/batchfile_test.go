package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// An image of a file is the command line that it stands for: its own keys before the defaults, sorted.
func TestParseBatch(t *testing.T) {
	data := `
defaults: {keep: observed, push: true, run: [x, y]}
images:
  - image: app:1
    tag: [a, "b,c"]
    run: "-c 'import json'"
  - dockerfile: d/Dockerfile
    context: d
    name: mine
    push: false
    lock: true
    probe-image: tests:1
    probe-command: [run, "all of it"]
`
	entries, err := parseBatch([]byte(data), (&program{}).buildCommand().Flags, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, entry := range entries {
		got[entry.name] = entry.args
	}
	want := map[string][]string{
		"app:1": {"slim", "build", "--keep=observed", "--push=true", "--run=-c 'import json'", "--tag=a", "--tag=b,c", "app:1"},
		"mine": {"slim", "build", "--file=d/Dockerfile", "--keep=observed", "--lock=true", "--probe-image=tests:1", "--push=false", "--run=x",
			"--run=y", "d",
			"--", "run", "all of it"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
)

func failedCheck() error {
	return &builder.CheckError{Result: &builder.Result{Verdict: &analyzer.Verdict{
		Checked:     3,
		Differences: []analyzer.Difference{{Run: "default", Probe: "GET http://127.0.0.1:80/", What: "status", Want: "200", Got: "500"}},
		Missing:     []analyzer.MissingPath{{Path: "etc/mime.types", Errno: "ENOENT"}, {Path: "srv/a b"}},
	}}}
}

func TestExitCode(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{usagef("", "x"), 2},
		{fmt.Errorf("opening: %w", &builder.SlimmedError{Name: "x"}), 2},
		{failedCheck(), 3},
		{&builder.ObservationError{}, 3},
		{errExportedAnyway, 3},
		{fmt.Errorf("solving: %w", context.Canceled), 130},
		{&childError{code: 3}, 3},
	}
	for _, test := range tests {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
		}
	}
}

func TestReport(t *testing.T) {
	var stderr bytes.Buffer
	p := &program{stderr: &stderr, quiet: true}
	p.printError(failedCheck())
	want := `slim: the slim image does not do what the original does: 1 of 3 answers differ
slim:   default, GET http://127.0.0.1:80/: status was "200", is "500"
slim:   missing /etc/mime.types
slim:   missing /srv/a b
slim: hint: pass --include /etc/mime.types --include '/srv/a b'
slim: more: docs/troubleshooting.md#the-slim-image-does-not-do-what-the-original-does
`
	if diff := cmp.Diff(want, stderr.String()); diff != "" {
		t.Errorf("report: -want +got\n%s", diff)
	}
}

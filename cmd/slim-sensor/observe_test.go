package main

import (
	"testing"

	"github.com/slimimage/slim/analyzer"
)

func TestEarlyExit(t *testing.T) {
	for _, test := range []struct {
		name    string
		job     analyzer.Job
		run     analyzer.Run
		failure string
	}{
		{"a server that ends", analyzer.Job{Name: analyzer.DefaultRun, Process: analyzer.Entry{Exposed: []string{"80/tcp", "443/tcp"}}},
			analyzer.Run{ExitCode: 1},
			"it ended with exit code 1 before it listened, though the image declares 80/tcp, 443/tcp"},
		{"a server that is killed", analyzer.Job{Name: analyzer.DefaultRun, Process: analyzer.Entry{Exposed: []string{"80/tcp"}}},
			analyzer.Run{Signal: "SIGSEGV"},
			"it ended by SIGSEGV before it listened, though the image declares 80/tcp"},
		{"one that is done", analyzer.Job{Name: analyzer.DefaultRun, Process: analyzer.Entry{Exposed: []string{"80/tcp"}}}, analyzer.Run{}, ""},
		{"a command", analyzer.Job{Name: analyzer.DefaultRun}, analyzer.Run{ExitCode: 1}, ""},
		{"other arguments", analyzer.Job{Name: "run --help", Process: analyzer.Entry{Exposed: []string{"80/tcp"}}}, analyzer.Run{ExitCode: 1},
			""},
	} {
		if got := earlyExit(&test.job, &test.run); got != test.failure {
			t.Errorf("%s: %q, want %q", test.name, got, test.failure)
		}
	}
}

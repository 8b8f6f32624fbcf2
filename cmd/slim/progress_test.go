package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bkclient "github.com/moby/buildkit/client"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// TestProgress shows stages and BuildKit's own steps as plain lines, and ends also when a build never began.
func TestProgress(t *testing.T) {
	name := filepath.Join(t.TempDir(), "stderr")
	stderr, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	set := flag.NewFlagSet("", flag.ContinueOnError)
	set.String("progress", "plain", "")
	p := &program{stderr: stderr}
	show, err := p.startProgress(cli.NewContext(nil, set, nil))
	if err != nil {
		t.Fatal(err)
	}
	show.status() // of a build that failed before it closed it
	status := show.status()
	done := show.step(builder.StageObserve, "observe")
	status <- &bkclient.SolveStatus{}
	close(status)
	done(nil)
	show.step(builder.StagePack, "pack")(errors.New("no space"))
	show.close()
	show.step(builder.StagePack, "late")(nil) // must not block
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"observe ", "done in", "pack ", "failed after"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("progress = %q, want %q in it", data, want)
		}
	}
}

package trace

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
	"golang.org/x/sys/unix"
)

// TestMountsAreNotRecorded checks that nothing in a mount of the user is recorded, and that what a link in it leads to is.
func TestMountsAreNotRecorded(t *testing.T) {
	r := newRecorder()
	r.mounts = []analyzer.Mount{{Path: "mnt/conf"}}
	app := &process{exe: "/bin/app"}
	for _, f := range []found{{path: "/mnt/conf"}, {path: "/mnt/conf/a"}, {path: "/mnt/config"}, {path: "/mnt"},
		{path: "/data/late", hops: []string{"/mnt/conf/link", "/linked"}}} {
		r.use(app, f, analyzer.OpOpen)
	}
	for _, name := range []string{"/mnt/conf/none", "/mnt/none"} {
		r.miss(app, found{path: name, missing: true, errno: unix.ENOENT}, analyzer.OpOpen)
	}
	r.exec(app, &execution{path: "/mnt/conf/tool"})
	r.process(&process{exe: "/mnt/conf/tool"}, false)
	var e analyzer.Evidence
	r.fill(&e)
	got := []layers.Path{}
	for _, use := range e.Paths {
		got = append(got, use.Path)
	}
	if diff := cmp.Diff([]layers.Path{"data/late", "linked", "mnt", "mnt/config"}, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	if len(e.Missing) != 1 || e.Missing[0].Path != "mnt/none" || len(e.Processes) != 0 {
		t.Errorf("missing %v and processes %v, want mnt/none and none", e.Missing, e.Processes)
	}
}

package profile

import (
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// TestStart checks that the files start the image as the runs were started.
func TestStart(t *testing.T) {
	ev := webEvidence()
	ev.Runs[0].Mounts = []analyzer.Mount{{Path: "data", Digest: "01234567"}}
	m := From(ev, webPlan(), "registry.example.com/team/web:2").WithConfig(Config{Volumes: []string{"/data", "/data/sub",
		"/database"}}).WithStart(Start{
		Hostname: "db", EnvFiles: []string{"/home/u/$app.env"}, Mounts: []Mount{{Source: "/home/u/it's", Path: "data"}},
		Hosts: []Host{{"b", "10.0.0.2"}, {"a", "10.0.0.2"}, {"six", "2001:db8::1"}}})
	files, err := Files(m)
	if err != nil {
		t.Fatal(err)
	}
	for file, list := range map[string][]string{
		FileDocker: {"--hostname db", "--add-host b:10.0.0.2", "--add-host six:2001:db8::1", `--volume '/home/u/it'\''s:/data:ro'`,
			"--env-file '/home/u/$app.env'", "--volume /database ", "# Warning: the runs had a mount at /data"},
		FileCompose: {"hostname: db", "- six:2001:db8::1", "- /home/u/it's:/data:ro", "- /home/u/$$app.env"},
		FileKubernetes: {"hostname: db", "# The runs had /home/u/it's mounted at /data", "# The runs had the environment of /home/u/$app.env",
			"hostAliases:", "ip: 2001:db8::1"},
	} {
		for _, want := range list {
			if !strings.Contains(string(files[file]), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, files[file])
			}
		}
	}
	for _, w := range m.Writable {
		if w.Path == "data" || w.Path == "data/sub" {
			t.Errorf("%s is writable, but it is in a mount", w.Path)
		}
	}
}

func TestStartRefuses(t *testing.T) {
	for _, start := range []Start{
		{Hostname: "a b"}, {Hosts: []Host{{"a", "host"}}}, {Hosts: []Host{{"a\nb", "10.0.0.1"}}}, {Mounts: []Mount{{Source: "s", Path: "t"}}},
		{Mounts: []Mount{{Source: "/s", Path: "."}}}, {Mounts: []Mount{{Source: "/a:b", Path: "t"}}}, {EnvFiles: []string{"/a\nb"}},
	} {
		if _, err := Files(From(nil, nil, "job").WithStart(start)); err == nil {
			t.Errorf("%+v was accepted", start)
		}
	}
}

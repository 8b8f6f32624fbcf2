package profile

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// webEvidence is what a web server of two programs did.
func webEvidence() *analyzer.Evidence {
	use := func(name string, ops ...analyzer.Op) analyzer.PathUse {
		return analyzer.PathUse{Path: layers.Path(name), Ops: ops}
	}
	return &analyzer.Evidence{
		Schema: analyzer.EvidenceSchema, Image: "sha256:00", Platform: "linux/amd64",
		Runs: []analyzer.Run{{Name: "default", Kind: analyzer.KindServer, PeakMemory: 48 << 20,
			Listen: []analyzer.Socket{{Network: "tcp", Address: "0.0.0.0", Port: 80}, {Network: "tcp", Address: "127.0.0.1", Port: 9000},
				{Network: "tcp", Address: "::", Port: 80}, {Network: "udp", Address: "0.0.0.0", Port: 8125}, {Network: "unix", Path: "run/x.sock"}},
			Peers: []analyzer.Socket{{Network: "tcp", Address: "0.0.0.0", Port: 80}, {Network: "tcp", Address: "10.1.2.3", Port: 5432},
				{Network: "tcp", Address: "10.0.0.2", Port: 53}},
			Answers: []analyzer.Answer{{Probe: "GET http://127.0.0.1:80/", OK: true, Status: 200},
				{Probe: "GET http://127.0.0.1:80/healthz", OK: true, Status: 200},
				{Probe: "GET http://127.0.0.1:80/missing", OK: true, Status: 404}}}},
		Paths: []analyzer.PathUse{use("etc/web.conf", analyzer.OpOpen), use("run", analyzer.OpList),
			use("run/web.pid", analyzer.OpCreate), use("tmp/a", analyzer.OpCreate),
			use("usr/lib/libc.so.6", analyzer.OpOpen), use("usr/sbin/web", analyzer.OpExec), use("var/cache/web", analyzer.OpStat),
			use("var/cache/web/x", analyzer.OpCreate),
			use("var/cache/web/x/y", analyzer.OpCreate), use("etc/web.lock", analyzer.OpCreate),
			use("var/log/web/access.log", analyzer.OpOpen, analyzer.OpWrite), use("proc/self/oom_score_adj", analyzer.OpWrite)},
		Processes: []analyzer.Process{{Exe: "usr/sbin/web", Argv: []string{"web"}, UID: 0},
			{Exe: "usr/sbin/web", Argv: []string{"web", "-w"}, UID: 33, GID: 33}},
		Syscalls: []string{"accept4", "bind", "bpf", "clone", "clone3", "mount", "openat", "personality", "read", "socket", "write"},
	}
}

// webPlan is a plan of it.
func webPlan() *analyzer.Plan {
	plan := &analyzer.Plan{User: analyzer.User{UID: 33, GID: 33}, Writable: []layers.Path{"etc/private", "var/cache/web"}}
	for _, name := range []string{"etc", "etc/private", "run", "tmp", "usr", "usr/lib", "usr/sbin", "var", "var/cache",
		"var/cache/web", "var/log", "var/log/web"} {
		plan.Files = append(plan.Files, analyzer.File{Path: layers.Path(name), Kind: "dir"})
	}
	for _, name := range []string{"etc/private/key", "etc/web.conf", "usr/lib/libc.so.6", "usr/sbin/web", "var/log/web/access.log"} {
		plan.Files = append(plan.Files, analyzer.File{Path: layers.Path(name), Kind: "file"})
	}
	return plan
}

func TestFrom(t *testing.T) {
	got := From(webEvidence(), webPlan(), "registry.example.com/team/Web_1.slim:2")
	want := Model{
		Name: "web-1", Image: "registry.example.com/team/Web_1.slim:2", Platform: "linux/amd64", Server: true, UID: 33, GID: 33,
		Writable: []Writable{{Path: "run"}, {Path: "tmp"}, {Path: "var/cache/web"}, {Path: "var/log/web", Populated: true}},
		Ports:    []Port{{Network: "tcp", Number: 80, Seen: true, Scheme: "HTTP", Path: "/healthz"}, {Network: "udp", Number: 8125, Seen: true}},
		Syscalls: webEvidence().Syscalls, Runtimes: []string{"glibc"}, LowPorts: true,
		Peers:      []Peer{{Address: "10.0.0.2", Port: 53}, {Address: "10.1.2.3", Port: 5432}},
		PeakMemory: 48 << 20,
		Kept:       []layers.Path{"etc/private/key", "etc/web.conf", "usr/lib/libc.so.6", "usr/sbin/web", "var/log/web/access.log"},
		Programs:   []layers.Path{"usr/sbin/web"},
		Listed:     []layers.Path{"run"},
	}
	warnings := got.Warnings
	got.Warnings = nil
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("From (-want +got):\n%s", diff)
	}
	wantWarnings := []string{
		"/var/log/web is written to and holds files of the image: docker and compose copy them into a volume, Kubernetes needs a volume that " +
			"has them",
		"a port below 1024 is opened by an ordinary user: the sysctl net.ipv4.ip_unprivileged_port_start=0 allows it",
		"the program wrote in /etc, which stays read-only: give it another place",
	}
	if diff := cmp.Diff(wantWarnings, warnings); diff != "" {
		t.Errorf("From warnings (-want +got):\n%s", diff)
	}
}

func TestFromEvidenceAlone(t *testing.T) {
	got := From(webEvidence(), nil, "web:1")
	if got.UID != 33 || got.GID != 33 {
		t.Errorf("From without a plan: user %d:%d, want 33:33", got.UID, got.GID)
	}
	want := []Writable{{Path: "run"}, {Path: "tmp"}, {Path: "var/cache/web"}, {Path: "var/log/web", Populated: true}}
	if diff := cmp.Diff(want, got.Writable); diff != "" {
		t.Errorf("From without a plan, writable (-want +got):\n%s", diff)
	}
	for _, m := range []Model{From(nil, nil, ""), From(&analyzer.Evidence{}, &analyzer.Plan{}, "")} {
		if _, err := Files(m); err != nil {
			t.Errorf("Files of nothing: %v", err)
		}
	}
}

func TestWithConfig(t *testing.T) {
	base := From(webEvidence(), webPlan(), "web:1")
	tests := []struct {
		name   string
		config Config
		ports  int
		health []string
		warned bool
	}{
		{"nothing", Config{}, 2, nil, false},
		{"known port", Config{Exposed: []string{"80/tcp", "80"}}, 2, nil, false},
		{"new ports", Config{Exposed: []string{"443/tcp", "53/udp"}}, 4, nil, false},
		{"no port", Config{Exposed: []string{"99999/tcp", "8000-8010/tcp", "80/sctp"}}, 2, nil, true},
		{"exec", Config{Healthcheck: []string{"CMD", "/usr/sbin/web", "-t"}}, 2, []string{"/usr/sbin/web", "-t"}, false},
		{"none", Config{Healthcheck: []string{"NONE"}}, 2, nil, false},
		{"no shell", Config{Healthcheck: []string{"CMD-SHELL", "web -t || exit 1"}}, 2, nil, true},
		{"shell", Config{Healthcheck: []string{"CMD-SHELL", "web -t || exit 1"}, Shell: []string{"/usr/sbin/web", "-c"}}, 2,
			[]string{"/usr/sbin/web", "-c", "web -t || exit 1"}, false},
	}
	for _, test := range tests {
		got := base.WithConfig(test.config)
		if len(got.Ports) != test.ports || !cmp.Equal(got.Health, test.health) || (len(got.Warnings) > len(base.Warnings)) != test.warned {
			t.Errorf("%s: WithConfig = ports %v, health %q, warnings %q", test.name, got.Ports, got.Health, got.Warnings)
		}
	}
}

func TestWithVolumes(t *testing.T) {
	base := From(webEvidence(), webPlan(), "web:1")
	got := base.WithConfig(Config{Volumes: []string{"/data", "/run/", "/a:b", "/"}})
	want := []Writable{{Path: "data", Volume: true}, {Path: "run", Volume: true}, {Path: "tmp"}, {Path: "var/cache/web"},
		{Path: "var/log/web", Populated: true}}
	if diff := cmp.Diff(want, got.Writable); diff != "" {
		t.Errorf("WithConfig (-want +got):\n%s", diff)
	}
	if base.Writable[0].Volume {
		t.Error("WithConfig changed the model it was called on")
	}
}

func TestLabel(t *testing.T) {
	for image, want := range map[string]string{
		"nginx": "nginx", "localhost:5000/a/b:2": "b", "x@sha256:00": "x", "9front:1": "app-9front", "": "app", "___": "app",
		"a.slim:latest": "a",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	} {
		if got := label(image); got != want {
			t.Errorf("label(%q) = %q, want %q", image, got, want)
		}
	}
}

// A directory that is not in the image was made by the run, although the call that made it was not seen: it is no mount of its own.
func TestFromUnseenDirectory(t *testing.T) {
	ev := webEvidence()
	want := From(ev, webPlan(), "web:1").Writable
	ev.Paths = append(ev.Paths, analyzer.PathUse{Path: "var/cache/web/made", Ops: []analyzer.Op{analyzer.OpList}})
	if diff := cmp.Diff(want, From(ev, webPlan(), "web:1").Writable); diff != "" {
		t.Errorf("writable (-without it +with it):\n%s", diff)
	}
}

// What a run makes and then loads or runs needs a mount without noexec, and so does /tmp under a JVM or beside a compiler; nothing else
// does.
func TestExecutes(t *testing.T) {
	made := func(name string, ops ...analyzer.Op) analyzer.PathUse {
		return analyzer.PathUse{Path: layers.Path(name), Ops: append([]analyzer.Op{analyzer.OpCreate}, ops...)}
	}
	for _, test := range []struct {
		name string
		path analyzer.PathUse
		kept layers.Path
		want []layers.Path
	}{
		{"nothing", made("run/data", analyzer.OpOpen), "usr/bin/web", nil},
		{"a library", made("var/cache/web/x.so.1", analyzer.OpOpen), "usr/bin/web", []layers.Path{"var/cache/web"}},
		{"a library that is only written", made("var/cache/web/x.so.1"), "usr/bin/web", nil},
		{"a library of the image", analyzer.PathUse{Path: "run/x.so", Ops: []analyzer.Op{analyzer.OpOpen}}, "usr/bin/web", nil},
		{"a program", made("run/tool", analyzer.OpExec), "usr/bin/web", []layers.Path{"run"}},
		{"a compiler", made("run/data"), "usr/bin/x86_64-linux-gnu/ld.bfd", []layers.Path{"tmp"}},
		{"a JVM", made("run/data"), "usr/lib/jvm/x/lib/server/libjvm.so", []layers.Path{"tmp"}},
	} {
		ev, plan := webEvidence(), webPlan()
		ev.Paths = append(ev.Paths, test.path)
		plan.Files = append(plan.Files, analyzer.File{Path: test.kept, Kind: "file"})
		var got []layers.Path
		for _, w := range From(ev, plan, "web:1").Writable {
			if w.Executes {
				got = append(got, w.Path)
			}
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: directories with exec (-want +got):\n%s", test.name, diff)
		}
	}
}

// A run that wrote much needs room: twice that, as a power of two, in each directory and in the memory that they take.
func TestRoom(t *testing.T) {
	ev := webEvidence()
	before, _ := DockerRun(From(ev, webPlan(), "web:1"))
	ev.Runs[0].Written = 192 << 20
	got := From(ev, webPlan(), "web:1")
	for _, w := range got.Writable {
		if w.tmpfs() != 512<<20 {
			t.Errorf("%s holds %d bytes, want 512 MiB", w.Path, w.tmpfs())
		}
	}
	after, err := DockerRun(got)
	if err != nil || !strings.Contains(after, "size=512m,") || strings.Contains(after, "size=64m,") ||
		!strings.Contains(before, "--memory 160m") || !strings.Contains(after, "--memory 608m") {
		t.Errorf("before %s\nafter %s (%v)", before, after, err)
	}
}

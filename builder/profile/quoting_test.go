package profile

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// oddNames are names that files of an image may have.
var oddNames = []string{"with space", "quo'te", `dou"ble`, "new\nline", "$(id)", "`id`", "$HOME", "a:b", "a,b", "glob*[a]{b}?",
	"#hash", "- dash", "@{PROC}", `back\slash`, "ünï", "\xff", "}\n  file,\n", "yes", "'; id; '"}

// oddModel is a Model of an image with those names everywhere that an image or an observation can put one.
func oddModel() Model {
	ev, plan := webEvidence(), webPlan()
	for _, name := range oddNames {
		dir := layers.Path("data/" + name)
		plan.Files = append(plan.Files, analyzer.File{Path: dir, Kind: "dir"},
			analyzer.File{Path: "opt/" + dir + "/lib" + layers.Path(name) + ".so", Kind: "file"},
			analyzer.File{Path: "opt/bin/" + layers.Path(name), Kind: "file"})
		ev.Paths = append(ev.Paths, analyzer.PathUse{Path: dir + "/x", Ops: []analyzer.Op{analyzer.OpCreate}},
			analyzer.PathUse{Path: "opt/" + dir, Ops: []analyzer.Op{analyzer.OpList}},
			analyzer.PathUse{Path: "etc/" + layers.Path(name), Ops: []analyzer.Op{analyzer.OpCreate}})
		ev.Runs[0].Answers = append(ev.Runs[0].Answers, analyzer.Answer{Probe: "GET http://127.0.0.1:80/" + name, OK: true, Status: 200})
		ev.Syscalls = append(ev.Syscalls, name)
	}
	m := From(ev, plan, "web:1")
	m.Health = []string{"/bin/x", "$(id)", "it's", "a: b"}
	return m
}

func TestOddNames(t *testing.T) {
	m := oddModel()
	for _, want := range []layers.Path{"data/with space", "data/quo'te", "data/$(id)", "data/ünï"} {
		if !slices.ContainsFunc(m.Writable, func(w Writable) bool { return w.Path == want }) {
			t.Errorf("%s is not writable", want)
		}
	}
	for _, w := range m.Writable {
		if strings.ContainsAny(string(w.Path), ":,\n\\\xff") {
			t.Errorf("%s is writable", w.Path)
		}
	}
	files, err := Files(m)
	if err != nil {
		t.Fatal(err)
	}
	var service struct {
		Services map[string]struct {
			Tmpfs       []string
			Healthcheck struct{ Test []string }
		}
	}
	if err := yaml.Unmarshal(files[FileCompose], &service); err != nil {
		t.Fatal(err)
	}
	if web := service.Services["web"]; len(web.Tmpfs) != len(m.Writable)-1 || web.Healthcheck.Test[2] != "$$(id)" {
		t.Errorf("compose: %+v", web)
	}
	c := decodeCluster(t, m)
	if mounts := c.deployment.Spec.Template.Spec.Containers[0].VolumeMounts; len(mounts) != len(m.Writable) ||
		mounts[0].MountPath != "/"+string(m.Writable[0].Path) {
		t.Errorf("kubernetes: mounts %+v", mounts)
	}
	if reasons := podSecurity(t, c.deployment.Spec.Template); len(reasons) > 0 {
		t.Errorf("kubernetes: forbidden %q", reasons)
	}
	checkScript(t, string(files[FileDocker]), m, DockerRun)
	checkScript(t, string(files[FilePodman]), m, PodmanRun)
	checkAppArmor(t, string(files[FileAppArmor]))
}

// checkScript parses the shell script: one call of docker or podman with plain words, nothing expanded.
func checkScript(t *testing.T, script string, m Model, run func(Model) (string, error)) {
	t.Helper()
	line, err := run(m)
	if err != nil || strings.Contains(line, "\n") {
		t.Fatalf("the line is %q, %v", line, err)
	}
	for _, text := range []string{line, script} {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(text), "")
		if err != nil {
			t.Fatal(err)
		}
		if text == line && len(file.Stmts) != 1 || text == script && len(file.Stmts) != 2 {
			t.Errorf("%d statements in\n%s", len(file.Stmts), text)
		}
		var substitutions int
		syntax.Walk(file, func(node syntax.Node) bool {
			switch node.(type) {
			case *syntax.CmdSubst, *syntax.ProcSubst:
				substitutions++
			}
			return true
		})
		if text == line && substitutions > 0 || text == script && substitutions > 1 {
			t.Errorf("%d substitutions in\n%s", substitutions, text)
		}
	}
}

// checkAppArmor asks the parser where it is installed, and looks itself that no name has ended its rule.
func checkAppArmor(t *testing.T, text string) {
	t.Helper()
	for _, line := range strings.Split(text, "\n") {
		if strings.Contains(line, "/opt/") &&
			(!strings.HasPrefix(line, `  "/`) || strings.Count(line, `"`) != 2 || !strings.HasSuffix(line, ",")) {
			t.Errorf("apparmor: rule %s", line)
		}
	}
	if strings.Contains(text, "\n  file,") || !strings.Contains(text, `"/opt/bin/with space" mrix,`) ||
		!strings.Contains(text, `"/opt/bin/new?line" mrix,`) {
		t.Errorf("apparmor:\n%s", text)
	}
	parser, err := exec.LookPath("apparmor_parser")
	if err != nil {
		t.Log("apparmor_parser is not installed: the profile was not parsed")
		return
	}
	command := exec.Command(parser, "--skip-kernel-load", "--skip-cache", "--quiet")
	command.Stdin = strings.NewReader(text)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("apparmor_parser: %v\n%s", err, out)
	}
}

func TestRefused(t *testing.T) {
	good := From(webEvidence(), webPlan(), "web:1")
	for name, change := range map[string]func(*Model){
		"image":         func(m *Model) { m.Image = "web:1\nfoo" },
		"upper image":   func(m *Model) { m.Image = "Web" },
		"option image":  func(m *Model) { m.Image = "--privileged" },
		"name":          func(m *Model) { m.Name = "a b" },
		"platform":      func(m *Model) { m.Platform = "windows/amd64" },
		"writable root": func(m *Model) { m.Writable = []Writable{{Path: "."}} },
		"newline":       func(m *Model) { m.Writable = []Writable{{Path: "a\nb"}} },
		"colon":         func(m *Model) { m.Writable = []Writable{{Path: "a:b"}} },
		"climbing":      func(m *Model) { m.Writable = []Writable{{Path: "a/../../b"}} },
		"port":          func(m *Model) { m.Ports = []Port{{Network: "tcp", Number: 70000}} },
		"network":       func(m *Model) { m.Ports = []Port{{Network: "x\ny", Number: 70}} },
		"capability":    func(m *Model) { m.Capabilities = []string{"all,"} },
		"health":        func(m *Model) { m.Health = []string{"a\x00b"} },
	} {
		m := good
		change(&m)
		if files, err := Files(m); err == nil {
			t.Errorf("%s: %d files were made", name, len(files))
		}
	}
}

func TestFold(t *testing.T) {
	dirs := map[string]bool{"usr/lib": true, "etc": true}
	for i := range 20 {
		for j := range 40 {
			dirs["app/node_modules/"+string(rune('a'+i))+"/lib/"+strings.Repeat("x", j+1)] = true
		}
	}
	got := fold(dirs)
	if len(got) > maxRules {
		t.Errorf("fold left %d rules", len(got))
	}
	for _, want := range []folder{{path: "etc"}, {path: "usr/lib"}, {path: "app/node_modules/a/lib", deep: true}} {
		if !slices.Contains(got, want) {
			t.Errorf("fold has no %+v: %+v", want, got)
		}
	}
}

// FuzzFiles puts one name everywhere: the files are made or refused, and what is made is one document a file can hold.
func FuzzFiles(f *testing.F) {
	for _, name := range oddNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 200 {
			return
		}
		file := layers.CleanPath("srv/x/" + name)
		ev := &analyzer.Evidence{Platform: "linux/amd64", Syscalls: []string{name},
			Paths: []analyzer.PathUse{{Path: file, Ops: []analyzer.Op{analyzer.OpExec}},
				{Path: file + "/d/f", Ops: []analyzer.Op{analyzer.OpCreate}}},
			Runs: []analyzer.Run{{Name: name, Kind: analyzer.KindServer,
				Listen:  []analyzer.Socket{{Network: "tcp", Address: name, Port: 80}},
				Answers: []analyzer.Answer{{Probe: "GET http://x:80/" + name, OK: true, Status: 200}}}}}
		files, err := Files(From(ev, nil, "web:1").WithConfig(Config{Exposed: []string{name}, Volumes: []string{name}}))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{FileCompose, FileKubernetes} {
			var doc any
			if err := yaml.NewDecoder(strings.NewReader(string(files[file]))).Decode(&doc); err != nil {
				t.Errorf("%s: %v\n%s", file, err, files[file])
			}
		}
		if parsed, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(string(files[FileDocker])),
			""); err != nil || len(parsed.Stmts) != 2 {
			t.Errorf("%v\n%s", err, files[FileDocker])
		}
		for _, line := range strings.Split(string(files[FileAppArmor]), "\n") {
			if strings.Contains(line, "/srv/") && (strings.Count(line, `"`) != 2 || !strings.HasSuffix(line, ",")) {
				t.Errorf("apparmor: %s", line)
			}
		}
	})
}

package builder

import (
	"testing"

	"github.com/slimimage/slim/analyzer"
)

func TestExercised(t *testing.T) {
	command := func(argv ...string) analyzer.Run {
		return analyzer.Run{Name: "default", Kind: analyzer.KindCommand, Argv: argv}
	}
	listens := command("sh")
	listens.Listen = []analyzer.Socket{{Network: "tcp", Port: 80}}
	for _, c := range []struct {
		name string
		runs []analyzer.Run
		ran  [][]string
		opt  Options
		want string // the command that had nothing to do
	}{
		{"a shell", []analyzer.Run{command("bash")}, nil, Options{}, "bash"},
		{"a login shell below tini", []analyzer.Run{command("/usr/bin/tini", "--", "/bin/sh", "-l")}, nil, Options{}, "/bin/sh -l"},
		{"an interpreter", []analyzer.Run{command("/usr/bin/python3")}, nil, Options{}, "/usr/bin/python3"},
		{"a script that starts the interpreter", []analyzer.Run{command("/entry.sh", "node")}, [][]string{{"node"}}, Options{}, "node"},
		{"a script that takes a word", []analyzer.Run{command("/entry.sh", "node")}, [][]string{{"/bin/sh", "/entry.sh", "node"}}, Options{}, ""},
		{"a script", []analyzer.Run{command("sh", "/app/run.sh")}, nil, Options{}, ""},
		{"a command", []analyzer.Run{command("sh", "-c", "make")}, nil, Options{}, ""},
		{"a module", []analyzer.Run{command("python3", "-m", "app")}, nil, Options{}, ""},
		{"another program", []analyzer.Run{command("gcc")}, nil, Options{}, ""},
		{"a shell that started a server", []analyzer.Run{listens}, nil, Options{}, ""},
		{"one more run", []analyzer.Run{command("bash"), command("bash", "-c", "id")}, nil, Options{}, ""},
		{"two that do nothing", []analyzer.Run{command("bash"), command("python3")}, nil, Options{}, "python3"},
		{"a command in it", []analyzer.Run{command("bash")}, nil, Options{Observe: ObserveOptions{Execs: []string{"id"}}}, ""},
		{"a package", []analyzer.Run{command("bash")}, nil, Options{Analyze: analyzer.Options{IncludePackage: []string{"git"}}}, ""},
		{"anyway", []analyzer.Run{command("bash")}, nil, Options{KeepGoing: true}, ""},
	} {
		found := &analyzer.Evidence{Runs: c.runs}
		for _, argv := range c.ran {
			found.Processes = append(found.Processes, analyzer.Process{Argv: argv})
		}
		got := ""
		if err := (&build{opt: c.opt}).exercised(&observation{evidence: found}); err != nil {
			got = err.(*ExerciseError).Command
		}
		if got != c.want {
			t.Errorf("%s: exercised found %q idle, want %q", c.name, got, c.want)
		}
	}
}

//go:build e2e

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.yaml.in/yaml/v3"
)

// blocks are the fenced texts of a Markdown file in a language.
func blocks(t *testing.T, name, language string) (list []string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	rest := string(data)
	for {
		_, after, ok := strings.Cut(rest, "\n```"+language+"\n")
		if !ok {
			return list
		}
		block, next, _ := strings.Cut(after, "```\n")
		list, rest = append(list, block), next
	}
}

// typed runs a command of a page in a directory, with slim on PATH and the tests' cache.
func typed(t *testing.T, dir, command string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(cacheDir(t), "slim"), "SLIM_ENGINE=embedded",
		"PATH="+filepath.Dir(slimBinary)+":"+os.Getenv("PATH")), env...)
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("$ %s: %v\n%s", command, err, tail(string(out), 30))
	}
	t.Logf("%.1f s: $ %s", time.Since(begin).Seconds(), command)
	return string(out)
}

// TestGettingStarted types each command of docs/getting-started.md, and looks into the container as docs/troubleshooting.md says.
func TestGettingStarted(t *testing.T) {
	docker(t)
	const page = "../docs/getting-started.md"
	load(t, map[string]v1.Image{"web:1": webImage(t), "slim-debug:1": debugImage(t)})
	exec.Command("docker", "rm", "-f", "slim-web").Run()
	t.Cleanup(func() {
		exec.Command("docker", "rm", "-f", "slim-web").Run()
		exec.Command("docker", "rmi", "-f", "web.slim:1").Run()
	})
	dir, hello := t.TempDir(), t.TempDir()
	if err := os.CopyFS(hello, os.DirFS("../examples/hello")); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, block := range blocks(t, page, "console") {
		for line := range strings.Lines(block) {
			command, ok := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			if !ok {
				t.Fatalf("%s: %q is no command", page, line)
			}
			if ran++; strings.Contains(block, "Dockerfile") {
				typed(t, hello, command)
			} else {
				typed(t, dir, command)
			}
		}
	}
	if ran < 10 {
		t.Errorf("only %d commands were found in %s", ran, page)
	}
	ciJob(t, page, dir)
	lookInto(t, "docker", "slim-web", "slim-debug:1", map[string]string{" inspect ": "running 0", " cp ": "root:",
		" export ": "usr/sbin/nginx", "/proc/1/root/": " usr", "/proc/net/tcp": "nginx"},
		func(command string) string { return typed(t, dir, command) })
}

// debugImage has a shell and the usual programs.
func debugImage(t *testing.T) v1.Image {
	return configured(t, v1.Config{Cmd: []string{"sh"}}, worldLayer(t, "web"))
}

// ciJob runs the job of a page.
func ciJob(t *testing.T, page, dir string) {
	t.Helper()
	var pipeline struct {
		Jobs map[string]struct {
			Env   map[string]string
			Steps []struct{ Run string }
		}
	}
	text := blocks(t, page, "yaml")
	if len(text) != 1 {
		t.Fatalf("%s has %d jobs", page, len(text))
	}
	if err := yaml.Unmarshal([]byte(text[0]), &pipeline); err != nil {
		t.Fatal(err)
	}
	for name, job := range pipeline.Jobs {
		var env []string
		for key, value := range job.Env {
			env = append(env, key+"="+value)
		}
		for _, step := range job.Steps {
			typed(t, dir, step.Run, env...)
		}
		if len(job.Steps) < 2 {
			t.Errorf("the job %s has %d steps", name, len(job.Steps))
		}
	}
}

// lookInto runs the lines of docs/troubleshooting.md that look into a container without a shell. program is docker, or podman, whose lines
// are the same. want has for a part of a line what its output holds.
func lookInto(t *testing.T, program, container, image string, want map[string]string, run func(command string) string) {
	t.Helper()
	const page = "../docs/troubleshooting.md"
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "<!-- debug: ")
	_, rest, ok2 := strings.Cut(rest, "```sh\n")
	block, _, ok3 := strings.Cut(rest, "```\n")
	if !ok || !ok2 || !ok3 {
		t.Fatalf("%s has no lines to look into a container", page)
	}
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if program != "docker" {
			line = program + strings.TrimPrefix(line, "docker")
		}
		out := run("C=" + container + " DEBUG=" + image + "; " + line)
		for part, text := range want {
			if strings.Contains(line, part) && !strings.Contains(out, text) {
				t.Errorf("$ %s: %q is not in the output:\n%s", line, text, tail(out, 20))
			} else if strings.Contains(line, part) {
				delete(want, part)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no line of the page has %v", want)
	}
}

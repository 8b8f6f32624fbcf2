//go:build e2e

package integration

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// exchange is one command of a session and what it printed.
type exchange struct {
	command string
	output  []string
}

// session reads the first console session of a Markdown file. A comment after a command ends it.
func session(t *testing.T, name string) (list []exchange) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "```console\n")
	text, _, closed := strings.Cut(rest, "\n```")
	if !ok || !closed {
		t.Fatalf("%s has no console session", name)
	}
	for _, line := range strings.Split(text, "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			command, _, _ = strings.Cut(command, "  #")
			list = append(list, exchange{command: strings.TrimSpace(command)})
		} else if len(list) > 0 {
			last := &list[len(list)-1]
			last.output = append(last.output, line)
		}
	}
	return list
}

var numbers = regexp.MustCompile(`\d+(\.\d+)*`)

// shape is a session's line without what differs from one version of a package to the next: sizes, counts and versions.
func shape(line string) string { return numbers.ReplaceAllString(line, "N") }

// webImage is the image of examples/nginx.
func webImage(t *testing.T) v1.Image {
	t.Helper()
	files := map[string][]byte{}
	for name, file := range map[string]string{"etc/nginx/nginx.conf": "nginx.conf", "srv/site/index.html": "site/index.html",
		"srv/site/style.css": "site/style.css"} {
		data, err := os.ReadFile("../examples/nginx/" + file)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	config := v1.Config{Cmd: []string{"nginx", "-g", "daemon off;"}, ExposedPorts: map[string]struct{}{"18080/tcp": {}}, StopSignal: "SIGQUIT"}
	return configured(t, config, worldLayer(t, "web"), filesLayer(t, files))
}

// TestReadme types the README's session as it stands, against an image of that name, and compares what it prints but for the numbers.
func TestReadme(t *testing.T) {
	docker(t)
	load(t, map[string]v1.Image{"web:1": webImage(t)})
	t.Cleanup(func() { exec.Command("docker", "rmi", "-f", "web.slim:1").Run() })
	dir := t.TempDir()
	env := append(os.Environ(), "SLIM_AGENT="+agentDir, "SLIM_CACHE="+filepath.Join(cacheDir(t), "slim"), "SLIM_ENGINE=embedded",
		"PATH="+filepath.Dir(slimBinary)+":"+os.Getenv("PATH"))
	commands := session(t, "../README.md")
	if len(commands) < 3 {
		t.Fatalf("the session has only %d commands", len(commands))
	}
	for _, e := range commands {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", e.command)
		cmd.Dir, cmd.Env = dir, env
		if strings.HasSuffix(e.command, "docker-run.sh") {
			serve(t, cmd, "web.slim:1")
			continue
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("$ %s: %v\n%s", e.command, err, tail(string(out), 30))
		}
		var want, got []string
		for _, line := range e.output {
			want = append(want, shape(line))
		}
		for _, line := range strings.Split(strings.TrimRight(string(out), "\n"), "\n") {
			got = append(got, shape(line))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("$ %s: the README is not what it prints now (-README +now):\n%s", e.command, diff)
			t.Logf("it printed:\n%s", out)
		}
	}
}

// serve runs a command that runs a container of an image, and waits until that listens.
func serve(t *testing.T, cmd *exec.Cmd, image string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	for ctx.Err() == nil {
		id, _ := exec.Command("docker", "ps", "-q", "--filter", "ancestor="+image).Output()
		if name := strings.TrimSpace(string(id)); name != "" {
			time.Sleep(3 * time.Second)
			running, _ := exec.Command("docker", "inspect", "-f", "{{.State.Running}}", name).Output()
			if strings.TrimSpace(string(running)) != "true" {
				t.Errorf("the slim image does not stay up:\n%s", out.String())
			}
			exec.Command("docker", "rm", "-f", name).Run()
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Errorf("no container of %s runs:\n%s", image, out.String())
	cmd.Process.Kill()
}

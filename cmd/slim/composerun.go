package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	mobyclient "github.com/moby/moby/client"
	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/agent"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/statedir"
)

// observe is the whole run: create the container to read its command, wrap and start it, run the tests, stop it, collect the evidence.
func (j *project) observe(c *cli.Context) (*analyzer.Evidence, error) {
	ctx := c.Context
	services := []string{j.service}
	if in := c.String("in"); in != "" && in != j.service {
		services = append(services, in)
	}
	if err := j.run(ctx, nil, append([]string{"up", "--no-start"}, services...)...); err != nil {
		return nil, err
	}
	service, image, err := j.inspect(ctx)
	if err != nil {
		return nil, err
	}
	override := filepath.Join(j.dir, "override.yaml")
	data, err := agent.Override(service)
	if err == nil {
		err = os.WriteFile(override, data, 0o600)
	}
	if err != nil {
		return nil, err
	}
	files := []string{override}
	if err := j.run(ctx, files, append([]string{"up", "-d"}, services...)...); err != nil {
		return nil, err
	}
	opt, err := j.p.buildOptions(c)
	if err != nil {
		return nil, err
	}
	if err := j.ready(ctx, time.Duration(opt.Observe.Timeout)*time.Second); err != nil {
		return nil, j.withLog(ctx, err)
	}
	failure := j.test(ctx, c.String("in"), files)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := j.run(ctx, files, "stop", j.service); err != nil {
		return nil, err
	}
	evidence, err := j.collect(image)
	if err != nil {
		return nil, j.withLog(ctx, err)
	}
	if failure != "" {
		evidence.Runs[0].Failure = failure
		if !c.Bool("keep-going") {
			return nil, &builder.ObservationError{Evidence: evidence, Failures: []string{failure}}
		}
	}
	return evidence, nil
}

// inspect returns the command of the service's container and the digest of its image.
func (j *project) inspect(ctx context.Context) (s agent.Service, image string, err error) {
	ids, err := j.containers(ctx, j.service)
	if err != nil {
		return s, "", err
	}
	if len(ids) == 0 {
		return s, "", fmt.Errorf("the service %s has no container", j.service)
	}
	found, err := j.work.docker.ContainerInspect(ctx, ids[0], mobyclient.ContainerInspectOptions{})
	if err != nil {
		return s, "", fmt.Errorf("asking the Docker engine: %w", err)
	}
	container := found.Container
	s = agent.Service{Name: j.service, Argv: append([]string{container.Path}, container.Args...), Evidence: j.evidenceDir()}
	if config := container.Config; config != nil {
		s.Shell = config.Shell
		if config.Healthcheck != nil {
			s.Health = config.Healthcheck.Test
		}
	}
	if s.Version, err = j.p.composeVersion(j.files[0]); err != nil {
		return s, "", err
	}
	cache, err := statedir.Dir()
	if err != nil {
		return s, "", err
	}
	if s.Agent, err = agent.Dir(cache, engine.Architecture(ctx, j.work.docker)); err != nil {
		return s, "", err
	}
	in, err := j.p.openIn(ctx, "docker:"+container.Image, "", j.work)
	if err != nil {
		return s, "", err
	}
	return s, in.Digest.String(), nil
}

// composeVersion is the version field of a compose file.
func (p *program) composeVersion(name string) (string, error) {
	data, err := p.readBounded(name, maxUserFile)
	if err != nil {
		return "", err
	}
	var file struct {
		Version string `yaml:"version"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return file.Version, nil
}

// ready waits until the service is up: healthy where it has a health check.
func (j *project) ready(ctx context.Context, limit time.Duration) error {
	for end := time.Now().Add(limit); ; {
		ids, err := j.containers(ctx, j.service)
		if err != nil {
			return err
		}
		healthy := len(ids) > 0
		for _, id := range ids {
			found, err := j.work.docker.ContainerInspect(ctx, id, mobyclient.ContainerInspectOptions{})
			if err != nil {
				return fmt.Errorf("asking the Docker engine: %w", err)
			}
			state := found.Container.State
			if state == nil || !state.Running {
				return fmt.Errorf("the service %s does not stay up", j.service)
			}
			healthy = healthy && (state.Health == nil || state.Health.Status == "healthy" || state.Health.Status == "none")
		}
		if healthy {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the service %s was not healthy within %s (--timeout)", j.service, limit)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// test runs the test command and returns why it failed, "" when it did not. On this machine it finds the project in the environment, as
// Compose names it.
func (j *project) test(ctx context.Context, in string, files []string) string {
	var cmd *exec.Cmd
	switch in {
	case "":
		cmd = exec.CommandContext(ctx, j.p.rest[0], j.p.rest[1:]...)
		cmd.Env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+j.name,
			"COMPOSE_FILE="+strings.Join(append(append([]string{}, j.files...), files...), ":"))
	case j.service: // docker exec starts no child of the entrypoint, so it needs a wrapper of its own
		cmd = j.command(ctx, files, append([]string{"exec", "-T", in}, agent.Wrap("test", "test.json", j.p.rest)...)...)
	default:
		cmd = j.command(ctx, files, append([]string{"exec", "-T", in}, j.p.rest...)...)
	}
	cmd.Stdin = j.p.stdin
	if in == "" {
		cmd.Stdout, cmd.Stderr = j.p.stderr, j.p.stderr // stdout is for the evidence
	}
	defer endOutput(cmd)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	j.p.infof("running %s", strings.Join(j.p.rest, " "))
	if err := cmd.Run(); err != nil {
		return fmt.Sprintf("the test command %s: %v", shell.Quote(j.p.rest[0]), err)
	}
	return ""
}

// collect merges the evidence that the agent wrote.
func (j *project) collect(image string) (*analyzer.Evidence, error) {
	list, err := analyzer.ReadEvidenceDir(j.evidenceDir())
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the service %s wrote no evidence", j.service)
	}
	evidence, err := analyzer.Merge(list...)
	if err == nil {
		evidence.Image = image
	}
	return evidence, err
}

// withLog prints the last lines of the service's log and returns err.
func (j *project) withLog(ctx context.Context, err error) error {
	cmd := j.command(ctx, nil, "logs", "--no-color", "--tail", "10", j.service)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, io.Discard
	_ = cmd.Run() // err matters more
	for line := range strings.Lines(log.String()) {
		j.p.alertf("%s", strings.TrimSpace(line))
	}
	return err
}

// downTime bounds the end of a project.
const downTime = 2 * time.Minute

// down removes the project, also after an interrupt: containers with their anonymous volumes, networks, and the volumes that it created. An
// external volume stays.
func (j *project) down(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTime)
	defer cancel()
	err := errors.Join(j.run(ctx, nil, "rm", "-f", "-s", "-v"), j.run(ctx, nil, "down"))
	filters := make(mobyclient.Filters).Add("label", "com.docker.compose.project="+j.name)
	volumes, listErr := j.work.docker.VolumeList(ctx, mobyclient.VolumeListOptions{Filters: filters})
	err = errors.Join(err, listErr)
	for _, volume := range volumes.Items {
		_, removed := j.work.docker.VolumeRemove(ctx, volume.Name, mobyclient.VolumeRemoveOptions{})
		err = errors.Join(err, removed)
	}
	return err
}

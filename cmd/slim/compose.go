package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/builder/engine"
)

// composeFlags are the flags of observe --compose.
func composeFlags() []cli.Flag {
	return []cli.Flag{
		texts(groupObserve, "compose", "observe a service of this compose FILE while the test command after -- runs (repeatable, as docker "+
			"compose -f)"),
		text(groupObserve, "in", "run the test command inside this SERVICE of --compose instead of on this machine"),
	}
}

// notWithCompose are the flags of observe for running and exercising an image without Compose.
var notWithCompose = []string{"platform", "file", "run", "env", "env-file", "exec", "probe", "probe-image", "mount",
	"entrypoint", "workdir", "hostname", "add-host", "network"}

// observeCompose starts a service under the agent, with its dependencies, in a project of its own, and runs the test command.
func (p *program) observeCompose(c *cli.Context) (err error) {
	p.quiet = c.Bool("quiet")
	for _, name := range notWithCompose {
		if c.IsSet(name) {
			return usagef("the compose file and the test command define how it runs", "--%s cannot be combined with --compose", name)
		}
	}
	if c.NArg() != 1 || len(p.rest) == 0 {
		return usagef("example: slim observe --compose compose.yaml web -o evidence.json -- ./test.sh",
			"--compose needs a SERVICE and, after --, a test command")
	}
	w := &work{}
	engineOpt := engineOptions(c)
	if err := w.findDocker(c.Context, &engineOpt); err != nil {
		return fmt.Errorf("--compose: %w", err)
	}
	defer w.close()
	if w.docker == nil || w.podman && os.Getenv("DOCKER_HOST") == "" { // Compose would not find it
		return &hintError{err: fmt.Errorf("--compose: %w", cmp.Or(w.noDocker, error(engine.ErrNoDocker))),
			hint: cmp.Or(hintFor(w.noDocker), "start Docker, or set DOCKER_HOST")}
	}
	project, err := p.openProject(c, w)
	if err != nil {
		return err
	}
	defer project.close()
	if err := project.refuseLeftover(c.Context); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, project.down(c.Context)) }()
	evidence, err := project.observe(c)
	if err != nil {
		return err
	}
	return p.writeEvidence(c, evidence)
}

// project is a temporary Compose project made from the user's files.
type project struct {
	p       *program
	work    *work
	compose []string // docker compose, or docker-compose
	files   []string // absolute
	name    string
	service string
	dir     string // temporary: the override, and the evidence
}

func (p *program) openProject(c *cli.Context, w *work) (*project, error) {
	p.busy.Store(true)
	compose, err := composeProgram(c.Context)
	if err != nil {
		return nil, err
	}
	j := &project{p: p, work: w, compose: compose, service: c.Args().First()}
	for _, file := range c.StringSlice("compose") {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("--compose: %w", err)
		}
		j.files = append(j.files, absolute(file))
	}
	sum := sha256.Sum256([]byte(strings.Join(j.files, "\x00")))
	j.name = "slim-" + nameFrom(filepath.Dir(j.files[0])) + "-" + hex.EncodeToString(sum[:3])
	if j.dir, err = os.MkdirTemp("", "slim-compose-"); err != nil {
		return nil, err
	}
	if err := os.Mkdir(j.evidenceDir(), 0o777); err != nil {
		return nil, err
	}
	return j, os.Chmod(j.evidenceDir(), 0o777) // the service's user writes here; the directory above is closed to others
}

func (j *project) evidenceDir() string { return filepath.Join(j.dir, "evidence") }

func (j *project) close() { os.RemoveAll(j.dir) }

// composeProgram is Compose as it is installed: the plug-in, else the older program.
func composeProgram(ctx context.Context) ([]string, error) {
	if exec.CommandContext(ctx, "docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}, nil
	}
	if name, err := exec.LookPath("docker-compose"); err == nil {
		return []string{name}, nil
	}
	return nil, &hintError{err: errors.New("--compose: neither `docker compose` nor `docker-compose` is installed"),
		hint: "Debian: apt-get install docker-compose; elsewhere: https://docs.docker.com/compose/install/"}
}

// command is one Compose command; files come after the user's own.
func (j *project) command(ctx context.Context, files []string, args ...string) *exec.Cmd {
	argv := append([]string{}, j.compose[1:]...)
	for _, file := range append(append([]string{}, j.files...), files...) {
		argv = append(argv, "-f", file)
	}
	argv = append(append(argv, "-p", j.name), args...) // what it prints is also of containers
	cmd := exec.CommandContext(ctx, j.compose[0], argv...)
	safe := printable.NewWriter(j.p.stderr) // one for both: os/exec then writes from one goroutine
	cmd.Stdout, cmd.Stderr = safe, safe
	if j.p.quiet {
		cmd.Stdout, cmd.Stderr = nil, nil
	}
	return cmd
}

// endOutput shows what a command wrote without ending the line.
func endOutput(cmd *exec.Cmd) {
	if w, ok := cmd.Stderr.(*printable.Writer); ok {
		w.Close()
	}
}

// run calls Compose; its error names the command.
func (j *project) run(ctx context.Context, files []string, args ...string) error {
	cmd := j.command(ctx, files, args...)
	var output bytes.Buffer
	if cmd.Stderr == nil {
		cmd.Stderr = &output
	}
	defer endOutput(cmd)
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = fmt.Errorf("docker compose %s: %w", strings.Join(args, " "), err)
		if text := printable.Lines(output.String()); text != "" {
			err = fmt.Errorf("%w (%s)", err, text)
		}
		return err
	}
	return nil
}

// containers are the ids of the project's containers, or of those of a service.
func (j *project) containers(ctx context.Context, args ...string) ([]string, error) {
	cmd := j.command(ctx, nil, append([]string{"ps", "-a", "-q"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("docker compose ps: %w", err)
	}
	return strings.Fields(out.String()), nil
}

// refuseLeftover is an error where the project already exists: another run is using it, or one was killed.
func (j *project) refuseLeftover(ctx context.Context) error {
	left, err := j.containers(ctx)
	if err == nil && len(left) > 0 {
		err = &hintError{err: fmt.Errorf("the Compose project %s already exists: another `slim observe` of these files is running, or one was "+
			"killed", j.name),
			hint: fmt.Sprintf("%s -p %s down", strings.Join(j.compose, " "), j.name)}
	}
	return err
}

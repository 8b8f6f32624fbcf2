package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder/agent"
	"github.com/slimimage/slim/layers"
)

func (p *program) agentCommand() *cli.Command {
	return &cli.Command{
		Name:  "agent",
		Usage: "export the agent as a file, an image or a Kubernetes patch",
		UsageText: "slim agent --output DIR|- [--platform OS/ARCH]\nslim agent --oci FILE | --push IMAGE\nslim agent --kubernetes MANIFEST " +
			"--agent-image IMAGE [-o FILE]",
		Description: `The agent (slim-sensor) is one static program that slim carries. In any container, slim-sensor wrap -- COMMAND runs the
command unchanged and records evidence for slim build --evidence; it needs no privilege. --output copies it out, --oci and --push
make an image that holds only the agent. --kubernetes prints a patch that wraps the container of a Deployment, a StatefulSet or a
DaemonSet (- is standard input).

Examples:
   slim agent --output .
   slim agent --push registry.example.com/slim-agent:1
   kubectl get deployment web -o yaml | slim agent --kubernetes - --agent-image registry.example.com/slim-agent:1 -o patch.yaml`,
		Flags: []cli.Flag{
			text(groupInput, "platform", "OS/ARCH of the agent to copy (default is this machine's)"),
			text(groupInput, "kubernetes", "MANIFEST of the workload to patch"),
			text(groupInput, "container", "NAME of the container to observe, where the workload has several"),
			text(groupInput, "agent-image", "IMAGE with the agent, where the cluster finds it"),
			text(groupOutput, "output", "copy the agent into DIR, or write the patch to FILE; - is standard output", "o"),
			text(groupOutput, "oci", "write the agent's image as an OCI archive FILE"),
			text(groupOutput, "push", "push the agent's image under the name IMAGE"),
			quietFlag(),
		},
		Action: p.agent,
	}
}

// agent is the command.
func (p *program) agent(c *cli.Context) error {
	if _, err := p.arguments(c); err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	switch {
	case c.String("kubernetes") != "":
		return p.agentPatch(c)
	case c.String("oci") != "" || c.String("push") != "":
		return p.agentImage(c)
	case c.String("output") != "":
		return p.agentCopy(c)
	}
	return usagef("example: slim agent --output .", "one of --output, --oci, --push and --kubernetes is missing")
}

// agentCopy writes the program.
func (p *program) agentCopy(c *cli.Context) error {
	arch := runtime.GOARCH
	if platform := c.String("platform"); platform != "" {
		linux := false
		if arch, linux = strings.CutPrefix(platform, "linux/"); !linux {
			return usagef("example: --platform linux/arm64", "--platform %q: the agent runs on linux", platform)
		}
	}
	program, err := agent.Read(arch)
	if err != nil {
		return err
	}
	write := func(w io.Writer) error {
		_, err := w.Write(program)
		return err
	}
	dir := c.String("output")
	if dir == "-" {
		if isTerminal(p.stdout) {
			return usagef("pass --output DIR, or pipe stdout somewhere", "refusing to write a program to a terminal")
		}
		return write(p.stdout)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	file := filepath.Join(dir, agent.Name)
	if err := p.writeFile(file, write); err != nil {
		return err
	}
	if err := os.Chmod(file, 0o755); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, file)
	return err
}

// agentImage writes or pushes the image.
func (p *program) agentImage(c *cli.Context) error {
	epoch, err := sourceDateEpoch()
	if err != nil {
		return err
	}
	created := time.Unix(0, 0).UTC()
	if epoch != nil {
		created = time.Unix(*epoch, 0).UTC()
	}
	image, err := agent.Image(ownVersion(), created)
	if err != nil {
		return err
	}
	if file := c.String("oci"); file != "" {
		if err := p.writeFile(file, func(w io.Writer) error { return agent.WriteArchive(w, image) }); err != nil {
			return err
		}
		if file != "-" {
			p.infof("written to %s (oci)", file)
		}
	}
	ref := c.String("push")
	if ref == "" {
		return nil
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return usagef("example: --push registry.example.com/slim-agent:1", "--push: %v", err)
	}
	if err := remote.WriteIndex(parsed, image, layers.RemoteOptions(c.Context)...); err != nil {
		return fmt.Errorf("pushing %s: %w", ref, layers.RegistryError(err))
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s@%s\n", parsed.Context().Name(), digest)
	return err
}

// agentPatch writes the patch. Where the manifest sets no command, the command and the digest come from the image.
func (p *program) agentPatch(c *cli.Context) error {
	if c.String("agent-image") == "" {
		return usagef("make one with `slim agent --push IMAGE`", "--kubernetes needs --agent-image")
	}
	data, err := p.readFile(c.String("kubernetes"))
	if err != nil {
		return err
	}
	workload, err := agent.ReadWorkload(data, c.String("container"))
	if err != nil {
		return fmt.Errorf("--kubernetes: %w", err)
	}
	var entrypoint, cmd []string
	digest := ""
	if len(workload.Command) == 0 {
		in, closeDocker, err := p.image(c, workload.Image)
		if err != nil {
			return err
		}
		defer closeDocker()
		config, err := in.Image.ConfigFile()
		if err != nil {
			return fmt.Errorf("image %s: %w", workload.Image, err)
		}
		entrypoint, cmd, digest = config.Config.Entrypoint, config.Config.Cmd, in.Digest.String()
	} else {
		p.infof("the manifest sets the command: image %s was not read, and the evidence will not name it", workload.Image)
	}
	patch, err := agent.Patch(workload, entrypoint, cmd, digest, c.String("agent-image"))
	if err != nil {
		return fmt.Errorf("--kubernetes: %w", err)
	}
	out := c.String("output")
	if out == "" {
		out = "-"
	}
	return p.writeFile(out, func(w io.Writer) error {
		_, err := w.Write(patch)
		return err
	})
}

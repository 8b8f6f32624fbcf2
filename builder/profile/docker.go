package profile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/slimimage/slim/analyzer/shell"
)

// runner is how an engine's command line spells what is not the same in all of them.
type runner struct {
	program string
	flags   []string // after --read-only
	mount   func(Model, WritableMount) []string
	publish func(Port) string
}

var docker = runner{program: "docker", mount: dockerMount, publish: published}

// DockerRun is one line for a POSIX shell that starts the image confined, in the directory of seccomp.json. Ports are published on the
// loopback address. An error is a Model that check refuses.
func DockerRun(m Model) (string, error) { return docker.line(m) }

func (r runner) line(m Model) (string, error) {
	if err := m.check(); err != nil {
		return "", fmt.Errorf("%s run: %w", r.program, err)
	}
	words := append([]string{r.program, "run", "--rm", "--read-only"}, r.flags...)
	for _, mount := range m.WritableMounts() {
		words = append(words, r.mount(m, mount)...)
	}
	words = append(words, m.Start.dockerWords()...)
	words = append(words, "--cap-drop", "ALL")
	for _, name := range m.ShortCapabilities() {
		words = append(words, "--cap-add", name)
	}
	if !m.NewPrivileges {
		words = append(words, "--security-opt", "no-new-privileges")
	}
	words = append(words, "--security-opt", "seccomp=seccomp.json", "--user", m.userText())
	if m.OpensLowPorts() {
		words = append(words, "--sysctl", unprivilegedPorts+"=0")
	}
	_, limit := m.memory()
	words = append(words, "--pids-limit", strconv.Itoa(pidsLimit), "--memory", mebibytes(limit, "m"), "--cpus", cpuLimit)
	for _, p := range m.served() {
		words = append(words, "--publish", r.publish(p))
	}
	if len(m.Ports) == 0 && len(m.Peers) == 0 {
		words = append(words, "--network", "none")
	}
	for i, word := range words {
		words[i] = shell.Quote(word)
	}
	return strings.Join(append(words, shell.Quote(m.Image)), " "), nil
}

func dockerMount(_ Model, mount WritableMount) []string {
	if mount.Volume {
		return []string{"--volume", "/" + string(mount.Path)} // an anonymous volume starts with the image's files
	}
	return []string{"--tmpfs", mount.tmpfs()}
}

// unprivilegedPorts is the first port that an ordinary user may open, for the network namespace (ip-sysctl). Docker and containerd set it
// to 0 by themselves in newer versions.
const unprivilegedPorts = "net.ipv4.ip_unprivileged_port_start"

func (m Model) userText() string { return fmt.Sprintf("%d:%d", m.UID, m.GID) }

func published(p Port) string {
	return fmt.Sprintf("127.0.0.1:%d:%d/%s", p.Number, p.Number, p.Network)
}

// dockerScript is DockerRun as a file that can be started from anywhere; more arguments go to the program.
func dockerScript(m Model) ([]byte, error) { return docker.script(m) }

// script is the line as a file; notes are further comments.
func (r runner) script(m Model, notes ...string) ([]byte, error) {
	line, err := r.line(m)
	if err != nil {
		return nil, err
	}
	out := &text{}
	out.line("#!/bin/sh")
	out.line("# Starts %s confined. More arguments are the program's.", comment(m.Image))
	for _, warning := range m.Warnings {
		out.line("# Warning: %s", comment(warning))
	}
	for _, note := range notes {
		out.line("# %s", note)
	}
	out.line("# With AppArmor: apparmor_parser --replace apparmor.profile, and --security-opt apparmor=%s", m.appArmorName())
	out.line(`cd -- "$(dirname -- "$0")" || exit 1`)
	out.line(`exec %s "$@"`, line)
	return out.bytes(), nil
}

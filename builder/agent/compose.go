package agent

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer"
)

// Paths of the agent and of the evidence in a container that the agent wraps. Paths below /.slim are never recorded.
const (
	MountBin      = "/.slim/bin"
	MountEvidence = "/.slim/evidence"
)

// Service is one service of a Compose project, with the values of its container.
type Service struct {
	Name     string
	Version  string   // of the compose file, which an override has to repeat; "" without
	Argv     []string // what the container runs
	Health   []string // its health check as Docker has it (["CMD", ...], ["CMD-SHELL", LINE], ["NONE"]), nil without
	Shell    []string // of a CMD-SHELL health check; /bin/sh -c when empty
	Agent    string   // directory on the engine's machine with the agent
	Evidence string   // directory on the engine's machine, writable for every user
}

// Wrap is the command line that runs argv under the agent as the run name; its evidence goes to out below MountEvidence, "" for a file
// of its own.
func Wrap(name, out string, argv []string) []string {
	return append([]string{MountBin + "/" + Name, "wrap", "--out", MountEvidence + "/" + out, "--name", name, "--"}, argv...)
}

// Override is the compose file that, after the project's own, has the agent wrap the service's entrypoint and its health check, which
// Docker starts beside it.
func Override(s Service) ([]byte, error) {
	if len(s.Argv) == 0 {
		return nil, fmt.Errorf("service %s: its container runs nothing", s.Name)
	}
	service := map[string]any{
		"entrypoint": dollars(Wrap("compose "+s.Name, "", s.Argv[:1])),
		"command":    dollars(s.Argv[1:]),
		"volumes":    dollars([]string{s.Agent + ":" + MountBin + ":ro,z", s.Evidence + ":" + MountEvidence + ":z"}),
	}
	if test := analyzer.HealthArgv(s.Health, s.Shell); test != nil {
		service["healthcheck"] = map[string]any{"test": append([]string{"CMD"}, dollars(Wrap("health "+s.Name, "health.json", test))...)}
	}
	file := map[string]any{"services": map[string]any{s.Name: service}}
	if s.Version != "" {
		file["version"] = s.Version
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(file); err != nil {
		return nil, fmt.Errorf("service %s: %w", s.Name, err)
	}
	return b.Bytes(), nil
}

// dollars escapes text that Compose would expand as a variable.
func dollars(words []string) []string {
	escaped := make([]string, len(words))
	for i, word := range words {
		escaped[i] = strings.ReplaceAll(word, "$", "$$")
	}
	return escaped
}

package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer"
)

// shorthand is a step as a user may write it: in full, or "get: /path", "exec: COMMAND LINE", "wait: SECONDS".
type shorthand struct {
	Name string             `yaml:"name"`
	Get  string             `yaml:"get"`
	HTTP *analyzer.HTTPStep `yaml:"http"`
	TCP  *analyzer.TCPStep  `yaml:"tcp"`
	Exec *execShort         `yaml:"exec"`
	Wait *waitShort         `yaml:"wait"`
}

type execShort struct{ analyzer.ExecStep }

// UnmarshalYAML reads a command line, or the mapping in full.
func (e *execShort) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&e.Line)
	}
	return strict(node, &e.ExecStep)
}

type waitShort struct{ analyzer.WaitStep }

// UnmarshalYAML reads seconds, or the mapping in full.
func (w *waitShort) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		return node.Decode(&w.Seconds)
	}
	return strict(node, &w.WaitStep)
}

// strict decodes a node and refuses unknown keys, which Node.Decode does not.
func strict(node *yaml.Node, v any) error {
	data, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(v); err != nil {
		return fmt.Errorf("line %d: %w", node.Line, err)
	}
	return nil
}

// maxProbeFile bounds a --probe file, in bytes.
const maxProbeFile = 4 << 20

// ParseSteps reads a --probe file: a YAML list of steps. Unknown keys and steps that ask for nothing, or for two things, are
// errors that name the step.
func ParseSteps(data []byte) ([]analyzer.Step, error) {
	if len(data) > maxProbeFile {
		return nil, fmt.Errorf("the probe file has %d bytes, more than %d", len(data), maxProbeFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	var list []shorthand
	if err := decoder.Decode(&list); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the probe file: %w", err)
	}
	steps := make([]analyzer.Step, 0, len(list))
	for i, short := range list {
		step, err := short.step()
		if err != nil {
			return nil, fmt.Errorf("step %d of the probe file: %w", i+1, err)
		}
		steps = append(steps, step)
	}
	return steps, nil
}

func (s shorthand) step() (analyzer.Step, error) {
	step := analyzer.Step{Name: s.Name, HTTP: s.HTTP, TCP: s.TCP}
	kinds := 0
	if s.Get != "" {
		step.HTTP = &analyzer.HTTPStep{Path: s.Get}
		kinds++
	}
	if s.Exec != nil {
		step.Exec = &s.Exec.ExecStep
		kinds++
	}
	if s.Wait != nil {
		step.Wait = &s.Wait.WaitStep
		kinds++
	}
	if s.HTTP != nil {
		kinds++
	}
	if s.TCP != nil {
		kinds++
	}
	if kinds != 1 {
		return step, fmt.Errorf("it names %d of get, http, tcp, exec and wait, not one", kinds)
	}
	if s.TCP != nil && (s.TCP.Port <= 0 || s.TCP.Port > 65535) {
		return step, fmt.Errorf("tcp needs a port")
	}
	return step, nil
}

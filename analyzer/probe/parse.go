package probe

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/strictyaml"
)

const (
	maxProbeFile = 4 << 20 // bytes of a --probe file
	maxSteps     = 10000
	maxPort      = 65535
)

// ParseSteps reads a --probe file: a YAML list of steps, each with one of http, tcp, exec and wait as analyzer.Step has them,
// or in short "get: PATH", "exec: COMMAND LINE", "exec: [ARGUMENT, ...]", "wait: SECONDS". Unknown keys, values of another kind
// and steps with no action, or with two, are errors with the line. A file without steps is an error too.
func ParseSteps(data []byte) ([]analyzer.Step, error) {
	if len(data) > maxProbeFile {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), maxProbeFile)
	}
	list, err := strictyaml.Document(data)
	if err != nil {
		return nil, err
	}
	if list == nil {
		return nil, errors.New("it has no steps")
	}
	switch {
	case list.Kind != yaml.SequenceNode:
		return nil, strictyaml.Errorf(list, "it is no list of steps (\"- get: /\")")
	case len(list.Content) == 0:
		return nil, errors.New("it has no steps")
	case len(list.Content) > maxSteps:
		return nil, fmt.Errorf("it has %d steps, more than %d", len(list.Content), maxSteps)
	}
	steps := make([]analyzer.Step, len(list.Content))
	for i, node := range list.Content {
		if err := parseStep(node, &steps[i]); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

// parseStep reads one item of the list.
func parseStep(node *yaml.Node, step *analyzer.Step) error {
	kinds := 0
	parts := map[string]func(*yaml.Node) error{
		"name": func(n *yaml.Node) error { return strictyaml.Decode(n, &step.Name) },
		"get": func(n *yaml.Node) error {
			kinds++
			step.HTTP = &analyzer.HTTPStep{}
			return strictyaml.Decode(n, &step.HTTP.Path)
		},
		"http": func(n *yaml.Node) error { kinds++; step.HTTP = &analyzer.HTTPStep{}; return parseHTTP(n, step.HTTP) },
		"tcp":  func(n *yaml.Node) error { kinds++; step.TCP = &analyzer.TCPStep{}; return parseTCP(n, step.TCP) },
		"exec": func(n *yaml.Node) error { kinds++; step.Exec = &analyzer.ExecStep{}; return parseExec(n, step.Exec) },
		"wait": func(n *yaml.Node) error { kinds++; step.Wait = &analyzer.WaitStep{}; return parseWait(n, step.Wait) },
	}
	if err := eachKey(node, parts); err != nil {
		return err
	}
	if kinds != 1 {
		return strictyaml.Errorf(node, "a step has one of get, http, tcp, exec and wait, this one has %d", kinds)
	}
	return nil
}

func parseHTTP(node *yaml.Node, s *analyzer.HTTPStep) error {
	err := eachKey(node, map[string]func(*yaml.Node) error{
		"method":   func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Method) },
		"url":      func(n *yaml.Node) error { return strictyaml.Decode(n, &s.URL) },
		"port":     func(n *yaml.Node) error { return number(n, &s.Port, 1, maxPort) },
		"path":     func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Path) },
		"headers":  func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Headers) },
		"body":     func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Body) },
		"status":   func(n *yaml.Node) error { return number(n, &s.Status, 100, 599) },
		"contains": func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Text) },
	})
	if err == nil && s.URL != "" && (s.Port != 0 || s.Path != "") {
		err = strictyaml.Errorf(node, "url says it all: no port and no path beside it")
	}
	return err
}

func parseTCP(node *yaml.Node, s *analyzer.TCPStep) error {
	err := eachKey(node, map[string]func(*yaml.Node) error{
		"port":   func(n *yaml.Node) error { return number(n, &s.Port, 1, maxPort) },
		"send":   func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Send) },
		"expect": func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Expect) },
	})
	if err == nil && s.Port == 0 {
		err = strictyaml.Errorf(node, "tcp needs a port")
	}
	return err
}

func parseExec(node *yaml.Node, s *analyzer.ExecStep) (err error) {
	switch node.Kind {
	case yaml.ScalarNode:
		err = strictyaml.Decode(node, &s.Line)
	case yaml.SequenceNode:
		err = strictyaml.Decode(node, &s.Argv)
	default:
		err = eachKey(node, map[string]func(*yaml.Node) error{
			"argv":     func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Argv) },
			"line":     func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Line) },
			"user":     func(n *yaml.Node) error { return strictyaml.Decode(n, &s.User) },
			"status":   func(n *yaml.Node) error { return number(n, &s.Status, 0, 255) },
			"contains": func(n *yaml.Node) error { return strictyaml.Decode(n, &s.Text) },
		})
	}
	if err == nil && (strings.TrimSpace(s.Line) == "") == (len(s.Argv) == 0) {
		err = strictyaml.Errorf(node, "exec needs a command line or argv")
	}
	return err
}

func parseWait(node *yaml.Node, s *analyzer.WaitStep) error {
	const day = 24 * 60 * 60
	if node.Kind == yaml.ScalarNode {
		return number(node, &s.Seconds, 1, day)
	}
	err := eachKey(node, map[string]func(*yaml.Node) error{
		"port":    func(n *yaml.Node) error { return number(n, &s.Port, 1, maxPort) },
		"seconds": func(n *yaml.Node) error { return number(n, &s.Seconds, 1, day) },
	})
	if err == nil && s.Port == 0 && s.Seconds == 0 {
		err = strictyaml.Errorf(node, "wait needs seconds or a port")
	}
	return err
}

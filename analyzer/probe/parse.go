package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer"
)

const (
	maxProbeFile = 4 << 20 // bytes of a --probe file
	maxSteps     = 10000
	maxPort      = 65535
)

// ParseSteps reads a --probe file: a YAML list of steps, each with one of http, tcp, exec and wait as analyzer.Step has them,
// or in short "get: PATH", "exec: COMMAND LINE", "exec: [ARGUMENT, ...]", "wait: SECONDS". Unknown keys, values of another kind
// and steps that ask for nothing, or for two things, are errors with the line. A file without steps is one too.
func ParseSteps(data []byte) ([]analyzer.Step, error) {
	if len(data) > maxProbeFile {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(data), maxProbeFile)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var file yaml.Node
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, plainYAML(err)
	}
	if len(file.Content) == 0 {
		return nil, errors.New("it has no steps")
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("it has more than one document")
	}
	list := file.Content[0]
	switch {
	case list.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: it is no list of steps (\"- get: /\")", list.Line)
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

// plainYAML is an error of the YAML package on one line and without its name.
func plainYAML(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n")
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// parseStep reads one item of the list.
func parseStep(node *yaml.Node, step *analyzer.Step) error {
	kinds := 0
	parts := map[string]func(*yaml.Node) error{
		"name": func(n *yaml.Node) error { return decode(n, &step.Name) },
		"get": func(n *yaml.Node) error {
			kinds++
			step.HTTP = &analyzer.HTTPStep{}
			return decode(n, &step.HTTP.Path)
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
		return fmt.Errorf("line %d: a step has one of get, http, tcp, exec and wait, this one has %d", node.Line, kinds)
	}
	return nil
}

func parseHTTP(node *yaml.Node, s *analyzer.HTTPStep) error {
	err := eachKey(node, map[string]func(*yaml.Node) error{
		"method":   func(n *yaml.Node) error { return decode(n, &s.Method) },
		"url":      func(n *yaml.Node) error { return decode(n, &s.URL) },
		"port":     func(n *yaml.Node) error { return number(n, &s.Port, 1, maxPort) },
		"path":     func(n *yaml.Node) error { return decode(n, &s.Path) },
		"headers":  func(n *yaml.Node) error { return decode(n, &s.Headers) },
		"body":     func(n *yaml.Node) error { return decode(n, &s.Body) },
		"status":   func(n *yaml.Node) error { return number(n, &s.Status, 100, 599) },
		"contains": func(n *yaml.Node) error { return decode(n, &s.Text) },
	})
	if err == nil && s.URL != "" && (s.Port != 0 || s.Path != "") {
		err = fmt.Errorf("line %d: url says it all: no port and no path beside it", node.Line)
	}
	return err
}

func parseTCP(node *yaml.Node, s *analyzer.TCPStep) error {
	err := eachKey(node, map[string]func(*yaml.Node) error{
		"port":   func(n *yaml.Node) error { return number(n, &s.Port, 1, maxPort) },
		"send":   func(n *yaml.Node) error { return decode(n, &s.Send) },
		"expect": func(n *yaml.Node) error { return decode(n, &s.Expect) },
	})
	if err == nil && s.Port == 0 {
		err = fmt.Errorf("line %d: tcp needs a port", node.Line)
	}
	return err
}

func parseExec(node *yaml.Node, s *analyzer.ExecStep) (err error) {
	switch node.Kind {
	case yaml.ScalarNode:
		err = decode(node, &s.Line)
	case yaml.SequenceNode:
		err = decode(node, &s.Argv)
	default:
		err = eachKey(node, map[string]func(*yaml.Node) error{
			"argv":     func(n *yaml.Node) error { return decode(n, &s.Argv) },
			"line":     func(n *yaml.Node) error { return decode(n, &s.Line) },
			"user":     func(n *yaml.Node) error { return decode(n, &s.User) },
			"status":   func(n *yaml.Node) error { return number(n, &s.Status, 0, 255) },
			"contains": func(n *yaml.Node) error { return decode(n, &s.Text) },
		})
	}
	if err == nil && (strings.TrimSpace(s.Line) == "") == (len(s.Argv) == 0) {
		err = fmt.Errorf("line %d: exec needs a command line or argv", node.Line)
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
		err = fmt.Errorf("line %d: wait needs seconds or a port", node.Line)
	}
	return err
}

package profile

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Compose is a compose file (compose-spec) with the image as its only service, confined as DockerRun does. It stands beside seccomp.json.
// An error is a Model that check refuses.
func Compose(m Model) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	_, limit := m.memory()
	service := object{
		"image":        dollars(m.Image),
		"user":         m.userText(),
		"read_only":    true,
		"cap_drop":     []string{"ALL"},
		"security_opt": []string{"seccomp:./seccomp.json"},
		"pids_limit":   pidsLimit,
		"mem_limit":    mebibytes(limit, "m"),
		"cpus":         cpuLimit,
	}
	if !m.NewPrivileges {
		service["security_opt"] = []string{"no-new-privileges:true", "seccomp:./seccomp.json"}
	}
	var tmpfs, volumes, ports []string
	for _, mount := range m.WritableMounts() {
		if mount.Volume {
			volumes = append(volumes, dollars("/"+string(mount.Path)))
		} else {
			tmpfs = append(tmpfs, dollars(mount.tmpfs()))
		}
	}
	for _, p := range m.served() {
		ports = append(ports, published(p))
	}
	for _, mount := range m.Start.Mounts {
		volumes = append(volumes, dollars(mount.text()))
	}
	m.Start.compose(service)
	for key, list := range map[string][]string{"cap_add": m.ShortCapabilities(), "tmpfs": tmpfs, "volumes": volumes, "ports": ports} {
		if len(list) > 0 {
			service[key] = list
		}
	}
	if m.OpensLowPorts() {
		service["sysctls"] = object{unprivilegedPorts: "0"}
	}
	if len(m.Ports) == 0 && len(m.Peers) == 0 {
		service["network_mode"] = "none"
	}
	if len(m.Health) > 0 {
		test := []string{"CMD"}
		for _, word := range m.Health {
			test = append(test, dollars(word))
		}
		service["healthcheck"] = object{"test": test, "interval": "30s", "timeout": "5s", "start_period": "60s", "retries": 3}
	}
	data, err := documents(m.Warnings, object{"services": object{m.Name: service}})
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	return data, nil
}

// dollars escapes text that compose would expand as a variable.
func dollars(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// object is a YAML mapping; it is written with sorted keys.
type object = map[string]any

// documents writes YAML documents below comments.
func documents(comments []string, docs ...any) ([]byte, error) {
	var b bytes.Buffer
	for _, line := range comments {
		fmt.Fprintf(&b, "# Warning: %s\n", comment(line))
	}
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	for _, doc := range docs {
		if err := encoder.Encode(doc); err != nil {
			return nil, err
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

package agent

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestOverride(t *testing.T) {
	wrapped := []any{"/.slim/bin/slim-sensor", "wrap", "--out", "/.slim/evidence/", "--name", "compose web", "--", "run"}
	health := func(words ...any) map[string]any {
		return map[string]any{"test": append([]any{"CMD", "/.slim/bin/slim-sensor", "wrap", "--out", "/.slim/evidence/health.json",
			"--name", "health web", "--"}, words...)}
	}
	for _, test := range []struct {
		name   string
		health []string
		shell  []string
		want   any
	}{
		{"none", nil, nil, nil},
		{"off", []string{"NONE"}, nil, nil},
		{"command", []string{"CMD", "check", "$1"}, nil, health("check", "$$1")},
		{"line", []string{"CMD-SHELL", "a | b"}, nil, health("/bin/sh", "-c", "a | b")},
		{"line for a shell", []string{"CMD-SHELL", "a"}, []string{"/bin/bash", "-ec"}, health("/bin/bash", "-ec", "a")},
	} {
		t.Run(test.name, func(t *testing.T) {
			data, err := Override(Service{Name: "web", Argv: []string{"run", "$HOME"}, Health: test.health, Shell: test.shell, Agent: "/a",
				Evidence: "/e"})
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := yaml.Unmarshal(data, &got); err != nil {
				t.Fatal(err)
			}
			service := map[string]any{"entrypoint": wrapped, "command": []any{"$$HOME"},
				"volumes": []any{"/a:/.slim/bin:ro,z", "/e:/.slim/evidence:z"}}
			if test.want != nil {
				service["healthcheck"] = test.want
			}
			if diff := cmp.Diff(map[string]any{"services": map[string]any{"web": service}}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if data, err := Override(Service{Name: "web"}); err == nil {
		t.Errorf("Override of nothing to run = %s", data)
	}
}

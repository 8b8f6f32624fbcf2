package spelling

import (
	"strings"
	"testing"
)

func TestClosest(t *testing.T) {
	candidates := []string{"get", "http", "tag", "tcp", "wait", "probe-command"}
	for name, want := range map[string]string{
		"tga": "tag", "htpp": "http", "prob-command": "probe-command", "wait": "wait",
		"banana": "", "": "", "x": "", strings.Repeat("get", 100): "",
	} {
		if got := Closest(name, candidates); got != want {
			t.Errorf("Closest(%q) = %q, want %q", name, got, want)
		}
	}
}

package rules

import (
	"slices"
	"testing"
)

func TestPlacesHaveSource(t *testing.T) {
	for _, p := range Places() {
		if p.Name == "" || p.Source == "" || len(p.Paths) == 0 {
			t.Errorf("place %+v lacks a name, a source or paths", p)
		}
		if sorted := slices.Sorted(slices.Values(p.Paths)); len(slices.Compact(sorted)) != len(p.Paths) {
			t.Errorf("place %q has a path twice: %v", p.Name, p.Paths)
		}
	}
}

func TestLayout(t *testing.T) {
	for _, test := range []struct {
		fact string
		of   func(string) bool
		yes  []string
		no   []string
	}{
		{"Givable", Givable, []string{"app", "var/lib/x", "tmp", "opt/x"}, []string{".", "etc", "usr/lib", "proc/x", ".dockerenv"}},
		{"SharedDir", SharedDir, []string{"usr/bin", "etc"}, []string{"usr/bin/x", "app"}},
		{"ApplicationTop", ApplicationTop, []string{"app/x", "srv", "var/www/x", "usr/src/x"}, []string{"usr/x", "var/lib/x", "tmp/x"}},
		{"Unmountable", Unmountable, []string{"usr", "libx32"}, []string{"run", "tmp", "usr/local"}},
		{"KernelDir", KernelDir, []string{"proc", "sys/x"}, []string{"processes", ".dockerenv"}},
		{"Sandbox", Sandbox, []string{"proc/1", "dev/null", ".dockerenv"}, []string{"proc", "devel/x"}},
		{"UnusedTree", UnusedTree,
			[]string{"usr/share/doc", "usr/share/doc/x", "app/__pycache__", "app/.git/refs", "usr/share/x/node_modules/y"},
			[]string{"usr/share/docs", "app/node_modules/y", "var/lib/x"}},
		{"ForeignSetting", ForeignSetting, []string{"etc/cron.d/x", "etc/init.d/x"}, []string{"etc/x.conf", "usr/etc/cron"}},
		{"BytecodeCache", BytecodeCache, []string{"a/__pycache__", "__pycache__/x.pyc"}, []string{"a/pycache"}},
	} {
		for _, name := range test.yes {
			if !test.of(name) {
				t.Errorf("%s(%q) = false, want true", test.fact, name)
			}
		}
		for _, name := range test.no {
			if test.of(name) {
				t.Errorf("%s(%q) = true, want false", test.fact, name)
			}
		}
	}
}

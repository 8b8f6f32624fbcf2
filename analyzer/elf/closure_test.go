package elf_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

func closure(deps []elf.Dep) []string {
	var lines []string
	for _, dep := range deps {
		line := dep.From.Path + " " + dep.Need.Via + " " + dep.Need.Name + ": " + strings.Join(found(dep.Need.Found), ", ")
		if dep.Loaded {
			line += "loaded"
		}
		lines = append(lines, line)
	}
	return lines
}

// A private library found through the program's RUNPATH satisfies its other libraries too, though they could not find it.
func TestClosure(t *testing.T) {
	r := elf.NewResolver(tree(map[string]string{
		"prog": string(elftest.Build(elftest.Spec{
			Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libprivate.so", "liba.so.1"}, Runpath: "/opt",
		})),
		"lib64/ld-linux-x86-64.so.2": string(elftest.Library("ld-linux-x86-64.so.2")),
		"opt/libprivate.so":          string(elftest.Library("libprivate.so.3")),
		"usr/lib/liba.so.1": string(elftest.Library("liba.so.1", "libprivate.so.3", "liba.so.1", "ld-linux-x86-64.so.2",
			"libgone.so.1")),
	}), elf.Env{})
	prog, err := r.Open("prog", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"prog interp /lib64/ld-linux-x86-64.so.2: lib64/ld-linux-x86-64.so.2", "prog needed libprivate.so: opt/libprivate.so",
		"prog needed liba.so.1: usr/lib/liba.so.1", "usr/lib/liba.so.1 needed libprivate.so.3: loaded",
		"usr/lib/liba.so.1 needed liba.so.1: loaded", "usr/lib/liba.so.1 needed ld-linux-x86-64.so.2: loaded",
		"usr/lib/liba.so.1 needed libgone.so.1: ",
	}
	if diff := cmp.Diff(want, closure(r.Closure(prog))); diff != "" {
		t.Errorf("Closure (-want +got):\n%s", diff)
	}
	plugin := &elf.Object{Path: "plugin.so", File: read(t, elftest.Library("plugin.so", "liba.so.1", "libb.so.1")), Loader: prog}
	want = []string{"plugin.so needed liba.so.1: loaded", "plugin.so needed libb.so.1: "}
	if diff := cmp.Diff(want, closure(r.Closure(plugin))); diff != "" {
		t.Errorf("Closure of a plug-in (-want +got):\n%s", diff)
	}
}

// The worklist's way: one object at a time, each found library opened with who asked for it as its loader.
func ExampleResolver_Needs() {
	root := tree(map[string]string{
		"usr/bin/app": string(elftest.Build(elftest.Spec{Interp: "/lib64/ld-linux-x86-64.so.2", Needed: []string{"libx.so.1"},
			Rpath: "$ORIGIN/../lib/app"})),
		"lib64/ld-linux-x86-64.so.2": string(elftest.Library("ld-linux-x86-64.so.2")),
		"usr/lib/app/libx.so.1":      "-> libx.so.1.2", "usr/lib/app/libx.so.1.2": string(elftest.Library("libx.so.1", "liby.so")),
		"usr/lib/app/liby.so": string(elftest.Library("liby.so")),
	})
	r := elf.NewResolver(root, elf.Env{})
	var follow func(obj *elf.Object)
	follow = func(obj *elf.Object) {
		for _, need := range r.Needs(obj) {
			for _, found := range need.Found {
				fmt.Println(obj.Path, need.Via, found.Path, found.Hops)
				follow(found.Object(obj))
			}
		}
	}
	app, err := r.Open("usr/bin/app", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	follow(app)
	// Output:
	// usr/bin/app interp lib64/ld-linux-x86-64.so.2 []
	// usr/bin/app needed usr/lib/app/libx.so.1.2 [usr/lib/app/libx.so.1]
	// usr/lib/app/libx.so.1.2 needed usr/lib/app/liby.so []
}

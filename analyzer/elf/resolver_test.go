package elf_test

import (
	stdelf "debug/elf"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
	"github.com/slimimage/slim/layers"
)

// lib is a library's bytes under any name.
var lib = string(elftest.Library("x"))

// tree makes a root: "path" = bytes, or "path" = "-> target" for a symlink.
func tree(files map[string]string) fstest.MapFS {
	root := fstest.MapFS{}
	for name, data := range files {
		if target, ok := strings.CutPrefix(data, "-> "); ok {
			root[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		} else {
			root[name] = &fstest.MapFile{Data: []byte(data), Mode: 0o755}
		}
	}
	return root
}

// found is paths as opened, with the physical one behind an arrow where it is another.
func found(list []elf.Found) []string {
	var out []string
	for _, f := range list {
		s := f.As
		if f.Path != f.As {
			s += " -> " + f.Path
		}
		out = append(out, s)
	}
	return out
}

func TestLookupOrder(t *testing.T) {
	const multi = "usr/lib/x86_64-linux-gnu/"
	glibc := func(spec elftest.Spec) string {
		spec.Interp = "/lib64/ld-linux-x86-64.so.2"
		return string(elftest.Build(spec))
	}
	tests := map[string]struct {
		files map[string]string
		env   elf.Env
		want  []string
	}{
		"default directories, multiarch first": {
			map[string]string{"usr/lib/libx.so.1": lib, multi + "libx.so.1": lib}, elf.Env{}, []string{multi + "libx.so.1"},
		},
		"merged usr": {
			map[string]string{"lib": "-> usr/lib", multi + "libx.so.1": "-> libx.so.1.2", multi + "libx.so.1.2": lib}, elf.Env{},
			[]string{"lib/x86_64-linux-gnu/libx.so.1 -> " + multi + "libx.so.1.2"},
		},
		"cache before default": {
			map[string]string{"opt/libx.so.1": lib, "usr/lib/libx.so.1": lib, "etc/ld.so.cache": string(newCache("libx.so.1", "/opt/libx.so.1"))},
			elf.Env{}, []string{"opt/libx.so.1"},
		},
		"stale cache entry": {
			map[string]string{"usr/lib/libx.so.1": lib, "etc/ld.so.cache": string(newCache("libx.so.1", "/opt/libx.so.1"))},
			elf.Env{}, []string{"usr/lib/libx.so.1"},
		},
		"runpath before cache": {
			map[string]string{
				"prog": glibc(elftest.Spec{Runpath: "/run"}), "run/libx.so.1": lib, "opt/libx.so.1": lib,
				"etc/ld.so.cache": string(newCache("libx.so.1", "/opt/libx.so.1")),
			},
			elf.Env{}, []string{"run/libx.so.1"},
		},
		"library path before runpath": {
			map[string]string{"prog": glibc(elftest.Spec{Runpath: "/run"}), "run/libx.so.1": lib, "env/libx.so.1": lib},
			elf.Env{LibraryPath: []string{"relative", "/env/"}}, []string{"env/libx.so.1"},
		},
		"rpath before library path": {
			map[string]string{"prog": glibc(elftest.Spec{Rpath: "/rpath"}), "rpath/libx.so.1": lib, "env/libx.so.1": lib},
			elf.Env{LibraryPath: []string{"/env"}}, []string{"rpath/libx.so.1"},
		},
		"rpath ignored beside runpath": {
			map[string]string{"prog": glibc(elftest.Spec{Rpath: "/rpath", Runpath: "/run"}), "rpath/libx.so.1": lib, "usr/lib/libx.so.1": lib},
			elf.Env{}, []string{"usr/lib/libx.so.1"},
		},
		"origin, lib and platform": {
			map[string]string{"prog": glibc(elftest.Spec{Runpath: "${ORIGIN}/a/$LIB/$PLATFORM"}), "a/lib64/x86_64/libx.so.1": lib},
			elf.Env{}, []string{"a/lib64/x86_64/libx.so.1"},
		},
		"no default directories": {
			map[string]string{
				"prog": glibc(elftest.Spec{Flags1: stdelf.DF_1_NODEFLIB}), "usr/lib/libx.so.1": lib,
				"etc/ld.so.cache": string(newCache("libx.so.1", "/usr/lib/libx.so.1")),
			},
			elf.Env{}, nil,
		},
		"hwcaps: all variants, then the plain one": {
			map[string]string{
				multi + "libx.so.1": lib, multi + "glibc-hwcaps/x86-64-v2/libx.so.1": lib, multi + "glibc-hwcaps/x86-64-v3/libx.so.1": lib,
				multi + "glibc-hwcaps/power9/libx.so.1": lib, multi + "tls/haswell/libx.so.1": lib,
			},
			elf.Env{}, []string{
				multi + "glibc-hwcaps/x86-64-v3/libx.so.1", multi + "glibc-hwcaps/x86-64-v2/libx.so.1",
				multi + "tls/haswell/libx.so.1", multi + "libx.so.1",
			},
		},
		"hwcaps without a plain one go on": {
			map[string]string{"usr/lib64/glibc-hwcaps/x86-64-v3/libx.so.1": lib, "usr/lib/libx.so.1": lib},
			elf.Env{}, []string{"usr/lib64/glibc-hwcaps/x86-64-v3/libx.so.1", "usr/lib/libx.so.1"},
		},
		"another machine, text and directories are skipped": {
			map[string]string{
				"lib/x86_64-linux-gnu/libx.so.1": string(elftest.Build(elftest.Spec{Machine: stdelf.EM_AARCH64})),
				multi + "libx.so.1":              string(elftest.Build(elftest.Spec{Machine: stdelf.EM_386})),
				"lib64/libx.so.1":                "GROUP ( libx.so.2 )", "usr/lib64/libx.so.1/file": "", "lib/libx.so.1": lib,
			},
			elf.Env{}, []string{"lib/libx.so.1"},
		},
		"ld.so.conf without a cache": {
			map[string]string{
				"etc/ld.so.conf": "# comment\ninclude ld.so.conf.d/*.conf\n", "etc/ld.so.conf.d/b.conf": "/b # x\n",
				"etc/ld.so.conf.d/a.conf": "/a\ninclude /etc/ld.so.conf\n", "b/libx.so.1": lib, "usr/lib/libx.so.1": lib,
			},
			elf.Env{}, []string{"b/libx.so.1"},
		},
		"link out of the root stays inside": {
			map[string]string{"usr/lib/libx.so.1": "-> ../../../../../etc/passwd", "etc/passwd": "root"}, elf.Env{}, nil,
		},
		"cyclic links": {map[string]string{"usr/lib/libx.so.1": "-> libx.so.1"}, elf.Env{}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.files["prog"] == "" {
				test.files["prog"] = glibc(elftest.Spec{})
			}
			r := elf.NewResolver(tree(test.files), test.env)
			prog, err := r.Open("prog", nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, found(r.Lookup("libx.so.1", prog))); diff != "" {
				t.Errorf("Lookup (-want +got):\n%s", diff)
			}
		})
	}
}

// A library's own search: RPATH of its loaders is inherited, RUNPATH is not; $ORIGIN follows the name it was opened by.
func TestLookupThroughLibrary(t *testing.T) {
	tests := map[string]struct {
		prog, lib elftest.Spec
		want      []string
	}{
		"rpath of the program is inherited": {elftest.Spec{Rpath: "/p"}, elftest.Spec{}, []string{"p/libx.so.1"}},
		"runpath is not":                    {elftest.Spec{Runpath: "/p"}, elftest.Spec{}, nil},
		"runpath of the library stops it":   {elftest.Spec{Rpath: "/p"}, elftest.Spec{Runpath: "/none"}, nil},
		"origin of a linked library":        {elftest.Spec{}, elftest.Spec{Runpath: "$ORIGIN"}, []string{"links/libx.so.1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.prog.Interp = "/lib64/ld-linux-x86-64.so.2"
			r := elf.NewResolver(tree(map[string]string{
				"prog": string(elftest.Build(test.prog)), "links/liby.so.1": "-> ../store/liby.so.1",
				"store/liby.so.1": string(elftest.Build(test.lib)),
				"links/libx.so.1": lib, "p/libx.so.1": lib,
			}), elf.Env{})
			prog, err := r.Open("prog", nil)
			if err != nil {
				t.Fatal(err)
			}
			liby := r.Lookup("/links/liby.so.1", prog)
			if diff := cmp.Diff([]string{"links/liby.so.1"}, liby[0].Hops); diff != "" {
				t.Errorf("Hops (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.want, found(r.Lookup("libx.so.1", liby[0].Object(prog)))); diff != "" {
				t.Errorf("Lookup (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLookupMusl(t *testing.T) {
	const loader = "lib/ld-musl-x86_64.so.1"
	tests := map[string]struct {
		files map[string]string
		prog  elftest.Spec
		name  string
		want  []string
	}{
		"the loader is libc": {nil, elftest.Spec{}, "libc.musl-x86_64.so.1", []string{loader}},
		"and libpthread":     {map[string]string{"usr/lib/libpthread.so.0": lib}, elftest.Spec{}, "libpthread.so.0", []string{loader}},
		"default directories": {
			map[string]string{"usr/lib/libx.so.1": lib, "usr/local/lib/libx.so.1": lib}, elftest.Spec{}, "libx.so.1",
			[]string{"usr/local/lib/libx.so.1"},
		},
		"no glibc directories": {map[string]string{"usr/lib64/libx.so.1": lib}, elftest.Spec{}, "libx.so.1", nil},
		"path file": {
			map[string]string{"etc/ld-musl-x86_64.path": "/p:\n/q\n", "q/libx.so.1": lib, "usr/lib/libx.so.1": lib}, elftest.Spec{}, "libx.so.1",
			[]string{"q/libx.so.1"},
		},
		"rpath": {map[string]string{"app/lib/libx.so.1": lib}, elftest.Spec{Rpath: "$ORIGIN/lib"}, "libx.so.1", []string{"app/lib/libx.so.1"}},
		"unknown token": {
			map[string]string{"a/libx.so.1": lib, "usr/lib/libx.so.1": lib}, elftest.Spec{Rpath: "/a:/b/$LIB"}, "libx.so.1",
			[]string{"usr/lib/libx.so.1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{loader: lib}
			for name, data := range test.files {
				files[name] = data
			}
			test.prog.Interp = "/" + loader
			files["app/prog"] = string(elftest.Build(test.prog))
			r := elf.NewResolver(tree(files), elf.Env{})
			prog, err := r.Open("app/prog", nil)
			if err != nil {
				t.Fatal(err)
			}
			got := found(r.Lookup(test.name, prog))
			if len(got) == 1 {
				got[0] = strings.ReplaceAll(got[0], "app/lib/../", "")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("Lookup(%q) (-want +got):\n%s", test.name, diff)
			}
		})
	}
}

// A library without its program is looked at as the loader that fits it would.
func TestLookupAlone(t *testing.T) {
	build := func(machine stdelf.Machine, needed ...string) string {
		return string(elftest.Build(elftest.Spec{Machine: machine, Needed: needed}))
	}
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"32 bits": {
			map[string]string{
				"p.so": build(stdelf.EM_386, "libc.so.6"), "usr/lib/i386-linux-gnu/libx.so.1": build(stdelf.EM_386), "lib/libx.so.1": lib,
				"usr/lib/x86_64-linux-gnu/libx.so.1": lib,
			}, []string{"usr/lib/i386-linux-gnu/libx.so.1"},
		},
		"arm64": {
			map[string]string{"p.so": build(stdelf.EM_AARCH64, "libc.so.6"), "usr/lib/aarch64-linux-gnu/libx.so.1": build(stdelf.EM_AARCH64)},
			[]string{"usr/lib/aarch64-linux-gnu/libx.so.1"},
		},
		"musl by what it needs": {
			map[string]string{"p.so": build(stdelf.EM_X86_64, "libc.musl-x86_64.so.1"), "usr/local/lib/libx.so.1": lib, "usr/lib64/libx.so.1": lib},
			[]string{"usr/local/lib/libx.so.1"},
		},
		"musl by the root's loader": {
			map[string]string{"p.so": build(stdelf.EM_X86_64), "lib/ld-musl-x86_64.so.1": lib, "usr/local/lib/libx.so.1": lib,
				"usr/lib64/libx.so.1": lib},
			[]string{"usr/local/lib/libx.so.1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := elf.NewResolver(tree(test.files), elf.Env{})
			obj, err := r.Open("p.so", nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, found(r.Lookup("libx.so.1", obj))); diff != "" {
				t.Errorf("Lookup (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNeedsAndFiles(t *testing.T) {
	r := elf.NewResolver(tree(map[string]string{
		"prog": string(elftest.Program("liba.so.1", "libmissing.so.1")), "lib64/ld-linux-x86-64.so.2": lib, "usr/lib/liba.so.1": lib,
		"opt/hook.so": lib, "etc/ld.so.preload": "/opt/hook.so\n", "etc/ld.so.cache": "-> cache", "etc/cache": string(newCache()),
	}), elf.Env{Preload: []string{"liba.so.1"}})
	prog, err := r.Open("prog", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, need := range r.Needs(prog) {
		got = append(got, need.Via+" "+need.Name+": "+strings.Join(found(need.Found), ", "))
	}
	want := []string{
		"interp /lib64/ld-linux-x86-64.so.2: lib64/ld-linux-x86-64.so.2", "preload liba.so.1: usr/lib/liba.so.1",
		"preload /opt/hook.so: opt/hook.so", "needed liba.so.1: usr/lib/liba.so.1", "needed libmissing.so.1: ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Needs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"etc/ld.so.cache -> etc/cache", "etc/ld.so.preload"}, found(r.Files(prog))); diff != "" {
		t.Errorf("Files (-want +got):\n%s", diff)
	}
	if _, err := r.Open("etc/cache", nil); !errors.Is(err, elf.ErrNotELF) {
		t.Errorf("Open of a file that is not ELF: %v, want ErrNotELF", err)
	}
}

// On a real machine every library that a real program needs is found.
func TestHostPrograms(t *testing.T) {
	dir, err := os.OpenRoot("/")
	if err != nil {
		t.Skip(err)
	}
	defer dir.Close()
	root := layers.DirFS(dir)
	r := elf.NewResolver(root, elf.Env{})
	for _, name := range []string{"/bin/sh", "/usr/bin/env", "/usr/bin/git"} {
		res, err := layers.Resolve(root, ".", name, true)
		if err != nil || res.Missing {
			t.Logf("this machine has no %s", name)
			continue
		}
		prog, err := r.Open(res.Path, nil)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		for _, need := range r.Needs(prog) {
			if len(need.Found) == 0 {
				t.Errorf("%s needs %s: not found", name, need.Name)
			}
		}
	}
}

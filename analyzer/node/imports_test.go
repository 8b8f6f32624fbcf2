package node

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImports(t *testing.T) {
	for _, test := range []struct {
		name, src string
		want      []string
	}{
		{"require", `const a = require('express'), b = require("./lib/b"); require.resolve("@s/p/sub")`,
			[]string{"./lib/b", "@s/p/sub", "express"}},
		{"built-in", `require('fs'); import x from "node:test"; require("fs/promises")`, []string{}},
		{"import", "import a, {\n b as c,\n} from \"a\"\nimport './side.mjs'\nexport * from 'b/c'\nconst d = await import(`d`)",
			[]string{"./side.mjs", "a", "b/c", "d"}},
		{"computed", "await import(`./plugins/${name}.js`); require('./lang/' + x)", []string{"./lang/*", "./plugins/*"}},
		{"worker", `new Worker(new URL("./worker.js", import.meta.url)); new Worker(path.join(__dirname, 'w.js'))`,
			[]string{"./worker.js", "w.js"}},
		{"createRequire", `const y = createRequire(import.meta.url)("yaml")`, []string{"yaml"}},
		{"typescript", `import type { A } from "./types"; import fs = require("graceful-fs")`, []string{"./types", "graceful-fs"}},
		{"no call", `const required = "x"; obj.import = 'y'`, []string{}},
	} {
		if diff := cmp.Diff(test.want, Imports([]byte(test.src))); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}

func TestSplit(t *testing.T) {
	for specifier, want := range map[string][2]string{"a": {"a", ""}, "a/b/c": {"a", "b/c"}, "@s/p": {"@s/p", ""},
		"@s/p/x/y": {"@s/p", "x/y"}} {
		if pkg, sub := Split(specifier); pkg != want[0] || sub != want[1] {
			t.Errorf("Split(%q) = %q, %q, want %q", specifier, pkg, sub, want)
		}
	}
}

const lockFile = `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "1"}, "devDependencies": {"jest": "1", "tsx": "1"}},
 "node_modules/a": {"dependencies": {"b": "1"}}, "node_modules/b": {}, "node_modules/jest": {"dev": true, "dependencies": {"c": "1"}},
 "node_modules/c": {"dev": true}, "node_modules/tsx": {"dev": true, "dependencies": {"c": "2", "d": "1"}},
 "node_modules/tsx/node_modules/c": {"dev": true},
 "node_modules/d": {"dev": true}}}`

func TestDevOnly(t *testing.T) {
	lock, err := ReadLock([]byte(lockFile))
	if err != nil {
		t.Fatal(err)
	}
	got := lock.DevOnly(func(string) bool { return false })
	want := []string{"node_modules/c", "node_modules/d", "node_modules/jest", "node_modules/tsx", "node_modules/tsx/node_modules/c"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nothing in use: %s", diff)
	}
	got = lock.DevOnly(func(folder string) bool { return folder == "node_modules/tsx" })
	if diff := cmp.Diff([]string{"node_modules/c", "node_modules/jest"}, got); diff != "" {
		t.Errorf("a dev package in use: %s", diff)
	}
	if _, err := ReadLock([]byte(`{"lockfileVersion": 1, "dependencies": {}}`)); err == nil {
		t.Error("a lock file without packages was read")
	}
}

func TestTargets(t *testing.T) {
	m := ReadManifest([]byte(`{"main": "lib/x.js", "exports": {".": {"import": "./x.mjs", "require": ["./x.cjs"]}, "./f/*": "./src/*.js"},
		"imports": {"#i": "./i.js"}, "name": "no"}`))
	if diff := cmp.Diff([]string{"./i.js", "./src/*.js", "./x.cjs", "./x.mjs", "lib/x.js"}, m.Targets()); diff != "" {
		t.Error(diff)
	}
}

func FuzzImports(f *testing.F) {
	f.Add([]byte("import a from 'b'"))
	f.Fuzz(func(t *testing.T, src []byte) { Imports(src) })
}

func FuzzReadLock(f *testing.F) {
	f.Add([]byte(lockFile))
	f.Fuzz(func(t *testing.T, data []byte) {
		if lock, err := ReadLock(data); err == nil {
			lock.DevOnly(func(folder string) bool { return len(folder)%2 == 0 })
		}
		ReadManifest(data).Targets()
	})
}

func TestNeeds(t *testing.T) {
	m := ReadManifest([]byte(`{"dependencies": {"b": "1", "@s/a": {}}, "optionalDependencies": {"c": "*"}, "peerDependencies": {"../x": "1"}}`))
	if diff := cmp.Diff([]string{"@s/a", "b", "c"}, m.Needs()); diff != "" {
		t.Errorf("Needs (-want +got):\n%s", diff)
	}
	if got := ReadManifest([]byte(`{"dependencies": ["a"]}`)).Needs(); len(got) > 0 {
		t.Errorf("Needs of a list = %v, want none", got)
	}
}

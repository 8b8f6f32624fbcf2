// Package node reads what JavaScript and TypeScript sources load, and what npm's lock file says of packages. It knows the bytes of one
// file; where a name leads is decided by who knows the root filesystem.
//
// The reading is textual, not by a parser: a specifier in a comment or a string counts too. Too much is harmless here (a name that leads
// nowhere keeps nothing), and a source that no parser of today takes (a new syntax, a type annotation) is read all the same.
package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// MaxSize bounds a source that is read, in bytes.
const MaxSize = 4 << 20

// maxImports bounds the specifiers of one source.
const maxImports = 2000

// maxSpecifier bounds one, in bytes.
const maxSpecifier = 500

// loads are the forms in which a source names another: require, require.resolve and import(), static import and export, and
// new URL(…, import.meta.url) and new Worker (Node.js documentation: Modules, ECMAScript modules, Worker threads).
var loads = []*regexp.Regexp{
	regexp.MustCompile("\\b(?:require(?:\\.resolve)?|import|createRequire\\([^()]*\\))\\s*\\(\\s*[\"'`]([^\"'`\\n]+)[\"'`]\\s*(\\+)?"),
	regexp.MustCompile("\\b(?:import|export)\\b[^\"'`;]*?\\bfrom\\s*[\"']([^\"'\\n]+)[\"']()"),
	regexp.MustCompile("\\bimport\\s*[\"']([^\"'\\n]+)[\"']()"),
	regexp.MustCompile("\\bnew\\s+(?:URL|Worker|SharedWorker)\\s*\\(\\s*(?:new\\s+URL\\s*\\(\\s*|path\\.(?:join|resolve)" +
		"\\s*\\(\\s*__dirname\\s*,\\s*)?[\"'`]([^\"'`\\n]+)[\"'`]\\s*(\\+)?"),
}

// Imports lists the specifiers that a source loads, sorted: "./a", "express", "@scope/pkg/sub", "#internal". Built-in modules are left out.
// A specifier that is computed (a template, a sum) is what is known of it and "*": "./x-*" may lead to any file that begins so.
func Imports(src []byte) []string {
	found := map[string]bool{}
	for _, form := range loads {
		for _, match := range form.FindAllSubmatch(src, maxImports) {
			specifier := string(match[1])
			if i := strings.Index(specifier, "${"); i >= 0 {
				specifier = specifier[:i] + "*"
			} else if len(match[2]) > 0 {
				specifier += "*"
			}
			if len(specifier) > maxSpecifier {
				continue
			}
			if specifier != "" && !Builtin(specifier) && !strings.ContainsAny(specifier, "\x00\\") {
				found[specifier] = true
			}
		}
	}
	list := make([]string, 0, len(found))
	for specifier := range found {
		list = append(list, specifier)
	}
	slices.Sort(list)
	return list
}

// builtins are Node's own modules (module.builtinModules of Node 24, and those that older ones had).
var builtins = strings.Fields(`assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel
	dns domain events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl sea
	stream string_decoder sys test timers tls trace_events tty url util v8 vm wasi worker_threads zlib`)

// Builtin says whether a specifier is a module of Node itself.
func Builtin(specifier string) bool {
	if strings.HasPrefix(specifier, "node:") {
		return true
	}
	name, _, _ := strings.Cut(specifier, "/")
	return slices.Contains(builtins, name)
}

// Split parts a bare specifier into the package and what is asked of it: "@a/b/c/d" is "@a/b" and "c/d".
func Split(specifier string) (pkg, sub string) {
	parts := strings.SplitN(specifier, "/", 3)
	if strings.HasPrefix(specifier, "@") && len(parts) >= 2 {
		return parts[0] + "/" + parts[1], strings.Join(parts[2:], "/")
	}
	pkg, sub, _ = strings.Cut(specifier, "/")
	return pkg, sub
}

// Lock is what a lock file of npm says (package-lock.json, lockfileVersion 2 and 3): the packages by their folder, "node_modules/a".
type Lock struct {
	Packages map[string]LockedPackage `json:"packages"`
}

// LockedPackage is one entry. npm marks by the graph of dependencies what only devDependencies lead to (npm documentation:
// package-lock.json).
type LockedPackage struct {
	Dev                  bool              `json:"dev"`
	DevOptional          bool              `json:"devOptional"`
	Dependencies         map[string]string `json:"dependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	PeerDependencies     map[string]string `json:"peerDependencies"`
}

// ReadLock reads a lock file. Errors: no JSON, or a lock file of npm 6 and before (lockfileVersion 1), which has no packages.
func ReadLock(data []byte) (*Lock, error) {
	var lock Lock
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("reading the lock file: %w", err)
	}
	if lock.Packages == nil {
		return nil, fmt.Errorf("reading the lock file: it lists no packages")
	}
	return &lock, nil
}

// DevOnly lists the folders of packages that only devDependencies lead to, sorted, less those that used says are in use and what
// they depend on.
func (l *Lock) DevOnly(used func(folder string) bool) []string {
	inUse := map[string]bool{}
	var visit func(folder string)
	visit = func(folder string) {
		if inUse[folder] {
			return
		}
		inUse[folder] = true
		entry := l.Packages[folder]
		for _, list := range []map[string]string{entry.Dependencies, entry.OptionalDependencies, entry.PeerDependencies} {
			for name := range list {
				if at, ok := l.find(folder, name); ok {
					visit(at)
				}
			}
		}
	}
	for folder, entry := range l.Packages {
		if entry.Dev && used(folder) {
			visit(folder)
		}
	}
	var dev []string
	for folder, entry := range l.Packages {
		if entry.Dev && !inUse[folder] && strings.HasPrefix(folder, "node_modules/") && path.Clean(folder) == folder {
			dev = append(dev, folder)
		}
	}
	slices.Sort(dev)
	return dev
}

// find is where a package that lies in folder gets a dependency from: its own node_modules, or one further up.
func (l *Lock) find(folder, name string) (string, bool) {
	for {
		at := path.Join(folder, "node_modules", name)
		if _, ok := l.Packages[at]; ok {
			return at, true
		}
		if folder == "" || folder == "." {
			return "", false
		}
		i := strings.LastIndex(folder, "node_modules/")
		if i < 0 {
			folder = ""
			continue
		}
		folder = strings.TrimSuffix(folder[:i], "/")
	}
}

// Manifest is what is read of a package.json.
type Manifest struct {
	Main    json.RawMessage `json:"main"`
	Module  json.RawMessage `json:"module"`
	Exports json.RawMessage `json:"exports"`
	Imports json.RawMessage `json:"imports"`

	Dependencies         json.RawMessage `json:"dependencies"`
	OptionalDependencies json.RawMessage `json:"optionalDependencies"`
}

// Needs lists the packages that a package names as its dependencies, also optional ones, sorted. A peer is named by whoever uses both.
func (m Manifest) Needs() []string {
	found := map[string]bool{}
	for _, field := range []json.RawMessage{m.Dependencies, m.OptionalDependencies} {
		var versions map[string]json.RawMessage
		if json.Unmarshal(field, &versions) != nil {
			continue
		}
		for name := range versions {
			if name != "" && len(name) <= maxSpecifier && len(found) < maxImports && path.Clean("/"+name) == "/"+name {
				found[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// ReadManifest reads a package.json; what is no JSON gives a manifest that names nothing.
func ReadManifest(data []byte) Manifest {
	var m Manifest
	if json.Unmarshal(data, &m) != nil {
		return Manifest{}
	}
	return m
}

// Targets lists the files that a package.json leads to, relative to it, under any condition; "*" stands for any text (Node.js
// documentation: Packages, subpath patterns).
func (m Manifest) Targets() []string {
	found := map[string]bool{}
	for _, field := range []json.RawMessage{m.Main, m.Module, m.Exports, m.Imports} {
		var value any
		if json.Unmarshal(field, &value) == nil {
			leaves(value, found)
		}
	}
	list := make([]string, 0, len(found))
	for target := range found {
		list = append(list, target)
	}
	slices.Sort(list)
	return list
}

func leaves(value any, found map[string]bool) {
	switch v := value.(type) {
	case string:
		found[v] = true
	case []any:
		for _, item := range v {
			leaves(item, found)
		}
	case map[string]any:
		for _, item := range v {
			leaves(item, found)
		}
	}
}

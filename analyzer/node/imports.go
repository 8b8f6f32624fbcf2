// Package node reads which modules JavaScript and TypeScript sources load, and the packages in npm's lock file. It only reads the bytes
// of one file; the caller, which knows the root filesystem, resolves the names.
//
// The sources are searched as text, without a parser: a specifier in a comment or a string counts too. Extra specifiers are harmless
// here (a name that leads nowhere keeps nothing), and sources with a new syntax or type annotations, which a parser may reject, can
// still be read.
package node

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/keyword"
)

// MaxSize bounds a source that is read, in bytes.
const MaxSize = 4 << 20

// maxImports bounds the specifiers of one source.
const maxImports = 2000

// maxSpecifier bounds one, in bytes.
const maxSpecifier = 500

// loads match the forms in which a source loads another: require, require.resolve and import(), static import and export, and new
// URL(…, import.meta.url) and new Worker (Node.js documentation: Modules, ECMAScript modules, Worker threads).
var loads = []keyword.Pattern{
	keyword.New("require import createRequire(",
		"(?:require(?:\\.resolve)?|import|createRequire\\([^()]*\\))\\s*\\(\\s*[\"'`]([^\"'`\\n]+)[\"'`]\\s*(\\+)?"),
	keyword.New("import export", "(?:import|export)\\b[^\"'`;]*?\\bfrom\\s*[\"']([^\"'\\n]+)[\"']()"),
	keyword.New("import", "import\\s*[\"']([^\"'\\n]+)[\"']()"),
	keyword.New("new", "new\\s+(?:URL|Worker|SharedWorker)\\s*\\(\\s*(?:new\\s+URL\\s*\\(\\s*|path\\.(?:join|resolve)"+
		"\\s*\\(\\s*__dirname\\s*,\\s*)?[\"'`]([^\"'`\\n]+)[\"'`]\\s*(\\+)?"),
}

// Imports lists the specifiers that a source loads, sorted: "./a", "express", "@scope/pkg/sub", "#internal". Built-in modules are left
// out. In a computed specifier (a template, a sum), "*" replaces the unknown part: "./x-*" may lead to any file that begins with
// "./x-".
func Imports(src []byte) []string {
	found := map[string]bool{}
	for _, form := range loads {
		for _, match := range form.FindAll(src, maxImports) {
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

// Builtin reports whether a specifier is a module of Node itself.
func Builtin(specifier string) bool {
	if strings.HasPrefix(specifier, "node:") {
		return true
	}
	name, _, _ := strings.Cut(specifier, "/")
	return slices.Contains(builtins, name)
}

// Split splits a bare specifier into the package and the path inside it: "@a/b/c/d" is "@a/b" and "c/d".
func Split(specifier string) (pkg, sub string) {
	parts := strings.SplitN(specifier, "/", 3)
	if strings.HasPrefix(specifier, "@") && len(parts) >= 2 {
		return parts[0] + "/" + parts[1], strings.Join(parts[2:], "/")
	}
	pkg, sub, _ = strings.Cut(specifier, "/")
	return pkg, sub
}

// Lock is a lock file of npm (package-lock.json, lockfileVersion 2 and 3): the packages by their folder, "node_modules/a".
type Lock struct {
	Packages map[string]LockedPackage `json:"packages"`
}

// LockedPackage is one entry. npm marks the packages that only devDependencies lead to (npm documentation: package-lock.json).
type LockedPackage struct {
	Dev                  bool              `json:"dev"`
	DevOptional          bool              `json:"devOptional"`
	Dependencies         map[string]string `json:"dependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	PeerDependencies     map[string]string `json:"peerDependencies"`
}

// ReadLock reads a lock file. It fails for invalid JSON and for a lock file of npm 6 and before (lockfileVersion 1), which has no
// packages.
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

// DevOnly lists the folders of packages that only devDependencies lead to, sorted, without those for which used returns true and their
// dependencies.
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

// find returns the folder from which the package in folder loads a dependency: its own node_modules, or one further up.
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

// Manifest holds the fields of a package.json that are read.
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

// ReadManifest reads a package.json; invalid JSON gives an empty manifest.
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

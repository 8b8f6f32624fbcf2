package keep

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	nodejs "github.com/slimimage/slim/analyzer/node"
	"github.com/slimimage/slim/analyzer/rules"
)

// nodeState is what was read of JavaScript sources.
type nodeState struct {
	seen      map[string]bool // folders of packages that were looked at
	developed map[string]bool // folders of packages for development alone
	globals   searchPath
}

func newNodeState() nodeState {
	return nodeState{seen: map[string]bool{}, developed: map[string]bool{}, globals: searchPath{globs: nodeGlobals}}
}

// nodeGlobals are the folders in which Node looks besides node_modules: those that Debian's build adds, and the places of npm install -g.
var nodeGlobals = globs(
	"usr/share/nodejs",
	"usr/lib/nodejs",
	"usr/lib/*/nodejs",
	"usr/local/lib/node_modules",
	"usr/lib/node_modules",
)

// nodeExtensions are tried after a specifier, in Node's order and then what loaders for TypeScript take.
var nodeExtensions = []string{"", ".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".tsx", ".jsx"}

// nodeImports keeps what a JavaScript source loads. What lies in a node_modules that no package owns is the application's and kept
// whole: it is not read for what else it names.
func (w *worklist) nodeImports(name string) {
	if _, owned := w.db.Owner(name); !owned && dependency.Match(name) {
		return
	}
	src, err := w.im.read(name, nodejs.MaxSize)
	if err != nil {
		return
	}
	from := "/" + name
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) { // its type says what kind of module this is
		if manifest := path.Join(dir, "package.json"); w.im.has(manifest) {
			w.keepIf(manifest, analyzer.RuleRequiredBy, from)
			break
		}
	}
	for _, specifier := range nodejs.Imports(src) {
		switch {
		case strings.HasPrefix(specifier, "."), strings.HasPrefix(specifier, "/"):
			w.nodeRelative(path.Join(path.Dir(name), specifier), from)
		case strings.HasPrefix(specifier, "#"):
			w.nodeOwnImports(name)
		case !strings.Contains(specifier, "*"):
			w.nodePackage(specifier, name)
		}
	}
}

// nodeRelative keeps the file or folder that a relative specifier leads to; one that ends in "*" all that begin so.
func (w *worklist) nodeRelative(target, from string) {
	if prefix, computed := strings.CutSuffix(target, "*"); computed {
		for _, name := range w.im.beginning(prefix) {
			if w.im.nodes[name].regular() && w.junked(name) == "" && strings.Contains(prefix, "/") {
				w.add(name, analyzer.Reason{Rule: analyzer.RuleRequiredBy, From: from})
			}
		}
		return
	}
	for _, extension := range nodeExtensions {
		if n, ok := w.im.nodes[target+extension]; ok && !n.mode.IsDir() {
			w.add(target+extension, analyzer.Reason{Rule: analyzer.RuleRequiredBy, From: from})
			return
		}
	}
	for _, file := range []string{"package.json", "index.js", "index.json", "index.node", "index.mjs", "index.cjs", "index.ts"} {
		w.keepIf(path.Join(target, file), analyzer.RuleRequiredBy, from)
	}
	w.nodeTargets(target, from)
}

// nodeTargets keeps what a folder's package.json leads to.
func (w *worklist) nodeTargets(dir, from string) {
	data, err := w.im.read(path.Join(dir, "package.json"), nodejs.MaxSize)
	if err != nil {
		return
	}
	for _, target := range nodejs.ReadManifest(data).Targets() {
		if strings.HasPrefix(target, "..") || strings.HasSuffix(target, ".d.ts") {
			continue
		}
		if i := strings.IndexByte(target, '*'); i >= 0 {
			target = target[:i+1]
		}
		at := path.Join(dir, target)
		if at != dir && !w.node.seen[at] { // a manifest may lead to a folder with a manifest
			w.node.seen[at] = true
			w.nodeRelative(at, from)
		}
	}
}

// nodeOwnImports keeps what "#name" may lead to: the imports of the nearest package.json.
func (w *worklist) nodeOwnImports(name string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if w.im.has(path.Join(dir, "package.json")) {
			w.nodeTargets(dir, "/"+name)
			return
		}
	}
}

// nodePackage keeps a package that a source in a file names, whole: what is looked for in node_modules on the way up, in NODE_PATH and
// in the global folders.
func (w *worklist) nodePackage(specifier, name string) {
	pkg, _ := nodejs.Split(specifier)
	var places []string
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if path.Base(dir) != "node_modules" {
			places = append(places, path.Join(dir, "node_modules"))
		}
		if dir == "." {
			break
		}
	}
	for _, dir := range fields(w.env["NODE_PATH"], ":") {
		places = append(places, strings.TrimPrefix(path.Clean(dir), "/"))
	}
	for _, place := range append(places, w.node.globals.dirs(w.im)...) {
		if found := w.nodeFolder(path.Join(place, pkg), "/"+name); found {
			return
		}
	}
}

func (w *worklist) nodeFolder(at, from string) bool {
	if w.node.seen[at] {
		return true
	}
	for _, file := range []string{at + ".js", at + ".json", at + ".node"} {
		if w.im.nodes[file].regular() {
			w.add(file, analyzer.Reason{Rule: analyzer.RuleRequiredBy, From: from})
			return true
		}
	}
	res, ok := w.im.resolve(".", at)
	if !ok || !w.im.isDir(res.Path) {
		return false
	}
	w.node.seen[at] = true
	for _, hop := range res.Hops {
		w.add(hop, analyzer.Reason{Rule: analyzer.RuleFollowedBy, From: from})
	}
	if _, owned := w.db.Owner(res.Path + "/package.json"); !owned {
		return true // the application's own: kept whole
	}
	for _, file := range w.im.below(res.Path) {
		if n := w.im.nodes[file]; !n.mode.IsDir() && w.junked(file) == "" && !strings.Contains(file[len(res.Path):], "/node_modules/") {
			w.add(file, analyzer.Reason{Rule: analyzer.RuleRequiredBy, From: from})
		}
	}
	manifest := path.Join(res.Path, "package.json")
	if data, err := w.im.read(manifest, nodejs.MaxSize); err == nil {
		for _, name := range nodejs.ReadManifest(data).Needs() {
			w.nodePackage(name, manifest)
		}
	}
	return true
}

// developing are files of an application that are for its makers: what they load says nothing of what it needs to run.
var developing = regexp.MustCompile(`(^|/)(tests?|__tests__|__mocks__|spec|e2e|cypress|bench|benchmarks?)/|` +
	`\.(test|spec|bench|stories|config)\.[cm]?[jt]sx?$|` +
	`(^|/)\.?(eslintrc|prettierrc|babelrc|gulpfile|gruntfile|Gruntfile)(\.[cm]?js)?$`)

// maxLock bounds a lock file of npm, in bytes.
const maxLock = 256 << 20

// nodeDevelopment lists the folders of packages that a lock file marks as needed for development alone, less those that the run used
// or that the application's source names.
func (w *worklist) nodeDevelopment() {
	if slices.Contains(w.req.Options.DisableRules, rules.NodeDevDependencies) {
		return
	}
	for _, name := range w.im.names {
		if !nodeLock(name) {
			continue
		}
		data, err := w.im.read(name, maxLock)
		if err != nil {
			continue
		}
		lock, err := nodejs.ReadLock(data)
		if err != nil {
			continue
		}
		project := strings.TrimSuffix(strings.TrimSuffix(path.Dir(name), "node_modules"), "/")
		named := w.nodeNamed(project)
		for _, folder := range lock.DevOnly(func(folder string) bool { return named[folder] || w.usedBelow(path.Join(project, folder)) }) {
			w.node.developed[path.Join(project, folder)] = true
		}
	}
}

// nodeLock says whether a path is the lock file of an application and not of one of its packages.
func nodeLock(name string) bool {
	if strings.Contains(path.Dir(name), "node_modules/") {
		return false
	}
	base := path.Base(name)
	return base == "package-lock.json" || base == "npm-shrinkwrap.json" || strings.HasSuffix(name, "node_modules/.package-lock.json")
}

// nodeNamed lists the folders of packages that an application's own source loads.
func (w *worklist) nodeNamed(project string) map[string]bool {
	named := map[string]bool{}
	below := w.im.below(project)
	if project == "" {
		below = w.im.names
	}
	for _, name := range below {
		if !nodeSource.MatchString(name) || strings.Contains(name, "node_modules/") ||
			developing.MatchString(strings.TrimPrefix(name, project)) {
			continue
		}
		if src, err := w.im.read(name, nodejs.MaxSize); err == nil {
			for _, specifier := range nodejs.Imports(src) {
				pkg, _ := nodejs.Split(specifier)
				named["node_modules/"+pkg] = true
			}
		}
	}
	return named
}

var nodeSource = regexp.MustCompile(`\.[cm]?[jt]sx?$`)

// usedBelow says whether the run opened something in a folder.
func (w *worklist) usedBelow(dir string) bool {
	i, _ := slices.BinarySearchFunc(w.seen.Paths, dir+"/", func(use analyzer.PathUse, prefix string) int {
		return strings.Compare(string(use.Path), prefix)
	})
	for ; i < len(w.seen.Paths) && strings.HasPrefix(string(w.seen.Paths[i].Path), dir+"/"); i++ {
		ops := w.seen.Paths[i].Ops
		opened := slices.Contains(ops, analyzer.OpOpen) || slices.Contains(ops, analyzer.OpExec)
		if opened && path.Base(string(w.seen.Paths[i].Path)) != "package.json" {
			return true
		}
	}
	return false
}

// developmentOnly says whether a path lies in a package that only development needs.
func (w *worklist) developmentOnly(name string) bool {
	if len(w.node.developed) == 0 || !strings.Contains(name, "node_modules/") {
		return false
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if w.node.developed[dir] {
			return true
		}
	}
	return false
}

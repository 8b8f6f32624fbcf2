package keep

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// Plan decides what of an image is kept: what the evidence shows, what that needs and, by level, what the runtimes in use may reach
// from there. Evidence of another platform's image is translated to this one. The plan is the same for the same image, request and
// evidence, in whatever order the evidence comes. Errors: an include that matches nothing, an exclude of the entrypoint, an image that
// cannot be read.
func Plan(ctx context.Context, root layers.RootFS, req analyzer.Request, evidence []*analyzer.Evidence) (*analyzer.Plan, error) {
	if req.Options.Keep == "" {
		req.Options.Keep = analyzer.KeepClosure
	}
	all, err := analyzer.Merge(evidence...)
	if err != nil {
		return nil, err
	}
	im, err := readImage(ctx, root)
	if err != nil {
		return nil, err
	}
	if !analyzer.SamePlatform(all.Platform, req.Platform) && all.Platform != "" && req.Platform != "" {
		all = translate(all, req.Image, req.Platform, im.has)
	}
	db, err := packages.Load(im)
	if err != nil {
		return nil, fmt.Errorf("reading the package databases: %w", err)
	}
	w, err := newWorklist(im, db, req, all)
	if err != nil {
		return nil, err
	}
	defer w.binaries.calls.finish() // after an error, too
	w.warn(db.Warnings()...)
	w.warn(all.Warnings...)
	if err := w.seed(); err != nil {
		return nil, err
	}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	w.folderLinks()
	return w.plan()
}

// worklist turns paths into the paths they need, until nothing new comes. Each part of what is known about them is with the file that
// keeps it.
type worklist struct {
	im        *image
	db        *packages.DB
	req       analyzer.Request
	seen      *analyzer.Evidence
	env       map[string]string
	kept      map[string][]analyzer.Reason
	queue     []string
	warnings  map[string]bool
	touched   map[string]bool // packages in use, by name
	rules     ruleState
	binaries  binaryState
	scripts   scriptState
	languages []*language
	python    pythonState
	perl      perlState
	ruby      rubyState
	node      nodeState
	asks      askedState
}

func newWorklist(im *image, db *packages.DB, req analyzer.Request, seen *analyzer.Evidence) (*worklist, error) {
	w := &worklist{
		im: im, db: db, req: req, seen: seen, env: environment(req.Process.Env), kept: map[string][]analyzer.Reason{},
		warnings: map[string]bool{}, touched: map[string]bool{}, scripts: newScriptState(),
		languages: newLanguages(), perl: newPerlState(), ruby: newRubyState(), node: newNodeState(), asks: newAskedState(),
	}
	w.python = newPythonState(im, fields(w.env["PYTHONPATH"], ":"))
	w.binaries = newBinaryState(im, w.env)
	w.rules = newRuleState(req.Options.DisableRules, w.readsSourceMaps())
	w.nodeDevelopment()
	for _, pattern := range req.Options.Exclude {
		g, err := rules.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("--exclude: %w", err)
		}
		if len(im.match(g)) == 0 {
			return nil, fmt.Errorf("--exclude %s matches nothing in the image", pattern)
		}
		w.rules.exclude = append(w.rules.exclude, g)
	}
	return w, nil
}

// environment is the environment of the image's process by name, with the PATH of a shell where it has none.
func environment(entries []string) map[string]string {
	env := map[string]string{}
	for _, entry := range entries {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	if env["PATH"] == "" {
		env["PATH"] = analyzer.DefaultPath
	}
	return env
}

func fields(s, separators string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(separators, r) })
}

func (w *worklist) warn(texts ...string) {
	for _, text := range texts {
		w.warnings[text] = true
	}
}

func (w *worklist) excluded(name string) bool {
	return slices.ContainsFunc(w.rules.exclude, func(g rules.Glob) bool { return g.Match(name) })
}

// keep adds a path of the image with a reason, and the symlinks on the way to it are kept with it: name may be any path, also
// through symlinks. A path that does not exist is ignored and reported false.
func (w *worklist) keep(name string, rule analyzer.Rule, from string) bool {
	if w.im.has(name) {
		w.add(name, analyzer.Reason{Rule: rule, From: from})
		return true
	}
	res, ok := w.im.resolve(".", name)
	if !ok {
		return false
	}
	for _, hop := range res.Hops {
		w.add(hop, analyzer.Reason{Rule: analyzer.RuleFollowedBy, From: from})
	}
	w.add(res.Path, analyzer.Reason{Rule: rule, From: from})
	return true
}

func (w *worklist) keepIf(name string, rule analyzer.Rule, from string) {
	if n, ok := w.im.nodes[name]; ok && !n.mode.IsDir() {
		w.add(name, analyzer.Reason{Rule: rule, From: from})
	}
}

// maxReasons bounds the reasons of one path.
const maxReasons = 4

// add keeps a physical path.
func (w *worklist) add(name string, reason analyzer.Reason) {
	if name == "." || w.excluded(name) {
		return
	}
	reasons, known := w.kept[name]
	if len(reasons) < maxReasons && !slices.Contains(reasons, reason) {
		w.kept[name] = append(reasons, reason)
	}
	if !known {
		w.queue = append(w.queue, name)
	}
}

// run processes what was added until nothing new comes.
func (w *worklist) run(ctx context.Context) error {
	for w.more() {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := w.queue[0]
		w.queue = w.queue[1:]
		w.process(name)
	}
	return nil
}

// more says whether a path is left to process. Bytecode comes last: which versions of Python are in use is known only then.
func (w *worklist) more() bool {
	if len(w.queue) == 0 && w.req.Options.Keep != analyzer.KeepObserved {
		w.bytecode()
	}
	return len(w.queue) > 0
}

// process adds what one kept path needs.
func (w *worklist) process(name string) {
	n := w.im.nodes[name]
	if n.kind() == "symlink" {
		w.followLink(name)
	}
	if w.req.Options.Keep != analyzer.KeepObserved {
		w.interprets(name)
		w.packageOf(name)
		w.applyFamilies(name)
	}
	if n.regular() && n.size > 0 {
		w.contents(name)
	}
}

// followLink keeps what a symlink leads to.
func (w *worklist) followLink(name string) {
	res, err := layers.Resolve(w.im, ".", name, true)
	if err != nil || res.Missing {
		return
	}
	for _, hop := range res.Hops {
		w.add(hop, analyzer.Reason{Rule: analyzer.RuleFollowedBy, From: w.kept[name][0].From})
	}
	if !w.im.isDir(res.Path) {
		w.add(res.Path, analyzer.Reason{Rule: analyzer.RuleLinkTargetOf, From: "/" + name})
	} else if res.Path != "." {
		w.add(res.Path, analyzer.Reason{Rule: analyzer.RuleLinkTargetOf, From: "/" + name})
		w.linkedFolder(name, res.Path)
	}
}

// folderLinks keeps the symlinks of packages of which a file is kept to directories that hold kept files: programs are built with such
// names, as Perl with /usr/share/perl/5.36 for 5.36.0. They bring nothing else.
func (w *worklist) folderLinks() {
	if w.req.Options.Keep == analyzer.KeepObserved {
		return
	}
	folders, owners := map[string]bool{}, map[string]bool{}
	for name := range w.kept {
		if !w.im.nodes[name].regular() {
			continue
		}
		if pkg, ok := w.db.Owner(name); ok {
			owners[pkg.Name] = true
		}
		for dir := path.Dir(name); dir != "." && !folders[dir]; dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	for _, name := range w.im.names {
		pkg, owned := w.db.Owner(name)
		if w.im.nodes[name].kind() != "symlink" || w.kept[name] != nil || !owned || !owners[pkg.Name] || w.excluded(name) ||
			w.junked(name) != "" || strings.HasPrefix(name, "usr/share/doc/") {
			continue
		}
		if res, ok := w.im.resolve(".", name); ok && folders[res.Path] {
			w.kept[name] = []analyzer.Reason{{Rule: analyzer.RuleFollowedBy, From: "/" + res.Path}}
		}
	}
}

// linkedFolder keeps what lies in a package's folder of shared data or settings to which a link of the application, or among a language's
// modules, leads: it is a part of them as if it were copied.
func (w *worklist) linkedFolder(link, dir string) {
	app := slices.ContainsFunc(w.kept[link], func(r analyzer.Reason) bool { return r.Rule == analyzer.RuleAppFile })
	if !app && !w.inModules(link) || !sharedFolder.MatchString(dir) || rules.SharedDir(dir) {
		return
	}
	for _, name := range w.im.below(dir) {
		if !w.im.isDir(name) && w.junked(name) == "" {
			w.add(name, analyzer.Reason{Rule: analyzer.RuleLinkTargetOf, From: "/" + link})
		}
	}
}

// sharedFolder is a folder of data or settings with a name of its own.
var sharedFolder = regexp.MustCompile("^(usr/share|etc|var/lib)/")

// headSize is how much of a file tells what it is.
const headSize = 256

// maxSource is how much of a Perl or Ruby file is read for its imports, in bytes.
const maxSource = 1 << 20

// contents adds what the bytes of a file ask for.
func (w *worklist) contents(name string) {
	head, err := w.im.read(name, headSize)
	if err != nil {
		w.warn(fmt.Sprintf("/%s cannot be read: %v", name, err))
		return
	}
	switch {
	case elf.IsELF(head):
		w.elfFile(name)
	case strings.HasPrefix(string(head), "#!"):
		w.script(name, head)
	case w.scripts.sourced[name]:
		w.parseScript(name)
	}
	if w.req.Options.Keep != analyzer.KeepObserved {
		w.language(name, head)
		w.clrLiterals(name)
		w.classLiterals(name)
		w.crontab(name)
		w.recipes(name)
		if w.scripts.mayRun[name] {
			w.namedInSource(name, head)
		}
	}
}

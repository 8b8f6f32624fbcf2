package keep

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/layers"
)

// seed adds what is kept to begin with.
func (w *worklist) seed() error {
	if err := w.entrypoint(); err != nil {
		return err
	}
	w.observed()
	w.identity()
	if err := w.includes(); err != nil {
		return err
	}
	for i, round := range w.req.Repair {
		for _, p := range round {
			w.keep(string(p), analyzer.RuleCheckRound(i+1), "")
		}
	}
	if w.req.Options.Keep == analyzer.KeepObserved {
		return nil
	}
	w.openedSources()
	w.openedBytecode()
	w.applyFamilies(".")
	w.application()
	w.keepAsked()
	return nil
}

// entrypoint keeps what the config starts.
func (w *worklist) entrypoint() error {
	if len(w.req.Process.Argv) > 0 {
		name := w.req.Process.Argv[0]
		if full, ok := w.program(name); ok {
			if res, ok := w.im.resolve(strings.TrimPrefix(orRoot(w.req.Process.Dir), "/"), full); ok && w.excluded(res.Path) {
				return fmt.Errorf("--exclude drops the entrypoint %s", full)
			}
			w.keepProgram(name, analyzer.RuleEntrypoint, "")
		}
	}
	if h := w.req.Process.Healthcheck; h != nil {
		if argv := analyzer.HealthArgv(h.Test, w.req.Process.Shell); len(argv) > 0 {
			if h.Test[0] == "CMD-SHELL" {
				w.commandLine(h.Test[1], string(analyzer.RuleHealthCheck))
			}
			w.keepProgram(argv[0], analyzer.RuleHealthCheck, "")
		}
	}
	if argv := w.req.Process.Argv; len(argv) > 2 && shell.Reads(path.Base(argv[0])) && argv[1] == "-c" {
		w.commandLine(argv[2], string(analyzer.RuleEntrypoint))
	}
	if dir := w.req.Process.Dir; dir != "" {
		w.keep(strings.TrimPrefix(path.Clean(dir), "/"), analyzer.RuleWorkingDirectory, "")
	}
	return nil
}

// opRules are the words of a reason for what was done with a path, the strongest first.
var opRules = []struct {
	op   analyzer.Op
	rule analyzer.Rule
}{
	{analyzer.OpExec, analyzer.RuleRunBy},
	{analyzer.OpInterp, analyzer.RuleInterpreterOf},
	{analyzer.OpOpen, analyzer.RuleOpenedBy},
	{analyzer.OpConnect, analyzer.RuleConnectedToBy},
	{analyzer.OpList, analyzer.RuleListedBy},
	{analyzer.OpReadlink, analyzer.RuleReadAsLinkBy},
	{analyzer.OpWrite, analyzer.RuleWrittenBy},
	{analyzer.OpChdir, analyzer.RuleEnteredBy},
	{analyzer.OpStat, analyzer.RuleLookedAtBy},
	{analyzer.OpHop, analyzer.RuleFollowedBy},
}

// observed keeps what the evidence shows: what the run created is no part of the image.
func (w *worklist) observed() {
	for _, use := range w.seen.Paths {
		name := string(use.Path)
		if !w.im.has(name) {
			continue
		}
		from := ""
		if len(use.By) > 0 {
			from = use.By[0].String()
		}
		for _, o := range opRules {
			if slices.Contains(use.Ops, o.op) {
				w.add(name, analyzer.Reason{Rule: o.rule, From: from})
				break
			}
		}
		if slices.Contains(use.Ops, analyzer.OpExec) {
			w.scripts.executed[name] = true
			w.scripts.mayRun[name] = true
		}
		if slices.Contains(use.Ops, analyzer.OpOpen) || slices.Contains(use.Ops, analyzer.OpInterp) {
			w.scripts.executed[name] = w.scripts.executed[name] || slices.Contains(use.Ops, analyzer.OpInterp)
		}
		if slices.Contains(use.Ops, analyzer.OpList) {
			w.listed(name, from)
		}
	}
}

// modulePath is a directory that Python lists to look modules up by name (importlib.machinery.FileFinder): what the listing shows decides
// nothing but that.
var modulePath = regexp.MustCompile(`(^|/)lib/python3(\.\d+)?($|/)`)

// listed keeps the entries of a directory that the run listed, where they are few or small: what is listed decides what happens
// next. Package-owned trees of a whole system are not dragged in.
func (w *worklist) listed(dir, from string) {
	const most = 2000
	prefix := dir + "/"
	if dir == "." || modulePath.MatchString(dir) {
		return
	}
	count := 0
	for _, name := range w.im.below(dir) {
		if strings.Contains(name[len(prefix):], "/") {
			continue
		}
		n := w.im.nodes[name]
		if n.mode.IsDir() {
			w.add(name, analyzer.Reason{Rule: analyzer.RuleListedBy, From: from})
			continue
		}
		if w.junked(name) != "" || count >= most {
			continue
		}
		_, owned := w.db.Owner(name)
		if !owned || !rules.SharedDir(dir) {
			count++
			w.add(name, analyzer.Reason{Rule: analyzer.RuleListedBy, From: from})
		}
	}
}

// identityFiles say what system this is and who its users are: scanners and programs look for them (hardened images keep them).
var identityFiles = []string{
	"etc/passwd", "etc/group", "etc/nsswitch.conf", "etc/os-release", "usr/lib/os-release", "etc/debian_version", "etc/lsb-release",
	"etc/alpine-release", "etc/redhat-release", "etc/centos-release", "etc/rocky-release", "etc/almalinux-release",
	"etc/oracle-release", "etc/fedora-release", "etc/system-release", "etc/SuSE-release", "etc/hosts", "etc/resolv.conf",
	"etc/hostname", "etc/issue", "etc/host.conf", "etc/ld.so.cache", "tmp", "var/tmp", "run", "var/run", "root", "home", "proc",
	"sys", "dev", "etc",
	"bin", "sbin", "lib", "lib32", "lib64", "libx32", // merged /usr: links through which every program and loader is named
}

func (w *worklist) identity() {
	for _, name := range identityFiles {
		if w.im.has(name) {
			w.add(name, analyzer.Reason{Rule: analyzer.RuleIdentity})
		}
	}
}

// includes keeps what the user asks for.
func (w *worklist) includes() error {
	var nothing []string
	for _, pattern := range w.req.Options.Include {
		g, err := rules.Compile(pattern)
		if err != nil {
			return fmt.Errorf("--include: %w", err)
		}
		found := w.im.match(g)
		if len(found) == 0 && w.keep(string(layers.CleanPath(pattern)), analyzer.RuleIncluded, "") {
			continue
		}
		for _, name := range found {
			w.add(name, analyzer.Reason{Rule: analyzer.RuleIncluded})
			w.scripts.mayRun[name] = true
			if w.im.isDir(name) {
				for _, below := range w.im.below(name) {
					w.add(below, analyzer.Reason{Rule: analyzer.RuleIncluded, From: "/" + name})
				}
			}
		}
		if len(found) == 0 {
			nothing = append(nothing, "--include "+pattern)
		}
	}
	for _, name := range w.req.Options.IncludeExe {
		if !w.keepProgram(name, analyzer.RuleIncluded, "") {
			nothing = append(nothing, "--include-exe "+name)
		}
	}
	for _, name := range w.req.Options.IncludePackage {
		pkg, ok := w.db.Package(name)
		if !ok {
			nothing = append(nothing, "--include-package "+name)
			continue
		}
		for _, file := range pkg.Files {
			w.add(file, analyzer.Reason{Rule: analyzer.RuleIncluded, From: "package " + name})
		}
	}
	if w.req.Options.IncludeShell && !w.includeShell() {
		nothing = append(nothing, "--include-shell")
	}
	if len(nothing) > 0 {
		return fmt.Errorf("%s: nothing in the image matches", strings.Join(nothing, ", "))
	}
	return nil
}

// shellTools are the programs that people use in a shell: POSIX utilities (POSIX.1-2017, XCU 4), and bash.
var shellTools = []string{
	"bash", "ls", "cat", "cp", "mv", "rm", "mkdir", "ln", "echo", "env", "id", "ps", "grep", "sed", "head", "tail", "sort", "find",
	"chmod", "chown", "stat", "sleep", "date", "df", "du", "wc", "tr", "cut", "xargs", "which", "readlink", "dirname", "basename",
	"uname", "test", "touch", "printf", "true", "false",
}

// includeShell keeps a shell and the small programs that people use in one.
func (w *worklist) includeShell() bool {
	found := w.keepProgram("sh", analyzer.RuleIncluded, "shell")
	for _, name := range shellTools {
		w.keepProgram(name, analyzer.RuleIncluded, "shell")
	}
	return found
}

// application keeps the application's own files: those that no package owns and no system tool has made.
func (w *worklist) application() {
	whole := len(w.db.Packages()) > 0 || !w.distribution()
	if !whole {
		w.warn("the image is a distribution's without its package database: only the working directory, the entrypoint's directory " +
			"and /app, /srv, /opt, /home and /var/www count as the application")
	}
	for _, name := range w.im.names {
		n := w.im.nodes[name]
		if n.mode.IsDir() || name == "." {
			continue
		}
		if _, owned := w.db.Owner(name); owned {
			continue
		}
		if _, made := w.db.Generated(name); made {
			continue
		}
		if w.junked(name) != "" || cached(name) || rules.Sandbox(name) || !whole && !w.applicationDir(name) {
			continue
		}
		if n.kind() == "symlink" && path.Base(path.Dir(name)) == ".bin" {
			if res, ok := w.im.resolve(".", name); !ok || w.junked(res.Path) != "" {
				continue // a command of a package that is not kept
			}
		}
		w.scripts.mayRun[name] = !dependency.Match(name)
		w.add(name, analyzer.Reason{Rule: analyzer.RuleAppFile})
	}
}

// distribution says whether the root filesystem is that of a Linux distribution.
func (w *worklist) distribution() bool {
	return w.im.has("etc/os-release") || w.im.has("usr/lib/os-release")
}

// applicationDir says whether a path lies in a directory that holds an application where no package database tells.
func (w *worklist) applicationDir(name string) bool {
	dirs := rules.ApplicationDirs()
	if dir := strings.Trim(w.req.Process.Dir, "/"); dir != "" {
		dirs = append(dirs, dir)
	}
	if len(w.req.Process.Argv) > 0 {
		if dir := path.Dir(strings.TrimPrefix(w.req.Process.Argv[0], "/")); dir != "." && !rules.SharedDir(dir) {
			dirs = append(dirs, dir)
		}
	}
	return slices.ContainsFunc(dirs, func(dir string) bool { return strings.HasPrefix(name, dir+"/") })
}

package keep

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// elfFile keeps what the kernel and the loader need for a program or library, and the libraries it names to load later.
func (w *worklist) elfFile(name string) {
	obj := w.objects[name]
	if obj == nil {
		var err error
		if obj, err = w.elf.Open(name, nil); err != nil {
			w.warn(fmt.Sprintf("/%s looks like ELF and cannot be read: %v", name, err))
			return
		}
	}
	for _, call := range obj.File.Syscalls {
		w.syscalls[call] = true
	}
	from := "/" + name
	for _, need := range w.elf.Needs(obj) {
		for _, found := range need.Found {
			w.library(found, obj, analyzer.Reason{Rule: analyzer.RuleNeededBy, From: from})
		}
	}
	for _, file := range w.elf.Files(obj) {
		w.found(file, analyzer.Reason{Rule: analyzer.RuleReadByLoaderOf, From: from})
	}
	if obj.File.Soname == "libc.so.6" && w.req.Options.Keep != analyzer.KeepObserved {
		w.nameService(obj)
	}
	if !obj.File.Dlopens || w.req.Options.Keep == analyzer.KeepObserved {
		return // at that level the run itself shows what was loaded
	}
	for _, library := range obj.File.Strings {
		if rules.Optional(obj.File.Soname, library) {
			continue
		}
		for _, found := range w.elf.Lookup(library, obj) {
			w.library(found, obj, analyzer.Reason{Rule: analyzer.RuleLoadedBy, From: from})
		}
	}
}

// library keeps a library with the loader that asked for it, whose search path it inherits.
func (w *worklist) library(found elf.Found, loader *elf.Object, reason analyzer.Reason) {
	if w.objects[found.Path] == nil && found.File != nil && len(w.objects) < maxPaths {
		w.objects[found.Path] = found.Object(loader)
	}
	w.found(found, reason)
}

func (w *worklist) found(found elf.Found, reason analyzer.Reason) {
	for _, hop := range found.Hops {
		w.add(hop, analyzer.Reason{Rule: analyzer.RuleFollowedBy, From: reason.From})
	}
	w.add(found.Path, reason)
}

// script keeps the interpreter of a script and, where the script may run, what it calls.
func (w *worklist) script(name string, head []byte) {
	interp, arg, ok := elf.Shebang(head)
	if !ok {
		return
	}
	if !w.scripts[name] && !w.executed[name] && w.req.Options.Keep != analyzer.KeepObserved {
		// A script that merely lies in a kept package may still be called by name; its interpreter is dragged in only when it is
		// the application's own or was run.
		return
	}
	from := "/" + name
	if program := strings.TrimPrefix(path.Clean("/"+interp), "/"); w.keep(program, analyzer.RuleInterpreterOf, from) {
		w.runs(program)
	}
	if path.Base(interp) == "env" {
		for _, word := range strings.Fields(arg) {
			if !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") {
				w.keepProgram(word, analyzer.RuleInterpreterOf, from)
				break
			}
		}
	}
	if w.req.Options.Keep != analyzer.KeepObserved && shellInterpreter(interp, arg) {
		w.parseScript(name)
	}
}

// runs notes that a program may run: where it is a script, what it calls is kept too.
func (w *worklist) runs(program string) {
	res, ok := w.im.resolve(".", program)
	if !ok || w.scripts[res.Path] || w.excluded(res.Path) {
		return
	}
	w.scripts[res.Path] = true
	w.queue = append(w.queue, res.Path)
}

func shellInterpreter(interp, arg string) bool {
	base := path.Base(interp)
	if base == "env" {
		if words := strings.Fields(arg); len(words) > 0 {
			base = path.Base(words[len(words)-1])
		}
	}
	return slices.Contains([]string{"sh", "bash", "dash", "ash", "ksh", "mksh", "busybox", "zsh", "execlineb", "with-contenv"}, base)
}

// parseScript keeps the commands, the scripts and the files that a shell script names.
func (w *worklist) parseScript(name string) {
	src, err := w.im.read(name, shell.MaxSize)
	if err != nil {
		return
	}
	w.scriptText(src, name)
}

// commandLine is a script given as an argument of a shell.
func (w *worklist) commandLine(line, rule string) { w.scriptText([]byte(line), rule) }

func (w *worklist) scriptText(src []byte, name string) {
	script, err := shell.Commands(src, name, w.env)
	if err != nil {
		w.warn(fmt.Sprintf("%s: not understood as a shell script: %v", name, err))
		return
	}
	from := "/" + name
	for _, command := range script.Commands {
		w.keepProgram(command, analyzer.RuleCalledBy, from)
	}
	for _, sourced := range script.Sourced {
		target := sourced
		if !strings.HasPrefix(sourced, "/") {
			target = path.Join(path.Dir(name), sourced)
		}
		if res, ok := w.im.resolve(".", target); ok && w.im.nodes[res.Path].regular() {
			known := w.sourced[res.Path]
			w.sourced[res.Path] = true
			w.keep(strings.TrimPrefix(target, "/"), analyzer.RuleSourcedBy, from)
			if !known {
				w.parseScript(res.Path)
			}
		}
	}
	for _, named := range script.Paths {
		w.named(named, from)
	}
	for _, prefix := range script.Prefixes {
		w.named(prefix, from)
	}
}

// named keeps a path that a script or configuration names: a file, or a small directory.
func (w *worklist) named(name, from string) {
	res, ok := w.im.resolve(".", name)
	if !ok || res.Path == "." || rules.Sandbox(res.Path) {
		return
	}
	w.keep(strings.TrimPrefix(path.Clean(name), "/"), analyzer.RuleNamedBy, from)
}

// packageOf notes the package of a kept path and, once, keeps what belongs to every use of it: its configuration and its data.
func (w *worklist) packageOf(name string) {
	pkg, ok := w.db.Owner(name)
	if !ok || w.touched[pkg.Name] || !w.matters(name) {
		return
	}
	w.touch(pkg)
}

// touch keeps what belongs to every use of a package, and of the packages that hold its data and settings under its name.
func (w *worklist) touch(pkg *packages.Package) {
	w.touched[pkg.Name] = true
	from := "package " + pkg.Name
	for _, file := range pkg.Files {
		if w.req.Options.Keep == analyzer.KeepPackage {
			if w.junked(file) == "" && !strings.HasPrefix(file, "usr/share/locale/") {
				w.add(file, analyzer.Reason{Rule: analyzer.RulePackageOf, From: from})
			}
			continue
		}
		if w.packageData(file, pkg.Name) && w.junked(file) == "" {
			w.add(file, analyzer.Reason{Rule: analyzer.RuleDataOf, From: from})
			w.namedInSettings(file)
		}
	}
	for _, name := range companions(pkg.Name) {
		if companion, ok := w.db.Package(name); ok && !w.touched[name] {
			w.touch(companion)
		}
	}
}

// companions are the names under which distributions split off what does not depend on the architecture (Debian Developer's Reference 6.7.5,
// Architecture-independent data): NAME-data and NAME-common. A library's package has its version behind the name.
func companions(name string) []string {
	if strings.HasSuffix(name, "-data") || strings.HasSuffix(name, "-common") {
		return nil
	}
	names := []string{name + "-data", name + "-common"}
	if base := strings.TrimRight(name, "0123456789.-"); base != name && base != "" {
		names = append(names, base+"-data", base+"-common")
	}
	return names
}

// matters says whether a kept path means that its package is in use: a program or library of it, or a module of a language; not a
// directory, a copyright file or a piece of shared data. Of links only a program's name counts: Debian's redis-server is such a link into
// another package, and its settings are those of the package that has the name.
func (w *worklist) matters(name string) bool {
	n := w.im.nodes[name]
	if !n.regular() {
		return n.kind() == "symlink" && programDir.MatchString(path.Dir(name))
	}
	if strings.Contains(name, ".egg-info/") || strings.Contains(name, ".dist-info/") || strings.HasSuffix(name, ".pth") || strings.HasSuffix(name, ".egg-info") {
		return false // what distributions there are is asked of all of them (importlib.metadata)
	}
	if strings.HasPrefix(name, "usr/share/") { // shared data is used by others; of a language's modules the package itself is
		return w.executed[name] || codeDir.MatchString(name)
	}
	return !strings.HasPrefix(name, "etc/")
}

// programDir is where programs are looked up by name (Filesystem Hierarchy Standard 3.0, 3.4, 3.16, 4.4 and 4.10).
var programDir = regexp.MustCompile(`^(usr/(local/)?)?s?bin$`)

// codeDir is where distributions put modules below usr/share (Debian Policy for Perl, Java, PHP and Node.js).
var codeDir = regexp.MustCompile(`^usr/share/(perl5?|java|maven-repo|php|nodejs|ruby|rubygems-integration|guile|lua|tcltk|[^/]+/bin)/`)

// packageData says whether a file of a package in use is its configuration, or data under its own name.
func (w *worklist) packageData(file, pkg string) bool {
	switch {
	case strings.HasPrefix(file, "etc/"):
		for _, skip := range []string{"etc/init.d/", "etc/cron", "etc/logrotate.d/", "etc/systemd/", "etc/default/", "etc/apt/", "etc/kernel/", "etc/logcheck/", "etc/bash_completion.d/", "etc/ufw/", "etc/apparmor", "etc/dpkg/", "etc/init/", "etc/emacs/", "etc/X11/", "etc/update-motd.d/"} {
			if strings.HasPrefix(file, skip) {
				return false
			}
		}
		return true
	case strings.HasPrefix(file, "usr/share/java/"), strings.HasPrefix(file, "usr/share/perl5/") && strings.HasSuffix(pkg, "-perl"):
		return true // Debian Policy for Java, and for Perl 4.2: module packages are called lib...-perl
	case strings.HasPrefix(file, "usr/share/"):
		top, _, _ := strings.Cut(strings.TrimPrefix(file, "usr/share/"), "/")
		return top == pkg || strings.HasPrefix(pkg, top+"-") && top != "doc" && top != "perl" && top != "python3"
	}
	if w.private(file, pkg) {
		return true
	}
	if _, module, ok := strings.Cut(file, "-packages/"); ok {
		top, _, _ := strings.Cut(module, "/")
		return !rules.PythonBuildTool(top) || strings.HasPrefix(top, "pkg_resources")
	}
	return strings.HasSuffix(file, ".jar") || strings.HasPrefix(file, "usr/lib/ruby/vendor_ruby/") || strings.HasPrefix(file, "usr/lib/ruby/gems/")
}

// private says whether a file lies in its package's own folder below usr/lib or usr/libexec (Filesystem Hierarchy Standard 3.0, 4.6 and 4.7:
// what is there is internal to one application), of which no rule knows better.
func (w *worklist) private(file, pkg string) bool {
	rest, ok := strings.CutPrefix(file, "usr/lib/")
	if ok {
		if _, below, triplet := strings.Cut(rest, "-linux-gnu/"); triplet {
			rest = below
		}
	} else if rest, ok = strings.CutPrefix(file, "usr/libexec/"); !ok {
		return false
	}
	top, _, inside := strings.Cut(rest, "/")
	if !inside || top != pkg && !strings.HasPrefix(pkg, top+"-") {
		return false
	}
	return !slices.ContainsFunc(w.families, func(f *family) bool { return f.knows(strings.TrimSuffix(file, rest) + top + "/") })
}

// knows says whether a rule names a folder.
func (f *family) knows(folder string) bool {
	return slices.ContainsFunc(f.Keep, func(pattern string) bool {
		return strings.HasPrefix(pattern, folder) || strings.Contains(pattern, "/*/"+path.Base(folder)+"/")
	})
}

// applyFamilies keeps what the rules say of one kept path; "." stands for the image itself.
func (w *worklist) applyFamilies(name string) {
	for _, f := range w.families {
		if f.Run && name != "." && !w.executed[name] {
			continue
		}
		for _, when := range f.when {
			first, ok := "", name == "." && f.When[0] == "**"
			if !ok && name != "." && f.When[0] != "**" {
				first, ok = when.Submatch(name)
			}
			if ok && !f.done[first] {
				f.done[first] = true
				w.applyFamily(f, first, name)
			}
		}
	}
}

func (w *worklist) applyFamily(f *family, first, name string) {
	var except []rules.Glob
	for _, pattern := range f.Except {
		if g, err := rules.Compile(rules.Expand(pattern, first)); err == nil {
			except = append(except, g)
		}
	}
	from := ""
	if name != "." {
		from = "for /" + name
	}
	for _, pattern := range f.Keep {
		g, err := rules.Compile(rules.Expand(pattern, first))
		if err != nil {
			continue
		}
		for _, match := range w.im.match(g) {
			if w.im.isDir(match) || slices.ContainsFunc(except, func(g rules.Glob) bool { return g.Match(match) }) {
				continue
			}
			w.add(match, analyzer.Reason{Rule: analyzer.RuleFamily(f.Name), From: from})
		}
	}
}

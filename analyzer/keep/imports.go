package keep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/accounts"
	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
)

// imports keeps what the functions that a program or library imports reach: the files of rules, for its own ABI, and the programs
// that it starts.
func (w *worklist) imports(name string, obj *elf.Object) {
	if w.req.Options.Keep == analyzer.KeepObserved {
		return
	}
	for _, f := range w.rules.families {
		if !slices.ContainsFunc(f.Imports, func(function string) bool {
			return contains(obj.File.Imports, function) && !rules.OptionalImport(obj.File.Soname, function)
		}) {
			continue
		}
		if f.Name == rules.Shadow && rules.GeneralPurpose(name) {
			continue
		}
		key := fmt.Sprint(f.Name, obj.File.Class, obj.File.Machine)
		if w.binaries.opened[key] {
			continue
		}
		w.binaries.opened[key] = true
		w.open(f, name, obj.File)
	}
	w.startedBy(name, obj.File)
}

func contains(sorted []string, name string) bool {
	_, found := slices.BinarySearch(sorted, name)
	return found
}

// open keeps the files of a rule whose function is imported.
func (w *worklist) open(f *family, name string, file *elf.File) {
	reason := analyzer.Reason{Rule: analyzer.RuleFamily(f.Name), From: "for /" + name}
	for _, match := range w.matches(f, "") {
		if !w.alien(match, file) {
			w.add(match, reason)
		}
		if f.Name == rules.PAM {
			w.pamStack(match, file)
		}
	}
	if f.Name == rules.Shadow {
		w.loginShells(reason)
	}
}

// loginShells keeps the shells of the accounts that people log in with (passwd(5)): sshd and login refuse an account whose shell is not
// there.
func (w *worklist) loginShells(reason analyzer.Reason) {
	for _, user := range w.readAccounts().Users {
		if user.UID >= accounts.FirstPerson && user.UID <= accounts.LastPerson && strings.HasPrefix(user.Shell, "/") {
			w.keep(user.Shell, reason.Rule, reason.From)
		}
	}
}

// alien says whether a file is a program or library of another class or machine.
func (w *worklist) alien(name string, file *elf.File) bool {
	if !strings.Contains(name, ".so") {
		return false
	}
	obj, err := w.binaries.resolver.Open(name, nil)
	return err == nil && (obj.File.Class != file.Class || obj.File.Machine != file.Machine)
}

// maxPAM bounds one file of PAM's settings, in bytes.
const maxPAM = 64 << 10

// pamStack keeps the modules that one of PAM's settings names: by absolute path, or in a folder that distributions give libpam for them.
func (w *worklist) pamStack(name string, file *elf.File) {
	if !strings.HasPrefix(name, "etc/pam") && !strings.HasPrefix(name, "usr/lib/pam.d/") {
		return
	}
	conf, err := w.im.read(name, maxPAM)
	if err != nil {
		return
	}
	for _, line := range strings.Split(string(conf), "\n") {
		line, _, _ = strings.Cut(line, "#")
		for _, word := range strings.Fields(line) {
			if strings.HasSuffix(word, ".so") {
				w.pamModule(word, "/"+name, file)
				break // what follows are its arguments
			}
		}
	}
}

func (w *worklist) pamModule(module, from string, file *elf.File) {
	names := []string{strings.TrimPrefix(module, "/")}
	if !strings.HasPrefix(module, "/") {
		names = append(w.im.match(rules.MustCompile("usr/lib*/security/*.so")), w.im.match(rules.MustCompile("usr/lib/*/security/*.so"))...)
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, "/"+module) })
	}
	for _, name := range names {
		if !w.alien(name, file) {
			w.keep(name, analyzer.RuleLoadedBy, from)
		}
	}
}

package profile

import (
	"path"
	"regexp"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// sharedObject is the name of a library that a program loads (ld.so(8): libNAME.so, with or without a version behind it).
var sharedObject = regexp.MustCompile(`\.so(\.[0-9]+)*$`)

// compilers write programs into any directory, and their users often run these at once.
var compilers = regexp.MustCompile(`^(ld(\.(bfd|gold|lld))?|lld|tcc|cc1|rustc|javac)$`)

// executable marks the writable directories from which programs may be run and libraries loaded: a mount with noexec would refuse that.
// A run needs this if it executed a program or opened a library that it had made; a compiler in the image may need it. A
// JVM's libraries unpack their native parts below java.io.tmpdir, /tmp, when they are first used.
func (m *Model) executable(ev *analyzer.Evidence) {
	compiler := slices.ContainsFunc(m.Kept, func(name layers.Path) bool { return compilers.MatchString(path.Base(string(name))) })
	for i := range m.Writable {
		w := &m.Writable[i]
		w.Executes = w.Path == "tmp" && (compiler || slices.Contains(m.Runtimes, runtimeJVM))
		for _, use := range ev.Paths {
			w.Executes = w.Executes || below(w.Path, use.Path) && ranOwn(use)
		}
		if w.Executes {
			m.warn("programs or libraries made in /%s are executed: it is mounted without noexec", w.Path)
		}
	}
}

// ranOwn reports whether the run made a file and then executed it, or opened it as a library.
func ranOwn(use analyzer.PathUse) bool {
	if !slices.Contains(use.Ops, analyzer.OpCreate) {
		return false
	}
	return slices.Contains(use.Ops, analyzer.OpExec) ||
		slices.Contains(use.Ops, analyzer.OpOpen) && sharedObject.MatchString(path.Base(string(use.Path)))
}

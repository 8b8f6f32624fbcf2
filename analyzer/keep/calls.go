package keep

import (
	stdelf "debug/elf"
	"fmt"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// calls notes the system calls that a program or library may make: what the functions that it imports make, and what its own code
// asks for.
func (w *worklist) calls(name string, file *elf.File) {
	for _, call := range rules.Calls(file.Imports) {
		w.binaries.syscalls[call] = true
	}
	code, err := w.binaries.resolver.Code(name)
	if err != nil {
		w.warn(fmt.Sprintf("the code of /%s cannot be read: %v", name, err))
		return
	}
	names := callNames(file)
	for _, number := range code.Numbers {
		if call := names[number]; call != "" {
			w.binaries.syscalls[call] = true
		}
	}
	if code.Open {
		w.binaries.any = append(w.binaries.any, layers.Path(name))
	}
	if file.Static {
		for _, call := range rules.StaticCalls() {
			w.binaries.syscalls[call] = true
		}
	}
}

// callNames are the names of system calls by number, for the machine of a file.
func callNames(file *elf.File) map[int]string {
	switch {
	case file.Class != stdelf.ELFCLASS64:
		return nil
	case file.Machine == stdelf.EM_X86_64:
		return rules.CallNames("amd64")
	case file.Machine == stdelf.EM_AARCH64:
		return rules.CallNames("arm64")
	}
	return nil
}

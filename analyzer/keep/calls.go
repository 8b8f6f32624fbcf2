package keep

import (
	stdelf "debug/elf"
	"fmt"
	goruntime "runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// callReading reads the code of ELF files beside the worklist: of a plan only its system calls follow from it.
type callReading struct {
	work     errgroup.Group
	mu       sync.Mutex
	calls    map[string]bool // that kept programs and libraries may make
	any      []layers.Path   // those of them that may make others too
	warnings []string
}

func newCallReading() *callReading {
	r := &callReading{calls: map[string]bool{}}
	r.work.SetLimit(goruntime.GOMAXPROCS(0))
	return r
}

// calls notes the system calls that a program or library may make: what the functions that it imports make, and what its own code
// asks for.
func (w *worklist) calls(name string, file *elf.File) {
	r := w.binaries.calls
	r.work.Go(func() error {
		code, err := w.binaries.resolver.Code(name)
		imported := rules.Calls(file.Imports)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.note(imported)
		if err != nil {
			r.warnings = append(r.warnings, fmt.Sprintf("the code of /%s cannot be read: %v", name, err))
			return nil
		}
		names := callNames(file)
		for _, number := range code.Numbers {
			if call := names[number]; call != "" {
				r.calls[call] = true
			}
		}
		if code.Open {
			r.any = append(r.any, layers.Path(name))
		}
		if file.Static {
			r.note(rules.StaticCalls())
		}
		return nil
	})
}

func (r *callReading) note(calls []string) {
	for _, call := range calls {
		r.calls[call] = true
	}
}

// finish waits until all code is read.
func (r *callReading) finish() { _ = r.work.Wait() } // no reading returns an error

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

package analyzer

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// check refuses evidence that no observation makes: it comes from a file that anyone may have written.
func (e *Evidence) check() error {
	for i, run := range e.Runs {
		if err := run.check(); err != nil {
			return fmt.Errorf("run %d (%q): %w", i, run.Name, err)
		}
	}
	for _, p := range e.Paths {
		if err := checkUse(p.Path, p.Ops, p.By); err != nil {
			return fmt.Errorf("path %s: %w", p.Path, err)
		}
	}
	for _, m := range e.Missing {
		if err := checkUse(m.Path, m.Ops, m.By); err != nil {
			return fmt.Errorf("missing path %s: %w", m.Path, err)
		}
		if m.Errno == "" {
			return fmt.Errorf("missing path %s: no errno", m.Path)
		}
	}
	for _, p := range e.Processes {
		if p.Role != "" && p.Role != RoleMain && p.Role != RoleBeside {
			return fmt.Errorf("process %s: unknown role %q", p.Exe, p.Role)
		}
	}
	for _, p := range e.Powers {
		if p.Exe == "" || !strings.HasPrefix(p.Capability, "CAP_") {
			return fmt.Errorf("power %q of %q: no capability or no program", p.Capability, p.Exe)
		}
	}
	if slices.Contains(e.Privileged, "") {
		return fmt.Errorf("privileged: an empty path")
	}
	return nil
}

func checkUse(path layers.Path, ops []Op, by []layers.Path) error {
	if path == "" || slices.Contains(by, "") {
		return fmt.Errorf("an empty path")
	}
	for _, op := range ops {
		switch op {
		case OpOpen, OpExec, OpStat, OpReadlink, OpList, OpChdir, OpHop, OpInterp, OpConnect, OpWrite, OpCreate:
		default:
			return fmt.Errorf("unknown operation %q", op)
		}
	}
	return nil
}

func (r Run) check() error {
	if r.Name == "" {
		return fmt.Errorf("it has no name")
	}
	if r.Kind != KindServer && r.Kind != KindCommand {
		return fmt.Errorf("kind %q is neither %q nor %q", r.Kind, KindServer, KindCommand)
	}
	for _, s := range slices.Concat(r.Listen, r.Peers) {
		if s.Port < 0 || s.Port > 65535 {
			return fmt.Errorf("port %d is none", s.Port)
		}
	}
	if slices.ContainsFunc(r.Mounts, func(m Mount) bool { return m.Path == "" || m.Path == "." }) {
		return fmt.Errorf("a mount without a path")
	}
	seen := map[string]bool{}
	for _, a := range r.Answers {
		if a.Probe == "" || seen[a.Probe] {
			return fmt.Errorf("two answers, or one without a probe, are named %q", a.Probe)
		}
		seen[a.Probe] = true
		if err := a.check(); err != nil {
			return fmt.Errorf("answer %q: %w", a.Probe, err)
		}
	}
	return nil
}

// maxProtocol bounds the name of a protocol, in bytes.
const maxProtocol = 32

func (a Answer) check() error {
	if len(a.Body) > MaxBody || len(a.Stderr) > MaxBody {
		return fmt.Errorf("it keeps more than %d bytes", MaxBody)
	}
	if sum, err := hex.DecodeString(a.SHA256); err != nil || len(sum) != 0 && len(sum) != 32 {
		return fmt.Errorf("%q is no SHA-256", a.SHA256)
	}
	if len(a.Protocol) > maxProtocol || strings.Trim(a.Protocol, "abcdefghijklmnopqrstuvwxyz0123456789+") != "" {
		return fmt.Errorf("%q is no protocol", a.Protocol)
	}
	if a.Size < int64(len(a.Body)) {
		return fmt.Errorf("it keeps %d bytes of %d", len(a.Body), a.Size)
	}
	return nil
}

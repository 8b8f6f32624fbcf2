package keep

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// maxTold is the number of paths that one warning names.
const maxTold = 20

// tighten takes away what lets any process replace what is not its own: a directory that everybody may write to becomes sticky, as
// /tmp is, and a file is no longer everybody's. What the run wrote to becomes the user's, which ownership leaves as it is where
// everybody may write.
func (p *planner) tighten() {
	var found []string
	written := p.written()
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		mode := unixMode(n)
		if f.Mode != nil {
			mode = *f.Mode
		}
		switch {
		case f.New || mode&0o002 == 0:
			continue
		case n.mode.IsDir() && mode&0o1000 == 0:
			mode |= 0o1000
		case n.regular():
			mode &^= 0o002
		default:
			continue
		}
		if written[name] && p.user.UID != 0 {
			f.UID = &p.user.UID
			mode |= needBits(n) << 6
		}
		f.Mode = &mode
		found = append(found, "/"+name)
	}
	if len(found) == 0 {
		return
	}
	more := ""
	if len(found) > maxTold {
		more = fmt.Sprintf(" and %d more", len(found)-maxTold)
		found = found[:maxTold]
	}
	p.warn("everybody could write to " + strings.Join(found, ", ") + more + ": made sticky, or read-only for others")
}

// written are the files that the run wrote to, and the directories that it made files in.
func (p *planner) written() map[string]bool {
	found := map[string]bool{}
	for _, use := range p.seen.Paths {
		if slices.Contains(use.Ops, analyzer.OpWrite) {
			found[string(use.Path)] = true
		}
		if slices.Contains(use.Ops, analyzer.OpCreate) {
			found[path.Dir(string(use.Path))] = true
		}
	}
	return found
}

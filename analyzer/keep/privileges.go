package keep

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// A program with a setuid bit or file capabilities gives rights to whoever starts it. It keeps them where a user other than root started
// it in the run (Evidence.Privileged), and loses them otherwise: to root they give nothing, and a program whose file capabilities are not
// in the bounding set cannot even be executed (security/commoncap.c, bprm_caps_from_vfs_caps).

// gained says whether a user other than root started a program that gives rights.
func (p *planner) gained(name string) bool {
	return slices.Contains(p.seen.Privileged, layers.Path(name))
}

// setuid drops the bits by which a program gets more rights than the one that runs it. Where the application runs as root, programs that
// ran keep them.
func (p *planner) setuid() (kept []layers.Path) {
	var dropped []string
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		mode := unixMode(n)
		switch {
		case f.New || !n.regular() || mode&0o6000 == 0:
			continue
		case p.gained(name):
			kept = append(kept, f.Path)
			continue
		case p.user.UID == 0 && p.scripts.executed[name]:
			continue
		}
		mode &^= 0o6000
		f.Mode = &mode
		dropped = append(dropped, "/"+name)
	}
	if len(dropped) > 0 {
		p.warn("setuid or setgid bits dropped: " + strings.Join(dropped, ", "))
	}
	return kept
}

// lowPorts is the only capability that Docker makes needless: every user may bind low ports there (net.ipv4.ip_unprivileged_port_start).
var lowPorts = analyzer.CapabilityBit("CAP_NET_BIND_SERVICE")

// capabilities drops file capabilities, but for those of files that were asked for and of programs that need theirs. The kernel reads
// them of what it executes alone (capabilities(7)).
func (p *planner) capabilities() {
	var dropped, kept []string
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		if f.New || f.Edited || !n.regular() || n.mode.Perm()&0o111 == 0 {
			continue
		}
		set, err := layers.Capabilities(p.im.root, name)
		switch {
		case err != nil:
			p.warn(fmt.Sprintf("/%s: its capabilities cannot be read: %v", name, err))
		case set == nil:
		case p.gained(name) && set.Permitted&^lowPorts != 0 || included(f.Reasons):
			f.Capabilities = analyzer.CapabilitySet(set.Permitted)
			kept = append(kept, "/"+name)
		default:
			f.NoCapability = true
			dropped = append(dropped, "/"+name)
		}
	}
	if len(dropped) > 0 {
		p.warn("file capabilities dropped: " + strings.Join(dropped, ", "))
	}
	if len(kept) > 0 {
		p.warn("file capabilities kept: " + strings.Join(kept, ", "))
	}
}

// directories lists the kept directories that are not root's with mode 0755, as the slim image has them.
func (p *planner) directories() []analyzer.Directory {
	var list []analyzer.Directory
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f, n := p.files[name], p.im.nodes[name]
		if f.Kind != "dir" {
			continue
		}
		d := analyzer.Directory{Path: f.Path, Mode: 0o755}
		if !f.New {
			d.UID, d.GID, d.Mode = n.stat.UID, n.stat.GID, unixMode(n)
		}
		for from, to := range map[*uint32]*uint32{f.UID: &d.UID, f.GID: &d.GID, f.Mode: &d.Mode} {
			if from != nil {
				*to = *from
			}
		}
		if d.UID != 0 || d.GID != 0 || d.Mode != 0o755 {
			list = append(list, d)
		}
	}
	return list
}

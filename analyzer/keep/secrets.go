package keep

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/secrets"
	"github.com/slimimage/slim/layers"
)

// Bounds of the search for credentials.
const (
	maxKeyFile   = 64 << 10 // bytes of a file of keys and certificates
	maxSensitive = 1000     // paths that a plan lists
)

// sensitive is a kept path that should be in the slim image only if something uses it.
type sensitive struct{ name, what string }

// withholdSensitive leaves out credentials and devices that nothing is known to use. Which the run used, or what is kept names, stay. The
// plan lists both.
func (p *planner) withholdSensitive() {
	var doubtful []sensitive
	for _, s := range p.sensitive() {
		if why, ok := p.usedBy(s.name); ok {
			p.told = append(p.told, analyzer.Sensitive{Path: layers.Path(s.name), What: s.what, Kept: why})
		} else {
			doubtful = append(doubtful, s)
		}
	}
	named := p.namedFiles(doubtful)
	for _, s := range doubtful {
		told := analyzer.Sensitive{Path: layers.Path(s.name), What: s.what}
		if by := named[s.name]; by != "" {
			told.Kept = analyzer.Reason{Rule: analyzer.RuleNamedBy, From: by}.String()
			p.kept[s.name] = append(p.kept[s.name], analyzer.Reason{Rule: analyzer.RuleNamedBy, From: by})
		} else {
			delete(p.kept, s.name)
			p.withheld[s.name] = true
		}
		p.told = append(p.told, told)
	}
	p.withholdLinks()
	slices.SortFunc(p.told, func(a, b analyzer.Sensitive) int { return strings.Compare(string(a.Path), string(b.Path)) })
}

// sensitive lists the kept paths that hold credentials, and the kept devices, sorted. What a package brought, or a language's package
// manager installed, anybody can have.
func (p *planner) sensitive() []sensitive {
	var list []sensitive
	for _, name := range slices.Sorted(maps.Keys(p.kept)) {
		n := p.im.nodes[name]
		_, owned := p.db.Owner(name)
		switch {
		case n.kind() == "device":
			list = append(list, sensitive{name, "a device"})
		case !n.regular() || n.size == 0 || owned || secrets.Published(name):
		case secrets.IsStore(name):
			list = append(list, sensitive{name, "a file of credentials by its name"})
		case n.size <= maxKeyFile:
			if data, err := p.im.read(name, maxKeyFile); err == nil && secrets.IsKey(data) {
				list = append(list, sensitive{name, "a private key"})
			}
		}
	}
	return list
}

// usedBy is the reason of a kept path that shows its use, as a clause.
func (p *planner) usedBy(name string) (why string, ok bool) {
	for _, reason := range p.kept[name] {
		if reason.Rule.ShowsUse() {
			return reason.String(), true
		}
	}
	return "", false
}

// withholdLinks leaves out the symlinks to what was left out.
func (p *planner) withholdLinks() {
	if len(p.withheld) == 0 {
		return
	}
	for name := range p.kept {
		if p.im.nodes[name].kind() != "symlink" {
			continue
		}
		if res, ok := p.im.resolve(".", "/"+name); ok && p.withheld[res.Path] {
			delete(p.kept, name)
		}
	}
}

// applicationOf is the directory that holds the application with a file: the working directory, or a directory where applications are
// put; "" for the system's own directories.
func (w *worklist) applicationOf(name string) string {
	if work := strings.Trim(path.Clean("/"+w.req.Process.Dir), "/"); work != "" && strings.HasPrefix(name, work+"/") {
		return work
	}
	if rules.SystemTree(name) {
		return ""
	}
	parts := strings.Split(path.Dir(name), "/")
	switch parts[0] {
	case ".":
		return ""
	case "opt", "srv", "home", "var":
		if len(parts) < 2 {
			return ""
		}
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

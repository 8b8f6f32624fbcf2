package keep

import (
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
)

// ruleState is the rule tables, compiled, and what was found with them.
type ruleState struct {
	families []*family
	junk     []junkRule
	junkOf   map[string]string // answers of junked
	suites   map[string]bool   // answers of suite
	exclude  []rules.Glob      // what the user does not want
	excepted []rules.Glob      // what a rule leaves out where it applies
}

// newRuleState compiles the rules that are not switched off. Source maps are kept where something may read them.
func newRuleState(disabled []string, sourceMaps bool) ruleState {
	s := ruleState{junkOf: map[string]string{}, suites: map[string]bool{}}
	for _, f := range rules.Families() {
		if !slices.Contains(disabled, f.Name) {
			s.families = append(s.families, &family{Family: f, when: globs(f.When...), done: map[string]bool{}})
			for _, pattern := range f.Except {
				s.excepted = append(s.excepted, rules.MustCompile(strings.ReplaceAll(pattern, "$1", "*")))
			}
		}
	}
	for _, j := range rules.Junks() {
		if !slices.Contains(disabled, j.Name) && (j.Name != rules.SourceMaps || !sourceMaps) {
			s.junk = append(s.junk, junkRule{name: j.Name, globs: globs(j.Globs...)})
		}
	}
	return s
}

// family is a rule, compiled.
type family struct {
	rules.Family
	when []rules.Glob
	done map[string]bool // what $1 stood for when it was applied
}

type junkRule struct {
	name  string
	globs []rules.Glob
}

func (w *worklist) junkRule(name string) string {
	if w.developmentOnly(name) {
		return rules.NodeDevDependencies
	}
	for _, rule := range w.rules.junk {
		for _, g := range rule.globs {
			if g.Match(name) && (rule.name != rules.PythonSuites || w.suite(rules.TestFolder(name))) {
				return rule.name
			}
		}
	}
	return ""
}

// suite says whether a folder holds a test suite.
func (w *worklist) suite(folder string) bool {
	found, known := w.rules.suites[folder]
	if !known {
		found = slices.ContainsFunc(w.im.below(folder), func(name string) bool { return rules.Suite(path.Base(name)) })
		w.rules.suites[folder] = found
	}
	return found
}

// readsSourceMaps says whether something in the image may read the source maps of Node packages.
func (w *worklist) readsSourceMaps() bool {
	asked := strings.Contains(strings.Join(append(w.req.Process.Argv, w.env["NODE_OPTIONS"]), " "), "enable-source-maps")
	return asked || slices.ContainsFunc(w.im.names, func(name string) bool {
		return strings.HasSuffix(name, "node_modules/source-map-support")
	})
}

// junked is the name of the rule by which a path is not for run time, "" where none says so.
func (w *worklist) junked(name string) string {
	rule, known := w.rules.junkOf[name]
	if !known {
		rule = w.junkRule(name)
		w.rules.junkOf[name] = rule
	}
	return rule
}

// knows says whether a rule names a folder.
func (f *family) knows(folder string) bool {
	return slices.ContainsFunc(f.Keep, func(pattern string) bool {
		return strings.HasPrefix(pattern, folder) || strings.Contains(pattern, "/*/"+path.Base(folder)+"/")
	})
}

// applyFamilies keeps what the rules say of one kept path; "." stands for the image itself.
func (w *worklist) applyFamilies(name string) {
	for _, f := range w.rules.families {
		if f.Run && name != "." && !w.scripts.executed[name] && !w.scripts.interprets[name] {
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
	from := ""
	if name != "." {
		from = "for /" + name
	}
	w.extendFamily(f.Name)
	for _, match := range w.matches(f, first) {
		w.add(match, analyzer.Reason{Rule: analyzer.RuleFamily(f.Name), From: from})
	}
}

// matches lists the image's files that a rule keeps; first is what $1 stands for.
func (w *worklist) matches(f *family, first string) []string {
	var except []rules.Glob
	for _, pattern := range f.Except {
		if g, err := rules.Compile(rules.Expand(pattern, first)); err == nil {
			except = append(except, g)
		}
	}
	var found []string
	for _, pattern := range f.Keep {
		g, err := rules.Compile(rules.Expand(pattern, first))
		if err != nil {
			continue
		}
		for _, match := range w.im.match(g) {
			if !w.im.isDir(match) && !slices.ContainsFunc(except, func(g rules.Glob) bool { return g.Match(match) }) {
				found = append(found, match)
			}
		}
	}
	return found
}

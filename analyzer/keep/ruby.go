package keep

import (
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
)

// rubyState is what was read of Ruby sources.
type rubyState struct {
	done map[string]bool // features that were looked up
	path searchPath
}

func newRubyState() rubyState {
	return rubyState{done: map[string]bool{}, path: searchPath{globs: rubyDirs}}
}

// rubyRequire finds the features and gems that a source names: Ruby's Kernel#require, #load, #autoload and Bundler's gem.
var rubyRequire = regexp.MustCompile(`(?m)\b(?:require|autoload\s*\(?\s*:\w+\s*,|load)\s*\(?\s*['"]([\w./-]+)['"]|` +
	`^\s*gem\s+['"]([\w-]+)['"]`)

// rubyDirs are where Debian's ruby and RubyGems look for features.
var rubyDirs = globs(
	"usr/lib/ruby/vendor_ruby",
	"usr/lib/*/ruby/vendor_ruby/*",
	"**/gems/*/lib",
	"usr/lib/ruby/vendor_ruby/*.*.*",
)

// rubyRequires keeps the libraries that a Ruby file requires.
func (w *worklist) rubyRequires(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	for _, feature := range captures(rubyRequire, src) {
		if w.ruby.done[feature] {
			continue
		}
		w.ruby.done[feature] = true
		for _, dir := range w.ruby.path.dirs(w.im) {
			w.keepIf(path.Join(dir, strings.TrimSuffix(feature, ".rb")+".rb"), analyzer.RuleRequiredBy, "/"+name)
			w.keepIf(path.Join(dir, feature+".so"), analyzer.RuleRequiredBy, "/"+name)
		}
	}
}

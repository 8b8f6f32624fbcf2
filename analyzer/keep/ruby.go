package keep

import (
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/keyword"
)

// rubyState is what was read of Ruby sources.
type rubyState struct {
	done map[string]bool // features that were looked up
	path searchPath
	gems map[string]string // the package of each gem, nil before one is asked for
}

func newRubyState() rubyState {
	return rubyState{done: map[string]bool{}, path: searchPath{globs: rubyDirs}}
}

var (
	// rubyRequire finds the features and gems that a source names: Ruby's Kernel#require, #load, #autoload and Bundler's gem.
	rubyRequire = keyword.New("require autoload load", `(?:require|autoload\s*\(?\s*:\w+\s*,|load)\s*\(?\s*['"]([\w./-]+)['"]`)
	rubyGem     = keyword.FirstOnLine("gem", `gem\s*\(?\s*['"]([\w-]+)['"]`)
	// rubyRelative is a feature beside the source: Kernel#require_relative, and #require or #autoload of a path joined to __dir__.
	rubyRelative = keyword.New("require_relative", `require_relative\s*\(?\s*['"]([\w./-]+)['"]`)
	rubyJoined   = keyword.New("File.", `File\.(?:expand_path|join)\s*\(?\s*__dir__\s*,\s*['"]?([\w./-]+)['"]`)
	rubyInserted = keyword.Anywhere("#{__dir__}/", `#\{__dir__\}/([\w./-]+)['"]`)
	// rubyDependency is a gem that a gem's specification requires at run time (RubyGems: Gem::Specification#add_dependency).
	rubyDependency = keyword.New("add_", `add_(?:runtime_)?dependency\s*\(?\s*(?:%q<|['"])([\w.-]+)`)
	// rubySpecification is the name in the name of a specification.
	rubySpecification = regexp.MustCompile(`/specifications/(?:default/)?([\w.-]+?)-\d[^/]*\.gemspec$`)
)

// rubyDirs are where Debian's ruby and RubyGems look for features.
var rubyDirs = globs(
	"usr/lib/ruby/vendor_ruby",
	"usr/lib/*/ruby/vendor_ruby/*",
	"**/gems/*/lib",
	"**/extensions/*/*/*", // what RubyGems compiled for a gem (Gem::Specification#extension_dir)
	"usr/lib/ruby/vendor_ruby/*.*.*",
	"usr/{lib,lib64,share}/ruby/vendor_ruby",
)

// rubyRequires keeps the libraries that a Ruby file requires, and the gems that a specification does.
func (w *worklist) rubyRequires(name string) {
	src, err := w.im.read(name, maxSource)
	if err != nil {
		return
	}
	if rubySpecification.MatchString(name) {
		w.rubyGems(name, captures(src, rubyDependency))
		return
	}
	for _, feature := range captures(src, rubyRequire, rubyGem) {
		if w.ruby.done[feature] {
			continue
		}
		w.ruby.done[feature] = true
		for _, dir := range w.ruby.path.dirs(w.im) {
			w.rubyFeature(path.Join(dir, feature), name)
		}
	}
	for _, feature := range captures(src, rubyRelative, rubyJoined, rubyInserted) {
		w.rubyFeature(path.Join(path.Dir(name), feature), name)
	}
}

// rubyFeature keeps a source or an extension.
func (w *worklist) rubyFeature(at, from string) {
	w.keepIf(strings.TrimSuffix(at, ".rb")+".rb", analyzer.RuleRequiredBy, "/"+from)
	w.keepIf(strings.TrimSuffix(at, ".so")+".so", analyzer.RuleRequiredBy, "/"+from)
}

// rubyGems keeps the packages of the gems that a gem in use requires. RubyGems lists the specifications of all, so its package must be
// in use.
func (w *worklist) rubyGems(name string, gems []string) {
	if pkg, owned := w.db.Owner(name); owned && !w.touched[pkg.Name] {
		return
	}
	if w.ruby.gems == nil {
		w.ruby.gems = map[string]string{}
		for _, spec := range w.im.names {
			if match := rubySpecification.FindStringSubmatch(spec); match != nil {
				if pkg, ok := w.db.Owner(spec); ok {
					w.ruby.gems[match[1]] = pkg.Name
				}
			}
		}
	}
	for _, gem := range gems {
		if pkg, ok := w.db.Package(w.ruby.gems[gem]); ok && !w.touched[pkg.Name] {
			w.touch(pkg)
		}
	}
}

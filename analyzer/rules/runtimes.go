package rules

// Runtime is a language whose modules lie in files: what shows that its interpreter is there, and where its modules are installed.
type Runtime struct {
	Name       string
	Extensions []string // of its sources
	Shebang    string   // a word in the first line of a source, "" where there is none
	Programs   []string // globs: the interpreter, or the library that other programs embed
	Modules    []string // globs: files that only this runtime reads
	Whole      []string // globs: of these files, a package in use keeps all that it has
	Packages   []string // globs: names of packages that are kept whole so; none stands for all
	Metadata   []string // globs: files that say what a distribution of modules needs
	// Opened is set where only the runtime itself opens files with these extensions. A web server serves scripts of browsers.
	Opened bool
	Source string
}

// Runtimes are the languages whose modules are kept only where their interpreter is.
func Runtimes() []Runtime {
	return []Runtime{
		{
			Name: "python", Extensions: []string{".py", ".pyw", ".pyc", ".pth", ".wsgi", ".pyz", ".egg"}, Shebang: "python", Opened: true,
			Programs: []string{"**/bin/{python,pypy}*", "**/libpython*.so*", "**/libpypy*.so*"},
			Modules:  []string{"**/{site,dist}-packages/**", "**/lib/python[23].[0-9]*/**"},
			Whole:    []string{"**/{site,dist}-packages/**"},
			Metadata: []string{"**/*.dist-info/METADATA", "**/*.egg-info/requires.txt"},
			Source:   "Python Library Reference: site, zipapp; PEP 3333 and mod_wsgi: WSGIScriptAlias; Debian Python Policy, Module Path",
		},
		{
			Name: "perl", Extensions: []string{".pm", ".pl", ".psgi", ".t", ".al", ".ix"}, Shebang: "perl", Opened: true,
			Programs: []string{"**/bin/perl", "**/bin/perl5*", "**/libperl.so*"},
			Modules: []string{"usr/share/perl5/**", "usr/{share,lib}/perl/[0-9]*/**", "usr/lib/*/{perl,perl5}/[0-9]*/**",
				"usr/{lib,lib64,share}/perl5/**", "usr/local/{lib,lib64,share}/{perl5,perl}/**"},
			Whole:    []string{"usr/share/perl5/**", "usr/lib/*/perl5/**", "usr/{lib,lib64}/perl5/**"},
			Packages: []string{"lib*-perl", "perl-*"},
			Source:   "perlrun(1): @INC; Debian Perl Policy 2.3, Module Path; Fedora and Alpine: perl -V",
		},
		{
			Name: "ruby", Extensions: []string{".rb", ".ru", ".gemspec", ".rake"}, Shebang: "ruby", Opened: true,
			Programs: []string{"**/bin/{ruby,jruby,truffleruby}*", "**/libruby*.so*"},
			Modules: []string{"usr/lib/ruby/**", "usr/lib/*/ruby/**", "usr/lib/*/rubygems-integration/**",
				"usr/{lib,share}/rubygems-integration/**", "var/lib/gems/**", "usr/share/{gems,ruby}/**", "usr/lib64/{gems,ruby}/**"},
			Whole: []string{"usr/lib/ruby/{vendor_ruby,gems}/**", "usr/lib/*/ruby/{vendor_ruby,gems}/**",
				"usr/{lib,share}/rubygems-integration/**", "usr/lib/*/rubygems-integration/**",
				"usr/share/{gems,ruby}/**", "usr/lib64/{gems,ruby}/**"},
			Metadata: []string{"**/specifications/*.gemspec"},
			Source:   "Ruby: RbConfig vendordir and rubylibdir; RubyGems: Gem.default_dir; Debian Ruby Policy",
		},
		{
			Name: "node", Extensions: []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"}, Shebang: "node",
			Programs: []string{"**/bin/{node,nodejs,bun,deno}", "**/libnode.so*"},
			Modules:  []string{"usr/{share,lib}/nodejs/**", "usr/lib/*/nodejs/**", "usr/lib/node_modules/**", "usr/local/lib/node_modules/**"},
			Source:   "Node.js documentation: Modules, Loading from the global folders; Debian: /usr/share/nodejs",
		},
		{
			Name: "jvm", Extensions: []string{".jar", ".war"}, Opened: true,
			Programs: []string{"**/bin/java", "**/libjvm.so"},
			Modules:  []string{"usr/share/java/**", "usr/share/maven-repo/**"},
			Source:   "JAR File Specification: Class-Path; Debian Java Policy: /usr/share/java",
		},
		{
			Name: "php", Extensions: []string{".php", ".phtml", ".inc"}, Shebang: "php",
			Programs: []string{"**/bin/php*", "**/sbin/php-fpm*", "**/libphp*.so*"},
			Modules:  []string{"usr/share/php/**", "usr/share/pear/**"},
			Whole:    []string{"usr/share/php/**", "usr/share/pear/**"},
			Source:   "php.ini: include_path; Debian PHP Policy",
		},
	}
}

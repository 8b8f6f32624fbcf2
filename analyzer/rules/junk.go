package rules

// SourceMaps is the junk that counts only where nothing asks for it; see the analyzer.
const SourceMaps = "source-maps"

// Junks are the files that are never kept unless the run used them or the user includes them.
func Junks() []Junk {
	return []Junk{
		{"vcs", []string{"**/.git/**", "**/.hg/**", "**/.svn/**", "**/.bzr/**", "**/.gitignore", "**/.gitattributes", "**/.gitmodules",
			"**/.hgignore"},
			"version control: gitrepository-layout(5), hg and svn administration folders"},
		{"package-cache", []string{"var/cache/{apt,apk,dnf,yum,zypp,pacman,debconf,ldconfig,man}/**", "var/lib/apt/**", "var/lib/{dnf,yum}/**",
			"etc/apk/cache/**",
			"**/.npm/_cacache/**", "**/.npm/_logs/**", "**/.cache/{pip,yarn,go-build,node,pnpm,uv,pypoetry,composer,bazel,deno}/**",
			"**/.cargo/registry/**", "root/go/pkg/mod/**", "**/.m2/repository/**", "**/.gradle/caches/**", "**/.composer/cache/**",
			"**/.bundle/cache/**"},
			"caches that the package manager makes again: apt-get clean, npm cache, pip cache dir, go env GOMODCACHE"},
		{"temporary", []string{"tmp/**", "var/tmp/**", "run/**", "**/*.swp", "**/*.swo", "**/*~", "**/.DS_Store", "**/Thumbs.db",
			"**/core.{[0-9],[0-9][0-9],[0-9][0-9][0-9],[0-9][0-9][0-9][0-9],[0-9][0-9][0-9][0-9][0-9],[0-9][0-9][0-9][0-9][0-9][0-9],[0-9][0-9][0-9][0-9][0-9][0-9][0-9]}"},
			"Filesystem Hierarchy Standard 3.0, 3.15 and 3.18: /run and /tmp do not outlive a boot; editors' backup files; core(5): core.PID"},
		{"editor", []string{"**/.vscode/**", "**/.idea/**", "**/.vimrc", "**/.editorconfig"}, "settings of editors"},
		{"build-recipe", []string{"Dockerfile", "**/Dockerfile", "**/.dockerignore", "**/docker-compose.yml", "**/docker-compose.yaml",
			"**/compose.yaml"}, "what the image was built from"},
		{"shell-history", []string{"**/.bash_history", "**/.ash_history", "**/.python_history", "**/.node_repl_history", "**/.wget-hsts",
			"**/.lesshst"}, "histories of interactive programs"},
		{"python-tests", []string{"**/{site,dist}-packages/**/{test,tests}/**", "**/lib/python3.*/{test,idlelib,turtledemo,ensurepip,lib2to3}/**",
			"**/lib/python3.*/tkinter/test/**",
			"**/lib/python3.*/{unittest,distutils,ctypes,sqlite3}/test/**", "**/{site,dist}-packages/**/*.pyx", "**/{site,dist}-packages/**/*.pyi",
			"**/{site,dist}-packages/**/*.c", "**/{site,dist}-packages/**/*.h"},
			"test folders and sources of installed distributions (PyPA: packaging guide); CPython's own tests and IDLE"},
		{"python-bytecode", []string{"**/*.opt-1.pyc", "**/*.opt-2.pyc"}, "PEP 488: bytecode of python -O, which nobody asked for"},
		{"node-dev", []string{"**/node_modules/**/*.d.ts", "**/node_modules/**/*.d.mts", "**/node_modules/**/*.d.cts",
			"**/node_modules/**/*.ts.map", "**/node_modules/.cache/**", "**/node_modules/**/*.md", "**/node_modules/**/*.flow",
			"usr/{share,lib}/{nodejs,node_modules}/**/*.d.ts", "usr/share/nodejs/@types/**",
			"usr/{share,lib}/{nodejs,node_modules}/{npm,corepack,node-gyp}/**", "usr/local/lib/node_modules/{npm,corepack}/**"},
			"TypeScript declarations and documentation of packages, which node never loads; package managers"},
		{SourceMaps, []string{"**/node_modules/**/*.map"},
			"Node.js CLI documentation: source maps are read with --enable-source-maps alone, or by the package source-map-support"},
		{"ruby-tests", []string{"**/gems/*/{test,tests,spec,specs}/**", "**/gems/**/*.{c,h,o}", "**/gems/[0-9]*/cache/*.gem",
			"**/bundle/**/cache/*.gem", "**/vendor/cache/*.gem"},
			"test folders and sources of installed gems (RubyGems specification reference: test_files); what gem install fetched (gem environment: GEM_HOME/cache)"},
		{"docs", []string{"usr/share/{man,info,lintian,bug,doc-base,gtk-doc,help,devhelp}/**", "usr/local/share/{man,info,doc}/**",
			"usr/share/doc/**"}, "documentation: Debian Policy 12"},
		{"headers", []string{"usr/include/**", "usr/local/include/**", "usr/lib/**/*.a", "usr/lib/**/*.la", "usr/lib/**/pkgconfig/**",
			"usr/share/pkgconfig/**", "usr/share/aclocal/**", "usr/local/lib/*.a"}, "for compiling: Filesystem Hierarchy Standard 3.0, 4.5"},
	}
}

package rules

import "strings"

// Headers is the junk that counts only where nothing is compiled; see the analyzer.
const Headers = "headers"

// SourceMaps is the junk that counts only where nothing asks for it; see the analyzer.
const SourceMaps = "source-maps"

// PythonSuites is the junk that counts only where a folder holds a test suite; see Suite.
const PythonSuites = "python-suites"

// Suite says whether a file's name is one by which Python's test runners find a test suite (unittest: TestLoader.discover; pytest:
// python_files). A folder named test without one is a part of its library.
func Suite(base string) bool {
	return strings.HasPrefix(base, "test_") && strings.HasSuffix(base, ".py") || strings.HasSuffix(base, "_test.py") || base == "conftest.py"
}

// TestFolder is the topmost folder named test or tests above a path below a Python tree of distributions, "" where there is none.
func TestFolder(name string) string {
	parts := strings.Split(name, "/")
	inside := false
	for i, part := range parts {
		if inside && (part == "test" || part == "tests") {
			return strings.Join(parts[:i+1], "/")
		}
		inside = inside || part == "site-packages" || part == "dist-packages"
	}
	return ""
}

// Junks are the files that are never kept unless the run used them or the user includes them.
func Junks() []Junk {
	return []Junk{
		{
			Name: "vcs",
			Globs: []string{
				"**/.git/**",
				"**/.hg/**",
				"**/.svn/**",
				"**/.bzr/**",
				"**/.gitignore",
				"**/.gitattributes",
				"**/.gitmodules",
				"**/.hgignore",
			},
			Source: "version control: gitrepository-layout(5), hg and svn administration folders",
		},
		{
			Name: "package-cache",
			Globs: []string{
				"var/cache/{apt,apk,dnf,yum,zypp,pacman,debconf,ldconfig,man}/**",
				"var/lib/apt/**",
				"var/lib/{dnf,yum}/**",
				"etc/apk/cache/**",
				"**/.npm/_cacache/**",
				"**/.npm/_logs/**",
				"**/.cache/{pip,yarn,go-build,node,pnpm,uv,pypoetry,composer,bazel,deno}/**",
				"**/.cargo/registry/**",
				"root/go/pkg/mod/**",
				"**/.m2/repository/**",
				"**/.gradle/caches/**",
				"**/.composer/cache/**",
				"**/.bundle/cache/**",
			},
			Source: "caches that the package manager makes again: apt-get clean, npm cache, pip cache dir, go env GOMODCACHE",
		},
		{
			Name: "temporary",
			Globs: []string{
				"tmp/**",
				"var/tmp/**",
				"run/**",
				"**/*.swp",
				"**/*.swo",
				"**/*~",
				"**/.DS_Store",
				"**/Thumbs.db",
				"**/core.{[0-9],[0-9][0-9],[0-9][0-9][0-9],[0-9][0-9][0-9][0-9],[0-9][0-9][0-9][0-9][0-9]," +
					"[0-9][0-9][0-9][0-9][0-9][0-9],[0-9][0-9][0-9][0-9][0-9][0-9][0-9]}",
			},
			Source: "Filesystem Hierarchy Standard 3.0," +
				" 3.15 and 3.18: /run and /tmp do not outlive a boot; editors' backup files; core(5): core.PID",
		},
		{
			Name:   "editor",
			Globs:  []string{"**/.vscode/**", "**/.idea/**", "**/.vimrc", "**/.editorconfig"},
			Source: "settings of editors",
		},
		{
			Name: "build-recipe",
			Globs: []string{
				"Dockerfile",
				"**/Dockerfile",
				"**/.dockerignore",
				"**/docker-compose.yml",
				"**/docker-compose.yaml",
				"**/compose.yaml",
			},
			Source: "what the image was built from",
		},
		{
			Name: "shell-history",
			Globs: []string{
				"**/.bash_history",
				"**/.ash_history",
				"**/.python_history",
				"**/.node_repl_history",
				"**/.wget-hsts",
				"**/.lesshst",
			},
			Source: "histories of interactive programs",
		},
		{
			Name:   PythonSuites,
			Globs:  []string{"**/{site,dist}-packages/**/{test,tests}/**"},
			Source: "PyPA packaging guide, test folders; unittest and pytest, test discovery",
		},
		{
			Name: "python-tests",
			Globs: []string{
				"**/lib/python3.*/{test,idlelib,turtledemo}/**",
				"**/lib/python3.*/ensurepip/_bundled/*.whl",
				"**/lib/python3.*/lib2to3/tests/**",
				"**/lib/python3.*/tkinter/test/**",
				"**/lib/python3.*/{unittest,distutils,ctypes,sqlite3}/test/**",
				"**/{site,dist}-packages/**/*.pyx",
				"**/{site,dist}-packages/**/*.pyi",
				"**/{site,dist}-packages/**/*.c",
				"**/{site,dist}-packages/**/*.h",
			},
			Source: "sources of installed distributions (PyPA: packaging guide); CPython's own tests and IDLE",
		},
		{
			Name:   "python-bytecode",
			Globs:  []string{"**/*.opt-1.pyc", "**/*.opt-2.pyc"},
			Source: "PEP 488: bytecode of python -O, which nobody asked for",
		},
		{
			Name: "node-dev",
			Globs: []string{
				"**/node_modules/**/*.d.ts",
				"**/node_modules/**/*.d.mts",
				"**/node_modules/**/*.d.cts",
				"**/node_modules/**/*.ts.map",
				"**/node_modules/.cache/**",
				"**/node_modules/**/*.md",
				"**/node_modules/**/*.flow",
				"usr/{share,lib}/{nodejs,node_modules}/**/*.d.ts",
				"usr/share/nodejs/@types/**",
				"usr/{share,lib}/{nodejs,node_modules}/{npm,corepack,node-gyp}/**",
				"usr/local/lib/node_modules/{npm,corepack}/**",
			},
			Source: "TypeScript declarations and documentation of packages, which node never loads; package managers",
		},
		{
			Name:  SourceMaps,
			Globs: []string{"**/node_modules/**/*.map"},
			Source: "Node.js CLI documentation: source maps are read with --enable-source-maps alone," +
				" or by the package source-map-support",
		},
		{
			Name: "ruby-tests",
			Globs: []string{
				"**/gems/*/{test,tests,spec,specs}/**",
				"**/gems/**/*.{c,h,o}",
				"**/gems/[0-9]*/cache/*.gem",
				"**/bundle/**/cache/*.gem",
				"**/vendor/cache/*.gem",
			},
			Source: "test folders and sources of installed gems (RubyGems specification reference: test_files); " +
				"what gem install fetched (gem environment: GEM_HOME/cache)",
		},
		{
			Name: "docs",
			Globs: []string{
				"usr/share/{man,info,lintian,bug,doc-base,gtk-doc,help,devhelp}/**",
				"usr/local/share/{man,info,doc}/**",
				"usr/share/doc/**",
			},
			Source: "documentation: Debian Policy 12",
		},
		{
			Name: Headers,
			Globs: []string{
				"usr/include/**",
				"usr/local/include/**",
				"usr/lib/**/*.a",
				"usr/lib/**/*.la",
				"usr/lib/**/pkgconfig/**",
				"usr/share/pkgconfig/**",
				"usr/share/aclocal/**",
				"usr/local/lib/*.a",
			},
			Source: "for compiling: Filesystem Hierarchy Standard 3.0, 4.5",
		},
	}
}

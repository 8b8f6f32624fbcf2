package rules

// ModuleTree is where packages put modules for a runtime that has a rule.
type ModuleTree struct {
	Family string // name of the runtime's rule
	Trees  []string
	Source string // where the fact is documented
}

// ModuleTrees are the trees in which packages add to a runtime: those of Runtimes, and of virtual machines. Where the rule applies, a
// package that the image's author asked for and that has most of its files in such a tree is a library of a runtime in use.
func ModuleTrees() []ModuleTree {
	jars := []string{"usr/share/{java,maven-repo}/**", "usr/lib/{java,jni}/**", "usr/lib/*/jni/**"}
	trees := []ModuleTree{
		{Family: "jvm", Trees: jars, Source: "Debian Policy for Java, 2.4 and 2.5"},
		{Family: "jvm.opt", Trees: jars, Source: "Debian Policy for Java, 2.4 and 2.5"},
		{
			Family: "php",
			Trees:  []string{"usr/{lib,share}/php/**", "usr/lib/php*/**", "usr/share/php*/**", "etc/php*/**"},
			Source: "php.ini: include_path, extension_dir, the scanned directories",
		},
	}
	for _, r := range Runtimes() {
		for _, family := range []string{r.Name, r.Name + ".stdlib"} {
			trees = append(trees, ModuleTree{family, r.Modules, r.Source})
		}
	}
	return trees
}

// commonFolders are folders below usr/share, usr/lib and etc that hold files of packages of every kind: a package with a file there is
// no part of another that has one there too.
var commonFolders = Place{
	Name: "folders of the system in which packages of every kind put files",
	Paths: []string{
		"doc", "man", "info", "locale", "lintian", "bug", "doc-base", "menu", "pixmaps", "applications", "icons", "bash-completion",
		"systemd", "udev", "tmpfiles.d", "sysusers.d", "pkgconfig", "cmake", "mime", "metainfo", "appdata", "aclocal", "gir-1.0",
		"girepository-1.0", "vala", "gtk-doc", "help", "xml", "sgml", "fonts", "sounds", "themes", "debhelper", "apport", "reportbug",
		"init.d", "default", "logrotate.d", "cron.d", "cron.daily", "pam.d", "alternatives", "ssl", "X11", "security", "modules-load.d",
		"perl5", "java", "nodejs", "python3", "games", "misc", "dict", "lib", "bin", "common-licenses",
	},
	Source: "Filesystem Hierarchy Standard 3.0, 4.11; hier(7); file-hierarchy(7)",
}

// CommonFolder reports whether a folder of this name below usr/share, usr/lib or etc holds files of packages of every kind.
func CommonFolder(name string) bool { return commonFolders.has(name) }

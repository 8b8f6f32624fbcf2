package packages

import (
	"path"
	"strings"

	"github.com/slimimage/slim/analyzer/rules"
)

// maker is a program that writes a kind of file that no package lists.
type maker struct {
	by    string   // package or mechanism
	globs []string // patterns of package rules
}

// makers lists files that package managers, maintainer scripts, triggers and image builders make. Sources: the scripts
// themselves (Debian: /var/lib/dpkg/info/*.postinst and the programs they call; Alpine: lib/apk/db/scripts.tar; Fedora and
// SUSE: rpm -q --scripts), and the manual page of the program named.
var makers = []maker{
	{"dpkg", []string{
		"var/lib/dpkg/**", "var/log/dpkg.log*", "var/log/alternatives.log*", "var/backups/**", "etc/alternatives/**",
		"var/lib/alternatives/**",
	}},
	{"mmdebstrap", []string{"etc/dpkg/dpkg.cfg.d/99mmdebstrap", "etc/apt/apt.conf.d/99mmdebstrap"}},
	{"apt", []string{"var/lib/apt/**", "var/cache/apt/**", "var/log/apt/**", "etc/apt/**", "usr/share/keyrings/*-archive-*.gpg"}},
	{"debconf", []string{"var/cache/debconf/**"}},
	{"debootstrap", []string{"var/log/bootstrap.log", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32"}},
	{"base-files", []string{
		"etc/nsswitch.conf", "etc/profile", "root/.bashrc", "root/.profile", "etc/inputrc", "usr/local/man", "var/spool/mail", "run/shm",
		"etc/dpkg/origins/default", "etc/motd", "etc/fstab",
		"var/log/faillog", "var/log/lastlog", "var/log/btmp", "var/log/wtmp", "var/log/tallylog", "var/log/README",
	}},
	{"base-passwd", []string{
		"etc/passwd", "etc/passwd-", "etc/group", "etc/group-", "etc/shadow", "etc/shadow-", "etc/gshadow", "etc/gshadow-",
		"etc/subuid", "etc/subuid-", "etc/subgid", "etc/subgid-", "etc/.pwd.lock", "run/adduser",
	}},
	{"the container engine", []string{
		".dockerenv", "run/.containerenv", "etc/hostname", "etc/hosts", "etc/resolv.conf", "etc/mtab",
	}},
	{"ldconfig", []string{"etc/ld.so.cache", "var/cache/ldconfig/**"}},
	{"ca-certificates", []string{
		"etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs/*.pem", "etc/ssl/certs/[0-9a-f]*.[0-9]", "etc/ca-certificates.conf*",
		"etc/ssl/certs/ca-cert-*", "etc/pki/ca-trust/extracted/**", "etc/ssl/certs/java/cacerts", "var/lib/ca-certificates/**",
	}},
	{"ssl-cert", []string{"etc/ssl/private/ssl-cert-snakeoil.key"}},
	{"systemd", []string{
		"etc/machine-id", "var/lib/dbus/machine-id", "var/lib/systemd/**", "etc/systemd/system/**/*.wants/*",
		"etc/systemd/system/*.service", "etc/systemd/user/**/*.wants/*", "etc/udev/hwdb.bin", "usr/lib/udev/hwdb.bin", "etc/.updated",
		"var/.updated",
		"var/log/journal/**", "usr/lib/systemd/catalog/database", "var/lib/private", "etc/rc[0-9S].d/*", "etc/init.d/.depend.*",
	}},
	{"pam-auth-update", []string{"var/lib/pam/**", "etc/pam.d/common-*", "etc/environment", "etc/security/opasswd"}},
	{"ucf", []string{"var/lib/ucf/**", "etc/**/*.ucf-dist", "etc/**/*.ucf-old"}},
	{"dpkg-backup", []string{"etc/**/*.dpkg-dist", "etc/**/*.dpkg-old", "etc/**/*.dpkg-new", "etc/**/*.dpkg-bak", "etc/**/*.rpmnew",
		"etc/**/*.rpmsave", "etc/**/*.apk-new"}},
	{"tzdata", []string{"etc/timezone", "etc/localtime"}},
	{"locales", []string{
		"usr/lib/locale/locale-archive", "usr/lib/locale/*/LC_*", "usr/lib/locale/*/LC_MESSAGES/*", "etc/locale.gen", "etc/default/locale",
		"etc/locale.conf",
	}},
	{"debianutils", []string{"etc/shells", "var/lib/shells.state"}},
	{"netbase", []string{"etc/networks", "etc/network/interfaces"}},
	{"libc", []string{"usr/lib/**/gconv/gconv-modules.cache", "lib/**/gconv/gconv-modules.cache"}},
	{"install-info", []string{"usr/share/info/dir", "usr/share/info/dir.old"}},
	{"man-db", []string{"var/cache/man/**"}},
	{"mime-support", []string{"etc/mailcap", "etc/mailcap.order"}},
	{"shared-mime-info", []string{
		"usr/share/mime/aliases", "usr/share/mime/generic-icons", "usr/share/mime/globs", "usr/share/mime/globs2", "usr/share/mime/icons",
		"usr/share/mime/magic", "usr/share/mime/mime.cache", "usr/share/mime/subclasses", "usr/share/mime/treemagic", "usr/share/mime/types",
		"usr/share/mime/version", "usr/share/mime/XMLnamespaces", "usr/share/mime/*/*.xml",
	}},
	{"desktop-file-utils", []string{"usr/share/applications/mimeinfo.cache"}},
	{"gtk-update-icon-cache", []string{"usr/share/icons/*/icon-theme.cache", "usr/share/icons/*/.icon-theme.cache"}},
	{"glib", []string{"usr/share/glib-2.0/schemas/gschemas.compiled", "usr/lib/**/gio/modules/giomodule.cache"}},
	{"gdk-pixbuf", []string{"usr/lib/**/gdk-pixbuf-2.0/*/loaders.cache"}},
	{"gtk", []string{"usr/lib/**/gtk-[0-9].0/*/immodules.cache"}},
	{"fontconfig", []string{
		"var/cache/fontconfig/**", "usr/lib/fontconfig/cache/**", "etc/fonts/conf.d/*", "var/log/fontconfig.log*", "usr/share/fonts/**/.uuid",
		"usr/share/fonts/**/fonts.dir", "usr/share/fonts/**/fonts.scale", "etc/X11/fonts/**",
	}},
	{"xml-core", []string{"etc/xml/*", "var/lib/xml-core/**"}},
	{"sgml-base", []string{"etc/sgml/**", "var/lib/sgml-base/**"}},
	{"dictionaries-common", []string{
		"var/cache/dictionaries-common/**", "var/lib/dictionaries-common/**", "etc/dictionaries-common/**", "usr/share/dict/words",
		"usr/share/dict/words.pre-dictionaries-common",
	}},
	{"python3", []string{"var/lib/python/**", "etc/python3/debian_config"}},
	{"php-common", []string{"var/lib/php/modules/**"}},
	{"tex-common", []string{"var/lib/texmf/**", "etc/texmf/web2c/**", "usr/share/texmf/ls-R", "usr/share/texlive/**/ls-R"}},
	{"openjdk", []string{"usr/lib/jvm/**/classes.jsa", "usr/lib/jvm/**/classes_nocoops.jsa", "etc/ssl/certs/java/cacerts.dpkg-*",
		"etc/.java/.systemPrefs/*"}},
	{"vim", []string{"usr/share/vim/**/doc/tags", "var/lib/vim/addons/**"}},
	{"perl", []string{"usr/lib/**/perl/**/perllocal.pod", "usr/share/perl5/XML/SAX/ParserDetails.ini", "etc/perl/XML/SAX/ParserDetails.ini"}},
	{"kernel", []string{"boot/initrd.img*", "usr/lib/modules/*/modules.*", "lib/modules/*/modules.*", "var/lib/initramfs-tools/**"}},
	{"apk", []string{
		"lib/apk/**", "usr/lib/apk/**", "etc/apk/**", "var/cache/apk/**", "var/lib/apk/**", "var/log/apk.log", "etc/busybox-paths.d/*",
	}},
	{"rpm", []string{
		"var/lib/rpm/**", "usr/lib/sysimage/**", "usr/share/rpm/**", "var/lib/rpm-state/**", "var/log/rpmpkgs", "usr/lib/rpm/**/__pycache__/*",
	}},
	{"dnf", []string{
		"var/lib/dnf/**", "var/cache/dnf/**", "var/cache/libdnf5/**", "var/lib/yum/**", "var/cache/yum/**", "var/log/dnf*", "var/log/yum.log*",
		"var/log/hawkey.log*", "etc/yum.repos.d/*", "etc/dnf/**", "etc/pki/rpm-gpg/*", "usr/lib/.build-id/**", "var/cache/ldconfig/**",
	}},
	{"zypper", []string{"var/lib/zypp/**", "var/cache/zypp/**", "var/log/zypp/**", "var/log/zypper.log", "etc/zypp/**"}},
	{"anaconda", []string{"root/anaconda-ks.cfg", "root/original-ks.cfg", "root/anaconda-post.log", "root/buildinfo/**",
		"usr/share/buildinfo/**"}},
	{"selinux-policy", []string{"var/lib/selinux/**", "etc/selinux/**"}},
}

// Generated says whether a path that no package lists was made by the package manager or by packages' maintainer scripts
// rather than belonging to the application, and the package or mechanism it is due to ("dpkg", "ca-certificates"; of byte
// code, the package of its source). In a root without packages it is always false: all files belong to the application.
func (db *DB) Generated(name string) (by string, ok bool) {
	if len(db.packages) == 0 || name == "" || name == "." {
		return "", false
	}
	if pkg, ok := db.byteCode(name); ok {
		return pkg.Name, true
	}
	first, _, _ := strings.Cut(name, "/")
	for _, m := range db.makers[first] {
		if m.glob.Match(name) {
			return m.by, true
		}
	}
	return "", false
}

// compiledMaker is one glob of a maker.
type compiledMaker struct {
	by   string
	glob rules.Glob
}

// compileMakers sorts the globs by their first component, which never is a pattern.
func compileMakers() map[string][]compiledMaker {
	globs := map[string][]compiledMaker{}
	for _, m := range makers {
		for _, glob := range m.globs {
			first, _, _ := strings.Cut(glob, "/")
			globs[first] = append(globs[first], compiledMaker{m.by, rules.MustCompile(glob)})
		}
	}
	return globs
}

// byteCode finds the package whose Python source a compiled file was made of: __pycache__/NAME.TAG.pyc beside NAME.py
// (PEP 3147; py3compile and rpm's brp make them), or NAME.pyc and NAME.pyo beside it (Python 2).
func (db *DB) byteCode(name string) (*Package, bool) {
	ext := path.Ext(name)
	if ext != ".pyc" && ext != ".pyo" {
		return nil, false
	}
	dir, base := path.Split(strings.TrimSuffix(name, ext))
	if strings.HasSuffix(dir, "__pycache__/") {
		dir = strings.TrimSuffix(dir, "__pycache__/")
		base, _, _ = strings.Cut(base, ".")
	}
	return db.Owner(dir + base + ".py")
}

package lint

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/slimimage/slim/analyzer/shell"
	"github.com/slimimage/slim/layers"
)

// Programs by what they are for, under the names that distributions give them.
var (
	compilers = words("gcc cc g++ c++ cpp clang clang++ ld ld.bfd ld.gold ld.lld as ar make gmake cmake ninja ninja-build autoconf " +
		"automake libtool m4 bison flex " +
		"rustc cargo javac ghc gfortran nasm yasm tcc swiftc dmd ocamlopt gdb lldb pkg-config pkgconf meson mvn gradle")
	goTools  = words("go gofmt") // as names of programs they are too short: only in a go/bin directory
	shells   = words(strings.Join(shell.Names(), " "))
	managers = words("apt apt-get aptitude dpkg apk rpm dnf dnf5 microdnf tdnf yum zypper pacman opkg portage emerge xbps-install " +
		"nix snap flatpak")
	languageTools = words("pip pip3 npm npx yarn pnpm corepack gem bundle composer conda mamba poetry pipenv uv cpan")
	remoteServers = words("sshd telnetd in.telnetd dropbear rshd in.rshd rlogind in.rlogind rexecd in.rexecd ftpd in.ftpd vsftpd proftpd " +
		"pure-ftpd tftpd in.tftpd Xvnc x11vnc vncserver tigervncserver xrdp")
	remoteClients = words("ssh scp sftp slogin rsh rcp rlogin rexec telnet ftp tftp lftp nc ncat netcat nc.openbsd nc.traditional socat " +
		"dbclient rdesktop vncviewer")
	fetchers       = words("curl wget")
	sudos          = words("sudo sudoedit doas")
	programParents = words("bin sbin libexec")
)

// tools makes findings of programs of some names, wherever programs are: in a directory called bin, sbin or libexec, or in PATH.
// A link counts when it leads to a file.
func (f *facts) tools(names map[string]bool, format string) []Finding {
	inPath := map[string]bool{}
	for _, entry := range f.config.Env {
		if list, ok := strings.CutPrefix(entry, "PATH="); ok {
			for _, dir := range strings.Split(list, ":") {
				inPath[string(layers.CleanPath(dir))] = true
			}
		}
	}
	return f.each(func(file *file) string {
		base := path.Base(file.path)
		dir := path.Dir(file.path)
		if !names[base] && !names[toolName(base)] || !file.runs() || !programParents[path.Base(dir)] && !inPath[dir] {
			return ""
		}
		if file.link == "" {
			return fmt.Sprintf(format, base)
		}
		target, ok := f.resolve(file.path)
		if !ok || f.find(target) == nil || !f.find(target).regular() {
			return ""
		}
		return fmt.Sprintf(format, base) + fmt.Sprintf(" (a link to %s)", layers.Path(target))
	})
}

// toolName is a name without the machine before it and the version behind it: "x86_64-linux-gnu-gcc-12" is gcc, "pip3.11" is pip.
func toolName(base string) string {
	name := strings.TrimRight(base, "0123456789.-")
	for _, mark := range []string{"-linux-gnu-", "-linux-musl-", "-linux-gnueabihf-", "-redhat-linux-"} {
		if i := strings.Index(name, mark); i > 0 {
			name = name[i+len(mark):]
		}
	}
	if name == "" {
		return base
	}
	return name
}

func checkCompilers(f *facts) ([]Finding, string) {
	found := f.tools(compilers, "%s is for building")
	for _, finding := range f.tools(goTools, "%s is for building") {
		if path.Base(path.Dir(path.Dir(string(finding.Path)))) == "go" {
			found = append(found, finding)
		}
	}
	return found, ""
}

func checkRemote(f *facts) ([]Finding, string) {
	found := f.tools(remoteServers, "%s lets somebody in from outside")
	for _, level := range []struct {
		names  map[string]bool
		level  Level
		format string
	}{{remoteClients, Warning, "%s reaches other machines"}, {fetchers, Note, "%s fetches files from elsewhere"}} {
		list := f.tools(level.names, level.format)
		for i := range list {
			list[i].Level = level.level
		}
		found = append(found, list...)
	}
	return found, ""
}

func checkShells(f *facts) ([]Finding, string) { return f.tools(shells, "%s is a shell"), "" }

func checkManagers(f *facts) ([]Finding, string) {
	found := f.tools(managers, "%s is a package manager")
	list := f.tools(languageTools, "%s is a language's package manager")
	for i := range list {
		list[i].Level = Note
	}
	return append(found, list...), ""
}

func checkSudo(f *facts) ([]Finding, string) {
	found := f.tools(sudos, "%s makes a user root")
	return append(found, f.eachStep(func(_ int, s step) string {
		if s.runs("sudo", "") {
			return "a step uses sudo"
		}
		return ""
	})...), ""
}

// buildPackages are packages for building whose names have no typical suffix.
var buildPackages = words("build-essential build-base gcc g++ clang llvm make cmake binutils rust cargo rustc golang go autoconf " +
	"automake dpkg-dev debhelper rpm-build")

// jdk is a Java development kit's package: Debian's, Alpine's.
var jdk = regexp.MustCompile(`^openjdk-?[0-9]+-jdk(-headless)?$`)

func checkDevPackages(f *facts) ([]Finding, string) {
	var found []Finding
	for _, pkg := range f.db.Packages() {
		name := toolName(pkg.Name)
		if jdk.MatchString(pkg.Name) || buildPackages[name] || strings.HasSuffix(pkg.Name, "-dev") || strings.HasSuffix(pkg.Name, "-devel") ||
			strings.HasSuffix(pkg.Name, "-headers") {
			finding := Finding{Key: "packages", Message: fmt.Sprintf("package %q is for building", pkg.Name)}
			if len(pkg.Files) > 0 {
				finding.Path, finding.Key = layers.Path(pkg.Files[0]), ""
			}
			found = append(found, finding)
		}
	}
	if len(f.db.Packages()) == 0 {
		return nil, "it has no package database"
	}
	return found, ""
}

// checkHeaders reports each directory once.
func checkHeaders(f *facts) ([]Finding, string) {
	type count struct{ headers, archives int }
	counts := map[string]*count{}
	for i := range f.files {
		file := &f.files[i]
		if !file.regular() {
			continue
		}
		dir, archive := path.Dir(file.path), strings.HasSuffix(file.path, ".a") && strings.HasPrefix(path.Base(file.path), "lib")
		header := strings.HasPrefix(file.path, "usr/include/") || strings.HasPrefix(file.path, "usr/local/include/")
		if !archive && !header {
			continue
		}
		if header {
			dir = "usr/local/include"
			if strings.HasPrefix(file.path, "usr/include/") {
				dir = "usr/include"
			}
		}
		if counts[dir] == nil {
			counts[dir] = &count{}
		}
		if header {
			counts[dir].headers++
		} else {
			counts[dir].archives++
		}
	}
	var found []Finding
	for _, dir := range sortedKeys(counts) {
		message := fmt.Sprintf("%d headers", counts[dir].headers)
		if counts[dir].headers == 0 {
			message = fmt.Sprintf("%d static libraries", counts[dir].archives)
		}
		found = append(found, Finding{Path: layers.Path(dir), Message: message})
	}
	return found, ""
}

package rules

import (
	"slices"
	"strings"
)

// archName is one way in which paths name an architecture, by Go's name for it.
type archName struct {
	names  map[string]string
	source string
}

// archNames are those ways, the most specific first: a name that is part of another comes after it.
var archNames = []archName{
	{map[string]string{"amd64": "ld-linux-x86-64.so.2", "arm64": "ld-linux-aarch64.so.1", "arm": "ld-linux-armhf.so.3", "386": "ld-linux.so.2",
		"riscv64": "ld-linux-riscv64-lp64d.so.1", "ppc64le": "ld64.so.2", "s390x": "ld64.so.1"},
		"glibc, sysdeps/unix/sysv/linux: shlib-versions and ldd-rewrite of each architecture"},
	{map[string]string{"amd64": "ld-musl-x86_64.so.1", "arm64": "ld-musl-aarch64.so.1", "arm": "ld-musl-armhf.so.1",
		"386":     "ld-musl-i386.so.1",
		"riscv64": "ld-musl-riscv64.so.1", "ppc64le": "ld-musl-powerpc64le.so.1", "s390x": "ld-musl-s390x.so.1"},
		"musl, arch/*/reloc.h: LDSO_ARCH"},
	{map[string]string{"amd64": "libc.musl-x86_64.so.1", "arm64": "libc.musl-aarch64.so.1", "arm": "libc.musl-armhf.so.1",
		"386":     "libc.musl-x86.so.1",
		"riscv64": "libc.musl-riscv64.so.1", "ppc64le": "libc.musl-ppc64le.so.1", "s390x": "libc.musl-s390x.so.1"},
		"Alpine, main/musl/APKBUILD: libc.musl-$CARCH.so.1"},
	{map[string]string{"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf", "386": "i386-linux-gnu",
		"riscv64": "riscv64-linux-gnu", "ppc64le": "powerpc64le-linux-gnu", "s390x": "s390x-linux-gnu"},
		"Debian, Multiarch/Tuples; CPython's SOABI, the suffix of extension modules (PEP 3149), has the same names"},
	{map[string]string{"amd64": "x86_64-linux-musl", "arm64": "aarch64-linux-musl", "arm": "arm-linux-musleabihf", "386": "i386-linux-musl",
		"riscv64": "riscv64-linux-musl", "ppc64le": "powerpc64le-linux-musl", "s390x": "s390x-linux-musl"},
		"CPython's configure: PLATFORM_TRIPLET with musl"},
	{map[string]string{"amd64": "x86_64", "arm64": "aarch64", "arm": "armv7l", "386": "i686", "riscv64": "riscv64", "ppc64le": "ppc64le",
		"s390x": "s390x"},
		"uname(2), machine; rpm's and Alpine's names of architectures"},
	{map[string]string{"amd64": "amd64", "arm64": "arm64", "arm": "armhf", "386": "i386", "riscv64": "riscv64", "ppc64le": "ppc64el",
		"s390x": "s390x"},
		"dpkg-architecture(1): DEB_HOST_ARCH"},
	{map[string]string{"amd64": "x64", "arm64": "arm64", "arm": "arm", "386": "ia32", "riscv64": "riscv64", "ppc64le": "ppc64",
		"s390x": "s390x"},
		"Node.js, process.arch; prebuildify names its directories so"},
}

// generalNames is how many names at the end of archNames are words of other meanings, too.
const generalNames = 3

// Translate names what a path of an image for one architecture may be called in the image for another, the likeliest first and the
// path itself last. Architectures are Go's names.
func Translate(path, from, to string) []string {
	all, sure := path, path // with every name replaced, and with those that can mean nothing else
	for i, a := range archNames {
		old, replacement := a.names[from], a.names[to]
		if old == "" || replacement == "" {
			continue
		}
		all = replaceWord(all, old, replacement)
		if i < len(archNames)-generalNames {
			sure = replaceWord(sure, old, replacement)
		}
	}
	var list []string
	for _, candidate := range []string{all, sure, withoutLib64(all)} {
		if candidate != path && !slices.Contains(list, candidate) {
			list = append(list, candidate)
		}
	}
	return append(list, path)
}

// withoutLib64 is a path below lib: the loader of amd64 is in /lib64 where that of arm64 is in /lib (glibc, as above).
func withoutLib64(path string) string {
	for _, dir := range []string{"", "usr/"} {
		if rest, ok := strings.CutPrefix(path, dir+"lib64/"); ok {
			return dir + "lib/" + rest
		}
	}
	return path
}

// replaceWord replaces a name wherever it is not part of a longer word.
func replaceWord(s, old, replacement string) string {
	var out strings.Builder
	for {
		i := strings.Index(s, old)
		if i < 0 {
			out.WriteString(s)
			return out.String()
		}
		end := i + len(old)
		before := i > 0 && wordByte(s[i-1])
		after := end < len(s) && wordByte(s[end])
		out.WriteString(s[:i])
		if before || after {
			out.WriteString(old)
		} else {
			out.WriteString(replacement)
		}
		s = s[end:]
	}
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

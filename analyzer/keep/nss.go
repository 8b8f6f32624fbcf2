package keep

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/elf"
)

// maxNSSwitch bounds nsswitch.conf, in bytes.
const maxNSSwitch = 64 << 10

// nssAction is what a line of nsswitch.conf says about the status of a look-up.
var nssAction = regexp.MustCompile(`\[[^\]]*\]|#.*`)

// nssDefault is what glibc does without a line in nsswitch.conf, or without that file (glibc, nss/nss_database.c).
const nssDefault = "hosts: dns files\npasswd: files\n"

// nameService keeps the modules that nsswitch.conf names, which libc loads when a name is looked up (nsswitch.conf(5):
// "libnss_SERVICE.so.2"), and those of its defaults. Since glibc 2.34 files and dns are in libc itself.
func (w *worklist) nameService(libc *elf.Object) {
	conf, err := w.im.read("etc/nsswitch.conf", maxNSSwitch)
	if err != nil {
		conf = nil
	}
	conf = append(slices.Clone(conf), "\n"+nssDefault...)
	for _, line := range strings.Split(string(conf), "\n") {
		_, services, _ := strings.Cut(nssAction.ReplaceAllString(line, " "), ":")
		for _, service := range strings.Fields(services) {
			if strings.Contains(service, "/") {
				continue
			}
			for _, found := range w.binaries.resolver.Lookup("libnss_"+service+".so.2", libc) {
				w.library(found, libc, analyzer.Reason{Rule: analyzer.RuleLoadedBy, From: "/etc/nsswitch.conf"})
			}
		}
	}
}

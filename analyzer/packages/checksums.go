package packages

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers"
)

// maxSums bounds the checksums that are remembered.
const maxSums = 2_000_000

// Sums are the checksums that the databases of dpkg (also in the form of images without dpkg) and apk have of the packages' files.
type Sums struct {
	Digests  map[string]string // physical path to MD5, SHA-1 or SHA-256, by its length; in hexadecimal, lower case
	Warnings []string          // what could not be read, one sentence each
}

// Checksums reads the checksums in root; db is the result of Load for this root. It uses a checksum only if its package owns the file. It
// leaves out files that another package replaced, and configuration, which the administrator changes.
func Checksums(root layers.RootFS, db *DB) Sums {
	l := &sumLoader{
		loader: &loader{root: root, db: &DB{}, dirs: map[string]string{}},
		owners: db, sums: map[string]string{},
	}
	l.check(l.diversions())
	for _, dir := range []string{"/" + infoDir, "/var/lib/dpkg/status.d"} {
		l.dpkgSums(dir)
	}
	for _, name := range apkDatabases {
		data, err := l.read(name, MaxDatabase)
		l.check(err)
		l.apkSums(data)
	}
	sortUnique(&l.db.warnings)
	return Sums{l.sums, l.db.warnings}
}

// sumLoader is one Checksums.
type sumLoader struct {
	*loader
	owners *DB
	sums   map[string]string
}

func (l *sumLoader) check(err error) {
	if err != nil {
		l.db.warn(fmt.Sprintf("checksums of packages: %v", err))
	}
}

// dpkgSums reads the lists of checksums in a directory, one file a package.
func (l *sumLoader) dpkgSums(dir string) {
	where, entries, err := l.readDir(dir)
	l.check(err)
	for _, entry := range entries {
		owner, ok := strings.CutSuffix(entry.Name(), ".md5sums")
		if !ok {
			continue
		}
		data, err := l.read("/"+where+"/"+entry.Name(), MaxDatabase)
		l.check(err)
		owner, _, _ = strings.Cut(owner, ":")
		for _, sum := range md5sums(data) {
			if len(sum.digest) == 32 {
				l.put(l.diverted("/"+sum.name, owner), owner, strings.ToLower(sum.digest))
			}
		}
	}
}

// apkSums reads an installed database (apk-package(5)): "Z:", "Q1" and base64 of SHA-1, or "Q2" and that of SHA-256.
func (l *sumLoader) apkSums(database []byte) {
	for stanza := range apkStanzas(database) {
		var owner, dir, name string
		for line := range apkLines(stanza) {
			switch line.field {
			case "P":
				owner = line.value
			case "F":
				dir = line.value
			case "R":
				name = line.value
			case "Z":
				if len(line.value) < 2 || apkProtected(dir) {
					continue
				}
				if raw, err := base64.StdEncoding.DecodeString(line.value[2:]); err == nil {
					l.put(apkPath(dir, name), owner, hex.EncodeToString(raw))
				}
			}
		}
	}
}

// put records a checksum at the physical path of a name, if the package is its owner there.
func (l *sumLoader) put(name, owner, digest string) {
	if len(l.sums) >= maxSums {
		return
	}
	where := l.physical(name)
	pkg, ok := l.owners.Owner(where)
	if !ok || pkg.Name != owner {
		return
	}
	if _, configuration := slices.BinarySearch(pkg.Conffiles, where); !configuration {
		l.sums[where] = digest
	}
}

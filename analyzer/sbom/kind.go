package sbom

import (
	"bytes"
	"io/fs"
	"time"
)

// headSize is how much of a file's beginning shows what it is: tar has its mark at byte 257 (POSIX.1-2017, pax, "ustar").
const headSize = 257 + 5

// magic is the beginning of a file's content.
type magic struct {
	at   int
	text string
}

// programs are the beginnings of what a machine or an interpreter runs (file(1), magic.mgc): ELF, PE, WebAssembly, Java's class files and
// Mach-O of several machines, scripts.
var programs = []magic{{0, "\x7fELF"}, {0, "MZ"}, {0, "\x00asm"}, {0, "\xca\xfe\xba\xbe"}, {0, "#!"}}

// archives are the beginnings of what has other files in it, and of compressed files, of which that is not known (file(1), magic.mgc):
// zip, ar, tar, cpio, rpm, 7-Zip, gzip, bzip2, xz, Zstandard.
var archives = []magic{{0, "PK\x03\x04"}, {0, "PK\x05\x06"}, {0, "!<arch>\n"}, {257, "ustar"}, {0, "070701"}, {0, "070702"}, {0, "070707"},
	{0, "\xed\xab\xee\xdb"}, {0, "7z\xbc\xaf\x27\x1c"}, {0, "\x1f\x8b"}, {0, "BZh"}, {0, "\xfd7zXZ\x00"}, {0, "\x28\xb5\x2f\xfd"}}

func anyMagic(list []magic, head []byte) bool {
	for _, m := range list {
		if len(head) > m.at && bytes.HasPrefix(head[m.at:], []byte(m.text)) {
			return true
		}
	}
	return false
}

// Kind is what a file or package is, as BSI TR-03183-2 asks (version 2.1.0, section 5.2.2).
type Kind struct {
	Executable bool // a program, a library of machine code or a script
	Archive    bool // it has other files in it, or is compressed
	// Structured is set of what names its own parts: an archive, and a program with the list of the modules that it was built of.
	Structured bool
}

// kindOf is what the beginning of a file says.
func kindOf(head []byte) Kind {
	k := Kind{Executable: anyMagic(programs, head), Archive: anyMagic(archives, head)}
	k.Structured = k.Archive
	return k
}

// modified is a file's time of modification, RFC 3339; "" for one that has none.
func modified(info fs.FileInfo) string {
	at := info.ModTime()
	if at.IsZero() || at.Year() > 9999 || at.Year() < 1 {
		return ""
	}
	return at.UTC().Truncate(time.Second).Format(time.RFC3339)
}

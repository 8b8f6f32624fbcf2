package sbom

import (
	"io"
	"path"
	"strings"

	"github.com/slimimage/slim/analyzer/elf"
)

// Bounds of metadata files, in bytes: several times the largest known.
const (
	maxManifest  = 4 << 20  // of one package
	maxInstalled = 32 << 20 // of many
)

// parser reads a metadata file as a whole; name is its physical path.
type parser func(name string, data []byte) metadata

// looker reads an archive or a program at offsets.
type looker func(name string, r io.ReaderAt, size int64) metadata

// parserOf returns the parser for a file's path and the maximum size of the file; nil if the file is not metadata.
func parserOf(name string) (parser, int64) {
	dir, base := path.Split(name)
	dir = strings.TrimSuffix(dir, "/")
	switch {
	case base == "METADATA" && strings.HasSuffix(dir, ".dist-info"),
		base == "PKG-INFO" && strings.HasSuffix(dir, ".egg-info"),
		base == "PKG-INFO" && path.Base(dir) == "EGG-INFO",
		strings.HasSuffix(base, ".egg-info"):
		return parsePython, maxManifest
	case base == "RECORD" && strings.HasSuffix(dir, ".dist-info"),
		base == "installed-files.txt" && strings.HasSuffix(dir, ".egg-info"):
		return parsePythonFiles, maxInstalled
	case base == "package.json": // also outside node_modules: distributions and applications have packages anywhere
		return parseNpm, maxManifest
	case base == npmLock && path.Base(dir) == "node_modules":
		return parseNpmLock, maxInstalled
	case strings.HasSuffix(base, ".gemspec") && gemHome(dir) != "":
		return parseGem, maxManifest
	case base == "installed.json" && path.Base(dir) == "composer":
		return parseComposer, maxInstalled
	case strings.HasSuffix(base, ".deps.json"):
		return parseDotnet, maxInstalled
	case base == "copyright" && strings.HasPrefix(dir, "usr/share/doc/"):
		return parseCopyright, maxManifest
	}
	return nil, 0
}

// lookerOf returns the function that searches a file, by its name and first bytes; nil for other files.
func lookerOf(name string, head []byte) looker {
	if elf.IsELF(head) {
		return lookELF
	}
	switch path.Ext(name) {
	case ".jar", ".war", ".ear", ".jpi", ".hpi":
		return lookJava
	}
	return nil
}

package keep

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/classfile"
	"github.com/slimimage/slim/analyzer/shell"
)

// Bounds of what is read of an archive of classes, in bytes.
const (
	maxJar      = 64 << 20
	maxManifest = 1 << 20
)

// jarClassPath keeps the archives that the manifest of a kept one adds to the class path (JAR File Specification: Class-Path).
func (w *worklist) jarClassPath(name string) {
	data, err := w.im.read(name, maxJar)
	if err != nil {
		return
	}
	for _, entry := range classPath(data) {
		target := entry
		if !strings.HasPrefix(entry, "/") {
			target = "/" + path.Join(path.Dir(name), entry)
		}
		if res, ok := w.im.resolve(".", target); ok && w.im.nodes[res.Path].regular() {
			w.keep(strings.TrimPrefix(path.Clean(target), "/"), analyzer.RuleNamedBy, "/"+name)
		}
	}
}

// classLiterals keeps the programs and the files that the string literals of an application's classes name, where one of the classes starts
// programs: as clrLiterals does for .NET. A literal with blanks is a command line if its first word is such a program.
func (w *worklist) classLiterals(name string) {
	read, ok := map[string]func([]byte) (classfile.Constants, error){
		".jar": classfile.Archive, ".war": classfile.Archive, ".ear": classfile.Archive, ".class": classfile.Class}[path.Ext(name)]
	if _, owned := w.db.Owner(name); owned || !ok {
		return
	}
	data, err := w.im.read(name, maxJar)
	if err != nil {
		return
	}
	constants, err := read(data)
	if err != nil || !constants.Spawns {
		return
	}
	lines := slices.Contains(constants.Strings, "-c") // of a shell
	for _, text := range constants.Strings {
		word, _, several := strings.Cut(text, " ")
		switch {
		case lines && !several && shell.Reads(path.Base(word)):
			w.keepProgram(word, analyzer.RuleStartedBy, "/"+name)
		case several && (w.askedProgram(word) || lines && shellWord.MatchString(word)):
			w.commandLine(text, name)
		case !several:
			w.literalWord(word, name)
		}
	}
}

// classPath lists the relative paths of Class-Path in the manifest of an archive. A line of a manifest goes on in the next where that
// begins with a space.
func classPath(data []byte) []string {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	file, err := r.Open("META-INF/MANIFEST.MF")
	if err != nil {
		return nil
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err != nil {
		return nil
	}
	lines := strings.ReplaceAll(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n ", "")
	for _, line := range strings.Split(lines, "\n") {
		if value, ok := strings.CutPrefix(line, "Class-Path:"); ok {
			entries := strings.Fields(value)
			return entries[:min(len(entries), maxNamed)]
		}
	}
	return nil
}

package keep

import (
	"archive/zip"
	"bytes"
	"io"
	"path"
	"strings"

	"github.com/slimimage/slim/analyzer"
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

package packages

import (
	"bytes"
	"strings"

	"github.com/slimimage/slim/layers"
)

// maxRelease bounds os-release, in bytes.
const maxRelease = 64 << 10

// releaseFiles are where os-release(5) may be, in its order.
var releaseFiles = []string{"etc/os-release", "usr/lib/os-release"}

// IsRelease says whether a path, without a leading slash, is one that Release reads.
func IsRelease(name string) bool { return name == releaseFiles[0] || name == releaseFiles[1] }

// Release reads os-release(5): the first file that has an ID. It is empty where none has one. An error is a file that is there and cannot
// be read.
func Release(root layers.RootFS) (map[string]string, error) {
	l := &loader{root: root, db: &DB{}}
	for _, name := range releaseFiles {
		data, err := l.read("/"+name, maxRelease)
		if err != nil {
			return nil, err
		}
		if values := releaseValues(data); values["ID"] != "" {
			return values, nil
		}
	}
	return map[string]string{}, nil
}

// releaseValues reads lines KEY=VALUE, values perhaps in quotes.
func releaseValues(data []byte) map[string]string {
	values := map[string]string{}
	for line := range bytes.Lines(data) {
		key, value, ok := strings.Cut(strings.TrimSpace(string(line)), "=")
		if ok && !strings.HasPrefix(key, "#") {
			values[key] = strings.Trim(value, `"'`)
		}
	}
	return values
}

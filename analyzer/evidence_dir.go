package analyzer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/slimimage/slim/layers/infile"
)

// Bounds of a directory of evidence. The agent writes at most 10,000 files into one.
const (
	maxEvidenceFiles = 10_000
	maxEvidenceBytes = 1 << 30 // of all files
)

// ReadEvidenceDir reads the files NAME.json of a directory, in the order of their names. The container that the evidence is about can write
// there: only regular files are opened, no link leads out, and their number and size are bounded.
func ReadEvidenceDir(name string) ([]*Evidence, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(2*maxEvidenceFiles + 1) // with those that are half written
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > 2*maxEvidenceFiles {
		return nil, fmt.Errorf("%s has more than %d files", name, 2*maxEvidenceFiles)
	}
	names = slices.DeleteFunc(names, func(file string) bool { return !strings.HasSuffix(file, ".json") })
	slices.Sort(names)
	var list []*Evidence
	left := int64(maxEvidenceBytes)
	for _, file := range names {
		data, err := infile.ReadIn(root, file, min(maxEvidence, left))
		if err != nil {
			return nil, err
		}
		left -= int64(len(data))
		one, err := ReadEvidence(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("%q in %s: %w", file, name, err)
		}
		list = append(list, one)
	}
	return list, nil
}

package lock

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder/outfile"
	"github.com/slimimage/slim/layers/infile"
)

const (
	// Name is the default name of a lock.
	Name = "slim.lock"

	evidenceSuffix = ".evidence.json"
	readable       = 1 << 20   // bytes of evidence; larger evidence is compressed
	maxLock        = 64 << 20  // bytes of a lock
	maxEvidence    = 256 << 20 // bytes of its evidence, as analyzer.ReadEvidence takes
)

// Files returns the default names of a lock and its evidence. They are excluded from the build context that contains them.
func Files() []string {
	return []string{Name, Name + evidenceSuffix, Name + evidenceSuffix + ".gz"}
}

// Save writes a lock and its evidence, each with an atomic rename.
func (l *Lock) Save(name string) error {
	var evidence bytes.Buffer
	if err := l.Seen.Write(&evidence); err != nil {
		return err
	}
	l.Evidence = File{File: filepath.Base(name) + evidenceSuffix, Digest: digest.FromBytes(evidence.Bytes()).String()}
	data := evidence.Bytes()
	if len(data) > readable {
		l.Evidence.File += ".gz"
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write(data); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		data = packed.Bytes()
	}
	lock, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := writeWhole(filepath.Join(filepath.Dir(name), l.Evidence.File), data); err != nil {
		return err
	}
	return writeWhole(name, append(lock, '\n'))
}

// writeWhole writes a file with an atomic rename.
func writeWhole(name string, data []byte) error {
	return outfile.Write(name, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Read reads a lock without its evidence. It refuses another schema, unknown fields, options other than the given ones, and evidence in
// another directory.
func Read(name string, options []string) (*Lock, error) {
	data, err := infile.Read(name, maxLock)
	if err != nil {
		return nil, &Error{Reason: err.Error(), Hint: "make it with slim build --lock"}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var l Lock
	if err := decoder.Decode(&l); err != nil || l.Schema != Schema || !l.Options.within(options) {
		return nil, &Error{Reason: fmt.Sprintf("%s is not a lock of this version of slim (schema %s)", name, Schema),
			Hint: "make it again with slim build --lock"}
	}
	if file := l.Evidence.File; file == "" || file != filepath.Base(file) || strings.HasPrefix(file, ".") {
		return nil, &Error{Reason: fmt.Sprintf("%s: its evidence %q is not a file in the same directory", name, file),
			Hint: "make it again with slim build --lock"}
	}
	return &l, nil
}

// Open reads a lock, as Read does, and its evidence.
func Open(name string, options []string) (*Lock, error) {
	l, err := Read(name, options)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(name), l.Evidence.File)
	refuse := func(format string, args ...any) error {
		return &Error{Reason: fmt.Sprintf(format, args...), Hint: "restore it, or make both again with slim build --lock"}
	}
	data, err := infile.Read(file, maxEvidence)
	if err != nil {
		return nil, refuse("a lock is replayed from its evidence: %v", err)
	}
	if strings.HasSuffix(file, ".gz") {
		if data, err = unpack(data); err != nil {
			return nil, refuse("%s: %v", file, err)
		}
	}
	if got := digest.FromBytes(data).String(); got != l.Evidence.Digest {
		return nil, refuse("%s is not the evidence of the lock: it is %s, not %s", file, got, l.Evidence.Digest)
	}
	if l.Seen, err = analyzer.ReadEvidence(bytes.NewReader(data)); err != nil {
		return nil, refuse("%s: %v", file, err)
	}
	return l, nil
}

func unpack(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	data, err = io.ReadAll(io.LimitReader(r, maxEvidence+1))
	if err == nil && len(data) > maxEvidence {
		err = fmt.Errorf("it has more than %d bytes", maxEvidence)
	}
	return data, err
}

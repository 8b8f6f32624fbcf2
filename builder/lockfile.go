package builder

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/slimimage/slim/analyzer"
)

const (
	// LockName is the file that a lock has by default.
	LockName = "slim.lock"

	evidenceSuffix = ".evidence.json"
	readable       = 1 << 20   // bytes of evidence; what is larger is compressed
	maxLock        = 64 << 20  // bytes of a lock
	maxLocked      = 256 << 20 // bytes of its evidence, as analyzer.ReadEvidence takes
)

// lockFiles are excluded from the context that contains them.
var lockFiles = []string{LockName, LockName + evidenceSuffix, LockName + evidenceSuffix + ".gz"}

// Save writes a lock and its evidence, each with an atomic rename.
func (l *Lock) Save(name string) error {
	var evidence bytes.Buffer
	if err := l.seen.Write(&evidence); err != nil {
		return err
	}
	l.Evidence = LockedFile{File: filepath.Base(name) + evidenceSuffix, Digest: digest.FromBytes(evidence.Bytes()).String()}
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

// writeWhole writes a file under another name in its directory and renames it.
func writeWhole(name string, data []byte) error {
	w, err := createFile(name)
	if err != nil {
		return err
	}
	if _, err := w.Write(data); err != nil {
		part := w.(*file)
		return fmt.Errorf("writing %s: %w", name, errors.Join(err, part.File.Close(), os.Remove(part.File.Name())))
	}
	return w.Close()
}

// ReadLock reads a lock without its evidence. It refuses another schema, unknown fields, and evidence in another directory.
func ReadLock(name string) (*Lock, error) {
	data, err := readBounded(name, maxLock)
	if err != nil {
		return nil, &LockError{Reason: err.Error(), Hint: "make it with slim build --lock"}
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var l Lock
	if err := decoder.Decode(&l); err != nil || l.Schema != LockSchema {
		return nil, &LockError{Reason: fmt.Sprintf("%s is not a lock of this version of slim (schema %s)", name, LockSchema),
			Hint: "make it again with slim build --lock"}
	}
	if file := l.Evidence.File; file == "" || file != filepath.Base(file) || strings.HasPrefix(file, ".") {
		return nil, &LockError{Reason: fmt.Sprintf("%s: its evidence %q is not a file in the same directory", name, file),
			Hint: "make it again with slim build --lock"}
	}
	return &l, nil
}

// OpenLock reads a lock and its evidence.
func OpenLock(name string) (*Lock, error) {
	l, err := ReadLock(name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(name), l.Evidence.File)
	refuse := func(format string, args ...any) error {
		return &LockError{Reason: fmt.Sprintf(format, args...),
			Hint: "restore it, or make both again with slim build --lock"}
	}
	data, err := readBounded(file, maxLocked)
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
	if l.seen, err = analyzer.ReadEvidence(bytes.NewReader(data)); err != nil {
		return nil, refuse("%s: %v", file, err)
	}
	return l, nil
}

func unpack(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return bounded(r, maxLocked)
}

func readBounded(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := bounded(f, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return data, nil
}

func bounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, err
}

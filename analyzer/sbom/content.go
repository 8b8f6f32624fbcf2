package sbom

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"

	"github.com/slimimage/slim/analyzer/elf"
)

const (
	maxBuffer = 32 << 20 // bytes of a program or archive held in memory; a larger one that cannot be read at offsets goes to a file
	maxRandom = 2 << 30  // bytes of a program or archive that is looked into
)

// result is what one file's content says.
type result struct {
	size         int64
	sha1, sha256 string
	sha512       string // of what is written down: programs and archives, or every file
	elf          bool
	kind         Kind
	metadata
}

// metadata is what a parser finds in a file.
type metadata struct {
	found    []found
	owned    []string // of a list of installed files: physical paths
	licenses []string // of a copyright file
	// artifacts are the files that packages were delivered as, by the packages' directories.
	artifacts map[string]Artifact
	warning   string
	lost      bool // warning means that the file has packages, or files of packages, which are not known
}

// lost is the metadata of a file that cannot be read.
func lost(name string, err error) metadata {
	return metadata{warning: unreadable(name, err), lost: true}
}

// enough ends the reading of a file with more packages than are read.
func (m *metadata) enough(name string) bool {
	if len(m.found) < maxFound {
		return false
	}
	m.warning, m.lost = fmt.Sprintf("%q has more than %d packages: the rest was not read", name, maxFound), true
	return true
}

// found is one language package.
type found struct {
	Package
	key      string     // how others of its Type require it
	scope    string     // packages of the same scope are preferred for what it requires
	requires [][]string // keys, each a list of alternatives
	wishes   [][]string // likewise, of what it can do without
	partial  bool       // its metadata does not say everything that it requires
	self     bool       // it is the archive that it was found in, not one of the packages that were put together in it
	dir      string     // files below are its, unless a deeper package's; "" for none
	owned    []string   // files that are its
	record   string     // file that lists the files of the package
	file     string     // file that is the whole package; "" for none
}

// hashes takes the checksums: SPDX 2.3 (section 8.4) requires SHA-1, BSI TR-03183-2 (section 5.2.2) SHA-512.
type hashes struct {
	one, two, five hash.Hash // five may be nil
	size           int64
}

func newHashes(five bool) *hashes {
	h := &hashes{one: sha1.New(), two: sha256.New()}
	if five {
		h.five = sha512.New()
	}
	return h
}

func (h *hashes) Write(p []byte) (int, error) {
	h.one.Write(p)
	h.two.Write(p)
	if h.five != nil {
		h.five.Write(p)
	}
	h.size += int64(len(p))
	return len(p), nil
}

// examine hashes a file and reads what metadata it has. all is whether every file is written down.
func examine(name string, size int64, content io.Reader, all bool) (*result, error) {
	at, random := content.(io.ReaderAt)
	r := bufio.NewReaderSize(content, 64<<10)
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	res := &result{elf: elf.IsELF(head), kind: kindOf(head)}
	parse, limit := parserOf(name)
	look := lookerOf(name, head)
	sums := newHashes(all || look != nil)
	switch {
	case parse != nil:
		var data bytes.Buffer
		if _, err := io.Copy(sums, io.TeeReader(r, &capped{w: &data, left: limit + 1})); err != nil {
			return nil, err
		}
		if int64(data.Len()) > limit {
			res.warning = fmt.Sprintf("%q is larger than %d bytes and was not read", name, limit)
			res.lost = path.Base(name) != "copyright" // which has licences only
		} else {
			res.metadata = guarded(name, func() metadata { return parse(name, data.Bytes()) })
		}
	case look != nil && size <= maxRandom:
		var keep *spool
		if !random {
			keep = &spool{}
			defer keep.close()
			if _, err := io.Copy(io.MultiWriter(sums, keep), io.LimitReader(r, maxRandom)); err != nil {
				return nil, err
			}
			at = keep.readerAt()
		}
		if _, err := io.Copy(sums, r); err != nil {
			return nil, err
		}
		res.metadata = guarded(name, func() metadata { return look(name, at, sums.size) })
	default:
		if _, err := io.Copy(sums, r); err != nil {
			return nil, err
		}
		if look != nil {
			res.warning, res.lost = fmt.Sprintf("%q is larger than %d bytes and was not looked into", name, maxRandom), true
		}
	}
	res.size = sums.size
	res.sha1, res.sha256 = hex.EncodeToString(sums.one.Sum(nil)), hex.EncodeToString(sums.two.Sum(nil))
	if sums.five != nil {
		res.sha512 = hex.EncodeToString(sums.five.Sum(nil))
	}
	return res, nil
}

// guarded turns a panic into a warning: debug/elf is "not designed to be hardened against adversarial inputs" (its documentation).
func guarded(name string, read func() metadata) (m metadata) {
	defer func() {
		if r := recover(); r != nil {
			m = metadata{warning: fmt.Sprintf("%q is damaged: %v", name, r), lost: true}
		}
	}()
	return read()
}

// capped writes the first bytes and drops the rest.
type capped struct {
	w    io.Writer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if n := min(int64(len(p)), c.left); n > 0 {
		c.left -= n
		if _, err := c.w.Write(p[:n]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// spool stores what is written so that it can be read at offsets: in memory, and beyond maxBuffer in a temporary file.
type spool struct {
	memory bytes.Buffer
	file   *os.File
}

func (s *spool) Write(p []byte) (int, error) {
	if s.file == nil && s.memory.Len()+len(p) <= maxBuffer {
		return s.memory.Write(p)
	}
	if s.file == nil {
		file, err := os.CreateTemp("", "slim-sbom-")
		if err != nil {
			return 0, err
		}
		os.Remove(file.Name()) // it lives as long as it is open
		s.file = file
		if _, err := s.memory.WriteTo(file); err != nil {
			return 0, err
		}
		s.memory = bytes.Buffer{}
	}
	return s.file.Write(p)
}

func (s *spool) readerAt() io.ReaderAt {
	if s.file != nil {
		return s.file
	}
	return bytes.NewReader(s.memory.Bytes())
}

func (s *spool) close() {
	if s.file != nil {
		s.file.Close()
	}
}

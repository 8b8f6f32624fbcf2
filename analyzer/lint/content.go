package lint

import (
	"cmp"
	"crypto/md5"  // what dpkg records
	"crypto/sha1" // what apk records
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/secrets"
	"github.com/slimimage/slim/layers"
)

// Bounds for one file.
const (
	maxText = 1 << 20   // bytes that are searched for secrets
	maxELF  = 256 << 20 // bytes of a program or library that is looked into
	maxELFs = 50_000    // files whose hardening is listed
)

// readContents reads every regular file once: its checksum where one is known, its hardening, and the secrets in it.
func (f *facts) readContents() error {
	links := f.linked()
	text := make([]byte, maxText)
	do := func(name string, r io.Reader) error {
		names := links[name]
		if names == nil {
			return nil // not one of the files that the root has
		}
		return f.readContent(names, r, text)
	}
	if f.in.Contents != nil {
		if err := f.in.Contents(do); err != nil {
			return fmt.Errorf("reading files: %w", err)
		}
		return nil
	}
	return f.openEach(links, do)
}

// readDeleted searches what later layers hide for secrets.
func (f *facts) readDeleted() error {
	if f.in.Deleted == nil {
		return nil
	}
	text := make([]byte, maxText)
	err := f.in.Deleted(func(name string, layer int, r io.Reader) error {
		n, err := io.ReadFull(r, text)
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		if !secrets.IsText(text[:n]) {
			return nil
		}
		for _, what := range secrets.In(text[:n]) {
			finding := Finding{Path: layers.CleanPath(name), Message: fmt.Sprintf("%s of a file in layer %d that a later one hides", what, layer+1)}
			if secrets.Published(name) {
				finding.Level = Warning
			}
			f.secrets.add(finding)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading hidden files: %w", err)
	}
	return nil
}

func (f *facts) sortContents() {
	slices.SortFunc(f.elfs, func(a, b ELF) int { return cmp.Compare(a.Path, b.Path) })
	for _, list := range [][]Finding{f.changed.list, f.secrets.list} {
		slices.SortStableFunc(list, func(a, b Finding) int { return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message)) })
	}
}

// linked maps each name of a regular file to all its names, sorted.
func (f *facts) linked() map[string][]string {
	byInode, links := map[uint64][]string{}, map[string][]string{}
	for i := range f.files {
		if file := &f.files[i]; file.regular() && file.ino != 0 {
			byInode[file.ino] = append(byInode[file.ino], file.path)
		} else if file.regular() {
			links[file.path] = []string{file.path}
		}
	}
	for _, names := range byInode {
		for _, name := range names {
			links[name] = names
		}
	}
	return links
}

func (f *facts) openEach(links map[string][]string, do func(string, io.Reader) error) error {
	for i := range f.files {
		name := f.files[i].path
		if !f.files[i].regular() || links[name][0] != name {
			continue
		}
		in, err := f.root.Open(name)
		if err != nil {
			f.warn("%q cannot be read: %v", "/"+name, err)
			continue
		}
		err = do(name, in)
		in.Close()
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, err)
		}
	}
	return nil
}

// readContent looks into one file. text is room for its beginning.
func (f *facts) readContent(names []string, r io.Reader, text []byte) error {
	check := f.checker(names)
	if check != nil {
		r = io.TeeReader(r, check.hash)
	}
	n, err := io.ReadFull(r, text)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	whole := err != nil
	head := text[:n]
	if elf.IsELF(head) {
		if err := f.readELF(names[0], head, r, whole); err != nil {
			return err
		}
	}
	if check != nil {
		if !whole {
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
		}
		check.compare(f)
	}
	if !f.verified[names[0]] && secrets.IsText(head) {
		f.findSecrets(names[0], head)
	}
	return nil
}

// readELF reads a program or library that begins with head.
func (f *facts) readELF(name string, head []byte, r io.Reader, whole bool) error {
	size := f.find(name).size
	if len(f.elfs) >= maxELFs {
		f.unreadELFs++
		return nil
	}
	if size > maxELF {
		large := unread(fmt.Sprintf("it has more than %d bytes", maxELF))
		large.Path = layers.Path(name)
		f.elfs = append(f.elfs, large)
		return nil
	}
	data := head
	if !whole {
		data = make([]byte, max(size, int64(len(head))))
		n, err := io.ReadFull(r, data[copy(data, head):])
		if err != nil && err != io.ErrUnexpectedEOF && err != io.EOF {
			return err
		}
		data = data[:len(head)+n]
	}
	if found, ok := readHardening(data); ok {
		found.Path = layers.Path(name)
		f.elfs = append(f.elfs, found)
	}
	return nil
}

// checker computes the checksum that the package of a file has recorded.
type checker struct {
	hash hash.Hash
	want string
	name string
	all  []string
}

// checker is nil where no name of the file has a checksum.
func (f *facts) checker(names []string) *checker {
	for _, name := range names {
		want, ok := f.sums[name]
		if !ok {
			continue
		}
		c := &checker{want: want, name: name, all: names}
		switch len(want) {
		case hex.EncodedLen(md5.Size):
			c.hash = md5.New()
		case hex.EncodedLen(sha1.Size):
			c.hash = sha1.New()
		case hex.EncodedLen(sha256.Size):
			c.hash = sha256.New()
		default:
			continue
		}
		return c
	}
	return nil
}

// compare notes whether the file is what its package says.
func (c *checker) compare(f *facts) {
	if hex.EncodeToString(c.hash.Sum(nil)) == c.want {
		for _, name := range c.all {
			f.verified[name] = true
		}
		return
	}
	for _, name := range c.all {
		f.different[name] = true
	}
	owner, _ := f.db.Owner(c.name)
	message := fmt.Sprintf("its checksum is not the one that package %q recorded", shorten(owner.Name))
	f.changed.add(Finding{Path: layers.Path(c.name), Message: message})
}

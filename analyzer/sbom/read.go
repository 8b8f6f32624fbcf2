package sbom

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// Bounds over the whole root.
const (
	maxFiles    = 2_000_000
	maxFound    = 200_000   // packages of language runtimes, each place counted
	maxRequires = 2_000_000 // names of dependencies over all packages
	maxUnmet    = 100       // requirements of one package that nothing meets
	maxDepth    = 500       // directories
	maxWarnings = 100
)

// ErrTooManyFiles is returned by Read for a root of more than two million regular files.
var ErrTooManyFiles = errors.New("too many files")

// Read reads the bill of materials of root. Damaged metadata is a warning; an error is a root that cannot be read, ctx's end, or
// ErrTooManyFiles. Symlinks are not followed, except to a distribution package's copyright file, inside root.
func Read(ctx context.Context, root layers.RootFS, opt Options) (*Document, error) {
	db := opt.Database
	if db == nil {
		var err error
		if db, err = packages.Load(root); err != nil {
			return nil, fmt.Errorf("bill of materials: %w", err)
		}
	}
	s := &scan{root: root, db: db, all: opt.AllFiles, byName: map[string]*entry{}, inodes: map[[2]uint64]*entry{},
		warnings: map[string]bool{}, missing: map[string]bool{}}
	steps := []func() error{
		func() error { return s.walk(ctx, ".", 0) },
		func() error { return s.contents(ctx, opt) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return nil, fmt.Errorf("bill of materials: %w", err)
		}
	}
	d := &Document{opt: opt, Distro: s.distro()}
	s.assemble(d)
	return d, nil
}

// scan is one Read.
type scan struct {
	root     layers.RootFS
	db       *packages.DB
	all      bool     // every file is written down
	entries  []*entry // regular files, sorted by name
	byName   map[string]*entry
	inodes   map[[2]uint64]*entry // the first name of files with several
	warnings map[string]bool
	missing  map[string]bool // those of warnings after which packages are missing
}

// entry is one regular file.
type entry struct {
	name   string
	size   int64
	time   string // of its modification, RFC 3339
	same   *entry // the first name of the same file, nil for that itself
	result *result
}

func (s *scan) warn(format string, args ...any) {
	if len(s.warnings) < maxWarnings {
		s.warnings[fmt.Sprintf(format, args...)] = true
	}
}

// lose is a warning after which packages are missing.
func (s *scan) lose(format string, args ...any) {
	s.warn(format, args...)
	if len(s.missing) < maxWarnings {
		s.missing[fmt.Sprintf(format, args...)] = true
	}
}

// walk lists the regular files below dir.
func (s *scan) walk(ctx context.Context, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		s.lose("%q is too deep: the files below it were not read", dir)
		return nil
	}
	list, err := s.root.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing %q: %w", dir, err)
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	for _, item := range list {
		name := path.Join(dir, item.Name())
		if item.IsDir() {
			if err := s.walk(ctx, name, depth+1); err != nil {
				return err
			}
			continue
		}
		if !item.Type().IsRegular() {
			continue
		}
		info, err := s.root.Lstat(name)
		if err != nil {
			return fmt.Errorf("reading %q: %w", name, err)
		}
		if len(s.entries) == maxFiles {
			return ErrTooManyFiles
		}
		s.add(name, info)
	}
	if depth == 0 {
		slices.SortFunc(s.entries, func(a, b *entry) int { return strings.Compare(a.name, b.name) })
	}
	return nil
}

func (s *scan) add(name string, info fs.FileInfo) {
	e := &entry{name: name, size: info.Size(), time: modified(info)}
	parse, _ := parserOf(name) // what a parser finds depends on the name: pnpm links package.json into several places
	if stat := layers.StatOf(info); parse == nil && stat.Ino != 0 && stat.Nlink > 1 {
		key := [2]uint64{stat.Dev, stat.Ino}
		if first, seen := s.inodes[key]; seen {
			e.same = first
		} else {
			s.inodes[key] = e
		}
	}
	s.entries = append(s.entries, e)
	s.byName[name] = e
}

// contents examines every file once, under its first name.
func (s *scan) contents(ctx context.Context, opt Options) error {
	if opt.Contents != nil {
		err := opt.Contents(ctx, func(name string, content io.Reader) error {
			e := s.byName[name]
			if e == nil {
				return nil
			}
			if e.same != nil {
				e = e.same
			}
			return s.examine(ctx, e, content)
		})
		if err != nil {
			return err
		}
	}
	for _, e := range s.entries {
		if e.same != nil || e.result != nil {
			continue
		}
		if err := s.open(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) open(ctx context.Context, e *entry) error {
	f, err := s.root.Open(e.name)
	if err != nil {
		return fmt.Errorf("opening %q: %w", e.name, err)
	}
	defer f.Close()
	return s.examine(ctx, e, f)
}

// examine reads one file's content.
func (s *scan) examine(ctx context.Context, e *entry, content io.Reader) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	result, err := examine(e.name, e.size, content, s.all)
	if err != nil {
		return fmt.Errorf("reading %q: %w", e.name, err)
	}
	e.result = result
	return nil
}

// ReadsFirst reports whether Read opens a file itself, before Options.Contents: package databases and what names the
// distribution. It is for roots where opening one file is slow.
func ReadsFirst(name string) bool {
	switch name {
	case "etc/debian_version", "etc/alpine-release":
		return true
	}
	return packages.IsRelease(name) || packages.IsDatabase(name)
}

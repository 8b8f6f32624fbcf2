package vuln

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Bounds against a hostile or broken database. All of OSV was about 10 GB in 2026, its largest records some megabytes.
const (
	maxRecord  = 32 << 20 // bytes of one record
	maxTotal   = 64 << 30 // bytes of all records
	maxRecords = 16 << 20
	maxParts   = 4 << 20 // zip files and loose records
	maxDepth   = 3       // DIR/ECOSYSTEM/RELEASE/all.zip
)

// ErrNoDatabase is the error for a directory without OSV records.
var ErrNoDatabase = errors.New("it has no OSV records (ECOSYSTEM/all.zip, ECOSYSTEM.zip or *.json)")

// Database is a directory of OSV records. It keeps no file open.
type Database struct {
	dir   string
	parts []part
	most  int64 // bytes of one record
	total int64
}

// part is one file of a database.
type part struct {
	name      string // inside the directory
	ecosystem string // the only one in it, without release; "" if the file name does not show it
}

// Open lists the files of a database: DIR/all.zip, DIR/ECOSYSTEM.zip, DIR/ECOSYSTEM/all.zip and *.json files at these places.
func Open(dir string) (*Database, error) {
	db := &Database{dir: dir, most: maxRecord, total: maxTotal}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, fmt.Errorf("vulnerability database: %w", err)
	}
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if strings.Count(filepath.ToSlash(rel), "/") >= maxDepth {
				return fs.SkipDir
			}
			return nil
		}
		if ext := filepath.Ext(name); ext != ".zip" && ext != ".json" {
			return nil
		}
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() { // not even opened: a pipe would wait for a writer
			return errors.Join(fmt.Errorf("%s is not a regular file", name), err)
		}
		if len(db.parts) == maxParts {
			return fmt.Errorf("%s holds more than %d files", dir, maxParts)
		}
		db.parts = append(db.parts, part{name: rel, ecosystem: ecosystemOf(filepath.ToSlash(rel))})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("vulnerability database: %w", err)
	}
	if len(db.parts) == 0 {
		return nil, fmt.Errorf("vulnerability database %s: %w", dir, ErrNoDatabase)
	}
	return db, nil
}

// ecosystemOf reads the first element of a file's path that is an ecosystem's name.
func ecosystemOf(name string) string {
	for _, element := range strings.Split(strings.TrimSuffix(name, filepath.Ext(name)), "/") {
		if element = base(element); isEcosystem(element) {
			return element
		}
	}
	return ""
}

// visitor gets every record of the wanted ecosystems, several at once. The data is overwritten after it returns.
type visitor func(name string, data []byte) error

// each reads the records of the wanted ecosystems (without release), and of files whose names show none. It returns the
// ecosystems that some file is named after.
func (db *Database) each(ctx context.Context, wanted map[string]bool, visit visitor) error {
	budget := &budget{most: db.most}
	budget.left.Store(db.total)
	for _, part := range db.parts {
		if part.ecosystem != "" && !wanted[part.ecosystem] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		read := db.file
		if strings.HasSuffix(part.name, ".zip") {
			read = db.archive
		}
		if err := read(ctx, part.name, budget, visit); err != nil {
			return fmt.Errorf("vulnerability database: %w", err)
		}
	}
	return nil
}

// budget is what may still be read.
type budget struct {
	most    int64 // bytes of one record
	left    atomic.Int64
	records atomic.Int64
}

// read reads one record into a buffer.
func (b *budget) read(r io.Reader, into *bytes.Buffer) ([]byte, error) {
	into.Reset()
	n, err := into.ReadFrom(io.LimitReader(r, b.most+1))
	switch {
	case err != nil:
		return nil, err
	case n > b.most:
		return nil, fmt.Errorf("it is larger than %d bytes", b.most)
	case b.left.Add(-n) < 0 || b.records.Add(1) > maxRecords:
		return nil, errors.New("the database is too large")
	}
	return into.Bytes(), nil
}

func (db *Database) file(_ context.Context, name string, budget *budget, visit visitor) error {
	f, err := os.Open(filepath.Join(db.dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := budget.read(f, &bytes.Buffer{})
	if err == nil {
		err = visit(name, data)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (db *Database) archive(ctx context.Context, name string, budget *budget, visit visitor) error {
	archive, err := zip.OpenReader(filepath.Join(db.dir, name))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer archive.Close()
	files := slices.DeleteFunc(archive.File, func(f *zip.File) bool {
		return !strings.HasSuffix(f.Name, ".json") || f.FileInfo().IsDir()
	})
	group, ctx := errgroup.WithContext(ctx)
	workers := min(runtime.GOMAXPROCS(0), 8)
	for worker := range workers {
		group.Go(func() error {
			var buf bytes.Buffer
			for i := worker; i < len(files); i += workers {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := entry(files[i], budget, &buf, visit); err != nil {
					return fmt.Errorf("%s: %q: %w", name, plain(files[i].Name, maxTitle), err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func entry(file *zip.File, budget *budget, buf *bytes.Buffer, visit visitor) error {
	r, err := file.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	data, err := budget.read(r, buf)
	if err != nil {
		return err
	}
	return visit(file.Name, data)
}

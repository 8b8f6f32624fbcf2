package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// member is a file in an archive or a package.
type member struct {
	name   string // slash path
	source string // file to read
	mode   os.FileMode
}

// archiveName is the name of the archive of a platform.
func (r *release) archiveName(platform string) string {
	end := ".tar.gz"
	if strings.HasPrefix(platform, "windows-") {
		end = ".zip"
	}
	return fmt.Sprintf("slim_%s_%s%s", r.number(), strings.ReplaceAll(platform, "-", "_"), end)
}

// archives packs the program of each platform with its licence, completions and manual pages.
func (r *release) archives(context.Context) error {
	for _, platform := range platforms {
		list, err := r.members(platform)
		if err != nil {
			return err
		}
		write := tarball
		if strings.HasPrefix(platform, "windows-") {
			write = zipped
		}
		data, err := write(list, r.epoch)
		if err != nil {
			return fmt.Errorf("packing slim for %s: %w", platform, err)
		}
		if err := r.write(r.archiveName(platform), data); err != nil {
			return err
		}
	}
	return nil
}

// members are the files of an archive; on Windows there are no manual pages, and none of the three shells.
func (r *release) members(platform string) ([]member, error) {
	program := "slim"
	if strings.HasPrefix(platform, "windows-") {
		program = "slim.exe"
	}
	list := []member{
		{program, filepath.Join(r.bin, "slim-"+platform), 0o755},
		{"LICENSE", filepath.Join(r.root, "LICENSE"), 0o644},
		{"README.md", filepath.Join(r.root, "README.md"), 0o644},
	}
	if program != "slim" {
		return list, nil
	}
	for _, dir := range []string{"completions", "man"} {
		entries, err := os.ReadDir(filepath.Join(r.work, dir))
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			list = append(list, member{path.Join(dir, entry.Name()), filepath.Join(r.work, dir, entry.Name()), 0o644})
		}
	}
	return list, nil
}

// tarball is a gzipped tar whose files belong to root.
func tarball(list []member, epoch time.Time) ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(compressed)
	for _, m := range list {
		data, err := os.ReadFile(m.source)
		if err != nil {
			return nil, err
		}
		err = w.WriteHeader(&tar.Header{Name: m.name, Typeflag: tar.TypeReg, Mode: int64(m.mode), Size: int64(len(data)), ModTime: epoch,
			Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write(data)
		}
		if err != nil {
			return nil, err
		}
	}
	err = errors.Join(w.Close(), compressed.Close())
	return out.Bytes(), err
}

func zipped(list []member, epoch time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, m := range list {
		data, err := os.ReadFile(m.source)
		if err != nil {
			return nil, err
		}
		header := &zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: epoch}
		header.SetMode(m.mode)
		f, err := w.CreateHeader(header)
		if err == nil {
			_, err = f.Write(data)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

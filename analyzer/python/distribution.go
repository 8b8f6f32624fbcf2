package python

import (
	"archive/zip"
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
)

// maxRequired bounds the requirements and the entry points of one distribution.
const maxRequired = 1000

var (
	// requirement is a name at the start of a requirement (PEP 508).
	requirement = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?`)
	separators  = regexp.MustCompile(`[-_.]+`)
)

// Normalize returns the name of a distribution in the form used for comparison (PEP 503).
func Normalize(name string) string { return strings.ToLower(separators.ReplaceAllString(name, "-")) }

// Requires lists the normalized names of the distributions that METADATA or requires.txt requires, without those for an extra.
func Requires(data []byte) []string {
	var names []string
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		header, value, isHeader := strings.Cut(line, ": ")
		switch {
		case len(names) >= maxRequired || strings.HasPrefix(line, "["): // the rest is for extras
			return names
		case line == "" && i > 0 && bytes.HasPrefix(data, []byte("Metadata-Version")):
			return names // the description follows
		case isHeader && header == "Requires-Dist":
			line = value
		case isHeader || strings.HasPrefix(line, "#"):
			continue
		}
		if name := requirement.FindString(line); name != "" && !strings.Contains(line, "extra ==") {
			names = append(names, Normalize(name))
		}
	}
	return names
}

// EntryPoints reads entry_points.txt: the dotted names of the modules by group (PyPA: Entry points specification).
func EntryPoints(data []byte) map[string][]string {
	groups, group := map[string][]string{}, ""
	for _, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			group = strings.TrimSpace(line[1 : len(line)-1])
			continue
		}
		_, object, ok := strings.Cut(line, "=")
		module, _, _ := strings.Cut(object, ":")
		module, _, _ = strings.Cut(strings.TrimSpace(module), " ")
		if ok && group != "" && module != "" && len(groups[group]) < maxRequired {
			groups[group] = append(groups[group], module)
		}
	}
	return groups
}

// maxNames bounds the names of one source.
const maxNames = 5000

var (
	// dotted matches a string that consists of a dotted name, or of one followed by a colon and an attribute.
	dotted = regexp.MustCompile(`["']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?::\w+)?["']`)
	// single matches a string that consists of one name.
	single = regexp.MustCompile(`["']([A-Za-z_]\w{2,})["']`)
	// lists are the settings whose value is a list of modules (Django: INSTALLED_APPS; Celery: imports; Sphinx: extensions).
	lists = regexp.MustCompile(`(?s)\b\w*(?:APPS|PLUGINS|EXTENSIONS|MODULES|IMPORTS|plugins|extensions)\s*\+?=\s*[\[({](.*?)[\])}]`)
)

// Names lists the strings of a source that may name modules, sorted: dotted names, and single ones where a setting lists modules.
func Names(src []byte) []string {
	found := map[string]bool{}
	for _, match := range dotted.FindAllSubmatch(src, maxNames) {
		add(found, string(match[1]))
	}
	for _, list := range lists.FindAllSubmatch(src, maxNames) {
		for _, match := range single.FindAllSubmatch(list[1], maxNames) {
			add(found, string(match[1]))
		}
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Bounds of an archive: how many sources are read, and how many bytes of all of them.
const (
	maxArchived      = 10_000
	maxArchivedBytes = 64 << 20
)

// Archived lists the sources in a zip file of modules, which may begin with a "#!" line (Python Library Reference: zipapp, zipimport).
// It returns nil for data that is not a zip file.
func Archived(data []byte) [][]byte {
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) && !bytes.HasPrefix(data, []byte("#!")) {
		return nil
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil
	}
	sources, left := [][]byte{}, int64(maxArchivedBytes)
	for _, f := range r.File[:min(len(r.File), maxArchived)] {
		if !strings.HasSuffix(f.Name, ".py") {
			continue
		}
		file, err := f.Open()
		if err != nil {
			continue
		}
		source, err := io.ReadAll(io.LimitReader(file, min(left, MaxSize)))
		file.Close()
		if left -= int64(len(source)); err == nil {
			sources = append(sources, source)
		}
	}
	return sources
}

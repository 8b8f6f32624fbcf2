package keep

import (
	"archive/zip"
	"bytes"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/secrets"
)

// Bounds of the search for names of files in what is kept, in bytes.
const (
	maxSearched    = 512 << 20 // over all files
	maxSearchedOne = 64 << 20  // of one file, or of one archive unpacked
	maxBinaryNames = 100       // names looked for in programs, where names have no ends
)

// nameSearch looks in kept files for the names of others.
type nameSearch struct {
	*planner
	absolute map[string]string   // what is looked for, by absolute path
	relative map[string][]string // and by the end of a path
	found    map[string]string   // the absolute path of a file that names it, by what is looked for
	left     int64
}

// namedFiles says which file that is kept names one of a list: by absolute path anywhere in it, or by the end of its path in the same
// application. Read are the application's own files, settings and the config's words; not what lies in hidden directories, where clients
// keep their settings beside their credentials.
func (p *planner) namedFiles(list []sensitive) map[string]string {
	s := &nameSearch{planner: p, absolute: map[string]string{}, relative: map[string][]string{}, found: map[string]string{}, left: maxSearched}
	for _, item := range list {
		s.absolute["/"+item.name] = item.name
		end := path.Base(item.name)
		if dir := path.Base(path.Dir(item.name)); strings.HasPrefix(dir, ".") && dir != "." {
			end = dir + "/" + end // "credentials" is anybody's word
		}
		s.relative[end] = append(s.relative[end], item.name)
	}
	if len(list) == 0 {
		return nil
	}
	config := slices.Concat(p.req.Process.Argv, p.req.Process.Env)
	if h := p.req.Process.Healthcheck; h != nil {
		config = append(config, h.Test...)
	}
	s.text([]byte(strings.Join(config, "\n")), "")
	for _, name := range slices.Sorted(maps.Keys(p.kept)) {
		if len(s.found) == len(list) || s.left <= 0 {
			break
		}
		if s.searched(name) {
			s.file(name)
		}
	}
	return s.found
}

// searched says whether a kept file is the application's or settings.
func (s *nameSearch) searched(name string) bool {
	if !s.im.nodes[name].regular() || secrets.Published(name) || secrets.IsStore(name) || strings.Contains("/"+path.Dir(name), "/.") {
		return false
	}
	_, owned := s.db.Owner(name)
	return !owned || strings.HasPrefix(name, "etc/")
}

func (s *nameSearch) file(name string) {
	data, err := s.im.read(name, min(maxSearchedOne, s.left))
	if err != nil {
		return
	}
	s.left -= int64(len(data))
	switch {
	case elf.IsELF(data):
		s.binary(data, name)
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		s.archive(data, name)
	default:
		s.text(data, name)
	}
}

// text looks at each word with the characters of a path; name is "" for the image's config.
func (s *nameSearch) text(data []byte, name string) {
	for _, word := range scriptWord.FindAll(data, -1) {
		s.word(strings.Trim(string(word), ".,:%@"), string(word), name)
	}
}

// word notes what a word of a file names. It may follow a scheme or a key: "file:/x", "key=/x".
func (s *nameSearch) word(trimmed, whole, name string) {
	for _, word := range []string{trimmed, whole} {
		if at := strings.IndexByte(word, '/'); at >= 0 {
			s.note(s.absolute[path.Clean(word[at:])], name)
		}
		base := path.Base(word)
		end := path.Base(path.Dir(word)) + "/" + base
		for _, item := range slices.Concat(s.relative[base], s.relative[end]) {
			if app := s.applicationOf(item); app != "" && (name == "" || strings.HasPrefix(name, app+"/")) {
				s.note(item, name)
			}
		}
	}
}

func (s *nameSearch) note(item, name string) {
	if name == "" {
		name = "the image's config"
	} else {
		name = "/" + name
	}
	if item != "" && s.found[item] == "" && name != "/"+item {
		s.found[item] = name
	}
}

// binary looks for whole paths, and for ends of paths in the same application: strings in a program may stand without anything between.
func (s *nameSearch) binary(data []byte, name string) {
	items := slices.Sorted(maps.Keys(s.absolute))
	for _, full := range items[:min(len(items), maxBinaryNames)] {
		item := s.absolute[full]
		app := s.applicationOf(item)
		if bytes.Contains(data, []byte(full)) ||
			app != "" && strings.HasPrefix(name, app+"/") && bytes.Contains(data, []byte(path.Base(item))) {
			s.note(item, name)
		}
	}
}

// archive looks at the files in a zip file, such as the settings and classes of a jar.
func (s *nameSearch) archive(data []byte, name string) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return
	}
	left := min(int64(maxSearchedOne), s.left)
	for _, entry := range r.File {
		if left <= 0 || entry.UncompressedSize64 > maxSource {
			continue
		}
		f, err := entry.Open()
		if err != nil {
			continue
		}
		content, _ := io.ReadAll(io.LimitReader(f, maxSource)) // what can be read of a damaged one
		f.Close()
		left -= int64(len(content))
		s.left -= int64(len(content))
		s.text(content, name)
	}
}

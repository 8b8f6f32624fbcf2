package layers

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// InspectionSchema names the version of Inspection.
const InspectionSchema = "slim/inspection/v1"

// Inspection describes the content of an image.
type Inspection struct {
	Schema        string      `json:"schema"`
	Digest        string      `json:"digest"`                  // of the platform manifest
	Platform      string      `json:"platform"`                // of the image, such as linux/amd64
	Size          int64       `json:"size"`                    // bytes of all layers as they are stored
	Bytes         int64       `json:"bytes"`                   // of the regular files a container sees, a hard-linked one once
	Files         int         `json:"files"`                   // names a container sees, without directories
	Dirs          int         `json:"dirs"`                    // directories of the root filesystem
	Wasted        int64       `json:"wasted"`                  // bytes of files that a later layer overwrites or deletes
	Layers        []LayerInfo `json:"layers"`                  // from the lowest
	Folders       []Folder    `json:"folders"`                 // the biggest, biggest first
	Setuid        []Special   `json:"setuid,omitempty"`        // files with the setuid or setgid bit, sorted by path
	Capabilities  []Special   `json:"capabilities,omitempty"`  // files with capabilities
	WorldWritable []Special   `json:"worldWritable,omitempty"` // directories that anybody may write to
}

// LayerInfo is one layer, lowest first.
type LayerInfo struct {
	Digest  string `json:"digest"`            // of the compressed layer
	DiffID  string `json:"diffID"`            // digest of the uncompressed layer
	Size    int64  `json:"size"`              // bytes as it is stored
	Bytes   int64  `json:"bytes"`             // of its regular files
	Files   int    `json:"files"`             // entries that are neither directories nor whiteouts
	Wasted  int64  `json:"wasted"`            // of Bytes, what a later entry overwrites or deletes
	Command string `json:"command,omitempty"` // that made it, from the history
}

// Folder is a directory with all below it.
type Folder struct {
	Path  Path  `json:"path"`  // in the root filesystem
	Files int   `json:"files"` // in it and below
	Bytes int64 `json:"bytes"` // size of these files
}

// Special is a path with special rights.
type Special struct {
	Path Path   `json:"path"` // in the root filesystem
	Mode string `json:"mode"` // as ls prints it
	UID  uint32 `json:"uid"`  // owner
	GID  uint32 `json:"gid"`  // group
}

// Bounds of the list of folders: their depth and their number.
const (
	folderDepth = 4
	folderCount = 20
)

// Inspect reads every layer of the image once. Errors: those of NewIndex.
func Inspect(img v1.Image) (*Inspection, error) {
	x, err := NewIndex(img)
	if err != nil {
		return nil, err
	}
	return x.Inspect(img)
}

// Inspect is the inspection of the image that the index was made of.
func (x *Index) Inspect(img v1.Image) (*Inspection, error) {
	digest, err := img.Digest()
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	platform := v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}
	report := &Inspection{Schema: InspectionSchema, Digest: digest.String(), Platform: platform.String(), Layers: []LayerInfo{},
		Folders: []Folder{}}
	if err := x.layerInfos(report, commands(config)); err != nil {
		return nil, err
	}
	x.paths(report)
	return report, nil
}

// commands returns the commands that created the layers, from the history; the list may be shorter than the list of layers.
func commands(config *v1.ConfigFile) []string {
	var list []string
	for _, h := range config.History {
		if !h.EmptyLayer {
			list = append(list, strings.TrimSpace(h.CreatedBy))
		}
	}
	return list
}

func (x *Index) layerInfos(report *Inspection, commands []string) error {
	for i, stat := range x.Layers {
		digest, err := x.source[i].Digest()
		if err != nil {
			return err
		}
		size, err := x.source[i].Size()
		if err != nil {
			return err
		}
		info := LayerInfo{Digest: digest.String(), DiffID: x.ids[i].String(), Size: size, Bytes: stat.Bytes, Files: stat.Files,
			Wasted: stat.Wasted}
		if i < len(commands) {
			info.Command = commands[i]
		}
		report.Layers = append(report.Layers, info)
		report.Size += size
		report.Wasted += stat.Wasted
	}
	return nil
}

func (x *Index) paths(report *Inspection) {
	folders := map[Path]*Folder{}
	seen := map[*Inode]bool{}
	for _, e := range x.Entries() {
		special := Special{e.Path, ModeString(e.Mode), e.UID, e.GID}
		if e.Mode.IsDir() {
			report.Dirs++
			if e.Mode&0o002 != 0 {
				report.WorldWritable = append(report.WorldWritable, special)
			}
			continue
		}
		report.Files++
		if e.Mode.IsRegular() && e.Mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
			report.Setuid = append(report.Setuid, special)
		}
		if e.Capability != "" {
			report.Capabilities = append(report.Capabilities, special)
		}
		var size int64
		if e.Mode.IsRegular() && !seen[e.Inode] {
			seen[e.Inode] = true
			size = e.Size
		}
		report.Bytes += size
		addToFolders(folders, e.Path, size)
	}
	for _, f := range folders {
		report.Folders = append(report.Folders, *f)
	}
	slices.SortFunc(report.Folders, func(a, b Folder) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	report.Folders = report.Folders[:min(len(report.Folders), folderCount)]
}

// addToFolders counts a file in every directory above it, except the root and directories that are too deep.
func addToFolders(folders map[Path]*Folder, name Path, size int64) {
	for dir := path.Dir(string(name)); dir != "."; dir = path.Dir(dir) {
		if strings.Count(dir, "/") >= folderDepth {
			continue
		}
		f := folders[Path(dir)]
		if f == nil {
			f = &Folder{Path: Path(dir)}
			folders[Path(dir)] = f
		}
		f.Files++
		f.Bytes += size
	}
}

// ModeString is a mode as ls(1) prints it: "-rwsr-xr-x".
func ModeString(mode fs.FileMode) string {
	s := []byte("-" + mode.Perm().String()[1:])
	switch {
	case mode.IsDir():
		s[0] = 'd'
	case mode&fs.ModeSymlink != 0:
		s[0] = 'l'
	case mode&fs.ModeNamedPipe != 0:
		s[0] = 'p'
	case mode&fs.ModeCharDevice != 0:
		s[0] = 'c'
	case mode&fs.ModeDevice != 0:
		s[0] = 'b'
	}
	for _, bit := range []struct {
		flag fs.FileMode
		at   int
		char byte
	}{{fs.ModeSetuid, 3, 's'}, {fs.ModeSetgid, 6, 's'}, {fs.ModeSticky, 9, 't'}} {
		if mode&bit.flag == 0 {
			continue
		}
		if s[bit.at] == '-' {
			bit.char -= 'a' - 'A'
		}
		s[bit.at] = bit.char
	}
	return string(s)
}

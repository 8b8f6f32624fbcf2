package layers

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ErrDigest is returned if bytes do not match their digest.
var ErrDigest = errors.New("wrong digest")

// NewIndex reads every layer of the image once and merges their headers. It fails if a layer cannot be read to its end, does not match
// the config's diff ID (ErrDigest) or has a name that climbs out of the root, or if the image exceeds the bounds (5 million entries,
// names of 4096 bytes, 1 GiB of names, 512 GiB a layer).
func NewIndex(img v1.Image) (*Index, error) { return newIndex(img, defaultLimits) }

func newIndex(img v1.Image, max limits) (*Index, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	list, err := img.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading the list of layers: %w", err)
	}
	if len(list) > max.layers {
		return nil, fmt.Errorf("the image has %d layers, more than %d", len(list), max.layers)
	}
	if len(config.RootFS.DiffIDs) != len(list) {
		return nil, fmt.Errorf("the manifest has %d layers, the config %d", len(list), len(config.RootFS.DiffIDs))
	}
	x := newTree()
	x.limits, x.source, x.ids, x.Layers = max, list, config.RootFS.DiffIDs, make([]LayerStat, len(list))
	for i, layer := range list {
		if err := x.readLayer(layer, i, config.RootFS.DiffIDs[i]); err != nil {
			return nil, fmt.Errorf("reading layer %d of %d: %w", i+1, len(list), err)
		}
	}
	x.finish()
	return x, nil
}

func (x *Index) readLayer(layer v1.Layer, number int, diffID v1.Hash) error {
	stream, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	hash := sha256.New()
	in := io.TeeReader(&capped{stream, x.limits.layer}, hash)
	if err := x.readTar(in, number); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, in); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); diffID.Algorithm != "sha256" || got != diffID.Hex {
		return fmt.Errorf("%w: its content is sha256:%s, the config says %s", ErrDigest, got, diffID)
	}
	return nil
}

func (x *Index) readTar(in io.Reader, number int) error {
	r := tar.NewReader(in)
	for position := 0; ; position++ {
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := x.entry(header, number, position); err != nil {
			return fmt.Errorf("entry %q: %w", header.Name, err)
		}
	}
}

func (x *Index) entry(header *tar.Header, number, position int) error {
	if header.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if err := x.count(header); err != nil {
		return err
	}
	name, err := insideName(header.Name)
	if err != nil {
		return err
	}
	if strings.HasPrefix(path.Base(name), whiteout) {
		return x.hide(name, number)
	}
	stat := &x.Layers[number]
	if header.Typeflag == tar.TypeLink {
		stat.Files++
		target, err := insideName(header.Linkname)
		if err != nil {
			return fmt.Errorf("hard link to %q: %w", header.Linkname, err)
		}
		return x.link(name, target, number)
	}
	n, err := headerInode(header)
	if err != nil {
		return err
	}
	n.Layer, n.Position = number, position
	switch {
	case n.Mode.IsDir():
		stat.Dirs++
	case n.Mode.IsRegular():
		if stat.Bytes > math.MaxInt64-n.Size {
			return errTooLarge
		}
		stat.Bytes += n.Size
		stat.Files++
	default:
		stat.Files++
	}
	return x.put(name, x.inode(n), number)
}

// count checks the header against the limits.
func (x *Index) count(header *tar.Header) error {
	capable := header.PAXRecords[paxCapability]
	if len(header.Name) > x.limits.name || len(header.Linkname) > x.limits.name {
		return fmt.Errorf("a name or link target has more than %d bytes", x.limits.name)
	}
	if len(capable) > 64 {
		return errors.New("security.capability is no file capability")
	}
	if x.read++; x.read > x.limits.entries {
		return fmt.Errorf("the image has more than %d entries", x.limits.entries)
	}
	if x.text += int64(len(header.Name) + len(header.Linkname) + len(capable)); x.text > x.limits.text {
		return fmt.Errorf("the names in the image have more than %d bytes", x.limits.text)
	}
	return nil
}

// paxCapability is the PAX record in which tar stores the extended attribute.
const paxCapability = "SCHILY.xattr." + capability

// headerInode converts the header of a file that is not a hard link into an inode.
func headerInode(header *tar.Header) (Inode, error) {
	n := Inode{
		Mode: permissions(header.Mode), Size: header.Size, ModTime: header.ModTime.Unix(),
		Capability: strings.Clone(header.PAXRecords[paxCapability]),
	}
	if header.Uid < 0 || header.Gid < 0 || int64(header.Uid) > math.MaxUint32 || int64(header.Gid) > math.MaxUint32 {
		return n, fmt.Errorf("%d:%d is no owner", header.Uid, header.Gid)
	}
	n.UID, n.GID = uint32(header.Uid), uint32(header.Gid)
	switch header.Typeflag {
	case tar.TypeReg, '\x00', tar.TypeCont, tar.TypeGNUSparse:
		if n.Size < 0 {
			return n, fmt.Errorf("%d is no size", n.Size)
		}
		return n, nil
	case tar.TypeDir:
		n.Mode |= fs.ModeDir
	case tar.TypeSymlink:
		n.Mode = fs.ModeSymlink | 0o777
		n.Link = strings.Clone(header.Linkname)
	case tar.TypeChar:
		n.Mode |= fs.ModeDevice | fs.ModeCharDevice
	case tar.TypeBlock:
		n.Mode |= fs.ModeDevice
	case tar.TypeFifo:
		n.Mode |= fs.ModeNamedPipe
	default:
		return n, fmt.Errorf("a tar entry of type %q", header.Typeflag)
	}
	if n.Mode&fs.ModeDevice != 0 {
		n.Rdev = device(uint32(header.Devmajor), uint32(header.Devminor))
	}
	n.Size = int64(len(n.Link))
	return n, nil
}

// device is the number of a device as Linux and its C libraries have it (makedev(3)), on every system.
func device(major, minor uint32) uint64 {
	high, low := uint64(major), uint64(minor)
	return high&^0xfff<<32 | high&0xfff<<8 | low&^0xff<<12 | low&0xff
}

// permissions turns the mode bits of stat(2) into Go's.
func permissions(mode int64) fs.FileMode {
	perm := fs.FileMode(mode & 0o777)
	for bit, flag := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			perm |= flag
		}
	}
	return perm
}

// content opens the bytes of a regular file in its layer.
func (x *Index) content(n *Inode) (io.ReadCloser, error) {
	stream, err := x.source[n.Layer].Uncompressed()
	if err != nil {
		return nil, err
	}
	r := tar.NewReader(&capped{stream, x.limits.layer})
	for position := 0; position <= n.Position; position++ {
		if _, err := r.Next(); err != nil {
			stream.Close()
			return nil, err
		}
	}
	return struct {
		io.Reader
		io.Closer
	}{r, stream}, nil
}

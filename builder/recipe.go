package builder

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
	"google.golang.org/protobuf/proto"

	"github.com/slimimage/slim/builder/lock"
)

// sessionAttrs are attributes of a local source that identify a session, and not the content.
var sessionAttrs = []string{pb.AttrLocalSessionID, pb.AttrLocalUniqueID, pb.AttrSharedKeyHint}

// recipe returns the digest of what a Dockerfile is built from: the steps that BuildKit's frontend made of it (with arguments and the
// digests of base images), the content of the files that they use from the contexts, and the config. Like BuildKit's cache, it ignores
// the times of files. It also returns the base images.
func (b *build) recipe(ctx context.Context, in input) (string, []lock.Base, error) {
	def, err := in.state.Marshal(ctx, llb.Platform(b.platform))
	if err != nil {
		return "", nil, fmt.Errorf("reading the steps of %s: %w", b.dockerfilePath(), err)
	}
	dirs, err := openDirs(b.contexts())
	if err != nil {
		return "", nil, err
	}
	r := &recipe{ctx: ctx, dirs: dirs, names: map[string]string{}, bases: map[string]string{}}
	last := ""
	for _, data := range def.ToPB().Def { // inputs come before the steps that use them
		if last, err = r.add(data); err != nil {
			return "", nil, fmt.Errorf("reading the steps of %s: %w", b.dockerfilePath(), err)
		}
	}
	var bases []lock.Base
	for _, name := range slices.Sorted(maps.Keys(r.bases)) {
		bases = append(bases, lock.Base{Reference: name, Digest: r.bases[name]})
	}
	return digest.FromBytes(append([]byte(last+"\n"), in.config.identity()...)).String(), bases, nil
}

// recipe names every step by a digest that is the same in every session.
type recipe struct {
	ctx   context.Context
	dirs  map[string]fsutil.FS
	names map[string]string // digest of a step in this session -> its name
	bases map[string]string
}

// add names one step.
func (r *recipe) add(data []byte) (string, error) {
	var op pb.Op
	if err := proto.Unmarshal(data, &op); err != nil {
		return "", err
	}
	for _, input := range op.Inputs {
		name, ok := r.names[input.Digest]
		if !ok {
			return "", errors.New("a step uses a step that does not precede it")
		}
		input.Digest = name
	}
	content := ""
	if source := op.GetSource(); source != nil {
		if name, ok := strings.CutPrefix(source.Identifier, "local://"); ok {
			for _, attr := range sessionAttrs {
				delete(source.Attrs, attr)
			}
			var err error
			if content, err = r.directory(name, source.Attrs); err != nil {
				return "", err
			}
		}
		if name, ok := strings.CutPrefix(source.Identifier, "docker-image://"); ok {
			name, digest, _ := strings.Cut(name, "@")
			r.bases[name] = digest
		}
	}
	plain, err := proto.MarshalOptions{Deterministic: true}.Marshal(&op)
	if err != nil {
		return "", err
	}
	name := digest.FromBytes(append(plain, content...)).String()
	r.names[digest.FromBytes(data).String()] = name
	return name, nil
}

// directory returns the digest of the files that a step uses from a directory of this client.
func (r *recipe) directory(name string, attrs map[string]string) (string, error) {
	dir := r.dirs[name]
	if dir == nil {
		return "", fmt.Errorf("there is no context %q", name)
	}
	var opt fsutil.FilterOpt
	patterns := map[string]*[]string{pb.AttrIncludePatterns: &opt.IncludePatterns, pb.AttrExcludePatterns: &opt.ExcludePatterns,
		pb.AttrFollowPaths: &opt.FollowPaths}
	for attr, list := range patterns {
		if attrs[attr] == "" {
			continue
		}
		if err := json.Unmarshal([]byte(attrs[attr]), list); err != nil {
			return "", fmt.Errorf("%s: %w", attr, err)
		}
	}
	return treeDigest(r.ctx, dir, &opt)
}

// treeDigest is the digest of the chosen files of a directory: names, kinds, modes and content.
func treeDigest(ctx context.Context, dir fsutil.FS, opt *fsutil.FilterOpt) (string, error) {
	chosen, err := fsutil.NewFilterFS(dir, opt)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	err = chosen.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "" {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		link, size := "", int64(0)
		if stat, ok := info.Sys().(*types.Stat); ok {
			link = stat.Linkname
		}
		if info.Mode().IsRegular() {
			size = info.Size()
		}
		fmt.Fprintf(h, "%q %o %q %d\n", name, info.Mode(), link, size)
		if !info.Mode().IsRegular() {
			return nil
		}
		return hashFile(h, chosen, name)
	})
	return digest.NewDigest(digest.SHA256, h).String(), err
}

func hashFile(h hash.Hash, dir fsutil.FS, name string) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(h, f)
	return err
}

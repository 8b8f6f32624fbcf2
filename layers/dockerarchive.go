package layers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// savedEntry is one image of docker save's manifest.json.
type savedEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// dockerImage writes the OCI manifest for an entry of manifest.json. It does not change the layers.
func (a *archive) dockerImage(list []byte, tag string) (*Input, error) {
	var entries []savedEntry
	if err := decode(list, "manifest.json", &entries); err != nil {
		return nil, err
	}
	entry, err := savedImageNamed(entries, tag)
	if err != nil {
		return nil, err
	}
	config, err := a.config(entry.Config)
	if err != nil {
		return nil, err
	}
	if len(entry.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, more than %d", len(entry.Layers), maxLayers)
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}}
	for _, name := range entry.Layers {
		d, ok := a.find(name)
		if !ok {
			return nil, fmt.Errorf("layer %q is missing", name)
		}
		manifest.Layers = append(manifest.Layers, d)
	}
	if err := a.checkDiffIDs(manifest); err != nil {
		return nil, err
	}
	data, err := json.Marshal(manifest)
	if err != nil {
		return nil, err
	}
	d, err := a.store.write(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	in, err := a.store.open(d.Digest)
	if err == nil && len(entry.RepoTags) > 0 {
		in.Repo, in.Tag = splitName(entry.RepoTags[0])
	}
	return in, err
}

// savedImageNamed is the entry with the tag, or the only one.
func savedImageNamed(entries []savedEntry, tag string) (savedEntry, error) {
	var tags []string
	for _, entry := range entries {
		if tag != "" && (slices.Contains(entry.RepoTags, tag) || slices.Contains(entry.RepoTags, tag+":latest")) {
			entry.RepoTags = []string{tag}
			return entry, nil
		}
		tags = append(tags, entry.RepoTags...)
	}
	slices.Sort(tags)
	names := strings.Join(tags[:min(len(tags), 20)], ", ")
	switch {
	case len(entries) == 0:
		return savedEntry{}, fmt.Errorf("there is no image in it: %w", ErrNotFound)
	case tag != "":
		return savedEntry{}, fmt.Errorf("there is no image %q in it, only %s: %w", tag, names, ErrNotFound)
	case len(entries) > 1:
		return savedEntry{}, fmt.Errorf("there are several images in it: name one of %s after a colon", names)
	}
	return entries[0], nil
}

// find finds a file of the archive and follows links.
func (a *archive) find(name string) (v1.Descriptor, bool) {
	name = string(CleanPath(name))
	for range maxDepth {
		if d, ok := a.blobs[name]; ok {
			return d, true
		}
		name = a.links[name]
	}
	return v1.Descriptor{}, false
}

func (a *archive) config(name string) (v1.Descriptor, error) {
	d, ok := a.find(name)
	if !ok {
		return d, fmt.Errorf("its config %q is missing", name)
	}
	if d.Size > maxManifest {
		return d, fmt.Errorf("its config has %d bytes, more than %d", d.Size, maxManifest)
	}
	d.MediaType = types.OCIConfigJSON
	return d, nil
}

// checkDiffIDs compares uncompressed layers with the diff IDs in the config: manifest.json only has file names.
func (a *archive) checkDiffIDs(manifest v1.Manifest) error {
	data, err := a.store.small(manifest.Config.Digest)
	if err != nil {
		return err
	}
	var config v1.ConfigFile
	if err := decode(data, "its config", &config); err != nil {
		return err
	}
	ids := config.RootFS.DiffIDs
	if len(ids) != len(manifest.Layers) {
		return fmt.Errorf("it has %d layers, its config names %d", len(manifest.Layers), len(ids))
	}
	for i, d := range manifest.Layers {
		if d.MediaType == types.OCIUncompressedLayer && d.Digest != ids[i] {
			return fmt.Errorf("%w: layer %d is %s, the config says %s", ErrDigest, i+1, d.Digest, ids[i])
		}
	}
	return nil
}

func decode(data []byte, what string, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading %s: %w", what, err)
	}
	return nil
}

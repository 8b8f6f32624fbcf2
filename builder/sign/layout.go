package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"github.com/slimimage/slim/layers"
)

const refName = "org.opencontainers.image.ref.name" // image-spec, annotations.md

// layoutStore is an OCI layout: tags are names in its index.json, referrers the manifests there that have a subject.
type layoutStore struct {
	path  layout.Path
	index *v1.IndexManifest
}

func openLayout(dir string) (*layoutStore, error) {
	path, err := layout.FromPath(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not an OCI layout: %w", dir, layers.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	manifest, err := layers.LayoutIndex(dir)
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) > maxListed {
		return nil, fmt.Errorf("its index.json lists more than %d manifests", maxListed)
	}
	return &layoutStore{path, manifest}, nil
}

func (l *layoutStore) name() string { return string(l.path) }

// image is the reference of the image that a name means: the only one where name is empty.
func (l *layoutStore) image(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	var found []string
	for _, d := range l.index.Manifests {
		if subject, err := l.subject(ctx, d); err != nil {
			return "", err
		} else if subject == nil && !signatureTag(d.Annotations[refName]) {
			found = append(found, d.Digest.String())
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%s holds %d images: name one, oci:%s:NAME", l.path, len(found), l.path)
	}
	return found[0], nil
}

func signatureTag(tag string) bool { return strings.HasPrefix(tag, "sha256-") }

func (l *layoutStore) subject(ctx context.Context, d v1.Descriptor) (*v1.Descriptor, error) {
	data, err := l.manifest(ctx, d.Digest.String())
	if err != nil {
		return nil, err
	}
	var manifest struct {
		Subject *v1.Descriptor `json:"subject"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	return manifest.Subject, nil
}

func (l *layoutStore) manifest(ctx context.Context, ref string) ([]byte, error) {
	digest, err := v1.NewHash(ref)
	if err != nil {
		for _, d := range l.index.Manifests {
			if d.Annotations[refName] == ref {
				digest = d.Digest
			}
		}
		if digest.Hex == "" {
			return nil, fmt.Errorf("%s has no %q: %w", l.path, ref, layers.ErrNotFound)
		}
	}
	r, err := l.blob(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, fmt.Errorf("manifest %s has more than %d bytes", digest, maxManifest)
	}
	if got, _, err := v1.SHA256(bytes.NewReader(data)); err != nil || got != digest {
		return nil, fmt.Errorf("%w: manifest %s holds %s", layers.ErrDigest, digest, got)
	}
	return data, nil
}

func (l *layoutStore) blob(_ context.Context, digest v1.Hash) (io.ReadCloser, error) {
	info, err := os.Stat(filepath.Join(string(l.path), "blobs", digest.Algorithm, digest.Hex))
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("blob %s: %w", digest, layers.ErrNotFound)
	}
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("blob %s is not a file", digest)
	}
	if err != nil {
		return nil, err
	}
	return l.path.Blob(digest)
}

func (l *layoutStore) referrers(ctx context.Context, digest v1.Hash) ([]v1.Hash, error) {
	var list []v1.Hash
	for _, d := range l.index.Manifests {
		subject, err := l.subject(ctx, d)
		if err != nil {
			return nil, err
		}
		if subject != nil && subject.Digest == digest {
			list = append(list, d.Digest)
		}
	}
	return list, nil
}

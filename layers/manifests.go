package layers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// referenceType is BuildKit's annotation of a manifest that is an attestation and not an image.
const (
	referenceType   = "vnd.docker.reference.type"
	attestationType = "attestation-manifest"
	unknown         = "unknown" // OS and architecture of an attestation manifest
)

// IsAttestation reports whether a manifest of an index is one of BuildKit's attestation manifests
// (docs/attestations/attestation-storage.md).
// Its platform must be unknown/unknown: a runtime selects by platform alone, and so it may run a manifest of any other platform.
func IsAttestation(d v1.Descriptor) bool {
	return d.Annotations[referenceType] == attestationType && d.Platform != nil && d.Platform.OS == unknown &&
		d.Platform.Architecture == unknown
}

// IsIndex reports whether a manifest is an image index; if not, it is the manifest of one image. declared is the media type of the
// descriptor or of the answer that the manifest came with, "" if there was none. A document that two readers could take for two kinds is
// an error (CVE-2021-41190).
func IsIndex(data []byte, declared types.MediaType) (bool, error) {
	var head struct {
		MediaType types.MediaType `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Config    json.RawMessage `json:"config"`
		Layers    json.RawMessage `json:"layers"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return false, err
	}
	if err := uniqueKeys(data); err != nil {
		return false, err
	}
	index, image := head.Manifests != nil, head.Config != nil || head.Layers != nil
	switch {
	case index && image:
		return false, errors.New("it is an image index and an image at once")
	case !index && !image:
		return false, errors.New("it is neither an image index nor an image")
	}
	for _, media := range []types.MediaType{head.MediaType, declared} {
		if index && media.IsImage() || image && media.IsIndex() {
			return false, fmt.Errorf("its content is not that of its media type %q", media)
		}
	}
	return index, nil
}

// isImage returns an error if a manifest is not that of one image.
func isImage(data []byte) error {
	index, err := IsIndex(data, "")
	if err == nil && index {
		err = errors.New("it is an image index, not an image")
	}
	return err
}

// ParseIndex reads an image index. It returns an error for any other document.
func ParseIndex(data []byte) (*v1.IndexManifest, error) {
	ok, err := IsIndex(data, "")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("it is an image, not an image index")
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(data, &index); err != nil {
		return nil, err
	}
	if len(index.Manifests) > defaultLimits.manifests {
		return nil, fmt.Errorf("it has more than %d manifests", defaultLimits.manifests)
	}
	return &index, nil
}

// LayoutIndex reads the index.json of an OCI layout directory.
func LayoutIndex(dir string) (*v1.IndexManifest, error) {
	data, err := readSmall(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, err
	}
	index, err := ParseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("reading index.json: %w", err)
	}
	return index, nil
}

// Images lists the manifests of an index that are not attestation manifests.
func Images(index *v1.IndexManifest) []v1.Descriptor {
	var list []v1.Descriptor
	for _, d := range index.Manifests {
		if !IsAttestation(d) {
			list = append(list, d)
		}
	}
	return list
}

// uniqueKeys returns an error if an object of a JSON document has a key twice. Parsers differ in which of them they take, and Go's does
// not distinguish upper and lower case. The document must be one that Unmarshal took: it bounds the depth.
func uniqueKeys(data []byte) error {
	return uniqueValue(json.NewDecoder(bytes.NewReader(data)), false)
}

// uniqueValue reads one value; exact says that its keys are any text (annotations), which differ by case.
func uniqueValue(decoder *json.Decoder, exact bool) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for decoder.More() {
		key := ""
		if open == '{' {
			token, err := decoder.Token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
			if !exact {
				key = strings.ToLower(key)
			}
			if seen[key] {
				return fmt.Errorf("it has the key %q twice", key)
			}
			seen[key] = true
		}
		if err := uniqueValue(decoder, strings.EqualFold(key, "annotations")); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

package builder

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	contentproxy "github.com/containerd/containerd/v2/core/content/proxy"
	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/layers"
)

// maxRecord is the maximum size of a blob in BuildKit's build history, in bytes.
const maxRecord = 64 << 20

// readBuildRecord returns the provenance of the last build and the digest of the platform's manifest, which is not digest if the
// result is an index. Both are empty if the engine records no builds.
func (b *build) readBuildRecord(ctx context.Context, digest string) (provenance []byte, manifest string) {
	events, err := b.opt.Engine.Client.ControlClient().ListenBuildHistory(ctx, &controlapi.BuildHistoryRequest{Ref: b.ref, EarlyExit: true})
	if err != nil {
		return nil, ""
	}
	store := contentproxy.NewContentStore(b.opt.Engine.Client.ContentClient())
	for {
		event, err := events.Recv()
		if err != nil {
			return provenance, manifest
		}
		if event.Record == nil {
			continue
		}
		for _, info := range []*controlapi.BuildResultInfo{event.Record.Result, event.Record.Results[b.platformString()]} {
			for _, a := range info.GetAttestations() {
				if strings.HasPrefix(a.Annotations["in-toto.io/predicate-type"], predicates.Provenance) {
					provenance, _ = readBlob(ctx, store, a)
				}
			}
		}
		if d := event.Record.Result.GetResultDeprecated(); d != nil && d.Digest == digest {
			manifest = b.platformManifest(ctx, store, d)
		}
	}
}

// platformManifest returns the digest of the platform's manifest: the result itself, or its entry in the index; "" if unknown.
func (b *build) platformManifest(ctx context.Context, store content.Store, d *controlapi.Descriptor) string {
	if d.MediaType != ocispecs.MediaTypeImageIndex && !strings.Contains(d.MediaType, "manifest.list") {
		return d.Digest
	}
	data, err := readBlob(ctx, store, d)
	if err != nil {
		return ""
	}
	index, err := layers.ParseIndex(data)
	if err != nil {
		return ""
	}
	for _, m := range layers.Images(index) {
		if m.Platform != nil && m.Platform.OS == b.platform.OS && m.Platform.Architecture == b.platform.Architecture {
			return m.Digest.String()
		}
	}
	return ""
}

// readBlob reads a blob of limited size.
func readBlob(ctx context.Context, store content.Store, d *controlapi.Descriptor) ([]byte, error) {
	if d.Size > maxRecord {
		return nil, fmt.Errorf("%d bytes are too many", d.Size)
	}
	return content.ReadBlob(ctx, store, ocispecs.Descriptor{Digest: digest.Digest(d.Digest), Size: d.Size, MediaType: d.MediaType})
}

package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	contentproxy "github.com/containerd/containerd/v2/core/content/proxy"
	controlapi "github.com/moby/buildkit/api/services/control"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// predicateProvenance begins the types of SLSA provenance.
const predicateProvenance = "https://slsa.dev/provenance/v1"

// maxRemembered bounds a record of BuildKit's history, in bytes.
const maxRemembered = 64 << 20

// remember asks BuildKit for what it recorded of the build: the provenance, and the digest of the platform's manifest where the result is
// an index. Engines need not keep records: what is not there is left out.
func (b *build) remember(ctx context.Context, result *Result) {
	events, err := b.opt.Engine.Client.ControlClient().ListenBuildHistory(ctx, &controlapi.BuildHistoryRequest{Ref: b.ref, EarlyExit: true})
	if err != nil {
		return
	}
	store := contentproxy.NewContentStore(b.opt.Engine.Client.ContentClient())
	for {
		event, err := events.Recv()
		if err != nil {
			return
		}
		if event.Record == nil {
			continue
		}
		for _, info := range append([]*controlapi.BuildResultInfo{event.Record.Result}, event.Record.Results[b.platformString()]) {
			for _, a := range info.GetAttestations() {
				if strings.HasPrefix(a.Annotations["in-toto.io/predicate-type"], predicateProvenance) {
					result.Provenance, _ = recall(ctx, store, a)
				}
			}
		}
		if d := event.Record.Result.GetResultDeprecated(); d != nil && d.Digest == result.Digest {
			result.Manifest = b.manifestOf(ctx, store, d)
		}
	}
}

// manifestOf is the digest of the platform's manifest: a result's own, or the one that its index has; "" where that is not known.
func (b *build) manifestOf(ctx context.Context, store content.Store, d *controlapi.Descriptor) string {
	if d.MediaType != ocispecs.MediaTypeImageIndex && !strings.Contains(d.MediaType, "manifest.list") {
		return d.Digest
	}
	data, err := recall(ctx, store, d)
	if err != nil {
		return ""
	}
	var index ocispecs.Index
	if json.Unmarshal(data, &index) != nil {
		return ""
	}
	for _, m := range index.Manifests {
		if m.Platform != nil && m.Platform.OS == b.platform.OS && m.Platform.Architecture == b.platform.Architecture {
			return m.Digest.String()
		}
	}
	return ""
}

func recall(ctx context.Context, store content.Store, d *controlapi.Descriptor) ([]byte, error) {
	if d.Size > maxRemembered {
		return nil, fmt.Errorf("%d bytes are too many", d.Size)
	}
	return content.ReadBlob(ctx, store, ocispecs.Descriptor{Digest: digest.Digest(d.Digest), Size: d.Size, MediaType: d.MediaType})
}

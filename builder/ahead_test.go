package builder

import (
	"context"
	"testing"

	"github.com/slimimage/slim/analyzer"
)

// TestCheckAhead: the image runs as an arbitrary user while it runs as its own. Where the network is shared, it does so afterwards.
func TestCheckAhead(t *testing.T) {
	for network, parallel := range map[string]bool{"none": true, "host": false} {
		both, other := context.WithCancel(t.Context())
		fake := &fakeBuildKit{t: t, observe: func(title string, _ *analyzer.Job) *analyzer.Evidence {
			switch title {
			case "check as any user":
				other()
			case "check":
				if parallel {
					<-both.Done()
				} else if both.Err() != nil {
					t.Errorf("network %s: both runs at once", network)
				}
			}
			return evidenceOf("right")
		}}
		b := testBuild(Options{Observe: ObserveOptions{Network: network}})
		b.inOrder = false
		got, err := b.shrink(t.Context(), fake, testInput(t), &observation{evidence: evidenceOf("right")})
		if err != nil || !got.verdict.OK || !got.verdict.AnyUser {
			t.Errorf("network %s: shrink() = %+v, %v", network, got.verdict, err)
		}
		other()
	}
}

// TestAheadStops: what is not needed ends, before anything else happens.
func TestAheadStops(t *testing.T) {
	ended := false
	stop := (&build{}).ahead(t.Context(), func(ctx context.Context) {
		<-ctx.Done()
		ended = true
	})
	stop()
	if !ended {
		t.Error("ahead() has not ended")
	}
}

package builder

import (
	"errors"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// imageInput is an opened input with one command and the given labels.
func imageInput(t *testing.T, labels map[string]string) *layers.Input {
	t.Helper()
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{Architecture: "amd64", OS: "linux",
		Config: v1.Config{Entrypoint: []string{"/app"}, Labels: labels}})
	if err != nil {
		t.Fatal(err)
	}
	return &layers.Input{Name: "app:1", Ref: "example/app:1", Repo: "example/app", Tag: "1", Image: image,
		Digest: v1.Hash{Algorithm: "sha256", Hex: "1"}}
}

// answering is a fake in which the slim image answers with text, and the original with "right".
func answering(t *testing.T, text string) *fakeBuildKit {
	return &fakeBuildKit{t: t, observe: func(title string, _ *analyzer.Job) *analyzer.Evidence {
		if isCheck(title) {
			return evidenceOf(text)
		}
		return evidenceOf("right")
	}}
}

func TestPipeline(t *testing.T) {
	fake := answering(t, "right")
	b := testBuild(Options{Input: imageInput(t, nil)})
	res, out, err := b.pipeline(t.Context(), fake)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(fake.titles, ", "), "observe, analyze, pack: app layer, check, check as any user"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if res.Ref == nil || len(res.Metadata[exptypes.ExporterImageConfigKey]) == 0 {
		t.Errorf("pipeline() = %+v, want one image with its config", res)
	}
	r := b.result(out)
	if r.Input != "app:1" || r.Image != "sha256:1" || r.Platform != "linux/amd64" || r.Plan == nil || r.Evidence == nil ||
		r.Verdict == nil || !r.Verdict.Confined || r.Profile == nil || r.Sizes == nil || r.Config.User != "65532:65532" {
		t.Errorf("result() = %+v", r)
	}
	if r.Unchecked != "" || r.Unobserved != "" || r.Scan != nil || r.Materials != nil ||
		r.Attested != nil || r.Digest != "" || r.Platforms != nil {
		t.Errorf("result() has outputs of stages that did not run: %+v", r)
	}
}

// What must not be exported is an error with the result in it.
func TestPipelineRefuses(t *testing.T) {
	slimmed := map[string]string{LabelSlim: analyzer.PlanSchema}
	var check *CheckError
	var strict *StrictError
	var slim *SlimmedError
	for _, test := range []struct {
		name   string
		answer string
		labels map[string]string
		opt    Options
		want   any // target of errors.As, nil for none
		reason string
	}{
		{"passes", "right", nil, Options{Strict: true}, nil, ""},
		{"fails its check", "wrong", nil, Options{}, &check, ""},
		{"fails its check, keep going", "wrong", nil, Options{KeepGoing: true}, nil, ""},
		{"strict without a check", "right", nil, Options{NoCheck: true, Strict: true}, &strict, "it was not checked"},
		{"made by slim", "right", slimmed, Options{}, &slim, ""},
		{"made by slim, forced", "right", slimmed, Options{Force: true}, nil, ""},
	} {
		test.opt.Input = imageInput(t, test.labels)
		res, out, err := testBuild(test.opt).pipeline(t.Context(), answering(t, test.answer))
		if out == nil {
			t.Fatalf("%s: no outcome", test.name)
		}
		if test.want == nil {
			if err != nil || res == nil {
				t.Errorf("%s: pipeline() = %v, %v", test.name, res, err)
			}
			continue
		}
		if !errors.As(err, test.want) || res != nil {
			t.Errorf("%s: pipeline() = %v, %v, want a %T", test.name, res, err, test.want)
		}
		if test.want == &check && (check.Result.Plan == nil || check.Result.Verdict.OK) {
			t.Errorf("%s: the error has result %+v", test.name, check.Result)
		}
		if test.want == &strict && (strict.Reason != test.reason || strict.Result.Plan == nil) {
			t.Errorf("%s: reason %q, want %q", test.name, strict.Reason, test.reason)
		}
	}
}

// An image for a platform that the engine cannot run is made from the evidence of the one that it can run, and is not run.
func TestPipelineForeignPlatform(t *testing.T) {
	engine := []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}
	fake := answering(t, "right")
	b := testBuild(Options{Input: imageInput(t, nil), Others: []Other{{Platform: "linux/arm64", Input: imageInput(t, nil)}}})
	if err := b.addOthers(engine); err != nil {
		t.Fatal(err)
	}
	res, out, err := b.pipeline(t.Context(), fake)
	if err != nil {
		t.Fatal(err)
	}
	want := "observe, analyze, pack: app layer, check, check as any user, analyze (linux/arm64), pack: app layer (linux/arm64)"
	if got := strings.Join(fake.titles, ", "); got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
	if len(res.Refs) != 2 || res.Refs["linux/arm64"] == nil ||
		!strings.Contains(string(res.Metadata[exptypes.ExporterPlatformsKey]), "linux/arm64") {
		t.Errorf("pipeline() = refs %v, platforms %s", res.Refs, res.Metadata[exptypes.ExporterPlatformsKey])
	}
	r := b.result(out)
	if len(r.Platforms) != 1 || r.Platforms[0].Platform != "linux/arm64" || r.Platforms[0].Verdict != nil {
		t.Fatalf("platforms of the result: %+v", r.Platforms)
	}
	other := r.Platforms[0]
	if other.Unchecked != "this engine runs linux/amd64, not linux/arm64" || !strings.Contains(other.Unobserved, "evidence of linux/amd64") {
		t.Errorf("unchecked %q, unobserved %q", other.Unchecked, other.Unobserved)
	}
	b.opt.Strict = true
	var strict *StrictError
	fake = answering(t, "right")
	if _, _, err := b.pipeline(t.Context(), fake); !errors.As(err, &strict) || len(fake.titles) > 0 {
		t.Errorf("pipeline() with --strict = %v after %q, want a StrictError before any step", err, fake.titles)
	}
}

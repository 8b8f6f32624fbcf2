package builder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/analyzer/printable"
)

// frontendRequest is the request to a frontend.
type frontendRequest struct {
	name   string                    // of the Dockerfile
	want   string                    // one of the want constants
	inner  map[string]string         // options for BuildKit's own Dockerfile frontend
	inputs map[string]*pb.Definition // likewise
	image  llb.State                 // of the frontend itself, with the agents
	caps   apicaps.CapSet            // what this BuildKit supports in steps
	attest bool
}

// Results of a request: the slim image, the original image, or the artifacts of the slim image.
const (
	wantSlim      = "slim"
	wantFull      = "full"
	wantArtifacts = "slim-artifacts"
)

// Frontend is the gateway function of cmd/slim-frontend: BuildKit's own Dockerfile frontend builds the Dockerfile, and the stages of
// Build follow in the same build. Its options are build arguments and the project's file (Settings). Requests other than the build of
// an image (--check, --call) go to the Dockerfile's own frontend.
func Frontend(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	d, err := openDockerfile(ctx, c)
	if err != nil {
		return nil, err
	}
	request := &frontendRequest{name: d.source.Filename, inner: d.inner(), caps: c.BuildOpts().LLBCaps}
	if request.inputs, err = inputs(ctx, c); err != nil {
		return nil, err
	}
	opt := Options{}
	if !d.passed() {
		if request.attest, err = d.settings(ctx, &opt); err != nil {
			return nil, err
		}
	}
	if request.want = d.want(); request.want == wantFull {
		return c.Solve(ctx, gateway.SolveRequest{Frontend: dockerfileFrontend, FrontendOpt: request.inner,
			FrontendInputs: request.inputs})
	}
	if request.image, err = ownImage(d.opts["source"]); err != nil {
		return nil, err
	}
	b := &build{opt: opt, runID: newRunID(), token: newRunID(), request: request, gate: &envGate{},
		agentLog: &agentLog{}, deadlines: &deadlines{}}
	if err := b.choosePlatforms(d.opts["platform"], c.BuildOpts().Workers); err != nil {
		return nil, err
	}
	return b.answer(ctx, c)
}

// answer makes the slim image and returns it or its artifacts, as requested.
func (b *build) answer(ctx context.Context, c gateway.Client) (*gateway.Result, error) {
	b.opt.Materials = b.request.want == wantArtifacts
	res, out, err := b.pipeline(ctx, c)
	if err != nil {
		return nil, &shownError{withNextStep(err)}
	}
	result := b.result(out)
	if err := b.showSummary(ctx, c, result); err != nil {
		return nil, err
	}
	if b.request.want != wantArtifacts {
		return res, nil
	}
	files, err := Artifacts(result, "")
	if err != nil {
		return nil, err
	}
	if files["report.json"], err = reportJSON(result); err != nil {
		return nil, err
	}
	state := llb.Scratch()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		state = state.File(llb.Mkfile("/"+name, 0o644, files[name]), llb.WithCustomName("[slim] write "+name))
	}
	ref, err := b.solve(ctx, c, state)
	if err != nil {
		return nil, fmt.Errorf("writing the artifacts: %w", err)
	}
	res = gateway.NewResult()
	res.SetRef(ref)
	return res, nil
}

// showSummary shows the result in the build's progress, as the name of a step: every client shows the names of steps.
func (b *build) showSummary(ctx context.Context, c gateway.Client, result *Result) error {
	text := summary(result)
	state := llb.Scratch().File(llb.Mkfile("/summary", 0o644, []byte(text)), titled(text))
	_, err := b.solve(ctx, c, state)
	return err
}

func summary(r *Result) string {
	text := fmt.Sprintf("%.1f MB -> %.1f MB, user %s", float64(r.SizeBefore)/1e6, float64(r.SizeAfter)/1e6, r.Config.User)
	switch v := r.Verdict; {
	case v == nil && r.Unchecked != "":
		text += "; not checked: " + r.Unchecked
	case v == nil:
		text += "; not checked"
	case v.Confined:
		text += "; checked under its own profile: " + v.Outcome(r.Evidence)
	default:
		text += "; checked without its profile: " + v.Outcome(r.Evidence)
	}
	return printable.Text(text)
}

// maxDifferences is how many differences an error lists.
const maxDifferences = 5

// shownError is an error whose lines a client may print as they are.
type shownError struct{ err error }

func (e *shownError) Unwrap() error { return e.err }

func (e *shownError) Error() string {
	lines := strings.Split(e.err.Error(), "\n")
	for i, line := range lines {
		lines[i] = printable.Output(line)
	}
	return strings.Join(lines, "\n")
}

// withNextStep adds details and the next step to the text of an error, which the command line prints separately.
func withNextStep(err error) error {
	var check *CheckError
	var observed *ObservationError
	var strict *StrictError
	var idle *ExerciseError
	switch {
	case errors.As(err, &check):
		var lines []string
		for i, d := range check.Result.Verdict.Differences {
			if i == maxDifferences {
				lines = append(lines, "...")
				break
			}
			lines = append(lines, fmt.Sprintf("%s, %s: %s: %q instead of %q", d.Run, d.Probe, d.What, d.Got, d.Want))
		}
		return fmt.Errorf("%w\n%s\nnext: --build-arg SLIM_INCLUDE=PATH or SLIM_KEEP=package; --target %s builds the image as it is",
			err, strings.Join(lines, "\n"), wantFull)
	case errors.As(err, &observed):
		return fmt.Errorf("%w\nnext: give it what it needs with --build-arg SLIM_NETWORK=default, SLIM_TIMEOUT or SLIM_RUN; "+
			"--target %s builds it as it is", err, wantFull)
	case errors.As(err, &idle):
		return fmt.Errorf("%w\nnext: --build-arg SLIM_RUN=ARGS; --target %s builds it as it is", err, wantFull)
	case errors.As(err, &strict):
		return fmt.Errorf("%w\nnext: remove SLIM_STRICT, or fix the cause", err)
	}
	return err
}

// metadataFile holds the graph that the frontend's own image came from (BuildKit, frontend/gateway/gateway.go, metadataMount).
const metadataFile = "/run/config/buildkit/metadata/frontend.bin"

// ownImage is the image of this frontend: from the graph that BuildKit provides, or by its name if BuildKit is too old for that.
func ownImage(source string) (llb.State, error) {
	if data, err := os.ReadFile(metadataFile); err == nil {
		def := &pb.Definition{}
		if err := def.UnmarshalVT(data); err != nil {
			return llb.State{}, fmt.Errorf("reading the graph of the frontend's image: %w", err)
		}
		op, err := llb.NewDefinitionOp(def)
		if err != nil {
			return llb.State{}, fmt.Errorf("reading the graph of the frontend's image: %w", err)
		}
		return llb.NewState(op.Output()), nil
	}
	if source == "" {
		return llb.State{}, errors.New("this program is a frontend for BuildKit: " +
			"name its image in the first line of a Dockerfile, # syntax=IMAGE")
	}
	return llb.Image(source), nil
}

// inputs are the states that a client passed as contexts.
func inputs(ctx context.Context, c gateway.Client) (map[string]*pb.Definition, error) {
	caps := c.BuildOpts().Caps
	if caps.Supports(gatewaypb.CapFrontendInputs) != nil {
		return nil, nil
	}
	states, err := c.Inputs(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the inputs of the build: %w", err)
	}
	all := map[string]*pb.Definition{}
	for name, state := range states {
		def, err := state.Marshal(ctx)
		if err != nil {
			return nil, fmt.Errorf("reading input %s: %w", name, err)
		}
		all[name] = def.ToPB()
	}
	return all, nil
}

// choosePlatforms selects the requested platforms, or the engine's own.
func (b *build) choosePlatforms(asked string, workers []gateway.WorkerInfo) error {
	var engine []ocispecs.Platform
	if len(workers) > 0 {
		engine = workers[0].Platforms
	}
	list, err := SplitPlatforms(asked, engine)
	if err != nil {
		return err
	}
	b.platform = ownPlatform(engine)
	if len(list) > 0 {
		if b.platform, err = platforms.Parse(list[0]); err != nil {
			return fmt.Errorf("platform %q: %w", list[0], err)
		}
		for _, other := range list[1:] {
			b.opt.Others = append(b.opt.Others, Other{Platform: other})
		}
	}
	b.chooseSteps(engine)
	return b.addOthers(engine)
}

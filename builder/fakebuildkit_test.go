package builder

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/tonistiigi/fsutil/types"
	"google.golang.org/protobuf/proto"

	"github.com/slimimage/slim/analyzer"
)

// fakeBuildKit is a gateway client that plays the agent: it decodes the graph of each solve and answers its last step.
type fakeBuildKit struct {
	gateway.Client
	t *testing.T
	// observe returns what a run of an image observed; title is the name of the step.
	observe func(title string, job *analyzer.Job) *analyzer.Evidence
	// analyze returns the plan, planOf when nil.
	analyze func(req *analyzer.Request) *analyzer.Plan

	mu       sync.Mutex
	titles   []string // of the solved steps, in order
	requests []*analyzer.Request
	failures []error         // of the first runs
	solved   map[string]step // by title
}

// step is the last step of a graph.
type step struct {
	title string
	exec  *pb.ExecOp
	files map[string][]byte // made for its input directory
}

func (f *fakeBuildKit) BuildOpts() gateway.BuildOpts { return gateway.BuildOpts{} }

func (f *fakeBuildKit) Solve(_ context.Context, req gateway.SolveRequest) (*gateway.Result, error) {
	s, err := lastStep(req.Definition)
	if err != nil {
		return nil, err
	}
	f.record(s)
	files := map[string][]byte{}
	if s.exec != nil {
		if files, err = f.run(s); err != nil {
			return nil, err
		}
	}
	res := gateway.NewResult()
	res.SetRef(&fakeRef{files: files})
	return res, nil
}

// record notes a step that is solved.
func (f *fakeBuildKit) record(s step) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.title != "" { // an image that is only looked into has none
		f.titles = append(f.titles, s.title)
	}
	if f.solved == nil {
		f.solved = map[string]step{}
	}
	f.solved[s.title] = s
}

// failure is the error of the next run, nil if it succeeds.
func (f *fakeBuildKit) failure() (err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failures) > 0 {
		err, f.failures = f.failures[0], f.failures[1:]
	}
	return err
}

// run does what the agent does in a step.
func (f *fakeBuildKit) run(s step) (map[string][]byte, error) {
	switch command := s.exec.Meta.Args[1]; command {
	case "observe":
		if err := f.failure(); err != nil {
			return nil, err
		}
		var job analyzer.Job
		if err := json.Unmarshal(s.files["/job.json"], &job); err != nil {
			return nil, err
		}
		data, err := json.Marshal(f.observe(s.title, &job))
		return map[string][]byte{"evidence.json": data, "run-id": []byte(s.exec.Meta.ProxyEnv.FtpProxy)}, err
	case "analyze":
		req := &analyzer.Request{}
		if err := json.Unmarshal(s.files["/request.json"], req); err != nil {
			return nil, err
		}
		f.mu.Lock()
		f.requests = append(f.requests, req)
		f.mu.Unlock()
		make := f.analyze
		if make == nil {
			make = planOf
		}
		data, err := json.Marshal(make(req))
		return map[string][]byte{"plan.json": data}, err
	case "pack":
		return nil, nil
	default:
		return nil, errors.New("unexpected command " + command)
	}
}

// lastStep decodes the step whose result a graph gives, with the files that were made for it.
func lastStep(def *pb.Definition) (s step, err error) {
	ops := map[string]*pb.Op{}
	var last *pb.Op
	for _, data := range def.Def {
		last = &pb.Op{}
		if err := proto.Unmarshal(data, last); err != nil {
			return s, err
		}
		ops[digest.FromBytes(data).String()] = last
	}
	if len(last.Inputs) != 1 {
		return s, errors.New("the graph has no single result")
	}
	at := accepted(ops, last.Inputs[0].Digest)
	if ops[at].GetSource() != nil {
		return s, nil
	}
	s.title = strings.TrimPrefix(def.Metadata[at].Description["llb.customname"], "[slim] ")
	s.files = map[string][]byte{}
	if s.exec = ops[at].GetExec(); s.exec == nil {
		madeFiles(ops, ops[at], s.files)
		return s, nil
	}
	for _, mount := range s.exec.Mounts {
		if mount.Dest == inDir && mount.Input >= 0 {
			madeFiles(ops, ops[ops[at].Inputs[mount.Input].Digest], s.files)
		}
	}
	return s, nil
}

// accepted is the step whose evidence a step accepts; any other step is itself.
func accepted(ops map[string]*pb.Op, at string) string {
	exec := ops[at].GetExec()
	if exec == nil || exec.Meta.Args[1] != "accept" {
		return at
	}
	for _, mount := range exec.Mounts {
		if mount.Dest == inDir {
			return ops[at].Inputs[mount.Input].Digest
		}
	}
	return at
}

// madeFiles collects the files that a chain of file operations makes.
func madeFiles(ops map[string]*pb.Op, op *pb.Op, files map[string][]byte) {
	if op.GetFile() == nil {
		return
	}
	for _, input := range op.Inputs {
		madeFiles(ops, ops[input.Digest], files)
	}
	for _, action := range op.GetFile().Actions {
		if made := action.GetMkfile(); made != nil {
			files[made.Path] = made.Data
		}
	}
}

// fakeRef is the result of a step.
type fakeRef struct {
	gateway.Reference
	files map[string][]byte
}

func (r *fakeRef) StatFile(_ context.Context, req gateway.StatRequest) (*types.Stat, error) {
	data, ok := r.files[path.Clean(req.Path)]
	if !ok {
		return nil, errors.New(req.Path + ": no such file")
	}
	return &types.Stat{Path: req.Path, Size: int64(len(data))}, nil
}

func (r *fakeRef) ReadFile(_ context.Context, req gateway.ReadRequest) ([]byte, error) {
	data, ok := r.files[path.Clean(req.Filename)]
	if !ok {
		return nil, errors.New(req.Filename + ": no such file")
	}
	if req.Range == nil {
		return data, nil
	}
	data = data[min(req.Range.Offset, len(data)):]
	return data[:min(req.Range.Length, len(data))], nil
}

// evidenceOf is the evidence of a command that printed text.
func evidenceOf(text string) *analyzer.Evidence {
	e := &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: "sha256:1", Platform: "linux/amd64",
		Runs: []analyzer.Run{{Name: analyzer.DefaultRun, Kind: analyzer.KindCommand, Argv: []string{"/app"},
			Answers: []analyzer.Answer{{Probe: "output", OK: true, Body: []byte(text), Size: int64(len(text)),
				SHA256: digest.FromString(text).Encoded()}}}},
		Paths:     []analyzer.PathUse{{Path: "app", Ops: []analyzer.Op{analyzer.OpExec}}},
		Processes: []analyzer.Process{{Exe: "app", Argv: []string{"/app"}, UID: 65532, GID: 65532, From: 65532}}}
	e.Normalize()
	return e
}

// planOf is the plan of an image with one program and a directory that is not empty.
func planOf(req *analyzer.Request) *analyzer.Plan {
	why := []analyzer.Reason{{Rule: "opened"}}
	plan := &analyzer.Plan{Schema: analyzer.PlanSchema, Image: req.Image, Platform: req.Platform, Options: req.Options,
		User:   analyzer.User{UID: 65532, GID: 65532, Reason: "the default"},
		Layers: []analyzer.Layer{{Name: "app"}},
		Files: []analyzer.File{{Path: "app", Kind: "file", Reasons: why}, {Path: "srv", Kind: "dir", Reasons: why},
			{Path: "srv/data", Kind: "dir", Reasons: why}, {Path: "srv/data/x", Kind: "file", Reasons: why}}}
	if req.NeedsRoot != "" {
		plan.User = analyzer.User{Reason: req.NeedsRoot}
	}
	return plan
}

// testBuild is a build for linux/amd64 without an engine.
func testBuild(opt Options) *build {
	amd64 := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	return &build{opt: opt, platform: amd64, steps: amd64, inOrder: true, runID: "test-run", token: "test-token", gate: &envGate{},
		agentLog: &agentLog{}, deadlines: &deadlines{}}
}

// testInput is an image with one command.
func testInput(t *testing.T) input {
	t.Helper()
	config, err := parseConfig([]byte(`{"architecture":"amd64","os":"linux","config":{"Entrypoint":["/app"]}}`))
	if err != nil {
		t.Fatal(err)
	}
	return input{state: llb.Image("example/app:1"), config: config, digest: "sha256:1"}
}

package builder

import (
	"slices"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/solver/pb"
)

// Stage is a part of the work, as a display of the progress shows it.
type Stage string

// The stages, in the order in which they begin. A repair begins again with StageAnalyze. StageScan is there with Options.Scan only,
// StageUpdate with
// Options.Update.
const (
	StageImport  Stage = "import" // of the image, or its build from a Dockerfile
	StageObserve Stage = "observe"
	StageUpdate  Stage = "update"
	StageAnalyze Stage = "analyze"
	StagePack    Stage = "pack"
	StageCheck   Stage = "check"
	StageScan    Stage = "scan"
	StageExport  Stage = "export" // with the statements about the image, and its lock
)

// Stages are all of them in their order.
func Stages() []Stage {
	return []Stage{StageImport, StageObserve, StageUpdate, StageAnalyze, StagePack, StageCheck, StageScan, StageExport}
}

// Prefixes of the identifiers of progress groups, before the stage: BuildKit hands a step's group to its clients.
const (
	wholeGroup = "slim.stage." // of a vertex that is a stage itself (StageVertex)
	stepGroup  = "slim.step."  // of a step of BuildKit in a stage
)

// StageVertex makes a vertex of BuildKit's progress the one of a whole stage.
func StageVertex(v *bkclient.Vertex, stage Stage) {
	v.ProgressGroup = &pb.ProgressGroup{Id: wholeGroup + string(stage), Name: string(stage)}
}

// StageOf is the stage that a vertex belongs to, and whether it is the whole stage. The stage is "" for what slim did not make: the steps
// of a Dockerfile, and those with which BuildKit exports.
func StageOf(v *bkclient.Vertex) (stage Stage, whole bool) {
	id := v.ProgressGroup.GetId()
	name, whole := strings.CutPrefix(id, wholeGroup)
	if !whole {
		name, _ = strings.CutPrefix(id, stepGroup)
	}
	if !slices.Contains(Stages(), Stage(name)) {
		return "", false
	}
	return Stage(name), whole
}

// inStage gives the steps of a graph the stage that the build is in, where they have none. In a frontend they have none: the clients of
// BuildKit show a group in place of its steps.
func (b *build) inStage() llb.ConstraintsOpt {
	if b.request != nil || b.stage == "" {
		return llb.WithDescription(nil)
	}
	return llb.ProgressGroup(stepGroup+string(b.stage), string(b.stage), false)
}

// step begins a part of a stage for the display; the function that it returns ends it.
func (b *build) step(stage Stage, title string) func(error) {
	b.stage = stage
	if b.opt.Step != nil {
		if done := b.opt.Step(stage, title); done != nil {
			return done
		}
	}
	return func(error) {}
}

// StepTitle is the name of a step without the mark of slim's own steps.
func StepTitle(v *bkclient.Vertex) string { return strings.TrimPrefix(v.Name, stepMark) }

package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/compare"
	"github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder/agent"
)

// maxUpdates is how often an image is updated again because the slim image of the updated one keeps further packages.
const maxUpdates = 3

// maxReport is the maximum size of the report of an update, in bytes.
const maxReport = 16 << 20

// UpdateOptions says which packages are updated before the image is made slim. The zero value updates none.
type UpdateOptions struct {
	Mode    string // of package update: "security", "fixable" or "all"; "" for no update
	Network string // of the step that fetches packages, as Dockerfile.Network
	From    string // reference of a helper image, whose package manager updates an image that has none; "" for the image's own
}

// updated says how an input differs from the image as it was given.
type updated struct {
	mode   string // UpdateOptions.Mode
	given  input
	seen   *observation // of the image as it was given, nil in a replay
	report *update.Report
}

// origin is the image as it was given.
func (in *input) origin() input {
	if in.update != nil {
		return in.update.given
	}
	return *in
}

// versions are those of the updated packages before and after.
func (in *input) versions() []compare.Version {
	if in.update == nil {
		return nil
	}
	var list []compare.Version
	for _, c := range in.update.report.Changes {
		list = append(list, compare.Version{Before: c.Before, After: c.After})
	}
	return list
}

// updateInput brings the packages that the slim image keeps up to date, and observes the updated image, whose answers must be those of the
// image as it was given. Both replace those of the outcome.
func (b *build) updateInput(ctx context.Context, c gateway.Client, out *outcome) error {
	if b.opt.Update.Mode == "" {
		return nil
	}
	if b.foreign {
		return &update.Error{Reason: "an image that this engine cannot run is not updated: " + b.whyNotRun(),
			Next: "update it on an engine of its platform"}
	}
	given, seen := out.in, out.seen
	out.updates = &Updated{Mode: b.opt.Update.Mode, Packages: []UpdatedPackage{}}
	fixable := sync.OnceValues(func() (map[string]bool, error) { return b.fixable(ctx, c, given) })
	var wanted []update.Package
	for range maxUpdates {
		more, err := b.toUpdate(ctx, c, out, fixable)
		if err != nil {
			return err
		}
		before := len(wanted)
		if wanted = union(wanted, more); len(wanted) == before {
			return nil
		}
		report, files, err := b.fetch(ctx, c, given, update.Request{Schema: update.RequestSchema, Mode: update.Mode(b.opt.Update.Mode),
			Wanted: wanted})
		if err != nil {
			return err
		}
		out.updates.Manager, out.updates.Note = report.Manager, report.Note
		if out.in.update != nil && len(report.Changes) == len(out.in.update.report.Changes) || len(report.Changes) == 0 {
			return nil
		}
		if out.in, err = b.install(ctx, c, given, report, files); err != nil {
			return err
		}
		out.in.update.seen = seen
		if err := b.observeUpdated(ctx, c, given, seen, out); err != nil {
			return err
		}
	}
	return nil
}

// union adds the packages of another list that a sorted list does not have.
func union(list, more []update.Package) []update.Package {
	all := slices.Concat(list, more)
	slices.SortFunc(all, func(a, b update.Package) int {
		return strings.Compare(a.Name+" "+a.Arch, b.Name+" "+b.Arch)
	})
	return slices.CompactFunc(all, func(a, b update.Package) bool { return a.Name == b.Name && a.Arch == b.Arch })
}

// toUpdate lists the packages of which the slim image keeps files; of these the fixable ones, if there is a list of them.
func (b *build) toUpdate(ctx context.Context, c gateway.Client, out *outcome,
	fixable func() (map[string]bool, error)) ([]update.Package, error) {
	plan, err := b.analyze(ctx, c, out.in, out.seen, analyzer.Findings{})
	if err != nil {
		return nil, err
	}
	if out.in.update == nil {
		out.updates.Given = plan.Before
	}
	only, err := fixable()
	if err != nil {
		return nil, err
	}
	var list []update.Package
	for _, pkg := range plan.Packages {
		if only == nil || only[pkg.Name] {
			list = append(list, update.Package{Name: pkg.Name, Arch: pkg.Arch})
		}
	}
	return list, nil
}

// fixable are the names of the distribution's packages with a known vulnerability that a newer version fixes, for the mode fixable; nil for
// the others.
func (b *build) fixable(ctx context.Context, c gateway.Client, given input) (map[string]bool, error) {
	if b.opt.Update.Mode != string(update.Fixable) {
		return nil, nil
	}
	if b.opt.Scan == nil {
		return nil, errors.New("without a database of vulnerabilities, nothing is known to be fixable")
	}
	subject, _, err := b.subject(ctx, c, given.state, "list packages of the original")
	if err != nil {
		return nil, err
	}
	found, err := b.opt.Scan.Database.Search(ctx, subject.Packages)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, f := range found[0].Findings {
		if f.Fixed != "" && f.Package.OfDistribution() {
			names[f.Package.Name] = true
		}
	}
	return names, nil
}

// fetch runs the step that fetches package files, and returns its report and the directory that it wrote.
func (b *build) fetch(ctx context.Context, c gateway.Client, given input, req update.Request) (r *update.Report, dir llb.State, err error) {
	done := b.step(StageUpdate, "fetch updates")
	defer func() { done(err) }()
	req.Epoch = b.epoch(given)
	if err := b.openHelper(ctx, c); err != nil {
		return nil, dir, err
	}
	fresh := len(req.Changes) == 0 // what a repository has now is not in BuildKit's cache; what a lock names may be
	for {
		if dir, err = b.fetchState(given.state, req, fresh); err != nil {
			return nil, dir, err
		}
		ref, err := b.solve(ctx, c, dir)
		if err != nil {
			return nil, dir, b.stageError(ctx, "fetching updates", err)
		}
		data, err := readUpTo(ctx, ref, update.ReportFile, maxReport)
		if err != nil {
			return nil, dir, err
		}
		if r, err = update.ReadReport(data); err != nil {
			return nil, dir, fmt.Errorf("fetching updates: %w", err)
		}
		if r.Failure == nil {
			return r, dir, nil
		}
		if fresh { // else it may be of another day
			return nil, dir, r.Failure
		}
		fresh = true
	}
}

func (b *build) fetchState(root llb.State, req update.Request, fresh bool) (llb.State, error) {
	data, err := json.Marshal(req)
	if err != nil {
		return llb.State{}, fmt.Errorf("writing the request: %w", err)
	}
	network := pb.NetMode_UNSET
	switch b.opt.Update.Network {
	case "none":
		network = pb.NetMode_NONE
	case "host":
		network = pb.NetMode_HOST
	}
	in := llb.Scratch().File(llb.Mkfile("/"+update.RequestFile, 0o644, data), b.named("fetch updates: the request"))
	if fresh { // of another content than that of any other build; but a lock solves this one again
		in = in.File(llb.Mkfile("/run-id", 0o644, []byte(b.runID)), b.named("fetch updates: the run"))
	}
	opts := append(b.updateRun("fetch"), llb.AddMount(inDir, in, llb.Readonly), llb.Network(network), titled("fetch updates"))
	run := b.updater(root).Run(opts...)
	if b.helper != nil {
		run.AddMount(updateDir, root) // what the helper's package manager writes there ends with the step
	}
	return run.AddMount(outDir, llb.Scratch()), nil
}

// updateDir is where the image is while the package manager of a helper image updates it.
const updateDir = "/.slim/image"

// updater is the root filesystem whose package manager updates an image.
func (b *build) updater(root llb.State) llb.State {
	if b.helper != nil {
		return *b.helper
	}
	return root
}

// openHelper resolves --update-from.
func (b *build) openHelper(ctx context.Context, c gateway.Client) error {
	if b.opt.Update.From == "" || b.helper != nil {
		return nil
	}
	state, _, err := b.resolve(ctx, c, b.opt.Update.From)
	if err != nil {
		return fmt.Errorf("resolving the helper image %s: %w", b.opt.Update.From, err)
	}
	b.helper = &state
	return nil
}

// updateRun are the options of both steps of an update, which run the agent in the image, or in the helper image, as root.
func (b *build) updateRun(phase string) []llb.RunOption {
	args := []string{binDir + "/" + agent.Name, "update", "--phase", phase, "--in", inDir, "--out", outDir}
	if b.helper != nil {
		args = append(args, "--root", updateDir)
	}
	return []llb.RunOption{
		llb.Args(args),
		b.agentMount(),
		llb.Dir("/"),
		llb.User("0:0"), // with the group: an older BuildKit looks a lone number up in /etc/passwd
		b.platformOption(),
	}
}

// install runs the step that installs package files, and returns the updated image. Its key in BuildKit's cache has the content of the
// files, and not how they were fetched.
func (b *build) install(ctx context.Context, c gateway.Client, given input, report *update.Report, files llb.State) (in input, err error) {
	done := b.step(StageUpdate, fmt.Sprintf("install %d updates", len(report.Changes)))
	defer func() { done(err) }()
	req := update.Request{Schema: update.RequestSchema, Changes: report.Changes, Epoch: b.epoch(given)}
	data, err := json.Marshal(req)
	if err != nil {
		return in, fmt.Errorf("writing the request: %w", err)
	}
	dir := llb.Scratch().File(llb.Mkfile("/"+update.RequestFile, 0o644, data).Mkdir("/"+update.FilesDir, 0o755),
		b.named("install updates: the request"))
	opts := append(b.updateRun("install"), llb.AddMount(inDir, dir, llb.Readonly),
		llb.AddMount(inDir+"/"+update.FilesDir, files, llb.Readonly, llb.SourcePath("/"+update.FilesDir)),
		llb.Network(pb.NetMode_NONE), titled("install updates"))
	run := b.updater(given.state).Run(opts...)
	run.AddMount(outDir, llb.Scratch())
	in = given
	if b.helper != nil {
		in.state = run.AddMount(updateDir, given.state)
	} else {
		in.state = llb.NewState(run.Root().Output())
	}
	in.digest = updatedDigest(given.digest, report.Changes)
	in.update = &updated{mode: b.opt.Update.Mode, given: given, report: report}
	if _, err := b.solve(ctx, c, in.state); err != nil {
		return in, b.stageError(ctx, "installing updates", err)
	}
	return in, nil
}

// updatedDigest identifies an image with updated packages: by the image and the package files.
func updatedDigest(given string, changes []update.Change) string {
	list := []string{given}
	for _, c := range changes {
		list = append(list, c.Checksum)
	}
	return digestOf(list)
}

// observeUpdated runs the updated image and compares its answers with those of the image as it was given.
func (b *build) observeUpdated(ctx context.Context, c gateway.Client, given input, seen *observation, out *outcome) error {
	after, err := b.observe(ctx, c, out.in, nil)
	var failed *ObservationError
	if err != nil && (!errors.As(err, &failed) || after == nil) {
		return err
	}
	out.seen = after
	k := &checker{build: b, client: c, in: given, original: seen.evidence, answers: seen.evidence, versions: out.in.versions()}
	verdict, _, err := k.judge(ctx, func(number int) (*analyzer.Evidence, error) {
		if number == 0 {
			return after.evidence, nil
		}
		return k.repeat(ctx, out.in.state, out.in.config, nil, "observe the updated image", number, seen.evidence)
	})
	if err != nil {
		return err
	}
	if !verdict.OK && !b.opt.KeepGoing {
		return &UpdateError{Verdict: verdict, Changes: out.in.update.report.Changes}
	}
	return nil
}

// reference is the evidence that the slim image must agree with: that of the updated image, with the answers of the image as it was given.
func (in *input) reference(seen *analyzer.Evidence) *analyzer.Evidence {
	if in.update == nil || in.update.seen == nil {
		return seen
	}
	all := *seen
	all.Runs = in.update.seen.evidence.Runs
	return &all
}

// UpdateError says that the updated image does not answer like the image as it was given. Exit code 3; nothing was exported.
type UpdateError struct {
	Verdict *analyzer.Verdict
	Changes []update.Change
}

func (e *UpdateError) Error() string {
	what := "an answer"
	if len(e.Verdict.Differences) > 0 {
		what = e.Verdict.Differences[0].String()
	}
	var names []string
	for i, change := range e.Changes {
		if i == maxDifferences {
			names = append(names, fmt.Sprintf("and %d more", len(e.Changes)-i))
			break
		}
		names = append(names, fmt.Sprintf("%s %s to %s", change.Name, change.Before, change.After))
	}
	return fmt.Sprintf("the update changes what the image answers: %s (updated: %s)", what, strings.Join(names, ", "))
}

// Hint is the next step.
func (e *UpdateError) Hint() string {
	return "without --update the image is built as it is; --update=security or --update=fixable update fewer packages than --update=all"
}

// label sets LabelUpdate among the labels of an image; nil removes it.
func (u *updated) label(labels map[string]string) {
	delete(labels, LabelUpdate)
	switch {
	case u == nil:
	case len(u.report.Changes) == 1:
		labels[LabelUpdate] = u.mode + ": 1 package"
	default:
		labels[LabelUpdate] = fmt.Sprintf("%s: %d packages", u.mode, len(u.report.Changes))
	}
}

// updateLocked makes the update of a lock again: exactly its packages, in its versions.
func (b *build) updateLocked(ctx context.Context, c gateway.Client, out *outcome) error {
	locked := b.opt.Locked.Update
	if locked == nil {
		return nil
	}
	out.updates = &Updated{Mode: b.opt.Update.Mode, Manager: locked.Manager, Packages: []UpdatedPackage{}}
	if len(locked.Changes) == 0 {
		return nil
	}
	out.updates.Note = locked.Note
	given := out.in
	req := update.Request{Schema: update.RequestSchema, Mode: update.Mode(b.opt.Update.Mode), Changes: locked.Changes}
	report, files, err := b.fetch(ctx, c, given, req)
	if err != nil {
		return err
	}
	out.in, err = b.install(ctx, c, given, report, files)
	return err
}

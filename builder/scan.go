package builder

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/gosymbols"
	"github.com/slimimage/slim/analyzer/predicates"
	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder/agent"
)

// Scan configures the search for known vulnerabilities in the original and the slim image.
type Scan struct {
	Database *vuln.Database
	Facts    vuln.Facts // the configuration and the day
	FailOn   string     // level of open findings with which nothing is exported; "" for none
}

// fileInventory is the agent's list of packages for the search.
const fileInventory = "inventory.json"

// Names of a scan's files among the artifacts.
const (
	fileScan         = "scan.json"
	fileSARIF        = "scan.sarif"
	fileOpenVEX      = "vex.openvex.json"
	fileCycloneDXVEX = "vex.cdx.json"
)

// scan searches the original and the slim image for known vulnerabilities and compares them. A step lists the packages of the images;
// the database is the client's. For an open finding that Scan.FailOn forbids, it returns the report and an error.
func (b *build) scan(ctx context.Context, c gateway.Client, in input, slim candidate) (report *vuln.Report, err error) {
	if b.opt.Scan == nil {
		return nil, nil
	}
	done := b.step(StageScan, "scan for vulnerabilities")
	defer func() { done(err) }()
	after, doubts, err := b.subject(ctx, c, slim.image.state, listTitle, b.materialArgs(slim.plan.Plan, slim.image)...)
	if err != nil {
		return nil, err
	}
	before, _, err := b.subject(ctx, c, in.origin().state, "list packages of the original")
	if err != nil {
		return nil, err
	}
	after.Files, before.Files = pathsOf(slim.plan.Plan)
	facts := b.opt.Scan.Facts
	facts.Symbols = func(ctx context.Context, questions []gosymbols.Question) ([]gosymbols.Answer, error) {
		return b.symbols(ctx, c, slim.image.state, questions)
	}
	report, err = vuln.Review(ctx, b.opt.Scan.Database, after, &before, facts)
	if err != nil {
		return nil, err
	}
	report.Notes = append(report.Notes, doubts...)
	return report, report.Gate(b.opt.Scan.FailOn)
}

// symbols asks a step which functions the Go programs of an image have.
func (b *build) symbols(ctx context.Context, c gateway.Client, image llb.State,
	questions []gosymbols.Question) ([]gosymbols.Answer, error) {
	data, err := json.Marshal(questions)
	if err != nil {
		return nil, fmt.Errorf("writing the questions: %w", err)
	}
	const step = "look for functions in Go programs"
	in := llb.Scratch().File(llb.Mkfile("/questions.json", 0o644, data), b.named(step+": the questions"))
	run := llb.Scratch().Run(
		llb.Args([]string{binDir + "/" + agent.Name, "symbols", "--src", srcDir, "--in", inDir + "/questions.json", "--out",
			outDir + "/answers.json"}),
		b.agentMount(),
		b.sourceMount(image),
		llb.AddMount(inDir, in, llb.Readonly),
		llb.Network(pb.NetMode_NONE),
		b.named(step),
		b.platformOption(),
	)
	ref, err := b.solve(ctx, c, run.AddMount(outDir, llb.Scratch()))
	if err != nil {
		return nil, b.stageError(ctx, "looking for functions in Go programs", err)
	}
	if data, err = readFile(ctx, ref, "answers.json"); err != nil {
		return nil, err
	}
	return gosymbols.ReadAnswers(data, len(questions))
}

// pathsOf are the paths of the slim image and of the original without directories, sorted.
func pathsOf(plan *analyzer.Plan) (after, before []string) {
	for _, f := range plan.Files {
		if f.Kind == "dir" {
			continue
		}
		after = append(after, string(f.Path))
		if !f.New {
			before = append(before, string(f.Path))
		}
	}
	for _, f := range plan.Dropped {
		before = append(before, string(f.Path))
	}
	slices.Sort(after)
	slices.Sort(before)
	return after, before
}

// vexStatements makes the two VEX documents about a result. Without statements it makes none: OpenVEX does not allow an empty document.
// Documents without a digest are for an attestation, whose subject has it.
func vexStatements(report *vuln.Report, product vex.Product, at time.Time) (map[string][]byte, error) {
	statements := vex.Statements(report)
	opt := vex.Options{Timestamp: at, Enclosed: product.Digest == "", Incomplete: report.Incomplete, Removed: vex.Removed(report)}
	files := map[string][]byte{}
	if len(statements) == 0 {
		return files, nil
	}
	writers := map[string]func([]vex.Statement, vex.Product, vex.Options) ([]byte, error){
		fileOpenVEX: vex.OpenVEX, fileCycloneDXVEX: vex.CycloneDX}
	for name, write := range writers {
		data, err := write(statements, product, opt)
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		files[name] = data
	}
	return files, nil
}

// scanStatements are the statements of a scan for BuildKit to attach. The digest of the image is not known before the export.
func (b *build) scanStatements(result *Result) ([]attestation, error) {
	if result.Scan == nil {
		return nil, nil
	}
	product := result.product(b.platform.Architecture, b.opt.Export.Names)
	files, err := vexStatements(result.Scan, product, result.scanned)
	if err != nil {
		return nil, err
	}
	sarif, err := vuln.SARIF(result.Scan, product.Repository, "")
	list := []attestation{{predicates.SARIF, fileSARIF, sarif}} // what DevGuard's pipelines attest
	if len(files) > 0 {
		list = append(list, attestation{predicates.OpenVEX, fileOpenVEX, files[fileOpenVEX]},
			attestation{predicates.CycloneDXVEX, fileCycloneDXVEX, files[fileCycloneDXVEX]})
	}
	return list, err
}

// product identifies the slim image by its first name, and by its digests if they are known.
func (r *Result) product(arch string, names []string) vex.Product {
	p := vex.Product{Repository: "slim", Digest: r.Digest, Arch: arch}
	if len(names) > 0 {
		p.Repository, p.Tag = splitName(names[0])
	}
	if r.Manifest != "" && r.Manifest != r.Digest {
		p.Platforms = []string{r.Manifest}
	}
	return p
}

// subject returns the packages of an image as the agent lists them, and the agent's doubts.
func (b *build) subject(ctx context.Context, c gateway.Client, state llb.State, step string,
	args ...string) (s vuln.Subject, doubts []string, err error) {
	ref, err := b.list(ctx, c, state, step, args...)
	if err != nil {
		return s, nil, err
	}
	data, err := readFile(ctx, ref, fileInventory)
	if err != nil {
		return s, nil, err
	}
	inventory, err := sbom.ReadInventory(data)
	if err != nil {
		return s, nil, err
	}
	s, doubts = vuln.FromInventory(inventory)
	return s, doubts, nil
}

package builder

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/moby/buildkit/solver/pb"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/builder/agent"
)

// Names of the bills of materials among the artifacts.
const (
	fileCycloneDX = "sbom.cyclonedx.json"
	fileSPDX      = "sbom.spdx.json"
)

// unset is the time that the step writes into the documents. With the real time, BuildKit could not take the step from its cache.
const unset = "1970-01-01T00:00:01Z"

// materials makes the bills of materials of the slim image in both formats, by file name; nil if neither the attestations nor the
// caller needs them.
func (b *build) materials(ctx context.Context, c gateway.Client, plan *analyzer.Plan, slim *packed) (files map[string][]byte, err error) {
	if !b.listsMaterials() {
		return nil, nil
	}
	done := b.step(StageExport, listTitle)
	defer func() { done(err) }()
	ref, err := b.list(ctx, c, slim.state, listTitle, b.materialArgs(plan, slim)...)
	if err != nil {
		return nil, err
	}
	files = map[string][]byte{}
	for _, name := range []string{fileCycloneDX, fileSPDX} {
		data, err := readFile(ctx, ref, name)
		if err != nil {
			return nil, err
		}
		files[name] = bytes.Replace(data, []byte(unset), []byte(b.now()), 1)
	}
	return files, nil
}

// listTitle is the name of the step that makes the bills of materials.
const listTitle = "list materials"

// listsMaterials reports whether the attestations or the caller need the bills of materials.
func (b *build) listsMaterials() bool { return b.attested() || b.opt.Materials }

// list runs the agent, which lists the content of a root filesystem; its files are in the result.
func (b *build) list(ctx context.Context, c gateway.Client, state llb.State, step string, args ...string) (gateway.Reference, error) {
	args = append([]string{binDir + "/" + agent.Name, "sbom", "--src", srcDir, "--out", outDir, "--created", unset}, args...)
	run := llb.Scratch().Run(
		llb.Args(args),
		b.agentMount(),
		b.sourceMount(state),
		llb.Network(pb.NetMode_NONE),
		b.named(step),
		b.platformOption(),
	)
	ref, err := b.solve(ctx, c, run.AddMount(outDir, llb.Scratch()))
	if err != nil {
		return nil, b.stageError(ctx, "listing the materials", err)
	}
	return ref, nil
}

// materialArgs are the agent's arguments for the slim image: its name and labels, and why its package database lacks packages. The step of
// the documents and that of the vulnerability scan have the same, so that BuildKit runs one.
func (b *build) materialArgs(plan *analyzer.Plan, slim *packed) []string {
	var args []string
	for _, reason := range plan.Incomplete {
		args = append(args, "--incomplete", reason)
	}
	if b.opt.SBOMAuthor != "" {
		args = append(args, "--author", b.opt.SBOMAuthor)
	}
	for _, key := range sbom.Labels {
		if value := slim.parsed.Config.Labels[key]; value != "" {
			args = append(args, "--label", key+"="+value)
		}
	}
	if len(b.opt.Export.Names) == 0 {
		return args
	}
	name, tag := splitName(b.opt.Export.Names[0])
	return append(args, "--name", name, "--version", tag, "--purl", sbom.ImagePurl(name, tag, "", b.platform.Architecture))
}

// now is the time of documents about the image. They are not part of the image, and consumers refuse old ones.
func (b *build) now() string {
	at := time.Now()
	if b.opt.Epoch != nil {
		at = time.Unix(*b.opt.Epoch, 0)
	}
	return at.UTC().Format(time.RFC3339)
}

// splitName splits a reference into its repository and tag.
func splitName(name string) (repository, tag string) {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name, ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}

// attestation is a statement about the slim image, as BuildKit attaches it to the index.
type attestation struct {
	predicateType string
	file          string // name of its predicate in the step's files
	predicate     []byte
}

// attach adds statements to a result. Each is a file of a step of its own: the message that returns the result repeats the definition of
// the step for each statement, with the content of all its files, and BuildKit bounds that message.
func (b *build) attach(ctx context.Context, c gateway.Client, res *gateway.Result, list []attestation) error {
	for _, a := range list {
		state := llb.Scratch().File(llb.Mkfile("/"+a.file, 0o644, a.predicate), llb.WithCustomName("[slim] attest: "+a.predicateType))
		ref, err := b.solve(ctx, c, state)
		if err != nil {
			return fmt.Errorf("attaching the attestations: %w", err)
		}
		res.AddAttestation(b.platformString(), attestationOf(ref, a))
	}
	return nil
}

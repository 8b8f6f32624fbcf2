package builder

import (
	"fmt"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/vuln"
)

// outcome has the outputs of the stages for one platform. The output of a stage that did not run, or that failed, is empty.
type outcome struct {
	in   input
	seen *observation
	candidate
	scan      *vuln.Report
	materials map[string][]byte // bills of materials by file name
	attested  []string          // types of the attached predicates
	export    exported
	others    []*outcome // of the further platforms, in the order of build.others
}

// exported is what the exporters and BuildKit's record of the build report.
type exported struct {
	digest     string // of the image, or of its index
	manifest   string // of the platform
	names      []string
	written    []string // files and directories
	provenance []byte
}

// result puts the outputs of the stages together.
func (b *build) result(out *outcome) *Result {
	r := &Result{Schema: ResultSchema, Input: b.inputName(), Platform: b.platformString(),
		Verdict: out.verdict, Unchecked: out.unchecked, Profile: out.profile,
		Materials: out.materials, Attested: out.attested,
		Digest: out.export.digest, Manifest: out.export.manifest, Names: out.export.names, Written: out.export.written,
		Provenance: out.export.provenance}
	if out.plan != nil {
		r.Image, r.Evidence, r.Plan = out.in.digest, out.seen.evidence, out.plan.Plan
		if platform := r.Evidence.Platform; !analyzer.SamePlatform(platform, r.Platform) {
			r.Unobserved = fmt.Sprintf("what is kept follows from the evidence of %s and from its own files", platform)
		}
		r.SizeBefore, r.SizeAfter = r.Plan.Before.Bytes, r.Plan.After.Bytes
		sizes := analyzer.SizesOf(r.Plan)
		r.Sizes = &sizes
	}
	if out.image != nil {
		r.Config = out.image.changes
	}
	if out.scan != nil {
		r.Scan, r.scanned = out.scan, b.opt.Scan.Facts.Today
	}
	for i, other := range out.others {
		r.Platforms = append(r.Platforms, b.others[i].result(other))
	}
	return r
}

// notStrict is the reason why an image is not proven to run hardened, "" if it is.
func (o *outcome) notStrict() string {
	v := o.verdict
	switch {
	case v == nil && o.unchecked != "":
		return "it was not checked: " + o.unchecked
	case v == nil:
		return "it was not checked"
	case o.plan.User.UID == 0:
		return "it runs as root (" + o.plan.User.Reason + ")"
	case !v.Confined && v.Unconfined != "":
		return v.Unconfined
	case !v.Confined:
		return "it passed its check only without the profile"
	}
	return ""
}

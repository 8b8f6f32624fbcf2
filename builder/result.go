package builder

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/analyzer/vuln"
)

// outcome has the outputs of the stages for one platform. The output of a stage that did not run, or that failed, is empty.
type outcome struct {
	in      input
	seen    *observation
	updates *Updated // nil where none was asked for
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
		Provenance: out.export.provenance, Update: out.updated()}
	if out.plan != nil {
		r.Image, r.Evidence, r.Plan = out.in.origin().digest, out.seen.evidence, out.plan.Plan
		if platform := r.Evidence.Platform; !analyzer.SamePlatform(platform, r.Platform) {
			r.Unobserved = fmt.Sprintf("what is kept follows from the evidence of %s and from its own files", platform)
		}
		r.SizeBefore, r.SizeAfter = r.Before().Bytes, r.Plan.After.Bytes
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

// updated is what the update did, with the findings that it ended.
func (o *outcome) updated() *Updated {
	if o.updates == nil || o.in.update == nil {
		return o.updates
	}
	u := *o.updates
	for _, change := range o.in.update.report.Changes {
		u.Packages = append(u.Packages, UpdatedPackage{Change: change, Closed: closedBy(o.scan, change)})
	}
	return &u
}

// closedBy are the vulnerabilities of the original that the slim image does not have because a package was updated, sorted.
func closedBy(scan *vuln.Report, change update.Change) []string {
	if scan == nil || scan.Comparison == nil {
		return nil
	}
	var list []string
	for _, fixed := range scan.Comparison.Fixed {
		if fixed.Finding.Package.Name == change.Name {
			list = append(list, fixed.Finding.ID)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Before are the files of the image as it was given. The plan is about the updated image, where there was an update.
func (r *Result) Before() analyzer.Totals {
	if r.Update != nil && r.Update.Given != (analyzer.Totals{}) {
		return r.Update.Given
	}
	return r.Plan.Before
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

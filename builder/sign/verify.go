package sign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// VerifyOptions are the demands of Verify.
type VerifyOptions struct {
	Key           *PublicKey
	Policy        *Policy // nil asks for a signature alone
	ManifestsOnly bool    // read no layers
}

// ReportSchema names the version of Report.
const ReportSchema = "slim/verify/v1"

// Report is what Verify found.
type Report struct {
	Schema   string     `json:"schema"` // "slim/verify/v1"
	Image    string     `json:"image"`  // as given
	Digest   string     `json:"digest"` // that it refers to
	Key      string     `json:"key"`
	Verified bool       `json:"verified"` // no problem was found
	Subjects []Verified `json:"subjects"` // the manifest that the name refers to, and those of its platforms
	Problems []Problem  `json:"problems,omitempty"`
	Rebuilt  *Rebuilt   `json:"rebuilt,omitempty"`
}

// Verified is a manifest and what the key says about it.
type Verified struct {
	Digest       string     `json:"digest"`
	Platform     string     `json:"platform,omitempty"` // "" of an index
	Signatures   []string   `json:"signatures"`         // formats
	Attestations []Attested `json:"attestations"`
	Blobs        int        `json:"blobs"`            // layers and config whose bytes match their digests
	Others       []string   `json:"others,omitempty"` // signatures and attestations by other keys, which were not verified
}

// Attested is a verified attestation.
type Attested struct {
	Type    string   `json:"type"`
	Formats []string `json:"formats"`
	payload string   // digest
}

// Problem is one thing that is wrong.
type Problem struct {
	Kind     string `json:"kind"`
	Subject  string `json:"subject,omitempty"`  // digest of the manifest
	Platform string `json:"platform,omitempty"` // "" of an index
	Message  string `json:"message"`            // one sentence that names the thing
}

// Rebuilt is the result of a rebuild.
type Rebuilt struct {
	Platform string `json:"platform"`
	Input    string `json:"input"`
	Manifest string `json:"manifest"` // digest
	Same     bool   `json:"same"`
}

// Verify reads the image that ref names, in a registry or in an OCI layout (oci:DIR or oci:DIR:NAME), and checks its signatures, its
// attestations and its bytes. An error means that something could not be read; problems are in the report.
func Verify(ctx context.Context, ref string, opt VerifyOptions) (*Report, error) {
	st, at, err := openStore(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	list, err := subjects(ctx, st, at, false)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	v := &verifier{store: st, opt: opt, report: &Report{Schema: ReportSchema, Image: ref, Digest: list[0].digest.String(), Key: opt.Key.ID()}}
	for _, s := range list {
		if err := v.subject(ctx, s); err != nil {
			return nil, fmt.Errorf("image %s: %w", ref, err)
		}
	}
	if opt.Policy != nil {
		if err := v.policy(ctx, list); err != nil {
			return nil, fmt.Errorf("image %s: %w", ref, err)
		}
	}
	v.report.Verified = len(v.report.Problems) == 0
	return v.report, nil
}

// Rebuild puts the result of a rebuild of one of the subjects into the report; why is what to say where it is not the same.
func (r *Report) Rebuild(subject string, rebuilt Rebuilt, why string) {
	r.Rebuilt = &rebuilt
	if !r.Covers(subject) {
		rebuilt.Same, why = false, "its digest "+subject+" is not one of those that were verified"
	}
	if !rebuilt.Same {
		r.Verified = false
		r.Problems = append(r.Problems, Problem{KindRebuild, subject, rebuilt.Platform, rebuilt.Platform +
			": rebuilt, it is another image: " + why})
	}
}

// Covers reports whether a manifest, by digest, is one of those that Verify looked at.
func (r *Report) Covers(digest string) bool {
	return slices.ContainsFunc(r.Subjects, func(s Verified) bool { return s.Digest == digest })
}

// openStore finds where an image is; at is its tag or digest there.
func openStore(ctx context.Context, ref string) (st store, at string, err error) {
	rest, ok := strings.CutPrefix(ref, "oci:")
	if !ok {
		return openRegistry(ctx, ref)
	}
	dir, name := rest, ""
	if _, err := os.Stat(dir); err != nil {
		if i := strings.LastIndexByte(rest, ':'); i > 0 {
			dir, name = rest[:i], rest[i+1:]
		}
	}
	l, err := openLayout(dir)
	if err != nil {
		return nil, "", err
	}
	at, err = l.image(ctx, name)
	return l, at, err
}

type verifier struct {
	store  store
	opt    VerifyOptions
	report *Report
}

func (v *verifier) problem(kind string, s *subject, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{kind, s.digest.String(), s.platform, s.label() + ": " + fmt.Sprintf(format,
		args...)})
}

// subject verifies one manifest: its signatures and attestations, then its bytes.
func (v *verifier) subject(ctx context.Context, s *subject) error {
	var all []found
	for _, read := range []func() ([]found, error){
		func() ([]found, error) { return legacy(ctx, v.store, s, ".sig") },
		func() ([]found, error) { return legacy(ctx, v.store, s, ".att") },
		func() ([]found, error) { return bundles(ctx, v.store, s) },
	} {
		list, err := read()
		if err != nil {
			return err
		}
		all = append(all, list...)
	}
	done := Verified{Digest: s.digest.String(), Platform: s.platform, Signatures: []string{}, Attestations: []Attested{}}
	var doubts []doubt
	for i := range all {
		f := &all[i]
		kind, why := v.opt.Key.judge(f, s)
		if kind == "" {
			done.add(f)
		} else {
			doubts = append(doubts, doubt{f, kind, why})
		}
	}
	v.weigh(s, &done, doubts)
	if s.manifest != nil && !v.opt.ManifestsOnly {
		n, err := v.bytes(ctx, s)
		if err != nil {
			return err
		}
		done.Blobs = n
	}
	v.report.Subjects = append(v.report.Subjects, done)
	return nil
}

// doubt is a signed thing that is not as it should be.
type doubt struct {
	*found
	kind, why string
}

// weigh separates signatures of others from problems. Anybody may sign with another key; where the image has no signature by this one, that
// is the problem.
func (v *verifier) weigh(s *subject, done *Verified, doubts []doubt) {
	signed := len(done.Signatures) > 0
	for _, d := range doubts {
		what := "the attestation " + d.found.kind
		if d.signature() {
			what = "the signature"
		}
		other := d.kind == KindKey || d.kind == KindSignature && d.claimed == "" && strings.Join(d.keys, "") == ""
		if other && (signed || !d.signature()) {
			done.Others = append(done.Others, fmt.Sprintf("%s (%s): %s", what, d.where, d.why))
			continue
		}
		v.problem(d.kind, s, "%s (%s) is not valid: %s", what, d.where, d.why)
		signed = signed || d.signature()
	}
	if !signed {
		v.problem(KindMissing, s, "it has no signature")
	}
	slices.SortFunc(done.Attestations, func(a, b Attested) int { return strings.Compare(a.Type, b.Type) })
}

func (done *Verified) add(f *found) {
	if f.signature() {
		if !slices.Contains(done.Signatures, f.format) {
			done.Signatures = append(done.Signatures, f.format)
		}
		return
	}
	digest := payloadDigest(f.payload)
	for i := range done.Attestations {
		if a := &done.Attestations[i]; a.Type == f.kind && a.payload == digest {
			if !slices.Contains(a.Formats, f.format) {
				a.Formats = append(a.Formats, f.format)
			}
			return
		}
	}
	done.Attestations = append(done.Attestations, Attested{f.kind, []string{f.format}, digest})
}

// bytes reads the config and the layers of a manifest and compares them with their digests; n is how many are right.
func (v *verifier) bytes(ctx context.Context, s *subject) (n int, err error) {
	blobs := append([]v1.Descriptor{s.manifest.Config}, s.manifest.Layers...)
	wrong := make([]*bytesError, len(blobs))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, d := range blobs {
		group.Go(func() error {
			err := checkBlob(ctx, v.store, d, io.Discard)
			if errors.As(err, &wrong[i]) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("reading %s of %s: %w", blobName(i), s.label(), err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	for i, err := range wrong {
		if err == nil {
			n++
			continue
		}
		v.problem(KindBytes, s, "%s was changed: %s", blobName(i), err)
	}
	return n, nil
}

func blobName(i int) string {
	if i == 0 {
		return "the config"
	}
	return fmt.Sprintf("layer %d", i)
}

package sign

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slimimage/slim/layers"
)

// Options are the options of Attest.
type Options struct {
	Key        *PrivateKey
	Predicates []Predicate // for every manifest
	Attached   []string    // statements in the index that are signed, too: predicate types, or digests of statements
	OwnBuild   bool        // the image was just built: sign every statement in its index
	Formats    []string    // FormatLegacy, FormatBundle; both when empty
}

// SignedSchema names the version of Signed.
const SignedSchema = "slim/signed/v1"

// Signed is what Attest wrote or found written.
type Signed struct {
	Schema   string    `json:"schema"` // "slim/signed/v1"
	Image    string    `json:"image"`  // as given
	Digest   string    `json:"digest"` // that it refers to
	Key      string    `json:"key"`
	Written  []Written `json:"written"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Written is one signature or attestation.
type Written struct {
	Subject  string `json:"subject"`            // digest of the manifest
	Platform string `json:"platform,omitempty"` // "" of an index
	Type     string `json:"type"`               // "signature", or the predicate's type
	Format   string `json:"format"`
	New      bool   `json:"new"` // false: it was there
}

// New counts what was not there before.
func (s *Signed) New() (n int) {
	for _, w := range s.Written {
		if w.New {
			n++
		}
	}
	return n
}

// Attest signs the image of a registry that ref names, its index and the manifest of each platform, and attaches to each, as signed
// attestations, Options.Predicates and those of the unsigned statements in the index that Options.Attached names: anybody who can write to
// the registry may have put statements there, and the key vouches for what it signs. Warnings name the others. Signatures come
// last: an image whose signing was interrupted is not signed. What is there already by the same key is not written again; what others
// wrote stays. Two that sign the same image at the same moment may lose one of cosign's tags: registries have no way to append to one.
func Attest(ctx context.Context, ref string, opt Options) (*Signed, error) {
	st, at, err := openRegistry(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	list, err := subjects(ctx, st, at, true)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	if len(opt.Formats) == 0 {
		opt.Formats = []string{FormatLegacy, FormatBundle}
	}
	signed := &Signed{Schema: SignedSchema, Image: ref, Digest: list[0].digest.String(), Key: opt.Key.Public.ID()}
	if !opt.OwnBuild {
		if signed.Warnings, err = choose(list, opt.Attached); err != nil {
			return nil, fmt.Errorf("image %s: %w", ref, err)
		}
	}
	for _, signatures := range []bool{false, true} {
		for _, s := range slices.Backward(list) { // the index, which is what people verify, comes last
			w := writer{registry: st, subject: s, opt: opt, signed: signed}
			if err := w.write(ctx, signatures); err != nil {
				return signed, fmt.Errorf("signing %s of %s: %w", s.label(), ref, err)
			}
		}
	}
	if len(list[0].attached) == 0 && len(opt.Predicates) == 0 && len(signed.Warnings) == 0 {
		signed.Warnings = append(signed.Warnings, "the image has no attestations: only signatures were written")
	}
	return signed, nil
}

// openRegistry parses a reference, and returns its tag or digest.
func openRegistry(ctx context.Context, ref string) (registry, string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return registry{}, "", err
	}
	options := layers.RemoteOptions(ctx)
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return registry{}, "", err
	}
	pusher, err := remote.NewPusher(options...)
	if err != nil {
		return registry{}, "", err
	}
	// One log-in for all requests.
	return registry{parsed.Context(), append(options, remote.Reuse(puller), remote.Reuse(pusher))}, parsed.Identifier(), nil
}

// item is something to be signed.
type item struct {
	kind    string // predicate type; predicateSigned of a signature
	payload []byte
}

func (i item) name() string {
	if i.kind == predicateSigned {
		return "signature"
	}
	return i.kind
}

// items are the attestations of a subject, or its signature, in one format. An attestation that several platforms of an index share is
// written once, for the index.
func (w *writer) items(format string, signatures bool) ([]item, error) {
	repository := w.registry.name()
	if signatures {
		payload, err := simplePayload(repository, w.subject.digest)
		if format == FormatBundle {
			payload, err = statementOf("", w.subject.digest, Predicate{predicateSigned, []byte("{}")})
		}
		return []item{{predicateSigned, payload}}, err
	}
	var predicates []Predicate
	for _, a := range w.subject.attached {
		predicates = append(predicates, a.Predicate)
	}
	var list []item
	for _, p := range append(predicates, w.opt.Predicates...) {
		payload, err := statementOf(repository, w.subject.digest, p)
		if err != nil {
			return nil, fmt.Errorf("predicate %s: %w", p.Type, err)
		}
		if !slices.ContainsFunc(list, func(have item) bool { return bytes.Equal(have.payload, payload) }) {
			list = append(list, item{p.Type, payload})
		}
	}
	return list, nil
}

// write writes the signature of a subject or its attestations in each format.
func (w *writer) write(ctx context.Context, signatures bool) error {
	for _, format := range w.opt.Formats {
		items, err := w.items(format, signatures)
		if err != nil {
			return err
		}
		switch format {
		case FormatLegacy:
			err = w.legacy(ctx, items, signatures)
		case FormatBundle:
			err = w.bundles(ctx, items)
		default:
			err = errors.New("unknown format " + format)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

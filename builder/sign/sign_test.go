package sign

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/slimimage/slim/analyzer/predicates"
)

// lines is a report as one line for each verified thing.
func lines(report *Report) []string {
	var list []string
	for _, s := range report.Subjects {
		platform := s.Platform
		if platform == "" {
			platform = "index"
		}
		list = append(list, fmt.Sprintf("%s signature %s, %d blobs", platform, strings.Join(s.Signatures, "+"), s.Blobs))
		for _, a := range s.Attestations {
			list = append(list, fmt.Sprintf("%s %s %s", platform, a.Type, strings.Join(a.Formats, "+")))
		}
	}
	return list
}

func kinds(report *Report) []string {
	var list []string
	for _, p := range report.Problems {
		list = append(list, p.Kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestAttestVerify(t *testing.T) {
	for _, referrers := range []bool{true, false} {
		t.Run(fmt.Sprintf("referrers=%v", referrers), func(t *testing.T) {
			w, key := newWorld(t, referrers), newKey(t)
			signed := w.attest(key)
			if got, want := signed.New(), 2*(3+2+2+4); got != want { // per format: signatures, attestations of two platforms, those of the index
				t.Errorf("wrote %d, want %d: %+v", got, want, signed.Written)
			}
			report := w.verify(key, &Policy{Predicates: []string{typeSBOM, typeProvenance}, NonRoot: true, Labels: map[string]string{"team": "*"}})
			both := " legacy+bundle"
			want := []string{"index signature" + both + ", 0 blobs", "index " + typeSBOM + both, "index " + typeSBOM + both,
				"index " + typeProvenance + both, "index " + typeProvenance + both}
			for _, platform := range []string{"linux/amd64", "linux/arm64"} {
				want = append(want, platform+" signature"+both+", 2 blobs", platform+" "+typeSBOM+both, platform+" "+typeProvenance+both)
			}
			if diff := cmp.Diff(want, lines(report)); diff != "" || !report.Verified {
				t.Errorf("report: -want +got\n%s\nproblems: %v", diff, report.Problems)
			}
			if found := referrers != w.fallback(); !found {
				t.Errorf("fallback tag: %v, with the referrers API: %v", w.fallback(), referrers)
			}
		})
	}
}

// fallback reports whether the index has the tag that stands for the referrers API.
func (w *world) fallback() bool {
	_, err := remote.Head(w.repo.Tag(tagOf(w.subject(0).digest, "")))
	return err == nil
}

// Signing twice is signing once, to the byte; somebody else's signatures stay, and a second predicate is added to the first.
func TestAttestAgain(t *testing.T) {
	w, key, other := newWorld(t, true), newKey(t), newKey(t)
	w.attest(key)
	before := w.catalog()
	if again := w.attest(key); again.New() != 0 {
		t.Errorf("signing again wrote %d things", again.New())
	}
	if diff := cmp.Diff(before, w.catalog()); diff != "" {
		t.Errorf("signing again changed the registry: %s", diff)
	}
	w.attest(other)
	for name, k := range map[string]*PrivateKey{"first": key, "second": other} {
		report := w.verify(k, nil)
		if !report.Verified || len(report.Subjects[0].Others) != 10 { // a signature and four attestations, twice
			t.Errorf("%s key: problems %v, others %v", name, report.Problems, report.Subjects[0].Others)
		}
	}
	extra := Predicate{predicates.Type("openvex"), json.RawMessage(`{"@context":"https://openvex.dev/ns/v0.2.0"}`)}
	signed, err := Attest(context.Background(), w.ref, Options{Key: key, Predicates: []Predicate{extra}, OwnBuild: true})
	if err != nil || signed.New() != 2*3 {
		t.Errorf("one more predicate wrote %d things, want 6 (%v)", signed.New(), err)
	}
}

// The same key and image give the same digests in an empty registry.
func TestAttestIsDeterministic(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key)
	before := w.catalog()
	w.empty()
	if cmp.Equal(before, w.catalog()) {
		t.Fatal("the registry is not empty")
	}
	w.attest(key)
	if diff := cmp.Diff(before, w.catalog()); diff != "" {
		t.Error(diff)
	}
}

// catalog is the digest of every tag, and the referrers.
func (w *world) catalog() map[string]string {
	w.t.Helper()
	tags, err := remote.List(w.repo)
	if err != nil {
		w.t.Fatal(err)
	}
	all := map[string]string{}
	for _, tag := range tags {
		d, err := remote.Head(w.repo.Tag(tag))
		if err != nil {
			w.t.Fatal(err)
		}
		all[tag] = d.Digest.String()
	}
	for n := range 3 {
		list, err := w.store().referrers(context.Background(), w.subject(n).digest)
		if err != nil {
			w.t.Fatal(err)
		}
		slices.SortFunc(list, func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) })
		all[fmt.Sprint("referrers of ", n)] = fmt.Sprint(list)
	}
	return all
}

// A statement keeps its predicate to the digit.
func TestPredicateStaysAsItIs(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key, FormatLegacy)
	list, err := legacy(context.Background(), w.store(), w.subject(1), ".att")
	if err != nil || len(list) != 2 {
		t.Fatalf("%d attestations, want 2 (%v)", len(list), err)
	}
	var said statement
	if err := json.Unmarshal(list[0].payload, &said); err != nil {
		t.Fatal(err)
	}
	if want := `{"about":"amd64","big":12345678901234567890,"text":"a<b"}`; string(said.Predicate) != want {
		t.Errorf("predicate = %s, want %s", said.Predicate, want)
	}
}

func TestPolicy(t *testing.T) {
	w, key := newWorld(t, true), newKey(t)
	w.attest(key)
	for text, want := range map[string]string{
		"":                               "",
		"predicates: [cyclonedx]":        "",
		"predicates: [openvex]":          "the policy asks for an attestation https://openvex.dev/ns/v0.2.0 by this key",
		"non_root: true":                 "",
		"labels: {team: web}":            "",
		"labels: {team: db}":             "the policy asks for the label team=db, and it is web",
		"annotations: {a.b/c: \"*\"}":    "the policy asks for the annotation a.b/c",
		"non_root: true\nlabels: {x: y}": "the policy asks for the label x",
	} {
		policy, err := ReadPolicy([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := ""
		if report := w.verify(key, policy); !report.Verified {
			got = report.Problems[0].Message
		}
		if want != "" {
			want = "linux/amd64: " + want
		}
		if got != want {
			t.Errorf("policy %q: %q, want %q", text, got, want)
		}
	}
	for _, bad := range []string{"roots: true", "predicates: [nothing]", "- a", "{}\n---\nnon_root: true"} {
		if _, err := ReadPolicy([]byte(bad)); err == nil {
			t.Errorf("policy %q is taken", bad)
		}
	}
	for user, want := range map[string]bool{"": false, "0": false, "0:65532": false, "000": false, "root": false, "nobody": false,
		"65532": true, "1:0": true} {
		if nonRoot(user) != want {
			t.Errorf("nonRoot(%q) = %v", user, !want)
		}
	}
}

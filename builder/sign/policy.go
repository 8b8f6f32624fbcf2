package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/slimimage/slim/analyzer/predicates"
)

// Policy is what an image must be beside signed. The zero value asks for nothing more.
type Policy struct {
	Predicates  []string          `yaml:"predicates"`  // types that each platform must have attested, short names too
	NonRoot     bool              `yaml:"non_root"`    // the user of each platform is a number that is not 0
	Annotations map[string]string `yaml:"annotations"` // of the index or of each platform's manifest; "*" is any value
	Labels      map[string]string `yaml:"labels"`      // of each platform's config; "*" is any value
}

// ReadPolicy reads a policy in YAML. Unknown keys are errors.
func ReadPolicy(data []byte) (*Policy, error) {
	p := &Policy{}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(p); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	if err := decoder.Decode(&yaml.Node{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("the policy has more than one document")
	}
	for i, kind := range p.Predicates {
		if p.Predicates[i] = predicates.Type(kind); !strings.Contains(p.Predicates[i], "://") {
			return nil, fmt.Errorf("the predicate type %q is neither a URI nor one of %s", kind, strings.Join(predicates.Names(), ", "))
		}
	}
	return p, nil
}

// policy compares each platform with the policy.
func (v *verifier) policy(ctx context.Context, list []*subject) error {
	for i, s := range list {
		if s.manifest == nil {
			continue
		}
		p := v.opt.Policy
		for _, kind := range p.Predicates {
			if !slices.ContainsFunc(v.report.Subjects[i].Attestations, func(a Attested) bool { return a.Type == kind }) {
				v.problem(KindPolicy, s, "the policy asks for an attestation %s by this key", kind)
			}
		}
		v.pairs(s, "annotation", p.Annotations, s.annotations, list[0].annotations)
		if !p.NonRoot && len(p.Labels) == 0 {
			continue
		}
		var config struct {
			Config struct {
				User   string            `json:"User"`
				Labels map[string]string `json:"Labels"`
			} `json:"config"`
		}
		data, err := readBlob(ctx, v.store, s.manifest.Config)
		if err == nil {
			err = json.Unmarshal(data, &config)
		}
		var changed *bytesError
		if errors.As(err, &changed) {
			continue // it is among the problems
		}
		if err != nil {
			return fmt.Errorf("reading the config of %s: %w", s.label(), err)
		}
		v.pairs(s, "label", p.Labels, config.Config.Labels)
		if p.NonRoot && !nonRoot(config.Config.User) {
			v.problem(KindPolicy, s, "the policy forbids root, and its user is %q", config.Config.User)
		}
	}
	return nil
}

// pairs compares wanted annotations or labels with what there is.
func (v *verifier) pairs(s *subject, what string, want map[string]string, have ...map[string]string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		value := ""
		for _, pairs := range have {
			if value == "" {
				value = pairs[key]
			}
		}
		switch {
		case value == "":
			v.problem(KindPolicy, s, "the policy asks for the %s %s", what, key)
		case want[key] != "*" && want[key] != value:
			v.problem(KindPolicy, s, "the policy asks for the %s %s=%s, and it is %s", what, key, want[key], value)
		}
	}
}

// nonRoot reports whether a user of an image's config is a number other than 0: a name may be root's.
func nonRoot(user string) bool {
	uid, _, _ := strings.Cut(user, ":")
	return strings.Trim(uid, "0123456789") == "" && strings.Trim(uid, "0") != ""
}

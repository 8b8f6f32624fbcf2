package builder

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// LockedOptions are the options that shape the result: a build with others makes another image.
type LockedOptions struct {
	Keep           analyzer.Keep `json:"keep"`
	Include        []string      `json:"include,omitempty"`
	Exclude        []string      `json:"exclude,omitempty"`
	IncludeExe     []string      `json:"include-exe,omitempty"`
	IncludePackage []string      `json:"include-package,omitempty"`
	IncludeShell   bool          `json:"include-shell,omitempty"`
	User           string        `json:"user,omitempty"`
	DisableRules   []string      `json:"disable-rule,omitempty"`
	Runs           []string      `json:"run,omitempty"`
	Execs          []string      `json:"exec,omitempty"`
	Env            string        `json:"env,omitempty"`   // digest of --env, whose values may be secret
	Probe          string        `json:"probe,omitempty"` // digest of the steps
	ProbeImage     string        `json:"probe-image,omitempty"`
	ProbeCommand   []string      `json:"probe-command,omitempty"`
	Network        string        `json:"network"`
	Compression    string        `json:"compression"`
	Epoch          *int64        `json:"source-date-epoch,omitempty"`
}

// OptionsOf are the options that shape the result, with their defaults.
func OptionsOf(opt Options) LockedOptions {
	a, o := opt.Analyze, opt.Observe
	l := LockedOptions{Keep: a.Keep, Include: a.Include, Exclude: a.Exclude, IncludeExe: a.IncludeExe, IncludePackage: a.IncludePackage,
		IncludeShell: a.IncludeShell, User: a.User, DisableRules: a.DisableRules,
		Runs: o.Runs, Execs: o.Execs, ProbeImage: o.ProbeRef, ProbeCommand: o.ProbeArgv, Network: o.Network,
		Compression: opt.Export.Compression, Epoch: opt.Epoch}
	if l.Keep == "" {
		l.Keep = analyzer.KeepClosure
	}
	if l.Network == "" {
		l.Network = "none"
	}
	if l.Compression == "" {
		l.Compression = "gzip"
	}
	l.Env = envDigest(o.Env)
	if len(o.Steps) > 0 {
		l.Probe = digestOf(o.Steps)
	}
	return l
}

// Fits says why a lock cannot be replayed with the given options, nil when it can. A nil lock fits everything.
func (l *Lock) Fits(opt Options) error {
	if l == nil {
		return nil
	}
	name := differing(l.Options, OptionsOf(opt))
	if name == "" {
		return nil
	}
	was, is := optionValue(l.Options, name), optionValue(OptionsOf(opt), name)
	return &LockError{Reason: fmt.Sprintf("the lock was made with %s %s, this build has %s", name, was, is),
		Hint: "build with the flags of the lock, or make another with slim build --lock"}
}

// FitsInput says why a lock is not of this image, nil when it is.
func (l *Lock) FitsInput(in *layers.Input) error {
	if l == nil || in == nil {
		return nil
	}
	if got := in.Digest.String(); got != l.Input.Digest {
		return &LockError{Reason: fmt.Sprintf("the input moved: %s is %s, the lock is of %s (%s)", in.Name, got, l.Input.Digest, l.Input.Reference), Hint: lockAgain}
	}
	return nil
}

// differing is the first option, by name, that two sets do not share, "" when there is none.
func differing(a, b LockedOptions) string {
	x, y := fields(a), fields(b)
	names := slices.Concat(sortedKeys(x), sortedKeys(y))
	slices.Sort(names)
	for _, name := range names {
		if string(x[name]) != string(y[name]) {
			return name
		}
	}
	return ""
}

func optionValue(o LockedOptions, name string) string {
	if value := fields(o)[name]; value != nil {
		return string(value)
	}
	return "unset"
}

func fields(o LockedOptions) map[string]json.RawMessage {
	data, err := json.Marshal(o)
	var all map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil // a struct of strings and numbers cannot fail
	}
	return all
}

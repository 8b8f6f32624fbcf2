package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slimimage/slim/layers"
)

// Options are the options that shape the result, by name: a build with other values makes another image. Equal values are equal bytes.
type Options map[string]json.RawMessage

// Set records a value. The values are strings, lists of them, booleans and numbers, whose encoding cannot fail.
func (o Options) Set(name string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		data = []byte("null")
	}
	o[name] = data
}

// UnmarshalJSON drops the spaces of the file, so that equal values are equal bytes.
func (o *Options) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for name, value := range all {
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return err
		}
		all[name] = compact.Bytes()
	}
	*o = all
	return nil
}

// within reports whether all options have one of the given names.
func (o Options) within(names []string) bool {
	for name := range o {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// Fits returns why a lock cannot be replayed with the given options, nil when it can. A nil lock fits everything.
func (l *Lock) Fits(now Options) error {
	if l == nil {
		return nil
	}
	name := differing(l.Options, now)
	if name == "" {
		return nil
	}
	return &Error{Reason: fmt.Sprintf("the lock was made with %s %s, this build has %s", name, l.Options.text(name), now.text(name)),
		Hint: "build with the flags of the lock, or make another with slim build --lock"}
}

// FitsInput returns why a lock is not of this image, nil when it is.
func (l *Lock) FitsInput(in *layers.Input) error {
	if l == nil || in == nil {
		return nil
	}
	if got := in.Digest.String(); !in.Is(l.Input.Digest) {
		return &Error{Reason: fmt.Sprintf("the input moved: %s is %s, the lock is of %s (%s)", in.Name, got, l.Input.Digest, l.Input.Reference),
			Hint: HintRelock}
	}
	return nil
}

// differing is the first option, by name, whose values in two sets differ, "" when there is none.
func differing(a, b Options) string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	for _, name := range names {
		if !bytes.Equal(a[name], b[name]) {
			return name
		}
	}
	return ""
}

func (o Options) text(name string) string {
	if value := o[name]; value != nil {
		return string(value)
	}
	return "unset"
}

package builder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/slimimage/slim/layers"
)

// LockedOptions are the options that shape the result, by name: a build with other values makes another image. The names are those of the rows
// of Table with Shapes, and the two below.
type LockedOptions map[string]json.RawMessage

// What shapes the result but is no flag of its own.
const (
	lockedCommand = "probe-command"     // of --probe-image
	lockedEpoch   = "source-date-epoch" // SOURCE_DATE_EPOCH
)

// OptionsOf are the options that shape the result, with their defaults.
func OptionsOf(opt Options) LockedOptions {
	locked := LockedOptions{}
	for _, option := range Table() {
		if option.Shapes {
			locked.put(option.Name, option.get(&opt), option.Locked)
		}
	}
	locked.put(lockedCommand, opt.Observe.ProbeArgv, "")
	if opt.Epoch != nil {
		locked[lockedEpoch] = encoded(*opt.Epoch)
	}
	return locked
}

// put records a value that is set, or the text of its default where that is not empty.
func (l LockedOptions) put(name string, value any, unset string) {
	set := false
	switch value := value.(type) {
	case string:
		set = value != ""
	case []string:
		set = len(value) > 0
	case bool:
		set = value
	}
	if set {
		l[name] = encoded(value)
	} else if unset != "" {
		l[name] = encoded(unset)
	}
}

// encoded is a value as JSON. The values are strings, lists of them, and numbers, whose encoding cannot fail.
func encoded(value any) json.RawMessage {
	data, err := json.Marshal(value)
	if err != nil {
		return json.RawMessage("null")
	}
	return data
}

// UnmarshalJSON refuses options that no build has, and drops the spaces of the file, so that equal values are equal bytes.
func (l *LockedOptions) UnmarshalJSON(data []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	table := Table()
	for name, value := range all {
		known := slices.ContainsFunc(table, func(o Option) bool { return o.Shapes && o.Name == name })
		if !known && name != lockedCommand && name != lockedEpoch {
			return fmt.Errorf("unknown option %q", name)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			return err
		}
		all[name] = compact.Bytes()
	}
	*l = all
	return nil
}

// Fits says why a lock cannot be replayed with the given options, nil when it can. A nil lock fits everything.
func (l *Lock) Fits(opt Options) error {
	if l == nil {
		return nil
	}
	now := OptionsOf(opt)
	name := differing(l.Options, now)
	if name == "" {
		return nil
	}
	return &LockError{Reason: fmt.Sprintf("the lock was made with %s %s, this build has %s", name, l.Options.text(name), now.text(name)),
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

// differing is the first option, by name, whose values in two sets differ, "" when there is none.
func differing(a, b LockedOptions) string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(names)
	for _, name := range names {
		if !bytes.Equal(a[name], b[name]) {
			return name
		}
	}
	return ""
}

func (l LockedOptions) text(name string) string {
	if value := l[name]; value != nil {
		return string(value)
	}
	return "unset"
}

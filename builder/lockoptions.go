package builder

import "github.com/slimimage/slim/builder/lock"

// Settings that shape the result but have no flag.
const (
	lockedCommand = "probe-command"     // of --probe-image
	lockedEpoch   = "source-date-epoch" // SOURCE_DATE_EPOCH
)

// OptionsOf are the options that shape the result, with their defaults.
func OptionsOf(opt Options) lock.Options {
	locked := lock.Options{}
	for _, option := range Table() {
		if option.Shapes {
			setOption(locked, option.Name, option.get(&opt), option.Locked)
		}
	}
	setOption(locked, lockedCommand, opt.Observe.ProbeArgv, "")
	if opt.Epoch != nil {
		locked.Set(lockedEpoch, *opt.Epoch)
	}
	return locked
}

// setOption records a value that is set, or the text of its default where that is not empty.
func setOption(locked lock.Options, name string, value any, unset string) {
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
		locked.Set(name, value)
	} else if unset != "" {
		locked.Set(name, unset)
	}
}

// LockOptions returns the names of the options that a lock may have: the rows of Table with Shapes, and those without a flag.
func LockOptions() []string {
	names := []string{lockedCommand, lockedEpoch}
	for _, option := range Table() {
		if option.Shapes {
			names = append(names, option.Name)
		}
	}
	return names
}

package builder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
	"github.com/slimimage/slim/analyzer/rules"
)

// Setting is an option that also a project's file and a Dockerfile build can give. It has the name and the values of its flag: --include-exe is
// include-exe in the file and SLIM_INCLUDE_EXE as a build argument.
type Setting struct {
	Name   string
	List   bool // may be given several times: a list in the file, one a line in a build argument
	Switch bool // true or false
	File   bool // names a file of the context
	set    func(opt *Options, value string) error
}

// BuildArg is the setting's name as a build argument.
func (s Setting) BuildArg() string {
	return buildArgPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

const buildArgPrefix = "SLIM_"

// Settings lists them, as the help of slim build does.
func Settings() []Setting {
	return []Setting{
		toggle("force", func(o *Options) *bool { return &o.Force }),
		list("run", func(o *Options) *[]string { return &o.Observe.Runs }),
		{Name: "env", List: true, set: setEnv},
		list("exec", func(o *Options) *[]string { return &o.Observe.Execs }),
		{Name: "probe", File: true, set: setProbe},
		text("probe-image", func(o *Options) *string { return &o.Observe.ProbeRef }),
		text("network", func(o *Options) *string { return &o.Observe.Network }, "none", "default", "host"),
		{Name: "timeout", set: setTimeout},
		toggle("keep-going", func(o *Options) *bool { return &o.KeepGoing }),
		text("keep", func(o *Options) *string { return (*string)(&o.Analyze.Keep) },
			string(analyzer.KeepObserved), string(analyzer.KeepClosure), string(analyzer.KeepPackage)),
		list("include", func(o *Options) *[]string { return &o.Analyze.Include }),
		list("exclude", func(o *Options) *[]string { return &o.Analyze.Exclude }),
		list("include-exe", func(o *Options) *[]string { return &o.Analyze.IncludeExe }),
		list("include-package", func(o *Options) *[]string { return &o.Analyze.IncludePackage }),
		toggle("include-shell", func(o *Options) *bool { return &o.Analyze.IncludeShell }),
		list("disable-rule", func(o *Options) *[]string { return &o.Analyze.DisableRules }, rules.Names()...),
		{Name: "user", set: setUser},
		toggle("strict", func(o *Options) *bool { return &o.Strict }),
	}
}

// Apply gives opt the values of a setting. The value of one that names a file is the file's content.
func (s Setting) Apply(opt *Options, values []string) error {
	if len(values) > 1 && !s.List {
		return fmt.Errorf("%s takes one value", s.Name)
	}
	for _, value := range values {
		if err := s.set(opt, value); err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return nil
}

func text(name string, field func(*Options) *string, allowed ...string) Setting {
	return Setting{Name: name, set: func(opt *Options, value string) error {
		*field(opt) = value
		return among(value, allowed)
	}}
}

func list(name string, field func(*Options) *[]string, allowed ...string) Setting {
	return Setting{Name: name, List: true, set: func(opt *Options, value string) error {
		*field(opt) = append(*field(opt), value)
		return among(value, allowed)
	}}
}

func toggle(name string, field func(*Options) *bool) Setting {
	return Setting{Name: name, Switch: true, set: func(opt *Options, value string) (err error) {
		if *field(opt), err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("%q is neither true nor false", value)
		}
		return nil
	}}
}

// among refuses a value that is none of those allowed; without any, all are.
func among(value string, allowed []string) error {
	if len(allowed) == 0 || slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%q is none of %s", value, strings.Join(allowed, ", "))
}

func setEnv(opt *Options, entry string) error {
	if name, _, ok := strings.Cut(entry, "="); !ok || name == "" || strings.ContainsRune(entry, 0) {
		return fmt.Errorf("%q is not KEY=VALUE", name)
	}
	opt.Observe.Env = append(opt.Observe.Env, entry)
	return nil
}

func setProbe(opt *Options, data string) (err error) {
	opt.Observe.Steps, err = probe.ParseSteps([]byte(data))
	return err
}

func setTimeout(opt *Options, value string) (err error) {
	opt.Observe.Timeout, err = ParseSeconds(value)
	return err
}

func setUser(opt *Options, value string) error {
	opt.Analyze.User = value
	return CheckUser(value)
}

// ParseSeconds reads a time as whole seconds: "90", "90s", "5m"; "" is 0.
func ParseSeconds(value string) (int, error) {
	if value == "" {
		return 0, nil
	}
	if n, err := strconv.Atoi(value); err == nil && n > 0 {
		return n, nil
	}
	if d, err := time.ParseDuration(value); err == nil && d >= time.Second {
		return int(d / time.Second), nil
	}
	return 0, fmt.Errorf("%q is no time of a second or more", value)
}

// CheckUser takes "", "root", UID and UID:GID.
func CheckUser(user string) error {
	if user == "" || user == "root" {
		return nil
	}
	uid, gid, both := strings.Cut(user, ":")
	_, err := strconv.ParseUint(uid, 10, 32)
	if both && err == nil {
		_, err = strconv.ParseUint(gid, 10, 32)
	}
	if err != nil {
		return fmt.Errorf("%q is no number", user)
	}
	return nil
}

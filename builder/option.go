package builder

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Option is one row of the table of options (Table). The flags of the commands, the keys of .slim.yaml, the build arguments of the
// frontend, the options in a lock and the lists in docs/reference.md are made from it.
type Option struct {
	// of the flag, of the key in .slim.yaml and in a lock; SLIM_NAME is the environment variable and the build argument
	Name     string
	Short    string            // the flag's one-letter name, if any
	Group    string            // heading in the help
	Kind     Kind              // how its values are written
	Usage    string            // what it does; capitals name its value
	UsageIn  map[string]string // the text of a command for which Usage is not right, by command
	Commands []string          // the commands that have the flag
	Default  string            // value of the flag when it is not given
	Bare     string            // value of the flag when it is given without one; without Bare it needs one
	Allowed  []string          // all values, where they can be listed
	Example  string            // correct values, for error messages
	SetBy    Setter            // who may give it a value
	Why      string            // unless SetBy is Repository: why others may not
	Locked   string            // with Shapes: the value in a lock when the option is not set; nothing is written when empty
	Shapes   bool              // another value gives another image, so a lock records the value
	field
}

// Kind is how the values of an option are written.
type Kind int

// Kinds of options. The value that Apply gets for the two kinds of files is the content of the file.
const (
	Text      Kind = iota // one value
	List                  // may be repeated: a list in .slim.yaml, one value on each line of a build argument
	Switch                // true or false
	Pairs                 // KEY=VALUE, may be repeated; on the command line KEY alone takes the value from the environment
	File                  // the name of a file that a user writes
	Documents             // names of files that slim wrote, may be repeated
)

// Setter is who may give an option a value. Each value includes the ones before it.
type Setter int

// Setters.
const (
	Operator      Setter = iota // only the user who runs slim: a flag or its environment variable
	BuildArgument               // also the user who starts a build with the frontend: a build argument
	Repository                  // also the authors of the input: a file in the build context
)

// field is where an option is kept in Options.
type field struct {
	set func(opt *Options, value string) error
	get func(opt *Options) any // only with Shapes: the value for a lock, a string, a bool or a list of strings
}

// OptionError is a wrong value of an option.
type OptionError struct {
	Name string
	Err  error
	Hint string // what a correct value looks like, may be empty
}

func (e *OptionError) Error() string {
	if e.Hint == "" {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Name, e.Err, e.Hint)
}

func (e *OptionError) Unwrap() error { return e.Err }

// EnvVar is the environment variable of a flag and the build argument of an option: SLIM_BUILD_ARG for build-arg.
func EnvVar(name string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

const envPrefix = "SLIM_"

// Repeatable reports whether an option may have several values.
func (o Option) Repeatable() bool { return o.Kind == List || o.Kind == Pairs || o.Kind == Documents }

// NamesFiles reports whether the values name files, whose content Apply gets.
func (o Option) NamesFiles() bool { return o.Kind == File || o.Kind == Documents }

// OfOperator reports whether an option gives the application, the Dockerfile or a registry something that belongs to the user who runs
// slim: files, credentials, a network, a decision. A file of a repository sets it only if that user allows it.
func (o Option) OfOperator() bool {
	return slices.Contains([]string{whyNetwork, whyProbeImage, whyPolicy, whySecret, whyPush, whyCache}, o.Why)
}

// UsageFor is the text for the help of a command.
func (o Option) UsageFor(command string) string {
	if usage := o.UsageIn[command]; usage != "" {
		return usage
	}
	return o.Usage
}

// Apply gives opt the values of an option. A wrong value is an *OptionError.
func (o Option) Apply(opt *Options, values []string) error {
	if len(values) > 1 && !o.Repeatable() {
		return &OptionError{Name: o.Name, Err: fmt.Errorf("it takes one value, not %d", len(values))}
	}
	for _, value := range values {
		if len(o.Allowed) > 0 && !slices.Contains(o.Allowed, value) {
			return &OptionError{o.Name, fmt.Errorf("unknown value %q", value), "one of " + strings.Join(o.Allowed, ", ")}
		}
		if err := o.set(opt, value); err != nil {
			return &OptionError{o.Name, err, o.Example}
		}
	}
	return nil
}

// OptionsFor lists the options that a setter may give a value, in the order of the table.
func OptionsFor(setter Setter) []Option {
	return slices.DeleteFunc(Table(), func(o Option) bool { return o.SetBy < setter })
}

// notSetBy is the error for an option, by its name or that of its build argument, that a setter may not give a value. It is nil if
// the option does not exist.
func notSetBy(name string) error {
	for _, o := range Table() {
		switch {
		case o.Name != name && EnvVar(o.Name) != name:
		case o.SetBy == Operator:
			return fmt.Errorf("only a flag of slim can set it: %s", o.Why)
		case o.SetBy == BuildArgument:
			return fmt.Errorf("only a flag of slim or a build argument can set it: %s", o.Why)
		}
	}
	return nil
}

// optionNames joins the names of options, for messages.
func optionNames(options []Option, name func(string) string) string {
	all := make([]string, len(options))
	for i, o := range options {
		all[i] = name(o.Name)
	}
	return strings.Join(all, ", ")
}

func textField(at func(*Options) *string) field {
	return field{
		set: func(opt *Options, value string) error { *at(opt) = value; return nil },
		get: func(opt *Options) any { return *at(opt) },
	}
}

func listField(at func(*Options) *[]string) field {
	return field{
		set: func(opt *Options, value string) error { *at(opt) = append(*at(opt), value); return nil },
		get: func(opt *Options) any { return *at(opt) },
	}
}

func switchField(at func(*Options) *bool) field {
	return field{
		set: func(opt *Options, value string) (err error) {
			if *at(opt), err = strconv.ParseBool(value); err != nil {
				return fmt.Errorf("%q is neither true nor false", value)
			}
			return nil
		},
		get: func(opt *Options) any { return *at(opt) },
	}
}

package builder

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimimage/slim/analyzer"
)

// TestTable checks that each row of the table of options is complete.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	word := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, o := range Table() {
		switch {
		case !word.MatchString(o.Name), seen[o.Name]:
			t.Errorf("option %q: the name is wrong or used twice", o.Name)
		case o.Group == "", o.Usage == "", len(o.Commands) == 0, o.set == nil:
			t.Errorf("option %s: group, usage, commands or field is missing", o.Name)
		case (o.SetBy == Repository) != (o.Why == ""):
			t.Errorf("option %s: Why is %q, want a reason exactly when a repository does not set it", o.Name, o.Why)
		case o.Shapes && o.get == nil, !o.Shapes && o.Locked != "":
			t.Errorf("option %s: a lock cannot record it, or has a default for nothing", o.Name)
		case o.Default != "" && len(o.Allowed) > 0 && !slices.Contains(o.Allowed, o.Default):
			t.Errorf("option %s: the default %q is not allowed", o.Name, o.Default)
		}
		for command := range o.UsageIn {
			if !slices.Contains(o.Commands, command) {
				t.Errorf("option %s: text for slim %s, which does not have it", o.Name, command)
			}
		}
		seen[o.Name] = true
	}
}

// TestShapesResult checks that a lock records exactly the options that change what is kept, how it runs and how it is written.
func TestShapesResult(t *testing.T) {
	var got []string
	for _, o := range Table() {
		if o.Shapes {
			got = append(got, o.Name)
		}
	}
	want := []string{"update", "update-from",
		"run", "exec", "probe", "probe-image", "env", "mount", "entrypoint", "workdir", "hostname", "add-host",
		"network",
		"keep", "include", "exclude", "include-exe", "include-package",
		"include-shell", "disable-rule", "user", "compression"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("options in a lock: -want +got\n%s", diff)
	}
}

func apply(t *testing.T, lines ...string) (Options, error) {
	t.Helper()
	var opt Options
	for _, line := range lines {
		name, value, _ := strings.Cut(line, " ")
		at := slices.IndexFunc(Table(), func(o Option) bool { return o.Name == name })
		if at < 0 {
			t.Fatalf("there is no option %s", name)
		}
		if err := Table()[at].Apply(&opt, []string{value}); err != nil {
			return opt, err
		}
	}
	return opt, nil
}

func TestApply(t *testing.T) {
	out := func(o Output) Options { return Options{Export: Export{Outputs: []Output{o}}} }
	for _, test := range []struct {
		lines []string
		want  Options
	}{
		{[]string{"output -"}, out(Output{Type: "tar", Dest: "-"})},
		{[]string{"output dir"}, out(Output{Type: "local", Dest: "dir"})},
		{[]string{"output type=oci,dest=a.tar"}, out(Output{Type: "oci", Dest: "a.tar"})},
		{[]string{`output type=oci,"dest=a,b.tar",tar=false`},
			out(Output{Type: "oci", Dest: "a,b.tar", Attrs: map[string]string{"tar": "false"}})},
		{[]string{"output type=registry,name=r/x"}, out(Output{Type: "image", Attrs: map[string]string{"name": "r/x", "push": "true"}})},
		{[]string{"output type=docker"}, Options{Export: Export{Load: true}}},
		{[]string{"timeout 90"}, Options{Observe: ObserveOptions{Timeout: 90}}},
		{[]string{"timeout 90s"}, Options{Observe: ObserveOptions{Timeout: 90}}},
		{[]string{"timeout 5m"}, Options{Observe: ObserveOptions{Timeout: 300}}},
		{[]string{"max-processes 100"}, Options{Observe: ObserveOptions{MaxTasks: 100}}},
		{[]string{"max-processes 8192"}, Options{}}, // the default
		{[]string{"max-memory 512m"}, Options{Observe: ObserveOptions{MaxMemory: 512 << 20}}},
		{[]string{"max-memory 2G"}, Options{Observe: ObserveOptions{MaxMemory: 2 << 30}}},
		{[]string{"max-memory 1048576"}, Options{Observe: ObserveOptions{MaxMemory: 1 << 20}}},
		{[]string{"user 7:8", "keep observed"}, Options{Analyze: analyzer.Options{User: "7:8", Keep: analyzer.KeepObserved}}},
		{[]string{"env A=b=c", "env D="}, Options{Observe: ObserveOptions{Env: []string{"A=b=c", "D="}}}},
		{[]string{`entrypoint /bin/app "a b"`, "workdir /srv/", "hostname db.example.com"},
			Options{Observe: ObserveOptions{Entrypoint: []string{"/bin/app", "a b"}, Dir: "/srv", Hostname: "db.example.com"}}},
		{[]string{"add-host a:10.0.0.1", "add-host b=[::1]", "add-host c:::1"},
			Options{Observe: ObserveOptions{Hosts: []Host{{"a", "10.0.0.1"}, {"b", "::1"}, {"c", "::1"}}}}},
		{[]string{"artifacts out", "strict true"}, Options{Materials: true, Strict: true}},
		{[]string{"file Dockerfile", "target web", "build-arg A=1", "secret id=x", "build-context a=b"},
			Options{Dockerfile: &Dockerfile{File: "Dockerfile",
				Target: "web", BuildArgs: map[string]string{"A": "1"}, Secrets: []string{"id=x"}, BuildContexts: map[string]string{"a": "b"}}}},
	} {
		got, err := apply(t, test.lines...)
		if err != nil {
			t.Errorf("%q: %v", test.lines, err)
		}
		if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%q: -want +got\n%s", test.lines, diff)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	for line, want := range map[string]string{
		"output type=zip,dest=x":     "types: oci",
		"output dest=x":              "unknown type",
		`output type=oci,"dest`:      "example: --output",
		"output type=oci,what":       "not key=value",
		"timeout 0":                  "at least one second",
		"max-processes 0":            "not a number of processes",
		"max-memory 100":             "at least one MiB",
		"max-memory 1gb":             "not a size",
		"max-memory -1g":             "at least one MiB",
		"max-memory 9999999999g":     "at least one MiB",
		"timeout -1":                 "at least one second",
		"timeout 10ms":               "at least one second",
		"timeout soon":               "at least one second",
		"user nobody":                "not a number",
		"user 1:x":                   "not a number",
		"keep all":                   "one of observed, closure, package",
		"network bridge":             "one of none, default, host",
		"disable-rule none":          "unknown value",
		"env =x":                     "KEY=VALUE",
		"strict maybe":               "neither true nor false",
		"entrypoint  ":               "names no program",
		"entrypoint a 'b":            "example: --entrypoint",
		"entrypoint $(id)":           "example: --entrypoint",
		"workdir srv":                "absolute path",
		"hostname a b":               "not a host name",
		"hostname -a":                "not a host name",
		"add-host db":                "not HOST:IP",
		"add-host db:host-gateway":   "not an IP address",
		"add-host a b:10.0.0.1":      "not a host name",
		"mount /etc":                 "not SRC:DST",
		"mount .:etc":                "not an absolute path",
		"mount .:/":                  "hide the image",
		"mount .:/a/..":              "hide the image",
		"mount .:/proc/1":            "kernel or to slim",
		"mount .:/.slim/bin":         "kernel or to slim",
		"mount .:/a:rw":              "a colon",
		"mount missing:/a":           "no such file",
		"mount /dev/null:/a":         "neither a file nor a directory",
		"env-file missing":           "no such file",
		"target web":                 "needs --file",
		"file -":                     "standard input",
		"evidence {":                 "slim observe",
		"cache-from type=registry,x": "example: --cache-from",
	} {
		_, err := apply(t, line)
		var wrong *OptionError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", line, err, want)
		}
	}
	one := Table()[0]
	if err := one.Apply(&Options{}, []string{"linux/amd64", "linux/arm64"}); err == nil {
		t.Errorf("%s took two values", one.Name)
	}
}

// TestSetters checks that a repository sets nothing that only the operator may set.
func TestSetters(t *testing.T) {
	for _, o := range OptionsFor(Repository) {
		if o.SetBy != Repository {
			t.Errorf("OptionsFor(Repository) has %s, which is set by %d", o.Name, o.SetBy)
		}
		if slices.Contains([]string{"network", "probe-image", "force", "keep-going"}, o.Name) {
			t.Errorf("a repository sets %s", o.Name)
		}
	}
	if len(OptionsFor(Operator)) != len(Table()) {
		t.Errorf("the operator sets %d of %d options", len(OptionsFor(Operator)), len(Table()))
	}
	for _, o := range OptionsFor(BuildArgument) {
		if slices.Contains([]string{"push", "secret", "output", "mount", "env-file"}, o.Name) {
			t.Errorf("a build argument sets %s", o.Name)
		}
	}
}

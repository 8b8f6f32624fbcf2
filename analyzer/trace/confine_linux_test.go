package trace

import (
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// TestConfined: the sets are those that docker makes of --cap-drop ALL, --cap-add and --security-opt no-new-privileges.
func TestConfined(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root has capabilities to lose")
	}
	const none, chown, bind = "0000000000000000", "0000000000000001", "0000000000000400"
	chownOnly := &analyzer.Confinement{Capabilities: []string{"CAP_CHOWN"}}
	for _, test := range []struct {
		name    string
		user    string
		confine *analyzer.Confinement
		want    map[string]string
	}{
		{"root with one", "", chownOnly, map[string]string{"CapInh": none, "CapPrm": chown, "CapEff": chown, "CapBnd": chown, "CapAmb": none}},
		{"root without any", "", &analyzer.Confinement{},
			map[string]string{"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none}},
		{"an ordinary user", "1234:1234", chownOnly,
			map[string]string{"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": chown, "CapAmb": none}},
		{"an ordinary user with low ports", "1234:1234", &analyzer.Confinement{LowPorts: true},
			map[string]string{"CapInh": bind, "CapPrm": bind, "CapEff": bind, "CapBnd": bind, "CapAmb": bind}},
		{"a capability that the sandbox does not have", "", &analyzer.Confinement{Capabilities: []string{"CAP_CHOWN", "CAP_SYS_ADMIN"}},
			map[string]string{"CapInh": none, "CapPrm": chown, "CapEff": chown, "CapBnd": chown, "CapAmb": none}},
	} {
		test.want["NoNewPrivs"] = "1"
		for _, mode := range []order{{}, {Plain: true}, {First: true}} {
			mode.Entry = analyzer.Entry{Argv: []string{"/bin/cat", "/proc/self/status"}, User: test.user}
			mode.Confine = test.confine
			got := map[string]string{}
			for _, line := range strings.Split(string(observe(t, mode).Output.Body), "\n") {
				key, value, _ := strings.Cut(line, ":")
				if test.want[key] != "" {
					got[key] = strings.TrimSpace(value)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, plain %t, first %t (-want +got):\n%s", test.name, mode.Plain, mode.First, diff)
			}
		}
	}
}

// TestNoExec: from a mount with noexec nothing is executed and no code is mapped; a mount below it has rights of its own.
func TestNoExec(t *testing.T) {
	loader := ""
	for _, name := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-x86-64.so.2", "/lib/ld-musl-x86_64.so.1",
		"/lib/ld-linux-aarch64.so.1"} {
		if _, err := os.Stat(name); err == nil && loader == "" {
			loader = name
		}
	}
	program, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Skip("/bin/true: ", err)
	}
	dir, err := os.MkdirTemp("", "noexec")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, name := range []string{"closed", "closed/open", "volume"} {
		if err := os.MkdirAll(path.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path.Join(dir, name, "true"), program, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	confine := &analyzer.Confinement{Volumes: []layers.Path{layers.CleanPath(dir + "/volume")}, Tmpfs: []analyzer.Tmpfs{
		{Path: layers.CleanPath(dir + "/closed"), NoExec: true}, {Path: layers.CleanPath(dir + "/closed/open")}}}
	users := []string{identity(t)}
	if os.Getuid() == 0 {
		users = append(users, "1234:1234")
	}
	script := `try() { "$@" >/dev/null 2>&1; echo "$?"; }
		try closed/true; try closed/open/true; try volume/true; try ` + loader + ` closed/true; try ` + loader + ` volume/true`
	for _, user := range users {
		for _, plain := range []bool{false, true} {
			entry := analyzer.Entry{Argv: []string{"/bin/sh", "-c", script}, Dir: dir, User: user}
			got := observe(t, order{Plain: plain, Confine: confine, Entry: entry})
			codes := strings.Fields(string(got.Output.Body))
			if want := []string{"126", "0", "0", "127", "0"}; !cmp.Equal(codes, want) {
				t.Errorf("user %q, plain %t: exit codes %v, want %v", user, plain, codes, want)
			}
			refused := slices.ContainsFunc(got.Evidence.Missing, func(m analyzer.MissingPath) bool {
				return strings.HasSuffix(string(m.Path), "closed/true") && m.Errno == "EACCES" && slices.Contains(m.Ops, analyzer.OpExec)
			})
			if !refused {
				t.Errorf("user %q, plain %t: the refused execution is not among %v", user, plain, got.Evidence.Missing)
			}
		}
	}
}

func TestUnenforced(t *testing.T) {
	for _, test := range []struct {
		name    string
		confine *analyzer.Confinement
		want    string
	}{
		{"no profile", nil, ""},
		{"nothing granted", &analyzer.Confinement{}, ""},
		{"new privileges", &analyzer.Confinement{NewPrivileges: true}, "setuid bits and file capabilities had no effect"},
		{"a capability that nobody has", &analyzer.Confinement{Capabilities: []string{"CAP_NO_SUCH"}}, "CAP_NO_SUCH"},
	} {
		if got := strings.Join(Unenforced(test.confine), "\n"); !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: Unenforced() = %q, want %q", test.name, got, test.want)
		}
	}
}

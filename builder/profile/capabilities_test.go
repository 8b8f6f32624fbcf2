package profile

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// TestCapabilities: an ordinary user gets those of kept files, root those that its programs may need.
func TestCapabilities(t *testing.T) {
	root, user := analyzer.User{}, analyzer.User{UID: 33, GID: 33}
	sniffer := []analyzer.File{{Path: "usr/bin/sniff", Kind: "file", Capabilities: []string{"CAP_NET_RAW", "CAP_SYS_ADMIN"}}}
	for _, test := range []struct {
		name          string
		evidence      analyzer.Evidence
		plan          analyzer.Plan
		want          string
		newPrivileges bool
	}{
		{"an ordinary user", analyzer.Evidence{Syscalls: []string{"chown", "setuid"}}, analyzer.Plan{User: user}, "", false},
		{"a file capability of Docker's default set", analyzer.Evidence{Syscalls: []string{"read"}},
			analyzer.Plan{User: user, Files: sniffer}, "NET_RAW", true},
		{"a setuid program", analyzer.Evidence{Syscalls: []string{"read"}},
			analyzer.Plan{User: user, Setuid: []layers.Path{"usr/bin/crontab"}, Syscalls: []string{"setgid"}}, "SETGID", true},
		{"root without a need", analyzer.Evidence{Syscalls: []string{"read"}}, analyzer.Plan{User: root}, "", false},
		{"root that makes calls", analyzer.Evidence{Syscalls: []string{"chroot", "fchmodat"}}, analyzer.Plan{User: root},
			"FOWNER FSETID SYS_CHROOT", false},
		{"root that imports functions", analyzer.Evidence{Syscalls: []string{"read"}},
			analyzer.Plan{User: root, Syscalls: []string{"bind", "capset"}}, "NET_BIND_SERVICE SETPCAP", false},
		{"children of another user", analyzer.Evidence{Syscalls: []string{"read"}, Processes: []analyzer.Process{{UID: 0}, {UID: 33}}},
			analyzer.Plan{User: root}, "DAC_OVERRIDE KILL SETGID SETUID", false},
		{"an audit log", analyzer.Evidence{Syscalls: []string{"read"}},
			analyzer.Plan{User: root, Files: []analyzer.File{{Path: "usr/lib/libaudit.so.1", Kind: "file"}}}, "AUDIT_WRITE", false},
		{"calls that were not recorded", analyzer.Evidence{}, analyzer.Plan{User: root}, "CHOWN DAC_OVERRIDE FOWNER KILL SETGID SETUID", false},
	} {
		m := From(&test.evidence, &test.plan, "app:1")
		if got := strings.Join(m.ShortCapabilities(), " "); got != test.want || m.NewPrivileges != test.newPrivileges {
			t.Errorf("%s: capabilities %q, new privileges %t, want %q, %t", test.name, got, m.NewPrivileges, test.want, test.newPrivileges)
		}
		line, err := DockerRun(m)
		if err != nil || strings.Contains(line, "no-new-privileges") == test.newPrivileges {
			t.Errorf("%s: DockerRun = %q, %v, want new privileges %t", test.name, line, err, test.newPrivileges)
		}
	}
}

func TestWithCapabilities(t *testing.T) {
	root := From(&analyzer.Evidence{Syscalls: []string{"chroot"}}, &analyzer.Plan{}, "app:1")
	more := root.WithCapabilities([]string{"CAP_CHOWN"})
	if got := more.ShortCapabilities(); !cmp.Equal(got, []string{"CHOWN", "SYS_CHROOT"}) {
		t.Errorf("WithCapabilities = %q, want CHOWN and SYS_CHROOT", got)
	}
	want, old := rootKeeps+"CHOWN, SYS_CHROOT", rootKeeps+"SYS_CHROOT"
	if !slices.Contains(more.Warnings, want) || slices.Contains(more.Warnings, old) {
		t.Errorf("WithCapabilities: warnings %q, want %q once", more.Warnings, want)
	}
	user := From(&analyzer.Evidence{Syscalls: []string{"read"}}, &analyzer.Plan{User: analyzer.User{UID: 33}}, "app:1")
	if got := user.WithCapabilities([]string{"CAP_CHOWN"}).Capabilities; got != nil {
		t.Errorf("WithCapabilities of an ordinary user = %q, want none", got)
	}
}

// TestWritableMounts: an empty mount belongs to whom the directory in the image belongs, and is a volume where the image has files in it.
func TestWritableMounts(t *testing.T) {
	plan := webPlan()
	plan.User = analyzer.User{}
	plan.Directories = []analyzer.Directory{{Path: "run", Mode: 0o1777}, {Path: "var/cache/web", UID: 33, GID: 4, Mode: 0o2750}}
	var got []string
	for _, m := range From(webEvidence(), plan, "web:1").WithConfig(Config{Volumes: []string{"/data"}}).WritableMounts() {
		if m.Volume {
			got = append(got, "volume "+string(m.Path))
		} else {
			got = append(got, m.tmpfs())
		}
	}
	want := []string{"volume data", "/run:rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=0,gid=0",
		"/tmp:rw,noexec,nosuid,nodev,size=64m,mode=1777,uid=0,gid=0", "/var/cache/web:rw,noexec,nosuid,nodev,size=64m,mode=2750,uid=33,gid=4",
		"volume var/log/web"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("WritableMounts (-want +got):\n%s", diff)
	}
	devices := From(webEvidence(), plan, "web:1").WithCapabilities([]string{"CAP_MKNOD"}).WritableMounts()
	if devices[0].NoDev || !strings.Contains(devices[0].tmpfs(), ",dev,") {
		t.Errorf("WritableMounts with CAP_MKNOD = %s, want dev", devices[0].tmpfs())
	}
}

// TestHomeWritable: where the user brings the job, the home directory is writable.
func TestHomeWritable(t *testing.T) {
	for _, test := range []struct {
		rule analyzer.Rule
		want bool
	}{{analyzer.RuleOpenEnded, true}, {analyzer.RuleAppFile, false}} {
		plan := webPlan()
		plan.User.Home = "/home/ada"
		plan.Files = append(plan.Files, analyzer.File{Path: "home/ada", Kind: "dir"},
			analyzer.File{Path: "usr/bin/make", Kind: "file", Reasons: []analyzer.Reason{{Rule: test.rule}}})
		got := slices.ContainsFunc(From(webEvidence(), plan, "web:1").Writable, func(w Writable) bool { return w.Path == "home/ada" })
		if got != test.want {
			t.Errorf("home is writable with %q: %v, want %v", test.rule, got, test.want)
		}
	}
}

// TestOthersDirectories: where root's program becomes other users, what is theirs is writable, with their files in it.
func TestOthersDirectories(t *testing.T) {
	plan := &analyzer.Plan{Syscalls: []string{"setresuid"}, Directories: []analyzer.Directory{
		{Path: "home/ada", UID: 1000, GID: 1000, Mode: 0o700},
		{Path: "home/ada/x", UID: 1000, GID: 1000, Mode: 0o755}, {Path: "srv/read", UID: 1000, Mode: 0o555},
		{Path: "usr/lib/x", UID: 7, Mode: 0o755}, {Path: "var/mail", GID: 8, Mode: 0o2775}, {Path: "var/private", Mode: 0o700}}}
	for _, name := range []string{"home/ada", "home/ada/x", "srv/read", "usr/lib/x", "var/mail", "var/private"} {
		plan.Files = append(plan.Files, analyzer.File{Path: layers.Path(name), Kind: "dir"})
	}
	plan.Files = append(plan.Files, analyzer.File{Path: "home/ada/x/note", Kind: "file"})
	ev := &analyzer.Evidence{Syscalls: []string{"read"}}
	names := func() (list []string) {
		for _, w := range From(ev, plan, "app:1").Writable {
			list = append(list, string(w.Path))
		}
		return list
	}
	if diff := cmp.Diff([]string{"home/ada", "var/mail"}, names()); diff != "" {
		t.Errorf("writable of root that becomes others (-want +got):\n%s", diff)
	}
	plan.Syscalls = nil
	if got := names(); got != nil {
		t.Errorf("writable of root that stays root = %q, want none", got)
	}
}

// TestLowPorts: the sysctl also serves a port on the loopback address.
func TestLowPorts(t *testing.T) {
	for address, want := range map[string]bool{"127.0.0.1": true, "0.0.0.0": true} {
		ev := &analyzer.Evidence{Runs: []analyzer.Run{{Listen: []analyzer.Socket{{Network: "tcp", Address: address, Port: 80}}}}}
		for uid, opens := range map[uint32]bool{0: false, 33: want} {
			m := From(ev, &analyzer.Plan{User: analyzer.User{UID: uid}}, "app:1")
			if got := m.OpensLowPorts(); got != opens {
				t.Errorf("user %d with port 80 of %s: OpensLowPorts() = %t, want %t", uid, address, got, opens)
			}
		}
	}
}

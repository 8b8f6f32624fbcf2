package lint_test

import (
	stdelf "debug/elf"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer/elf/elftest"
	"github.com/slimimage/slim/analyzer/lint"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/layerstest"
)

// image is a small image: a tree as layerstest.TreeFromTxtar reads it, and the rest of lint.Input.
type image struct {
	tree     string
	config   v1.Config
	history  []string
	ref      string
	attached *layers.Attached
	disable  []string
	capable  string            // a file with a capability, which a txtar cannot say
	deleted  map[string]string // content by name, all of layer 0
}

func (i image) input(t *testing.T) lint.Input {
	t.Helper()
	root, err := layerstest.TreeFromTxtar([]byte(i.tree))
	if err != nil {
		t.Fatal(err)
	}
	if i.capable != "" {
		info, err := root.Lstat(i.capable)
		if err != nil {
			t.Fatal(err)
		}
		info.Sys().(*layers.Inode).Capability = "x"
	}
	config := &v1.ConfigFile{Config: i.config}
	for _, step := range i.history {
		config.History = append(config.History, v1.History{CreatedBy: step})
	}
	in := lint.Input{Image: "test", Config: config, Root: root, Reference: i.ref, Attached: i.attached, Disable: i.disable}
	if i.deleted != nil {
		in.Deleted = hidden(i.deleted)
	}
	return in
}

func check(t *testing.T, i image) *lint.Report {
	t.Helper()
	report, err := lint.Check(i.input(t))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func result(t *testing.T, report *lint.Report, id string) lint.Result {
	t.Helper()
	for _, r := range report.Results {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("there is no result of %s", id)
	return lint.Result{}
}

// told are the findings of a result, one line each: "level place: message".
func told(r lint.Result) []string {
	var lines []string
	for _, f := range r.Findings {
		place := f.Key
		if f.Path != "" {
			place = f.Path.String()
		}
		lines = append(lines, string(f.Level)+" "+place+": "+f.Message)
	}
	return lines
}

// A row of the table: an image that the rule does not like and what it says, and one that it likes. A rule that likes nothing but
// cannot tell is in TestNotChecked.
type row struct {
	bad  image
	want []string
	good image
}

// secret is made here so that scanners of this repository find none.
var secret = "ghp_" + strings.Repeat("a1B2", 9)

const debian = `-- etc/os-release --
ID=debian
VERSION_ID="12"
-- etc/debian_version --
12.5
-- etc/tool.conf --
changed by the administrator
-- usr/bin/tool --
#!/bin/tool
-- var/lib/dpkg/status.d/tool --
Package: tool
Version: 1
Architecture: amd64
Conffiles:
 /etc/tool.conf 00000000000000000000000000000000
-- var/lib/dpkg/status.d/tool.md5sums --
72037e355221fc6eb4d660e435e345f4  usr/bin/tool
00000000000000000000000000000000  etc/tool.conf
`

// with adds ELF files to a tree.
func with(tree string, files map[string]elftest.Spec) image {
	for _, name := range sortedKeys(files) {
		tree += "-- " + name + " --\n" + string(elftest.Build(files[name])) + "\n"
	}
	return image{tree: tree}
}

var (
	stack = elftest.Mark{Type: stdelf.PT_GNU_STACK, Flags: stdelf.PF_R | stdelf.PF_W}
	relro = elftest.Mark{Type: stdelf.PT_GNU_RELRO, Flags: stdelf.PF_R}
	good  = elftest.Spec{
		Interp: "/lib/ld.so", Flags1: stdelf.DF_1_PIE | stdelf.DF_1_NOW, Needed: []string{"libc.so.6"},
		Symbols: []string{"__stack_chk_fail", "__printf_chk"},
		Marks:   []elftest.Mark{stack, relro},
	}
	// bare has nothing of what good has.
	bare = elftest.Spec{Type: stdelf.ET_EXEC, Interp: "/lib/ld.so", Needed: []string{"libc.so.6"}, Symbols: []string{"printf"}}
)

func TestRules(t *testing.T) {
	table := map[string]row{}
	for _, part := range []map[string]row{baseRows, buildRows(), componentRows(), secretRows(), userRows, runtimeRows, attachedRows,
		otherRows} {
		for id, r := range part {
			table[id] = r
		}
	}
	for _, rule := range lint.Rules() {
		r, ok := table[rule.ID]
		if !ok {
			t.Errorf("%s has no test", rule.ID)
			continue
		}
		delete(table, rule.ID)
		bad := result(t, check(t, r.bad), rule.ID)
		if diff := cmp.Diff(r.want, told(bad)); diff != "" || bad.Status != lint.Failed {
			t.Errorf("%s of the bad image: %s (-want +got)\n%s", rule.ID, bad.Status, diff)
		}
		for _, f := range bad.Findings {
			if f.Next == "" {
				t.Errorf("%s says nothing to do: %+v", rule.ID, f)
			}
		}
		if got := result(t, check(t, r.good), rule.ID); got.Status != lint.Passed {
			t.Errorf("%s of the good image: %s, %s, %q; want passed", rule.ID, got.Status, got.Reason, told(got))
		}
	}
	for id := range table {
		t.Errorf("the table has a rule %s that there is not", id)
	}
}

var baseRows = map[string]row{
	"B1-stray": {
		bad: image{tree: "dir app/.git\ndir app/.git-not\nfile app/.git/config\nfile app/Dockerfile\nfile " +
			"app/node_modules/x/Dockerfile\nfile .git2\n"},
		want: []string{"warning /app/.git: a directory of a workplace", "warning /app/Dockerfile: a file of a workplace"},
		good: image{tree: "file app/main\n"},
	},
	"B1-cache": {
		bad:  image{tree: "-- var/lib/apt/lists/x_Packages --\nPackage: x\n-- var/cache/apk/a.apk --\nx\n"},
		want: []string{"warning /var/cache/apk: a cache of 2 bytes", "warning /var/lib/apt/lists: a cache of 11 bytes"},
		good: image{tree: "dir var/lib/apt/lists\nfile var/lib/apt/lists/lock\n"},
	},
	"B2-name": {
		want: []string{"note config.Labels: org.opencontainers.image.base.name is not set"},
		good: image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.base.name": "docker.io/library/debian:12"}}},
	},
	"B3-digest": {
		bad:  image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.base.digest": "sha256:12"}}},
		want: []string{`warning config.Labels: org.opencontainers.image.base.digest is not a digest: "sha256:12"`},
		good: image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.base.digest": "sha256:" + strings.Repeat("0a", 32)}}},
	},
	"B3-latest": {
		bad:  image{ref: "registry:5000/app"},
		want: []string{`warning reference: "registry:5000/app" is another image tomorrow`},
		good: image{ref: "registry:5000/app@sha256:" + strings.Repeat("0a", 32)},
	},
}

func buildRows() map[string]row {
	elfs := func(spec elftest.Spec) image { return with("", map[string]elftest.Spec{"usr/bin/x": spec}) }
	p9 := func(message string) row {
		return row{bad: elfs(bare), want: []string{"note /usr/bin/x: " + message}, good: elfs(good)}
	}
	pie := p9("the program is at a fixed address")
	pie.want[0] = strings.Replace(pie.want[0], "note", "warning", 1)
	return map[string]row{
		"P5-compiler": {
			bad: image{tree: "file usr/bin/x86_64-linux-gnu-gcc-12\nmode usr/bin/x86_64-linux-gnu-gcc-12 755\nfile usr/bin/m4\nmode usr/bin/m4 " +
				"755\nsymlink usr/bin/cc -> x86_64-linux-gnu-gcc-12\nfile usr/local/go/bin/go\nmode usr/local/go/bin/go 755\n"},
			want: []string{"warning /usr/bin/cc: cc is for building (a link to /usr/bin/x86_64-linux-gnu-gcc-12)",
				"warning /usr/bin/m4: m4 is for building", "warning /usr/bin/x86_64-linux-gnu-gcc-12: x86_64-linux-gnu-gcc-12 is for building",
				"warning /usr/local/go/bin/go: go is for building"},
			good: image{tree: "file usr/share/doc/gcc\nfile usr/bin/go\nmode usr/bin/go 755\nsymlink usr/bin/cc -> gone\nfile usr/bin/make\n"},
		},
		"P5-packages": {
			bad:  image{tree: strings.ReplaceAll(debian, "Package: tool", "Package: openjdk-17-jdk-headless")},
			want: []string{`warning /etc/tool.conf: package "openjdk-17-jdk-headless" is for building`},
			good: image{tree: strings.ReplaceAll(debian, "Package: tool", "Package: gcc-12-base")},
		},
		"P5-headers": {
			bad:  image{tree: "file usr/include/a.h\nfile usr/include/sub/b.h\nfile opt/x/lib/libx.a\nfile opt/x/lib/x.a\n"},
			want: []string{"note /opt/x/lib: 1 static libraries", "note /usr/include: 2 headers"},
			good: image{tree: "file opt/x/include/a.h\n"},
		},
		"P9-pie": pie,
		"P9-nx": {
			bad:  with("", map[string]elftest.Spec{"a": {Marks: []elftest.Mark{stack, {Type: stdelf.PT_LOAD, Flags: 7}}}, "b": {}}),
			want: []string{"warning /a: a segment is writable and executable", "warning /b: it asks for an executable stack"},
			good: elfs(good),
		},
		"P9-relro": {
			bad:  with("", map[string]elftest.Spec{"a": {Marks: []elftest.Mark{relro}}, "b": {}}),
			want: []string{"note /a: partial RELRO: functions are bound late", "note /b: no RELRO"},
			good: elfs(good),
		},
		"P9-canary":  p9("no stack protector, or no function that needs one"),
		"P9-fortify": p9("printf and the like are not the checking ones"),
	}
}

func componentRows() map[string]row {
	return map[string]row{
		"C1-os": {
			bad:  image{tree: strings.ReplaceAll(debian, "etc/debian_version", "etc/other")},
			want: []string{`error /etc/debian_version: it is missing, and os-release says "debian"`},
			good: image{tree: debian},
		},
		"C1-records": {
			bad:  image{tree: "-- usr/lib/os-release --\nID=alpine\n"},
			want: []string{`error packages: os-release says "alpine", but no package is recorded`},
			good: image{tree: debian},
		},
		"C1-unowned": {
			bad: with(debian, map[string]elftest.Spec{"opt/lib.so": {}, "opt/app": {Interp: "/x", Strings: []string{"\xff Go buildinf:"}},
				"usr/lib/python3/site-packages/x.so": {}}),
			want: []string{"note /opt/lib.so: no package has this library"},
			good: image{tree: debian},
		},
		"C2-version": {
			bad:  image{tree: strings.ReplaceAll(debian, `VERSION_ID="12"`, "")},
			want: []string{"warning /etc/os-release: it has no VERSION_ID: records of vulnerabilities are kept by release"},
			good: image{tree: debian},
		},
		"C3-checksums": {
			bad:  image{tree: strings.ReplaceAll(debian, "#!/bin/tool", "#!/bin/fool")},
			want: []string{`error /usr/bin/tool: its checksum is not the one that package "tool" recorded`},
			good: image{tree: debian},
		},
		"C6-remote": {
			bad: image{tree: "file usr/sbin/sshd\nmode usr/sbin/sshd 755\nfile bin/busybox\nmode bin/busybox 755\nsymlink bin/nc -> " +
				"busybox\nsymlink usr/bin/wget -> /bin/busybox\n"},
			want: []string{"error /usr/sbin/sshd: sshd lets somebody in from outside",
				"warning /bin/nc: nc reaches other machines (a link to /bin/busybox)",
				"note /usr/bin/wget: wget fetches files from elsewhere (a link to /bin/busybox)"},
			good: image{tree: "file usr/lib/openssh/ssh-keysign\nfile etc/ssh\n"},
		},
		"C6-port": {
			bad:  image{config: v1.Config{ExposedPorts: map[string]struct{}{"22/tcp": {}, "2222/tcp": {}}}},
			want: []string{`error config.ExposedPorts: "22/tcp" is SSH's`},
			good: image{config: v1.Config{ExposedPorts: map[string]struct{}{"8022": {}}}},
		},
	}
}

func secretRows() map[string]row {
	key := "-----BEGIN RSA PRIVATE KEY-----\n" + strings.Repeat("abcdefgh", 8) + "\n"
	return map[string]row{
		"S1-env": {
			bad: image{config: v1.Config{Env: []string{"DB_PASSWORD=hunter22", "URL=https://me:word@host/", "X=" + secret, "GPG_KEY=ABCDEF",
				"TOKEN_FILE=/run/x", "PATH=/bin"}}},
			want: []string{`error config.Env: "DB_PASSWORD": its name says that its value is a secret`,
				`error config.Env: "URL": it contains a URL with a password`, `error config.Env: "X": it contains a token of GitHub`},
			good: image{config: v1.Config{Env: []string{"DB_PASSWORD=", "API_KEY=/run/secrets/key", "URL=https://host/a:b@c", "PASSENGER_APP=web",
				"KEYS=$OTHER"}}},
		},
		"S1-labels": {
			bad:  image{config: v1.Config{Labels: map[string]string{"deploy.token": "abc123"}}},
			want: []string{`error config.Labels: "deploy.token": its name says that its value is a secret`},
			good: image{config: v1.Config{Labels: map[string]string{"org.opencontainers.image.title": "token service"}}},
		},
		"S1-history": {
			bad: image{history: []string{"RUN |1 NPM_TOKEN=abc123 /bin/sh -c npm ci # buildkit", "/bin/sh -c #(nop)  ENV A=1 SECRET_KEY=\"x y\"",
				"RUN /bin/sh -c curl -H 'token: " + secret + "' # buildkit",
				"RUN |1 NOTE=two\nlines PASSWORD=x /bin/sh -c true"}},
			want: []string{`error history[0]: "NPM_TOKEN": its name says that its value is a secret`,
				`error history[1]: "SECRET_KEY": its name says that its value is a secret`, "error history[2]: it contains a token of GitHub",
				`error history[3]: "PASSWORD": its name says that its value is a secret`},
			good: image{history: []string{"RUN /bin/sh -c echo PASSWORD=x # buildkit", "ENV PATH=/bin", `CMD ["x"]`}},
		},
		"S1-files": {
			bad: image{tree: debian + "-- app/key --\n" + key + "-- app/node_modules/x/test.pem --\n" + key + "-- etc/tool.key --\n" + key +
				"-- usr/share/tool.pem --\n" + key +
				"-- var/lib/dpkg/status.d/tool.md5sums --\n" + strings.Repeat("0", 32) + "  usr/share/tool.pem\n",
				deleted: map[string]string{"root/.npmrc": "\n" + secret}},
			want: []string{"error /app/key: a private key in line 1", "error /etc/tool.key: a private key in line 1",
				"error /root/.npmrc: a token of GitHub in line 2 of a file in layer 1 that a later one hides",
				"error /usr/share/tool.pem: a private key in line 1",
				"warning /app/node_modules/x/test.pem: a private key in line 1, in a package that anybody can have"},
			good: image{tree: "-- app/cert.pem --\n-----BEGIN CERTIFICATE-----\n-- app/doc --\nAKIAIOSFODNN7EXAMPLE\n-- app/template " +
				"--\n-----BEGIN RSA PRIVATE KEY-----\n<your key>\n"},
		},
		"S1-names": {
			bad: image{tree: "-- app/.env --\nA=1\n-- root/.ssh/id_rsa --\nx\n-- home/me/.docker/config.json --\n{}\n-- app/store.jks --\nx\n"},
			want: []string{"error /root/.ssh/id_rsa: a file of this name usually holds credentials",
				"warning /app/.env: a file of this name usually holds credentials",
				"warning /app/store.jks: a file of this name usually holds credentials",
				"warning /home/me/.docker/config.json: a file of this name usually holds credentials"},
			good: image{tree: "file app/.env\n-- app/site-packages/django/settings.py --\nx\n-- root/.ssh/id_rsa.pub --\nx\n"},
		},
	}
}

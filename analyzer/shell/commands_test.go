package shell_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slimimage/slim/analyzer/shell"
)

func commands(t *testing.T, src, name string, env map[string]string) shell.Script {
	t.Helper()
	s, err := shell.Commands([]byte(src), name, env)
	if err != nil {
		t.Fatalf("Commands: %v", err)
	}
	return s
}

func TestCommands(t *testing.T) {
	env := map[string]string{"HOME": "/home/app", "APP": "/srv/app"}
	tests := map[string]struct {
		src  string
		want shell.Script
	}{
		"every branch, function bodies, no functions, no builtins": {
			"f() { sed s/a/b/; }\nif true; then ls | grep x; else cp a b && mv a b || rm -f a; fi" +
				"\nf; cd /tmp; echo hi; [ -x a ]; while read l; do cut -c1; done",
			shell.Script{Commands: []string{"cp", "cut", "grep", "ls", "mv", "rm", "sed"}, Paths: []string{"/tmp"}},
		},
		"wrappers": {
			"exec gosu app:app nginx -g x\nnohup nice -n 5 timeout -s KILL 5 curl x &\nenv -u A B=1 /opt/tool\nsudo -u app -E id\n" +
				"setpriv --reuid=1 --groups 2 --clear-groups whoami\nfind /var -type f -exec chown a {} + -o -exec chmod 1 {} \\;\nxargs -0 -n 1 wc\n" +
				"chroot /x tar x\ncommand -v jq >/dev/null\nexec -a name tini -- perl",
			shell.Script{
				Commands: []string{
					"/opt/tool", "chmod", "chown", "chroot", "curl", "env", "find", "gosu", "id", "jq", "nginx", "nice", "nohup", "perl", "setpriv",
					"sudo", "tar", "timeout", "tini", "wc", "whoami", "xargs",
				},
				Paths: []string{"/dev/null", "/opt/tool", "/var", "/x"},
			},
		},
		"substitutions, traps, inner scripts": {
			"x=$(date +%s)`uname -r`\ntrap 'pkill -f x; rm /run/pid' EXIT" +
				"\nsh -ec 'awk 1 | sort'\nbash -c \"tr a b\"\neval \"cmp a b\"\nsu app -s /bin/bash -c 'env'",
			shell.Script{
				Commands: []string{"/bin/bash", "awk", "bash", "cmp", "date", "env", "pkill", "rm", "sh", "sort", "su", "tr", "uname"},
				Paths:    []string{"/bin/bash", "/run/pid"},
			},
		},
		"constants": {
			"DAEMON=/usr/sbin/appd\nBIN=${APP}/bin\nCONF=${CONF:-/etc/app.conf}\nexport LIBEXEC=\"$BIN/x\"" +
				"\n$DAEMON -c $CONF\n\"$BIN/run\"\n$LIBEXEC\nOPTS='/bin/two words'\n$OPTS\n" +
				"L=\"/a/one /a/two\"; for c in $L; do $c; done\n~/bin/mine",
			shell.Script{
				Commands: []string{"/a/one", "/a/two", "/bin/two", "/home/app/bin/mine", "/srv/app/bin/run", "/srv/app/bin/x", "/usr/sbin/appd"},
				Paths: []string{
					"/a/one", "/a/two", "/bin/two", "/etc/app.conf", "/home/app/bin/mine", "/srv/app/bin", "/srv/app/bin/run", "/srv/app/bin/x",
					"/usr/sbin/appd",
				},
				Vars: map[string]string{"DAEMON": "/usr/sbin/appd", "BIN": "/srv/app/bin", "LIBEXEC": "/srv/app/bin/x", "L": "/a/one /a/two",
					"OPTS": "/bin/two words"},
			},
		},
		"unknown parts": {
			"cat /etc/app/$1.conf\n/usr/lib/app/$MODE\nfor f in /entry.d/*.sh; do . \"$f\"; done" +
				"\necho \"$X/not/root\" \"--a=$1 --b=/etc/b.conf\"\n$1\n/$1\nls /$1/x",
			shell.Script{Commands: []string{"cat", "ls"}, Paths: []string{"/etc/b.conf"}, Prefixes: []string{"/entry.d/", "/etc/app/",
				"/usr/lib/app/"}},
		},
		"sourced": {
			". /lib/lsb/init-functions\nsource ./env.sh\nDIR=$(dirname \"$0\")\n. \"$DIR/lib.sh\"" +
				"\nHERE=\"$(cd \"$(dirname \"$0\")\" && pwd)\"\n. \"${HERE}/two.sh\"" +
				"\nsh -e /opt/other.sh arg\n. \"${0%/*}/three.sh\"\nUP=`cd \"$DIR/..\" >/dev/null; pwd`\n. $UP/four.sh",
			shell.Script{
				Commands: []string{"dirname", "sh"}, Sourced: []string{"./env.sh", "/lib/lsb/init-functions", "/opt/other.sh", "/usr/bin/../four.sh",
					"/usr/bin/lib.sh", "/usr/bin/three.sh", "/usr/bin/two.sh"},
				Paths: []string{"/dev/null", "/lib/lsb/init-functions", "/opt/other.sh", "/usr/bin", "/usr/bin/..", "/usr/bin/../four.sh",
					"/usr/bin/lib.sh", "/usr/bin/three.sh", "/usr/bin/two.sh", "/usr/bin/x"},
				Vars: map[string]string{"DIR": "/usr/bin", "HERE": "/usr/bin", "UP": "/usr/bin/.."},
			},
		},
		"paths in redirections, here-documents, options, lists; not in comments": {
			"# see /usr/share/doc/x\nx >/var/log/a.log 2>&1 <<EOF\nroot /srv/www; # * $X /etc/c\nhttp://host/p\nEOF" +
				"\nPATH=/opt/bin:$PATH y --conf=/etc/y.conf 'k=/q;'",
			shell.Script{
				Commands: []string{"x", "y"}, Paths: []string{"/etc/c", "/etc/y.conf", "/opt/bin", "/q", "/srv/www", "/var/log/a.log"},
			},
		},
		"an entrypoint's arguments": {
			"if [ \"${1#-}\" != \"$1\" ]; then set -- server \"$@\"; fi\nset -- gosu app \"$0\" \"$@\"\nexec \"$@\"",
			shell.Script{Commands: []string{"/usr/bin/x", "gosu", "server"}, Paths: []string{"/usr/bin/x"}},
		},
		"a function hides a program, but not from env": {
			"ls() { command ls --color; }\nps() { :; }\nls; ps",
			shell.Script{Commands: []string{"ls"}},
		},
		"init script": {
			"start-stop-daemon --start --exec=/usr/sbin/d -- -x no\nstart-stop-daemon -S -x /usr/sbin/e",
			shell.Script{Commands: []string{"/usr/sbin/d", "/usr/sbin/e", "start-stop-daemon"}, Paths: []string{"/usr/sbin/d", "/usr/sbin/e"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := commands(t, test.src, "usr/bin/x", env)
			ignore := cmpopts.IgnoreFields(shell.Script{}, "Lang")
			if test.want.Vars == nil {
				ignore = cmpopts.IgnoreFields(shell.Script{}, "Lang", "Vars")
			}
			if diff := cmp.Diff(test.want, got, ignore); diff != "" {
				t.Errorf("Commands (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDialect(t *testing.T) {
	tests := map[string]struct {
		lang     string
		tolerant bool
	}{
		"echo": {"posix", false}, "#!/bin/bash\nx=(a b)": {"bash", false}, "#!/usr/bin/env bash\n[[ a ]]": {"bash", false},
		"#!/bin/ksh\nprint a": {"mksh", false}, "#!/bin/sh\nx=(a b)": {"bash", false}, "#!/bin/sh\nif": {"posix", true},
	}
	for src, want := range tests {
		s := commands(t, src, "x", nil)
		if s.Lang != want.lang || s.Tolerant != want.tolerant || s.Tolerant != (s.Warning != "") {
			t.Errorf("Commands(%q) = %q, tolerant %v, %q; want %q, %v", src, s.Lang, s.Tolerant, s.Warning, want.lang, want.tolerant)
		}
	}
}

func TestTolerant(t *testing.T) {
	s := commands(t, "#!/bin/sh\nif then fi (\nexec /usr/sbin/app --conf /etc/app.conf\nX=1 grep a | \"sort\" # note\n. /etc/rc\n", "x", nil)
	if diff := cmp.Diff([]string{"/usr/sbin/app", "grep", "sort"}, s.Commands); diff != "" || !s.Tolerant {
		t.Errorf("Commands (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/bin/sh", "/etc/app.conf", "/etc/rc", "/usr/sbin/app"},
		append([]string{"/bin/sh"}, s.Paths...)); diff != "" {
		t.Errorf("Paths (-want +got):\n%s", diff)
	}
}

func TestHostile(t *testing.T) {
	n := shell.MaxSize
	for name, src := range map[string]string{
		"brackets": strings.Repeat("(", n), "substitutions": strings.Repeat("$(", n/2), "operators": "echo $((" + strings.Repeat("- ", n/2) +
			"1))",
		"keywords": strings.Repeat("if ", n/3), "doubling": "x=a" + strings.Repeat(";x=$x$x", n/8), "parts": "y=" + strings.Repeat("$a", n/2),
		"arguments": "a" + strings.Repeat(" $b", n/3), "lines": strings.Repeat("/a/b\n", n/5), "heredoc": "cat <<A\n" + strings.Repeat("$a/b ",
			n/5) + "\nA\n",
		"large": strings.Repeat("echo /a\n", n/4), "echoes": strings.Repeat("$(echo ", 30_000) + strings.Repeat(")", 30_000),
		"traps": strings.Repeat("sh -c 'sh -c \"a b\"'\n", n/20), "slashes": strings.Repeat("/", n), "branches": strings.Repeat("x=/a/$x y=$x$y ",
			n/16),
	} {
		t.Run(name, func(t *testing.T) {
			begin := processorTime(t)
			commands(t, src, "x", map[string]string{"b": strings.Repeat("w ", 1000)})
			if took := processorTime(t) - begin; took > 10*time.Second {
				t.Errorf("Commands took %v of processor time", took)
			}
		})
	}
	if _, err := shell.Commands([]byte("#!/bin/sh\n\x00"), "x", nil); err == nil {
		t.Error("Commands of a file with a NUL byte: no error")
	}
}

// processorTime is what this process has used so far: unlike the clock, it does not depend on what else the machine does.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}

func FuzzCommands(f *testing.F) {
	f.Add([]byte("#!/bin/sh\nX=${Y:-/a}\nexec $X \"$@\" <<E\n/b\nE\n"))
	f.Add([]byte("#!/bin/bash\nf() { trap 'rm /x' EXIT; }; a=(1 2); [[ -f /y ]] && source ~/z; find . -exec sh -c '$0' {} \\;"))
	f.Add([]byte("case $1 in a) eval 'x';; esac; y=${y%/*}${y##*/}${#y}; $(cd /d && pwd)/e"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<14 {
			return
		}
		s, err := shell.Commands(src, "x", map[string]string{"Y": "/y"})
		if err != nil {
			return
		}
		for _, p := range append(s.Paths, s.Prefixes...) {
			if !strings.HasPrefix(p, "/") || len(p) < 2 {
				t.Fatalf("path %q", p)
			}
		}
	})
}

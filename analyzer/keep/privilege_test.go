package keep

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers"
)

// runOf is evidence from lines: "PROGRAM [ARGV0] [by PROGRAM] [main] [from UID] [uid UID] [stays] [execs] [returns] [listens] [beside]", or
// "power CAPABILITY PROGRAM [on UID] [serving]". The run is a server's unless a line says "command".
func runOf(t *testing.T, text string) *analyzer.Evidence {
	t.Helper()
	e := observation(analyzer.Run{Name: "default", Kind: analyzer.KindServer})
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "command":
			e.Runs[0].Kind = analyzer.KindCommand
		case words[0] == "power":
			p := analyzer.Power{Capability: words[1], Exe: layers.Path(words[2]), Serving: slices.Contains(words, "serving")}
			p.On = after(words, "on")
			e.Powers = append(e.Powers, p)
		default:
			e.Processes = append(e.Processes, processOf(words))
		}
	}
	return e
}

func after(words []string, key string) (n uint32) {
	if i := slices.Index(words, key); i >= 0 {
		_, _ = fmt.Sscan(words[i+1], &n)
	}
	return n
}

func processOf(words []string) analyzer.Process {
	has := func(word string) bool { return slices.Contains(words, word) }
	p := analyzer.Process{Exe: layers.Path(words[0]), Argv: words[:1], From: after(words, "from"), UID: after(words, "uid"),
		Stays: has("stays"),
		Execs: has("execs"), Returns: has("returns"), Listens: has("listens")}
	p.GID = p.UID + 1
	switch {
	case has("main"):
		p.Role = analyzer.RoleMain
	case has("beside"):
		p.Role = analyzer.RoleBeside
	}
	if i := slices.Index(words, "by"); i > 0 {
		p.By = layers.Path(words[i+1])
	}
	if i := slices.Index(words, "as"); i > 0 {
		p.Argv = []string{words[i+1]}
	}
	return p
}

// imports are what the programs of the tests can do.
var imports = map[layers.Path][]string{"nginx": {"setuid"}, "cron": {"initgroups", "setuid"}, "sshd": {"chroot"}, "named": {"setuid"},
	"su":   {"initgroups"},
	"ftpd": {"chroot"}, "lighttpd": {"setuid"}, "tar": {"initgroups"}, "squid": {"setresuid"}, "smtpd": {"setuid"}, "haproxy": {"chroot"}}

func decided(e *analyzer.Evidence) string {
	e.Normalize()
	r := rootRights{seen: e, functions: func(exe layers.Path) []string { return imports[exe] },
		base: func(exe layers.Path) bool { return exe == "tar" || exe == "su" }}
	switch got := r.decide(); {
	case got.why != "":
		return "root: " + got.why
	case got.exe != "":
		return fmt.Sprintf("%d%v %s", got.uid, got.gids, got.exe)
	}
	return "nonroot"
}

// TestRootRights has the ways in which images start as root. Lines after "maybe" are what a run may have seen or not, by chance: the
// answer is the same for the first of them and for all.
func TestRootRights(t *testing.T) {
	for name, test := range map[string]struct{ run, maybe, want string }{
		"nothing":          {"", "", "nonroot"},
		"one root program": {"app main stays", "curl beside\ncurl uid 33 beside", "nonroot"},
		"master and workers": {"nginx main stays listens\nnginx by nginx uid 33 stays\npower CAP_SETUID nginx on 33", "nginx by nginx",
			"33[34] nginx"},
		"under an init": {"tini main stays\nnginx by tini stays\nnginx by nginx uid 33 stays", "nginx by nginx uid 33",
			"33[34] nginx"},
		"the program itself": {"named main uid 100 stays\npower CAP_SETUID named on 100\npower CAP_SETGID named on 0", "", "100[101] named"},
		"chroot and user":    {"haproxy main uid 99 stays\npower CAP_SYS_CHROOT haproxy\npower CAP_SETUID haproxy on 99", "", "99[100] haproxy"},
		"start script": {"sh main execs\nfind by sh\nchown by find\ngosu by sh main uid 7 execs\nredis by gosu main from 7 uid 7 stays " +
			"listens\n" +
			"power CAP_SETUID gosu on 7\npower CAP_CHOWN chown on 7", "tar by sh", "7[8] redis"},
		"su that waits": {"sh main execs\nsu by sh main stays\nsu by su uid 7 execs\ndb by su from 7 uid 7 stays listens\npower CAP_SETUID su " +
			"on 7", "",
			"7[8] db"},
		"a loop beside it": {"sh main stays\nsh by sh stays\nsleep by sh\nsu by sh uid 7 execs\ndb by su from 7 uid 7 listens stays",
			"sleep by sh stays",
			"7[8] db"},
		"users of clients": {"tini main stays\nsshd by tini stays", "power CAP_SETUID sshd on 105 serving\nsshd by sshd uid 105", "root: sshd"},
		"always a client": {"mon main stays listens\nmon by mon uid 5\npower CAP_SETUID mon on 5 serving", "",
			"root: mon becomes another user for its clients"},
		"may become others": {"lighttpd main stays", "", "root: lighttpd stays root"},
		"cron": {"cron main stays", "power CAP_SETUID cron on 33\ncron by cron uid 33 execs\nsh by cron from 33 uid 33\nreport by sh from 33 " +
			"uid 33 stays",
			"root: cron"},
		"supervised": {"boss main stays\nnginx by boss stays\nnginx by nginx uid 33 stays\nwsgi by boss uid 33 stays\ncron by boss stays",
			"cron by cron execs\nsh by cron stays\nawk by sh\nsort by sh stays\npower CAP_DAC_OVERRIDE awk on 33", "root: cron stays root"},
		"supervised, one user": {"boss main stays\nnginx by boss stays\nnginx by nginx uid 33 stays\nwsgi by boss uid 33 stays listens", "",
			"33[34] nginx"},
		"supervised, one root": {"boss main stays\nnginx by boss stays\nnginx by nginx uid 33 stays\nredis by boss stays", "",
			"root: redis stays root beside it"},
		"supervised, two users": {"boss main stays\nboss by boss uid 33 execs\nweb by boss from 33 uid 33 stays\nboss by boss uid 7 execs\n" +
			"db by boss from 7 uid 7 stays", "", "root: its programs ran as several users: boss as 7, boss as 33"},
		"several users": {"master main stays\nsmtpd by master uid 100 stays\nqmgr by master uid 101 stays", "",
			"root: its programs ran as several"},
		"returns":  {"squid main stays\nsquid by squid uid 13 returns stays\npower CAP_SETUID squid on 13", "", "root: squid"},
		"returned": {"app main stays\npower CAP_SETUID app on 13\npower CAP_SETUID app", "", "root: app becomes another user for a time"},
		"setuid program": {"nginx main stays\nnginx by nginx uid 33 stays\nmail by nginx uid 0\npower CAP_SETUID mail", "",
			"root: mail becomes another user for a time, or becomes root"},
		"multi-call":       {"busybox as sh main stays\nbusybox as crond by busybox stays", "", "root: busybox crond stays root"},
		"a shell's worker": {"busybox as sh main stays\nsu-exec by busybox uid 7 execs\ndb by su-exec from 7 uid 7 stays listens", "", "7[8] db"},
		"a helper as another user": {"app main stays listens\nsu by app uid 65534 execs\nid by su from 65534 uid 65534\npower CAP_SETUID su " +
			"on 65534", "",
			"root: app stays root"},
		"powers at its start":  {"app main stays listens\npower CAP_CHOWN app on 33\npower CAP_DAC_OVERRIDE app on 33", "", "nonroot"},
		"powers while serving": {"app main stays listens\npower CAP_CHOWN app on 33 serving", "", "root: app gives files to other users"},
		"others' files": {"app main stays\npower CAP_DAC_OVERRIDE app on 33 serving", "",
			"root: app uses files that their mode keeps from all but user 33"},
		"own files":         {"app main stays\npower CAP_DAC_OVERRIDE app serving\npower CAP_FOWNER app serving", "", "nonroot"},
		"raw sockets":       {"pinger main stays\npower CAP_NET_RAW pinger", "", "root: pinger opens raw sockets"},
		"mounts":            {"app main stays\npower CAP_SYS_ADMIN mount", "", "root: mount mounts or unmounts file systems"},
		"a command":         {"command\nseal main\nrm by seal\ngpg by seal", "tar by seal", "nonroot"},
		"a command's owner": {"command\nsync main\npower CAP_CHOWN sync on 33", "", "root: sync gives files to other users"},
		"a command as another": {"command\nsh main\nsu by sh\nsu by su uid 7 execs\njob by su from 7 uid 7\npower CAP_SETUID su on 7", "",
			"7[8] job"},
		"may be another's": {"command\nsh main\nftpd by sh", "", "root: ftpd stays root"},
		"old evidence":     {"sh\nfind\nredis uid 7", "", "7[8] redis"},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 8 {
				e := runOf(t, test.run)
				maybe := strings.Split(test.maybe, "\n")
				more := runOf(t, strings.Join(maybe[:round%(len(maybe)+1)], "\n"))
				e.Processes, e.Powers = append(e.Processes, more.Processes...), append(e.Powers, more.Powers...)
				rand.Shuffle(len(e.Processes), func(i, j int) { e.Processes[i], e.Processes[j] = e.Processes[j], e.Processes[i] })
				if got := strings.ReplaceAll(decided(e), "/", ""); !strings.HasPrefix(got, test.want) {
					t.Errorf("decide() = %s, want %s\n%+v", got, test.want, e.Processes)
				}
			}
		})
	}
}

package shell

import (
	"path"
	"slices"
	"strings"
)

// wrapper is a command that runs its arguments as a command: which of its options take an argument of their own, and how
// many operands come before the command.
type wrapper struct {
	takes    string // options with a separate argument, "-u -g --user"
	operands int
	assigns  bool // NAME=VALUE words may come first: env, sudo
}

// wrappers, from each program's manual page.
var wrappers = map[string]wrapper{
	"exec": {takes: "-a"}, "command": {}, "builtin": {}, "nohup": {}, "setsid": {}, "time": {takes: "-f -o --format --output"},
	"env":     {takes: "-u -C -S --unset --chdir", assigns: true},
	"nice":    {takes: "-n --adjustment"},
	"ionice":  {takes: "-c -n -p -P -u --class --classdata"},
	"chrt":    {takes: "-T -P -D", operands: 1},
	"taskset": {operands: 1},
	"timeout": {takes: "-s -k --signal --kill-after", operands: 1},
	"stdbuf":  {takes: "-i -o -e --input --output --error"},
	"xargs":   {takes: "-a -d -E -I -L -n -P -s --arg-file --delimiter --max-lines --max-args --max-procs --max-chars --replace"},
	"sudo":    {takes: "-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt", assigns: true},
	"doas":    {takes: "-u -C"},
	"gosu":    {operands: 1}, "su-exec": {operands: 1}, "setuidgid": {operands: 1}, "s6-setuidgid": {operands: 1},
	"chpst": {takes: "-u -U -b -e -/ -n -l -L -m -d -o -p -f -c"},
	"setpriv": {takes: "--reuid --ruid --euid --regid --rgid --egid --groups --inh-caps " +
		"--ambient-caps --bounding-set --securebits --selinux-label --apparmor-profile --pdeathsig"},
	"chroot": {operands: 1}, "flock": {takes: "-w -E --timeout --conflict-exit-code", operands: 1},
	"unshare": {}, "nsenter": {takes: "-t --target"}, "capsh": {},
	"tini": {takes: "-p -e"}, "dumb-init": {takes: "-r --rewrite"}, "catatonit": {}, "catchsegv": {}, "strace": {takes: "-e -o -s -p -u -E"},
	"xvfb-run": {takes: "-n -s -f -e -p -w --server-num --server-args --auth-file --error-file --xauth-protocol --wait"},
	"busybox":  {}, "toybox": {}, "watch": {takes: "-n --interval"}, "script": {}, "fakeroot": {takes: "-l -f -s -i -b"},
	"eatmydata": {}, "choom": {takes: "-n -p"}, "prlimit": {takes: "-p --pid"}, "numactl": {takes: "-C -N -m -i -p"},
}

// Unwrap returns the command line in the arguments of a command such as tini, gosu or env, nil for any other command.
func Unwrap(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	w, ok := wrappers[path.Base(argv[0])]
	if !ok {
		return nil
	}
	args := make([]value, len(argv)-1)
	for i, word := range argv[1:] {
		args[i] = value{text: word, whole: true}
	}
	return argv[len(argv)-len(w.inner(args)):]
}

// inner is the command line within the arguments.
func (w wrapper) inner(args []value) []value {
	takes := strings.Fields(w.takes)
	for len(args) > 0 {
		arg := args[0]
		switch {
		case !arg.whole && arg.text == "":
			// An unknown word counts as an operand if an operand is expected, otherwise as an option.
			if w.operands > 0 {
				w.operands--
			}
		case arg.text == "--":
			return args[min(1+w.operands, len(args)):]
		case strings.HasPrefix(arg.text, "-") && len(arg.text) > 1:
			if slices.Contains(takes, arg.text) && len(args) > 1 {
				args = args[1:]
			}
		case w.assigns && strings.Contains(arg.text, "="):
		case w.operands > 0:
			w.operands--
		default:
			return args
		}
		args = args[1:]
	}
	return nil
}

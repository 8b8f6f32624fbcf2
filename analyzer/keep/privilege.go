package keep

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
)

// rootRights decides from evidence whether an application that starts as root may run as an ordinary user. It looks at which programs ran,
// never at how many or how long: two runs in which the same programs did the same things give the same answer. A program that
// happened to be cut off before it changed its user counts by what it imports.
type rootRights struct {
	seen *analyzer.Evidence
	// functions are those that a program imports to change its user or root directory; none of a general-purpose program.
	functions func(exe layers.Path) []string
	// base says that a program belongs to the distribution's base system.
	base func(exe layers.Path) bool
}

// givenUp is the outcome: a user that the application runs as without root's rights, or why it needs them.
type givenUp struct {
	uid  uint32
	gids []uint32    // of its processes, sorted
	exe  layers.Path // that became the user; "" where none had to
	why  string      // it needs root
}

func (r *rootRights) decide() givenUp {
	users := r.users()
	for _, reason := range []string{r.unused(), r.forClients(), r.returns(), several(users)} {
		if reason != "" {
			return givenUp{why: reason}
		}
	}
	if len(users) == 0 {
		return givenUp{why: r.used()}
	}
	uid := slices.Min(slices.Collect(maps.Keys(users)))
	if reason := r.beside(uid); reason != "" {
		return givenUp{why: reason}
	}
	exe, gids := r.who(uid)
	if exe == "" {
		return givenUp{why: fmt.Sprintf("%s did not stay user %d", users[uid], uid)}
	}
	return givenUp{uid: uid, gids: gids, exe: exe}
}

// tree are the processes of the application: the first one and its descendants.
func (r *rootRights) tree() []analyzer.Process {
	return slices.DeleteFunc(slices.Clone(r.seen.Processes), func(p analyzer.Process) bool { return p.Role == analyzer.RoleBeside })
}

// server says whether the application serves; a command ends by itself.
func (r *rootRights) server() bool {
	return slices.ContainsFunc(r.seen.Runs, func(run analyzer.Run) bool { return run.Kind == analyzer.KindServer })
}

// users are the ordinary users that processes were, each with the first program that was one.
func (r *rootRights) users() map[uint32]layers.Path {
	users := map[uint32]layers.Path{}
	add := func(uid uint32, exe layers.Path) {
		if first, ok := users[uid]; uid != 0 && (!ok || exe < first) {
			users[uid] = exe
		}
	}
	for _, p := range r.tree() {
		add(p.UID, p.Exe)
		add(p.From, p.Exe)
	}
	for _, p := range r.seen.Powers {
		if p.Capability == "CAP_SETUID" && users[p.On] == "" {
			add(p.On, p.Exe)
		}
	}
	return users
}

func several(users map[uint32]layers.Path) string {
	if len(users) < 2 {
		return ""
	}
	var list []string
	for _, uid := range slices.Sorted(maps.Keys(users)) {
		list = append(list, fmt.Sprintf("%s as %d", users[uid], uid))
	}
	return "its programs ran as several users: " + strings.Join(list[:min(len(list), 3)], ", ")
}

// gaveUp says whether a process of a program gave up root for good: as itself, as a server's worker does, or, with child, to execute
// another program.
func (r *rootRights) gaveUp(exe layers.Path, child bool) bool {
	return slices.ContainsFunc(r.tree(), func(p analyzer.Process) bool {
		return p.Exe == exe && p.UID != 0 && p.From == 0 && !p.Returns && (child || !p.Execs)
	})
}

// started says whether a program gave up root for one that serves: as su does, and not as cron, whose programs come and go. What a
// command starts is all that it does.
func (r *rootRights) started(exe layers.Path) bool {
	if !r.gaveUp(exe, true) {
		return false
	}
	return !r.server() || slices.ContainsFunc(r.tree(), func(p analyzer.Process) bool {
		if p.UID == 0 || !p.Listens {
			return false
		}
		set := map[string]bool{string(p.Exe): true}
		r.ancestors(set)
		return set[string(exe)]
	})
}

// rooted are the programs that are root and go on: those that may need it later. Of a command it is each program that was root.
func (r *rootRights) rooted() []analyzer.Process {
	server, marked := r.server(), slices.ContainsFunc(r.seen.Processes, func(p analyzer.Process) bool { return p.Stays })
	return slices.DeleteFunc(r.tree(), func(p analyzer.Process) bool {
		return p.UID != 0 && !p.Returns || server && marked && !p.Stays
	})
}

// staying are the programs of a server that are root and go on. One that comes and goes, as sleep in a loop, is none of them: whether it
// is there at the end is chance.
func (r *rootRights) staying() []analyzer.Process {
	return slices.DeleteFunc(r.rooted(), func(p analyzer.Process) bool {
		return !p.Stays || !r.server() || slices.ContainsFunc(r.tree(), func(q analyzer.Process) bool {
			return q.Exe == p.Exe && q.By == p.By && slices.Equal(q.Argv, p.Argv) && !q.Stays && !q.Execs
		})
	})
}

// forClients names a program that became another user after it had accepted a connection, as one does that logs its clients in.
func (r *rootRights) forClients() string {
	for _, p := range r.seen.Powers {
		atStart := p
		atStart.Serving = false
		if p.Serving && p.Capability == "CAP_SETUID" && !slices.Contains(r.seen.Powers, atStart) {
			return fmt.Sprintf("%s becomes another user for its clients", p.Exe)
		}
	}
	return ""
}

// unused names a program that stays root and can become another user, and did not.
func (r *rootRights) unused() string {
	for _, p := range r.rooted() {
		if r.gaveUp(p.Exe, false) || r.started(p.Exe) || !r.server() && r.base(p.Exe) {
			continue
		}
		if applet, changes := rules.Applet(string(p.Exe), p.Argv); changes {
			return fmt.Sprintf("%s %s stays root, and can become another user", p.Exe, applet)
		}
		if names := r.functions(p.Exe); len(names) > 0 {
			return fmt.Sprintf("%s stays root, and can become another user or change its root directory (%s)", p.Exe, strings.Join(names, ", "))
		}
	}
	return ""
}

// returns names a program that becomes another user for a time only.
func (r *rootRights) returns() string {
	for _, p := range r.tree() {
		if p.Returns && p.Stays {
			return fmt.Sprintf("%s ran as user %d and kept the right to be root again", p.Exe, p.UID)
		}
	}
	for _, p := range r.seen.Powers {
		if p.Capability == "CAP_SETUID" && !r.gaveUp(p.Exe, true) {
			return fmt.Sprintf("%s becomes another user for a time, or becomes root", p.Exe)
		}
	}
	return ""
}

// beside names a program that stays root and is neither the one that became the user nor one that started it: the first process becomes
// the user, or its worker does, or a program that it waits for.
func (r *rootRights) beside(uid uint32) string {
	starters, carried := map[string]bool{}, false
	rooted := r.staying()
	for _, p := range r.tree() {
		if p.UID != uid {
			continue
		}
		starters[string(p.Exe)], starters[string(p.By)] = true, true
		worker := p.By == p.Exe && slices.ContainsFunc(rooted, func(q analyzer.Process) bool { return q.Exe == p.Exe })
		carried = carried || p.Listens || worker && !p.Execs || p.Role == analyzer.RoleMain
	}
	r.ancestors(starters)
	for _, p := range rooted {
		applet, _ := rules.Applet(string(p.Exe), p.Argv)
		if !starters[string(p.Exe)] || applet != "" && !rules.GeneralPurpose(applet) {
			return strings.TrimSpace(fmt.Sprintf("%s %s", p.Exe, applet)) + " stays root beside it"
		}
	}
	if len(rooted) > 0 && !carried {
		return fmt.Sprintf("%s stays root; only programs that ended ran as user %d", rooted[0].Exe, uid)
	}
	return ""
}

// ancestors adds the programs that started the programs of a set, and so on.
func (r *rootRights) ancestors(set map[string]bool) {
	for before := -1; before != len(set); {
		before = len(set)
		for _, p := range r.tree() {
			if set[string(p.Exe)] {
				set[string(p.By)] = true
			}
		}
	}
}

// powerWords say what a right of root is for; always says that it counts whenever it was used, also before the first connection.
var powerWords = map[string]struct {
	words  string
	always bool
	others bool // it counts only on what belongs to another user
}{
	"CAP_CHOWN":            {"gives files to other users", false, true},
	"CAP_DAC_OVERRIDE":     {"uses files that their mode keeps from all but user %d", false, true},
	"CAP_FOWNER":           {"changes the attributes of files of user %d", false, true},
	"CAP_KILL":             {"sends signals to processes of user %d", false, true},
	"CAP_NET_BIND_SERVICE": {"takes a port below 1024 while it serves", false, false},
	"CAP_NET_RAW":          {"opens raw sockets", true, false},
	"CAP_SYS_ADMIN":        {"mounts or unmounts file systems", true, false},
	"CAP_SYS_CHROOT":       {"changes its root directory", true, false},
	"CAP_MKNOD":            {"makes device nodes", true, false},
}

// used names a right of root that a program used when it was past its start. A command has no other time.
func (r *rootRights) used() string {
	command := !r.server()
	for _, p := range r.seen.Powers {
		power, known := powerWords[p.Capability]
		when := p.Serving || power.always || command && p.Capability != "CAP_NET_BIND_SERVICE"
		if !known || !when || power.others && p.On == 0 {
			continue
		}
		words := power.words
		if strings.Contains(words, "%d") {
			words = fmt.Sprintf(words, p.On)
		}
		return fmt.Sprintf("%s %s", p.Exe, words)
	}
	return ""
}

// who is the program that serves as a user, the first of its programs where none does, and the groups of the user's processes.
func (r *rootRights) who(uid uint32) (exe layers.Path, gids []uint32) {
	found, serves := map[uint32]bool{}, false
	for _, p := range r.tree() {
		if p.UID != uid {
			continue
		}
		found[p.GID] = true
		goesOn := p.Stays || p.Listens
		if exe == "" || goesOn && !serves {
			exe, serves = p.Exe, goesOn
		}
	}
	return exe, slices.Sorted(maps.Keys(found))
}

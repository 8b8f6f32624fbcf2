package probe

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// The ports that the kernel chooses by chance: Linux's default for net.ipv4.ip_local_port_range (ip(7)).
const (
	firstEphemeral = 32768
	lastEphemeral  = 60999
)

// Ephemeral reports whether a port is in the range of those that the kernel chooses by chance.
func Ephemeral(port int) bool { return port >= firstEphemeral && port <= lastEphemeral }

// forever is the patience with an application that must listen and does not yet.
const forever = time.Duration(math.MaxInt64)

// waitReady waits until the first process has ended (a command: false) or the set of listening sockets has settled.
func (d *driver) waitReady(ctx context.Context) (bool, error) {
	tick := time.NewTicker(d.poll)
	defer tick.Stop()
	var before []analyzer.Socket
	var strong time.Time // since when it has listened as a server does
	begin := time.Now()
	changed, told := begin, false
	for {
		select {
		case <-d.target.Exited():
			d.ended()
			return false, nil
		case <-ctx.Done():
			d.late(before)
			return false, nil
		case <-tick.C:
		}
		now, err := d.target.Listening()
		if err != nil {
			return false, fmt.Errorf("looking for listening sockets: %w", err)
		}
		if !slices.Equal(now, before) {
			before, changed = now, time.Now()
		}
		if strong.IsZero() && len(d.named(now)) > 0 {
			strong = time.Now()
		}
		if len(d.named(now)) == 0 && d.doomed() {
			return false, nil
		}
		if !told && time.Since(begin) >= d.told {
			told = true
			d.waits(ctx, "for a server that listens, or for the end of the command", 0)
		}
		settled := time.Since(changed) >= d.patience(now) || !strong.IsZero() && time.Since(strong) >= d.ready
		if settled && !d.exited() {
			d.out.Listen = d.lasting(now)
			d.out.Ready = roundReady(time.Since(begin))
			return true, nil
		}
	}
}

// ended is the end of a command.
func (d *driver) ended() {
	d.out.Kind = analyzer.KindCommand
	if len(d.job.Steps) > 0 || d.job.ProbeRoot != "" {
		d.out.Failure = "it ended before it could be probed"
	}
}

// late ends a job whose time was over before the first question.
func (d *driver) late(listening []analyzer.Socket) {
	limit := fmt.Sprintf("%d s (--timeout)", d.timeout)
	if within := d.job.ReadyWithin; within > 0 && within < d.timeout {
		limit = fmt.Sprintf("%d s, several times what the original took", within)
	}
	d.out.Kind = analyzer.KindCommand
	d.out.Failure = "it did not listen and did not end within " + limit
	if len(listening) > 0 {
		d.out.Kind, d.out.Listen = analyzer.KindServer, d.lasting(listening)
		d.out.Failure = "it listened, but was not ready within " + limit
	}
}

// roundReady is a time as Run.Ready has it: whole powers of two, so that two runs of an image agree.
func roundReady(took time.Duration) int {
	const quick = 4
	ready := quick
	for time.Duration(ready)*time.Second < took {
		ready *= 2
	}
	if ready == quick {
		return 0
	}
	return ready
}

// fatal is a line with which a program gives up: the word, or a severity of syslog above error (RFC 5424, 6.2.1).
var fatal = regexp.MustCompile(`(?i)\b(?:fatal|panic|emerg|emergency|alert|crit|critical)\b`)

// doomed reports whether an application in a check will not get ready: one of its processes failed, the end of its output reports a
// fatal error, and since then it has printed nothing and no process has started or ended. In an observation this is not a reason to
// stop: it is not known yet how long the original takes.
func (d *driver) doomed() bool {
	watched, ok := d.target.(Watched)
	if !ok || d.job.ReadyWithin == 0 {
		return false
	}
	fate := watched.Fate()
	if fate.Failed == 0 || fate.Moves != d.moves {
		d.moves, d.moved = fate.Moves, time.Now()
		return false
	}
	if time.Since(d.moved) < d.quiet {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(fate.Said)), "\n")
	i := slices.IndexFunc(lines, fatal.MatchString)
	if i < 0 {
		return false
	}
	d.out.Kind = analyzer.KindCommand
	d.out.Failure = fmt.Sprintf("it did not listen; a process of it failed, and it printed %q", strings.TrimSpace(lines[i]))
	return true
}

// patience is how long a set of sockets has to stay the same before the application counts as ready. Unix sockets and ports
// chosen by chance do not identify a server: worker pools of commands have them, too.
func (d *driver) patience(now []analyzer.Socket) time.Duration {
	half := time.Duration(d.timeout) * time.Second / 2
	switch missing := d.undeclared(now); {
	case len(now) == 0 && d.needsNoSocket():
		return min(d.weak, half)
	case len(now) == 0:
		return forever
	case len(d.named(now)) == 0 && missing:
		return min(d.weakMore, half)
	case len(d.named(now)) == 0:
		return min(d.weak, half)
	case missing:
		return d.exposed
	}
	return d.settle
}

// needsNoSocket reports whether the job has probes for an application that never listens: commands to run beside it.
func (d *driver) needsNoSocket() bool {
	asks := func(s analyzer.Step) bool {
		return s.HTTP != nil || s.TCP != nil || s.Wait != nil && s.Wait.Port != 0
	}
	return len(d.job.Steps) > 0 && !slices.ContainsFunc(d.job.Steps, asks)
}

// undeclared says whether a declared TCP port is not listened on.
func (d *driver) undeclared(now []analyzer.Socket) bool {
	return slices.ContainsFunc(d.job.Process.Exposed, func(exposed string) bool {
		number, network := exposedPort(exposed)
		return network == "tcp" && number != 0 && !listens(now, number)
	})
}

func listens(now []analyzer.Socket, number int) bool {
	return slices.ContainsFunc(now, func(s analyzer.Socket) bool { return s.Network == "tcp" && s.Port == number })
}

// exposedPort reads "80" or "80/tcp"; the port is 0 where it is not one number.
func exposedPort(s string) (int, string) {
	text, network, _ := strings.Cut(s, "/")
	number, err := strconv.Atoi(text)
	if err != nil {
		number = 0
	}
	if network == "" {
		network = "tcp"
	}
	return number, network
}

// lasting leaves out the ports that the kernel chose by chance, because they differ at each start.
func (d *driver) lasting(sockets []analyzer.Socket) []analyzer.Socket {
	var kept []analyzer.Socket
	for _, s := range sockets {
		if !d.byChance(s) {
			kept = append(kept, s)
		}
	}
	return kept
}

// named are the lasting sockets with a port.
func (d *driver) named(sockets []analyzer.Socket) []analyzer.Socket {
	return slices.DeleteFunc(d.lasting(sockets), func(s analyzer.Socket) bool { return s.Port == 0 })
}

func (d *driver) byChance(s analyzer.Socket) bool {
	if !Ephemeral(s.Port) {
		return false
	}
	return !slices.ContainsFunc(d.job.Process.Exposed, func(exposed string) bool {
		number, network := exposedPort(exposed)
		return number == s.Port && network == s.Network
	})
}

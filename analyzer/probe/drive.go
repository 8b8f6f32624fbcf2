package probe

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// Outcome is what came of driving an application.
type Outcome struct {
	Kind    string // analyzer.KindServer or KindCommand
	Listen  []analyzer.Socket
	Answers []analyzer.Answer
	Failure string // why this is not a good observation, "" when it is
}

const (
	poll          = 50 * time.Millisecond
	settle        = 6               // polls without a new socket before a server counts as ready
	exposedWait   = 5 * time.Second // for a declared port that is not listened on yet
	healthTries   = 5
	firstEphemera = 32768 // net.ipv4.ip_local_port_range: ports from here on are chosen by chance
)

// driver is one drive.
type driver struct {
	target   Target
	job      *analyzer.Job
	log      io.Writer
	out      Outcome
	httpPort int            // the first port that speaks HTTP
	secure   map[int]bool   // ports that speak HTTPS
	names    map[string]int // of answers
}

// Drive waits until the application is ready, asks it everything the job says and returns its answers. A command is waited
// for. The error is the prober's own; what is wrong with the application is the outcome's Failure.
func Drive(ctx context.Context, target Target, job *analyzer.Job, log io.Writer) (Outcome, error) {
	d := &driver{target: target, job: job, log: log, secure: map[int]bool{}, names: map[string]int{}}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(job.Timeout)*time.Second)
	defer cancel()
	ready, err := d.waitReady(ctx)
	if err != nil || !ready {
		return d.out, err
	}
	d.out.Kind = analyzer.KindServer
	if job.AutoProbe {
		d.automatic(ctx)
	}
	d.steps(ctx)
	d.probeImage(ctx)
	if d.exited() && d.out.Failure == "" {
		d.out.Failure = "the server ended by itself while it was probed"
	}
	if ctx.Err() != nil && d.out.Failure == "" {
		d.out.Failure = fmt.Sprintf("the probes took more than %d s (--timeout)", job.Timeout)
	}
	return d.out, nil
}

func (d *driver) exited() bool {
	select {
	case <-d.target.Exited():
		return true
	default:
		return false
	}
}

// waitReady waits until the first process has ended (a command: false) or the set of listening sockets has settled.
func (d *driver) waitReady(ctx context.Context) (bool, error) {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var before []analyzer.Socket
	var since time.Time
	same := 0
	for {
		select {
		case <-d.target.Exited():
			d.out.Kind = analyzer.KindCommand
			if len(d.job.Steps) > 0 || d.job.ProbeRoot != "" {
				d.out.Failure = "it ended before it could be probed"
			}
			return false, nil
		case <-ctx.Done():
			d.out.Kind = analyzer.KindCommand
			d.out.Failure = fmt.Sprintf("it did not listen and did not end within %d s (--timeout)", d.job.Timeout)
			return false, nil
		case <-tick.C:
		}
		now, err := d.target.Listening()
		if err != nil {
			return false, err
		}
		if len(now) == 0 || !slices.Equal(now, before) {
			before, same, since = now, 0, time.Now()
			continue
		}
		same++
		if same >= settle && (d.exposedListen(now) || time.Since(since) > exposedWait) {
			d.out.Listen = stable(now, d.job.Process.Exposed)
			return true, nil
		}
	}
}

// exposedListen says whether every declared TCP port is listened on.
func (d *driver) exposedListen(now []analyzer.Socket) bool {
	for _, exposed := range d.job.Process.Exposed {
		port, network := exposedPort(exposed)
		if network == "tcp" && !slices.ContainsFunc(now, func(s analyzer.Socket) bool { return s.Network == "tcp" && s.Port == port }) {
			return false
		}
	}
	return true
}

func exposedPort(s string) (int, string) {
	text, network, _ := strings.Cut(s, "/")
	port, _ := strconv.Atoi(text)
	if network == "" {
		network = "tcp"
	}
	return port, network
}

// stable leaves out the ports that the kernel chose by chance.
func stable(sockets []analyzer.Socket, exposed []string) []analyzer.Socket {
	declared := map[int]bool{}
	for _, e := range exposed {
		port, _ := exposedPort(e)
		declared[port] = true
	}
	var kept []analyzer.Socket
	for _, s := range sockets {
		if s.Port < firstEphemera || declared[s.Port] {
			kept = append(kept, s)
		}
	}
	return kept
}

// automatic is the default drive.
func (d *driver) automatic(ctx context.Context) {
	for _, port := range tcpPorts(d.out.Listen) {
		d.crawl(ctx, port)
	}
	d.health(ctx)
}

func tcpPorts(sockets []analyzer.Socket) []socketPort {
	var ports []socketPort
	seen := map[int]bool{}
	for _, s := range sockets {
		if s.Network == "tcp" && !seen[s.Port] {
			seen[s.Port] = true
			ports = append(ports, socketPort{host(s.Address), s.Port})
		}
	}
	slices.SortFunc(ports, func(a, b socketPort) int { return a.port - b.port })
	return ports
}

type socketPort struct {
	host string
	port int
}

// host is how a listening address is reached from beside it.
func host(address string) string {
	switch address {
	case "", "0.0.0.0", "::":
		return "127.0.0.1"
	}
	return address
}

// health runs the image's HEALTHCHECK, as often as it takes an application to become healthy.
func (d *driver) health(ctx context.Context) {
	h := d.job.Process.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return
	}
	argv := h.Test[1:]
	if h.Test[0] == "CMD-SHELL" {
		shell := d.job.Process.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		argv = append(slices.Clone(shell), h.Test[1])
	}
	for try := 1; ; try++ {
		result, err := d.target.Exec(ctx, Command{Argv: argv})
		if err == nil && result.ExitCode != 0 && try < healthTries && pause(ctx, time.Second) {
			continue
		}
		d.add(execAnswer("healthcheck", result, err, 0, ""))
		return
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// add records an answer under a name that is unique in the run, and says so in the log.
func (d *driver) add(a analyzer.Answer) {
	d.names[a.Probe]++
	if n := d.names[a.Probe]; n > 1 {
		a.Probe += " #" + strconv.Itoa(n)
	}
	d.out.Answers = append(d.out.Answers, a)
	verdict := "ok"
	switch {
	case a.Error != "":
		verdict = a.Error
	case a.Status != 0 || a.Size != 0:
		verdict = fmt.Sprintf("%d, %d bytes", a.Status, a.Size)
	}
	fmt.Fprintf(d.log, "probe: %s: %s\n", a.Probe, verdict)
}

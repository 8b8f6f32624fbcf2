package probe

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// Outcome is the result of driving an application.
type Outcome struct {
	Kind    string // analyzer.KindServer or KindCommand
	Listen  []analyzer.Socket
	Ready   int               // see analyzer.Run
	Answers []analyzer.Answer // in the order of the questions
	Failure string            // why this is not a good observation, "" when it is
}

// pace is how patient a drive is.
type pace struct {
	poll     time.Duration // between two looks at the sockets
	settle   time.Duration // how long the set of sockets stays the same before a server is ready
	exposed  time.Duration // the same while a declared port is not listened on
	weak     time.Duration // the same while there are only sockets that a command has too
	weakMore time.Duration // the same where the image declares a port besides
	ready    time.Duration // for a set of sockets that never stays the same
	starting time.Duration // for a server that says 502 or 503
	retry    time.Duration // between two tries
	health   int           // tries of the health check
	request  time.Duration // for one question
	greeting time.Duration // for a server that speaks first
	quiet    time.Duration // without any move of an application that is doomed
	told     time.Duration // of waiting, after which the log says so
}

// A database's set-up runs a temporary server on a unix socket for a while, hence weakMore.
func usualPace() pace {
	return pace{
		poll: 50 * time.Millisecond, settle: 300 * time.Millisecond, exposed: 5 * time.Second,
		weak: 10 * time.Second, weakMore: 30 * time.Second, ready: 20 * time.Second,
		starting: 10 * time.Second, retry: 250 * time.Millisecond, health: 10, request: 10 * time.Second, greeting: 150 * time.Millisecond,
		quiet: 3 * time.Second, told: time.Second,
	}
}

// defaultTimeout is a job's when it names none, in seconds.
const defaultTimeout = 60

// driver is one drive.
type driver struct {
	pace
	target  Target
	job     *analyzer.Job
	log     io.Writer
	out     Outcome
	timeout int            // seconds
	ports   []*port        // probed, in order
	names   map[string]int // of answers
	moves   int64          // the last Fate.Moves
	moved   time.Time      // and since when it is that
}

// Drive waits until the application is ready, sends it all probes of the job and returns its answers. For a command it waits until
// the command ends; the caller adds its output. A problem of the application is the outcome's Failure; the error is one of the
// prober itself: it could not read the sockets, or ctx was cancelled. One line for each answer goes to log.
func Drive(ctx context.Context, target Target, job *analyzer.Job, log io.Writer) (Outcome, error) {
	return drive(ctx, target, job, log, usualPace())
}

func drive(ctx context.Context, target Target, job *analyzer.Job, log io.Writer, p pace) (Outcome, error) {
	d := &driver{pace: p, target: target, job: job, log: log, timeout: job.Timeout, names: map[string]int{}}
	if d.timeout <= 0 {
		d.timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(d.timeout)*time.Second)
	defer cancel()
	ready, err := d.waitReadyWithin(limited)
	if err == nil && ready {
		d.out.Kind = analyzer.KindServer
		err = d.ask(limited)
	}
	if err == nil {
		err = ctx.Err()
	}
	return d.out, err
}

// waitReadyWithin is waitReady for no longer than the job allows.
func (d *driver) waitReadyWithin(ctx context.Context) (bool, error) {
	if d.job.ReadyWithin > 0 {
		limited, cancel := context.WithTimeout(ctx, time.Duration(d.job.ReadyWithin)*time.Second)
		defer cancel()
		ctx = limited
	}
	return d.waitReady(ctx)
}

// ask puts all questions to a server that is ready.
func (d *driver) ask(ctx context.Context) error {
	if d.job.AutoProbe {
		if err := d.automatic(ctx); err != nil {
			return err
		}
	}
	d.steps(ctx)
	d.probeImage(ctx)
	switch {
	case d.exited():
		d.out.Failure = "the server ended by itself while it was probed"
	case ctx.Err() != nil:
		d.out.Failure = fmt.Sprintf("the probes took more than %d s (--timeout)", d.timeout)
	}
	return nil
}

func (d *driver) exited() bool {
	select {
	case <-d.target.Exited():
		return true
	default:
		return false
	}
}

// over reports whether the application has ended or the time is over.
func (d *driver) over(ctx context.Context) bool { return ctx.Err() != nil || d.exited() }

// fail notes why the observation is not usable; the first reason stays.
func (d *driver) fail(a analyzer.Answer) {
	if d.out.Failure == "" {
		d.out.Failure = a.Probe + ": " + a.Error
	}
}

// maxName bounds the name of an answer, in bytes.
const maxName = 200

// waits says in the log what is waited for and until when: the end of ctx, or that of the time given, if it is not 0.
func (d *driver) waits(ctx context.Context, what string, limit time.Duration) {
	end, _ := ctx.Deadline()
	if by := time.Now().Add(limit); limit > 0 && by.Before(end) {
		end = by
	}
	fmt.Fprintf(d.log, "%s%s, until %s at the latest\n", analyzer.WaitPrefix, what, end.UTC().Format("15:04:05 UTC"))
}

// waiting is waits for what may be quick: the log says it when d.told is over before the caller calls stop.
func (d *driver) waiting(ctx context.Context, what string, limit time.Duration) (stop func()) {
	said := make(chan struct{})
	timer := time.AfterFunc(d.told, func() {
		defer close(said)
		d.waits(ctx, what, limit)
	})
	return func() {
		if !timer.Stop() {
			<-said
		}
	}
}

// add records an answer under a name that is unique in the run, and says so in the log; status is its status in words.
func (d *driver) add(a analyzer.Answer, status string) analyzer.Answer {
	if len(a.Probe) > maxName {
		a.Probe = strings.ToValidUTF8(a.Probe[:maxName], "") + "..."
	}
	d.names[a.Probe]++
	if n := d.names[a.Probe]; n > 1 {
		a.Probe += " #" + strconv.Itoa(n)
	}
	d.out.Answers = append(d.out.Answers, a)
	if a.Error != "" {
		status = a.Error
	} else if a.SHA256 != "" {
		status += fmt.Sprintf(", %d bytes", a.Size)
	}
	fmt.Fprintf(d.log, "%s%s %s\n", analyzer.ProbePrefix, a.Probe, status)
	return a
}

// pause waits; it says whether the time went by before ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

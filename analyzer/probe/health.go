package probe

import (
	"context"
	"slices"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// healthTimeout is Docker's default for one run of a health check.
const healthTimeout = 30 * time.Second

// health runs the image's HEALTHCHECK until it says healthy, as often as that may take an application that is starting. It
// is an answer, not an expectation: an image that is not healthy here may want a database.
func (d *driver) health(ctx context.Context) {
	argv := healthArgv(d.job.Process)
	if len(argv) == 0 {
		return
	}
	limit := healthTimeout
	if seconds := d.job.Process.Healthcheck.Timeout; seconds > 0 {
		limit = time.Duration(seconds) * time.Second
	}
	for try := 1; !d.over(ctx); try++ {
		one, cancel := context.WithTimeout(ctx, limit)
		result, err := d.target.Exec(one, Command{Argv: argv})
		cancel()
		if healthy := err == nil && result.ExitCode == 0; !healthy && try < d.pace.health && !d.exited() && pause(ctx, 4*d.retry) {
			continue
		}
		d.add(execAnswer("healthcheck", result, err, 0, ""), exitStatus(result))
		return
	}
}

func healthArgv(process analyzer.Entry) []string {
	h := process.Healthcheck
	if h == nil || len(h.Test) < 2 {
		return nil
	}
	switch h.Test[0] {
	case "CMD":
		return h.Test[1:]
	case "CMD-SHELL":
		shell := process.Shell
		if len(shell) == 0 {
			shell = []string{"/bin/sh", "-c"}
		}
		return append(slices.Clone(shell), h.Test[1])
	}
	return nil
}

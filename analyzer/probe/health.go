package probe

import (
	"context"
	"time"

	"github.com/slimimage/slim/analyzer"
)

// healthTimeout is Docker's default for one run of a health check.
const healthTimeout = 30 * time.Second

// health runs the image's HEALTHCHECK until it reports healthy, with enough tries for an application that is starting. The result
// is an answer, not an expectation: an image that is not healthy here may need a database.
func (d *driver) health(ctx context.Context) {
	process := d.job.Process
	if process.Healthcheck == nil {
		return
	}
	argv := analyzer.HealthArgv(process.Healthcheck.Test, process.Shell)
	if len(argv) == 0 {
		return
	}
	limit := healthTimeout
	if seconds := process.Healthcheck.Timeout; seconds > 0 {
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

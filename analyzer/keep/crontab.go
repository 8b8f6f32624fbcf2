package keep

import (
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/analyzer/shell"
)

// crontab keeps what the jobs of a table of cron start that the run read: each job is a line of a shell (crontab(5)). A daemon reads all
// its tables at its start, and most jobs run after the observation.
func (w *worklist) crontab(name string) {
	kind := rules.Crontab(name)
	read := slices.ContainsFunc(w.kept[name], func(r analyzer.Reason) bool { return r.Rule == analyzer.RuleOpenedBy })
	if kind == rules.NoCrontab || !read {
		return
	}
	src, err := w.im.read(name, shell.MaxSize)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(src)) {
		if job := rules.CronJob(line, kind); job != "" {
			w.commandLine(job, name)
		}
	}
}

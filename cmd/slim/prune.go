package main

import (
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder/engine"
)

func (p *program) pruneCommand() *cli.Command {
	return &cli.Command{
		Name:      "prune",
		Usage:     "empty slim's cache on this machine",
		UsageText: "slim prune [flags]",
		Description: `Removes the embedded BuildKit's cache and the images imported for it from the cache directory (SLIM_CACHE, else slim in the
user's cache directory). SLIM_CACHE_SIZE bounds what stays there after each command. The caches of Docker and of other buildkitd servers are not touched.

Examples:
   slim prune
   slim prune --quiet
   SLIM_CACHE=/var/cache/slim slim prune`,
		Flags:  []cli.Flag{quietFlag()},
		Action: p.prune,
	}
}

// prune is the command. Without root, the cache holds files of subordinate user ids, which only the user namespace can remove.
func (p *program) prune(c *cli.Context) error {
	p.quiet = c.Bool("quiet")
	if _, err := p.arguments(c); err != nil {
		return err
	}
	if engine.NeedsUserns(engine.KindEmbedded, false) {
		return p.inUserns(c.Context, false, false)
	}
	p.busy.Store(true)
	freed, err := engine.Prune(c.Context, engine.Options{Notice: func(line string) { p.infof("%s", line) }})
	if err != nil {
		return err
	}
	p.infof("freed %s", megabytes(freed))
	return nil
}

package main

import (
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/lock"
)

// lockFlags are the flags that write a lock or build from one.
func lockFlags() []cli.Flag {
	return []cli.Flag{
		maybe(groupOutput, "lock", "write what the image was made of to FILE, and its evidence beside it (--lock=FILE; default slim.lock "+
			"beside the Dockerfile)"),
		maybe(groupAnalysis, "locked", "make the image of this lock again, without running the application (--locked=FILE)"),
	}
}

// lockName is the file of a lock flag: its value, or slim.lock beside the Dockerfile or in the working directory.
func lockName(c *cli.Context, flag string) (string, bool) {
	name := lock.Name
	if file := c.String("file"); file != "" {
		name = filepath.Join(filepath.Dir(file), lock.Name)
	}
	return optionalOf(c, flag, name)
}

// lockOptions reads --lock and --locked, and the lock itself.
func lockOptions(c *cli.Context, opt *builder.Options) error {
	_, opt.Lock = lockName(c, "lock")
	name, ok := lockName(c, "locked")
	switch {
	case !ok:
		return nil
	case opt.Lock:
		return usagef("--locked builds from a lock, --lock writes a new one", "--lock and --locked exclude each other")
	case len(opt.Evidence) > 0:
		return usagef("--locked replays the evidence beside the lock", "--evidence and --locked exclude each other")
	}
	locked, err := lock.Open(name, builder.LockOptions())
	if err != nil {
		return err
	}
	opt.Locked = locked
	return locked.Fits(builder.OptionsOf(*opt))
}

// saveLock writes the lock of --lock.
func (p *program) saveLock(c *cli.Context, result *builder.Result) error {
	name, _ := lockName(c, "lock")
	if result.Lock == nil {
		return nil
	}
	if err := result.Lock.Save(name); err != nil {
		return err
	}
	p.infof("locked: %s and %s", name, filepath.Join(filepath.Dir(name), result.Lock.Evidence.File))
	return nil
}

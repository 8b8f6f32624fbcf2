package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// maxProject bounds the project's file, in bytes.
const maxProject = 1 << 20

// projectFile sets flags from the project's file, for a build from a Dockerfile. The command line has precedence.
func (p *program) projectFile(c *cli.Context) error {
	if c.String("file") == "" {
		return nil
	}
	dir := c.Args().First()
	data, err := os.ReadFile(filepath.Join(dir, builder.ProjectFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(data) > maxProject {
		return usagef("it holds only a few settings", "%s is larger than %d bytes", builder.ProjectFile, maxProject)
	}
	given, err := builder.ReadProject(data)
	if err != nil {
		return usagef("docs/reference.md lists the keys", "%v", err)
	}
	has := map[string]bool{}
	for _, flag := range c.Command.Flags {
		has[flag.Names()[0]] = true
	}
	for _, g := range given {
		if !has[g.Option.Name] || c.IsSet(g.Option.Name) {
			continue
		}
		for _, value := range g.Values {
			if g.Option.NamesFiles() {
				value = filepath.Join(dir, value)
			}
			if err := c.Set(g.Option.Name, value); err != nil {
				return usagef("docs/reference.md lists the values", "%s: %s: %v", g.From, g.Option.Name, err)
			}
		}
	}
	return nil
}

package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
)

// projectFile sets flags from the project's file, for a build from a Dockerfile. The command line has precedence.
func (p *program) projectFile(c *cli.Context) error {
	if c.String("file") == "" {
		return nil
	}
	dir := c.Args().First()
	p.trees = append(p.trees, dir)
	data, err := p.readBounded(filepath.Join(dir, builder.ProjectFile), maxUserFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
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
				if !filepath.IsLocal(value) {
					return usagef("name a file below "+dir, "%s: %s: %q is not in the build context", g.From, g.Option.Name, value)
				}
				value = filepath.Join(dir, value)
			}
			if err := c.Set(g.Option.Name, value); err != nil {
				return usagef("docs/reference.md lists the values", "%s: %s: %v", g.From, g.Option.Name, err)
			}
		}
	}
	return nil
}

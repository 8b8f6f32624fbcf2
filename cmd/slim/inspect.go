package main

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/layers"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:      "inspect",
		Usage:     "show the contents of an image",
		UsageText: "slim inspect [flags] IMAGE",
		Description: `Reads every layer of IMAGE, without running it, and prints the layers, the biggest folders, wasted bytes, setuid files,
files with capabilities and world-writable directories. With --html it also writes a page with a map of the sizes and every path.

Examples:
   slim inspect nginx:1.27
   slim inspect oci:layout --format json
   slim inspect docker-archive:app.tar --platform linux/arm64 --html app.html`,
		Flags:  []cli.Flag{text(groupInput, "platform", "OS/ARCH of the image to take, where it has several"), formatFlag(), htmlFlag()},
		Action: p.inspect,
	}
}

// inspect is the command.
func (p *program) inspect(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	in, done, err := p.image(c, args[0])
	if err != nil {
		return err
	}
	defer done()
	index, err := layers.NewIndex(in.Image)
	if err != nil {
		return fmt.Errorf("image %s: %w", args[0], err)
	}
	found, err := index.Inspect(in.Image)
	if err != nil {
		return fmt.Errorf("image %s: %w", args[0], err)
	}
	if err := p.inspectPage(c.String("html"), args[0], index, found); err != nil {
		return err
	}
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, found)
	}
	return printInspection(p.stdout, found)
}

// printer writes lines and keeps the first error. Whatever the arguments of a line hold, it stays one line and nothing in it is obeyed.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, "%s\n", printable.Text(fmt.Sprintf(format, args...)))
	}
}

func printInspection(w io.Writer, found *layers.Inspection) error {
	out := &printer{w: w}
	out.line("%s %s", found.Platform, found.Digest)
	out.line("%s in %d files and %d directories; %s stored, %s wasted", megabytes(found.Bytes), found.Files, found.Dirs,
		megabytes(found.Size), megabytes(found.Wasted))
	out.line("layers:")
	for i, layer := range found.Layers {
		out.line("  %2d %10s %6d files  wasted %9s  %s", i, megabytes(layer.Bytes), layer.Files, megabytes(layer.Wasted), layer.Command)
	}
	out.line("biggest folders:")
	for _, folder := range found.Folders {
		out.line("  %10s %6d files  %s", megabytes(folder.Bytes), folder.Files, folder.Path)
	}
	for _, list := range []struct {
		title string
		paths []layers.Special
	}{{"setuid and setgid files", found.Setuid}, {"files with capabilities", found.Capabilities}, {"world-writable directories",
		found.WorldWritable}} {
		if len(list.paths) == 0 {
			continue
		}
		out.line("%s:", list.title)
		for _, special := range list.paths {
			out.line("  %s %d:%d %s", special.Mode, special.UID, special.GID, special.Path)
		}
	}
	return out.err
}

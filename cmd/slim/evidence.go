package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
)

func (p *program) evidenceCommand() *cli.Command {
	return &cli.Command{
		Name:      "evidence",
		Usage:     "merge, show or compare files of evidence",
		UsageText: "slim evidence merge [flags] FILE...\nslim evidence show [flags] FILE\nslim evidence diff [flags] A B",
		Description: `merge combines several files of the same image, say of the shards of a test suite; their order does not matter.
show summarizes a file. diff lists what only B has (+), what only A has (-), and what differs between them (~). FILE is - for standard input.

Examples:
   slim evidence merge shard-*.json --output evidence.json
   slim evidence show evidence.json
   slim evidence diff last-week.json evidence.json --format json`,
		Flags:  []cli.Flag{text(groupOutput, "output", "write the united evidence to FILE instead of stdout", "o"), formatFlag()},
		Action: p.evidenceAction,
	}
}

// evidenceAction is the command: its first argument is the subcommand.
func (p *program) evidenceAction(c *cli.Context) error {
	if err := oneOf("format", c.String("format"), "", "text", "json"); err != nil {
		return err
	}
	what, files := c.Args().First(), c.Args().Tail()
	if c.IsSet("output") && what != "merge" {
		return usagef("slim evidence merge FILE... --output FILE", "--output is for merge only")
	}
	switch want := map[string]int{"show": 1, "diff": 2}[what]; {
	case what == "merge":
		if len(files) == 0 {
			return usagef(helpHint(c), "FILE is missing")
		}
		return p.mergeEvidence(c, files)
	case want == 0:
		return usagef("slim evidence merge, show or diff", "%q is not merge, show or diff", what)
	case len(files) != want:
		return usagef(helpHint(c), "slim evidence %s takes %d FILE, not %d", what, want, len(files))
	}
	list, err := p.evidence(files)
	if err != nil {
		return err
	}
	if what == "show" {
		return p.showEvidence(c, analyzer.Summarize(list[0]))
	}
	return p.diffEvidence(c, analyzer.DiffEvidence(list[0], list[1]))
}

func (p *program) mergeEvidence(c *cli.Context, files []string) error {
	list, err := p.evidence(files)
	if err != nil {
		return err
	}
	all, err := analyzer.Merge(list...)
	if err != nil {
		return &hintError{err: err, hint: "only evidence of the same image and platform can be merged: slim evidence show FILE prints both"}
	}
	name := c.String("output")
	if name == "" {
		name = "-"
	}
	return p.writeFile(name, func(w io.Writer) error { return all.Write(w) })
}

func (p *program) showEvidence(c *cli.Context, s analyzer.EvidenceSummary) error {
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, s)
	}
	out := &printer{w: p.stdout}
	out.line("%s %s", s.Platform, s.Image)
	out.line("runs:")
	for _, run := range s.Runs {
		out.line("  %s (%s): %d of %d probes answered%s, %s of memory", run.Name, run.Kind, run.Answered, run.Probes, listens(run.Listen),
			megabytes(run.Memory))
		if protocols := run.Protocols(); protocols != "" {
			out.line("    %s", protocols)
		}
	}
	out.line("programs:")
	for _, process := range s.Processes {
		out.line("  %d:%d %s", process.UID, process.GID, strings.Join(process.Argv, " "))
	}
	var ops []string
	for op, n := range s.Ops {
		ops = append(ops, fmt.Sprintf("%s %d", op, n))
	}
	slices.Sort(ops)
	out.line("paths: %d used (%s), %d looked up but missing", s.Paths, strings.Join(ops, ", "), s.Missing)
	out.line("system calls: %d, not counting those that every program makes", s.Syscalls)
	for _, list := range []struct {
		title string
		lines []string
	}{{"failures", s.Failures}, {"warnings", s.Warnings}} {
		if len(list.lines) == 0 {
			continue
		}
		out.line("%s:", list.title)
		for _, line := range list.lines {
			out.line("  %s", line)
		}
	}
	return out.err
}

func listens(sockets []analyzer.Socket) string {
	var list []string
	for _, s := range sockets {
		if s.Network == "unix" {
			list = append(list, "unix "+s.Path.String())
		} else {
			list = append(list, fmt.Sprintf("%s %d", s.Network, s.Port))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return ", listens on " + strings.Join(slices.Compact(list), ", ")
}

func (p *program) diffEvidence(c *cli.Context, d analyzer.EvidenceDiff) error {
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, d)
	}
	out := &printer{w: p.stdout}
	if d.Images[0] != d.Images[1] {
		out.line("image ~ %s -> %s", d.Images[0], d.Images[1])
	}
	for _, list := range []struct {
		title   string
		changes []analyzer.Change
	}{{"path", d.Paths}, {"missing", d.Missing}, {"program", d.Processes}, {"syscall", d.Syscalls}, {"answer", d.Answers}} {
		for _, change := range list.changes {
			switch {
			case change.From == "":
				out.line("%s + %s (%s)", list.title, change.Name, change.To)
			case change.To == "":
				out.line("%s - %s (%s)", list.title, change.Name, change.From)
			default:
				out.line("%s ~ %s (%s -> %s)", list.title, change.Name, change.From, change.To)
			}
		}
	}
	return out.err
}

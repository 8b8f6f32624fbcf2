package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/gosymbols"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/vex"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

// scanConfig is the default of --config.
const scanConfig = ".slim.yaml"

func (p *program) scanCommand() *cli.Command {
	return &cli.Command{
		Name:      "scan",
		Usage:     "list known vulnerabilities of an image, and what to do about each",
		UsageText: "slim scan IMAGE --vuln-db DIR [flags]",
		Description: `Compares the packages of IMAGE with a local copy of the OSV database; nothing is fetched. DIR holds the exports of OSV as they are:
ECOSYSTEM/all.zip, such as Debian/all.zip and PyPI/all.zip. With --before it also reports what happened to the findings of the
original image. Accepted risks are in .slim.yaml:

   accept:
     - {id: CVE-2024-0001, package: libfoo1, reason: only root can reach it, until: 2027-01-31}
   not_affected:
     - {id: CVE-2024-0002, package: libbar2, files: [/usr/lib/*/bar/plugin.so], reason: the advisory names this plug-in}

An entry of not_affected applies as long as none of its files is in the image.

Examples:
   slim scan app:2-slim --vuln-db osv --before app:2
   slim scan app:2-slim --vuln-db osv --fail-on high
   slim scan app:2-slim --vuln-db osv --format openvex -o app.openvex.json`,
		Flags: []cli.Flag{
			text(groupInput, "platform", "OS/ARCH of the images to take, where they have several"),
			text(groupInput, "vuln-db", "DIR with the records of OSV"),
			text(groupInput, "before", "the IMAGE that it was made of"),
			text(groupInput, "config", "YAML FILE with accepted risks (default .slim.yaml, if it is there)"),
			text(groupReport, "fail-on", "exit with code 1 on an open finding of this LEVEL or worse: critical, high, medium, low or any"),
			withDefault(text(groupReport, "format", "FORMAT of the result: text, json, sarif, openvex or cyclonedx-vex"), "text"),
			text(groupReport, "output", "write the result to FILE", "o"),
			quietFlag(),
		},
		Action: p.scan,
	}
}

// levels are what --fail-on takes.
var levels = []string{"", "critical", "high", "medium", "low", "any"}

// scanOptions are the scan options of slim build; nil without --vuln-db.
func (p *program) scanOptions(c *cli.Context) (*builder.Scan, error) {
	if c.String("vuln-db") == "" {
		if c.String("fail-on") != "" {
			return nil, usagef("pass --vuln-db DIR with exports of OSV", "--fail-on needs a database")
		}
		return nil, nil
	}
	if err := oneOf("fail-on", c.String("fail-on"), levels...); err != nil {
		return nil, err
	}
	facts, err := p.scanFacts(c)
	if err != nil {
		return nil, err
	}
	db, err := vuln.Open(c.String("vuln-db"))
	if err != nil {
		return nil, err
	}
	return &builder.Scan{Database: db, Facts: facts, FailOn: c.String("fail-on")}, nil
}

// scanned is one image.
type scanned struct {
	input *layers.Input
	index *layers.Index
	close func() // of what it is read from
	vuln.Subject
}

// scan is the command.
func (p *program) scan(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	if err := errors.Join(oneOf("format", c.String("format"), "text", "json", "sarif", "openvex", "cyclonedx-vex"),
		oneOf("fail-on", c.String("fail-on"), levels...)); err != nil {
		return err
	}
	facts, err := p.scanFacts(c)
	if err != nil {
		return err
	}
	if c.String("vuln-db") == "" {
		return usagef("example: slim scan app:2 --vuln-db osv, where osv holds Debian/all.zip and others of OSV's exports",
			"--vuln-db is missing")
	}
	db, err := vuln.Open(c.String("vuln-db"))
	if err != nil {
		return err
	}
	images := args
	if name := c.String("before"); name != "" {
		images = append(images, name)
	}
	found := make([]*scanned, len(images))
	for i, ref := range images {
		if found[i], err = p.scanImage(c, ref); err != nil {
			return err
		}
		defer found[i].close()
	}
	after, before := found[0], (*vuln.Subject)(nil)
	if len(found) == 2 {
		before = &found[1].Subject
	}
	facts.Symbols = func(ctx context.Context, questions []gosymbols.Question) ([]gosymbols.Answer, error) {
		return gosymbols.Ask(ctx, after.index, questions)
	}
	review, err := vuln.Review(c.Context, db, after.Subject, before, facts)
	if err != nil {
		return err
	}
	review.Image = after.input.Digest.String()
	if err := p.writeScan(c, review, after.input, facts.Today); err != nil {
		return err
	}
	return review.Gate(c.String("fail-on"))
}

// scanFacts reads the configuration and the day.
func (p *program) scanFacts(c *cli.Context) (vuln.Facts, error) {
	facts := vuln.Facts{Today: time.Now()}
	epoch, err := sourceDateEpoch()
	if err != nil {
		return facts, err
	}
	if epoch != nil {
		facts.Today = time.Unix(*epoch, 0)
	}
	name := c.String("config")
	if name == "" {
		if _, err := os.Stat(scanConfig); errors.Is(err, fs.ErrNotExist) {
			return facts, nil
		}
		name = scanConfig
	}
	data, err := p.readBounded(name, maxUserFile)
	if err != nil {
		return facts, err
	}
	if facts.Config, err = vuln.ReadConfig(data, builder.ProjectSection); err != nil {
		return facts, &hintError{err: fmt.Errorf("%s: %w", name, err), hint: "`slim scan --help` shows its form"}
	}
	return facts, nil
}

// scanImage reads the packages and names of files of an image. The caller closes it.
func (p *program) scanImage(c *cli.Context, ref string) (s *scanned, err error) {
	in, closeDocker, err := p.image(c, ref)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			closeDocker()
		}
	}()
	index, err := layers.NewIndex(in.Image)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	s = &scanned{input: in, index: index, close: closeDocker}
	var warnings []string
	if s.Subject, warnings, err = imagePackages(c.Context, in, index); err != nil {
		return nil, fmt.Errorf("packages of %s: %w", ref, err)
	}
	for _, entry := range index.Entries() {
		if !entry.Mode.IsDir() {
			s.Files = append(s.Files, string(entry.Path))
		}
	}
	for _, warning := range warnings {
		p.infof("warning: %s: %s", ref, warning)
	}
	return s, nil
}

// writeScan writes the result in its format.
func (p *program) writeScan(c *cli.Context, review *vuln.Report, in *layers.Input, now time.Time) error {
	var (
		buf  bytes.Buffer
		data []byte
		err  error
	)
	statements := func() []vex.Statement { return vex.Statements(review) }
	options := vex.Options{Timestamp: now, Incomplete: review.Incomplete, Removed: vex.Removed(review)}
	switch c.String("format") {
	case "json":
		err = jsonout.Write(&buf, review)
	case "sarif":
		data, err = vuln.SARIF(review, productOf(in).Repository, "")
	case "openvex":
		data, err = vex.OpenVEX(statements(), productOf(in), options)
	case "cyclonedx-vex":
		data, err = vex.CycloneDX(statements(), productOf(in), options)
	default:
		err = printScan(&buf, review)
	}
	if err != nil {
		return err
	}
	p.info(report.ScanWarnings(review))
	name := c.String("output")
	if name == "" {
		name = "-"
	}
	return p.writeFile(name, func(w io.Writer) error {
		_, err := w.Write(append(buf.Bytes(), data...))
		return err
	})
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/gosymbols"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/drift"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers/infile"
)

// driftError is the result of slim check that is not "nothing to do".
type driftError struct{ report *drift.Report }

func (e *driftError) Error() string { return e.report.Conclusion() }

// code is the exit code.
func (e *driftError) code() int {
	if e.report.Rebuild {
		return exitRebuild
	}
	return exitDue
}

// Hint is the next step.
func (e *driftError) Hint() string {
	if !e.report.Rebuild {
		return "update what the findings name, or decide about them in .slim.yaml"
	}
	if slices.ContainsFunc(e.report.Findings, func(f drift.Finding) bool { return f.Action == drift.ActionRebuild }) {
		return "slim build --update=fixable --vuln-db DIR, with the flags of the last build"
	}
	return "slim build with the flags of the last build"
}

// drift is slim check without --outdated.
func (p *program) drift(c *cli.Context, name string) error {
	within, err := strconv.Atoi(c.String("within"))
	if err != nil || within < 0 || within > 36500 {
		return usagef("example: --within 14", "--within: %q is not a number of days", c.String("within"))
	}
	if c.String("since") != "" && c.String("vuln-db") == "" {
		return usagef("pass --vuln-db DIR with exports of OSV", "--since needs a database")
	}
	facts, err := p.scanFacts(c)
	if err != nil {
		return err
	}
	in := drift.Input{Subject: name, Config: facts.Config, Today: facts.Today, Within: within}
	if c.String("since") != "" {
		if in.Since, err = p.readScan(c.String("since")); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}
	var db *vuln.Database
	if c.String("vuln-db") != "" {
		if db, err = vuln.Open(c.String("vuln-db")); err != nil {
			return err
		}
	}
	subject, done, err := p.driftSubject(c, &in, db != nil, &facts)
	if err != nil {
		return err
	}
	defer done()
	if db != nil {
		if in.Scan, err = vuln.Review(c.Context, db, *subject, nil, facts); err != nil {
			return err
		}
	}
	return p.writeDrift(c, drift.New(in))
}

// driftSubject looks up the bases of a subject. packages says whether its packages are wanted, too; of an image, facts then get what its
// programs say, until done is called.
func (p *program) driftSubject(c *cli.Context, in *drift.Input, packages bool, facts *vuln.Facts) (s *vuln.Subject, done func(),
	err error) {
	done = func() {}
	info, missing := os.Stat(in.Subject)
	isFile := missing == nil && !info.IsDir()
	switch {
	case isFile && isSBOM(in.Subject):
		in.Kind = drift.KindSBOM
		s, err = ofSBOM(in.Subject)
	case isFile || in.Subject == lock.Name:
		in.Kind = drift.KindLock
		s, err = p.ofLock(c.Context, in, packages)
	default:
		in.Kind = drift.KindImage
		if err = p.ofImage(c, in); err != nil || !packages {
			return nil, done, err
		}
		image, err := p.scanImage(c, in.Subject)
		if err != nil {
			return nil, done, err
		}
		facts.Symbols = func(ctx context.Context, questions []gosymbols.Question) ([]gosymbols.Answer, error) {
			return gosymbols.Ask(ctx, image.index, questions)
		}
		s, done = &image.Subject, image.close
	}
	return s, done, err
}

// ofLock looks up what a lock was made of.
func (p *program) ofLock(ctx context.Context, in *drift.Input, packages bool) (*vuln.Subject, error) {
	l, err := lock.Read(in.Subject, builder.LockOptions())
	if err != nil {
		return nil, err
	}
	if packages && len(l.Packages) == 0 && len(l.Incomplete) == 0 {
		return nil, &hintError{err: fmt.Errorf("%s does not list the packages of the image", in.Subject),
			hint: "name the image instead, or make the lock again with slim build --lock"}
	}
	if l.Update != nil {
		in.Updated = fmt.Sprintf("%s: %s", l.Update.Manager, report.Plural(len(l.Update.Changes), "package", "packages"))
	}
	inputs, err := p.lookUp(ctx, l.Input)
	if err != nil {
		return nil, err
	}
	in.Bases = basesOf(inputs)
	return subjectOf(l.Packages, l.Incomplete), nil
}

func basesOf(inputs []outdatedInput) []drift.Base {
	var list []drift.Base
	for _, input := range inputs {
		list = append(list, drift.Base{Reference: input.Reference, Locked: input.Locked, Now: input.Now, Moved: input.Outdated})
	}
	return list
}

// subjectOf are packages by their URLs.
func subjectOf(purls, incomplete []string) *vuln.Subject {
	inv := sbom.Inventory{Schema: sbom.InventorySchema, Incomplete: incomplete}
	for _, purl := range purls {
		inv.Packages = append(inv.Packages, sbom.InventoryPackage{Purl: purl})
	}
	subject, _ := vuln.FromInventory(inv) // what cannot be read makes the list incomplete
	return &subject
}

// ofImage looks up the base in the labels of an image that slim made.
func (p *program) ofImage(c *cli.Context, in *drift.Input) error {
	image, done, err := p.image(c, in.Subject)
	if err != nil {
		return err
	}
	defer done()
	config, err := image.Image.ConfigFile()
	if err != nil {
		return fmt.Errorf("image %s: %w", in.Subject, err)
	}
	labels := config.Config.Labels
	if labels[builder.LabelSlim] == "" {
		return &hintError{err: fmt.Errorf("%s was not made by slim: it has no label %s", in.Subject, builder.LabelSlim),
			hint: "slim scan lists the findings of any image"}
	}
	in.Updated = labels[builder.LabelUpdate]
	base := labels[builder.LabelBaseName]
	if base == "" {
		p.alertf("warning: %s does not name its base: whether that has moved cannot be told", in.Subject)
		return nil
	}
	inputs, err := p.lookUp(c.Context, lock.Input{Kind: lock.KindImage, Reference: base, Digest: labels[builder.LabelBaseDigest],
		Platform: image.Platform.String()})
	in.Bases = basesOf(inputs)
	return err
}

// bill is the part of a CycloneDX document that is read.
type bill struct {
	Format     string `json:"bomFormat"`
	Components []struct {
		Purl string `json:"purl"`
	} `json:"components"`
	Metadata struct {
		Properties []struct{ Name, Value string } `json:"properties"`
	} `json:"metadata"`
}

// maxBill bounds a bill of materials that is read, in bytes.
const maxBill = 256 << 20

func isSBOM(name string) bool {
	data, err := infile.Read(name, maxBill)
	var head struct {
		Format string `json:"bomFormat"`
	}
	return err == nil && json.Unmarshal(data, &head) == nil && head.Format == "CycloneDX"
}

// ofSBOM reads the packages of a bill of materials, which does not say what the image was made of.
func ofSBOM(name string) (*vuln.Subject, error) {
	data, err := infile.Read(name, maxBill)
	if err != nil {
		return nil, err
	}
	var b bill
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	var purls, incomplete []string
	for _, c := range b.Components {
		if c.Purl != "" {
			purls = append(purls, c.Purl)
		}
	}
	for _, property := range b.Metadata.Properties {
		if property.Name == "slim:incomplete" {
			incomplete = append(incomplete, property.Value)
		}
	}
	return subjectOf(purls, incomplete), nil
}

// readScan reads the report of an earlier scan.
func (p *program) readScan(name string) (*vuln.Report, error) {
	data, err := infile.Read(name, maxBill)
	if err != nil {
		return nil, err
	}
	var scan vuln.Report
	if err := json.Unmarshal(data, &scan); err != nil || scan.Schema != vuln.ReportSchema {
		return nil, &hintError{err: fmt.Errorf("%s is not a report of slim scan (schema %s)", name, vuln.ReportSchema),
			hint: "slim scan --format json writes one, and slim build --vuln-db --artifacts DIR as scan.json"}
	}
	return &scan, nil
}

// writeDrift writes the report in each form that is asked for.
func (p *program) writeDrift(c *cli.Context, found *drift.Report) error {
	if name := c.String("sarif"); name != "" {
		data, err := found.SARIF(configName(c), toolVersion())
		if err != nil {
			return err
		}
		err = p.writeFile(name, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
		if err != nil {
			return err
		}
	}
	if name := c.String("summary"); name != "" {
		if err := appendSummary(name, found.Markdown(report.Cell)); err != nil {
			return err
		}
	}
	if c.String("format") == "json" {
		if err := jsonout.Write(p.stdout, found); err != nil {
			return err
		}
	} else {
		out := &printer{w: p.stdout}
		for _, line := range found.Lines() {
			out.line("%s", line)
		}
		if out.err != nil {
			return out.err
		}
	}
	if found.Rebuild || found.Due {
		return &driftError{found}
	}
	return nil
}

// configName is the file with the accepted risks.
func configName(c *cli.Context) string {
	if name := c.String("config"); name != "" {
		return name
	}
	return scanConfig
}

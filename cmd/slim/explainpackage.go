package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/cmd/slim/report"
)

// maxReasons bounds the reasons that are printed for a package.
const maxReasons = 20

// packageExplanation is why one package is in the slim image, or is not.
type packageExplanation struct {
	Name     string           `json:"name"`
	Version  string           `json:"version,omitempty"`
	Kept     analyzer.Need    `json:"kept"`
	Dropped  int              `json:"dropped"`            // files that only the original has
	Through  []string         `json:"through,omitempty"`  // of a language's package, what needs it
	Findings []packageFinding `json:"findings,omitempty"` // known vulnerabilities
}

// packageFinding is the decision on a finding of a package.
type packageFinding struct {
	ID    string     `json:"id"`
	State vuln.State `json:"state"`
	Text  string     `json:"text"`
}

// explainPackage is the command with --package.
func (p *program) explainPackage(c *cli.Context, file string) error {
	result, err := p.readResult(file)
	if err != nil {
		return err
	}
	list := packagesNamed(result, c.String("package"))
	if len(list) == 0 {
		hint := "`slim inspect` lists the packages of an image; packages of languages are in the report of a build with --vuln-db, " +
			"if they have findings"
		return &hintError{err: fmt.Errorf("%s has no package %q", file, c.String("package")), hint: hint}
	}
	if c.String("format") == "json" {
		return jsonout.Write(p.stdout, list)
	}
	out := &printer{w: p.stdout}
	for i := range list {
		printPackage(out, &list[i])
	}
	return out.err
}

// packagesNamed explains the packages of a name or package URL: of the distribution, and those that have findings.
func packagesNamed(result *builder.Result, name string) []packageExplanation {
	var list []packageExplanation
	at := map[string]int{}
	add := func(name, version string, kept analyzer.Need) *packageExplanation {
		key := name + " " + version
		i, known := at[key]
		if !known {
			i, at[key] = len(list), len(list)
			list = append(list, packageExplanation{Name: name, Version: version, Kept: kept})
		}
		return &list[i]
	}
	dropped := 0
	for i := range result.Plan.Dropped {
		if result.Plan.Dropped[i].Package == name {
			dropped++
		}
	}
	for i := range result.Plan.Packages {
		if pkg := &result.Plan.Packages[i]; pkg.Name == name {
			add(name, pkg.Version, analyzer.NeedOfPackage(result.Plan, name)).Dropped = dropped
		}
	}
	if result.Scan != nil {
		for _, d := range result.Scan.All() {
			pkg := &d.Finding.Package
			if pkg.Name != name && pkg.Purl != name {
				continue
			}
			var kept analyzer.Need
			if d.Present() {
				kept = report.NeedOf(result.Plan, pkg)
			}
			one := add(pkg.Name, pkg.Version, kept)
			one.Through = d.Through
			one.Findings = append(one.Findings, packageFinding{d.Finding.ID, d.State, d.Text})
		}
	}
	if len(list) == 0 && dropped > 0 {
		add(name, "", analyzer.Need{}).Dropped = dropped
	}
	return list
}

func printPackage(out *printer, why *packageExplanation) {
	title := strings.TrimSuffix(why.Name+" "+why.Version, " ")
	if why.Kept.Files == 0 {
		out.line("%s has no file in the slim image", title)
	} else {
		out.line("%s is kept, %s (%s):", title, report.Plural(why.Kept.Files, "file", "files"), report.Bytes(why.Kept.Bytes))
	}
	for i, reason := range why.Kept.Reasons {
		if i == maxReasons {
			out.line("  and %d more reasons", len(why.Kept.Reasons)-maxReasons)
			break
		}
		out.line("  %s %s", report.Plural(reason.Files, "file", "files"), reason.Name)
	}
	if why.Dropped > 0 {
		out.line("%s of it dropped", report.Plural(why.Dropped, "file", "files"))
	}
	if len(why.Kept.Users) > 0 {
		out.line("packages that need it: %s", strings.Join(why.Kept.Users, ", "))
	}
	if len(why.Through) > 0 {
		chain := slices.Clone(why.Through)
		slices.Reverse(chain)
		out.line("needed by %s", strings.Join(chain, ", which is needed by "))
	}
	for _, f := range why.Findings {
		out.line("%s %s: %s", f.State, f.ID, f.Text)
	}
}

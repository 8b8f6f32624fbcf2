package main

import (
	"bytes"
	"errors"
	"flag"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/analyzer/lint"
	"github.com/slimimage/slim/analyzer/vuln"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/sign"
	"github.com/slimimage/slim/cmd/slim/report"
	"github.com/slimimage/slim/layers"
)

// hostileResult is a result with one text in every place that an image, its runs or a registry fill.
func hostileResult(text string) *builder.Result {
	name := layers.Path("srv/" + text)
	reason := analyzer.Reason{Rule: analyzer.RuleOpenedBy, From: text}
	plan := &analyzer.Plan{
		Image: text, Platform: "linux/amd64", User: analyzer.User{UID: 1, GID: 1, Name: text, Reason: text},
		Layers:   []analyzer.Layer{{Name: "app", Files: 1, Bytes: 1}},
		Files:    []analyzer.File{{Path: name, Kind: "file", Size: 1, Package: text, Reasons: []analyzer.Reason{reason}}},
		Packages: []analyzer.Package{{Name: text, Version: text}}, Dropped: []analyzer.Dropped{{Path: "usr/" + name, Package: text, Rule: text}},
		Warnings: []string{text}, Incomplete: []string{text},
		Sensitive: []analyzer.Sensitive{{Path: name, What: text, Kept: text}, {Path: name, What: text}},
	}
	run := analyzer.Run{Name: text, Kind: analyzer.KindServer, Argv: []string{text}, Failure: text, Unfaithful: []string{text},
		Answers: []analyzer.Answer{{Probe: text}}}
	finding := vuln.Finding{ID: text, Summary: text, URL: text, Package: vuln.Package{Ecosystem: "Debian:12", Name: text, Version: text}}
	return &builder.Result{
		Input: text, Image: text, Platform: "linux/amd64", Plan: plan,
		Evidence: &analyzer.Evidence{Image: text, Platform: "linux/amd64", Runs: []analyzer.Run{run}, Warnings: []string{text},
			Processes: []analyzer.Process{{Argv: []string{text}}}},
		Verdict: &analyzer.Verdict{Checked: 1, Unconfined: text, AnyUserWhy: text, Unfaithful: []string{text},
			Differences: []analyzer.Difference{{Run: text, Probe: text, What: text, Want: text, Got: text}},
			Missing:     []analyzer.MissingPath{{Path: name, By: []layers.Path{name}}}},
		Scan: &vuln.Report{Decisions: []vuln.Decision{{Finding: finding, Text: text}}, Notes: []string{text}, Missing: []string{text},
			Skipped: []string{text}, Incomplete: []string{text}},
	}
}

// TestAttackOutputForms prints a result that is hostile in every place in every form but HTML, which has a test of its own: no line of
// it is a command to a CI system, and nothing in it moves the cursor of a terminal or reverses text.
func TestAttackOutputForms(t *testing.T) {
	for _, text := range []string{"x\n::error::forged", "::error::forged", "##vso[task.complete]", "\x1b[2J\x1b]0;title\x07", "\u202egpj.exe",
		"x\r::add-mask::x", "\u009b31m"} {
		r := hostileResult(text)
		set := flag.NewFlagSet("", flag.ContinueOnError)
		set.String("format", "text", "")
		c := cli.NewContext(nil, set, nil)
		var out bytes.Buffer
		p := &program{stdout: &out, stderr: &out}
		p.info(report.Summary(r))
		sizes := analyzer.SizesOf(r.Plan)
		p.info(report.SizeTable(&sizes))
		p.printError(&builder.CheckError{Result: r})
		p.printError(errors.New(text))
		p.printError(usagef(text, "%s", text))
		_, err := analyzer.Explain(r.Plan, text)
		p.printError(err)
		explained := analyzer.Explanation{Path: layers.Path(text), Package: text, Why: text, Reasons: []string{text}, Hints: []string{text}}
		for name, err := range map[string]error{
			"plan":     printPlan(&out, r.Plan),
			"explain":  printExplanation(&printer{w: &out}, explained),
			"evidence": p.showEvidence(c, analyzer.Summarize(r.Evidence)),
			"diff": p.diffEvidence(c, analyzer.EvidenceDiff{Images: []string{text, "b"},
				Paths: []analyzer.Change{{Name: text, From: text, To: text}}}),
			"scan": printScan(&out, r.Scan),
			"lint": (&lint.Report{Image: text, Results: []lint.Result{{Rule: lint.Rules()[0],
				Findings: []lint.Finding{{Path: layers.Path(text), Key: text, Message: text, Next: text}}}}}).Print(&out),
			"verify": p.printVerified(&sign.Report{Image: text, Problems: []sign.Problem{{Message: text}}}),
			"inspect": printInspection(&out, &layers.Inspection{Digest: text, Platform: text, Layers: []layers.LayerInfo{{Command: text}},
				Folders: []layers.Folder{{Path: layers.Path(text)}}, Setuid: []layers.Special{{Path: layers.Path(text)}}}),
			"json": jsonout.Write(&out, r),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		out.WriteString(report.Markdown(report.Job{Image: text, Result: r, Failure: errors.New(text), Last: hostileResult(text + "2")}))
		log, err := vuln.SARIF(r.Scan, text, "")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(log)
		obeyed(t, out.String())
	}
}

package lint_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/slimimage/slim/analyzer/elf/elftest"
	"github.com/slimimage/slim/analyzer/lint"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// hidden is Input.Deleted of files by name, all in the lowest layer.
func hidden(files map[string]string) func(func(string, int, io.Reader) error) error {
	return func(do func(string, int, io.Reader) error) error {
		for _, name := range sortedKeys(files) {
			if err := do(name, 0, strings.NewReader(files[name])); err != nil {
				return err
			}
		}
		return nil
	}
}

// What cannot be told is not passed.
func TestNotChecked(t *testing.T) {
	tests := map[string]struct {
		image image
		want  string
	}{
		"B3-latest":     {image{}, "the image has no name"},
		"P3-provenance": {image{}, "the attachments of the image are unknown"},
		"M1-sbom":       {image{}, "the attachments of the image are unknown"},
		"P4-signature":  {image{}, "the attachments of the image are unknown"},
		"P5-packages":   {image{}, "it has no package database"},
		"C2-version":    {image{}, "it has no package database"},
		"C3-checksums":  {image{}, "no package has checksums that can be compared (dpkg's and apk's are)"},
		"P9-pie":        {image{}, "the image has no ELF file"},
		"P9-canary":     {with("", map[string]elftest.Spec{"a": good, "b": {Flags1: 1 << 27}}), "1 of 2 ELF files do not tell"},
		// DF_1_PIE without a library: static
		"P9-nx":       {image{tree: "-- a --\n\x7fELF\x02\x01\x01\n"}, "1 of 1 ELF files do not tell"},
		"R2-numeric":  {image{}, "no user is set"},
		"R2-high":     {image{config: user("0")}, "the image's user is root"},
		"R9-readable": {image{config: user("nobody-knows")}, "the image's user is not known by number"},
		"R9-writable": {image{}, "the image's user is root, who may write everywhere"},
		"R8-exec":     {image{}, "the image has no health check"},
		"S1-history":  {image{}, "the image has no history"},
		"L-add":       {image{}, "the image has no history"},
	}
	for id, test := range tests {
		got := result(t, check(t, test.image), id)
		if got.Status != lint.NotChecked || got.Reason != test.want {
			t.Errorf("%s: %s, %q, %q; want not checked, %q", id, got.Status, got.Reason, told(got), test.want)
		}
	}
}

func TestChecklist(t *testing.T) {
	items := lint.Checklist()
	if len(items) != 40 {
		t.Fatalf("the checklist has %d items, want 40", len(items))
	}
	report := check(t, image{tree: "file bin/sh\nmode bin/sh 755\n", config: user("65532:65532"), disable: []string{"R12-sudo"}})
	got := map[string]lint.ItemResult{}
	for i, item := range report.Items {
		if item.ID != items[i].ID {
			t.Errorf("item %d is %s, want %s", i, item.ID, items[i].ID)
		}
		if (item.Status == lint.NotChecked || item.Status == lint.Partly) && item.Reason == "" {
			t.Errorf("%s is %s, and there is no reason", item.ID, item.Status)
		}
		if item.Status == lint.Passed && item.Rest != "" {
			t.Errorf("%s passed, although %q", item.ID, item.Rest)
		}
		got[item.ID] = item
	}
	for id, want := range map[string]lint.Status{
		"R2": lint.Passed, "C6": lint.Passed, "R10": lint.Failed, "R12": lint.Partly, "P9": lint.NotChecked, "P10": lint.NotChecked,
		"M2": lint.NotChecked, "M1": lint.NotChecked,
	} {
		if got[id].Status != want {
			t.Errorf("%s is %s, want %s (%+v)", id, got[id].Status, want, got[id])
		}
	}
	if !strings.Contains(got["R12"].Reason, "R12-sudo is disabled") {
		t.Errorf("the reason of R12 is %q", got["R12"].Reason)
	}
	known := map[string]bool{}
	for _, item := range items {
		known[item.ID] = true
	}
	for _, rule := range lint.Rules() {
		if rule.Item != "" && !known[rule.Item] {
			t.Errorf("%s is of item %q, which there is not", rule.ID, rule.Item)
		}
		if rule.Title == "" || rule.Next == "" || rule.Source == "" || rule.Level.Rank() == 0 {
			t.Errorf("%s is incomplete: %+v", rule.ID, rule)
		}
	}
}

func TestDisable(t *testing.T) {
	report := check(t, image{disable: []string{"R2-user"}})
	if r := result(t, report, "R2-user"); r.Status != lint.Disabled || len(r.Findings) != 0 || report.Counts[lint.Error] != 0 {
		t.Errorf("R2-user is %s with %q, and there are %d errors", r.Status, told(r), report.Counts[lint.Error])
	}
	if _, err := lint.Check(image{disable: []string{"R2"}}.input(t)); err == nil || !strings.Contains(err.Error(), `unknown rule "R2"`) {
		t.Errorf("error = %v, want one that names the rule", err)
	}
	if _, err := lint.Check(lint.Input{}); err == nil {
		t.Error("no error for an image without config and root")
	}
}

// Findings beyond the bound are counted; many notes do not hide an error.
func TestMany(t *testing.T) {
	var tree strings.Builder
	for i := range 300 {
		tree.WriteString("file d/" + strings.Repeat("x", i+1) + "\nmode d/" + strings.Repeat("x", i+1) + " 666\n")
	}
	report := check(t, image{tree: tree.String()})
	r := result(t, report, "R4-writable")
	if len(r.Findings) != 200 || r.More != 100 || report.Counts[lint.Warning] < 300 || report.Worst(lint.Error) != report.Counts[lint.Error] {
		t.Errorf("%d findings and %d more, counts %v", len(r.Findings), r.More, report.Counts)
	}
}

// Reading each file by itself, and in one pass under any of its names, comes to the same.
func TestContents(t *testing.T) {
	img := image{tree: "hardlink app/second app/first\n-- app/first --\n" + secret + "\n" + debian}
	want := check(t, img)
	in := img.input(t)
	in.Contents = func(do func(string, io.Reader) error) error {
		for _, name := range []string{"usr/bin/tool", "not/there", "etc/tool.conf", "app/second"} {
			content := map[string]string{"usr/bin/tool": "#!/bin/tool\n", "app/second": secret + "\n"}[name]
			if err := do(name, strings.NewReader(content)); err != nil {
				return err
			}
		}
		return nil
	}
	got, err := lint.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
		t.Errorf("(-one by one +one pass)\n%s", diff)
	}
	if r := result(t, got, "S1-files"); len(r.Findings) != 1 {
		t.Errorf("secrets: %q, want one for both names", told(r))
	}
}

func asJSON(t *testing.T, report *lint.Report) string {
	t.Helper()
	data, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestPrintAndSARIF(t *testing.T) {
	report := check(t, image{tree: "-- app/\x1b[31m/.env --\n" + secret + "\n", config: v1.Config{Env: []string{"A\x1b_TOKEN=x"}},
		ref: "app:1"})
	var text bytes.Buffer
	if err := report.Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"error    S1-files: no secrets in files\n    /app/\\x1b[31m/.env: a token of GitHub in line 1\n    -> ", "\n  not checked     B4   ",
		"\nitems: ", "\nfindings: 3 errors, ",
		"\n  failed          S1   no secrets: S1-env, S1-files, S1-names\n",
		"R2-user: the user is not root (CIS-DI-0001, DS-0002, scout:default-non-root-user)",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text has no %q:\n%s", want, text.String())
		}
	}
	if strings.ContainsAny(text.String(), "\x1b\r") || strings.Contains(text.String(), secret) {
		t.Error("the text holds an escape sequence or the secret itself")
	}
	data, err := report.SARIF("1")
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Runs []struct {
			Tool struct {
				Driver struct{ Rules []struct{ ID string } }
			}
			Results []struct {
				RuleID, Level string
				Locations     []struct {
					PhysicalLocation struct{ ArtifactLocation struct{ URI string } }
				}
			}
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Tool.Driver.Rules) != len(lint.Rules()) || len(run.Results) != report.Worst(lint.Note) {
		t.Errorf("%d rules and %d results, want %d and %d", len(run.Tool.Driver.Rules), len(run.Results), len(lint.Rules()),
			report.Worst(lint.Note))
	}
	places := map[string]bool{}
	for _, r := range run.Results {
		places[r.RuleID+" "+r.Level+" "+r.Locations[0].PhysicalLocation.ArtifactLocation.URI] = true
	}
	for _, want := range []string{"S1-files error app/%5Cx1b%5B31m/.env", "R2-user error test"} {
		if !places[want] {
			t.Errorf("SARIF has no result %q in %v", want, sortedKeys(places))
		}
	}
}

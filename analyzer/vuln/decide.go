package vuln

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer/gosymbols"
)

// Advice is what to do about a finding of a package that is needed: the first of these that applies.
type Advice string

// The advices, in order.
const (
	Update      Advice = "update"       // to the version that has it fixed
	NotAffected Advice = "not affected" // the vulnerable files are not in the image
	Accepted    Advice = "accepted"     // the risk, until a day
	Affected    Advice = "affected"     // none of them
)

// Decision is a finding and what follows.
type Decision struct {
	Finding  Finding     `json:"finding"`            // a vulnerability of a package
	State    State       `json:"state"`              // what was decided: removed, updated, not affected, accepted or open
	Before   bool        `json:"before,omitempty"`   // the image it was made of has it too
	Now      *Package    `json:"now,omitempty"`      // of an updated one, the package as it is in the image
	Advice   Advice      `json:"advice,omitempty"`   // what to do about it where the image has it
	Text     string      `json:"text"`               // one line to read
	Manifest string      `json:"manifest,omitempty"` // of a language's package, what to edit
	Through  []string    `json:"through,omitempty"`  // what needs the package, from what nothing else needs to what needs it directly
	Evidence string      `json:"evidence,omitempty"` // why it is not affected; "" means that it counts as affected
	Accepted *Acceptance `json:"accepted,omitempty"` // in force, also where an update exists
	Until    string      `json:"until,omitempty"`    // of Accepted, YYYY-MM-DD
}

// Facts are what decisions need besides findings.
type Facts struct {
	Config *Config                    // nil for none
	Today  time.Time                  // an acceptance counts through its last day, UTC
	Kept   func(glob string) []string // paths of the image's files that match, sorted; nil when the files are not known
	Before func(glob string) []string // likewise of the image it was made of; nil for none
	// Symbols answers which functions Go programs of the image have; nil where nobody can. Review asks it.
	Symbols func(context.Context, []gosymbols.Question) ([]gosymbols.Answer, error)

	absent    map[[2]string]string // evidence by finding: programs that have none of its functions
	relations *relations           // nil where they are not known
}

// Decide goes through the findings. notes are entries of the configuration that do not count and why: expired, without a
// finding, contradicted by the image.
func Decide(findings []Finding, facts Facts) (decisions []Decision, notes []string) {
	config := facts.Config
	if config == nil {
		config = &Config{}
	}
	used := map[int]bool{} // lines
	decisions = make([]Decision, 0, len(findings))
	for _, finding := range findings {
		d := Decision{Finding: finding}
		for i := range config.Accept {
			entry := &config.Accept[i]
			if !matches(&finding, entry.ID, entry.Package) {
				continue
			}
			used[entry.Line] = true
			if !expired(entry, facts.Today) && (d.Accepted == nil || entry.Until.After(d.Accepted.Until)) {
				d.Accepted, d.Until = entry, entry.Until.Format(day)
			}
		}
		for i := range config.NotAffected {
			claim := &config.NotAffected[i]
			if !matches(&finding, claim.ID, claim.Package) {
				continue
			}
			used[claim.Line] = true
			evidence, doubt := claim.check(&finding, facts)
			if doubt != "" {
				notes = append(notes, fmt.Sprintf("line %d: %s in %s is not shown to be harmless: %s", claim.Line, finding.ID, finding.Package.Name,
					doubt))
			} else if d.Evidence == "" {
				d.Evidence = evidence
			}
		}
		if d.Evidence == "" {
			d.Evidence = facts.absent[finding.pair()]
		}
		d.State = d.state()
		how := ""
		if facts.relations != nil {
			d.Manifest, d.Through, how = facts.relations.fix(&finding)
		}
		d.advise(how)
		decisions = append(decisions, d)
	}
	return decisions, slices.Compact(append(notes, config.stale(used, facts.Today)...))
}

func expired(entry *Acceptance, today time.Time) bool {
	return !today.UTC().Before(entry.Until.AddDate(0, 0, 1))
}

// stale lists the entries that have expired or speak of nothing.
func (c *Config) stale(used map[int]bool, today time.Time) []string {
	var notes []string
	for i := range c.Accept {
		entry := &c.Accept[i]
		if expired(entry, today) {
			notes = append(notes, fmt.Sprintf("line %d: the acceptance of %s expired on %s", entry.Line, entry.ID, entry.Until.Format(day)))
		} else if !used[entry.Line] {
			notes = append(notes, fmt.Sprintf("line %d: %s is accepted, but was not found", entry.Line, entry.ID))
		}
	}
	for _, claim := range c.NotAffected {
		if !used[claim.Line] {
			notes = append(notes, fmt.Sprintf("line %d: %s in %s was not found", claim.Line, claim.ID, claim.Package))
		}
	}
	return notes
}

// matches reports whether an entry is about a finding.
func matches(f *Finding, id, pkg string) bool {
	if !f.Is(id) {
		return false
	}
	bare, _, _ := strings.Cut(f.Package.Purl, "?")
	unversioned, _, _ := strings.Cut(bare, "@")
	return pkg == "" || slices.Contains([]string{f.Package.Name, f.Package.SourceName, f.Package.Purl, bare, unversioned}, pkg)
}

// advise fills in the advice and its line. how is what to do about a package of a language; "" for others.
func (d *Decision) advise(how string) {
	f := &d.Finding
	var parts []string
	if f.Fixed != "" {
		d.Advice = Update
		name := f.Package.Name
		if f.Package.SourceName != "" {
			name = f.Package.SourceName
		}
		if how == "" {
			how = fmt.Sprintf("update %s to %s", name, f.Fixed)
		}
		parts = append(parts, how)
	}
	if d.Evidence != "" {
		d.Advice = firstAdvice(d.Advice, NotAffected)
		parts = append(parts, "not affected: "+d.Evidence)
	}
	if d.Accepted != nil {
		d.Advice = firstAdvice(d.Advice, Accepted)
		parts = append(parts, fmt.Sprintf("accepted until %s: %s", d.Until, d.Accepted.Reason))
	}
	if len(parts) == 0 {
		d.Advice = Affected
		parts = append(parts, "affected, no update is known")
		if n := len(d.Through); n > 0 {
			parts = append(parts, d.Through[n-1]+" needs it")
		}
	}
	d.Text = plain(strings.Join(parts, "; "), maxReason)
}

func firstAdvice(a, b Advice) Advice {
	if a == "" {
		return b
	}
	return a
}

// check looks for the files a claim names: none may be in the image. Its text names what is kept of the package instead. What it
// cannot see are copies of the same code under other names, which the text says.
func (c *Claim) check(f *Finding, facts Facts) (evidence, doubt string) {
	if facts.Kept == nil && f.Package.Files == nil {
		return "", "the files of the image are not known"
	}
	removed := 0
	for _, glob := range c.Files {
		found := facts.present(f, glob)
		if facts.Before == nil { // nothing shows that the path is the physical one: any file of that name counts
			found = append(found, facts.present(f, path.Base(glob))...)
		}
		if len(found) > 0 {
			return "", fmt.Sprintf("%s is in the image", found[0])
		}
		if facts.Before != nil {
			before := facts.Before(glob)
			if len(before) == 0 {
				return "", fmt.Sprintf("%s is not in the original image either", glob)
			}
			removed += len(before)
		}
	}
	kept := "no file of " + f.Package.Name + " is known to be kept"
	if n := len(f.Package.Files); n > 0 {
		kept = fmt.Sprintf("of %s it has %s", f.Package.Name, several(f.Package.Files, 8))
	}
	gone := ""
	if removed > 0 {
		gone = fmt.Sprintf(" (the original has %d)", removed)
	}
	text := fmt.Sprintf("the image has none of the vulnerable files %s%s; %s; named by the configuration because: %s; copies under other "+
		"names were not searched for",
		strings.Join(c.Files, ", "), gone, kept, c.Reason)
	return plain(text, maxReason), ""
}

// present lists the files of the image that match.
func (facts *Facts) present(f *Finding, glob string) []string {
	var found []string
	if facts.Kept != nil {
		found = facts.Kept(glob)
	}
	return append(found, Match(f.Package.Files, glob)...)
}

// Match lists the paths that match a pattern: of the whole path, or of the last element where the pattern has no slash.
func Match(paths []string, glob string) []string {
	var found []string
	for _, name := range paths {
		subject := name
		if !strings.Contains(glob, "/") {
			subject = path.Base(name)
		}
		if ok, err := path.Match(glob, subject); ok && err == nil {
			found = append(found, name)
		}
	}
	return found
}

func several(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// About reports whether an accepted risk is that of a finding.
func (a *Acceptance) About(f *Finding) bool { return matches(f, a.ID, a.Package) }

package vuln

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/slimimage/slim/analyzer/gosymbols"
)

// head is the part of a record that decides whether it is wanted.
type head struct {
	ID        string `json:"id"`
	Modified  string `json:"modified"`
	Withdrawn string `json:"withdrawn"`
	Affected  []struct {
		Package osvPackage `json:"package"`
	} `json:"affected"`
}

type osvPackage struct {
	Ecosystem string `json:"ecosystem"`
	Name      string `json:"name"`
}

// record is the part of an OSV record that matching needs.
type record struct {
	ID         string      `json:"id"`
	Aliases    []string    `json:"aliases"`
	Upstream   []string    `json:"upstream"`
	Related    []string    `json:"related"`
	Summary    string      `json:"summary"`
	Details    string      `json:"details"`
	Severity   []severity  `json:"severity"`
	Affected   []affected  `json:"affected"`
	References []reference `json:"references"`
	Specific   specific    `json:"database_specific"`
}

type severity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type reference struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type affected struct {
	Package   osvPackage   `json:"package"`
	Severity  []severity   `json:"severity"`
	Ranges    []eventRange `json:"ranges"`
	Versions  []string     `json:"versions"`
	Ecosystem specific     `json:"ecosystem_specific"`
	Database  specific     `json:"database_specific"`
}

type eventRange struct {
	Type   string  `json:"type"`
	Events []event `json:"events"`
}

type event struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// specific is a database's own object. Of its free form a word for the severity is understood, and the packages and functions that the Go
// vulnerability database names (go.dev/doc/security/vuln/database, "Schema").
type specific struct {
	word    string
	imports []gosymbols.Import
}

// UnmarshalJSON takes anything, as the schema does.
func (s *specific) UnmarshalJSON(data []byte) error {
	var words struct {
		Severity any             `json:"severity"`
		Urgency  any             `json:"urgency"` // Debian's
		Imports  json.RawMessage `json:"imports"`
	}
	if json.Unmarshal(data, &words) != nil {
		return nil
	}
	if len(words.Imports) > 0 && json.Unmarshal(words.Imports, &s.imports) != nil {
		s.imports = nil
	}
	for _, word := range []any{words.Severity, words.Urgency} {
		if text, ok := word.(string); ok && s.word == "" {
			s.word = text
		}
	}
	return nil
}

func decode(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("no OSV record: %w", err)
	}
	return nil
}

// identifiers are the names of the vulnerabilities a record is about, one finding for each: its CVE numbers, or its own name. An
// advisory of a distribution may be about several.
func (r *record) identifiers() []string {
	if isCVE(r.ID) {
		return []string{r.ID}
	}
	for _, list := range [][]string{r.Aliases, r.Upstream} {
		if cves := onlyCVEs(list); len(cves) > 0 {
			return cves
		}
	}
	if len(r.Affected) > 0 && slices.Contains(released, base(r.Affected[0].Package.Ecosystem)) {
		if cves := onlyCVEs(r.Related); len(cves) > 0 { // where AlmaLinux and Rocky Linux list them
			return cves
		}
	}
	names := []string{r.ID}
	for _, alias := range r.Aliases { // so that PYSEC, RUSTSEC and GO are merged with it
		if strings.HasPrefix(alias, ghsa) && len(alias) < 64 {
			names = append(names, alias)
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		if first, second := strings.HasPrefix(a, ghsa), strings.HasPrefix(b, ghsa); first != second {
			if first {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return names[:1]
}

const ghsa = "GHSA-"

func isCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }

func onlyCVEs(ids []string) []string {
	var cves []string
	for _, id := range ids {
		if isCVE(id) && len(id) < 32 && !slices.Contains(cves, id) {
			cves = append(cves, id)
		}
	}
	return cves
}

// names are the other names of the record's vulnerability id. A record about several has none: its own name is that of an advisory.
func (r *record) names(id string) (aliases []string, advisory string) {
	if len(r.identifiers()) > 1 {
		return nil, r.ID
	}
	names := append([]string{r.ID}, r.Aliases...)
	names = slices.DeleteFunc(names, func(name string) bool { return name == id || name == "" || len(name) > 128 })
	slices.Sort(names)
	return slices.Compact(names), ""
}

// title is one line about the vulnerability.
func (r *record) title() string {
	if r.Summary != "" {
		return plain(r.Summary, maxTitle)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(r.Details), "\n")
	return plain(line, maxTitle)
}

// maxTitle is the length of a title in characters.
const maxTitle = 200

// link is where to read about it: the record's advisory, else its page of the OSV project.
func (r *record) link() string {
	for _, kind := range []string{"ADVISORY", "REPORT", "WEB"} {
		for _, ref := range r.References {
			parsed, err := url.Parse(ref.URL)
			if ref.Type == kind && err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && len(ref.URL) < 1000 {
				return parsed.String()
			}
		}
	}
	return "https://osv.dev/vulnerability/" + url.PathEscape(r.ID)
}

// plain is text without characters that a terminal would obey, cut to a number of characters.
func plain(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-3]) + "..."
	}
	return text
}

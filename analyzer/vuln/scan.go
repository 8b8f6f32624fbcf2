package vuln

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/slimimage/slim/analyzer/gosymbols"
)

// Finding is one vulnerability of one package.
type Finding struct {
	ID         string   `json:"id"`                   // CVE number where there is one, else the record's name
	Aliases    []string `json:"aliases,omitempty"`    // other names of this vulnerability alone, sorted
	Advisories []string `json:"advisories,omitempty"` // records about it and others, sorted
	Package    Package  `json:"package"`              // the affected package
	// first version without it, of the source package for distributions; "" when there is none
	Fixed    string  `json:"fixed,omitempty"`
	Severity Level   `json:"severity"`          // level of the vulnerability
	Score    float64 `json:"score,omitempty"`   // CVSS 3 or 2 base score; 0 when only a level is known
	Vector   string  `json:"vector,omitempty"`  // CVSS
	Summary  string  `json:"summary,omitempty"` // one line of the record
	URL      string  `json:"url"`               // of the record
}

// Result is what a database says about a list of packages.
type Result struct {
	Findings []Finding `json:"findings"`
	Records  int       `json:"records"`           // that were looked at
	Newest   string    `json:"newest,omitempty"`  // the latest time of change of these records, RFC 3339
	Missing  []string  `json:"missing,omitempty"` // ecosystems of packages that the database has no record of, sorted
	Skipped  []string  `json:"skipped,omitempty"` // what could not be answered, one sentence each, sorted
	// Unanswered are those of Skipped about packages that somebody may have published something about: of a distribution or release that is
	// not known, or with a version that cannot be compared.
	Unanswered []string `json:"unanswered,omitempty"`

	// doubts are the findings that could not be answered: identity of the package, and name of the vulnerability or "" for all.
	doubts map[[2]string]bool
	// imports are the functions that have the vulnerability, where the Go vulnerability database names them: by the same key.
	imports map[[2]string][]gosymbols.Import
}

// Scan lists the vulnerabilities of packages: the worst first, then by package and name.
func Scan(ctx context.Context, db *Database, packages []Package) ([]Finding, error) {
	results, err := db.Search(ctx, packages)
	if err != nil {
		return nil, err
	}
	return results[0].Findings, nil
}

// Search is Scan of several lists of packages in one reading of the database, with a list of what could not be searched:
// packages of ecosystems that OSV or the database does not have, versions that cannot be compared. Withdrawn records do not count.
// There is one Result for each list.
func (db *Database) Search(ctx context.Context, lists ...[]Package) ([]*Result, error) {
	searches, wanted := make([]*search, len(lists)), map[string]bool{}
	for i, list := range lists {
		searches[i] = newSearch(list)
		maps.Copy(wanted, searches[i].wanted)
	}
	if err := db.each(ctx, wanted, func(_ string, data []byte) error { return look(searches, data) }); err != nil {
		return nil, err
	}
	results := make([]*Result, len(lists))
	for i, s := range searches {
		results[i] = s.result()
	}
	return results, nil
}

func (s *search) result() *Result {
	result := &Result{Findings: s.findings(), Records: s.records, Newest: s.newest, Skipped: slices.Sorted(maps.Keys(s.skipped)),
		doubts: s.doubts, imports: map[[2]string][]gosymbols.Import{}}
	for key, imports := range s.imports {
		if len(imports) > 0 {
			result.imports[s.hits[key].pair()] = imports
		}
	}
	for _, text := range result.Skipped {
		if s.skipped[text] {
			result.Unanswered = append(result.Unanswered, text)
		}
	}
	for _, ecosystem := range slices.Sorted(maps.Keys(s.wanted)) {
		if !s.seen[ecosystem] {
			result.Missing = append(result.Missing, ecosystem)
		}
	}
	return result
}

// search is a search at work.
type search struct {
	packages []Package
	wanted   map[string]bool     // ecosystems without release
	lookups  map[osvPackage][]at // by ecosystem without release and normal name

	mu      sync.Mutex
	hits    map[hit]*Finding
	ratings map[hit]rating
	seen    map[string]bool
	skipped map[string]bool // true where somebody may have published something about the package
	doubts  map[[2]string]bool
	imports map[hit][]gosymbols.Import // empty where every function counts
	records int
	newest  string
}

// at is a package and the version to compare.
type at struct {
	index   int
	version string
}

// hit is a vulnerability of a package.
type hit struct {
	index int
	id    string
}

func newSearch(packages []Package) *search {
	s := &search{
		packages: packages, wanted: map[string]bool{}, lookups: map[osvPackage][]at{},
		hits: map[hit]*Finding{}, ratings: map[hit]rating{}, seen: map[string]bool{}, skipped: map[string]bool{},
		doubts: map[[2]string]bool{}, imports: map[hit][]gosymbols.Import{},
	}
	for i := range packages {
		pkg := &packages[i]
		name, release, _ := strings.Cut(pkg.Ecosystem, ":")
		all := [2]string{pkg.identity(), ""}
		s.doubts[all] = true
		switch {
		case name == "":
			s.skipped[fmt.Sprintf("%s %s: OSV does not have this kind of package", plain(pkg.Name, maxTitle), plain(pkg.Version, maxTitle))] = true
			continue
		case pkg.Version == "":
			// A distribution's packages have versions; other packages without one were not published.
			s.skipped[fmt.Sprintf("%s: its version is not known", plain(pkg.Name, maxTitle))] = slices.Contains(released, name)
			continue
		case release == "" && slices.Contains(released, name):
			s.skipped[fmt.Sprintf("%s %s: the release of %s is not known", plain(pkg.Name, maxTitle), plain(pkg.Version, maxTitle), name)] = true
			continue
		}
		delete(s.doubts, all)
		s.wanted[name] = true
		for _, lookup := range pkg.lookups() {
			key := osvPackage{name, normalName(name, lookup[0])}
			s.lookups[key] = append(s.lookups[key], at{i, lookup[1]})
		}
	}
	return s
}

// look looks at one record.
func look(searches []*search, data []byte) error {
	var h head
	if err := decode(data, &h); err != nil {
		return err
	}
	if h.ID == "" {
		return nil // another kind of JSON
	}
	var interested []*search
	for _, s := range searches {
		if s.note(&h) && h.Withdrawn == "" {
			interested = append(interested, s)
		}
	}
	if len(interested) == 0 {
		return nil
	}
	var r record
	if err := decode(data, &r); err != nil {
		return err
	}
	for _, s := range interested {
		for i := range r.Affected {
			s.affected(&r, &r.Affected[i])
		}
	}
	return nil
}

// note counts a record, and reports whether it names a package.
func (s *search) note(h *head) (interesting bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records++
	if len(h.Modified) < 40 && h.Modified > s.newest {
		s.newest = h.Modified
	}
	for i := range h.Affected {
		name := base(h.Affected[i].Package.Ecosystem)
		if !s.wanted[name] {
			continue
		}
		s.seen[name] = true
		interesting = interesting || len(s.lookups[osvPackage{name, normalName(name, h.Affected[i].Package.Name)}]) > 0
	}
	return interesting
}

// affected compares the packages that one entry of a record names.
func (s *search) affected(r *record, a *affected) {
	name := base(a.Package.Ecosystem)
	for _, at := range s.lookups[osvPackage{name, normalName(name, a.Package.Name)}] {
		pkg := &s.packages[at.index]
		if !sameRelease(a.Package.Ecosystem, pkg.Ecosystem) {
			continue
		}
		matches, fixed, err := a.affects(pkg.Ecosystem, at.version)
		if matches {
			for _, id := range r.identifiers() {
				s.add(hit{at.index, id}, r, fixed, rate(r, a))
				s.functions(hit{at.index, id}, r, a)
			}
		} else if err != nil {
			s.mu.Lock()
			s.skipped[plain(fmt.Sprintf("%s %s: %s cannot be compared: %v", pkg.Name, pkg.Version, r.ID, err), maxTitle)] = true
			for _, id := range r.identifiers() {
				s.doubts[[2]string{pkg.identity(), id}] = true
			}
			s.mu.Unlock()
		}
	}
}

// add adds what a record says about a vulnerability of a package to what others say: the later fixed version, the worse
// severity; the text is that of the shortest line about it, so that the order of the files does not matter.
func (s *search) add(key hit, r *record, fixed string, rated rating) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.hits[key]
	if !ok {
		f = &Finding{ID: key.id, Package: s.packages[key.index]}
		s.hits[key], s.ratings[key] = f, rating{level: Unknown}
	}
	if f.Fixed == "" {
		f.Fixed = fixed
	} else if fixed != "" && earlier(f.Package.Ecosystem, f.Fixed, fixed) == f.Fixed {
		f.Fixed = fixed
	}
	s.ratings[key] = worse(s.ratings[key], rated)
	aliases, advisory := r.names(key.id)
	f.Aliases = append(f.Aliases, aliases...)
	if advisory != "" {
		f.Advisories = append(f.Advisories, advisory)
	}
	if title := r.title(); f.Summary == "" || title != "" && (len(title) < len(f.Summary) || len(title) == len(f.Summary) &&
		title < f.Summary) {
		f.Summary = title
	}
	if link := r.link(); f.URL == "" || link < f.URL {
		f.URL = link
	}
}

// functions adds the functions that a record of the Go vulnerability database names: the records of other databases about Go cannot name
// any, and say nothing by that. A record of it that names none is about every function.
func (s *search) functions(key hit, r *record, a *affected) {
	if base(a.Package.Ecosystem) != "Go" || !strings.HasPrefix(r.ID, "GO-") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known, stated := s.imports[key]
	every := stated && len(known) == 0 || len(a.Ecosystem.imports) == 0 ||
		slices.ContainsFunc(a.Ecosystem.imports, func(i gosymbols.Import) bool { return i.Path == "" })
	if every {
		s.imports[key] = nil
		return
	}
	s.imports[key] = append(known, a.Ecosystem.imports...)
}

func (s *search) findings() []Finding {
	list := make([]Finding, 0, len(s.hits))
	for key, f := range s.hits {
		rated := s.ratings[key]
		f.Severity, f.Score, f.Vector = rated.level, rated.score, rated.vector
		for _, names := range []*[]string{&f.Aliases, &f.Advisories} {
			slices.Sort(*names)
			*names = slices.Compact(*names)
		}
		list = append(list, *f)
	}
	slices.SortFunc(list, worstFirst)
	return list
}

// worstFirst orders findings: the worst first, then by package and name.
func worstFirst(a, b Finding) int {
	return cmp.Or(-cmp.Compare(a.Severity.Rank(), b.Severity.Rank()), -cmp.Compare(a.Score, b.Score),
		slices.Compare(a.key(), b.key()), cmp.Compare(a.Package.Purl, b.Package.Purl))
}

// key identifies a finding, whatever its architecture.
func (f *Finding) key() []string {
	return []string{f.Package.Ecosystem, f.Package.Name, f.Package.Version, f.ID}
}

// Is reports whether the finding has a name: its own, an alias or that of an advisory, in upper or lower case.
func (f *Finding) Is(id string) bool {
	return slices.ContainsFunc(slices.Concat([]string{f.ID}, f.Aliases, f.Advisories),
		func(name string) bool { return strings.EqualFold(name, id) })
}

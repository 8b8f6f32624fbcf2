package vuln

import (
	"cmp"
	"math"
	"strings"
)

// Level is how bad a vulnerability is, by the bands of CVSS 3.
type Level string

// The levels, worst first.
const (
	Critical Level = "critical" // score 9.0 and above
	High     Level = "high"     // 7.0
	Medium   Level = "medium"   // 4.0
	Low      Level = "low"      // 0.1
	None     Level = "none"     // 0.0
	Unknown  Level = "unknown"  // no record has one
)

// Rank orders levels: Critical is 4, Low is 1, None and Unknown are 0.
func (l Level) Rank() int {
	switch l {
	case Critical:
		return 4
	case High:
		return 3
	case Medium:
		return 2
	case Low:
		return 1
	}
	return 0
}

// levelOf is the band of a score.
func levelOf(score float64) Level {
	switch {
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return None
}

// words are the levels that databases write as words: GitHub's, Debian's urgencies, Ubuntu's priorities, Red Hat's impacts.
var words = map[string]Level{
	"critical": Critical, "high": High, "important": High, "medium": Medium, "moderate": Medium, "low": Low, "negligible": Low,
	"unimportant": Low,
	"minor":       Low, "none": None,
}

// rating is what is known about a severity.
type rating struct {
	level  Level
	score  float64 // of the vector; 0 when only a word is known
	vector string
}

// rate reads the severities of a record for one of its packages: vectors first (those of the package, then of the record), then
// words. Of several vectors the highest score counts. CVSS 4 is given as a vector; its level then comes from a word.
func rate(r *record, a *affected) rating {
	best := rating{level: Unknown}
	var text string
	for _, list := range [][]severity{a.Severity, r.Severity} {
		for _, s := range list {
			score, ok := cvss(s.Score)
			switch {
			case ok && (best.level == Unknown || score > best.score):
				best = rating{level: levelOf(score), score: score, vector: s.Score}
			case !ok && strings.HasPrefix(s.Score, "CVSS:4.") && best.vector == "" && len(s.Score) < 300:
				best.vector = plain(s.Score, 300)
			case s.Type == "Ubuntu" && text == "":
				text = s.Score
			}
		}
	}
	if best.level != Unknown {
		return best
	}
	for _, word := range []string{text, a.Ecosystem.word, a.Database.word, r.Specific.word} {
		if level, ok := words[strings.ToLower(word)]; ok {
			best.level = level
			break
		}
	}
	return best
}

// worse picks the rating of two records about the same vulnerability: the higher level, then score; equals by their vectors, so
// that their order does not matter.
func worse(a, b rating) rating {
	known := func(r rating) int {
		if r.level == Unknown {
			return 0
		}
		return 1
	}
	if cmp.Or(cmp.Compare(known(a), known(b)), cmp.Compare(a.level.Rank(), b.level.Rank()), cmp.Compare(a.score, b.score),
		strings.Compare(a.vector, b.vector)) < 0 {
		return b
	}
	return a
}

// Metric values of CVSS 3.0 and 3.1 (https://www.first.org/cvss/v3-1/specification-document, section 7.4).
var cvss3 = map[string]map[string]float64{
	"AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
	"AC": {"L": 0.77, "H": 0.44},
	"PR": {"N": 0.85, "L": 0.62, "H": 0.27}, // scope unchanged
	"UI": {"N": 0.85, "R": 0.62},
	"S":  {"U": 0, "C": 1},
	"C":  {"H": 0.56, "L": 0.22, "N": 0},
	"I":  {"H": 0.56, "L": 0.22, "N": 0},
	"A":  {"H": 0.56, "L": 0.22, "N": 0},
}

// changedScope are the values of PR where the scope changes.
var changedScope = map[string]float64{"N": 0.85, "L": 0.68, "H": 0.5}

// Metric values of CVSS 2 (https://www.first.org/cvss/v2/guide, section 3.2.1).
var cvss2 = map[string]map[string]float64{
	"AV": {"N": 1, "A": 0.646, "L": 0.395},
	"AC": {"H": 0.35, "M": 0.61, "L": 0.71},
	"Au": {"M": 0.45, "S": 0.56, "N": 0.704},
	"C":  {"N": 0, "P": 0.275, "C": 0.66},
	"I":  {"N": 0, "P": 0.275, "C": 0.66},
	"A":  {"N": 0, "P": 0.275, "C": 0.66},
}

// cvss is the base score of a vector of CVSS 3.0, 3.1 or 2, 0 to 10 with one decimal. Other metrics than the base ones are not read.
func cvss(vector string) (score float64, ok bool) {
	if len(vector) > 300 {
		return 0, false
	}
	if rest, ok := strings.CutPrefix(vector, "CVSS:3."); ok {
		_, rest, _ = strings.Cut(rest, "/")
		metrics, words, ok := read(rest, cvss3)
		if !ok {
			return 0, false
		}
		if words["S"] == "C" {
			metrics["PR"] = changedScope[words["PR"]]
		}
		return base3(metrics), true
	}
	if strings.HasPrefix(vector, "CVSS:") {
		return 0, false
	}
	metrics, _, ok := read(vector, cvss2)
	if !ok {
		return 0, false
	}
	return base2(metrics), true
}

// read looks the metrics of a vector up; all of the table must be there.
func read(vector string, table map[string]map[string]float64) (values map[string]float64, words map[string]string, ok bool) {
	values, words = map[string]float64{}, map[string]string{}
	for _, metric := range strings.Split(vector, "/") {
		name, word, _ := strings.Cut(metric, ":")
		if value, ok := table[name][word]; ok {
			values[name], words[name] = value, word
		}
	}
	return values, words, len(values) == len(table)
}

// base3 is section 7.1 of the specification of CVSS 3.1.
func base3(m map[string]float64) float64 {
	iss := 1 - (1-m["C"])*(1-m["I"])*(1-m["A"])
	changed := m["S"] == 1
	impact := 6.42 * iss
	if changed {
		impact = 7.52*(iss-0.029) - 3.25*math.Pow(iss-0.02, 15)
	}
	if impact <= 0 {
		return 0
	}
	sum := impact + 8.22*m["AV"]*m["AC"]*m["PR"]*m["UI"]
	if changed {
		sum *= 1.08
	}
	return roundUp(math.Min(sum, 10))
}

// roundUp is the specification's (appendix A): up to one decimal, free of floating point noise.
func roundUp(x float64) float64 {
	n := int(math.Round(x * 100000))
	if n%10000 == 0 {
		return float64(n) / 100000
	}
	return (math.Floor(float64(n)/10000) + 1) / 10
}

// base2 is section 3.2.1 of the guide of CVSS 2.
func base2(m map[string]float64) float64 {
	impact := 10.41 * (1 - (1-m["C"])*(1-m["I"])*(1-m["A"]))
	if impact == 0 {
		return 0
	}
	exploitability := 20 * m["AV"] * m["AC"] * m["Au"]
	return math.Round((0.6*impact+0.4*exploitability-1.5)*1.176*10) / 10
}

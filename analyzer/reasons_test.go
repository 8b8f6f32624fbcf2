package analyzer

import "testing"

func TestCheckRound(t *testing.T) {
	for _, test := range []struct {
		rule Rule
		want int
		ok   bool
	}{{RuleCheckRound(1), 1, true}, {RuleCheckRound(12), 12, true}, {"check round x", 0, false}, {RuleOpenedBy, 0, false}} {
		if got, ok := test.rule.CheckRound(); got != test.want || ok != test.ok {
			t.Errorf("%q.CheckRound() = %d, %v, want %d, %v", test.rule, got, ok, test.want, test.ok)
		}
	}
}

// A file counts for the strongest of its reasons, whatever their order.
func TestStrongest(t *testing.T) {
	for _, test := range []struct {
		want string
		of   []Reason
	}{
		{"entrypoint", []Reason{{Rule: RuleAppFile}, {Rule: RuleEntrypoint}}},
		{"included", []Reason{{Rule: RuleCheckRound(1)}, {Rule: RuleIncluded}}},
		{"check round 1", []Reason{{Rule: RuleCalledBy, From: "/a"}, {Rule: RuleCheckRound(2)}, {Rule: RuleCheckRound(1)}}},
		{"data of package x", []Reason{{Rule: RuleFamily("x")}, {Rule: RuleDataOf, From: "package x"}}},
		{"app file", []Reason{{Rule: RuleSkeleton}, {Rule: RuleAppFile}}},
	} {
		if got := strongestOf(test.of); got != test.want {
			t.Errorf("strongestOf(%v) = %q, want %q", test.of, got, test.want)
		}
	}
}

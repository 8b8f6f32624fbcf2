package analyzer

import "testing"

func TestOutcome(t *testing.T) {
	connects := &Evidence{Runs: []Run{{Answers: []Answer{{Probe: "GET http://127.0.0.1:80/", OK: true}, {Probe: "connect 127.0.0.1:5432",
		Connected: true, OK: true},
		{Probe: "connect 127.0.0.1:1", Connected: true, Error: "refused"}}}}}
	for _, test := range []struct {
		verdict  Verdict
		evidence *Evidence
		want     string
	}{
		{Verdict{OK: true, Checked: 1}, nil, "1 answer, identical to the original's"},
		{Verdict{OK: true, Checked: 3}, &Evidence{}, "3 answers, all identical to the original's"},
		{Verdict{OK: true, Checked: 3, Volatile: []string{"x"}}, nil,
			"3 answers, all identical to the original's except parts of 1 that differ between its own two runs, too"},
		{Verdict{OK: true, Checked: 1, Connected: 2}, connects, "1 answer, identical to the original's; connected only: 127.0.0.1:5432"},
		{Verdict{OK: true, Connected: 2}, connects, "no answers to compare; connected only: 127.0.0.1:5432"},
		{Verdict{OK: true}, nil, "no answers to compare"},
		{Verdict{Checked: 3, Differences: make([]Difference, 2)}, connects, "2 of 3 answers differ from the original's"},
	} {
		if got := test.verdict.Outcome(test.evidence); got != test.want {
			t.Errorf("Outcome(%+v) = %q, want %q", test.verdict, got, test.want)
		}
	}
}

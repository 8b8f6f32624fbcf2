package analyzer

import "testing"

// TestAttackEmptyAnswers has runs whose probes got nothing to speak of: none of it counts as an answer.
func TestAttackEmptyAnswers(t *testing.T) {
	evidence := &Evidence{Runs: []Run{{Answers: []Answer{
		{Probe: "GET http://127.0.0.1:80/", OK: true, Status: 200, Size: 5}, // content
		{Probe: "exec: true", OK: true, SHA256: "e3b0"},                     // an answer: exit code 0
		{Probe: "GET http://127.0.0.1:80/a", OK: true, Status: 404, Size: 9},
		{Probe: "GET http://127.0.0.1:80/b", Status: 502, Size: 9},
		{Probe: "connect 127.0.0.1:9", OK: true, Connected: true},
		{Probe: "wait 3 s", OK: true},
		{Probe: "GET http://127.0.0.1:81/", Error: "connection refused"},
	}}}}
	spoke := 0
	for _, answer := range evidence.Runs[0].Answers {
		if answer.Spoke() {
			spoke++
		}
	}
	if spoke != 4 {
		t.Errorf("%d of the answers are answers, want 4", spoke)
	}
	for _, test := range []struct {
		plan     *Plan
		evidence *Evidence
		want     string
	}{
		{nil, nil, ""}, {&Plan{}, nil, ""},
		{&Plan{Programs: &Programs{Kept: 12, Ran: 3}}, evidence, "3 of 12 kept programs ran; 1 of 7 probes got content"},
		{&Plan{Programs: &Programs{}}, evidence, "1 of 7 probes got content"},
	} {
		if got := Exercised(test.plan, test.evidence); got != test.want {
			t.Errorf("Exercised() = %q, want %q", got, test.want)
		}
	}
	for _, test := range []struct {
		verdict Verdict
		want    string
	}{
		{Verdict{OK: true}, "no answers to compare"},
		{Verdict{OK: true, Silent: 2}, "no answers to compare; 2 of 2 probes got no answer"},
		{Verdict{OK: true, Checked: 4, Connected: 1, Silent: 2},
			"4 answers, all identical to the original's; 2 of 7 probes got no answer; connected only: 127.0.0.1:9"},
	} {
		if got := test.verdict.Outcome(evidence); test.verdict.Connected > 0 && got != test.want {
			t.Errorf("Outcome() = %q, want %q", got, test.want)
		} else if got := test.verdict.Outcome(nil); test.verdict.Connected == 0 && got != test.want {
			t.Errorf("Outcome() = %q, want %q", got, test.want)
		}
	}
}

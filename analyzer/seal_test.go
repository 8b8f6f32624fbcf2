package analyzer

import "testing"

func TestSeal(t *testing.T) {
	const token, run, text = "token", "run", "evidence"
	seal := Seal(token, run, []byte(text))
	for _, test := range []struct {
		name, seal, token, run, text string
		ok                           bool
	}{
		{"its own", seal, token, run, text, true},
		{"another token", seal, "other", run, text, false},
		{"another run", seal, token, "other", text, false},
		{"other evidence", seal, token, run, "forged", false},
		{"a boundary moved", seal, token, run + "\x00e", text[1:], false},
		{"no seal", "", token, run, text, false},
		{"no token", Seal("", run, []byte(text)), "", run, text, false},
	} {
		if err := CheckSeal(test.seal, test.token, test.run, []byte(test.text)); (err == nil) != test.ok {
			t.Errorf("%s: CheckSeal = %v, want ok %v", test.name, err, test.ok)
		}
	}
}

package analyzer

import "testing"

func TestSamePlatform(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{{"linux/amd64", "linux/amd64/v3", true}, {"linux/arm64", "linux/arm64/v8", true}, {"linux/amd64", "linux/arm64", false},
		{"linux/arm/v7", "linux/arm/v6", true}} {
		if got := SamePlatform(test.a, test.b); got != test.want {
			t.Errorf("SamePlatform(%s, %s) = %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

package builder

import "github.com/slimimage/slim/analyzer"

// readyWithin bounds the wait for a server by what the original took, in seconds. It is 0, the whole timeout, if that is not known.
func readyWithin(before *analyzer.Evidence, run string) int {
	const times, least = 4, 20
	if before == nil {
		return 0
	}
	for _, r := range before.Runs {
		if r.Name == run && r.Kind == analyzer.KindServer && r.Failure == "" {
			return max(least, times*r.Ready)
		}
	}
	return 0
}

// Package spelling finds the name that somebody meant: of a command, a flag or a key of a file.
package spelling

// maxName bounds the names that are compared, in bytes; no name of slim is longer.
const maxName = 64

// Closest returns the candidate that is most like name, the first of several, and "" if none is near: about one letter in three may
// differ.
func Closest(name string, candidates []string) string {
	if len(name) > maxName {
		return ""
	}
	best, bound := "", 1+len(name)/3
	for _, candidate := range candidates {
		if d := distance(name, candidate); d <= bound && d < len(candidate) {
			best, bound = candidate, d-1
		}
	}
	return best
}

// distance is Levenshtein's: the number of bytes to insert, drop or change that makes b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := corner
			if a[i] != b[j] {
				cost = 1 + min(corner, row[j], row[j+1])
			}
			corner, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

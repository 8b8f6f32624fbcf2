package report

import (
	"fmt"
	"strconv"

	"github.com/slimimage/slim/analyzer"
)

// Bytes prints bytes as Docker does, in powers of 1000.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return strconv.FormatInt(n, 10) + " B"
	case n < 1000*1000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f GB", float64(n)/1e9)
}

// Count prints a number with separated thousands: "7,289".
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural is a number with its word.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}

// Smaller is the difference between two sizes in words: "95% smaller", "the same size"; "" where before is not positive.
func Smaller(before, after int64) string {
	if before <= 0 {
		return ""
	}
	switch percent := 100 * float64(before-after) / float64(before); {
	case percent >= 99.5:
		return fmt.Sprintf("%.1f%% smaller", percent)
	case percent >= 0.5:
		return fmt.Sprintf("%.0f%% smaller", percent)
	case percent <= -0.5:
		return fmt.Sprintf("%.0f%% larger", -percent)
	}
	return "the same size"
}

// Sizes is both sizes of a build: "188.2 MB in 9213 files -> 14.1 MB in 212 files (7%)".
func Sizes(before, after analyzer.Totals) string {
	share := ""
	if before.Bytes > 0 {
		share = fmt.Sprintf(" (%.0f%%)", 100*float64(after.Bytes)/float64(before.Bytes))
	}
	return fmt.Sprintf("%s in %d files -> %s in %d files%s", Bytes(before.Bytes), before.Files, Bytes(after.Bytes), after.Files, share)
}

// Floor compares the kept bytes with those that the run opened, "" where that is not known.
func Floor(sizes *analyzer.Sizes) string {
	if sizes.Floor <= 0 {
		return ""
	}
	return fmt.Sprintf("%.2f times the %s that the run opened", float64(sizes.Total)/float64(sizes.Floor), Bytes(sizes.Floor))
}

// User is a numeric user and group as an image config has them.
func User(user analyzer.User) string { return fmt.Sprintf("%d:%d", user.UID, user.GID) }

// clause is a reason in brackets, "" without one.
func clause(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

package shell

import (
	"regexp"
	"strings"
)

// plainWord is a word in which no shell sees more than its letters.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes a word so that every POSIX shell reads it as it is. (The quoting of mvdan.cc/sh writes control characters as $'\n', which
// is not POSIX.)
func Quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

package shell

import (
	"regexp"
	"strings"
)

// plainWord matches a word without characters that are special to a shell.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// Quote writes a word so that every POSIX shell reads it as it is. (The quoting of mvdan.cc/sh writes control characters as $'\n', which
// is not POSIX.)
func Quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

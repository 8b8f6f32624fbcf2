package shell

import "strings"

// lines reads text that does not parse: it takes the word at each place where a command may begin as a command, and every absolute path
// as a path.
func (r *reader) lines(text string) {
	for line := range strings.Lines(text) {
		if r.budget -= 1 + len(line)/64; r.budget <= 0 {
			r.warning = "too large to read whole"
			return
		}
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		r.mentionText(line, true)
		for _, part := range strings.FieldsFunc(line, func(c rune) bool { return strings.ContainsRune(";|&(){}`", c) }) {
			r.line(strings.Fields(part))
		}
	}
}

// line reads a simple command given as words: keywords and assignments before it are skipped, quotes removed.
func (r *reader) line(words []string) {
	var args []value
	for _, word := range words {
		word = strings.Trim(word, `"'`)
		first := len(args) == 0
		if first && (strings.Contains(" "+keywords+" ", " "+word+" ") || strings.Contains(word, "=") || word == "") {
			continue
		}
		text, _, unknown := strings.Cut(word, "$")
		args = append(args, value{text, !unknown})
	}
	if len(args) > 0 {
		r.command(args)
	}
}

package probe

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// split makes an argument vector of a command line: its words when they are plain ones, so that an image without a shell can
// be asked too; else a shell that runs it.
func split(line string) []string {
	if words, ok := plainWords(line); ok {
		return words
	}
	return []string{"/bin/sh", "-c", line}
}

// plainWords reads a line that is one simple command of literal and quoted words, without any expansion or redirection.
func plainWords(line string) ([]string, bool) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(line), "")
	if err != nil || len(file.Stmts) != 1 {
		return nil, false
	}
	stmt := file.Stmts[0]
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	if !ok || stmt.Negated || stmt.Background || len(stmt.Redirs) > 0 || len(call.Assigns) > 0 || len(call.Args) == 0 {
		return nil, false
	}
	var words []string
	for _, arg := range call.Args {
		word, ok := plainWord(arg.Parts)
		if !ok {
			return nil, false
		}
		words = append(words, word)
	}
	return words, !shellOnly(words[0])
}

func plainWord(parts []syntax.WordPart) (string, bool) {
	var b strings.Builder
	for _, part := range parts {
		switch part := part.(type) {
		case *syntax.Lit:
			if text, ok := unescape(part.Value); ok {
				b.WriteString(text)
				continue
			}
			return "", false
		case *syntax.SglQuoted:
			if part.Dollar {
				return "", false
			}
			b.WriteString(part.Value)
		case *syntax.DblQuoted:
			for _, inner := range part.Parts {
				lit, ok := inner.(*syntax.Lit)
				if !ok || part.Dollar {
					return "", false
				}
				b.WriteString(unescapeQuoted(lit.Value))
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}

// unescape removes the backslashes of an unquoted literal; false when a shell would expand something in it.
func unescape(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s):
			i++
			if s[i] != '\n' {
				b.WriteByte(s[i])
			}
		case strings.IndexByte("*?[~", c) >= 0:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}

// unescapeQuoted removes the backslashes that mean something within double quotes (POSIX, Shell Command Language, 2.2.3).
func unescapeQuoted(s string) string {
	return strings.NewReplacer("\\\\", "\\", `\"`, `"`, `\$`, `$`, "\\`", "`", "\\\n", "").Replace(s)
}

// shellOnly reports whether a command exists only in the shell: the special built-ins and those that act on the shell itself
// (POSIX, Shell Command Language, 2.14; Utilities, "Regular built-ins").
func shellOnly(name string) bool {
	switch name {
	case ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap",
		"unset", "alias", "bg", "cd", "command", "fc", "fg", "getopts", "hash", "jobs", "local", "read", "source", "type", "ulimit",
		"umask", "unalias", "wait":
		return true
	}
	return false
}

// quote writes an argument vector as an unambiguous command line.
func quote(argv []string) string {
	words := make([]string, len(argv))
	for i, arg := range argv {
		words[i] = arg
		if quoted, err := syntax.Quote(arg, syntax.LangBash); err == nil {
			words[i] = quoted
		}
	}
	return strings.Join(words, " ")
}

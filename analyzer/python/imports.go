// Package python reads which modules a Python source file imports, without running it: it finds imports anywhere, also inside
// functions, and importlib.import_module and __import__ with a literal name.
package python

import (
	"slices"
	"strings"
)

// MaxSize is how many bytes of a source file are read.
const MaxSize = 4 << 20

// Imports lists the dotted names that src imports, sorted. Relative imports begin with dots. "from a import b" names a and a.b,
// because b may be a module.
func Imports(src []byte) []string {
	if len(src) > MaxSize {
		src = src[:MaxSize]
	}
	found := map[string]bool{}
	for _, line := range logicalLines(src) {
		importsOf(line, found)
	}
	names := make([]string, 0, len(found))
	for name := range found {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// logicalLines splits source into statements (Python Language Reference 2.1): brackets and backslashes join lines, semicolons
// and the colon of a compound statement separate them; comments are gone, strings are reduced to their text in quotes.
func logicalLines(src []byte) []string {
	var lines []string
	var line strings.Builder
	depth := 0
	flush := func() {
		if text := strings.TrimSpace(line.String()); text != "" {
			lines = append(lines, text)
		}
		line.Reset()
	}
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
			continue
		case c == '"' || c == '\'':
			text, next := stringLiteral(src, i)
			if !strings.ContainsAny(text, "\n\"") && len(text) < 256 {
				line.WriteString(`"` + text + `"`)
			} else {
				line.WriteString(`""`)
			}
			i = next
			continue
		case c == '\\' && i+1 < len(src) && src[i+1] == '\n':
			line.WriteByte(' ')
			i += 2
			continue
		case c == '(' || c == '[' || c == '{':
			depth++
			line.WriteByte(c)
		case c == ')' || c == ']' || c == '}':
			depth = max(0, depth-1)
			line.WriteByte(c)
		case c == '\n' && depth > 0:
			line.WriteByte(' ')
		case c == '\n' || c == ';' || c == ':' && depth == 0:
			flush()
		default:
			line.WriteByte(c)
		}
		i++
	}
	flush()
	return lines
}

// stringLiteral reads a string that begins at i and returns its text and where it ends.
func stringLiteral(src []byte, i int) (string, int) {
	quote := string(src[i])
	if i+2 < len(src) && src[i+1] == src[i] && src[i+2] == src[i] {
		quote = strings.Repeat(quote, 3)
	}
	start := i + len(quote)
	for j := start; j < len(src); j++ {
		switch {
		case src[j] == '\\':
			j++
		case strings.HasPrefix(string(src[j:min(len(src), j+len(quote))]), quote):
			return string(src[start:j]), j + len(quote)
		case src[j] == '\n' && len(quote) == 1:
			return string(src[start:j]), j
		}
	}
	return "", len(src)
}

func importsOf(line string, found map[string]bool) {
	switch {
	case strings.HasPrefix(line, "import "):
		for _, part := range strings.Split(line[len("import "):], ",") {
			if fields := strings.Fields(part); len(fields) > 0 {
				add(found, fields[0])
			}
		}
	case strings.HasPrefix(line, "from "):
		fromImport(line[len("from "):], found)
	}
	for _, call := range []string{"import_module(", "__import__(", "find_spec(", "lazy_import(", "import_string("} {
		rest := line
		for {
			i := strings.Index(rest, call)
			if i < 0 {
				break
			}
			rest = rest[i+len(call):]
			if text, ok := literal(rest); ok {
				add(found, text)
			}
		}
	}
}

func fromImport(rest string, found map[string]bool) {
	module, names, ok := strings.Cut(rest, " import")
	if !ok {
		return
	}
	module = strings.ReplaceAll(strings.TrimSpace(module), " ", "")
	add(found, module)
	for _, part := range strings.Split(strings.Trim(strings.TrimSpace(names), "()"), ",") {
		fields := strings.Fields(strings.Trim(part, "() "))
		if len(fields) == 0 || fields[0] == "*" {
			continue
		}
		if strings.HasSuffix(module, ".") {
			add(found, module+fields[0])
		} else {
			add(found, module+"."+fields[0])
		}
	}
}

// literal reads a string at the start of an argument list. A literal prefix ("plugins." + name) names the package before the dot.
func literal(rest string) (string, bool) {
	rest = strings.TrimLeft(rest, " rbuRBUf")
	if !strings.HasPrefix(rest, `"`) {
		return "", false
	}
	text, _, ok := strings.Cut(rest[1:], `"`)
	if i := strings.IndexAny(text, "{%: "); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, "."), ok && text != ""
}

func add(found map[string]bool, name string) {
	if name == "" || len(name) > 512 {
		return
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !(c == '.' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80) {
			return
		}
	}
	found[name] = true
}

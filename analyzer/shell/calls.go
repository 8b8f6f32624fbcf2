package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxVariants bounds the command lines that one call can expand to; maxArgs bounds the words read of each.
const (
	maxVariants = 32
	maxArgs     = 256
)

// fields returns the possible command lines of a call: its words expanded, unquoted ones split. It keeps the words after an unknown
// one.
func (r *reader) fields(words []*syntax.Word) [][]value {
	lines := [][]value{nil}
	for _, word := range words[:min(len(words), maxArgs)] {
		var next [][]value
		for _, v := range r.expand(word) {
			parts := splitFields(word, v)
			for _, line := range lines {
				if len(next) < maxVariants && len(line) < maxArgs {
					next = append(next, append(slices.Clip(line), parts...))
				}
			}
		}
		if next != nil {
			lines = next
		}
	}
	return lines
}

// splitFields returns the fields of one value of a word: several if the word is a variable without quotes.
func splitFields(word *syntax.Word, v value) []value {
	if len(word.Parts) != 1 || !v.whole {
		return []value{v}
	}
	if _, variable := word.Parts[0].(*syntax.ParamExp); !variable {
		return []value{v}
	}
	var fields []value
	for _, field := range strings.Fields(v.text) {
		if fields = append(fields, value{field, true}); len(fields) == maxArgs {
			break
		}
	}
	return fields
}

func (r *reader) call(lines [][]value) {
	for _, line := range lines {
		r.command(line)
	}
}

// command reads one command line: its command word, and what the command runs in turn.
func (r *reader) command(line []value) {
	for hops := 0; len(line) > 0 && hops < 16; hops++ {
		word := line[0]
		if !word.whole {
			r.mentionText(word.text, false)
			return
		}
		// Only the shell itself knows functions: exec, env and the like run programs.
		if hops == 0 && r.funcs[word.text] {
			return
		}
		name := path.Base(word.text)
		if !r.builtins[word.text] && isCommandWord(word.text) {
			r.commands.add(word.text)
		}
		line = r.runs(name, line[1:])
	}
}

// isCommandWord rejects words that are unlikely to name a program: assignments, options, numbers, odd bytes.
func isCommandWord(word string) bool {
	if strings.HasPrefix(word, "-") || strings.HasPrefix(word, "@") || strings.HasSuffix(word, "/") || strings.HasSuffix(word, ":") {
		return false
	}
	letters := false
	for i := 0; i < len(word); i++ {
		c := word[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || c == '_'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("./+-@:,~%", c) < 0 {
			return false
		}
		letters = letters || letter
	}
	return letters
}

// runs is the command line that the command name with arguments args runs, nil when none; scripts in args are read.
func (r *reader) runs(name string, args []value) []value {
	if Reads(name) {
		r.shell(args)
		return nil
	}
	switch name {
	case ".", "source":
		if len(args) > 0 {
			r.source(args[0])
		}
	case "eval":
		if text, whole := joined(args); whole {
			r.inner(text)
		}
	case "trap":
		if len(args) > 1 && args[0].whole && args[0].text != "-" {
			r.inner(args[0].text)
		}
	case "set":
		// "set -- server "$@"; exec "$@"" is how entrypoints put a command before their arguments.
		if len(args) > 0 && args[0].text == "--" {
			return args[1:]
		}
	case "hash", "type", "which", "whence":
		r.names(args)
	case "find":
		r.find(args)
	case "start-stop-daemon":
		r.startStop(args)
	case "su", "runuser":
		return r.su(args)
	case "command":
		if len(args) > 0 && (args[0].text == "-v" || args[0].text == "-V") {
			r.names(args[1:])
			return nil
		}
	}
	if w, ok := wrappers[name]; ok {
		return w.inner(args)
	}
	return nil
}

func (r *reader) source(arg value) {
	switch {
	case !arg.whole:
		r.mentionText(arg.text, false)
	case isCommandWord(arg.text):
		r.sourced.add(arg.text)
	}
}

// names records programs that a command looks up by name without running them.
func (r *reader) names(args []value) {
	for _, arg := range args {
		if arg.whole && !r.builtins[arg.text] && isCommandWord(arg.text) {
			r.commands.add(arg.text)
		}
	}
}

// shell reads the arguments of a shell: -c and a script, or a file.
func (r *reader) shell(args []value) {
	inline := false
	for i, arg := range args {
		switch {
		case !arg.whole:
			return
		case arg.text == "-o" || arg.text == "+o" || arg.text == "--":
		case strings.HasPrefix(arg.text, "-") && len(arg.text) > 1:
			inline = inline || !strings.HasPrefix(arg.text, "--") && strings.Contains(arg.text, "c")
		case i > 0 && args[i-1].text == "-o":
		case inline:
			r.inner(arg.text)
			return
		default:
			r.source(arg)
			return
		}
	}
}

// find reads the commands that find(1) runs.
func (r *reader) find(args []value) {
	for i, arg := range args {
		switch arg.text {
		case "-exec", "-execdir", "-ok", "-okdir":
			r.command(args[i+1:])
		}
	}
}

// startStop reads the program that start-stop-daemon(8) starts.
func (r *reader) startStop(args []value) {
	for i, arg := range args {
		switch name, text, _ := strings.Cut(arg.text, "="); name {
		case "-x", "--exec", "-a", "--startas":
			if text == "" && i+1 < len(args) && args[i+1].whole {
				text = args[i+1].text
			}
			r.names([]value{{text, true}})
		}
		if arg.text == "--" {
			return
		}
	}
}

// su reads su(1) and runuser(1): -c and a script, or after "--" or the user a command (runuser -u).
func (r *reader) su(args []value) []value {
	for i, arg := range args {
		name, text, glued := strings.Cut(arg.text, "=")
		switch {
		case name == "-c" || name == "--command":
			if !glued && i+1 < len(args) {
				text = args[i+1].text
			}
			r.inner(text)
			return nil
		case arg.text == "--" && slices.ContainsFunc(args[:i], func(v value) bool { return v.text == "-u" }):
			return args[i+1:]
		case name == "-s" || name == "--shell":
			if i+1 < len(args) && !glued {
				text = args[i+1].text
			}
			r.names([]value{{text, true}})
		}
	}
	return nil
}

// joined is the arguments with a space between; whole when all are known.
func joined(args []value) (text string, whole bool) {
	var words []string
	for _, arg := range args {
		if !arg.whole {
			return "", false
		}
		words = append(words, arg.text)
	}
	return strings.Join(words, " "), true
}

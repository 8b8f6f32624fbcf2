package lint

import (
	"fmt"
	"regexp"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Bounds for the history.
const (
	maxSteps = 10_000
	maxStep  = 64 << 10 // bytes
)

// step is one entry of the history.
type step struct {
	where string // "history[3]"
	verb  string // "RUN", "COPY"...
	rest  string // its arguments; of RUN the shell's words
	args  string // build arguments of RUN: "A=1 B=2"
	text  string // all of it
}

var (
	nop       = regexp.MustCompile(`^/bin/sh -c #\(nop\)\s+`)
	shellRun  = regexp.MustCompile(`(?s)^(?:RUN )?(?:\|\d+ (.*?) ?)?/bin/(?:ba|a)?sh -[a-z]*c (.*)$`)
	buildkit  = regexp.MustCompile(`\s+# buildkit$`)
	assigned  = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.-]{0,200})=("(?:[^"\\]|\\.)*"|'[^']*'|\S*)`)
	separator = regexp.MustCompile(`&&|\|\||[;|\n(){}]`)
)

// history lists the steps, as both builders write them: `/bin/sh -c #(nop) CMD ["x"]`, `RUN |1 A=b /bin/sh -c x # buildkit`.
func history(entries []v1.History) []step {
	var list []step
	for i, entry := range entries {
		if i >= maxSteps {
			break
		}
		text := strings.TrimSpace(entry.CreatedBy)
		text = buildkit.ReplaceAllString(text[:min(len(text), maxStep)], "")
		s := step{where: fmt.Sprintf("history[%d]", i), text: text}
		if m := shellRun.FindStringSubmatch(text); m != nil && !nop.MatchString(text) {
			s.verb, s.args, s.rest = "RUN", m[1], m[2]
		} else {
			s.verb, s.rest, _ = strings.Cut(nop.ReplaceAllString(text, ""), " ")
		}
		list = append(list, s)
	}
	return list
}

// pairs lists the names and values that a step sets as build arguments, in the environment or as labels.
func (s step) pairs() [][2]string {
	text := s.args
	if s.verb == "ENV" || s.verb == "ARG" || s.verb == "LABEL" {
		text = s.rest
	}
	var list [][2]string
	for _, m := range assigned.FindAllStringSubmatch(text, 1000) {
		list = append(list, [2]string{m[1], strings.Trim(m[2], `"'`)})
	}
	if key, value, ok := strings.Cut(s.rest, " "); ok && s.verb == "ENV" && !strings.Contains(key, "=") {
		list = append(list, [2]string{key, strings.TrimSpace(value)})
	}
	return list
}

// commands lists the simple commands of RUN, roughly: quotes are not read.
func (s step) commands() [][]string {
	if s.verb != "RUN" {
		return nil
	}
	var list [][]string
	for _, part := range separator.Split(s.rest, -1) {
		if words := strings.Fields(part); len(words) > 0 {
			list = append(list, words)
		}
	}
	return list
}

// runs reports whether a step runs one of the programs with one of the words after it.
func (s step) runs(programs, words string) bool {
	for _, command := range s.commands() {
		if !strings.Contains(" "+programs+" ", " "+command[0]+" ") {
			continue
		}
		if words == "" {
			return true
		}
		for _, word := range command[1:] {
			if strings.Contains(" "+words+" ", " "+word+" ") {
				return true
			}
		}
	}
	return false
}

func (f *facts) eachStep(dislike func(int, step) string) []Finding {
	var found findings
	for i, s := range f.steps {
		if message := dislike(i, s); message != "" {
			found.add(Finding{Key: s.where, Message: fmt.Sprintf("%s: %q", message, shorten(s.text))})
		}
	}
	return found.list
}

// shorten cuts a text for a message.
func shorten(text string) string {
	if len(text) <= 80 {
		return text
	}
	return strings.ToValidUTF8(text[:77], "") + "..."
}

// noHistory is why an image without history cannot be checked.
func (f *facts) noHistory(found []Finding) ([]Finding, string) {
	if len(f.in.Config.History) == 0 {
		return found, "the image has no history"
	}
	return found, ""
}

// checkADD leaves out the first step, which is how base images get their files.
func checkADD(f *facts) ([]Finding, string) {
	return f.noHistory(f.eachStep(func(i int, s step) string {
		if i > 0 && s.verb == "ADD" {
			return "ADD"
		}
		return ""
	}))
}

func checkUpdateAlone(f *facts) ([]Finding, string) {
	return f.noHistory(f.eachStep(func(_ int, s step) string {
		if s.runs("apt apt-get", "update") && !s.runs("apt apt-get", "install upgrade dist-upgrade full-upgrade build-dep") {
			return "the next step may use an old list"
		}
		return ""
	}))
}

func checkDistUpgrade(f *facts) ([]Finding, string) {
	return f.noHistory(f.eachStep(func(_ int, s step) string {
		if s.runs("apt apt-get", "dist-upgrade full-upgrade") {
			return "it may remove packages"
		}
		return ""
	}))
}

func checkRecommends(f *facts) ([]Finding, string) {
	return f.noHistory(f.eachStep(func(_ int, s step) string {
		if s.runs("apt apt-get", "install") && !strings.Contains(s.rest, "--no-install-recommends") && !strings.Contains(s.rest,
			"Install-Recommends") {
			return "it also installs recommended packages"
		}
		return ""
	}))
}

func checkFetchers(f *facts) ([]Finding, string) {
	curl := false
	for _, s := range f.steps {
		curl = curl || s.runs("curl", "")
	}
	return f.noHistory(f.eachStep(func(_ int, s step) string {
		if curl && s.runs("wget", "") {
			return "another step uses curl"
		}
		return ""
	}))
}

func checkMaintainer(f *facts) ([]Finding, string) {
	return f.noHistory(f.eachStep(func(_ int, s step) string {
		if s.verb == "MAINTAINER" {
			return "it is deprecated"
		}
		return ""
	}))
}

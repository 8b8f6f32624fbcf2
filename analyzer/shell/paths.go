package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// pathEnds are the bytes that end a path within a longer text: options, lists, here-documents, other languages' code.
const pathEnds = " \t\r\n\"'`=:,;()<>|&{}[]$*?!\\#%^"

// mention records the absolute paths in the possible values of a word.
func (r *reader) mention(values []value) {
	for _, v := range values {
		if len(v.text) > 64 { // long values of variables come again and again
			if r.mentioned[v] {
				continue
			}
			if len(r.mentioned) < maxValues*64 {
				r.mentioned[v] = true
			}
		}
		r.mentionText(v.text, v.whole)
	}
}

func (r *reader) mentionText(text string, whole bool) {
	r.budget -= len(text) / 64
	for len(text) > 0 {
		i := strings.IndexAny(text, pathEnds)
		word, last := text, i < 0
		glob := false
		if !last {
			word = text[:i]
			glob = strings.IndexByte("$*?[{", text[i]) >= 0
			text = text[i+1:]
		} else {
			text = ""
		}
		if len(word) < 2 || word[0] != '/' || word[1] == '/' {
			continue
		}
		if glob || last && !whole {
			r.prefix(word)
			continue
		}
		r.paths.add(word)
	}
}

// prefix records the directory that a word begins with.
func (r *reader) prefix(word string) {
	if i := strings.LastIndexByte(word, '/'); i > 0 {
		r.prefixes.add(word[:i+1])
	}
}

// mentionParts records the paths in each literal part of a word separately, to find those after an unknown part. Text that directly
// follows another part continues it and does not start a path.
func (r *reader) mentionParts(parts []syntax.WordPart, first bool) {
	for i, part := range parts {
		begins, ends := first && i == 0, i == len(parts)-1
		switch p := part.(type) {
		case *syntax.Lit:
			r.mentionPiece(p.Value, begins, ends)
		case *syntax.SglQuoted:
			r.mentionPiece(p.Value, begins, ends)
		case *syntax.DblQuoted:
			r.mentionParts(p.Parts, begins)
		}
	}
}

func (r *reader) mentionPiece(text string, begins, ends bool) {
	if !begins {
		i := strings.IndexAny(text, pathEnds)
		if i < 0 {
			return
		}
		text = text[i:]
	}
	r.mentionText(text, ends)
}

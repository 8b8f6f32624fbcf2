package elf

import (
	"bytes"
	"strings"
)

// shebangSize is the kernel's BINPRM_BUF_SIZE (include/uapi/linux/binfmts.h): no more of the line is looked at.
const shebangSize = 256

// Shebang reads a script's first line as the kernel does (fs/binfmt_script.c): ok when head begins with "#!" and names an
// interpreter that fits in the first 256 bytes. arg is the rest of the line without spaces and tabs around it, one single
// argument, "" when none; it is cut at 256 bytes as the kernel cuts it.
func Shebang(head []byte) (interp, arg string, ok bool) {
	if !bytes.HasPrefix(head, []byte("#!")) {
		return "", "", false
	}
	line := head[:min(len(head), shebangSize)]
	whole := len(head) < shebangSize // the file ends here: its end ends the line
	if end := bytes.IndexByte(line, '\n'); end >= 0 {
		line, whole = line[:end], true
	}
	text := strings.TrimLeft(string(line[2:]), " \t")
	if end := strings.IndexByte(text, 0); end >= 0 {
		text, whole = text[:end], true
	}
	end := strings.IndexAny(text, " \t")
	if end < 0 {
		// A name cut by the buffer's end is refused, ENOEXEC.
		return text, "", whole && text != ""
	}
	return text[:end], strings.Trim(text[end:], " \t"), end > 0
}

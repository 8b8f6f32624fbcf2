package elf

// Shebang reads a script's first line as the kernel does: ok when head begins with "#!" and names an interpreter.
// arg is the rest of the line, one single argument, "" when none.
func Shebang(head []byte) (interp, arg string, ok bool) { return "", "", false }

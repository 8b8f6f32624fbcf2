package trace

import (
	"bytes"
	"debug/elf"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
)

// maxInterpreters bounds a chain of "#!" interpreters (the kernel allows 5, fs/exec.c).
const maxInterpreters = 5

// interpreters records the files that the kernel itself opens to run a program: "#!" interpreters and PT_INTERP. No system
// call names them.
func (t *tracer) interpreters(p *process, name string) {
	for range maxInterpreters {
		interp := interpreter(name)
		if interp == "" {
			return
		}
		f := t.walk.resolve(p.root, p.cwd, interp, true)
		if f.missing || f.mode&unix.S_IFMT != unix.S_IFREG {
			return
		}
		t.rec.use(p, f, analyzer.OpInterp)
		name = f.path
	}
}

// interpreter reads the interpreter of one file, "" where it has none.
func interpreter(name string) string {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	return interpreterOf(f)
}

func interpreterOf(f io.ReaderAt) string {
	head := make([]byte, 256) // BINPRM_BUF_SIZE, linux/binfmts.h
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	if bytes.HasPrefix(head, []byte("#!")) {
		line, _, _ := strings.Cut(string(head[2:]), "\n")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return ""
		}
		return fields[0]
	}
	if !bytes.HasPrefix(head, []byte(elf.ELFMAG)) {
		return ""
	}
	return programInterpreter(f)
}

func programInterpreter(f io.ReaderAt) string {
	file, err := elf.NewFile(f)
	if err != nil {
		return ""
	}
	for _, prog := range file.Progs {
		if prog.Type == elf.PT_INTERP && prog.Filesz < unix.PathMax {
			data := make([]byte, prog.Filesz)
			if _, err := prog.ReadAt(data, 0); err != nil {
				return ""
			}
			return string(bytes.TrimRight(data, "\x00"))
		}
	}
	return ""
}

package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"github.com/slimimage/slim/analyzer/printable"
)

// Bounds of one program: what it prints, and for how long it runs.
const (
	maxOutput = 32 << 20
	maxTime   = 20 * time.Minute
)

// Tool runs a program of the image and returns what it printed on stdout. env is added to the environment that every program gets. The
// error of a program that failed is a *ToolError.
type Tool func(ctx context.Context, env []string, argv ...string) (stdout string, err error)

// ToolError is the failure of a program.
type ToolError struct {
	Program string
	Err     error
	Stdout  string
	Stderr  string
}

func (e *ToolError) Unwrap() error { return e.Err }

// Error is the last line on stderr, or the exit code.
func (e *ToolError) Error() string {
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	if last := strings.TrimSpace(lines[len(lines)-1]); last != "" {
		return e.Program + ": " + printable.Short(last, maxLine)
	}
	return fmt.Sprintf("%s: %v", e.Program, e.Err)
}

// maxLine is how much of a line of a program is quoted, in bytes.
const maxLine = 300

// toolEnv is the environment of every program: messages in English, a usual search path, and nobody to ask.
var toolEnv = []string{"LC_ALL=C", "LANGUAGE=C", "HOME=/root", "TERM=dumb",
	"PATH=" + strings.Join(toolDirs, ":")}

// toolDirs is where programs are looked for: this process may have no search path.
var toolDirs = []string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// toolPath finds a program.
func toolPath(name string) (string, error) {
	for _, dir := range toolDirs {
		full := path.Join(dir, name)
		if info, err := os.Stat(full); err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0 {
			return full, nil
		}
	}
	return "", fmt.Errorf("%s is not in the image", name)
}

// RunTool is the Tool that runs programs in the root filesystem of this process, with arguments and without a shell.
func RunTool(ctx context.Context, env []string, argv ...string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, maxTime)
	defer stop()
	stdout, stderr := &bounded{limit: maxOutput}, &bounded{limit: maxOutput}
	full, err := toolPath(argv[0])
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, full, argv[1:]...)
	cmd.Env = append(append([]string{}, toolEnv...), env...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.WaitDelay = 5 * time.Second // for a daemon that keeps the pipes open
	err = cmd.Run()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err == nil && (stdout.cut || stderr.cut) {
		err = fmt.Errorf("it printed more than %d MiB", maxOutput>>20)
	}
	if err == nil {
		return stdout.String(), nil
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("it did not end within %s", maxTime)
	}
	return stdout.String(), &ToolError{Program: path.Base(argv[0]), Err: err, Stdout: stdout.String(), Stderr: stderr.String()}
}

// bounded keeps the first bytes of an output.
type bounded struct {
	bytes.Buffer
	limit int
	cut   bool
}

// Write implements io.Writer.
func (b *bounded) Write(data []byte) (int, error) {
	room := b.limit - b.Len()
	if len(data) > room {
		b.cut = true
		b.Buffer.Write(data[:room])
		return len(data), nil
	}
	return b.Buffer.Write(data)
}

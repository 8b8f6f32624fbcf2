// Package probe drives a running application: it waits until the application is ready, sends the requests that a user would send,
// and records the answers. It does not depend on tracing: the application is a Target.
package probe

import (
	"context"

	"github.com/slimimage/slim/analyzer"
)

// Target is the application under observation, in the prober's own network namespace.
type Target interface {
	// Listening returns the sockets that the application listens on at this moment, sorted. No other is probed.
	Listening() ([]analyzer.Socket, error)
	// Exited is closed when the first process has ended.
	Exited() <-chan struct{}
	// Exec runs a command beside the application, as the application's user and in its environment unless cmd says
	// otherwise, streams what it prints to wherever the application's own output goes, and waits for it. A command that ran
	// and failed is no error: its Result has the exit code.
	Exec(ctx context.Context, cmd Command) (Result, error)
}

// Watched is a Target that also reports the state of the application's processes.
type Watched interface {
	Fate() Fate
}

// Fate is the state of an application's processes and output so far.
type Fate struct {
	Failed int    // processes that ended by a signal or with another exit code than 0
	Moves  int64  // a number that changes whenever a process starts or ends or something is printed
	Said   []byte // the end of what was printed
}

// Command is a program to run beside the application.
type Command struct {
	Argv []string
	Env  []string // the application's when nil
	Dir  string   // the application's when empty
	User string   // the application's when empty
	Root string   // chroot into it first when not empty
}

// Result is what a command printed and how it ended. Stdout and Stderr are cut at analyzer.MaxBody.
type Result struct {
	ExitCode   int
	Stdout     []byte
	Stderr     []byte
	StdoutSize int64
	StdoutSHA  string // hex SHA-256 of all of stdout
}

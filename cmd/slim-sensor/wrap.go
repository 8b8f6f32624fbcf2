package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/analyzer/trace"
)

// imageVariable holds the digest of the image; it is removed from the environment of the wrapped application.
const imageVariable = "SLIM_IMAGE_DIGEST"

// wrapFlags are the arguments of wrap.
type wrapFlags struct {
	out, name, image string
	plain, witness   bool
	argv             []string
}

func parseWrap(args []string) (w wrapFlags, err error) {
	flags := flag.NewFlagSet("wrap", flag.ContinueOnError)
	flags.StringVar(&w.out, "out", "/.slim/evidence/", "file of the evidence, or a directory (with / at its end) for one of its own")
	flags.StringVar(&w.name, "name", "elsewhere", "name of the run")
	flags.StringVar(&w.image, "image", os.Getenv(imageVariable), "digest of the image, also as "+imageVariable)
	flags.BoolVar(&w.plain, "plain", false, "stop at every call instead of filtering them: slow, but setuid programs keep their privileges")
	flags.BoolVar(&w.witness, "witness", false, "trace the parent process")
	if err := flags.Parse(args); err != nil {
		return w, err
	}
	if w.argv = flags.Args(); len(w.argv) == 0 {
		return w, errors.New("usage: slim-sensor wrap [--out FILE|DIR/] [--name NAME] [--image DIGEST] [--plain] -- COMMAND...")
	}
	if w.image != "" && !strings.HasPrefix(w.image, "sha256:") {
		return w, fmt.Errorf("the image is named by its digest (sha256:...), not by %q", w.image)
	}
	return w, nil
}

// wrap runs a command unchanged and writes evidence of its activity, at intervals and when it exits. It is for containers that slim does
// not start. Exit code 125: tracing failed, and the command was not run.
func wrap(_ context.Context, args []string) error {
	w, err := parseWrap(args)
	if err != nil {
		return err
	}
	if w.witness {
		return watch(w)
	}
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, imageVariable+"=") })
	err = trace.Wrap(w.argv, env, w.plain, slices.Concat([]string{os.Args[0], "wrap", "--witness"}, args))
	fmt.Fprintf(os.Stderr, "slim-sensor: wrap: %s\n", printable.Lines(err.Error()))
	if errors.Is(err, fs.ErrNotExist) {
		os.Exit(127) // as a shell does
	}
	os.Exit(125) // as docker run does
	return nil
}

// watch is the tracer process beside the application.
func watch(w wrapFlags) error {
	debug.SetGCPercent(400) // a short pause at each stop matters
	out := &evidenceFile{flags: w}
	witness, err := trace.NewWitness(w.plain, out.reserve, out.write)
	if err != nil {
		return nil // the application's process says why
	}
	wait := time.Second
	for range time.Tick(time.Second) {
		alone := witness.Alone()
		if wait -= time.Second; wait <= 0 || alone {
			start := time.Now()
			out.write(witness.Seen())
			wait = max(2*time.Second, 20*time.Since(start))
		}
		if alone {
			return nil
		}
	}
	return nil
}

// evidenceFile is the file for the evidence of a wrapped application.
type evidenceFile struct {
	flags  wrapFlags
	name   string
	mu     sync.Mutex
	number int64 // of the last snapshot written
	size   int   // number of facts in it
	end    analyzer.Run
}

// reserve chooses the file's name and checks that it is writable. In a directory, each start of each container gets its own file, named
// after the host.
func (f *evidenceFile) reserve() error {
	if !strings.HasSuffix(f.flags.out, "/") {
		f.name = f.flags.out
		part, err := createPart(f.name)
		if err != nil {
			return fmt.Errorf("the evidence cannot be written: %w", err)
		}
		return part.Close()
	}
	host, err := os.Hostname()
	if err != nil || host == "" || strings.ContainsAny(host, "/\x00") || host[0] == '.' {
		host = "evidence"
	}
	for i := 1; i < 10_000; i++ {
		f.name = path.Join(f.flags.out, host+".json")
		if i > 1 {
			f.name = path.Join(f.flags.out, fmt.Sprintf("%s-%d.json", host, i))
		}
		if _, err := os.Lstat(f.name); err == nil {
			continue
		}
		part, err := os.OpenFile(f.name+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err == nil {
			return part.Close()
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("the evidence cannot be written: %w", err)
		}
	}
	return fmt.Errorf("the evidence cannot be written: %s is full of files of %s", f.flags.out, host)
}

// write writes a snapshot if it has new facts. Errors are only printed, because they must not affect the application.
func (f *evidenceFile) write(seen trace.Seen) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if seen.Number < f.number || seen.Size == f.size && !seen.Ended {
		return
	}
	f.number, f.size = seen.Number, seen.Size
	if seen.Ended {
		f.end = seen.Run
	}
	if len(seen.Evidence.Processes) == 0 { // the command could not be executed
		if seen.Ended {
			_ = os.Remove(f.name + ".part")
		}
		return
	}
	if err := writeEvidence(f.name, f.evidence(seen)); err != nil {
		fmt.Fprintf(os.Stderr, "slim-sensor: wrap: writing the evidence: %s\n", printable.Lines(err.Error()))
	}
}

// evidence turns a snapshot into the evidence of a run without probes.
func (f *evidenceFile) evidence(seen trace.Seen) *analyzer.Evidence {
	e := &seen.Evidence
	e.Schema, e.Image, e.Platform = analyzer.EvidenceSchema, f.flags.image, "linux/"+runtime.GOARCH
	run := seen.Run
	run.Name, run.Argv, run.Kind, run.Answers = f.flags.name, f.flags.argv, analyzer.KindCommand, []analyzer.Answer{}
	run.ExitCode, run.Signal = cmp.Or(run.ExitCode, f.end.ExitCode), cmp.Or(run.Signal, f.end.Signal)
	if len(run.Listen) > 0 {
		run.Kind = analyzer.KindServer
		run.ExitCode, run.Signal = 0, "" // it was stopped
	}
	for _, name := range e.Privileged {
		e.Warnings = append(e.Warnings, fmt.Sprintf("%s ran without its privileges because it was traced: wrap with --plain if it needs them",
			name))
	}
	e.Runs = []analyzer.Run{run}
	e.Normalize()
	return e
}

// collect merges the evidence files of a directory and prints the result.
func collect(_ context.Context, args []string) error {
	dir := "/.slim/evidence"
	if len(args) > 1 {
		return errors.New("usage: slim-sensor collect [DIR]")
	}
	if len(args) == 1 {
		dir = args[0]
	}
	list, err := analyzer.ReadEvidenceDir(dir)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return fmt.Errorf("no evidence in %s", dir)
	}
	all, err := analyzer.Merge(list...)
	if err != nil {
		return err
	}
	return all.Write(os.Stdout)
}

// install copies this program into a directory, executable by everyone: from the agent's image into a volume.
func install(_ context.Context, args []string) (err error) {
	if len(args) != 1 {
		return errors.New("usage: slim-sensor install DIR")
	}
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	name := path.Join(args[0], "slim-sensor")
	part, err := createPart(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(part, in)
	if err := errors.Join(err, part.Chmod(0o755), part.Close()); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

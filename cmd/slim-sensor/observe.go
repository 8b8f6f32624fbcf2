package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/probe"
	"github.com/slimimage/slim/analyzer/trace"
)

// observe runs the job of --job and writes its evidence into --out. As PID 1 of its container it execs the
// application, and a second process (observe --adopt) traces it.
func observe(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("observe", flag.ContinueOnError)
	jobFile, out := flags.String("job", "", "the job, JSON"), flags.String("out", "", "the directory for the evidence and its seal")
	adopt := flags.Bool("adopt", false, "trace the parent process")
	child := flags.Bool("child", false, "start the application as a child also where it should be the first process: its exit code is not "+
		"the step's then")
	if err := flags.Parse(args); err != nil {
		return err
	}
	data, err := readInput(*jobFile)
	if err != nil {
		return err
	}
	var job analyzer.Job
	if err := json.Unmarshal(data, &job); err != nil || job.Schema != analyzer.JobSchema {
		return fmt.Errorf("reading the job: schema %q, want %q: %w", job.Schema, analyzer.JobSchema, err)
	}
	if len(job.Process.Argv) == 0 {
		return errors.New("the job has no command")
	}
	if job.EnvDigest != "" {
		data, err := os.ReadFile(analyzer.EnvFile)
		if err != nil {
			return err
		}
		env, err := analyzer.OpenEnv(data, os.Getenv(analyzer.RunIDEnv))
		if err != nil {
			return err
		}
		job.Process.Env = analyzer.WithEnv(job.Process.Env, env...)
	}
	if job.Confine != nil && !*adopt {
		if err := giveWritable(job.Confine.Tmpfs); err != nil {
			return err
		}
	}
	if !*adopt {
		fmt.Fprintln(os.Stderr, analyzer.StartLine)
	}
	if os.Getpid() == 1 && !*adopt && !*child {
		return becomeApplication(&job, append(os.Args, "--adopt"), *out)
	}
	evidence, err := runJob(ctx, &job, *adopt)
	if err != nil {
		return err
	}
	return writeSealed(*out, evidence)
}

func becomeApplication(job *analyzer.Job, args []string, out string) error {
	code, err := trace.Become(job.Process, job.Plain || job.Syscalls || !job.Trace, job.Confine, args)
	if err != nil {
		evidence, run := newEvidence(job)
		run.Kind, run.Failure = analyzer.KindCommand, err.Error()
		evidence.Runs = []analyzer.Run{*run}
		return writeSealed(out, evidence)
	}
	os.Exit(code)
	return nil
}

// giveWritable sets owner and mode of the empty directories that the step mounted, as a runtime does with uid=, gid= and mode= of a tmpfs.
func giveWritable(mounts []analyzer.Tmpfs) error {
	for _, mount := range mounts {
		name := "/" + string(mount.Path)
		if err := unix.Lchown(name, int(mount.UID), int(mount.GID)); err != nil {
			return fmt.Errorf("setting the owner of %s: %w", name, err)
		}
		if err := unix.Chmod(name, mount.Mode); err != nil {
			return fmt.Errorf("setting the mode of %s: %w", name, err)
		}
	}
	return nil
}

func newEvidence(job *analyzer.Job) (*analyzer.Evidence, *analyzer.Run) {
	return &analyzer.Evidence{Schema: analyzer.EvidenceSchema, Image: job.Image, Platform: job.Platform},
		&analyzer.Run{Name: job.Name, Argv: job.Process.Argv, Mounts: job.Mounts}
}

// runJob starts the application, exercises and stops it, and returns the evidence.
func runJob(ctx context.Context, job *analyzer.Job, adopt bool) (*analyzer.Evidence, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(job.Timeout)*time.Second+analyzer.StopGrace)
	defer cancel()
	giveUp := time.AfterFunc(analyzer.RunTime(job.Timeout), func() {
		fmt.Fprintln(os.Stderr, "slim-sensor: observe: the run did not end in time (--timeout)")
		os.Exit(1) // what it traces ends with it (ptrace(2), PTRACE_O_EXITKILL)
	})
	defer giveUp.Stop()
	evidence, run := newEvidence(job)
	debug.SetGCPercent(400) // a short pause at each stop matters
	tasks, memory := job.Limits(machineMemory())
	session, err := trace.New(trace.Options{Entry: job.Process, Bare: !job.Trace, Plain: job.Plain, Syscalls: job.Syscalls,
		Confine: job.Confine, Mounts: job.Mounts, MaxTasks: tasks, MaxBytes: memory, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		run.Kind, run.Failure = analyzer.KindCommand, err.Error()
		evidence.Runs = []analyzer.Run{*run}
		return evidence, nil
	}
	if !adopt || !session.AdoptParent() {
		run.Unfaithful = append(run.Unfaithful, "the application was not process number 1: its parent may not be traced here")
		if err := session.Spawn(); err != nil {
			return nil, err
		}
	}
	run.Unfaithful = append(run.Unfaithful, trace.Unenforced(job.Confine)...)
	run.Home = session.Home()
	outcome, err := drive(ctx, session, job)
	if err != nil {
		return nil, err
	}
	run.Written = roundWritten(session.Written()) // before it cleans up
	session.Stop(analyzer.StopGrace)
	run.Kind, run.Listen, run.Answers, run.Failure, run.Ready = outcome.Kind, outcome.Listen, outcome.Answers, outcome.Failure, outcome.Ready
	output := session.Finish(evidence, run)
	if run.Kind == analyzer.KindCommand {
		run.Answers = append(run.Answers, output)
		run.Failure = cmp.Or(run.Failure, earlyExit(job, run))
	} else {
		run.ExitCode, run.Signal = 0, "" // it was stopped by the agent
	}
	evidence.Runs = []analyzer.Run{*run}
	evidence.Normalize()
	return evidence, nil
}

// drive is probe.Drive until the application exceeds a limit.
func drive(ctx context.Context, session *trace.Session, job *analyzer.Job) (probe.Outcome, error) {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	exceeded := make(chan string, 1)
	go func() {
		select {
		case <-limited.Done():
		case limit := <-session.Exceeded():
			exceeded <- limit
			cancel(nil)
		}
	}()
	outcome, err := probe.Drive(limited, session, job, os.Stderr)
	select {
	case limit := <-exceeded:
		outcome.Failure, err = limit, nil
		outcome.Kind = cmp.Or(outcome.Kind, analyzer.KindCommand)
	default:
	}
	return outcome, err
}

// machineMemory is the memory of this machine, in bytes, 0 if it is not known.
func machineMemory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// roundWritten rounds bytes for Run.Written, so that evidence does not change with each run.
func roundWritten(bytes int64) int64 {
	const least, unit = 16 << 20, 64 << 20
	if bytes < least {
		return 0
	}
	return (bytes + unit - 1) / unit * unit
}

// earlyExit describes the failure of an image that declares ports and exited before it listened, "" otherwise. Only the default run
// counts: with arguments of the user such an image may be a command.
func earlyExit(job *analyzer.Job, run *analyzer.Run) string {
	if job.Name != analyzer.DefaultRun || len(job.Process.Exposed) == 0 || run.ExitCode == 0 && run.Signal == "" {
		return ""
	}
	how := fmt.Sprintf("with exit code %d", run.ExitCode)
	if run.Signal != "" {
		how = "by " + run.Signal
	}
	return fmt.Sprintf("it ended %s before it listened, though the image declares %s", how, strings.Join(job.Process.Exposed, ", "))
}

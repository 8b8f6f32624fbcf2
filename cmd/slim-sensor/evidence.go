package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/layers/infile"
)

// Names of the files that observe leaves for accept, and accept for the client.
const (
	evidenceName = "evidence.json"
	runIDName    = "run-id"
	sealName     = "seal"
)

var errNoEvidence = errors.New("the agent left no evidence (was it killed? the run may need more memory)")

// maxEvidence is the maximum size of evidence that accept reads, in bytes: builder reads no larger file of a step.
const maxEvidence = 512 << 20

// createPart makes the temporary file of a file. It takes away what has the name already: the application may write in the directory, and
// would choose the file that is written to with a link.
func createPart(name string) (*os.File, error) {
	if err := os.Remove(name + ".part"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(name+".part", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
}

// writeEvidence writes a temporary file and renames it, so that evidence is complete or missing.
func writeEvidence(name string, evidence *analyzer.Evidence) (err error) {
	var buf bytes.Buffer
	if err := evidence.Write(&buf); err != nil {
		return err
	}
	part, err := createPart(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(part, &buf)
	if err := errors.Join(err, part.Sync(), part.Chmod(0o644), part.Close()); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// writeSealed writes the evidence of a run, its number and its seal into a directory. The application may have made files there.
func writeSealed(name string, evidence *analyzer.Evidence) error {
	var buf bytes.Buffer
	if err := evidence.Write(&buf); err != nil {
		return err
	}
	dir, err := os.OpenRoot(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	runID := os.Getenv(analyzer.RunIDEnv)
	seal := analyzer.Seal(os.Getenv(analyzer.TokenEnv), runID, buf.Bytes())
	return errors.Join(writeFile(dir, evidenceName, buf.Bytes()), writeFile(dir, runIDName, []byte(runID)),
		writeFile(dir, sealName, []byte(seal)))
}

// writeFile writes a new file and gives it its name, in place of whatever has it.
func writeFile(dir *os.Root, name string, data []byte) error {
	part := "." + rand.Text()
	f, err := dir.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	if info, err := dir.Lstat(name); err == nil && info.IsDir() {
		if err := dir.RemoveAll(name); err != nil {
			return err
		}
	}
	return dir.Rename(part, name)
}

// accept copies the evidence of a run from one directory to another if the run's agent sealed it. It is a step of its own, because the
// application had the first directory, and BuildKit remembers only steps that succeeded.
func accept(_ context.Context, args []string) error {
	flags := flag.NewFlagSet("accept", flag.ContinueOnError)
	in, out := flags.String("in", "", "the directory of observe"), flags.String("out", "", "where the evidence goes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	runID, token := os.Getenv(analyzer.RunIDEnv), os.Getenv(analyzer.TokenEnv)
	from, err := os.OpenRoot(*in)
	if err != nil {
		return err
	}
	defer from.Close()
	evidence, err := infile.ReadIn(from, evidenceName, maxEvidence)
	if errors.Is(err, fs.ErrNotExist) {
		return errNoEvidence
	}
	if err != nil {
		return err
	}
	seal, err := infile.ReadIn(from, sealName, 1<<10)
	if err != nil {
		return fmt.Errorf("%w: %w", analyzer.ErrSeal, err)
	}
	if err := analyzer.CheckSeal(string(seal), token, runID, evidence); err != nil {
		return err
	}
	to, err := os.OpenRoot(*out)
	if err != nil {
		return err
	}
	defer to.Close()
	return errors.Join(writeFile(to, evidenceName, evidence), writeFile(to, runIDName, []byte(runID)))
}

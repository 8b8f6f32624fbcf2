package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/jsonout"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/builder/statedir"
)

// batchStateSchema names the version of batchState.
const batchStateSchema = "slim/batch-state/v1"

// batchState lists the images that an earlier slim build --all finished, in a file beside the file of images. It is written after each
// image.
type batchState struct {
	Schema string                `json:"schema"`
	Done   map[string]batchImage `json:"done"` // by batchKey
	Seal   string                `json:"seal"` // of Done: a repository may hold such a file too

	mu   sync.Mutex
	file string
	p    *program
}

// openBatchState reads the state of an earlier run for --resume, or begins a new one.
func (p *program) openBatchState(file string, resume bool) (*batchState, error) {
	s := &batchState{Schema: batchStateSchema, Done: map[string]batchImage{}, file: file, p: p}
	if !resume {
		return s, nil
	}
	data, err := p.readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(s); err != nil || s.Schema != batchStateSchema || s.Done == nil {
		return nil, &hintError{err: fmt.Errorf("%s is not a state file of this version of slim", file),
			hint: "remove it, or build without --resume"}
	}
	seal, err := s.seal()
	if err != nil {
		return nil, err
	}
	if !hmac.Equal([]byte(seal), []byte(s.Seal)) {
		p.infof("%s was not written with this cache: all images are built", file)
		s.Done = map[string]batchImage{}
	}
	return s, nil
}

// seal is the seal of the images.
func (s *batchState) seal() (string, error) {
	data, err := json.Marshal(s.Done)
	if err != nil {
		return "", err
	}
	return statedir.Seal(data)
}

// find returns the record of a finished image: nil where there is none, or where a file that it wrote is missing.
func (s *batchState) find(key string) *batchImage {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.Done[key]
	if !ok {
		return nil
	}
	for _, name := range found.Written {
		if _, err := os.Stat(name); err != nil {
			return nil
		}
	}
	return &found
}

// add records a finished image.
func (s *batchState) add(key string, image batchImage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Done[key] = image
	var err error
	if s.Seal, err = s.seal(); err != nil {
		return err
	}
	return s.p.writeFile(s.file, func(w io.Writer) error { return jsonout.Write(w, s) })
}

// batchKey is a digest of what determines the result of an image: its input (a Dockerfile with its context), its options and its outputs.
func batchKey(ctx context.Context, c *cli.Context, opt builder.Options) (string, error) {
	input := ""
	if opt.Input != nil {
		input = opt.Input.Digest.String()
	} else {
		var err error
		if input, err = builder.ContextDigest(ctx, opt.Dockerfile); err != nil {
			return "", err
		}
	}
	key := struct {
		Input, Platform          string
		Dockerfile               *builder.Dockerfile
		Shape                    lock.Options
		Evidence                 any
		Names, Places            []string
		Load, Push, NoAttest     bool
		Outputs                  []string
		Force, KeepGoing, Strict bool
		Version                  string
	}{Input: input, Platform: opt.Platform, Dockerfile: opt.Dockerfile, Shape: builder.OptionsOf(opt), Evidence: opt.Evidence,
		Names: opt.Export.Names, Load: opt.Export.Load, Push: opt.Export.Push, NoAttest: opt.Export.NoAttest,
		Force: opt.Force, KeepGoing: opt.KeepGoing, Strict: opt.Strict, Version: versionLine()}
	for _, out := range opt.Export.Outputs {
		key.Outputs = append(key.Outputs, out.Type+" "+out.Dest)
		for _, name := range slices.Sorted(maps.Keys(out.Attrs)) {
			key.Outputs = append(key.Outputs, name+"="+out.Attrs[name])
		}
	}
	lock, _ := lockName(c, "lock")
	key.Places = []string{c.String("report"), c.String("artifacts"), lock}
	data, err := json.Marshal(key)
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), err
}

package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	mobyclient "github.com/moby/moby/client"
)

// exports is where BuildKit sends the result. A file is written under another name and renamed when BuildKit is done with it.
func (b *build) exports(ctx context.Context, export Export) ([]bkclient.ExportEntry, error) {
	var list []bkclient.ExportEntry
	names := strings.Join(export.Names, ",")
	if export.Load {
		list = append(list, b.loadEntry(ctx, export, names))
	}
	if export.Push {
		if names == "" {
			return nil, errors.New("--push needs a name: pass --tag REGISTRY/NAME:TAG")
		}
		list = append(list, bkclient.ExportEntry{Type: bkclient.ExporterImage, Attrs: b.attrs(export, map[string]string{"name": names, "push": "true"})})
	}
	for _, output := range export.Outputs {
		entry, err := b.outputEntry(export, output, names)
		if err != nil {
			return nil, err
		}
		list = append(list, entry)
	}
	return list, nil
}

// attested says whether attestations are attached: a frontend does where it is asked to, for it does not see where the image goes.
func (b *build) attested() bool {
	if b.call != nil {
		return b.call.attest
	}
	return b.opt.Export.attested()
}

// attested says whether attestations are attached: where something is exported, and all of it can carry them.
func (e Export) attested() bool {
	if e.NoAttest || e.Load || !e.Push && len(e.Outputs) == 0 {
		return false
	}
	return !slices.ContainsFunc(e.Outputs, func(o Output) bool {
		return o.Type != bkclient.ExporterOCI && o.Type != bkclient.ExporterImage || o.Attrs["oci-mediatypes"] == "false"
	})
}

// attrs are the exporter options that make the same input the same bytes.
func (b *build) attrs(export Export, more map[string]string) map[string]string {
	compression := export.Compression
	if compression == "" {
		compression = "gzip"
	}
	attrs := map[string]string{"oci-mediatypes": "true", "compression": compression, "force-compression": "true"}
	maps.Copy(attrs, epochAttr(b.exportEpoch()))
	maps.Copy(attrs, more)
	return attrs
}

// exportEpoch is the creation time BuildKit writes. The config carries the input's own where the user gave none, and BuildKit
// leaves a time that is there alone.
func (b *build) exportEpoch() *int64 { return b.opt.Epoch }

// loadEntry streams the image into the Docker engine. Its store unpacks every layer at once, so nothing is compressed on
// the way.
func (b *build) loadEntry(ctx context.Context, export Export, names string) bkclient.ExportEntry {
	attrs := b.attrs(export, map[string]string{"name": names, "compression": "uncompressed"})
	if b.opt.Engine.Kind == "docker" {
		return bkclient.ExportEntry{Type: "moby", Attrs: attrs}
	}
	return bkclient.ExportEntry{Type: bkclient.ExporterDocker, Attrs: attrs, Output: func(map[string]string) (io.WriteCloser, error) {
		return newLoader(ctx, export.Docker), nil
	}}
}

func (b *build) outputEntry(export Export, output Output, names string) (bkclient.ExportEntry, error) {
	attrs := b.attrs(export, output.Attrs)
	if names != "" && attrs["name"] == "" {
		attrs["name"] = names
	}
	entry := bkclient.ExportEntry{Type: output.Type, Attrs: attrs}
	switch output.Type {
	case bkclient.ExporterImage:
		return entry, nil
	case bkclient.ExporterLocal:
		entry.OutputDir = output.Dest
	case bkclient.ExporterOCI, bkclient.ExporterDocker, bkclient.ExporterTar:
		if output.Attrs["tar"] == "false" {
			entry.OutputDir = output.Dest
			break
		}
		entry.Output = func(map[string]string) (io.WriteCloser, error) {
			if output.Dest == "-" {
				return output.Stdout, nil
			}
			return createFile(output.Dest)
		}
	default:
		return entry, fmt.Errorf("--output type=%s: it is none of oci, docker, tar, local, image", output.Type)
	}
	if output.Dest == "" {
		return entry, fmt.Errorf("--output type=%s needs dest=PATH", output.Type)
	}
	return entry, nil
}

// finish fills in what the exporters said.
func (b *build) finish(ctx context.Context, result *Result, response *bkclient.SolveResponse) error {
	result.Digest = response.ExporterResponse[exptypes.ExporterImageDigestKey]
	result.Names = b.opt.Export.Names
	if b.opt.Materials {
		b.remember(ctx, result)
	}
	for _, output := range b.opt.Export.Outputs {
		if output.Dest != "" && output.Dest != "-" {
			result.Written = append(result.Written, output.Dest)
		}
	}
	return nil
}

// file is an output file that has its name only when it is whole.
type file struct {
	*os.File
	name string
}

func createFile(name string) (io.WriteCloser, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		return os.OpenFile(name, os.O_WRONLY, 0) // a device or a pipe, /dev/null say, which a rename would replace
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".part-")
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", name, err)
	}
	return &file{f, name}, nil
}

// Close gives the file its name.
func (f *file) Close() error {
	err := errors.Join(f.Chmod(0o644), f.File.Close())
	if err == nil {
		err = os.Rename(f.File.Name(), f.name)
	}
	if err != nil {
		os.Remove(f.File.Name())
	}
	return err
}

// loader is a stream into `docker load`; Close waits until the engine has it.
type loader struct {
	*io.PipeWriter
	done chan error
}

func newLoader(ctx context.Context, docker *mobyclient.Client) io.WriteCloser {
	r, w := io.Pipe()
	l := &loader{w, make(chan error, 1)}
	go func() {
		err := load(ctx, docker, r)
		r.CloseWithError(err)
		l.done <- err
	}()
	return l
}

func load(ctx context.Context, docker *mobyclient.Client, r io.Reader) error {
	if docker == nil {
		return errors.New("loading into Docker: no engine answers")
	}
	response, err := docker.ImageLoad(ctx, r, mobyclient.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("loading into Docker: %w", err)
	}
	defer response.Close()
	return readLoad(response)
}

// Close ends the stream and returns what the engine said.
func (l *loader) Close() error {
	return errors.Join(l.PipeWriter.Close(), <-l.done)
}

// readLoad reads the engine's answer to a load: a stream of JSON messages, of which one may be an error.
func readLoad(r io.Reader) error {
	decoder := json.NewDecoder(r)
	for {
		var message struct {
			Error string `json:"error"`
		}
		if err := decoder.Decode(&message); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("loading into Docker: %w", err)
		}
		if message.Error != "" {
			return fmt.Errorf("loading into Docker: %s", message.Error)
		}
	}
}

package builder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	bkclient "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	mobyclient "github.com/moby/moby/client"

	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/outfile"
	"github.com/slimimage/slim/layers/infile"
)

// exports lists where BuildKit sends the result. A file is written under another name, and renamed when it is complete.
func (b *build) exports(ctx context.Context, export Export) ([]bkclient.ExportEntry, error) {
	var list []bkclient.ExportEntry
	names := strings.Join(export.Names, ",")
	if export.Push && names == "" {
		return nil, errors.New("--push needs a name: pass --tag REGISTRY/NAME:TAG")
	}
	if export.Load || export.Push && b.pushesFromDocker() {
		list = append(list, b.loadEntry(ctx, export, names))
	}
	if export.Push && !b.pushesFromDocker() {
		attrs := b.attrs(export, map[string]string{"name": names, "push": "true"})
		list = append(list, bkclient.ExportEntry{Type: bkclient.ExporterImage, Attrs: attrs})
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

// attested reports whether attestations are attached. A frontend attaches them on request: it does not know where the image goes.
func (b *build) attested() bool {
	if b.request != nil {
		return b.request.attest
	}
	return b.opt.Export.attested(b.opt.Engine)
}

// attested reports whether attestations are attached: the image is exported, and every exporter accepts them. A tar, a directory and
// Docker's classic image store do not, and docker load refuses what the docker exporter writes with them. They stay with an image that
// Docker's own BuildKit writes into containerd's image store.
func (e Export) attested(to *engine.Engine) bool {
	if e.NoAttest || !e.Load && !e.Push && len(e.Outputs) == 0 {
		return false
	}
	if shared := to.SharesDockerStore(); shared && !to.OCILayout || e.Load && !shared {
		return false
	}
	return !slices.ContainsFunc(e.Outputs, func(o Output) bool {
		return o.Type != bkclient.ExporterOCI && o.Type != bkclient.ExporterImage || o.Attrs["oci-mediatypes"] == "false"
	})
}

// attrs are exporter options with which the same input gives the same bytes.
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

// exportEpoch is the creation time that BuildKit writes. Without one, BuildKit keeps the time in the config, which is the input's.
func (b *build) exportEpoch() *int64 { return b.opt.Epoch }

// loadEntry streams the image into the Docker engine, uncompressed: its store unpacks every layer at once.
func (b *build) loadEntry(ctx context.Context, export Export, names string) bkclient.ExportEntry {
	attrs := b.attrs(export, map[string]string{"name": names, "compression": "uncompressed"})
	if b.opt.Engine.SharesDockerStore() {
		return bkclient.ExportEntry{Type: "moby", Attrs: attrs}
	}
	return bkclient.ExportEntry{Type: bkclient.ExporterDocker, Attrs: attrs, Output: func(map[string]string) (io.WriteCloser, error) {
		return newLoader(ctx, export), nil
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
			return outfile.Create(output.Dest)
		}
	default:
		return entry, fmt.Errorf("--output type=%s: unknown type: want oci, docker, tar, local or image", output.Type)
	}
	if output.Dest == "" {
		return entry, fmt.Errorf("--output type=%s needs dest=PATH", output.Type)
	}
	if err := infile.Stays(output.Dest); err != nil {
		return entry, fmt.Errorf("--output: %w", err)
	}
	if _, err := os.Lstat(output.Dest); entry.OutputDir != "" && errors.Is(err, fs.ErrNotExist) {
		b.newDirs = append(b.newDirs, output.Dest)
	}
	return entry, nil
}

// closeDirs closes the directories that the exporters made to other users, as outfile does with files.
func (b *build) closeDirs() error {
	for _, dir := range b.newDirs {
		if err := os.Chmod(dir, 0o700); err != nil {
			return err
		}
	}
	return nil
}

// exported collects the digests and files that the exporters reported.
func (b *build) exported(ctx context.Context, response *bkclient.SolveResponse) exported {
	e := exported{digest: response.ExporterResponse[exptypes.ExporterImageDigestKey], names: b.opt.Export.Names}
	if b.opt.Materials {
		e.provenance, e.manifest = b.readBuildRecord(ctx, e.digest)
	}
	for _, output := range b.opt.Export.Outputs {
		if output.Dest != "" && output.Dest != "-" {
			e.written = append(e.written, output.Dest)
		}
	}
	return e
}

// loader is a stream into `docker load` or `podman load`; Close waits until the engine has it.
type loader struct {
	*io.PipeWriter
	done chan error
}

func newLoader(ctx context.Context, export Export) io.WriteCloser {
	r, w := io.Pipe()
	l := &loader{w, make(chan error, 1)}
	go func() {
		err := load(ctx, export.Docker, r)
		if err != nil {
			err = fmt.Errorf("loading into %s: %w", export.Store(), err)
		}
		r.CloseWithError(err)
		l.done <- err
	}()
	return l
}

func load(ctx context.Context, docker *mobyclient.Client, r io.Reader) error {
	if docker == nil {
		return errors.New("no engine answers")
	}
	response, err := docker.ImageLoad(ctx, r, mobyclient.ImageLoadWithQuiet(true))
	if err != nil {
		return err
	}
	defer response.Close()
	return readLoad(response)
}

// Close ends the stream and returns the engine's error.
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
			return err
		}
		if message.Error != "" {
			return errors.New(message.Error)
		}
	}
}

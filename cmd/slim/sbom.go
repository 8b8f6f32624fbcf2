package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers"
)

func (p *program) sbomCommand() *cli.Command {
	return &cli.Command{
		Name:      "sbom",
		Usage:     "write the bill of materials of an image",
		UsageText: "slim sbom [flags] IMAGE",
		Description: `Reads every layer of IMAGE, without running it, and lists the packages of its distribution and of its language runtimes with
versions, licences and dependencies, and each program or library that belongs to none of them. It has the fields of NTIA's minimum
elements and of BSI TR-03183-2, as far as the packages say; docs/hardening.md has the table.
SOURCE_DATE_EPOCH sets the time of the document.

Examples:
   slim sbom nginx:1.27 > nginx.cdx.json
   slim sbom app:2 --format spdx -o app.spdx.json
   slim sbom oci:layout --files | jq '.components[].purl'`,
		Flags: []cli.Flag{
			text(groupInput, "platform", "OS/ARCH of the image to take, where it has several"),
			withDefault(text(groupReport, "format", "FORMAT of the document: cyclonedx (1.6) or spdx (2.3), both JSON"), "cyclonedx"),
			withDefault(text(groupReport, "output", "write it to FILE; - is stdout", "o"), "-"),
			text(groupReport, "sbom-author", "who has it made: \"NAME <ADDRESS>\", an e-mail address or a URL (default slim itself)"),
			toggle(groupReport, "files", "list every file with its checksums"),
			quietFlag(),
		},
		Action: p.sbom,
	}
}

// sbom is the command.
func (p *program) sbom(c *cli.Context) error {
	args, err := p.arguments(c, "IMAGE")
	if err != nil {
		return err
	}
	if err := oneOf("format", c.String("format"), "", "cyclonedx", "spdx"); err != nil {
		return err
	}
	created, err := documentTime()
	if err != nil {
		return err
	}
	p.quiet = c.Bool("quiet")
	in, done, err := p.image(c, args[0])
	if err != nil {
		return err
	}
	defer done()
	doc, err := readMaterials(c.Context, in, sbom.Options{Created: created, Tool: toolVersion(), AllFiles: c.Bool("files"),
		Author: c.String("sbom-author")})
	if err != nil {
		return fmt.Errorf("image %s: %w", args[0], err)
	}
	for _, warning := range doc.Warnings {
		p.infof("warning: %s", warning)
	}
	if len(doc.Incomplete) > 0 {
		p.alertf("warning: the document is incomplete, and says so")
	}
	write := doc.CycloneDX
	if c.String("format") == "spdx" {
		write = doc.SPDX
	}
	data, err := write()
	if err != nil {
		return err
	}
	return p.writeFile(c.String("output"), func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// documentTime is SOURCE_DATE_EPOCH (reproducible-builds.org), else now.
func documentTime() (string, error) {
	now := time.Now()
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 || seconds > 253402300799 { // the year 9999, RFC 3339's last
			return "", usagef("set it to a number of seconds since 1970", "SOURCE_DATE_EPOCH is %q", epoch)
		}
		now = time.Unix(seconds, 0)
	}
	return now.UTC().Format(time.RFC3339), nil
}

// toolVersion is slim's own version; "" for one that was not released.
func toolVersion() string {
	if version := ownVersion(); version != "devel" {
		return version
	}
	return ""
}

// Bounds of what is read into memory before the packages are read: package databases, which are many small files.
const (
	maxDatabaseFile = 64 << 20 // bytes; a larger one is read from its layer
	maxDatabases    = 512 << 20
)

// readMaterials reads the bill of materials of an opened image.
func readMaterials(ctx context.Context, in *layers.Input, opt sbom.Options) (*sbom.Document, error) {
	index, err := layers.NewIndex(in.Image)
	if err != nil {
		return nil, err
	}
	err = index.Preload(maxDatabases, func(e layers.Entry) bool {
		return e.Size <= maxDatabaseFile && sbom.ReadsFirst(string(e.Path))
	})
	if err != nil {
		return nil, err
	}
	if opt.Incomplete, err = incompleteOf(in); err != nil {
		return nil, err
	}
	opt.Name, opt.Version = in.Repo, in.Tag
	if opt.Name == "" {
		opt.Name = in.Digest.String()
	}
	if opt.Version == "" {
		opt.Version = in.Digest.String()
	}
	config, err := in.Image.ConfigFile()
	if err != nil {
		return nil, err
	}
	opt.Labels = config.Config.Labels
	opt.Purl = sbom.ImagePurl(in.Repo, in.Tag, in.Digest.String(), in.Platform.Architecture)
	opt.Contents = func(ctx context.Context, do func(string, io.Reader) error) error {
		return eachContent(ctx, in, index, do)
	}
	return sbom.Read(ctx, index, opt)
}

// place is where the content of a file is: a layer and the position of an entry in it.
type place struct{ layer, position int }

// eachContent calls do with the files of an image, in one pass over each layer: Index.Open reads a layer from its beginning for
// each file.
func eachContent(ctx context.Context, in *layers.Input, index *layers.Index, do func(string, io.Reader) error) error {
	names := map[place]string{}
	for _, e := range index.Entries() {
		if at := (place{e.Layer, e.Position}); e.Mode.IsRegular() && names[at] == "" {
			names[at] = string(e.Path)
		}
	}
	list, err := in.Image.Layers()
	if err != nil {
		return err
	}
	for number, layer := range list {
		if err := eachEntry(ctx, layer, number, names, do); err != nil {
			return fmt.Errorf("reading layer %d: %w", number+1, err)
		}
	}
	return nil
}

func eachEntry(ctx context.Context, layer v1.Layer, number int, names map[place]string, do func(string, io.Reader) error) error {
	return eachHeader(ctx, layer, func(position int, _ *tar.Header, r io.Reader) error {
		if name := names[place{number, position}]; name != "" {
			return do(name, r)
		}
		return nil
	})
}

// eachHeader calls do with every entry of a layer.
func eachHeader(ctx context.Context, layer v1.Layer, do func(position int, header *tar.Header, r io.Reader) error) error {
	stream, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer stream.Close()
	r := tar.NewReader(stream)
	for position := 0; ; position++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(position, header, r); err != nil {
			return err
		}
	}
}

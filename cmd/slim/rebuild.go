package main

import (
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/sign"
	"github.com/slimimage/slim/layers"
)

// rebuild is a build of the image that is verified.
type rebuild struct {
	opt    builder.Options
	work   *work
	slim   *layers.Input // the image that is verified, of one platform
	config *v1.ConfigFile
	dir    string // for the result
}

// rebuildOptions reads the flags of the build. Evidence is required: a new observation may differ.
func (p *program) rebuildOptions(c *cli.Context) (*rebuild, error) {
	opt, err := p.buildOptions(c)
	if err != nil {
		return nil, err
	}
	if len(opt.Evidence) == 0 {
		return nil, usagef("slim build --artifacts DIR leaves it as DIR/evidence.json",
			"--rebuild needs the evidence of the build: pass --evidence FILE")
	}
	return &rebuild{opt: opt}, nil
}

// verified rebuilds an image that is verified. The report of any other stays as it is: what the labels of that image name is neither
// fetched nor run.
func (r *rebuild) verified(c *cli.Context, p *program, image string, report *sign.Report) error {
	if !report.Verified {
		p.infof("not rebuilt: the image is not verified")
		return nil
	}
	if err := r.open(c, p, image, report); err != nil {
		return err
	}
	defer r.close()
	return r.run(c, p, report)
}

// open opens the verified image, its original and the engine.
func (r *rebuild) open(c *cli.Context, p *program, image string, report *sign.Report) (err error) {
	if r.slim, err = p.openImage(c.Context, image, r.opt.Platform, nil); err != nil {
		return err
	}
	if !report.Covers(r.slim.Digest.String()) { // the name may have moved since
		return fmt.Errorf("image %s: %s is not one of the manifests that were verified", image, r.slim.Digest)
	}
	if r.config, err = r.slim.Image.ConfigFile(); err != nil {
		return err
	}
	if updated := r.config.Config.Labels[builder.LabelUpdate]; updated != "" {
		return usagef("slim build --locked repeats it, with the lock of its build",
			"%s was built with --update (%s): the evidence alone does not say "+
				"which package files it got", image, updated)
	}
	base := r.config.Config.Labels[builder.LabelBaseName]
	from := c.String("from")
	if from == "" {
		if base == "" {
			return usagef("pass --from IMAGE", "the labels of %s do not name its original image", image)
		}
		from = sign.ByDigest(base, r.config.Config.Labels[builder.LabelBaseDigest])
	}
	if r.work, err = p.openInput(c, &r.opt, from); err != nil {
		return err
	}
	// The label has the name that the input had then, which may differ from --from.
	r.opt.Input.Repo, r.opt.Input.Tag = layers.SplitName(base)
	if r.dir, err = os.MkdirTemp("", "slim-rebuild-"); err != nil {
		r.work.close()
		return err
	}
	return nil
}

func (r *rebuild) close() {
	r.work.close()
	os.RemoveAll(r.dir)
}

// run rebuilds the image and compares digests; a difference becomes a problem of the report.
func (r *rebuild) run(c *cli.Context, p *program, report *sign.Report) error {
	want := r.config.Config.Labels[builder.LabelBaseDigest]
	if got := r.opt.Input.Digest.String(); !r.opt.Input.Is(want) {
		report.Rebuild(r.slim.Digest.String(), sign.Rebuilt{Input: r.opt.Input.Name, Platform: r.slim.Platform.String()},
			fmt.Sprintf("it was built from %s, but %s is %s", want, r.opt.Input.Name, got))
		return nil
	}
	if input, err := r.opt.Input.Image.ConfigFile(); err != nil {
		return err
	} else if epoch := r.config.Created.Unix(); epoch != max(0, input.Created.Unix()) {
		r.opt.Epoch = &epoch // SOURCE_DATE_EPOCH of the build
	}
	layout := filepath.Join(r.dir, "layout")
	r.opt.Export = builder.Export{NoAttest: true, Compression: c.String("compression"),
		Outputs: []builder.Output{{Type: "oci", Dest: layout, Attrs: map[string]string{"tar": "false"}}}}
	show, err := p.startProgress(c)
	if err != nil {
		return err
	}
	r.opt.Status, r.opt.Step = show.status(), show.step
	result, err := builder.Build(c.Context, r.opt)
	show.close()
	if err != nil {
		return fmt.Errorf("rebuilding %s: %w", report.Image, err)
	}
	platform := r.slim.Platform
	output, err := layers.Open(c.Context, "oci:"+layout, layers.OpenOptions{Platform: &platform})
	if err != nil {
		return err
	}
	rebuilt := sign.Rebuilt{Platform: result.Platform, Input: r.opt.Input.Name, Manifest: output.Digest.String(),
		Same: output.Digest == r.slim.Digest}
	report.Rebuild(r.slim.Digest.String(), rebuilt, "the manifest of the rebuilt image is "+output.Digest.String())
	return nil
}

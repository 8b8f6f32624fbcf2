package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	mobyclient "github.com/moby/moby/client"
	"github.com/urfave/cli/v2"

	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/agent"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/statedir"
	"github.com/slimimage/slim/layers"
)

// work is what a command holds open: the BuildKit engine and the Docker engine.
type work struct {
	engine *engine.Engine
	docker *mobyclient.Client // nil without a Docker engine
	podman bool               // docker is podman
	// why there is no Docker engine, nil if none is expected
	noDocker error
	repo     string // for the name of the result
	tag      string
	lent     bool // engine and docker belong to the batch, which closes them
	// start starts or finds the engine, once; nil where there is one.
	start func() (*engine.Engine, error)
	begun bool // start was called before its result is needed
}

// open connects to the engine, opens the input and sets both in opt. Without root and without another engine it re-executes the command
// in a user namespace, and returns its exit code as the error.
func (p *program) open(c *cli.Context, opt *builder.Options) (*work, error) {
	return p.openInput(c, opt, c.Args().First())
}

// openInput is open for an image that is not the first argument.
func (p *program) openInput(c *cli.Context, opt *builder.Options, image string) (_ *work, err error) {
	if !agent.Carried() {
		return nil, agent.ErrNotCarried
	}
	spec := c.String("engine")
	if podman := inPodman(image); engine.NeedsUserns(spec, podman) {
		return nil, p.inUserns(c.Context, podman, needsStore(opt, image))
	}
	w := &work{}
	if p.shared != nil {
		w = &work{engine: p.shared.engine, docker: p.shared.docker, podman: p.shared.podman, noDocker: p.shared.noDocker, lent: true}
		if inPodman(image) && !w.podman {
			return nil, usagef("set "+engine.StoreVar+"=podman", "with --all, %s images need podman as the store of all images", layers.KindPodman)
		}
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	engineOpt := p.engineNeeds(c, opt, image)
	if !w.lent {
		if err = w.findDocker(c.Context, &engineOpt); err != nil {
			return nil, err
		}
	}
	w.prepare(c.Context, engineOpt)
	if engineOpt.Remote() { // its platform is that of the image
		if err = p.connect(c.Context, engineOpt, w); err != nil {
			return nil, err
		}
	}
	if err := p.openInputs(c.Context, image, opt, w); err != nil {
		return nil, err
	}
	if opt.Dockerfile == nil {
		w.repo, w.tag = opt.Input.Repo, opt.Input.Tag
		if err = opt.Locked.FitsInput(opt.Input); err != nil {
			return nil, err
		}
	} else {
		w.repo = nameFrom(absolute(opt.Dockerfile.Context))
	}
	if !engineOpt.Remote() {
		if err = p.connect(c.Context, engineOpt, w); err != nil {
			return nil, err
		}
	}
	if err := p.checkNetwork(opt, w.engine); err != nil {
		return nil, err
	}
	if err := arrange(opt, w.engine.Platforms); err != nil {
		return nil, err
	}
	opt.Engine, opt.Export.Docker, opt.Export.Podman = w.engine, w.docker, w.podman
	return w, nil
}

// openInputs is openPlatforms as a part of the import, which may read a whole image from Docker.
func (p *program) openInputs(ctx context.Context, image string, opt *builder.Options, w *work) (err error) {
	if opt.Dockerfile == nil {
		done := p.step(builder.StageImport, "reading "+image)
		defer func() { done(err) }()
	}
	return p.openPlatforms(ctx, image, opt, w)
}

// checkNetwork refuses runs with a network that the engine does not have, and says that RUN steps have none. The network of this machine,
// with its local services, must be asked for.
func (p *program) checkNetwork(opt *builder.Options, e *engine.Engine) error {
	if opt.Update.Mode != "" && (opt.Update.Network == "none" || !e.Network && opt.Update.Network != "host") {
		return usagef("--build-network host gives that step the network of this machine",
			"--update: the step that fetches packages needs a network, and this engine has none of its own for it")
	}
	switch {
	case e.Network:
	case opt.Observe.Network == "default":
		return usagef("--network host gives the runs the network of this machine, with its local services",
			"--network default: the embedded engine has no network of its own for the runs; as root it makes one with the CNI plug-ins")
	case opt.Dockerfile != nil && opt.Dockerfile.Network != "none" && opt.Dockerfile.Network != "host":
		p.infof("the RUN steps of the Dockerfile have no network: this engine has none of its own for them (--build-network)")
	}
	return nil
}

// inPodman reports whether an image is in podman's store although plain names mean Docker, or plain names mean podman.
func inPodman(image string) bool {
	return strings.HasPrefix(image, layers.KindPodman+":") || os.Getenv(engine.StoreVar) == "podman"
}

// inUserns executes the command in a user namespace and returns its exit code as the error. With store it may use one.
func (p *program) inUserns(ctx context.Context, podman, store bool) error {
	p.busy.Store(true)
	if store {
		engine.ShareStore(ctx, podman)
	}
	code, err := engine.RunInUserns(ctx, os.Args)
	if err == nil {
		err = &childError{code}
	}
	return err
}

// engineNeeds are the options of the engine, with what the build needs of it. image is "" for any number of images.
func (p *program) engineNeeds(c *cli.Context, opt *builder.Options, image string) engine.Options {
	e := engineOptions(c)
	e.Notice = func(line string) { p.infof("%s", line) }
	e.Podman = inPodman(image)
	e.NoStore = c.String("all") == "" && !needsStore(opt, image)
	e.OCI = c.String("all") != "" || needsOCI(opt, image)
	return e
}

// needsOCI reports whether a build reads OCI layouts, which archives become, or writes OCI images or a build cache.
func needsOCI(opt *builder.Options, image string) bool {
	if opt.Dockerfile == nil && isFile(image) {
		return true
	}
	if opt.Dockerfile != nil {
		for _, value := range opt.Dockerfile.BuildContexts {
			if strings.HasPrefix(value, "oci-layout://") {
				return true
			}
		}
	}
	return len(opt.CacheTo) > 0 || strings.Contains(opt.Platform, ",") || opt.Lock || opt.Locked != nil ||
		slices.ContainsFunc(opt.Export.Outputs, func(o builder.Output) bool { return o.Type != "local" && o.Type != "tar" })
}

// isFile reports whether an image is an archive or a directory.
func isFile(image string) bool {
	kind, _, _ := strings.Cut(image, ":")
	return slices.Contains([]string{"-", layers.KindOCI, layers.KindOCIArchive, layers.KindDockerArchive}, kind)
}

// inNoStore reports whether an image comes from no store by its name alone.
func inNoStore(image string) bool {
	return isFile(image) || strings.HasPrefix(image, layers.KindRegistry+":")
}

// needsStore reports whether a build reads an image from a store, or may load one into it. image is "" for any number of images.
func needsStore(opt *builder.Options, image string) bool {
	elsewhere := len(opt.Export.Outputs) > 0 || opt.Export.Push
	return image == "" || opt.Export.Load || !elsewhere || opt.Dockerfile == nil && !inNoStore(image)
}

// findDocker finds the Docker engine, and connects to its BuildKit if the command uses that. Otherwise opt is changed so that it is not
// asked again.
func (w *work) findDocker(ctx context.Context, opt *engine.Options) (err error) {
	if w.engine, err = engine.InDocker(ctx, opt); err != nil {
		return err
	}
	if w.engine != nil {
		w.docker = w.engine.Docker
		return nil
	}
	connect := engine.Store
	switch {
	case opt.Podman && opt.NoStore:
		return nil
	case opt.Podman:
		connect = engine.Podman
	case opt.NoStore:
		connect = engine.Docker // podman would have to be started
	}
	if w.docker, err = connect(ctx); err == nil {
		w.podman = engine.IsPodman(ctx, w.docker)
	}
	if w.podman && opt.Notice != nil {
		opt.Notice("images: in podman, which has no BuildKit")
	}
	if !errors.Is(err, engine.ErrNoDocker) || opt.Podman {
		return err
	}
	var silent *engine.SilentDockerError
	if errors.As(err, &silent) && silent.Expected() {
		w.noDocker = silent
	}
	return nil
}

// connect starts or finds the engine, unless there is one already.
func (p *program) connect(ctx context.Context, opt engine.Options, w *work) (err error) {
	if w.lent {
		return nil
	}
	w.prepare(ctx, opt)
	p.busy.Store(true)
	if w.engine == nil {
		w.engine, err = w.start()
	}
	if err == nil {
		p.infof("engine: %s", w.engine.Name)
	}
	return err
}

// prepare sets w.start, unless there is an engine.
func (w *work) prepare(ctx context.Context, opt engine.Options) {
	if w.engine != nil || w.start != nil {
		return
	}
	w.start = sync.OnceValues(func() (*engine.Engine, error) { return engine.Connect(ctx, opt) })
}

// ahead starts the engine while the image is read.
func (p *program) ahead(w *work) {
	if w.engine == nil && w.start != nil && !w.begun {
		w.begun = true
		p.busy.Store(true)
		go w.start()
	}
}

// engineOptions reads --engine and --tls.
func engineOptions(c *cli.Context) engine.Options {
	opt := engine.Options{Spec: c.String("engine")}
	if dir := c.String("tls"); dir != "" {
		opt.CACert, opt.Cert, opt.Key = filepath.Join(dir, "ca.pem"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	}
	return opt
}

func absolute(dir string) string {
	if full, err := filepath.Abs(dir); err == nil {
		return full
	}
	return dir
}

func (w *work) close() {
	if w.lent {
		return
	}
	if w.engine == nil && w.begun {
		w.engine, _ = w.start() // the image could not be opened meanwhile
	}
	if w.engine != nil {
		_ = w.engine.Close() // the result is exported by now; only the cache is left
	}
	if w.docker != nil && (w.engine == nil || w.engine.Docker != w.docker) {
		_ = w.docker.Close()
	}
}

// imports is the directory of imported images, from its first use until the process ends. All images of a batch share it.
type imports struct {
	once sync.Once
	dir  *engine.Images // nil where it is not used, or there is none
	err  error
}

// use opens the directory; the error says why there is none.
func (i *imports) use() error {
	i.once.Do(func() {
		var cache string
		if cache, i.err = statedir.Dir(); i.err == nil {
			i.dir, i.err = engine.UseImages(cache)
		}
	})
	return i.err
}

func (i *imports) close() error {
	if i.dir == nil {
		return nil
	}
	return i.dir.Close()
}

// openImage opens an existing image for a platform ("" is this machine's). It reads an image of Docker as a whole.
func (p *program) openImage(ctx context.Context, ref, platform string, docker *mobyclient.Client) (*layers.Input, error) {
	return p.openIn(ctx, ref, platform, &work{docker: docker})
}

// openIn is openImage for an image that the engine of w runs: an image of Docker stays in Docker if its own BuildKit is the engine.
func (p *program) openIn(ctx context.Context, ref, platform string, w *work) (*layers.Input, error) {
	opt := layers.OpenOptions{Docker: w.docker, NoDocker: w.noDocker, Stdin: p.stdin, Podman: engine.Podman, InPodman: w.podman,
		Importing: func() { p.ahead(w) }, Adopt: w.engine == nil && w.start != nil}
	if w.engine != nil && w.engine.SharesDockerStore() {
		opt.Store = w.engine.Store()
	}
	noCache := p.images.use()
	if noCache == nil {
		opt.Cache = p.images.dir.Dir
	}
	if platform != "" {
		parsed, err := platforms.Parse(platform)
		if err != nil {
			return nil, usagef("example: --platform linux/arm64", "--platform %q: %v", platform, err)
		}
		opt.Platform = &v1.Platform{OS: parsed.OS, Architecture: parsed.Architecture, Variant: parsed.Variant}
	}
	in, err := layers.Open(ctx, ref, opt)
	if errors.Is(err, layers.ErrNoCache) {
		err = noCache
	}
	return in, err
}

// place sets the default destination of the result: Docker, or a file in the working directory.
func (w *work) place(c *cli.Context, opt *builder.Options) error {
	export := &opt.Export
	if len(export.Names) == 0 {
		export.Names = []string{defaultName(w.repo, w.tag)}
		if export.Push {
			return usagef("pass --tag REGISTRY/NAME:TAG", "--push needs a name")
		}
	}
	if export.Load && w.docker == nil {
		return &hintError{err: fmt.Errorf("--load: %w", cmp.Or(w.noDocker, error(engine.ErrNoDocker))),
			hint: "start it, or pass --output type=oci,dest=FILE"}
	}
	if export.Load || export.Push || len(export.Outputs) > 0 {
		return nil
	}
	if w.docker != nil && len(opt.Others) == 0 {
		export.Load = true
		return nil
	}
	export.Outputs = []builder.Output{{Type: "oci", Dest: archiveName(export.Names[0]), Attrs: map[string]string{}}}
	return nil
}

// image opens an image for a command that only reads it.
func (p *program) image(c *cli.Context, ref string) (*layers.Input, func(), error) {
	connect := engine.Store
	if inNoStore(ref) {
		connect = engine.Docker // its architecture is the default
	}
	docker, err := connect(c.Context)
	if err != nil && !errors.Is(err, engine.ErrNoDocker) {
		return nil, nil, err
	}
	closeDocker := func() {
		if docker != nil {
			_ = docker.Close()
		}
	}
	platform := c.String("platform")
	if platform == "" && docker != nil {
		if arch := engine.Architecture(c.Context, docker); arch != runtime.GOARCH {
			platform = "linux/" + arch
		}
	}
	in, err := p.openImage(c.Context, ref, platform, docker)
	if err != nil {
		closeDocker()
		return nil, nil, err
	}
	return in, closeDocker, nil
}

// index reads all layers of an image.
func (p *program) index(c *cli.Context, ref string) (*layers.Index, error) {
	in, closeDocker, err := p.image(c, ref)
	if err != nil {
		return nil, err
	}
	defer closeDocker()
	index, err := layers.NewIndex(in.Image)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	return index, nil
}

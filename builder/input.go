package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	gateway "github.com/moby/buildkit/frontend/gateway/client"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"

	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/lock"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/infile"
)

// input is the image that is slimmed, as BuildKit has it.
type input struct {
	state  llb.State
	config *imageConfig
	digest string            // of the platform manifest; of the config's content for a Dockerfile, which has no manifest yet
	base   string            // normalized name, "" where it has none
	labels map[string]string // to add to the slim image
	update *updated          // nil for the image as it was given
}

// dockerfileFrontend is BuildKit's own, in every daemon.
const dockerfileFrontend = "dockerfile.v0"

// inputStore is the name of the content store with an input that is not in a registry.
func (b *build) inputStore() string {
	return "slim-input-" + strings.ReplaceAll(b.platformString(), "/", "-")
}

// openInput makes the state of the input. It runs inside the gateway function, which builds a Dockerfile.
func (b *build) openInput(ctx context.Context, c gateway.Client) (src input, err error) {
	done := b.step(StageImport, b.inputName())
	defer func() { done(err) }()
	src, err = b.loadInput(ctx, c)
	if err != nil {
		return src, err
	}
	if src.config.slimmed() && !b.opt.Force {
		return src, &SlimmedError{Name: b.inputName()}
	}
	src.config = src.config.started(b.opt.Observe)
	return src, nil
}

func (b *build) loadInput(ctx context.Context, c gateway.Client) (input, error) {
	if b.request != nil {
		opts := maps.Clone(b.request.inner)
		if opts["platform"] != "" {
			opts["platform"] = b.platformString() // one of several
		}
		return b.solveDockerfile(ctx, c, gateway.SolveRequest{Frontend: dockerfileFrontend, FrontendOpt: opts, FrontendInputs: b.request.inputs})
	}
	if b.opt.Dockerfile != nil {
		return b.buildDockerfile(ctx, c)
	}
	in := b.opt.Input
	raw, err := in.Image.RawConfigFile()
	if err != nil {
		return input{}, fmt.Errorf("reading the config of %s: %w", in.Name, err)
	}
	config, err := parseConfig(raw)
	if err != nil {
		return input{}, fmt.Errorf("%s: %w", in.Name, err)
	}
	src := input{config: config, digest: in.Digest.String(), base: baseName(in)}
	platform, title := llb.Platform(b.platform), titled(in.Name)
	switch {
	case in.Ref != "":
		src.state = llb.Image(in.Ref, platform, title)
	case in.Local != "":
		src.state = llb.Image(in.Local, llb.ResolveModePreferLocal, platform, title)
		if !b.opt.Engine.OCILayout {
			err = b.pin(ctx, c, src, raw)
		}
	default:
		src.state = llb.OCILayout("slim.local/input@"+src.digest, llb.OCIStore("", b.inputStore()), platform, title)
	}
	return src, err
}

// pin makes sure that BuildKit runs the image that was opened. In containerd's store its name has the digest. In Docker's classic store
// only the name leads to an image that was not pulled: BuildKit resolves it once for a build, so the image of that moment must have
// the config that was read.
func (b *build) pin(ctx context.Context, c gateway.Client, src input, config []byte) error {
	if _, err := b.solve(ctx, c, src.state); err != nil {
		return fmt.Errorf("opening %s in the Docker engine: %w", b.inputName(), err)
	}
	now, err := engine.LocalConfig(ctx, c, b.opt.Input.Local, b.platform)
	if err == nil && !bytes.Equal(now, config) {
		err = errors.New("the engine now has another image under this name")
	}
	if err != nil {
		return fmt.Errorf("opening %s in the Docker engine: %w", b.inputName(), err)
	}
	return nil
}

// buildDockerfile solves the Dockerfile with BuildKit's own frontend.
func (b *build) buildDockerfile(ctx context.Context, c gateway.Client) (input, error) {
	df := b.opt.Dockerfile
	opts := map[string]string{"filename": filepath.Base(b.dockerfilePath()), "platform": b.platformString(), optInner: "1"}
	if df.Target != "" {
		opts["target"] = df.Target
	}
	if df.Network == "none" || df.Network == "host" {
		opts[optNetwork] = df.Network
	}
	for key, value := range df.BuildArgs {
		opts["build-arg:"+key] = value
	}
	images, err := b.layoutContexts()
	if err != nil {
		return input{}, err
	}
	for name, value := range df.BuildContexts {
		opts["context:"+name] = namedContext(name, value)
	}
	for name, image := range images {
		opts["context:"+name] = layoutScheme + layoutStoreName(name) + "@" + image.digest
	}
	in, err := b.solveDockerfile(ctx, c, gateway.SolveRequest{Frontend: dockerfileFrontend, FrontendOpt: opts})
	if own := b.localOnly(ctx, err); own != err {
		return in, own
	}
	if err != nil && opts[optNetwork] == "" && !b.opt.Engine.Network {
		err = &UnconnectedError{err}
	}
	return in, err
}

// solveDockerfile builds a Dockerfile in BuildKit; its image is the input.
func (b *build) solveDockerfile(ctx context.Context, c gateway.Client, req gateway.SolveRequest) (input, error) {
	req.Evaluate = true
	res, err := c.Solve(ctx, req)
	if err != nil {
		return input{}, fmt.Errorf("building %s: %w", b.inputName(), foreign(err, nil))
	}
	ref, ok := res.FindRef(b.platformString())
	if !ok || ref == nil {
		return input{}, fmt.Errorf("building %s: there is no image for %s in the result", b.inputName(), b.platformString())
	}
	state, err := ref.ToState()
	if err != nil {
		return input{}, fmt.Errorf("building %s: %w", b.inputName(), err)
	}
	raw := res.Metadata[exptypes.ExporterImageConfigKey]
	if raw == nil {
		raw = res.Metadata[exptypes.ExporterImageConfigKey+"/"+b.platformString()]
	}
	config, err := parseConfig(raw)
	if err != nil {
		return input{}, fmt.Errorf("building %s: %w", b.inputName(), err)
	}
	return input{state: state, config: config, digest: digest.FromBytes(config.identity()).String()}, nil
}

// namedContext converts a --build-context value to the form of the Dockerfile frontend: a directory becomes a local mount.
func namedContext(name, value string) string {
	if strings.Contains(value, "://") {
		return value
	}
	return "local:" + contextStore(name)
}

func contextStore(name string) string { return "slim-context-" + name }

// mounts are the local directories and content stores that BuildKit may fetch from this client.
func (b *build) mounts(agentDir string) (map[string]fsutil.FS, map[string]content.Store, error) {
	dirs := map[string]string{agentMount: agentDir}
	stores := map[string]string{}
	if b.evidenceDir != "" {
		dirs[evidenceMount] = b.evidenceDir
	}
	for _, one := range b.platforms() {
		if in := one.opt.Input; in != nil && in.Layout != "" {
			stores[one.inputStore()] = in.Layout
		}
	}
	contexts := b.contexts()
	images, err := b.layoutContexts()
	if err != nil {
		return nil, nil, err
	}
	for name, image := range images {
		stores[layoutStoreName(name)] = image.dir
	}
	for _, dir := range contexts {
		if err := infile.Stays(dir); err != nil {
			return nil, nil, fmt.Errorf("build context: %w", err)
		}
	}
	maps.Copy(dirs, contexts)
	mounts, err := openDirs(dirs)
	if err != nil {
		return nil, nil, err
	}
	for i, m := range b.opt.Observe.Mounts {
		if mounts[mountName(i)], err = mountFS(m.Source); err != nil {
			return nil, nil, fmt.Errorf("--mount: %w", err)
		}
	}
	contents := map[string]content.Store{}
	for name, dir := range stores {
		contents[name] = layoutStore{dir: dir}
	}
	return mounts, contents, nil
}

// contexts are the directories of a Dockerfile build by the names of their mounts.
func (b *build) contexts() map[string]string {
	df := b.opt.Dockerfile
	if df == nil {
		return nil
	}
	dirs := map[string]string{"context": df.Context, "dockerfile": filepath.Dir(b.dockerfilePath())}
	for name, value := range df.BuildContexts {
		if !strings.Contains(value, "://") {
			dirs[contextStore(name)] = value
		}
	}
	return dirs
}

func openDirs(dirs map[string]string) (map[string]fsutil.FS, error) {
	mounts := map[string]fsutil.FS{}
	for name, dir := range dirs {
		if _, err := os.Stat(dir); err != nil {
			return nil, err
		}
		local, err := fsutil.NewFS(dir)
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", dir, err)
		}
		if name == "context" { // a lock beside the Dockerfile is not part of the context
			local, err = fsutil.NewFilterFS(local, &fsutil.FilterOpt{ExcludePatterns: lock.Files()})
		}
		if err != nil {
			return nil, fmt.Errorf("opening %s: %w", dir, err)
		}
		mounts[name] = local
	}
	return mounts, nil
}

func (b *build) dockerfilePath() string {
	if b.opt.Dockerfile.File != "" {
		return b.opt.Dockerfile.File
	}
	return filepath.Join(b.opt.Dockerfile.Context, "Dockerfile")
}

func (b *build) inputName() string {
	if b.request != nil {
		return b.request.name
	}
	if b.opt.Input != nil {
		return b.opt.Input.Name
	}
	return b.dockerfilePath()
}

// baseName is the normalized reference of the input, for org.opencontainers.image.base.name.
func baseName(in *layers.Input) string {
	if in.Repo == "" {
		return ""
	}
	named, err := reference.ParseNormalizedNamed(in.Repo)
	if err != nil {
		return ""
	}
	if in.Tag == "" {
		return named.Name()
	}
	return named.Name() + ":" + in.Tag
}

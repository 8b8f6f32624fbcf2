// Package engine connects to BuildKit: embedded in slim, at an address, or in a Docker engine. No other package starts or
// finds a BuildKit, or depends on which kind of engine it is.
package engine

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"github.com/moby/buildkit/client"
	_ "github.com/moby/buildkit/client/connhelper/dockercontainer" // docker-container:// addresses
	_ "github.com/moby/buildkit/client/connhelper/kubepod"         // kube-pod:// addresses
	_ "github.com/moby/buildkit/client/connhelper/npipe"           // npipe:// addresses, on Windows
	_ "github.com/moby/buildkit/client/connhelper/ssh"             // ssh:// addresses
	mobyclient "github.com/moby/moby/client"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"

	"github.com/slimimage/slim/layers/infile"
)

// Kinds of engines.
const (
	KindEmbedded = "embedded"
	KindAddress  = "address"
	KindDocker   = "docker"
)

// Options selects the engine and configures the embedded one. The zero value is the default.
type Options struct {
	Spec     string // "auto" (when empty), "embedded", "docker", or an address: unix://, tcp://, docker-container://, kube-pod://
	Root     string // state of the embedded engine; buildkit in statedir.Dir when empty
	MaxCache int64  // bytes of build cache the embedded engine keeps; when 0, three quarters of SLIM_CACHE_SIZE
	CACert   string // for tcp://: files in PEM form
	Cert     string
	Key      string
	Log      io.Writer    // the embedded engine's own log; nil discards it
	Notice   func(string) // receives one line when a step is slow or a setting cannot be followed; nil discards it
	OCI      bool         // the build reads OCI layouts or writes OCI images, which a Docker engine with its classic store cannot
	Podman   bool         // images are in podman's store and go there, so BuildKit must not be the one in a Docker engine
	NoStore  bool         // no image comes from a store or goes to one: no podman is started for it
	Insecure []string     // registries (host:port) accessed without TLS; registries on this machine always are
}

// Engine is a connected BuildKit.
type Engine struct {
	Client    *client.Client
	Kind      string
	Name      string             // for messages: "embedded BuildKit v0.34.2 (overlayfs)"
	Docker    *mobyclient.Client // the engine that BuildKit is part of, for KindDocker
	OCILayout bool               // reads OCI layouts and writes OCI images; a Docker engine with its classic image store does neither
	Network   bool               // steps of the default network mode have a network: their own, or as the engine is set up
	Platforms []ocispecs.Platform
	shrink    func() error // of an embedded engine: the cache
	lost      func() error // of an embedded engine: what to say if its process has ended
	close     func() error
}

// SharesDockerStore reports whether BuildKit reads images from, and exports them into, the image store of the Docker engine that it
// is part of. Other engines receive such an image as an OCI layout, and deliver one through docker load.
func (e *Engine) SharesDockerStore() bool { return e.Kind == KindDocker }

// Close closes the connection and stops an embedded engine.
func (e *Engine) Close() error {
	var err error
	if e.shrink != nil {
		err = e.shrink()
	}
	err = errors.Join(err, e.Client.Close())
	if e.close != nil {
		err = errors.Join(err, e.close())
	}
	return err
}

// Explain returns the error of a build, or why the engine is gone: then every step and every request fails in its own words.
func (e *Engine) Explain(err error) error {
	if err != nil && e.lost != nil {
		if lost := e.lost(); lost != nil {
			return lost
		}
	}
	return err
}

func (o *Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

// Connect finds or starts the engine that opt names. "auto" is BUILDKIT_HOST, else a Docker engine whose BuildKit has what the build
// needs, else the embedded one.
func Connect(ctx context.Context, opt Options) (*Engine, error) {
	setLog(opt.Log)
	switch opt.Spec {
	case "", "auto":
		return auto(ctx, opt)
	case KindEmbedded:
		return embedded(ctx, opt)
	case KindDocker:
		return dockerEngine(ctx, opt)
	}
	if !strings.Contains(opt.Spec, "://") {
		return nil, fmt.Errorf("unknown engine %q: want auto, embedded, docker or an address such as %s", opt.Spec, exampleAddress)
	}
	return address(ctx, opt, opt.Spec)
}

// Remote reports whether Connect uses a BuildKit at an address.
func (o *Options) Remote() bool {
	switch o.Spec {
	case "", "auto":
		return os.Getenv("BUILDKIT_HOST") != ""
	}
	return strings.Contains(o.Spec, "://")
}

func auto(ctx context.Context, opt Options) (*Engine, error) {
	if host := os.Getenv("BUILDKIT_HOST"); host != "" {
		return address(ctx, opt, host)
	}
	if e, err := InDocker(ctx, &opt); e != nil || err != nil {
		return e, err
	}
	return embedded(ctx, opt)
}

const (
	connectTime    = 10 * time.Second // for the first answer of an engine
	exampleAddress = "unix:///run/buildkit/buildkitd.sock"
)

func address(ctx context.Context, opt Options, addr string) (*Engine, error) {
	options, err := credentials(opt)
	if err != nil {
		return nil, err
	}
	c, err := client.New(ctx, addr, options...)
	if err != nil {
		return nil, fmt.Errorf("BuildKit at %s: %w", addr, err)
	}
	e := &Engine{Client: c, Kind: KindAddress, Name: "BuildKit at " + addr, OCILayout: true, Network: true}
	if err := e.handshake(ctx, connectTime); err != nil {
		c.Close()
		return nil, fmt.Errorf("BuildKit at %s does not answer: %w (is buildkitd running there? --engine embedded needs none)", addr, err)
	}
	return e, nil
}

// maxPEM bounds a file of certificates, in bytes.
const maxPEM = 4 << 20

func credentials(opt Options) ([]client.ClientOpt, error) {
	var options []client.ClientOpt
	for _, name := range []string{opt.Cert, opt.Key} {
		f, err := infile.Open(name) // the library, which reads it, would wait for the writer of a pipe
		if err == nil {
			f.Close()
		} else if name != "" && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("certificate of the client: %w", err)
		}
	}
	if opt.CACert != "" {
		pem, err := infile.Read(opt.CACert, maxPEM)
		if err != nil {
			return nil, fmt.Errorf("CA certificate of the engine: %w", err)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA certificate of the engine: %s contains no certificate in PEM form", opt.CACert)
		}
		options = append(options, client.WithServerConfig("", opt.CACert))
	}
	if opt.Cert != "" || opt.Key != "" {
		options = append(options, client.WithCredentials(opt.Cert, opt.Key))
	}
	return options, nil
}

// handshake waits for the engine's first answer, at most for the time given, and records its platforms.
func (e *Engine) handshake(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	workers, err := e.Client.ListWorkers(ctx)
	if err != nil {
		return causeOf(err)
	}
	if len(workers) == 0 {
		return errors.New("it has no worker")
	}
	e.Platforms = workers[0].Platforms
	return nil
}

// causeOf returns the cause of an RPC error as one line.
func causeOf(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	text := err.Error()
	if i := strings.LastIndex(text, "desc = "); i >= 0 {
		text = strings.Trim(text[i+len("desc = "):], `"`)
	}
	return errors.New(text)
}

// setLog sends BuildKit's log to w; BuildKit's packages, including its client, log through logrus's standard logger.
func setLog(w io.Writer) {
	if w == nil {
		w = io.Discard
	}
	logrus.SetOutput(w)
}

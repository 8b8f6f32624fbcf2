package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	controlapi "github.com/moby/buildkit/api/services/control"
	types "github.com/moby/buildkit/api/types"
	gatewaypb "github.com/moby/buildkit/frontend/gateway/pb"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/buildkit/util/apicaps"
	capspb "github.com/moby/buildkit/util/apicaps/pb"
	"google.golang.org/grpc"
)

// fakeBuildKit answers ListWorkers, and builds without a step, which ask for the capabilities.
type fakeBuildKit struct {
	controlapi.UnimplementedControlServer
	workers  []*types.WorkerRecord
	without  []apicaps.CapID // capabilities that it lacks
	returned chan struct{}   // a build has ended
}

func (f *fakeBuildKit) ListWorkers(context.Context, *controlapi.ListWorkersRequest) (*controlapi.ListWorkersResponse, error) {
	return &controlapi.ListWorkersResponse{Record: f.workers}, nil
}

func (f *fakeBuildKit) Session(stream controlapi.Control_SessionServer) error {
	for {
		if _, err := stream.Recv(); err != nil { // the client closed it
			return nil
		}
	}
}

func (f *fakeBuildKit) Solve(ctx context.Context, _ *controlapi.SolveRequest) (*controlapi.SolveResponse, error) {
	select {
	case <-f.returned:
	case <-ctx.Done():
	}
	return &controlapi.SolveResponse{}, ctx.Err()
}

func (f *fakeBuildKit) Status(*controlapi.StatusRequest, controlapi.Control_StatusServer) error {
	return nil
}

// fakeBridge is the gateway of a fakeBuildKit.
type fakeBridge struct {
	gatewaypb.UnimplementedLLBBridgeServer
	*fakeBuildKit
}

func (f fakeBridge) Solve(context.Context, *gatewaypb.SolveRequest) (*gatewaypb.SolveResponse, error) {
	return nil, errors.New("it runs no step")
}

func (f fakeBridge) Ping(context.Context, *gatewaypb.PingRequest) (*gatewaypb.PongResponse, error) {
	return &gatewaypb.PongResponse{FrontendAPICaps: gatewaypb.Caps.All(),
		LLBCaps: slices.DeleteFunc(pb.Caps.All(), func(c *capspb.APICap) bool { return slices.Contains(f.without, apicaps.CapID(c.ID)) })}, nil
}

func (f fakeBridge) Return(context.Context, *gatewaypb.ReturnRequest) (*gatewaypb.ReturnResponse, error) {
	f.returned <- struct{}{}
	return &gatewaypb.ReturnResponse{}, nil
}

func (f *fakeBuildKit) server() *grpc.Server {
	f.returned = make(chan struct{}, 1)
	server := grpc.NewServer()
	controlapi.RegisterControlServer(server, f)
	gatewaypb.RegisterLLBBridgeServer(server, fakeBridge{fakeBuildKit: f})
	return server
}

// workerRecord describes a worker of a BuildKit that keeps images in containerd. Moby's gives no version of BuildKit.
func workerRecord(platforms ...string) *types.WorkerRecord {
	w := &types.WorkerRecord{ID: "w", Labels: map[string]string{containerdLabel: "overlayfs"}}
	for _, name := range platforms {
		os, arch, _ := strings.Cut(name, "/")
		w.Platforms = append(w.Platforms, &pb.Platform{OS: os, Architecture: arch})
	}
	return w
}

// serve starts a BuildKit on a socket and returns its address.
func serve(t *testing.T, workers ...*types.WorkerRecord) string {
	t.Helper()
	listener := listen(t)
	server := (&fakeBuildKit{workers: workers}).server()
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return "unix://" + listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") // t.TempDir may be too long for the address of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "sock"))
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// serveDocker starts a Docker engine that answers pings and its version on DOCKER_HOST, and BuildKit's API by gRPC on the same socket
// if workers is not nil.
func serveDocker(t *testing.T, workers []*types.WorkerRecord, without ...apicaps.CapID) {
	t.Helper()
	buildkit := (&fakeBuildKit{workers: workers, without: without}).server()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case workers != nil && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc"):
			buildkit.ServeHTTP(w, r)
		case strings.HasSuffix(r.URL.Path, "/_ping"):
			w.Header().Set("Api-Version", "1.47")
			io.WriteString(w, "OK")
		case strings.HasSuffix(r.URL.Path, "/version"):
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"Version":"24.0.7","ApiVersion":"1.47"}`)
		default:
			http.NotFound(w, r)
		}
	})
	listener := listen(t)
	server := &http.Server{Handler: handler, Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	t.Setenv("DOCKER_HOST", "unix://"+listener.Addr().String())
}

// noEngines hides the engines and the programs of this machine.
func noEngines(t *testing.T) {
	t.Setenv("BUILDKIT_HOST", "")
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "none.sock"))
	t.Setenv("PATH", t.TempDir())
}

func TestConnectRefuses(t *testing.T) {
	noEngines(t)
	empty := serve(t)
	for _, test := range []struct{ spec, want string }{
		{"podman", `unknown engine "podman": want auto, embedded, docker or an address`},
		{"ftp://host", "BuildKit at ftp://host"},
		{"unix:///nowhere/buildkitd.sock", "BuildKit at unix:///nowhere/buildkitd.sock does not answer"},
		{empty, "does not answer: it has no worker"},
		{KindDocker, ErrNoDocker.Error()},
		{KindEmbedded, "the embedded BuildKit needs runc"},
		{"", "the embedded BuildKit needs runc"},
		{"auto", "the embedded BuildKit needs runc"},
	} {
		e, err := Connect(t.Context(), Options{Spec: test.spec})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Connect(%q) = %v, %v, want an error with %q", test.spec, e, err, test.want)
		}
	}
}

func TestConnectAddress(t *testing.T) {
	noEngines(t)
	addr := serve(t, workerRecord("linux/arm64", "linux/amd64"), workerRecord("linux/s390x"))
	for _, test := range []struct{ spec, host string }{{addr, ""}, {"auto", addr}, {"", addr}} {
		t.Setenv("BUILDKIT_HOST", test.host)
		e, err := Connect(t.Context(), Options{Spec: test.spec})
		if err != nil {
			t.Fatalf("Connect(%q) with BUILDKIT_HOST=%q: %v", test.spec, test.host, err)
		}
		if e.Kind != KindAddress || e.Name != "BuildKit at "+addr || !e.OCILayout || e.SharesDockerStore() {
			t.Errorf("Connect(%q) = kind %q, name %q, OCI layouts %t, Docker's store %t", test.spec, e.Kind, e.Name, e.OCILayout,
				e.SharesDockerStore())
		}
		if len(e.Platforms) != 2 || e.Platforms[0].Architecture != "arm64" {
			t.Errorf("Connect(%q).Platforms = %v, want those of the first worker", test.spec, e.Platforms)
		}
		if err := e.Close(); err != nil {
			t.Errorf("Close() = %v", err)
		}
	}
}

func TestConnectDocker(t *testing.T) {
	noEngines(t)
	classic := workerRecord("linux/amd64")
	classic.Labels = nil
	containerd := []*types.WorkerRecord{workerRecord("linux/amd64")}
	for _, test := range []struct {
		name    string
		workers []*types.WorkerRecord
		without []apicaps.CapID
		oci     bool
		unfit   string // part of the reason, "" if the engine is used
	}{
		{"containerd's image store", containerd, nil, true, ""},
		{"classic image store", []*types.WorkerRecord{classic}, nil, false, ""},
		{"classic image store for OCI images", []*types.WorkerRecord{classic}, nil, true, "has the classic image store"},
		{"BuildKit before 0.17", containerd, []apicaps.CapID{pb.CapExecValidExitCode}, false, "is too old: it lacks exec.validexitcode"},
		{"a capability that slim does not use", containerd, []apicaps.CapID{pb.CapMergeOp, pb.CapDiffOp}, false, ""},
		{"no worker", []*types.WorkerRecord{}, nil, false, "does not answer"},
		{"no BuildKit", nil, nil, false, "does not answer"},
	} {
		serveDocker(t, test.workers, test.without...)
		e, err := Connect(t.Context(), Options{Spec: KindDocker, OCI: test.oci})
		var unfit *unfitError
		switch {
		case test.unfit != "" && (!errors.As(err, &unfit) || !strings.HasPrefix(err.Error(), "the BuildKit of Docker 24.0.7 "+test.unfit)):
			t.Errorf("%s: Connect = %v, %v, want an unfitError with %q", test.name, e, err, test.unfit)
		case test.unfit == "" && err != nil:
			t.Errorf("%s: Connect = %v", test.name, err)
		case test.unfit == "":
			if !e.SharesDockerStore() || e.OCILayout != (test.workers[0] != classic) || e.Docker == nil || e.Name != "BuildKit of Docker 24.0.7" {
				t.Errorf("%s: Connect = %+v", test.name, e)
			}
			if err := e.Close(); err != nil {
				t.Errorf("%s: Close() = %v", test.name, err)
			}
		}
	}
}

func TestSilentDocker(t *testing.T) {
	noEngines(t)
	dead := listen(t)
	name := dead.Addr().String()
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	closed := filepath.Join(filepath.Dir(name), "closed")
	for _, test := range []struct{ host, cause string }{
		{"unix://" + name, "nothing listens on its socket"},
		{"unix://" + closed, "there is no such socket"},
	} {
		t.Setenv("DOCKER_HOST", test.host)
		_, err := Docker(t.Context())
		var silent *SilentDockerError
		if !errors.As(err, &silent) || !errors.Is(err, ErrNoDocker) || silent.Cause != test.cause || !silent.Expected() ||
			!strings.Contains(silent.Hint(), "start Docker") {
			t.Errorf("Docker() at %s = %v, want a SilentDockerError with %q", test.host, err, test.cause)
		}
	}
	if err := (&SilentDockerError{Cause: noPermission}); !strings.Contains(err.Hint(), "group docker") {
		t.Errorf("Hint() = %q, want the group", err.Hint())
	}
}

// With an old Docker engine, auto goes on to the embedded engine and reports it.
func TestAutoAfterOldDocker(t *testing.T) {
	noEngines(t)
	serveDocker(t, nil)
	var notices []string
	_, err := Connect(t.Context(), Options{Notice: func(text string) { notices = append(notices, text) }})
	if err == nil || !strings.Contains(err.Error(), "the embedded BuildKit needs runc") {
		t.Errorf("Connect() = %v, want the embedded engine's error", err)
	}
	if len(notices) != 1 || !strings.Contains(notices[0], "the BuildKit of Docker 24.0.7 does not answer") {
		t.Errorf("notices = %q, want one about Docker 24.0.7", notices)
	}
}

func TestCredentials(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.pem")
	if err := os.WriteFile(bad, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		opt  Options
		want int // options for the client
		fail string
	}{
		{Options{}, 0, ""},
		{Options{Cert: "c", Key: "k"}, 1, ""},
		{Options{Key: "k"}, 1, ""},
		{Options{CACert: bad}, 0, "contains no certificate in PEM form"},
		{Options{CACert: bad + ".missing"}, 0, "no such file"},
	} {
		got, err := credentials(test.opt)
		if len(got) != test.want || (err == nil) != (test.fail == "") || err != nil && !strings.Contains(err.Error(), test.fail) {
			t.Errorf("credentials(%+v) = %d options, %v, want %d, %q", test.opt, len(got), err, test.want, test.fail)
		}
	}
}

func TestCauseOf(t *testing.T) {
	dial := &net.OpError{Op: "dial", Net: "unix", Err: errors.New("no such file")}
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("rpc error: %w", dial), dial.Error()},
		{errors.New(`rpc error: code = Unavailable desc = "transport: refused"`), "transport: refused"},
		{errors.New("rpc error: desc = outer: rpc error: code = X desc = inner"), "inner"},
		{errors.New("plain"), "plain"},
	} {
		if got := causeOf(test.err).Error(); got != test.want {
			t.Errorf("causeOf(%v) = %q, want %q", test.err, got, test.want)
		}
	}
}

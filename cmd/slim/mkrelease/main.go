// Command mkrelease makes the files of a release from compiled programs: archives, packages, images, a bill of materials, a provenance,
// checksums, a Homebrew formula and the Action (docs/releases.md). The same programs, version, commit and key give the same bytes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// release is what the files are made from.
type release struct {
	version  string    // v1.2.3
	commit   string    // Git commit of the sources
	epoch    time.Time // of the commit: the time of every file
	bin      string    // directory of the programs: slim-OS-ARCH
	agents   string    // directory of the agents
	frontend string    // OCI archive of the frontend
	root     string    // of the sources: LICENSE, README.md, examples
	nfpm     []string  // command line of nfpm
	builder  string    // URI of who builds, for the provenance
	base     string    // URL below which the files will be
	out      string
	work     string // temporary directory
}

// platforms are the systems that slim is released for.
var platforms = []string{"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64", "windows-amd64", "windows-arm64"}

func main() {
	var r release
	flag.StringVar(&r.version, "version", "", "VERSION of the release, such as v1.2.3")
	flag.StringVar(&r.commit, "commit", "", "Git COMMIT of the sources")
	flag.StringVar(&r.bin, "bin", "bin/programs", "DIR of the programs, slim-OS-ARCH")
	flag.StringVar(&r.agents, "agents", "builder/agent/bin", "DIR of the agents")
	flag.StringVar(&r.frontend, "frontend", "bin/slim-frontend.oci.tar", "OCI archive of the frontend")
	flag.StringVar(&r.root, "root", ".", "DIR of the sources")
	nfpm := flag.String("nfpm", "nfpm", "COMMAND of nfpm")
	flag.StringVar(&r.builder, "builder", source+"/blob/main/docs/releases.md#by-hand", "URI of who builds, for the provenance")
	flag.StringVar(&r.base, "base", "", "URL below which the files will be (default: the release at GitHub)")
	flag.StringVar(&r.out, "out", "bin/release", "DIR to write")
	key := flag.String("key", "", "FILE with the private key that signs")
	flag.Parse()
	r.nfpm = strings.Fields(*nfpm)
	if err := r.run(context.Background(), *key); err != nil {
		fmt.Fprintln(os.Stderr, "mkrelease:", err)
		os.Exit(1)
	}
}

const source = "https://github.com/slimimage/slim"

// versions are those of SemVer with the v of Go's modules.
var versions = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// run makes everything in the order in which one file depends on another.
func (r *release) run(ctx context.Context, key string) (err error) {
	if !versions.MatchString(r.version) {
		return fmt.Errorf("the version %q is not of the form v1.2.3", r.version)
	}
	seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return errors.New("SOURCE_DATE_EPOCH is not set: `git log -1 --format=%ct` prints the time of the commit")
	}
	r.epoch = time.Unix(seconds, 0).UTC()
	if r.base == "" {
		r.base = source + "/releases/download/" + r.version
	}
	if r.work, err = os.MkdirTemp("", "slim-release-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.work)
	if err := errors.Join(os.RemoveAll(r.out), os.MkdirAll(r.out, 0o755)); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{r.documents, r.archives, r.packages, r.images, r.materials, r.pointers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.finish(ctx, key)
}

// number is the version without the v, as packages and file names have it.
func (r *release) number() string { return strings.TrimPrefix(r.version, "v") }

// slim runs the program that was built for this machine.
func (r *release) slim(ctx context.Context, args ...string) ([]byte, error) {
	name := filepath.Join(r.bin, "slim-"+runtime.GOOS+"-"+runtime.GOARCH)
	return r.command(ctx, name, args...)
}

// command runs a program, with the agents for slim, which asks no Docker engine.
func (r *release) command(ctx context.Context, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "SLIM_AGENT="+r.agents, "SLIM_CACHE="+filepath.Join(r.work, "cache"),
		"DOCKER_HOST=unix://"+filepath.Join(r.work, "none.sock"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, nil
}

// documents writes the completion scripts and the manual pages into the temporary directory.
func (r *release) documents(ctx context.Context) error {
	if err := os.Mkdir(filepath.Join(r.work, "completions"), 0o755); err != nil {
		return err
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := r.slim(ctx, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(r.work, "completions", "slim."+shell), script, 0o644); err != nil {
			return err
		}
	}
	_, err := r.slim(ctx, "man", filepath.Join(r.work, "man"))
	return err
}

// images writes the images of the agent and of the frontend as OCI archives.
func (r *release) images(ctx context.Context) error {
	agent := filepath.Join(r.out, r.file("agent", "oci.tar"))
	if _, err := r.slim(ctx, "agent", "--oci", agent); err != nil {
		return err
	}
	if err := os.Chmod(agent, 0o644); err != nil {
		return err
	}
	data, err := os.ReadFile(r.frontend)
	if err != nil {
		return err
	}
	return r.write(r.file("frontend", "oci.tar"), data)
}

// file names a file of the release: slim-PART_VERSION.END.
func (r *release) file(part, end string) string {
	return fmt.Sprintf("slim-%s_%s.%s", part, r.number(), end)
}

func (r *release) write(name string, data []byte) error {
	return os.WriteFile(filepath.Join(r.out, name), data, 0o644)
}

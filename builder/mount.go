package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/moby/buildkit/client/llb"
	"github.com/opencontainers/go-digest"
	"github.com/tonistiigi/fsutil"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/analyzer/rules"
	"github.com/slimimage/slim/layers"
	"github.com/slimimage/slim/layers/infile"
)

// Mount is a file or directory of this machine that the runs see, read-only. It is never a part of an image.
type Mount struct {
	Source string // absolute path on this machine
	Target string // absolute path in the container
	Digest string // short digest of names, modes and content
}

// Bounds of one --mount: BuildKit transfers all of it, and slim reads it for its digest.
const (
	maxMountEntries = 100_000
	maxMountBytes   = 1 << 30
)

// addMount takes SRC:DST, and as `docker run --volume` does SRC:DST:ro.
func addMount(opt *Options, spec string) error {
	source, target := splitMount(runtime.GOOS, spec)
	if source == "" || target == "" {
		return fmt.Errorf("%q is not SRC:DST", spec)
	}
	if err := checkTarget(target); err != nil {
		return err
	}
	mount := Mount{Target: path.Clean(target)}
	if slices.ContainsFunc(opt.Observe.Mounts, func(m Mount) bool { return m.Target == mount.Target }) {
		return fmt.Errorf("two mounts at %s", mount.Target)
	}
	source, err := filepath.Abs(source)
	if err != nil {
		return err
	}
	if err := infile.Stays(source); err != nil {
		return err
	}
	if mount.Source, err = filepath.EvalSymlinks(source); err != nil {
		return err
	}
	if !plainText(mount.Source) || strings.Contains(mount.Source[len(filepath.VolumeName(mount.Source)):], ":") {
		return fmt.Errorf("%q has a colon or a control character", mount.Source)
	}
	if mount.Digest, err = mountDigest(mount.Source); err != nil {
		return err
	}
	opt.Observe.Mounts = append(opt.Observe.Mounts, mount)
	return nil
}

// splitMount separates SRC and DST. On Windows SRC may begin with a drive.
func splitMount(system, spec string) (source, target string) {
	spec = strings.TrimSuffix(spec, ":ro")
	drive := ""
	if system == "windows" && len(spec) > 2 && spec[1] == ':' && strings.IndexByte(`\/`, spec[2]) >= 0 {
		drive, spec = spec[:2], spec[2:]
	}
	source, target, _ = strings.Cut(spec, ":")
	return drive + source, target
}

// checkTarget refuses a path that cannot be a mount point in a run and in the files for docker and Compose.
func checkTarget(target string) error {
	name := layers.CleanPath(target)
	switch {
	case !path.IsAbs(target):
		return fmt.Errorf("%q is not an absolute path in the container", target)
	case path.Clean(target) == "/":
		return errors.New("a mount at / would hide the image")
	case rules.KernelDir(string(name)) || sandboxDir(target):
		return fmt.Errorf("%s belongs to the kernel or to slim", path.Clean(target))
	case strings.ContainsAny(target, `:,\`) || !plainText(target):
		return fmt.Errorf("%q has a colon, a comma, a backslash or a control character", target)
	}
	return nil
}

// sandboxDir reports whether a path is that of the agent in a step.
func sandboxDir(name string) bool { return strings.HasPrefix(path.Clean(name)+"/", "/.slim/") }

func plainText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// mountDigest checks the content of a mount and returns its digest. It is short, so that it does not confirm a guessed content.
func mountDigest(source string) (string, error) {
	if err := checkMounted(source); err != nil {
		return "", err
	}
	tree, err := mountFS(source)
	if err != nil {
		return "", err
	}
	sum, err := treeDigest(context.Background(), tree, &fsutil.FilterOpt{})
	if err != nil {
		return "", err
	}
	return digest.Digest(sum).Encoded()[:8], nil
}

// checkMounted bounds a mount, and refuses devices, sockets and FIFOs, which BuildKit does not transfer.
func checkMounted(source string) error {
	entries, bytes := 0, int64(0)
	return filepath.WalkDir(source, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		switch info.Mode().Type() {
		case 0:
			bytes += info.Size()
		case fs.ModeDir, fs.ModeSymlink:
		default:
			return fmt.Errorf("%q is neither a file nor a directory", name)
		}
		if entries++; entries > maxMountEntries || bytes > maxMountBytes {
			return fmt.Errorf("%s has more than %d files or %d MiB", source, maxMountEntries, maxMountBytes>>20)
		}
		return nil
	})
}

// mountFS is the file system of a mount that BuildKit transfers: the directory, or a directory that contains only the file.
func mountFS(source string) (fsutil.FS, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return fsutil.NewFS(source)
	}
	dir, err := fsutil.NewFS(filepath.Dir(source))
	if err != nil {
		return nil, err
	}
	return oneFile{FS: dir, name: filepath.Base(source)}, nil
}

// oneFile is a directory of which only one file is seen.
type oneFile struct {
	fsutil.FS
	name string
}

// Walk implements fsutil.FS.
func (f oneFile) Walk(ctx context.Context, _ string, fn fs.WalkDirFunc) error {
	return f.FS.Walk(ctx, f.name, fn)
}

// mountName is the name of a mount's directory for BuildKit.
func mountName(number int) string { return fmt.Sprintf("slim-mount-%d", number) }

// userMounts are the mounts of --mount in a step. The shared key has the digest: BuildKit compares files by size and time where it has
// a directory of the same key.
func (b *build) userMounts() ([]llb.RunOption, error) {
	var opts []llb.RunOption
	for i, m := range b.opt.Observe.Mounts {
		info, err := os.Stat(m.Source)
		if err != nil {
			return nil, fmt.Errorf("--mount: %w", err)
		}
		at := "/"
		if !info.IsDir() {
			at += filepath.Base(m.Source)
		}
		state := llb.Local(mountName(i), llb.SharedKeyHint(mountName(i)+"-"+m.Digest), titled("mount at "+m.Target))
		opts = append(opts, llb.AddMount(m.Target, state, llb.Readonly, llb.SourcePath(at)))
	}
	return opts, nil
}

// jobMounts are the mounts as the agent knows them.
func jobMounts(mounts []Mount) []analyzer.Mount {
	var list []analyzer.Mount
	for _, m := range mounts {
		list = append(list, analyzer.Mount{Path: layers.CleanPath(m.Target), Digest: m.Digest})
	}
	return list
}

// mountsKey are the mounts in a lock: where they are and what they have.
func mountsKey(opt *Options) any {
	var list []string
	for _, m := range opt.Observe.Mounts {
		list = append(list, m.Target+" "+m.Digest)
	}
	return list
}

package update

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/layers"
)

// helperApt updates an image that has records of packages in the form of distroless images (PACKAGE_METADATA.md of
// GoogleContainerTools/distroless), which is also that of slim's images, with apt and dpkg-deb of a helper image. apt sees the image's
// packages as the installed ones.
type helperApt struct {
	*apt
	image    Target
	admin    string // directory in the helper image with the status file that apt and dpkg-query read
	standIns []string
}

// aptFor returns the driver for an image that has such records.
func aptFor(a *apt, image Target) (Manager, error) {
	dir, err := os.MkdirTemp("", "slim-update-")
	if err != nil {
		return nil, err
	}
	h := &helperApt{apt: a, image: image, admin: dir}
	records, err := h.records()
	if err != nil {
		return nil, err
	}
	if len(records) == 0 {
		return nil, noRecords(a)
	}
	settings := path.Join(dir, "apt.conf")
	text := fmt.Sprintf("Dir::State::status %q;\nDir::State::extended_states %q;\n", path.Join(dir, "status"),
		path.Join(dir, "extended_states"))
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return nil, err
	}
	tool := a.Tool
	env := []string{"APT_CONFIG=" + settings, "DPKG_ADMINDIR=" + dir} // apt.conf(5), dpkg(1)
	a.Tool = func(ctx context.Context, more []string, argv ...string) (string, error) {
		return tool(ctx, slices.Concat(more, env), argv...)
	}
	return h, nil
}

// Explain implements Explainer.
func (h *helperApt) Explain(Mode) (string, error) { return fmt.Sprintf(unpackedNote, h.Name()), nil }

// records are the image's packages.
func (h *helperApt) records() (records []packages.StatusRecord, err error) {
	root, err := os.OpenRoot(h.image.Root)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return packages.StatusRecords(layers.DirFS(root))
}

// Installed implements Manager.
func (h *helperApt) Installed(ctx context.Context) ([]Installed, error) {
	records, err := h.records()
	if err != nil {
		return nil, err
	}
	arch, err := h.Tool(ctx, nil, "dpkg", "--print-architecture")
	if err != nil {
		return nil, err
	}
	var status []byte
	status, h.standIns = packages.DpkgStatus(records, strings.TrimSpace(arch))
	if err := os.WriteFile(path.Join(h.admin, "status"), status, 0o644); err != nil {
		return nil, err
	}
	installed, err := h.apt.Installed(ctx)
	return slices.DeleteFunc(installed, func(pkg Installed) bool { return slices.Contains(h.standIns, pkg.Name) }), err
}

// Simulate implements Manager. What the image lacks, it still lacks afterwards.
func (h *helperApt) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	changes, err := h.apt.Simulate(ctx, to)
	return slices.DeleteFunc(changes, func(c Change) bool { return slices.Contains(h.standIns, c.Name) }), err
}

// Leftovers implements Manager. Nothing but the package's files is written into the image.
func (h *helperApt) Leftovers() Leftovers { return Leftovers{} }

// Install implements Manager.
func (h *helperApt) Install(ctx context.Context, files []string) (err error) {
	root, err := os.OpenRoot(h.image.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, file := range files {
		if err := h.unpack(ctx, root, file); err != nil {
			return err
		}
	}
	return nil
}

// unpack replaces the files and the record of one package.
func (h *helperApt) unpack(ctx context.Context, root *os.Root, file string) (err error) {
	stage, err := os.MkdirTemp("", "slim-unpack-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	tree, control := path.Join(stage, "tree"), path.Join(stage, "control")
	for _, args := range [][]string{{"-x", file, tree}, {"-e", file, control}} {
		if _, err := h.Tool(ctx, nil, append([]string{"dpkg-deb"}, args...)...); err != nil {
			return err
		}
	}
	name, err := h.Tool(ctx, nil, "dpkg-deb", "-f", file, "Package")
	if err != nil {
		return err
	}
	records, err := packages.StatusRecords(layers.DirFS(root))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(records, func(r packages.StatusRecord) bool { return r.Name == strings.TrimSpace(name) })
	if i < 0 {
		return fmt.Errorf("the image has no package %q", strings.TrimSpace(name))
	}
	p := &placer{root: root, fsys: layers.DirFS(root), placed: map[string]bool{}}
	if p.conffiles, err = readLines(path.Join(control, "conffiles")); err != nil {
		return err
	}
	if err := p.place(tree); err != nil {
		return err
	}
	if err := p.removeOld(records, i); err != nil {
		return err
	}
	return p.record(records[i].Path, control)
}

// readLines reads the lines of a file of a package, none where it is not there.
func readLines(name string) ([]string, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return strings.Fields(string(data)), err
}

// record writes what the image says about the package, in the form in which it was.
func (p *placer) record(where, control string) error {
	for suffix, name := range map[string]string{"": "control", ".md5sums": "md5sums"} {
		data, err := os.ReadFile(path.Join(control, name))
		if errors.Is(err, fs.ErrNotExist) && suffix != "" {
			continue // a package without files has no checksums
		}
		if err != nil {
			return err
		}
		if err := p.write(where+suffix, data); err != nil {
			return err
		}
	}
	return nil
}

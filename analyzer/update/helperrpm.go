package update

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
)

// helperRpm updates an image that has rpm's database with a package manager of a helper image. rpm's own databases need all that a package
// depends on, so that an image of which slim removed such packages cannot be updated.
type helperRpm struct{ Manager }

// rpmFor returns the driver for an image that has rpm's database.
func rpmFor(m Manager, image Target) (Manager, error) {
	if !slices.ContainsFunc(rpmDatabases, func(dir string) bool {
		info, err := os.Lstat(path.Join(image.Root, dir))
		return err == nil && info.IsDir()
	}) {
		return nil, noRecords(m)
	}
	other := rpm{Target: image, root: []string{"--root", image.Root}, scripts: []string{"--noscripts", "--notriggers"}}
	values, err := osRelease(image.Root)
	if err != nil {
		return nil, err
	}
	// The repositories, keys and variables are the helper's (dnf(8), --installroot; microdnf(8)).
	options := []string{"--installroot=" + image.Root, "--setopt=reposdir=/etc/yum.repos.d", "--setopt=varsdir=/etc/dnf/vars",
		"--releasever=" + values["VERSION_ID"]}
	switch m := m.(type) {
	case *dnf:
		return helperRpm{&dnf{rpm: other, program: m.program, five: m.five, options: options}}, nil
	case *microdnf:
		return helperRpm{&microdnf{rpm: other, options: append(options, "--config=/etc/dnf/dnf.conf", "--noplugins",
			"--setopt=cachedir=/var/cache/slim-update")}}, nil
	case *zypper: // it shares the helper's repositories (zypper(8))
		return helperRpm{&keyed{zypper{rpm: other, options: []string{"--installroot", image.Root}, caches: "/"}}}, nil
	}
	return nil, fmt.Errorf("%s cannot update another root filesystem", m.Name())
}

// Explain implements Explainer.
func (h helperRpm) Explain(mode Mode) (string, error) {
	if e, ok := h.Manager.(Explainer); ok {
		if _, err := e.Explain(mode); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf(unpackedNote, "rpm"), nil
}

// keyed is zypper with the keys that the helper image trusts: it looks for them in the database of the root filesystem that it works on.
type keyed struct{ zypper }

// Refresh implements Manager. What it changes in the image is discarded with the rest of the phase.
func (k *keyed) Refresh(ctx context.Context) ([]Repository, error) {
	keys, err := k.Tool(ctx, nil, "rpm", "-q", rpmKey, "--qf", `%{DESCRIPTION}\n`)
	var none *ToolError
	if err != nil && !errors.As(err, &none) {
		return nil, err
	}
	if none == nil {
		file, err := os.CreateTemp("", "slim-keys-")
		if err != nil {
			return nil, err
		}
		_, err = file.WriteString(keys)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		if _, err := k.Tool(ctx, nil, "rpm", "--root", k.Root, "--import", file.Name()); err != nil {
			return nil, err
		}
	}
	return k.zypper.Refresh(ctx)
}

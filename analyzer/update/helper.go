package update

import (
	"cmp"
	"errors"
	"os"
	"strings"

	"github.com/slimimage/slim/analyzer/packages"
	"github.com/slimimage/slim/analyzer/printable"
	"github.com/slimimage/slim/layers"
)

// FindHelper returns the driver that updates the root filesystem at root with the package manager of the target, which is a helper image:
// for an image without a package manager. Both must be of the same distribution and release. No script of a package runs in root. An error
// for the user is an *Error.
func FindHelper(helper Target, root string) (Manager, error) {
	if m := Find(Target{Root: root}); m != nil {
		return nil, refuse("leave out --update-from", "the image has a package manager of its own, %s", m.Name())
	}
	manager := Find(helper)
	if manager == nil {
		return nil, refuse("name an image with apt, apk, dnf, microdnf or zypper", "the helper image has no package manager that slim knows")
	}
	if err := sameRelease(helper.Root, root); err != nil {
		return nil, err
	}
	image := Target{Root: root, Tool: helper.Tool, Epoch: helper.Epoch}
	switch m := manager.(type) {
	case *apt:
		return aptFor(m, image)
	case *apk:
		return apkFor(m, image)
	}
	return rpmFor(manager, image)
}

// noRecords says that an image has no list of packages in the form of the helper's package manager.
func noRecords(m Manager) error {
	return refuse("name a helper image of the image's own distribution", "the image has no list of packages that %s can update", m.Name())
}

// sameRelease refuses two root filesystems of other distributions or releases (os-release(5)).
func sameRelease(helper, root string) error {
	var names [2]string
	for i, dir := range []string{helper, root} {
		values, err := osRelease(dir)
		if err != nil {
			return err
		}
		if values["ID"] != "" {
			names[i] = strings.TrimSpace(values["ID"] + " " + values["VERSION_ID"])
		}
	}
	switch {
	case names[1] == "":
		return refuse("name the distribution in the image: copy /etc/os-release of its base into it",
			"the image has no /etc/os-release: its distribution is not known")
	case names[0] != names[1]:
		return refuse("name a helper image of the same distribution and release", "the image is of %s, the helper image of %s",
			printable.Short(names[1], maxField), printable.Short(cmp.Or(names[0], "no known distribution"), maxField))
	}
	return nil
}

// osRelease reads os-release of a root filesystem.
func osRelease(dir string) (values map[string]string, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return packages.Release(layers.DirFS(root))
}

// unpackedNote is what a user has to know about an update with a helper image.
const unpackedNote = "no script of an updated package ran: the helper image's %s only replaced its files"

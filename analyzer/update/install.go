package update

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/slimimage/slim/analyzer/printable"
)

// Install installs the package files of req.Changes, which are in dir, and verifies the result: these packages have the new versions, and
// all others are as they were. At the end the root has nothing else that depends on when or how often it was made.
func Install(ctx context.Context, m Manager, req Request, dir, root string) (*Report, error) {
	before, err := installedIn(ctx, m)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, c := range req.Changes {
		if c.File != path.Base(c.File) {
			return nil, fmt.Errorf("%s is not the name of a package file", printable.Short(c.File, maxField))
		}
		sum, _, err := checksum(path.Join(dir, c.File))
		if err != nil {
			return nil, err
		}
		if sum != c.Checksum {
			return nil, fmt.Errorf("the package file of %s is %s, not %s", c.Package(), sum, c.Checksum)
		}
		files = append(files, path.Join(dir, c.File))
	}
	tree, err := look(root, m.Leftovers())
	if err != nil {
		return nil, err
	}
	if err := m.Install(ctx, files); err != nil {
		return nil, err
	}
	after, err := installedIn(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := verify(before, after, req.Changes); err != nil {
		return nil, err
	}
	return &Report{Schema: ReportSchema, Manager: m.Name(), Changes: req.Changes}, tree.settle(req.Epoch)
}

// verify compares the installed packages with what they should be.
func verify(before, after []Installed, changes []Change) error {
	if len(before) != len(after) {
		return fmt.Errorf("the update changed the number of packages from %d to %d", len(before), len(after))
	}
	for _, was := range before {
		want := was.Version
		for _, c := range changes {
			if c.Package().same(was.Package) {
				want = c.After
			}
		}
		i := slices.IndexFunc(after, func(is Installed) bool { return is.same(was.Package) && is.Version == want })
		if i < 0 {
			return fmt.Errorf("after the update, package %s is not there in version %s", was.Name, want)
		}
	}
	return nil
}

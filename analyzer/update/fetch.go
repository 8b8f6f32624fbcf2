package update

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// Bounds of what a package manager may say and bring.
const (
	maxPackages = 20_000
	maxChanges  = 2_000
	maxField    = 256     // bytes of a name, a version or a repository
	maxBytes    = 4 << 30 // of all package files
)

// Fetch downloads the package files of an update into dir and reports what they change; no change is no error. Errors for the user are in
// the report.
func Fetch(ctx context.Context, m Manager, req Request, dir string) (*Report, error) {
	report := &Report{Schema: ReportSchema, Manager: m.Name()}
	changes, err := []Change(nil), error(nil)
	if e, ok := m.(Explainer); ok {
		mode := req.Mode
		if len(req.Changes) > 0 {
			mode = "" // a lock says what is updated
		}
		report.Note, err = e.Explain(mode)
	}
	if err == nil {
		changes, err = fetch(ctx, m, req, dir)
	}
	var refused *Error
	var failed *ToolError
	switch {
	case errors.As(err, &refused):
		report.Failure = refused
		return report, nil
	case errors.As(err, &failed):
		report.Failure = &Error{Reason: failed.Error(), Next: "run it in the image to see all of its output"}
		return report, nil
	}
	report.Changes = changes
	return report, err
}

func fetch(ctx context.Context, m Manager, req Request, dir string) ([]Change, error) {
	installed, err := installedIn(ctx, m)
	if err != nil {
		return nil, err
	}
	repositories, err := m.Refresh(ctx)
	if err != nil {
		return nil, err
	}
	to, err := choose(ctx, m, req, installed, repositories)
	if err != nil || len(to) == 0 {
		return nil, err
	}
	changes, err := simulate(ctx, m, to, installed)
	if err != nil {
		return nil, err
	}
	if err := unlocked(changes, req.Changes); err != nil {
		return nil, err
	}
	names, err := m.Download(ctx, changes, dir)
	if err != nil {
		return nil, err
	}
	if len(names) != len(changes) {
		return nil, fmt.Errorf("%s downloaded %d files for %d packages", m.Name(), len(names), len(changes))
	}
	return changes, sumFiles(changes, names, dir, req.Changes)
}

// installedIn lists the installed packages. It refuses a root in which one is broken: nothing can be said about an update of it.
func installedIn(ctx context.Context, m Manager) ([]Installed, error) {
	installed, err := m.Installed(ctx)
	if err != nil {
		return nil, err
	}
	if len(installed) > maxPackages {
		return nil, fmt.Errorf("%d installed packages are too many", len(installed))
	}
	for _, pkg := range installed {
		if err := plain(pkg.Name, pkg.Arch, pkg.Version); err != nil {
			return nil, err
		}
		if pkg.Broken != "" {
			return nil, refuse("repair it in the image: install it again, or remove it", "package %s is not installed as a whole: %s",
				pkg.Name, printable.Short(pkg.Broken, maxField))
		}
	}
	return installed, nil
}

// plain refuses words of a package manager that are not what a name or a version can be.
func plain(words ...string) error {
	for _, word := range words {
		if len(word) > maxField || word != printable.Text(word) || strings.ContainsAny(word, " \"'\\") || strings.HasPrefix(word, "-") {
			return fmt.Errorf("%s is not a name or a version of a package", printable.Short(word, maxField))
		}
	}
	return nil
}

// choose decides which of the wanted packages are updated, and to which version.
func choose(ctx context.Context, m Manager, req Request, installed []Installed, repositories []Repository) ([]Offer, error) {
	if len(repositories) == 0 {
		return nil, refuse("add the distribution's repositories to the image", "%s has no repository in this image", m.Name())
	}
	if req.Mode == Security && len(req.Changes) == 0 && !slices.ContainsFunc(repositories, func(r Repository) bool { return r.Security }) {
		return nil, refuse("add it to the image, or pass --update=all",
			"none of the repositories of %s in this image is one for security updates",
			m.Name())
	}
	wanted := req.Wanted
	if len(req.Changes) > 0 {
		wanted = nil
	}
	for _, change := range req.Changes {
		wanted = append(wanted, change.Package())
	}
	of, err := match(wanted, installed, len(req.Changes) > 0)
	if err != nil {
		return nil, err
	}
	offers, err := m.Offers(ctx, of)
	if err != nil {
		return nil, err
	}
	var to []Offer
	for _, pkg := range of {
		own := slices.DeleteFunc(slices.Clone(offers), func(o Offer) bool { return !o.same(pkg.Package) })
		var version string
		if len(req.Changes) > 0 {
			version, err = locked(pkg, own, req.Changes)
		} else {
			version, err = pick(pkg, own, req.Mode)
		}
		if err != nil {
			return nil, err
		}
		for _, offer := range own { // of several repositories with the version, the one for security updates
			if offer.Version == version && (len(to) == 0 || !to[len(to)-1].same(pkg.Package)) {
				to = append(to, offer)
			} else if offer.Version == version && offer.From.Security {
				to[len(to)-1] = offer
			}
		}
	}
	return to, nil
}

// match finds the installed packages of a list.
func match(wanted []Package, installed []Installed, all bool) ([]Installed, error) {
	var of []Installed
	for _, want := range wanted {
		i := slices.IndexFunc(installed, func(pkg Installed) bool { return pkg.same(want) })
		switch {
		case i >= 0:
			of = append(of, installed[i])
		case all:
			return nil, refuse("lock the image as it is now: slim build --lock", "the lock updates %s, which the image does not have",
				printable.Short(want.Name, maxField))
		}
	}
	return of, nil
}

// pick is the version to which a package is updated, "" where it stays as it is.
func pick(pkg Installed, offers []Offer, mode Mode) (string, error) {
	if mode == Security && !slices.ContainsFunc(offers, func(o Offer) bool { return o.From.Security }) || len(offers) == 0 {
		return "", nil
	}
	newest := offers[0]
	if pkg.Held {
		return "", refuse("let the image's package manager update it, or keep nothing of it",
			"package %s is held at %s; the repository has %s",
			pkg.Name, pkg.Version, newest.Version)
	}
	for _, offer := range offers {
		if offer.Preferred {
			return offer.Version, nil
		}
	}
	if mode == All {
		return "", nil // the image's own settings prefer the installed version
	}
	return "", refuse("remove the pin from the image's settings", "the settings of the image keep package %s at %s; the repository has %s",
		pkg.Name,
		pkg.Version, newest.Version)
}

// locked is the version of a package in a lock, if a repository has it.
func locked(pkg Installed, offers []Offer, changes []Change) (string, error) {
	for _, change := range changes {
		if !change.Package().same(pkg.Package) {
			continue
		}
		var have []string
		for _, offer := range offers {
			if offer.Version == change.After {
				return change.After, nil
			}
			if !slices.Contains(have, offer.Version) {
				have = append(have, offer.Version)
			}
		}
		now := "no newer version than " + pkg.Version
		if len(have) > 0 {
			now = strings.Join(have, ", ")
		}
		return "", refuse("lock the image with what there is now: slim build --lock", "the lock has %s %s; the repositories have %s",
			pkg.Name,
			change.After, printable.Short(now, maxField))
	}
	return "", nil
}

// simulate lists the changes of an update, and refuses all but upgrades of installed packages.
func simulate(ctx context.Context, m Manager, to []Offer, installed []Installed) ([]Change, error) {
	const hint = "update it in the image itself: slim changes only packages that are installed"
	versions := make([]Package, len(to))
	for i, offer := range to {
		versions[i] = offer.Package
	}
	changes, err := m.Simulate(ctx, versions)
	if err != nil {
		return nil, err
	}
	if len(changes) > maxChanges {
		return nil, fmt.Errorf("%d changes are too many", len(changes))
	}
	done := map[string]bool{}
	for i := range changes {
		c := &changes[i]
		if err := plain(c.Name, c.Arch, c.Before, c.After); err != nil {
			return nil, err
		}
		n := slices.IndexFunc(installed, func(pkg Installed) bool { return pkg.same(c.Package()) })
		switch {
		case c.After == "":
			return nil, refuse(hint, "the update would remove package %s %s", c.Name, c.Before)
		case n < 0:
			return nil, refuse(hint, "the update would install package %s %s, which the image does not have", c.Name, c.After)
		case c.Lower:
			return nil, refuse("check the repositories of the image", "the update would downgrade package %s from %s to %s", c.Name,
				c.Before, c.After)
		case installed[n].Held:
			return nil, refuse("let the image's package manager update it", "the update would change package %s, which is held at %s",
				c.Name,
				installed[n].Version)
		}
		c.Before = installed[n].Version
		if i := slices.IndexFunc(to, func(o Offer) bool { return o.same(c.Package()) && o.Version == c.After }); i >= 0 {
			c.Asked, c.Repository = true, to[i].From.Name
			done[c.Name] = true
		}
		c.Repository = printable.Short(c.Repository, maxField)
	}
	for _, pkg := range to {
		if !done[pkg.Name] {
			return nil, refuse(hint, "%s would not update package %s to %s", m.Name(), pkg.Name, pkg.Version)
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	return changes, nil
}

// unlocked refuses a transaction that is not that of a lock, and notes as asked for what was asked for when the lock was written.
func unlocked(changes, lock []Change) error {
	if len(lock) == 0 {
		return nil
	}
	for j := range changes {
		c := &changes[j]
		i := slices.IndexFunc(lock, func(l Change) bool { return l.Package().same(c.Package()) })
		if i < 0 || lock[i].After != c.After {
			return refuse("lock the image with what there is now: slim build --lock",
				"the update would change package %s to %s, which the lock has not",
				c.Name, c.After)
		}
		c.Asked = lock[i].Asked
	}
	return nil
}

// sumFiles notes the names and checksums of the package files, and compares them with those of a lock.
func sumFiles(changes []Change, names []string, dir string, lock []Change) error {
	total := int64(0)
	for i, name := range names {
		if name != path.Base(name) || plain(name) != nil {
			return fmt.Errorf("%s is not the name of a package file", printable.Short(name, maxField))
		}
		sum, size, err := checksum(path.Join(dir, name))
		if err != nil {
			return err
		}
		if total += size; total > maxBytes {
			return fmt.Errorf("the package files have more than %d GiB", maxBytes>>30)
		}
		c := &changes[i]
		c.File, c.Checksum = name, sum
		for _, l := range lock {
			if l.Package().same(c.Package()) && l.Checksum != sum {
				return refuse("the repository replaced a version: lock the image again with slim build --lock",
					"the package file of %s %s is %s, the lock has %s", c.Name, c.After, sum, printable.Short(l.Checksum, maxField))
			}
		}
	}
	return nil
}

// checksum reads a regular file.
func checksum(name string) (sum string, size int64, err error) {
	info, err := os.Lstat(name)
	if err != nil {
		return "", 0, err
	}
	if !info.Mode().IsRegular() {
		return "", 0, fmt.Errorf("%s is not a regular file", printable.Text(name))
	}
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, io.LimitReader(f, maxBytes+1))
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), size, err
}

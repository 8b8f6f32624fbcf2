package update

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
)

// helperApk updates an image that has apk's database with apk of a helper image, its keys and its repositories.
type helperApk struct {
	*apk
	image Target
	where string // of the database
}

// absent is the name of a package that stands for what the image's packages depend on and the image lacks.
const absent = ".slim-absent"

// apkFor returns the driver for an image that has apk's database.
func apkFor(a *apk, image Target) (Manager, error) {
	for _, where := range []string{"usr/lib/apk/db/installed", "lib/apk/db/installed"} {
		if image.database(where) != nil {
			// The settings of a root filesystem are read below it, unless an option names others (apk(8), --root).
			a.options = []string{"--root", image.Root, "--keys-dir", "/etc/apk/keys", "--cache-dir", "/var/cache/apk",
				"--repositories-file", "/etc/apk/repositories"}
			return &helperApk{apk: a, image: image, where: where}, nil
		}
	}
	return nil, noRecords(a)
}

// maxApk bounds apk's database, in bytes.
const maxApk = 64 << 20

// database reads apk's database below the root without following a link, nil if it is not there or empty.
func (t Target) database(where string) []byte {
	root, err := os.OpenRoot(t.Root)
	if err != nil {
		return nil
	}
	defer root.Close()
	info, err := root.Lstat(where)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxApk {
		return nil
	}
	data, err := root.ReadFile(where)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	return data
}

// Explain implements Explainer.
func (h *helperApk) Explain(mode Mode) (string, error) {
	note, err := h.apk.Explain(mode)
	if note != "" {
		note += "; "
	}
	return note + fmt.Sprintf(unpackedNote, h.Name()), err
}

// with runs apk's command f while the image has a list of wanted packages that names all that it has, and the stand-in for all that it
// lacks: apk would remove what nothing wants, and install what is missing.
func (h *helperApk) with(f func() error) (err error) {
	root, err := os.OpenRoot(h.image.Root)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	data := h.image.database(h.where)
	world, err := root.ReadFile(apkWorld)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	isNew := slices.DeleteFunc(slices.Clone(apkMade), func(name string) bool {
		_, err := root.Lstat(name)
		return err == nil
	})
	if err := root.MkdirAll(path.Dir(apkWorld), 0o755); err != nil {
		return err
	}
	names, standIn := apkStandIn(data)
	p := &placer{root: root}
	wanted := slices.Concat(strings.Fields(string(world)), names, []string{absent, ""})
	if err := p.write(apkWorld, []byte(strings.Join(wanted, "\n"))); err != nil {
		return err
	}
	if err := p.write(h.where, append(data, standIn...)); err != nil {
		return err
	}
	err = f()
	if !slices.Contains(isNew, apkWorld) {
		err = errors.Join(err, p.write(apkWorld, world))
	}
	for _, name := range isNew {
		if e := root.Remove(name); e != nil && !errors.Is(e, fs.ErrNotExist) && !errors.Is(e, syscall.ENOTEMPTY) {
			err = errors.Join(err, e)
		}
	}
	return errors.Join(err, p.write(h.where, withoutStandIn(h.image.database(h.where))))
}

// apkMade is what apk makes in a root filesystem besides files of packages, each directory after what it has in it (apk-tools,
// src/database.c).
var apkMade = []string{apkWorld, "etc/apk/arch", "etc/apk", "lib/apk/db/lock", "usr/lib/apk/db/lock", "lib/apk/exec", "usr/lib/apk/exec",
	"var/log/apk.log", "var/log", "var/cache/misc", "var/cache/apk", "var/cache", "var", "dev/null", "dev/random", "dev/urandom", "dev/zero",
	"dev/console", "dev", "proc", "run", "tmp"}

// apkStandIn names the packages of a database, and describes a package that provides what they depend on and none of them provides.
func apkStandIn(database []byte) (names []string, stanza string) {
	have := map[string]bool{}
	var needed []string
	for line := range strings.Lines(string(database)) {
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		switch field {
		case "P":
			names = append(names, value)
			have[value] = true
		case "p":
			for _, word := range strings.Fields(value) {
				name, _ := apkCondition(word)
				have[name] = true
			}
		case "D":
			needed = append(needed, strings.Fields(value)...)
		}
	}
	var provides []string
	for _, word := range needed {
		name, version := apkCondition(word)
		if !have[name] && !strings.HasPrefix(name, "!") {
			have[name] = true
			provides = append(provides, name+"="+version)
		}
	}
	// The checksum is that of no package.
	return names, "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:" + absent + "\nV:0\nA:noarch\nS:0\nI:0\nT:none\nU:\nL:\np:" +
		strings.Join(provides, " ") + "\n\n"
}

// apkCondition splits a dependency, and gives a version that satisfies it (apk-world(5)).
func apkCondition(word string) (name, version string) {
	i := strings.IndexAny(word, "<>=~")
	if i < 0 {
		return word, "9999"
	}
	version = strings.TrimLeft(word[i:], "<>=~")
	switch operator := strings.TrimSuffix(word[i:], version); operator {
	case ">", ">=":
		version = "9999"
	case "<":
		version = "0"
	}
	return word[:i], version
}

// withoutStandIn is a database without the package that stands for what is missing.
func withoutStandIn(database []byte) []byte {
	stanzas := slices.DeleteFunc(strings.SplitAfter(string(database), "\n\n"), func(s string) bool {
		return strings.Contains("\n"+s, "\nP:"+absent+"\n")
	})
	return []byte(strings.Join(stanzas, ""))
}

// Installed implements Manager.
func (h *helperApk) Installed(ctx context.Context) (list []Installed, err error) {
	err = h.with(func() error {
		list, err = h.apk.Installed(ctx)
		return err
	})
	held := pinned(h.image)
	list = slices.DeleteFunc(list, func(pkg Installed) bool { return pkg.Name == absent })
	for i := range list {
		list[i].Held = held[list[i].Name]
	}
	return list, err
}

// Refresh implements Manager.
func (h *helperApk) Refresh(ctx context.Context) (list []Repository, err error) {
	err = h.with(func() error {
		list, err = h.apk.Refresh(ctx)
		return err
	})
	return list, err
}

// Offers implements Manager.
func (h *helperApk) Offers(ctx context.Context, of []Installed) (offers []Offer, err error) {
	err = h.with(func() error {
		offers, err = h.apk.Offers(ctx, of)
		return err
	})
	return offers, err
}

// Simulate implements Manager.
func (h *helperApk) Simulate(ctx context.Context, to []Package) (changes []Change, err error) {
	err = h.with(func() error {
		changes, err = h.apk.Simulate(ctx, to)
		return err
	})
	return changes, err
}

// Install implements Manager.
func (h *helperApk) Install(ctx context.Context, files []string) error {
	return h.with(func() error {
		args := []string{"--no-network", "--no-cache", "--no-scripts", "--repositories-file", "/dev/null", "add"}
		_, err := h.run(ctx, append(args, files...)...)
		return err
	})
}

// Leftovers implements Manager. What apk makes is removed after each call of it.
func (h *helperApk) Leftovers() Leftovers { return Leftovers{Source: h.apk.Leftovers().Source} }

package update

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/slimimage/slim/analyzer/printable"
)

// microdnf drives microdnf from 3.7.0 on, which has --assumeno and "download". It does not read advisories, and it prints a transaction as
// a table. microdnf 4, of Fedora, is dnf5 under another name.
type microdnf struct {
	rpm
	options []string // of every call
}

// findMicrodnf returns the driver of microdnf.
func findMicrodnf(t Target) Manager {
	if !t.hasRpm() || !t.has("usr/bin/microdnf") {
		return nil
	}
	return &microdnf{rpm: rpm{Target: t}}
}

// Name implements Manager.
func (m *microdnf) Name() string { return "microdnf" }

// run runs microdnf. Its settings of dnf.conf are those of libdnf; a repository's own can be set only by its name.
func (m *microdnf) run(ctx context.Context, args ...string) (string, error) {
	return m.Tool(ctx, nil, slices.Concat([]string{"microdnf", "--setopt=install_weak_deps=0"}, m.options, args)...)
}

// Installed implements Manager. The settings that hold a package are those of dnf.
func (m *microdnf) Installed(ctx context.Context) ([]Installed, error) {
	return m.installed(ctx, (&dnf{rpm: m.rpm}).locks())
}

// strict are options by which no repository is left out, and nothing unsigned is taken: libdnf only warns of a repository that it cannot
// read or verify if skip_if_unavailable is set.
func (m *microdnf) strict(ctx context.Context) (repositories, options []string, err error) {
	out, err := m.run(ctx, "repolist")
	if err != nil {
		return nil, nil, err
	}
	repositories = parseTable(out)
	for _, id := range repositories {
		options = append(options, "--setopt="+id+".skip_if_unavailable=0", "--setopt="+id+".gpgcheck=1")
	}
	return repositories, options, nil
}

// Explain implements Explainer.
func (m *microdnf) Explain(mode Mode) (string, error) {
	if mode != Security {
		return "", nil
	}
	return "", refuse("pass --update=fixable with --vuln-db, or --update=all", "microdnf cannot tell security updates from others")
}

// Refresh implements Manager.
func (m *microdnf) Refresh(ctx context.Context) ([]Repository, error) {
	names, options, err := m.strict(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	if _, err := m.run(ctx, append(options, "--refresh", "makecache")...); err != nil {
		return nil, err
	}
	list := make([]Repository, len(names))
	for i, name := range names {
		list[i].Name = name
	}
	return list, nil
}

// upgrade prints what an upgrade would change; of everything without a list.
func (m *microdnf) upgrade(ctx context.Context, to []Package) (microdnfTable, error) {
	_, options, err := m.strict(ctx)
	if err != nil {
		return microdnfTable{}, err
	}
	out, err := m.run(ctx, append(append(options, "--best", "--assumeno", "upgrade"), nevras(to)...)...)
	if err != nil {
		return microdnfTable{}, err
	}
	return parseMicrodnf(out)
}

// Offers implements Manager. They are the versions of an upgrade of everything, one of each package; microdnf compares versions only there.
func (m *microdnf) Offers(ctx context.Context, of []Installed) ([]Offer, error) {
	table, err := m.upgrade(ctx, nil)
	if err != nil {
		return nil, err
	}
	var offers []Offer
	for _, c := range table.changes {
		wanted := func(pkg Installed) bool { return pkg.same(c.Package()) && pkg.Version != c.After }
		if c.After != "" && !c.Lower && slices.ContainsFunc(of, wanted) {
			offers = append(offers, Offer{Package: c.Package(), From: Repository{Name: c.Repository}, Preferred: true})
		}
	}
	return offers, nil
}

// Simulate implements Manager.
func (m *microdnf) Simulate(ctx context.Context, to []Package) ([]Change, error) {
	table, err := m.upgrade(ctx, to)
	return table.changes, err
}

// microdnfTable is what a transaction changes.
type microdnfTable struct{ changes transaction }

// microdnfHeads are the heads of the parts of a transaction's table (microdnf, dnf/dnf-utils.c: dnf_utils_print_transaction).
var microdnfHeads = map[string]struct{ comes, lower bool }{
	"Installing:": {comes: true}, "Reinstalling:": {comes: true}, "Upgrading:": {comes: true}, "Downgrading:": {comes: true, lower: true},
	"Obsoleting:": {}, "Removing:": {},
}

// parseMicrodnf reads the table of a transaction: parts with a head, a package a line with its repository and size, below it those that it
// replaces.
func parseMicrodnf(out string) (microdnfTable, error) {
	var t microdnfTable
	head := ""
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		switch {
		case strings.HasPrefix(line, "Transaction Summary:"):
			return t, nil
		case len(fields) == 1 && line[0] != ' ':
			head = fields[0]
			if _, ok := microdnfHeads[head]; !ok {
				return t, fmt.Errorf("microdnf printed %s", printable.Short(line, maxLine))
			}
		case head == "" || len(fields) == 0:
		case fields[0] == "replacing" && len(fields) == 2:
			if err := t.add(fields[1], false, false); err != nil {
				return t, err
			}
		default:
			verb := microdnfHeads[head]
			if err := t.add(fields[0], verb.comes, verb.lower); err != nil {
				return t, err
			}
			if len(fields) > 1 && verb.comes {
				t.changes[len(t.changes)-1].Repository = fields[1]
			}
		}
	}
	if head == "" {
		return t, nil // "Nothing to do."
	}
	return t, errors.New("microdnf printed a transaction without its summary")
}

// add notes a line of the table.
func (t *microdnfTable) add(text string, comes, lower bool) error {
	pkg, ok := parseNevra(text)
	if !ok {
		return fmt.Errorf("microdnf printed %s", printable.Short(text, maxLine))
	}
	t.changes.add(pkg, comes, lower)
	return nil
}

// Download implements Manager. microdnf puts package files into its cache when it tests a transaction, and verifies them. Those of a
// repository that is a directory of the image would stay where they are: they count as not downloaded.
func (m *microdnf) Download(ctx context.Context, changes []Change, dir string) ([]string, error) {
	_, options, err := m.strict(ctx)
	if err != nil {
		return nil, err
	}
	cache := path.Join(dir, ".new")
	to := nevras(packagesOf(changes))
	args := append(slices.Clip(options), "-y", "--setopt=tsflags=test", "--setopt=keepcache=1", "--setopt=cachedir="+cache, "--best",
		"upgrade")
	if _, err := m.run(ctx, append(args, to...)...); err != nil {
		return nil, err
	}
	names, err := m.collect(ctx, changes, cache, dir)
	return names, errors.Join(err, os.RemoveAll(cache))
}

package update

import (
	"context"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixed is a Tool of which every program prints the same.
func fixed(out string) Tool {
	return func(context.Context, []string, ...string) (string, error) { return out, nil }
}

// fake is a package manager in memory.
type fake struct {
	installed  []Installed
	offers     []Offer
	changes    []Change
	repository Repository
	content    string
}

func (f *fake) Name() string                                         { return "fake" }
func (f *fake) Installed(context.Context) ([]Installed, error)       { return f.installed, nil }
func (f *fake) Refresh(context.Context) ([]Repository, error)        { return []Repository{f.repository}, nil }
func (f *fake) Offers(context.Context, []Installed) ([]Offer, error) { return f.offers, nil }
func (f *fake) Simulate(context.Context, []Package) ([]Change, error) {
	return append([]Change{}, f.changes...), nil
}
func (f *fake) Install(context.Context, []string) error { return nil }
func (f *fake) Leftovers() Leftovers                    { return Leftovers{} }
func (f *fake) Download(_ context.Context, changes []Change, dir string) ([]string, error) {
	var names []string
	for _, c := range changes {
		names = append(names, c.Name+".pkg")
		if err := os.WriteFile(path.Join(dir, c.Name+".pkg"), []byte(f.content), 0o644); err != nil {
			return nil, err
		}
	}
	return names, nil
}

var (
	security = Repository{"sec", true}
	ordinary = Repository{"main", false}
)

// world is an image with a library and a program, for both of which a security repository has a newer version.
func world() *fake {
	return &fake{
		installed: []Installed{{Package: Package{"lib", "x", "1"}}, {Package: Package{"prog", "x", "5"}}, {Package: Package{"other", "x",
			"7"}}},
		offers: []Offer{
			{Package{"lib", "x", "3"}, ordinary, true}, {Package{"lib", "x", "2"}, security, false}, {Package{"lib", "x", "3"}, security,
				true},
			{Package{"prog", "x", "6"}, ordinary, true},
		},
		changes:    []Change{{Name: "lib", Arch: "x", Before: "1", After: "3"}},
		repository: security, content: "new",
	}
}

const newSum = "sha256:11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437"

func TestFetch(t *testing.T) {
	lib := Change{Name: "lib", Arch: "x", Before: "1", After: "3", Repository: "sec", Asked: true, File: "lib.pkg", Checksum: newSum}
	for name, test := range map[string]struct {
		change func(*fake, *Request)
		want   []Change
		refuse string // of the failure
	}{
		"security":      {want: []Change{lib}},
		"nothing":       {change: func(f *fake, _ *Request) { f.offers = nil }},
		"only ordinary": {change: func(_ *fake, r *Request) { r.Wanted = []Package{{Name: "prog"}} }},
		"all": {change: func(f *fake, r *Request) {
			r.Mode, r.Wanted = All, []Package{{Name: "prog"}}
			f.changes = []Change{{Name: "prog", Arch: "x", Before: "5", After: "6"}}
		}, want: []Change{{Name: "prog", Arch: "x", Before: "5", After: "6", Repository: "main", Asked: true, File: "prog.pkg",
			Checksum: newSum}}},
		"sibling": {change: func(f *fake, _ *Request) {
			f.changes = append(f.changes, Change{Name: "other", Arch: "x", Before: "7", After: "8"})
		}, want: []Change{lib, {Name: "other", Arch: "x", Before: "7", After: "8", File: "other.pkg", Checksum: newSum}}},
		"new package": {change: func(f *fake, _ *Request) { f.changes = append(f.changes, Change{Name: "more", Arch: "x", After: "1"}) },
			refuse: "would install package more 1"},
		"removal": {change: func(f *fake, _ *Request) {
			f.changes = append(f.changes, Change{Name: "other", Arch: "x", Before: "7"})
		},
			refuse: "would remove package other 7"},
		"downgrade": {change: func(f *fake, _ *Request) { f.changes[0].Lower = true }, refuse: "would downgrade package lib from 1 to 3"},
		"held": {change: func(f *fake, _ *Request) { f.installed[0].Held = true },
			refuse: "package lib is held at 1; the repository has 3"},
		"held sibling": {change: func(f *fake, _ *Request) {
			f.installed[2].Held = true
			f.changes = append(f.changes, Change{Name: "other", Arch: "x", Before: "7", After: "8"})
		}, refuse: "would change package other, which is held at 7"},
		"broken": {change: func(f *fake, _ *Request) { f.installed[2].Broken = "half\x1b" },
			refuse: `package other is not installed as a whole: half\x1b`},
		"pinned": {change: func(f *fake, _ *Request) { f.offers = f.offers[1:2] },
			refuse: "keep package lib at 1; the repository has 2"},
		"kept back":   {change: func(f *fake, _ *Request) { f.changes = nil }, refuse: "fake would not update package lib to 3"},
		"no security": {change: func(f *fake, _ *Request) { f.repository = ordinary }, refuse: "none of the repositories of fake"},
		"locked":      {change: func(_ *fake, r *Request) { r.Wanted, r.Changes = nil, []Change{lib} }, want: []Change{lib}},
		"locked, gone": {change: func(_ *fake, r *Request) { r.Changes = []Change{{Name: "lib", Arch: "x", After: "2.5"}} },
			refuse: "the lock has lib 2.5; the repositories have 3, 2"},
		"locked, other file": {change: func(f *fake, r *Request) { f.content, r.Changes = "other", []Change{lib} },
			refuse: "the package file of lib 3 is " +
				"sha256:d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa, the lock has " + newSum},
		"locked, more": {change: func(f *fake, r *Request) {
			r.Changes = []Change{lib}
			f.changes = append(f.changes, Change{Name: "other", Arch: "x", Before: "7", After: "8"})
		}, refuse: "would change package other to 8, which the lock has not"},
	} {
		t.Run(name, func(t *testing.T) {
			f, req := world(), Request{Mode: Security, Wanted: []Package{{Name: "lib"}, {Name: "prog"}, {Name: "absent"}}}
			if test.change != nil {
				test.change(f, &req)
			}
			report, err := Fetch(t.Context(), f, req, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if failure := report.Failure; failure != nil || test.refuse != "" {
				if failure == nil || test.refuse == "" || !strings.Contains(failure.Reason, test.refuse) {
					t.Fatalf("Fetch = failure %+v, want %q", failure, test.refuse)
				}
				return
			}
			if diff := cmp.Diff(test.want, report.Changes); diff != "" {
				t.Errorf("Fetch: -want +got\n%s", diff)
			}
		})
	}
}

package report

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
)

// changesSince compares two builds: a row for each figure that differs.
func changesSince(last, now *builder.Result) [][]string {
	var rows [][]string
	add := func(name, was, is string) {
		if was != is {
			rows = append(rows, []string{name, was, is})
		}
	}
	add("Input", codeText(last.Image), codeText(now.Image))
	add("Size before", Bytes(last.Before().Bytes), Bytes(now.Before().Bytes))
	add("Size", Bytes(last.Plan.After.Bytes), Bytes(now.Plan.After.Bytes))
	add("Files", Count(last.Plan.After.Files), Count(now.Plan.After.Files))
	add("User", User(last.Plan.User), User(now.Plan.User))
	add("Check", checkMark(last), checkMark(now))
	for _, list := range comparedLists {
		if gone, added := difference(list.of(last), list.of(now)); len(gone)+len(added) > 0 {
			rows = append(rows, []string{list.name, Count(len(gone)) + " gone", Count(len(added)) + " new"})
		}
	}
	return rows
}

// comparedLists are the lists of a build in which entries come and go.
var comparedLists = []struct {
	name string
	of   func(*builder.Result) []string
}{{"Packages", packageVersions}, {"Paths", keptPaths}, {"System calls", allowedCalls}, {"Writable directories", writablePaths}}

// listsSince names the new and the missing entries, as items of a list.
func listsSince(last, now *builder.Result) []string {
	var items []string
	for _, list := range comparedLists {
		gone, added := difference(list.of(last), list.of(now))
		if len(added) > 0 {
			items = append(items, fmt.Sprintf("- %s, new: %s", list.name, codeList(added, maxSizes)))
		}
		if len(gone) > 0 {
			items = append(items, fmt.Sprintf("- %s, gone: %s", list.name, codeList(gone, maxSizes)))
		}
	}
	return items
}

// difference returns the entries that only one of the two lists has, sorted.
func difference(was, is []string) (gone, added []string) {
	only := func(list, other []string) []string {
		known := make(map[string]bool, len(other))
		for _, s := range other {
			known[s] = true
		}
		found := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return known[s] })
		slices.Sort(found)
		return slices.Compact(found)
	}
	return only(was, is), only(is, was)
}

// keptPaths are the kept paths but for directories, which only hold them.
func keptPaths(r *builder.Result) []string {
	var list []string
	for i := range r.Plan.Files {
		if f := &r.Plan.Files[i]; f.Kind != "dir" {
			list = append(list, f.Path.String())
		}
	}
	return list
}

func packageVersions(r *builder.Result) []string {
	return textsOf(r.Plan.Packages, func(p analyzer.Package) string { return p.Name + " " + p.Version })
}

func writablePaths(r *builder.Result) []string {
	if r.Profile == nil {
		return nil
	}
	return textsOf(r.Profile.Writable, func(w profile.Writable) string { return w.Path.String() })
}

// allowedCalls are the system calls of the filter.
func allowedCalls(r *builder.Result) []string {
	if r.Profile == nil {
		return nil
	}
	return profile.Allowed(*r.Profile)
}

func textsOf[T any](list []T, text func(T) string) []string {
	all := make([]string, len(list))
	for i, x := range list {
		all[i] = text(x)
	}
	return all
}

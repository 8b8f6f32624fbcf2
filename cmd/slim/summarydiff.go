package main

import (
	"fmt"
	"slices"

	"github.com/slimimage/slim/analyzer"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/profile"
	"github.com/slimimage/slim/cmd/slim/htmlreport"
)

// changesSince compares two builds: a row for each figure that is not the same.
func changesSince(last, now *builder.Result) [][]string {
	var rows [][]string
	add := func(name, was, is string) {
		if was != is {
			rows = append(rows, []string{name, was, is})
		}
	}
	add("Input", codeText(last.Image), codeText(now.Image))
	add("Size before", megabytes(last.Plan.Before.Bytes), megabytes(now.Plan.Before.Bytes))
	add("Size", megabytes(last.Plan.After.Bytes), megabytes(now.Plan.After.Bytes))
	add("Files", htmlreport.Count(last.Plan.After.Files), htmlreport.Count(now.Plan.After.Files))
	add("User", numericUser(last.Plan.User), numericUser(now.Plan.User))
	add("Check", checkLine(last), checkLine(now))
	for _, list := range comparedLists {
		if gone, come := difference(list.of(last), list.of(now)); len(gone)+len(come) > 0 {
			rows = append(rows, []string{list.name, htmlreport.Count(len(gone)) + " gone", htmlreport.Count(len(come)) + " new"})
		}
	}
	return rows
}

// comparedLists are what two builds may have and may not have.
var comparedLists = []struct {
	name string
	of   func(*builder.Result) []string
}{{"Packages", packageVersions}, {"Paths", keptPaths}, {"System calls", allowedCalls}, {"Writable directories", writablePaths}}

// listsSince names what came and went, as items of a list.
func listsSince(last, now *builder.Result) []string {
	var items []string
	for _, list := range comparedLists {
		gone, come := difference(list.of(last), list.of(now))
		if len(come) > 0 {
			items = append(items, fmt.Sprintf("- %s, new: %s", list.name, codeList(come, most)))
		}
		if len(gone) > 0 {
			items = append(items, fmt.Sprintf("- %s, gone: %s", list.name, codeList(gone, most)))
		}
	}
	return items
}

// difference is what only the one and only the other of two lists has, sorted.
func difference(was, is []string) (gone, come []string) {
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

// keptPaths are those of files; directories are a skeleton.
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

package main

import (
	"errors"

	fresh "github.com/slimimage/slim/analyzer/update"
	"github.com/slimimage/slim/builder"
	"github.com/slimimage/slim/builder/engine"
	"github.com/slimimage/slim/builder/lock"
)

// troubleshooting is the page that says more about errors, relative to the root of the repository.
const troubleshooting = "docs/troubleshooting.md"

// errorPages are the sections of that page, by what an error is. The first that matches counts.
var errorPages = []struct {
	is      func(error) bool
	section string
}{
	{isA[*builder.CheckError], "the-slim-image-does-not-do-what-the-original-does"},
	{isA[*builder.StrictError], "the-slim-image-does-not-run-under-its-own-profile"},
	{isA[*builder.ExerciseError], "the-image-only-started-a-shell"},
	{isA[*builder.DeadlineError], "the-run-did-not-end-in-time"},
	{isA[*builder.ObservationError], "the-image-did-not-run-as-it-should"},
	{isA[*builder.SlimmedError], "made-by-slim-already"},
	{isA[*builder.UnconnectedError], "the-run-steps-had-no-network"},
	{isA[*fresh.Error], "the-image-cannot-be-updated"},
	{isA[*builder.UpdateError], "the-update-changes-what-the-image-answers"},
	{isA[*lock.Error], "the-lock-does-not-match"},
	{func(err error) bool { return errors.Is(err, engine.ErrNoDocker) }, "no-docker-engine-answers"},
}

func isA[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// pageOf is the section of the documentation about an error, "" where there is none.
func pageOf(err error) string {
	for _, page := range errorPages {
		if page.is(err) {
			return troubleshooting + "#" + page.section
		}
	}
	return ""
}

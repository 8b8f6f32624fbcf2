// Command program calls a few functions, one of which the compiler inlines.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

type pair[T any] struct{ a, b T }

//go:noinline
func (p *pair[T]) swap() { p.a, p.b = p.b, p.a }

func main() {
	p := &pair[string]{"v1.0.0", "x"}
	p.swap()
	words := strings.Fields(strings.Join(os.Args, " "))
	slices.SortFunc(words, strings.Compare)
	func() {
		defer fmt.Println(p.a, words)
	}()
	fmt.Println(semver.IsValid(p.b))
}

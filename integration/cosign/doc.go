// Package cosign holds what slim signs against cosign itself: its libraries of versions 2 and 3, which are also what DevGuard,
// policy-controller and Kyverno link. They pull in some five hundred modules, so this is a module of its own: `make cosign` runs it,
// and slim's own go.mod knows nothing of it.
package cosign

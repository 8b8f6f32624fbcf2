package engine

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slimimage/slim/builder/statedir"
)

// The same work is done by one build at a time, other work beside it.
func TestAlone(t *testing.T) {
	t.Setenv(statedir.EnvVar, t.TempDir())
	first, err := Alone(t.Context(), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := Alone(t.Context(), []byte("b"))
	if err != nil {
		t.Fatal(err)
	}
	other()
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Alone(short, []byte("a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Alone() beside the same work = %v, want that it waits", err)
	}
	first()
	again, err := Alone(t.Context(), []byte("a"))
	if err != nil {
		t.Fatalf("Alone() after the same work = %v", err)
	}
	again()
}

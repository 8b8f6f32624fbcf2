//go:build frontend

package engine

import (
	"context"
	"errors"
)

// embedded is left out of the frontend, which runs inside a BuildKit: without its own BuildKit the program has a third of the size.
func embedded(context.Context, Options) (*Engine, error) {
	return nil, errors.New("this program has no embedded BuildKit")
}

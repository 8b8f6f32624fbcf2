//go:build frontend

package engine

import (
	"context"
	"errors"
)

// errNoEmbedded is the error of the frontend, which runs inside a BuildKit: without one of its own the program is a third of the size.
var errNoEmbedded = errors.New("this program has no embedded BuildKit")

func embedded(context.Context, Options) (*Engine, error) {
	return nil, errNoEmbedded
}

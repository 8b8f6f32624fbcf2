//go:build frontend

package engine

import (
	"context"
	"errors"
)

// embedded is not part of the frontend, which runs inside a BuildKit: without an embedded BuildKit the program is a third of the size.
func embedded(context.Context, Options) (*Engine, error) {
	return nil, errors.New("this program has no embedded BuildKit")
}

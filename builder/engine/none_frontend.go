//go:build frontend

package engine

import (
	"context"
	"errors"
)

// embedded is left out of the frontend: it runs inside a BuildKit, and is a third of the size without one of its own.
func embedded(context.Context, Options) (*Engine, error) {
	return nil, errors.New("this program carries no BuildKit")
}

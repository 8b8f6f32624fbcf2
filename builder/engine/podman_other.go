//go:build !linux

package engine

import (
	"context"
	"fmt"
)

// service is empty: outside of Linux, podman runs in a virtual machine, and CONTAINER_HOST names its API.
var service podmanService

type podmanService struct{}

func (podmanService) start(context.Context) (string, error) {
	return "", fmt.Errorf("%w, and %s names no podman", ErrNoDocker, podmanVar)
}

// CloseStores ends the podman that this process has started.
func CloseStores() {}

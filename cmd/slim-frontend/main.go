// Command slim-frontend is slim as a frontend for BuildKit: the first line of a Dockerfile, # syntax=IMAGE, or --build-arg
// BUILDKIT_SYNTAX=IMAGE, makes an unchanged Dockerfile a slim image in one build. cmd/slim-frontend/mkimage makes its image.
package main

import (
	"fmt"
	"os"

	"github.com/moby/buildkit/frontend/gateway/grpcclient"
	"github.com/moby/buildkit/util/appcontext"
	_ "github.com/moby/buildkit/util/grpcutil/encoding/proto" // the encoding of BuildKit's messages

	"github.com/slimimage/slim/builder"
)

func main() {
	if err := grpcclient.RunFromEnvironment(appcontext.Context(), builder.Frontend); err != nil {
		fmt.Fprintln(os.Stderr, "slim-frontend:", err) // the client has it from BuildKit
		os.Exit(1)
	}
}

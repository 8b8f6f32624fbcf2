#!/bin/sh
# Compiles bin/hello into the current folder, and a copy that nobody runs.
set -e
CGO_ENABLED=0 GO111MODULE=off go build -trimpath -o bin/hello main.go
cp bin/hello bin/unused

package main

import (
	"context"
	"errors"
)

// observe runs the job of --job and writes its evidence to --out.
func observe(ctx context.Context, args []string) error { return errors.New("not built yet") }

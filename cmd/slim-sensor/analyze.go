package main

import (
	"context"
	"errors"
)

// analyze reads --in/request.json and --in/evidence-N.json and the image at --src, and writes --out/plan.json.
func analyze(ctx context.Context, args []string) error { return errors.New("not built yet") }

package main

import (
	"context"
	"errors"
)

// pack copies layer --layer of the plan --plan from --src into --out.
func pack(ctx context.Context, args []string) error { return errors.New("not built yet") }

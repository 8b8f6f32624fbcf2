package main

import (
	"runtime"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/slimimage/slim/builder/engine"
)

// The default platform is the engine's, not the client's.
func TestEnginePlatform(t *testing.T) {
	own := ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH}
	for _, test := range []struct {
		engine *engine.Engine
		want   string
	}{
		{nil, ""},
		{&engine.Engine{}, ""},
		{&engine.Engine{Platforms: []ocispecs.Platform{own, {OS: "linux", Architecture: "riscv64"}}}, ""},
		{&engine.Engine{Platforms: []ocispecs.Platform{{OS: "linux", Architecture: "riscv64"}, own}}, "linux/riscv64"},
	} {
		if got := (&work{engine: test.engine}).platform(); got != test.want {
			t.Errorf("platform() with %+v = %q, want %q", test.engine, got, test.want)
		}
	}
}

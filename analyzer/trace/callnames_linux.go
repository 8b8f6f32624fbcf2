package trace

import (
	"runtime"

	"github.com/slimimage/slim/analyzer/rules"
)

// callNames are all calls of this architecture, for the set of calls a program makes.
var callNames = func() map[uint32]string {
	names := map[uint32]string{}
	for number, name := range rules.CallNames(runtime.GOARCH) {
		names[uint32(number)] = name
	}
	return names
}()

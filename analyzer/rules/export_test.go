package rules

import (
	"maps"
	"slices"
)

// FunctionNames are the functions of the table.
func FunctionNames() []string { return slices.Sorted(maps.Keys(functions)) }

package rules

import (
	"slices"
	"strings"
)

// pythonBuildTools are distributions that build, install, test or document others. Libraries import them in code that only their
// makers run; an application that imports one itself keeps it. Source: PyPA tool recommendations, and each project's own description.
var pythonBuildTools = []string{
	"Cython", "IPython", "_distutils_hack", "_pytest", "coverage", "distutils", "docutils", "flit_core", "hypothesis", "mypy", "nose",
	"numpydoc", "pip",
	"pkg_resources", "py", "pyproject_hooks", "pytest", "setuptools", "sphinx", "tox", "wheel",
}

// PythonBuildTool says whether a dotted module name belongs to a tool that is for building or testing.
func PythonBuildTool(module string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.Contains(pythonBuildTools, top)
}

// PythonOptional says whether a dotted module name belongs to a part of the standard library that the rule python.stdlib leaves out
// and that an application may import all the same.
func PythonOptional(module string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.Contains([]string{"ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter", "turtledemo"}, top)
}

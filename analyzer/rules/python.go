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
	"py", "pyproject_hooks", "pytest", "setuptools", "sphinx", "tox", "wheel",
}

// PythonBuildTool says whether a dotted module name belongs to a tool that is for building or testing.
func PythonBuildTool(module string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.Contains(pythonBuildTools, top)
}

// pythonBuildGroups are groups of entry points that tools for building, testing and documenting ask for, and that of programs.
var pythonBuildGroups = []string{
	"console_scripts", "gui_scripts", "distutils.commands", "distutils.setup_keywords", "egg_info.writers",
	"setuptools.finalize_distribution_options",
	"setuptools.file_finders", "pytest11", "babel.extractors", "babel.checkers", "sphinx.html_themes", "sphinx.builders", "numpy_config",
	"pip.command", "nose.plugins", "nose.plugins.0.10", "hypothesis", "flake8.extension",
}

// PythonBuildGroup says whether a group of entry points advertises to the system's menus or to tools that are for building or testing.
func PythonBuildGroup(group string) bool { return slices.Contains(pythonBuildGroups, group) }

// PythonOptional says whether a dotted module name belongs to a part of the standard library that the rule python.stdlib leaves out
// and that an application may import all the same.
func PythonOptional(module string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.Contains([]string{"idlelib", "turtledemo"}, top)
}

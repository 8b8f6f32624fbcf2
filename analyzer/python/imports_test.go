package python

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestImports(t *testing.T) {
	src := `
"""import docstring"""
import os, sys as system
import a.b.c  # import comment
from x import (y,
    z as w)
from . import sibling
from ..up import thing
from m import *
def f():
    import late; import later
    if True: import inline
    mod = importlib.import_module("dyn." + name)
    other = __import__('old')
    s = "import text"
t = f"import {x}"
try: from q \
    import r
except ImportError: pass
`
	want := []string{".", "..up", "..up.thing", ".sibling", "a.b.c", "dyn", "inline", "late", "later", "m", "old", "os", "q", "q.r", "sys",
		"x", "x.y", "x.z"}
	if diff := cmp.Diff(want, Imports([]byte(src))); diff != "" {
		t.Errorf("Imports (-want +got):\n%s", diff)
	}
}

func FuzzImports(f *testing.F) {
	f.Add([]byte("import a\nfrom b import ('''c'''"))
	f.Fuzz(func(t *testing.T, src []byte) { Imports(src) })
}

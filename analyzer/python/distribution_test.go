package python

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRequires(t *testing.T) {
	for _, test := range []struct {
		data string
		want []string
	}{
		{"Metadata-Version: 2.1\nName: a\nRequires-Dist: Foo_Bar.baz (>=1) ; python_version > '3'\nRequires-Dist: x ; extra == 'dev'\n" +
			"Requires-Dist: y[z]>=2\n\nRequires-Dist: text\nword\n", []string{"foo-bar-baz", "y"}},
		{"# comment\nclick>=8.0\nJinja2>=3.0\n\n[async]\nasgiref>=3.2\n", []string{"click", "jinja2"}},
		{"", nil},
	} {
		if diff := cmp.Diff(test.want, Requires([]byte(test.data))); diff != "" {
			t.Errorf("Requires(%q) (-want +got):\n%s", test.data, diff)
		}
	}
}

func TestEntryPoints(t *testing.T) {
	got := EntryPoints([]byte("[console_scripts]\nrun = a.cli:main\n\n[ a.plugins ]\nx = a.b:C\ny=a.c [extra]\nno value\n"))
	want := map[string][]string{"console_scripts": {"a.cli"}, "a.plugins": {"a.b", "a.c"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("EntryPoints (-want +got):\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	src := `
INSTALLED_APPS = [
    "django.contrib.admin", 'rest_framework',
]
MIDDLEWARE = ["a.b.C", "x y.z", "plain"]
app = "pkg.mod:factory"
key = d["requests"]
`
	want := []string{"a.b.C", "django.contrib.admin", "pkg.mod", "rest_framework"}
	if diff := cmp.Diff(want, Names([]byte(src))); diff != "" {
		t.Errorf("Names (-want +got):\n%s", diff)
	}
}

func TestArchived(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range map[string]string{"__main__.py": "import a\n", "data.txt": "x"} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write([]byte(text))
	}
	w.Close()
	for _, start := range []string{"", "#!/usr/bin/env python3\n"} {
		got := Archived(append([]byte(start), b.Bytes()...))
		if diff := cmp.Diff([][]byte{[]byte("import a\n")}, got); diff != "" {
			t.Errorf("Archived after %q (-want +got):\n%s", start, diff)
		}
	}
	if got := Archived([]byte("import a\n")); got != nil {
		t.Errorf("Archived of a source = %q, want nil", got)
	}
}

func FuzzDistribution(f *testing.F) {
	f.Add([]byte("PK\x03\x04[a]\nb = c.d:e\nRequires-Dist: x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		Requires(data)
		EntryPoints(data)
		Names(data)
		Archived(data)
	})
}

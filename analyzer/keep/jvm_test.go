package keep

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassPath(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("META-INF/MANIFEST.MF")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("Manifest-Version: 1.0\r\nClass-Path: a.jar lib/lo\r\n ng.jar /usr/share/java/c.jar\r\nMain-Class: x\r\n"))
	w.Close()
	if diff := cmp.Diff([]string{"a.jar", "lib/long.jar", "/usr/share/java/c.jar"}, classPath(b.Bytes())); diff != "" {
		t.Errorf("classPath (-want +got):\n%s", diff)
	}
	if got := classPath([]byte("PK")); got != nil {
		t.Errorf("classPath of no archive = %v, want none", got)
	}
}

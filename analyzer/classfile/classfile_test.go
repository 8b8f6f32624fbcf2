package classfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// class is a class file with these constants; a string is Utf8, an int the index of a String, a rune that of a Class.
func class(constants ...any) []byte {
	b := binary.BigEndian.AppendUint32(nil, magic)
	b = append(b, 0, 0, 0, 61)
	b = binary.BigEndian.AppendUint16(b, uint16(len(constants)+1))
	for _, c := range constants {
		switch c := c.(type) {
		case string:
			b = append(binary.BigEndian.AppendUint16(append(b, tagUtf8), uint16(len(c))), c...)
		case int:
			b = binary.BigEndian.AppendUint16(append(b, tagString), uint16(c))
		case rune:
			b = binary.BigEndian.AppendUint16(append(b, tagClass), uint16(c))
		}
	}
	return b
}

func TestClass(t *testing.T) {
	for _, test := range []struct {
		name string
		data []byte
		want Constants
	}{
		{"a literal", class("git", "descriptor", 1), Constants{Strings: []string{"git"}}},
		{"a class that starts programs", class("java/lang/ProcessBuilder", 'a'-96), Constants{Spawns: true}},
		{"another class", class("java/lang/Object", rune(1)), Constants{}},
		{"an index beyond the table", class("x", 900), Constants{}},
	} {
		got, err := Class(test.data)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("Class(%s), %v (-want +got):\n%s", test.name, err, diff)
		}
	}
	whole := class("git", 1)
	for size := range whole {
		if _, err := Class(whole[:size]); err == nil {
			t.Errorf("Class of the first %d of %d bytes = no error", size, len(whole))
		}
	}
}

func TestArchive(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, data := range map[string][]byte{"A.class": class("git", 1), "b/B.class": class("java/lang/Runtime", rune(1), "git", 3),
		"broken.class": []byte("x"), "text.txt": class("no", 1)} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		f.Write(data)
	}
	w.Close()
	got, err := Archive(b.Bytes())
	if diff := cmp.Diff(Constants{Strings: []string{"git"}, Spawns: true}, got); diff != "" || err != nil {
		t.Errorf("Archive, %v (-want +got):\n%s", err, diff)
	}
}

func FuzzClass(f *testing.F) {
	f.Add(class("git", 1, "java/lang/Runtime", rune(3)))
	f.Fuzz(func(_ *testing.T, data []byte) { Class(data) })
}

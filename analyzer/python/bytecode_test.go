package python

import (
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// pyc is the header of bytecode by Python 3.11.
func pyc(flags uint32, rest ...byte) []byte {
	data := binary.LittleEndian.AppendUint32([]byte{0xa7, 0x0d, '\r', '\n'}, flags)
	return append(append(data, rest...), make([]byte, 8-len(rest))...)
}

func TestBytecode(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, test := range []struct {
		name    string
		header  []byte
		content string
		want    bool
	}{
		{"same time and size", pyc(0, 1, 0, 0, 0, 2, 0, 0, 0), "", true},
		{"another time", pyc(0, 2, 0, 0, 0, 2, 0, 0, 0), "", false},
		{"another size", pyc(0, 1, 0, 0, 0, 3, 0, 0, 0), "", false},
		{"unchecked hash", pyc(1, 9), "anything", true},
		{"hash of no bytes", pyc(3, unhex("738d9cd5d5e87f73")...), "", true}, // importlib.util.source_hash of Python 3.11
		{"hash of a line", pyc(3, unhex("bf452971496c7b11")...), "import os\n", true},
		{"hash of two blocks", pyc(3, unhex("c0124f1e9840af3a")...), "0123456789abcdef", true},
		{"hash of another source", pyc(3, unhex("bf452971496c7b11")...), "import sys\n", false},
	} {
		b, ok := ReadBytecode(test.header)
		if !ok {
			t.Fatalf("%s: ReadBytecode is false", test.name)
		}
		if got := b.Matches(1, 2, []byte(test.content)); got != test.want {
			t.Errorf("%s: Matches = %v, want %v", test.name, got, test.want)
		}
	}
	for _, bad := range [][]byte{nil, pyc(0)[:15], pyc(4), []byte("import os, sys, re")} {
		if _, ok := ReadBytecode(bad); ok {
			t.Errorf("ReadBytecode(%q) = true, want false", bad)
		}
	}
}

func FuzzBytecode(f *testing.F) {
	f.Add(pyc(3, 1), []byte("x"))
	f.Fuzz(func(t *testing.T, header, content []byte) {
		if b, ok := ReadBytecode(header); ok {
			b.Matches(1, 2, content)
		}
	})
}

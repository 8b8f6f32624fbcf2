package elf_test

import (
	"encoding/binary"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slimimage/slim/analyzer/elf"
	"github.com/slimimage/slim/analyzer/elf/elftest"
)

// newCache makes an ld.so.cache in the current format of names and paths in turn; a path ending in "!" is for some CPUs only.
func newCache(pairs ...string) []byte {
	le := binary.LittleEndian
	data := append([]byte("glibc-ld.so.cache1.1"), make([]byte, 28)...)
	le.PutUint32(data[20:], uint32(len(pairs)/2))
	data[28] = 2
	strings := []byte{}
	base := 48 + 24*len(pairs)/2
	add := func(s string) uint32 {
		at := base + len(strings)
		strings = append(append(strings, s...), 0)
		return uint32(at)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		where, hwcap := pairs[i+1], uint64(0)
		if where[len(where)-1] == '!' {
			where, hwcap = where[:len(where)-1], 1<<62
		}
		data = le.AppendUint32(data, 0x303)
		data = le.AppendUint32(data, add(pairs[i]))
		data = le.AppendUint32(data, add(where))
		data = le.AppendUint32(data, 0)
		data = le.AppendUint64(data, hwcap)
	}
	return append(data, strings...)
}

// oldCache makes the format before 2000.
func oldCache(pairs ...string) []byte {
	le := binary.LittleEndian
	data := append([]byte("ld.so-1.7.0\x00"), make([]byte, 4)...)
	le.PutUint32(data[12:], uint32(len(pairs)/2))
	var strings []byte
	for i := 0; i+1 < len(pairs); i += 2 {
		data = le.AppendUint32(data, 3)
		data = le.AppendUint32(data, uint32(len(strings)))
		strings = append(append(strings, pairs[i]...), 0)
		data = le.AppendUint32(data, uint32(len(strings)))
		strings = append(append(strings, pairs[i+1]...), 0)
	}
	return append(data, strings...)
}

func TestCacheFormats(t *testing.T) {
	pairs := []string{"libx.so.1", "/v3/libx.so.1!", "libx.so.1", "/lib32/libx.so.1", "libx.so.1", "/plain/libx.so.1"}
	both := append(oldCache("libx.so.1", "/none/libx.so.1"), make([]byte, 4)...)
	tests := map[string]struct {
		cache []byte
		want  []string
	}{
		"new":          {newCache(pairs...), []string{"v3/libx.so.1", "plain/libx.so.1"}},
		"old":          {oldCache("libx.so.1", "/plain/libx.so.1"), []string{"plain/libx.so.1"}},
		"old with new": {append(both, newCache(pairs...)...), []string{"v3/libx.so.1", "plain/libx.so.1"}},
		"cut":          {newCache(pairs...)[:60], nil},
		"garbage":      {[]byte("glibc-ld.so.cache1.1 and nothing of use behind it, whatever it is"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := elf.NewResolver(tree(map[string]string{
				"etc/ld.so.cache": string(test.cache), "prog": string(elftest.Program()),
				"v3/libx.so.1": lib, "plain/libx.so.1": lib, "lib32/libx.so.1": "no library",
			}), elf.Env{})
			prog, err := r.Open("prog", nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, found(r.Lookup("libx.so.1", prog))); diff != "" {
				t.Errorf("Lookup (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzCache(f *testing.F) {
	f.Add(newCache("libx.so.1", "/lib/libx.so.1"))
	f.Add(oldCache("libx.so.1", "/lib/libx.so.1"))
	f.Add(append(oldCache("libx.so.1", "/lib/libx.so.1"), newCache("libx.so.1", "/a!")...))
	prog := string(elftest.Program())
	f.Fuzz(func(t *testing.T, data []byte) {
		root := fstest.MapFS(tree(map[string]string{"prog": prog, "lib/libx.so.1": lib}))
		root["etc/ld.so.cache"] = &fstest.MapFile{Data: data}
		r := elf.NewResolver(root, elf.Env{})
		obj, err := r.Open("prog", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Lookup("libx.so.1", obj); len(got) == 0 {
			t.Fatalf("Lookup = nothing: the default directory has it")
		}
	})
}

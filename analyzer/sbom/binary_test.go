package sbom_test

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slimimage/slim/analyzer/sbom"
	"github.com/slimimage/slim/layers"
)

// parse lists the files of a txtar archive.
func parse(archive string) []txtar.File { return txtar.Parse([]byte(archive)).Files }

// files makes a root of paths and their bytes, and of a txtar archive, which cannot have all bytes.
func files(t testing.TB, content map[string][]byte, archive string) layers.RootFS {
	t.Helper()
	_, root := writeFiles(t, content, archive)
	return root
}

// writeFiles is files, with the directory.
func writeFiles(t testing.TB, content map[string][]byte, archive string) (string, layers.RootFS) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	all := maps.Clone(content)
	for _, f := range parse(archive) {
		all[f.Name] = f.Data
	}
	for name, data := range all {
		if err := errors.Join(root.MkdirAll(path.Dir(name), 0o755), root.WriteFile(name, data, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	return dir, layers.DirFS(root)
}

// jar makes an archive of names and texts, in order.
func jar(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pom(group, artifact, version string) string {
	return "#Generated\ngroupId=" + group + "\r\nartifactId=" + artifact + "\nversion=" + version + "\n"
}

// javaTree has a jar of Maven, one without, a war with a jar inside and one two levels deep, and files that are none.
func javaTree(t testing.TB) map[string][]byte {
	inner := jar(t, "META-INF/maven/org.inner/inner/pom.properties", pom("org.inner", "inner", "3.1"), "x/deep.jar",
		string(jar(t, "META-INF/maven/a/deep/pom.properties", pom("a", "deep", "1"))))
	return map[string][]byte{
		"app/lib/core-1.2.jar": jar(t, "META-INF/MANIFEST.MF",
			"Manifest-Version: 1.0\r\nBundle-License: https://www.apache.org/licenses/LI\r\n CENSE-2.0.txt\r\nImplementation-Vendor: Example "+
				"Org\r\n\r\nName: x\r\n",
			"META-INF/maven/org.example/core/pom.properties", pom("org.example", "core", "1.2"), "META-INF/maven/org.shaded/util/pom.properties",
			pom("org.shaded", "util", "0.9")),
		"app/lib/plain-2.0.1.jar": jar(t, "META-INF/MANIFEST.MF",
			"Bundle-SymbolicName: com.example.plain;singleton:=true\nImplementation-Version: 9\n"),
		"app/web.war": jar(t, "META-INF/MANIFEST.MF", "Implementation-Version: 5.0\nImplementation-Vendor-Id: com.web\n",
			"WEB-INF/lib/inner-3.1.jar", string(inner), "WEB-INF/lib/text.jar", "no archive"),
		"app/nothing.jar":    jar(t, "a.class", ""),
		"app/broken.jar":     []byte("PK\x03\x04 broken"),
		"app/template-1.jar": jar(t, "META-INF/maven/a/b/pom.properties", pom("a", "b", "${project.version}")),
	}
}

func TestReadJava(t *testing.T) {
	doc := read(t, files(t, javaTree(t), ""), sbom.Options{})
	want := []string{
		"pkg:maven/com.example/plain@2.0.1",
		"pkg:maven/com.web/web@5.0 +inner",
		"pkg:maven/org.example/core@1.2 [Apache-2.0] by Example Org",
		"pkg:maven/org.inner/inner@3.1",
		"pkg:maven/org.shaded/util@0.9",
		"pkg:maven/template/template@1",
	}
	if diff := cmp.Diff(want, lines(doc)); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
	wantOwned := []string{"/app/lib/core-1.2.jar maven/org.example/core", "/app/lib/plain-2.0.1.jar maven/com.example/plain",
		"/app/template-1.jar maven/template/template", "/app/web.war maven/com.web/web"}
	if diff := cmp.Diff(wantOwned, owned(doc)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	doubts := []string{`"app/broken.jar" cannot be read: zip: not a valid zip file`,
		`"app/web.war" cannot be read: "WEB-INF/lib/text.jar" in it: zip: not a valid zip file`}
	if diff := cmp.Diff(doubts, doc.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// elfWith is a 64-bit ELF file with one section of its own, mapped at its offset in the file.
func elfWith(section string, content []byte) []byte {
	const header, program = 64, 56
	names := "\x00.shstrtab\x00" + section + "\x00"
	names += strings.Repeat("\x00", 16-(header+program+len(names))%16) // Go aligns its build information
	at := uint64(header + program + len(names))
	head := elf.Header64{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Ehsize: header, Phentsize: program, Phnum: 1, Phoff: header,
		Shentsize: 64, Shnum: 3, Shstrndx: 1, Shoff: at + uint64(len(content)),
	}
	copy(head.Ident[:], "\x7fELF\x02\x01\x01")
	var b bytes.Buffer
	for _, part := range []any{
		head, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Filesz: head.Shoff, Memsz: head.Shoff},
		[]byte(names), content, elf.Section64{},
		elf.Section64{Name: 1, Type: uint32(elf.SHT_STRTAB), Off: header + program, Size: uint64(len(names)), Addralign: 1},
		elf.Section64{Name: 11, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC), Addr: at, Off: at, Size: uint64(len(content)),
			Addralign: 16},
	} {
		binary.Write(&b, binary.LittleEndian, part)
	}
	return b.Bytes()
}

// goProgram is an ELF file with build information as Go's linker writes it (debug/buildinfo: magic, flag 2 for strings in place,
// at 32 the version and the modules between two marks of 16 bytes).
func goProgram(modules string) []byte {
	info := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	for _, text := range []string{"go1.22.1 X:boringcrypto", strings.Repeat("<", 16) + modules + strings.Repeat(">", 16)} {
		info = append(binary.AppendUvarint(info, uint64(len(text))), text...)
	}
	return elfWith(".go.buildinfo", info)
}

const modules = "path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv1.2.3\th1:x=\n" +
	"dep\tgithub.com/BurntSushi/toml\tv1.3.2\th1:x=\n" +
	"dep\texample.org/old\tv0.1.0\n=>\texample.org/new\tv0.2.0\th1:x=\n" +
	"dep\texample.org/local\tv0.3.0\n=>\t./local\t\t\n"

func compress(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

const audit = `{"packages": [
 {"name": "app", "version": "0.1.0", "source": "local", "root": true, "dependencies": [1, 2, 99]},
 {"name": "serde", "version": "1.0.200", "source": "crates.io"},
 {"name": "cc", "version": "1.0.9", "source": "crates.io", "kind": "build"},
 {"name": "lone"}]}`

func TestReadNative(t *testing.T) {
	test, err := os.Executable() // this test itself is a Go program
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(test)
	if err != nil {
		t.Fatal(err)
	}
	root := files(t, map[string][]byte{
		"usr/bin/gotest":   program,
		"usr/bin/gotool":   goProgram(modules),
		"usr/bin/gobad":    goProgram("=>\tx\n"),
		"usr/bin/rusttool": elfWith(".dep-v0", compress(audit)),
		"usr/bin/bad":      elfWith(".dep-v0", []byte("no zlib")),
		"usr/bin/plain":    elfWith(".other", []byte("x")),
		"usr/bin/cut":      []byte("\x7fELF\x02\x01\x01"),
		"usr/bin/script":   []byte("#!/bin/sh\n"),
	}, "")
	for name, opt := range map[string]sbom.Options{"opened": {}, "streamed": {Contents: stream(root)}} {
		t.Run(name, func(t *testing.T) {
			doc := read(t, root, opt)
			want := []string{
				"pkg:cargo/app@0.1.0 +serde",
				"pkg:cargo/serde@1.0.200",
				"pkg:golang/example.org/local@v0.3.0",
				"pkg:golang/example.org/new@v0.2.0",
				"pkg:golang/example.org/tool@v1.2.3 +example.org/local +example.org/new +github.com/BurntSushi/toml +stdlib",
				"pkg:golang/github.com/burntsushi/toml@v1.3.2",
				"pkg:golang/github.com/slimimage/slim +stdlib",
				"pkg:golang/stdlib@1.22.1",
				"pkg:golang/stdlib@" + strings.TrimPrefix(runtime.Version(), "go"),
			}
			if diff := cmp.Diff(want, lines(doc)); diff != "" {
				t.Errorf("packages (-want +got):\n%s", diff)
			}
			var rest []string
			for _, f := range doc.Unowned() {
				rest = append(rest, f.Path.String())
			}
			if diff := cmp.Diff([]string{"/usr/bin/bad", "/usr/bin/cut", "/usr/bin/gobad", "/usr/bin/plain"}, rest); diff != "" {
				t.Errorf("Unowned (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{`"usr/bin/bad" cannot be read: zlib: invalid header`}, doc.Warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

// Package classfile reads the constants of Java class files (The Java Virtual Machine Specification, 4.4), alone or in an archive.
package classfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
)

// Bounds of what is read of an archive.
const (
	maxClass   = 4 << 20   // bytes of one class
	maxTotal   = 256 << 20 // bytes of all classes
	maxClasses = 50_000
	maxStrings = 200_000
)

var errMalformed = errors.New("not a class file")

// Constants are what class files say of the programs that they start.
type Constants struct {
	Strings []string // string literals, sorted
	Spawns  bool     // a class names java.lang.ProcessBuilder or java.lang.Runtime
}

// spawners are the classes that start programs (Java SE API, java.lang), as class files name them.
var spawners = []string{"java/lang/ProcessBuilder", "java/lang/Runtime"}

// Tags of constants, and how many bytes follow each (JVMS table 4.4-A). Utf8 has a length of its own; Long and Double take two indexes.
const (
	tagUtf8, tagLong, tagDouble, tagClass, tagString = 1, 5, 6, 7, 8
	magic                                            = 0xCAFEBABE
)

var sizes = map[byte]int{3: 4, 4: 4, tagLong: 8, tagDouble: 8, tagClass: 2, tagString: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4,
	18: 4, 19: 2, 20: 2}

// Class reads one class file.
func Class(data []byte) (Constants, error) {
	if len(data) < 10 || binary.BigEndian.Uint32(data) != magic {
		return Constants{}, errMalformed
	}
	count, rest := int(binary.BigEndian.Uint16(data[8:])), data[10:]
	texts, classes, literals := make([]string, count), []int{}, []int{}
	for i := 1; i < count; i++ {
		if len(rest) < 3 {
			return Constants{}, errMalformed
		}
		tag, size := rest[0], sizes[rest[0]]
		if tag == tagUtf8 {
			size = 2 + int(binary.BigEndian.Uint16(rest[1:]))
		}
		if size == 0 || len(rest) < 1+size {
			return Constants{}, errMalformed
		}
		switch tag {
		case tagUtf8:
			texts[i] = string(rest[3 : 1+size])
		case tagClass:
			classes = append(classes, int(binary.BigEndian.Uint16(rest[1:])))
		case tagString:
			literals = append(literals, int(binary.BigEndian.Uint16(rest[1:])))
		case tagLong, tagDouble:
			i++
		}
		rest = rest[1+size:]
	}
	return resolve(texts, classes, literals), nil
}

// resolve looks up the texts that classes and string literals refer to.
func resolve(texts []string, classes, literals []int) Constants {
	var c Constants
	for _, i := range literals {
		if i < len(texts) && texts[i] != "" {
			c.Strings = append(c.Strings, texts[i])
		}
	}
	c.Spawns = slices.ContainsFunc(classes, func(i int) bool { return i < len(texts) && slices.Contains(spawners, texts[i]) })
	return c
}

// Archive reads the classes of a JAR or WAR file. Those that cannot be read, and those beyond the bounds, are left out.
func Archive(data []byte) (Constants, error) {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Constants{}, err
	}
	found, all, left := map[string]bool{}, Constants{}, int64(maxTotal)
	for i, file := range r.File {
		if i == maxClasses || left <= 0 {
			break
		}
		if !strings.HasSuffix(file.Name, ".class") {
			continue
		}
		class, err := entry(file, min(left, maxClass))
		left -= int64(len(class))
		if err != nil {
			continue
		}
		if c, err := Class(class); err == nil {
			all.Spawns = all.Spawns || c.Spawns
			for _, text := range c.Strings {
				if len(found) < maxStrings {
					found[text] = true
				}
			}
		}
	}
	for text := range found {
		all.Strings = append(all.Strings, text)
	}
	slices.Sort(all.Strings)
	return all, nil
}

// entry reads a file of an archive up to a limit in bytes.
func entry(file *zip.File, limit int64) ([]byte, error) {
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, limit))
}

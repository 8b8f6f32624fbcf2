package elf_test

import (
	"strings"
	"testing"

	"github.com/slimimage/slim/analyzer/elf"
)

func TestShebang(t *testing.T) {
	long := strings.Repeat("x", 252)
	tests := []struct {
		head, interp, arg string
		ok                bool
	}{
		{"#!/bin/sh\nexit\n", "/bin/sh", "", true},
		{"#!/bin/sh", "/bin/sh", "", true},
		{"#! \t/bin/sh -e -x \t\n", "/bin/sh", "-e -x", true},
		{"#!/usr/bin/env  python3\n", "/usr/bin/env", "python3", true},
		{"#!/bin/sh\r\n", "/bin/sh\r", "", true},
		{"#!bin/sh\n", "bin/sh", "", true},
		{"#!\n", "", "", false},
		{"#!   \n/bin/sh", "", "", false},
		{"#", "", "", false},
		{"", "", "", false},
		{"\n#!/bin/sh\n", "", "", false},
		{"#!/" + long + "\n", "/" + long, "", true},
		{"#!/x" + long + "\n", "", "", false},
		{"#!/bin/sh " + strings.Repeat("a", 300) + "\n", "/bin/sh", strings.Repeat("a", 246), true},
		{"#!/bin/a\x00b\n", "/bin/a", "", true},
	}
	for _, test := range tests {
		interp, arg, ok := elf.Shebang([]byte(test.head))
		if ok != test.ok || ok && (interp != test.interp || arg != test.arg) {
			t.Errorf("Shebang(%q) = %q, %q, %v, want %q, %q, %v", test.head, interp, arg, ok, test.interp, test.arg, test.ok)
		}
	}
}

func FuzzShebang(f *testing.F) {
	f.Add([]byte("#!/usr/bin/env -S python3 -u\n"))
	f.Add([]byte("#! \x00\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		interp, arg, ok := elf.Shebang(head)
		if ok && interp == "" || strings.ContainsAny(interp, "\n\x00 \t") || strings.Contains(arg, "\n") {
			t.Fatalf("Shebang(%q) = %q, %q, %v", head, interp, arg, ok)
		}
	})
}

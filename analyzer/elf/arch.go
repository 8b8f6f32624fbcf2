package elf

import "debug/elf"

// arch holds the loaders' settings for an architecture. Sources: glibc's sysdeps (dl-procinfo.c, dl-hwcaps_subdirs.c, shlib-versions),
// Debian's multiarch tuples, musl's arch/*/reloc.h (LDSO_ARCH).
type arch struct {
	multiarch []string // Debian's directory below /lib and /usr/lib
	lib       []string // other distributions' values of $LIB
	platform  []string // values of $PLATFORM
	hwcaps    []string // below glibc-hwcaps, best first
	legacy    []string // subdirectories of any directory before glibc 2.37, in the order they nest
	musl      []string // in the names ld-musl-ARCH.so.1 and ld-musl-ARCH.path
}

// archOf returns the architecture of a file; an unknown architecture has only the plain directories.
func archOf(f *File) arch {
	wide := f.Class == elf.ELFCLASS64
	switch {
	case f.Machine == elf.EM_X86_64 && wide:
		return arch{
			multiarch: []string{"x86_64-linux-gnu"}, lib: []string{"lib64"}, platform: []string{"haswell", "xeon_phi", "x86_64"},
			hwcaps: []string{"x86-64-v4", "x86-64-v3", "x86-64-v2"},
			legacy: []string{"tls", "haswell", "xeon_phi", "avx512_1", "x86_64"}, musl: []string{"x86_64"},
		}
	case f.Machine == elf.EM_X86_64:
		return arch{
			multiarch: []string{"x86_64-linux-gnux32"}, lib: []string{"libx32"}, platform: []string{"x86_64"},
			legacy: []string{"tls", "x86_64"}, musl: []string{"x32"},
		}
	case f.Machine == elf.EM_386:
		return arch{
			multiarch: []string{"i386-linux-gnu"}, lib: []string{"lib32"}, platform: []string{"i686", "i586", "i486", "i386"},
			legacy: []string{"tls", "i686", "i586", "sse2", "nosegneg", "cmov"}, musl: []string{"i386"},
		}
	case f.Machine == elf.EM_AARCH64:
		return arch{
			multiarch: []string{"aarch64-linux-gnu"}, lib: []string{"lib64"}, platform: []string{"aarch64"},
			legacy: []string{"tls", "atomics", "aarch64"}, musl: []string{"aarch64"},
		}
	case f.Machine == elf.EM_ARM:
		return arch{
			multiarch: []string{"arm-linux-gnueabihf", "arm-linux-gnueabi"}, platform: []string{"v8l", "v7l", "v6l", "v5l"},
			legacy: []string{"tls", "v8l", "v7l", "v6l", "neon", "vfp"}, musl: []string{"armhf", "arm", "armel"},
		}
	case f.Machine == elf.EM_RISCV && wide:
		return arch{multiarch: []string{"riscv64-linux-gnu"}, lib: []string{"lib64/lp64d", "lib64"}, musl: []string{"riscv64"}}
	case f.Machine == elf.EM_PPC64 && !f.BigEndian:
		return arch{
			multiarch: []string{"powerpc64le-linux-gnu"}, lib: []string{"lib64"}, platform: []string{"power10", "power9", "power8"},
			hwcaps: []string{"power10", "power9"}, legacy: []string{"tls", "power9", "power8"}, musl: []string{"powerpc64le"},
		}
	case f.Machine == elf.EM_S390 && wide:
		return arch{
			multiarch: []string{"s390x-linux-gnu"}, lib: []string{"lib64"}, platform: []string{"z16", "z15", "z14", "z13"},
			hwcaps: []string{"z16", "z15", "z14", "z13"}, legacy: []string{"tls", "z15", "z14", "z13"}, musl: []string{"s390x"},
		}
	case f.Machine == elf.EM_LOONGARCH && wide:
		return arch{multiarch: []string{"loongarch64-linux-gnu"}, lib: []string{"lib64"}, musl: []string{"loongarch64"}}
	case f.Machine == elf.EM_MIPS && wide && !f.BigEndian:
		return arch{multiarch: []string{"mips64el-linux-gnuabi64"}, lib: []string{"lib64"}, musl: []string{"mips64el"}}
	}
	return arch{}
}

// libs are the values $LIB may have: it is fixed when glibc is compiled.
func (a arch) libs() []string {
	var libs []string
	for _, tuple := range a.multiarch {
		libs = append(libs, "lib/"+tuple)
	}
	return append(append(libs, a.lib...), "lib")
}

// systemDirs are glibc's default directories, the union of what distributions compile in, in their order.
func (a arch) systemDirs() []string {
	var dirs []string
	for _, lib := range a.libs() {
		dirs = append(dirs, "/"+lib, "/usr/"+lib)
	}
	return dirs
}

package rules

// Optional says whether a library that another names to load it later is asked for by callers that say so explicitly, and by no
// one else: they link it or name it themselves, or the run shows it.
//
// libc.so.6 loads libidn2 for getaddrinfo with AI_IDN and getnameinfo with NI_IDN alone (getaddrinfo(3); glibc inet/idna.c), and
// libgcc_s for pthread_cancel and backtrace (glibc misc/unwind-link.c), which every distribution links anyway.
func Optional(soname, library string) bool {
	return soname == "libc.so.6" && library == "libidn2.so.0"
}

// OptionalImport says whether a library imports a function for callers that import it themselves.
//
// libstdc++.so.6 imports iconv_open for __gnu_cxx::encoding_state, whose functions are inline in ext/codecvt_specializations.h: a
// program that uses it imports iconv_open too.
func OptionalImport(soname, function string) bool {
	return soname == "libstdc++.so.6" && function == "iconv_open"
}

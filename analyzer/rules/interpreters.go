package rules

// interpreters are programs and virtual machines whose modules nothing but the runtime itself reads: what is in their trees is kept
// whole with them.
func interpreters() []Family {
	return concat(virtualMachines(), lisps(), interactive(), typesetters())
}

func virtualMachines() []Family {
	return []Family{
		{
			Name: "mono",
			When: []string{"**/bin/mono", "**/bin/mono-sgen*", "**/bin/mono-boehm*", "**/libmono*-2.0.so*", "**/libmonosgen*.so*"},
			Keep: []string{
				"usr/lib/mono/**",
				"usr/local/lib/mono/**",
				"usr/lib/cli/**",
				"etc/mono/**",
				"usr/lib/**/lib{MonoPosixHelper,mono-native,mono-btls-shared,MonoSupportW,mono-profiler-*}.so*",
				"usr/lib/**/libgdiplus.so*",
			},
			Except: []string{
				"usr/lib/mono/*-api/*.dll", "usr/lib/mono/{xbuild,xbuild-frameworks,msbuild}/**", "usr/lib/mono/**/*.exe",
			},
			Source: "mono(1): the global assembly cache; mono-config(5): dllmap; Assemblies and the GAC: *-api are for compiling against",
		},
		{
			Name:   "pypy",
			When:   []string{"**/bin/pypy3*", "**/libpypy3*.so*"},
			Keep:   []string{"usr/lib/pypy3*/**", "usr/local/lib/pypy3*/**", "opt/pypy*/**"},
			Except: []string{"**/pypy3*/**/{test,idlelib,turtledemo,ensurepip,lib2to3}/**"},
			Source: "PyPy: sys.prefix holds the standard library",
		},
		{
			Name: "ocaml",
			When: []string{"**/bin/ocamlrun*"},
			Keep: []string{
				"usr/lib/**/ocaml/**/dll*.so", "usr/lib/**/ocaml/ld.conf", "usr/local/lib/ocaml/stublibs/**", "usr/local/lib/ocaml/ld.conf",
			},
			Source: "OCaml manual, ocamlrun: dynamic loading of shared libraries",
		},
		{
			Name:   "ocaml.toplevel",
			When:   []string{"**/bin/ocaml"},
			Keep:   []string{"usr/lib/**/ocaml/**/*.{cma,cmi,cmxs,cmo,so}", "usr/lib/**/ocaml/META", "usr/lib/**/ocaml/**/META"},
			Source: "OCaml manual, ocaml: #load, #require",
		},
		{
			Name:   "rakudo",
			When:   []string{"**/bin/rakudo*", "**/bin/moar", "**/bin/perl6*"},
			Keep:   []string{"usr/{share,lib}/{perl6,nqp,rakudo}/**", "usr/lib/*/{perl6,nqp,rakudo}/**"},
			Source: "Rakudo: module repositories",
		},
		{
			Name:   "gambas",
			When:   []string{"**/bin/gbx3", "**/bin/gbr3"},
			Keep:   []string{"usr/lib/*/gambas3/**", "usr/lib/gambas3/**", "usr/share/gambas3/**"},
			Source: "Gambas: components are loaded by name",
		},
	}
}

func lisps() []Family {
	return []Family{
		{
			Name:   "sbcl",
			When:   []string{"**/bin/sbcl"},
			Keep:   []string{"usr/lib/sbcl/**", "usr/local/lib/sbcl/**", "usr/share/common-lisp/**", "etc/common-lisp/**", "etc/sbclrc"},
			Source: "sbcl(1): SBCL_HOME; the ASDF manual: the source registry",
		},
		{
			Name:   "ecl",
			When:   []string{"**/bin/ecl", "**/libecl.so*"},
			Keep:   []string{"usr/lib/*/ecl-*/**", "usr/lib/ecl-*/**", "usr/share/common-lisp/**", "etc/common-lisp/**"},
			Source: "ECL manual: ECLDIR",
		},
		{
			Name:   "clisp",
			When:   []string{"**/bin/clisp"},
			Keep:   []string{"usr/lib/clisp*/**", "usr/lib/*/clisp*/**", "usr/share/common-lisp/**", "etc/common-lisp/**"},
			Source: "clisp(1): the library directory with linking sets and images",
		},
		{
			Name:   "racket",
			When:   []string{"**/bin/racket"},
			Keep:   []string{"usr/share/racket/**", "usr/lib/racket/**", "usr/lib/*/racket/**", "etc/racket/**"},
			Source: "Racket Reference: collection links files and collection paths",
		},
		{
			Name:   "chicken",
			When:   []string{"**/libchicken.so*"},
			Keep:   []string{"usr/lib/*/chicken/**", "var/lib/chicken/**", "usr/share/chicken/**"},
			Source: "CHICKEN manual: the extension repository",
		},
		{
			Name:   "gauche",
			When:   []string{"**/bin/gosh", "**/libgauche*.so*"},
			Keep:   []string{"usr/share/gauche*/**", "usr/lib/gauche*/**", "usr/lib/*/gauche*/**"},
			Source: "Gauche: library directories (gauche-config)",
		},
		{
			Name:   "mit-scheme",
			When:   []string{"**/bin/mit-scheme*"},
			Keep:   []string{"usr/lib/*/mit-scheme*/**", "usr/lib/mit-scheme*/**"},
			Source: "MIT/GNU Scheme user manual: MITSCHEME_LIBRARY_PATH",
		},
		{
			Name:   "emacs",
			When:   []string{"**/bin/emacs*"},
			Keep:   []string{"usr/share/emacs/**", "usr/lib/emacs/**", "usr/libexec/emacs/**", "usr/lib/*/emacs/**", "etc/emacs/**"},
			Source: "emacs(1): load-path, exec-directory",
		},
	}
}

// interactive are languages of mathematics, and others with one tree.
func interactive() []Family {
	return []Family{
		{
			Name:   "octave",
			When:   []string{"**/bin/octave*", "**/liboctinterp.so*"},
			Keep:   []string{"usr/share/octave/**", "usr/lib/*/octave/**", "usr/libexec/octave/**", "etc/octave*", "etc/octave/**"},
			Except: []string{"usr/share/octave/*/{doc,testsuite}/**"},
			Source: "GNU Octave: OCTAVE_HOME, the load path",
		},
		{
			Name:   "julia",
			When:   []string{"**/bin/julia", "**/libjulia*.so*"},
			Keep:   []string{"usr/share/julia/**", "usr/lib/*/julia/**", "usr/lib/julia/**", "etc/julia/**", "opt/julia*/**"},
			Except: []string{"**/julia/{doc,test}/**", "opt/julia*/share/doc/**", "opt/julia*/include/**"},
			Source: "Julia: DEPOT_PATH, LOAD_PATH and the system image",
		},
		{
			Name:   "gnu-smalltalk",
			When:   []string{"**/bin/gst", "**/libgst.so*"},
			Keep:   []string{"usr/share/gnu-smalltalk/**", "usr/lib/gnu-smalltalk/**", "usr/lib/*/gnu-smalltalk/**", "var/lib/gnu-smalltalk/**"},
			Source: "gst(1): the kernel directory and the image",
		},
		{
			Name:   "swi-prolog",
			When:   []string{"**/bin/swipl*", "**/libswipl.so*"},
			Keep:   []string{"usr/lib/swi-prolog/**", "usr/lib/*/swi-prolog/**", "usr/lib/swipl/**"},
			Source: "SWI-Prolog manual: the home directory",
		},
		{
			Name:   "gforth",
			When:   []string{"**/bin/gforth*"},
			Keep:   []string{"usr/share/gforth/**", "usr/lib/gforth/**", "usr/lib/*/gforth/**"},
			Source: "gforth(1): GFORTHPATH",
		},
		{
			Name:   "maxima",
			When:   []string{"**/bin/maxima"},
			Keep:   []string{"usr/share/maxima/**", "usr/lib/*/maxima/**", "usr/lib/maxima/**", "usr/libexec/maxima/**"},
			Except: []string{"usr/share/maxima/*/{doc,tests}/**"},
			Source: "maxima(1): MAXIMA_PREFIX",
		},
		{
			Name:   "gnuplot",
			When:   []string{"**/bin/gnuplot*"},
			Keep:   []string{"usr/share/gnuplot/**", "usr/lib/gnuplot/**", "usr/libexec/gnuplot/**", "etc/gnuplot*"},
			Source: "gnuplot(1): GNUPLOT_LIB, GNUPLOT_PS_DIR, GNUPLOT_DRIVER_DIR",
		},
		{
			Name:   "gawk",
			When:   []string{"**/bin/gawk"},
			Keep:   []string{"usr/share/awk/**", "usr/lib/*/gawk/**", "usr/lib/gawk/**", "usr/libexec/awk/**", "usr/lib/*/awk/**"},
			Source: "gawk(1): AWKPATH, AWKLIBPATH",
		},
		{
			Name:   "zsh",
			When:   []string{"**/bin/zsh*"},
			Keep:   []string{"usr/lib/*/zsh/**", "usr/lib/zsh/**", "usr/share/zsh/functions/**", "etc/zsh/**"},
			Source: "zsh(1): module_path, fpath",
		},
		{
			Name:   "fish",
			When:   []string{"**/bin/fish"},
			Keep:   []string{"usr/share/fish/**", "etc/fish/**"},
			Source: "fish(1): initialization files",
		},
		{
			Name:   "vim",
			When:   []string{"**/bin/vim*"},
			Keep:   []string{"usr/share/vim/**", "etc/vim/**"},
			Except: []string{"usr/share/vim/*/{doc,tutor,lang}/**"},
			Source: "vim(1): VIMRUNTIME",
		},
	}
}

func typesetters() []Family {
	return []Family{
		{
			Name: "tex",
			When: []string{"**/libkpathsea.so*", "**/bin/kpsewhich"},
			Keep: []string{
				"usr/share/texlive/**",
				"usr/share/texmf/**",
				"usr/share/texmf-dist/**",
				"usr/local/share/texmf/**",
				"usr/share/tex/**",
				"var/lib/texmf/**",
				"etc/texmf/**",
				"usr/share/fonts/{truetype,opentype,type1}/**",
			},
			Except: []string{"**/texmf-dist/{doc,source}/**", "usr/share/texmf/doc/**"},
			Source: "kpathsea manual: TEXMF trees in texmf.cnf",
		},
		{
			Name:   "groff",
			When:   []string{"**/bin/groff", "**/bin/troff"},
			Keep:   []string{"usr/share/groff/**", "usr/lib/groff/**", "usr/libexec/groff/**", "etc/groff/**"},
			Source: "groff(1): GROFF_FONT_PATH, GROFF_TMAC_PATH",
		},
		{
			Name:   "pandoc",
			When:   []string{"**/bin/pandoc"},
			Keep:   []string{"usr/share/pandoc/**"},
			Source: "Pandoc user's guide: --data-dir",
		},
		{
			Name:   "docbook",
			When:   []string{"**/bin/xsltproc", "**/bin/xmllint"},
			Keep:   []string{"etc/xml/**", "usr/share/xml/docbook/**", "usr/share/sgml/docbook/**", "etc/sgml/**"},
			Source: "xmlcatalog(1): the system's catalogue is /etc/xml/catalog",
		},
	}
}

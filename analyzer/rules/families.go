package rules

// Families are the rules, in the order they are read.
func Families() []Family {
	return concat(system(), languages(), interpreters(), libraries(), servers())
}

func concat(lists ...[]Family) []Family {
	var all []Family
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// system is data that every program may ask for, through libc or by its well-known name.
func system() []Family {
	always := []string{"**"}
	return []Family{
		{
			Name: "ca-certificates",
			When: always,
			Keep: []string{
				"etc/ssl/certs/**",
				"etc/pki/tls/**",
				"etc/pki/ca-trust/extracted/**",
				"usr/share/ca-certificates/**",
				"etc/ca-certificates.conf",
			},
			Source: "OpenSSL c_rehash(1): hashed links; Go crypto/x509 root_linux.go: the list of bundles",
		},
		{
			Name:   "time-zones",
			When:   always,
			Keep:   []string{"usr/share/zoneinfo/**", "etc/localtime", "etc/timezone"},
			Except: []string{"usr/share/zoneinfo/{right,posix}/**"},
			Source: "tzset(3): TZ may name any file; right/ has leap seconds, posix/ repeats the rest",
		},
		{
			Name: "names",
			When: always,
			Keep: []string{
				"etc/{services,protocols,rpc,networks,ethers,hosts,host.conf,nsswitch.conf,gai.conf,mime.types,mailcap,shells," +
					"login.defs,environment,resolv.conf,hostname,magic,magic.mime}",
			},
			Source: "services(5), protocols(5), nsswitch.conf(5), mime.types",
		},
		{
			Name: "mime",
			When: always,
			Keep: []string{
				"usr/share/mime/{globs,globs2,types,aliases,subclasses,magic,mime.cache,generic-icons,icons,treemagic,version}",
			},
			Source: "freedesktop shared-mime-info specification; Go mime.loadMimeFile",
		},
		{
			Name:   "locale",
			When:   []string{"**/libc.so.6"},
			Keep:   []string{"usr/lib/locale/C.{utf8,UTF-8}/**", "usr/lib/locale/locale-archive"},
			Source: "locale(7)",
		},
		{
			Name:   "loader",
			When:   []string{"**/libc.so.6"},
			Keep:   []string{"etc/ld.so.cache", "etc/ld.so.conf", "etc/ld.so.conf.d/*"},
			Source: "ld.so(8)",
		},
		{
			Name:    "locales",
			Imports: []string{"setlocale", "newlocale"},
			Keep:    []string{"usr/lib/locale/**", "usr/share/locale/locale.alias", "usr/share/i18n/locales/musl/**"},
			Source:  "setlocale(3), newlocale(3), locale(7)",
		},
		{
			Name:    "gconv",
			Imports: []string{"iconv_open"},
			Keep:    []string{"usr/lib*/gconv/**", "usr/lib/*/gconv/**"},
			Source:  "iconv_open(3), glibc iconv/gconv_conf.c: modules are loaded by the name of the character set",
		},
		{
			Name: "terminfo",
			When: []string{"**/libtinfo.so*", "**/libncurses*.so*"},
			Keep: []string{
				"usr/lib/terminfo/**",
				"etc/terminfo/**",
				"usr/share/terminfo/?/{ansi,dumb,linux,rxvt*,screen*,tmux*,vt100,vt102,vt220,xterm*}",
			},
			Source: "terminfo(5)",
		},
		{
			Name:   "bash",
			When:   []string{"**/bin/bash"},
			Keep:   []string{"etc/{bash.bashrc,profile}", "etc/skel/**"},
			Source: "bash(1), INVOCATION",
		},
		{
			Name:   "magic",
			When:   []string{"**/libmagic.so*"},
			Keep:   []string{"etc/magic*", "usr/share/misc/magic*", "usr/lib/file/**", "usr/share/file/**"},
			Source: "libmagic(3)",
		},
		{
			Name:    Shadow,
			Imports: []string{"getspnam", "getspnam_r"},
			Keep:    []string{"etc/shadow", "etc/gshadow"},
			Source:  "getspnam(3), shadow(5): who logs users in reads it as root; pam_unix(8) refuses an account without an entry",
		},
		{
			Name:    PAM,
			Imports: []string{"pam_start", "pam_start_confdir"},
			Keep: []string{
				"etc/pam.d/**",
				"usr/lib/pam.d/**",
				"etc/pam.conf",
				"etc/security/**",
				"etc/environment",
				"etc/default/locale",
				"etc/login.defs",
				"etc/securetty",
			},
			Source: "pam_start(3), pam.d(5), pam_env(8), pam_unix(8); the modules that the stacks name are kept with them",
		},
		{
			Name:   "sasl",
			When:   []string{"**/libsasl2.so*"},
			Keep:   []string{"usr/lib/*/sasl2/**", "usr/lib/sasl2/**", "etc/sasl2/**"},
			Source: "Cyrus SASL: plug-ins are listed when the library starts",
		},
		{
			Name: "openssl",
			When: []string{"**/libcrypto.so.*", "**/bin/openssl"},
			Keep: []string{
				"etc/ssl/openssl.cnf",
				"etc/pki/tls/openssl.cnf",
				"usr/lib/ssl/*",
				"usr/lib/*/ossl-modules/**",
				"usr/lib/*/engines-3/**",
				"usr/lib/ossl-modules/**",
				"etc/crypto-policies/**",
			},
			Source: "openssl config(5), OSSL_PROVIDER(7): providers and engines are loaded by name",
		},
		{
			Name:   "krb5",
			When:   []string{"**/libkrb5.so*"},
			Keep:   []string{"etc/krb5.conf", "etc/krb5.conf.d/**", "usr/lib/*/krb5/plugins/**"},
			Source: "krb5.conf(5)",
		},
		{
			Name: "gnutls",
			When: []string{"**/libgnutls.so*"},
			Keep: []string{
				"etc/gnutls/**",
				"usr/lib/*/pkcs11/**",
				"usr/share/p11-kit/modules/**",
				"etc/pkcs11/**",
			},
			Source: "gnutls(3), pkcs11.conf(5)",
		},
		{
			Name:   "icu",
			When:   []string{"**/libicuuc.so*"},
			Keep:   []string{"usr/share/icu/**", "usr/lib/*/libicudata.so*"},
			Source: "ICU User Guide: ICU Data",
		},
		{
			Name: "git",
			When: []string{"**/bin/git"},
			Keep: []string{
				"usr/lib/git-core/**",
				"usr/libexec/git-core/**",
				"usr/share/git-core/templates/**",
				"etc/gitconfig",
			},
			Source: "git(1): --exec-path",
		},
	}
}

// languages are interpreters and virtual machines: a kept interpreter keeps its standard library.
func languages() []Family {
	return []Family{
		{
			Name: "python.stdlib",
			When: []string{
				"usr/**/bin/python3*",
				"usr/bin/python3*",
				"opt/**/bin/python3*",
				"**/libpython3*.so*",
			},
			Keep: []string{
				"usr/{lib,lib64}/python3.[0-9]*/**",
				"usr/local/{lib,lib64}/python3.[0-9]*/**",
				"opt/**/lib/python3.[0-9]*/**",
				"etc/python3*/**",
				"usr/lib/python3/dist-packages/*.pth",
				"usr/lib/python3/dist-packages/sitecustomize.py",
				"usr/{lib,lib64}/python3.[0-9]*/site-packages/*.pth",
			},
			Except: []string{
				"**/{lib,lib64}/python3.[0-9]*/{test,idlelib,turtledemo,config-*}/**",
				"**/{lib,lib64}/python3.[0-9]*/{unittest,distutils,ctypes,sqlite3,lib2to3,tkinter}/{test,tests}/**",
				"**/{lib,lib64}/python3.[0-9]*/ensurepip/_bundled/*.whl",
				"**/{lib,lib64}/python3.[0-9]*/{site,dist}-packages/*/**",
				"**/{lib,lib64}/python3.[0-9]*/{site,dist}-packages/*.{py,so,egg,txt,egg-info}",
				"**/__pycache__/*.pyc",
			},
			Source: "Python Library Reference; test, idlelib and turtledemo are no library; ensurepip's wheels are to install pip with",
		},
		{
			Name:   "python.find-library",
			When:   []string{"**/{lib,lib64}/python3.[0-9]*/ctypes/util.py"},
			Keep:   []string{"usr/sbin/ldconfig", "usr/sbin/ldconfig.real", "etc/ld.so.cache"},
			Source: "ctypes.util.find_library asks ldconfig -p (Lib/ctypes/util.py, _findSoname_ldconfig)",
		},
		{
			Name: "node",
			When: []string{"**/bin/node", "**/bin/nodejs", "**/libnode.so*"},
			Keep: []string{
				"usr/share/nodejs/{acorn,acorn-walk,cjs-module-lexer,undici,busboy,streamsearch,xtend,minimatch," +
					"balanced-match,brace-expansion}/**",
				"etc/nodejs/**",
			},
			Except: []string{"usr/share/nodejs/**/*.d.ts", "usr/share/nodejs/**/*.map"},
			Source: "Debian nodejs: built-in modules are read from usr/share/nodejs (--shared-builtin-*)",
		},
		{
			Name: "jvm",
			When: []string{
				"usr/lib/jvm/*/bin/java",
				"usr/lib/jvm/*/jre/bin/java",
				"usr/lib/jvm/*/lib/server/libjvm.so",
			},
			Keep: []string{
				"usr/lib/jvm/$1/**",
				"etc/java*/**",
				"etc/.java/**",
				"usr/share/java/java-atk-wrapper.jar",
			},
			Except: []string{
				"usr/lib/jvm/$1/{jmods,demo,man,include,docs,legal}/**",
				"usr/lib/jvm/$1/lib/{src.zip,ct.sym}",
				"usr/lib/jvm/$1/**/*.{debuginfo,diz}",
				"usr/lib/jvm/$1/bin/*",
				"usr/lib/jvm/$1/lib/server/classes_nocoops.jsa",
			},
			Source: "JEP 220: modular run-time images; jmods and ct.sym are for linking and compiling",
		},
		{
			Name:   "jvm.opt",
			When:   []string{"opt/*/bin/java"},
			Keep:   []string{"opt/$1/**"},
			Except: []string{"opt/$1/{jmods,demo,man,include,docs,legal}/**", "opt/$1/lib/{src.zip,ct.sym}"},
			Source: "JEP 220",
		},
		{
			Name:   "jvm.cacerts",
			When:   []string{"**/libjvm.so"},
			Keep:   []string{"etc/ssl/certs/java/**", "usr/share/ca-certificates-java/**"},
			Source: "JSSE Reference Guide: cacerts",
		},
		{
			Name: "php",
			When: []string{"**/bin/php*", "**/libphp*.so*", "**/sbin/php-fpm*"},
			Keep: []string{
				"etc/php*/**",
				"usr/lib/php/**",
				"usr/share/php/**",
				"usr/local/lib/php/**",
				"usr/local/etc/php/**",
				"var/lib/php/**",
			},
			Except: []string{"usr/lib/php/php-helper", "usr/local/lib/php/{build,test,doc}/**"},
			Source: "php.ini: include_path, extension_dir, session.save_path",
		},
		{
			Name: "ruby",
			When: []string{"**/bin/ruby*", "**/libruby*.so*"},
			Keep: []string{
				"usr/lib/ruby/[0-9]*/**",
				"usr/lib/*/ruby/[0-9]*/**",
				"usr/share/rubygems-integration/**/specifications/**",
				"usr/lib/ruby/vendor_ruby/rubygems/**",
				"usr/lib/ruby/vendor_ruby/rubygems.rb",
				"usr/{lib,share}/ruby/gems/*/gems/**",
				"usr/share/rubygems-integration/*/gems/{minitest,power_assert,rake,test-unit,net-telnet,rexml,webrick,xmlrpc}-*/**",
				"usr/lib/ruby/vendor_ruby/{rake,xmlrpc,webrick}/**",
				"usr/lib/ruby/vendor_ruby/{rake,xmlrpc,webrick}.rb",
				"usr/local/lib/ruby/[0-9]*/**",
				"var/lib/gems/**/specifications/**",
				"usr/lib/ruby/gems/**/specifications/**",
				"usr/local/lib/ruby/gems/**/specifications/**",
			},
			Source: "Ruby: RbConfig rubylibdir and rubyarchdir; RubyGems lists all specifications when it starts",
		},
		{
			Name: "perl",
			When: []string{"usr/bin/perl", "usr/bin/perl5*", "usr/local/bin/perl*"},
			Keep: []string{
				"usr/lib/*/perl-base/**",
				"usr/lib/*/perl/[0-9]*/**",
				"usr/share/perl/[0-9]*/**",
				"usr/{lib,lib64,share}/perl5/core_perl/**",
				"etc/perl/**",
				"usr/local/lib/perl5/**",
			},
			Except: []string{
				"**/*.pod",
				"**/CORE/*.h",
			},
			Run:    true,
			Source: "perl -V: @INC; the interpreter's own modules",
		},
		{
			Name:   "perl-diagnostics",
			When:   []string{"**/diagnostics.pm"},
			Keep:   []string{"usr/share/perl/**/pod/perldiag.pod", "usr/{lib,share}/perl5/core_perl/pod/perldiag.pod"},
			Source: "diagnostics(3pm): the pragma reads the messages from perldiag.pod",
		},
		{
			Name:   "perl-base",
			When:   []string{"usr/bin/perl"},
			Keep:   []string{"usr/lib/*/perl-base/**"},
			Source: "Debian Perl Policy 2.3: perl-base is what works alone",
		},
		{
			Name: "lua",
			When: []string{"**/bin/lua*", "**/liblua*.so*"},
			Keep: []string{
				"usr/share/lua/**",
				"usr/lib/*/lua/**",
				"usr/local/share/lua/**",
				"usr/local/lib/lua/**",
			},
			Source: "Lua Reference Manual: LUA_PATH_DEFAULT",
		},
		{
			Name: "tcl",
			When: []string{"**/bin/tclsh*", "**/libtcl[0-9]*.so*"},
			Keep: []string{
				"usr/share/tcltk/tcl*/**",
				"usr/lib/tcltk/**",
				"usr/lib/*/tcl*/**",
				"usr/lib/tcl*/**",
			},
			Source: "tclvars(n): tcl_library, auto_path",
		},
		{
			Name:   "guile",
			When:   []string{"**/bin/guile*", "**/libguile*.so*"},
			Keep:   []string{"usr/share/guile/**", "usr/lib/*/guile/**", "usr/lib/guile/**"},
			Source: "Guile Reference: Load Paths",
		},
		{
			Name: "erlang",
			When: []string{"usr/lib/erlang/**/beam*"},
			Keep: []string{"usr/lib/erlang/**"},
			Except: []string{
				"usr/lib/erlang/man/**",
				"usr/lib/erlang/lib/*/{src,include,examples,doc}/**",
				"usr/lib/erlang/usr/**",
			},
			Source: "Erlang System Documentation: code server paths",
		},
		{
			Name:   "elixir",
			When:   []string{"**/bin/elixir", "**/elixir/bin/elixir"},
			Keep:   []string{"usr/lib/elixir/**"},
			Source: "Elixir: bin/elixir adds lib/*/ebin",
		},
		{
			Name: "r",
			When: []string{"usr/lib/R/bin/exec/R", "usr/lib/R/lib/libR.so"},
			Keep: []string{
				"usr/lib/R/**",
				"etc/R/**",
				"usr/share/R/**",
				"usr/lib/R/site-library/**",
				"usr/local/lib/R/**",
			},
			Except: []string{"usr/lib/R/**/{doc,html,help,tests,demo}/**", "usr/share/R/{doc,include}/**"},
			Source: "R Installation and Administration: the library tree",
		},
		{
			Name: "dotnet",
			When: []string{"usr/share/dotnet/dotnet", "usr/lib/dotnet/dotnet", "usr/lib64/dotnet/dotnet"},
			Keep: []string{
				"usr/share/dotnet/{host,shared}/**",
				"usr/lib/dotnet/{host,shared}/**",
				"usr/lib64/dotnet/{host,shared}/**",
				"etc/dotnet/**",
			},
			Source: ".NET: hostfxr looks for frameworks under shared/",
		},
	}
}

// libraries load parts of themselves by name.
func libraries() []Family {
	return []Family{
		{
			Name: "fontconfig",
			When: []string{"**/libfontconfig.so*"},
			Keep: []string{
				"etc/fonts/**",
				"usr/share/fontconfig/**",
				"usr/share/fonts/**",
				"usr/local/share/fonts/**",
				"var/cache/fontconfig/**",
			},
			Source: "fonts.conf(5): all configured directories are scanned",
		},
		{
			Name: "imagemagick",
			When: []string{"**/libMagickCore-6*.so*", "**/libMagickCore-7*.so*"},
			Keep: []string{
				"usr/lib/*/ImageMagick-*/**",
				"etc/ImageMagick-*/**",
				"usr/share/ImageMagick-*/**",
			},
			Source: "ImageMagick Resources: coders and filters are loaded by format, delegates.xml names programs",
		},
		{
			Name: "ghostscript",
			When: []string{"**/libgs.so*"},
			Keep: []string{
				"usr/share/ghostscript/**",
				"var/lib/ghostscript/**",
				"etc/ghostscript/**",
				"usr/share/color/icc/ghostscript/**",
				"usr/share/poppler/**",
				"usr/share/fonts/**",
			},
			Source: "Ghostscript: GS_LIB and Resource folders",
		},
		{
			Name:   "gdk-pixbuf",
			When:   []string{"**/libgdk_pixbuf-2.0.so*"},
			Keep:   []string{"usr/lib/*/gdk-pixbuf-2.0/**"},
			Source: "gdk-pixbuf-query-loaders(1)",
		},
		{
			Name:   "gio",
			When:   []string{"**/libgio-2.0.so*"},
			Keep:   []string{"usr/lib/*/gio/modules/**", "usr/share/glib-2.0/schemas/gschemas.compiled"},
			Source: "GIO: extending, giomodule.cache",
		},
		{
			Name: "gstreamer",
			When: []string{"**/libgstreamer-1.0.so*"},
			Keep: []string{
				"usr/lib/*/gstreamer-1.0/**",
				"usr/lib/*/gstreamer1.0/**",
				"usr/share/gstreamer-1.0/**",
			},
			Source: "GStreamer: the plug-in registry scans the folder",
		},
		{
			Name:   "qt",
			When:   []string{"**/libQt5Core.so*", "**/libQt6Core.so*"},
			Keep:   []string{"usr/lib/*/qt{5,6}/plugins/**", "usr/share/qt{5,6}/{translations,resources}/**"},
			Source: "Qt: Deploying Plugins",
		},
		{
			Name:   "graphviz",
			When:   []string{"**/libgvc.so*"},
			Keep:   []string{"usr/lib/*/graphviz/**", "usr/share/graphviz/**"},
			Source: "Graphviz: config6a names the plug-ins that dot -c found in the folder",
		},
		{
			Name:   "vlc",
			When:   []string{"**/libvlccore.so*"},
			Keep:   []string{"usr/lib/*/vlc/**", "usr/share/vlc/**"},
			Source: "VLC: plugins.dat",
		},
		{
			Name:   "odbc",
			When:   []string{"**/libodbc.so*", "**/libiodbc.so*"},
			Keep:   []string{"etc/odbc*.ini", "usr/lib/*/odbc/**"},
			Source: "unixODBC: odbcinst.ini names the drivers",
		},
		{
			Name:   "ldap",
			When:   []string{"**/libldap*.so*"},
			Keep:   []string{"etc/ldap/ldap.conf", "etc/openldap/ldap.conf"},
			Source: "ldap.conf(5)",
		},
		{
			Name:   "gdal",
			When:   []string{"**/libgdal.so*", "**/libproj.so*"},
			Keep:   []string{"usr/share/{gdal,proj}/**", "usr/lib/*/gdalplugins/**"},
			Source: "GDAL_DATA, GDAL_DRIVER_PATH, PROJ_DATA",
		},
		{
			Name:   "tesseract",
			When:   []string{"**/libtesseract.so*"},
			Keep:   []string{"usr/share/tesseract-ocr/**"},
			Source: "tesseract(1): TESSDATA_PREFIX",
		},
		{
			Name: "spelling",
			When: []string{"**/libaspell.so*", "**/libhunspell*.so*"},
			Keep: []string{
				"usr/lib/aspell/**",
				"var/lib/aspell/**",
				"usr/share/hunspell/**",
				"usr/share/myspell/**",
			},
			Source: "aspell(1), hunspell(1): dictionaries are found by language",
		},
		{
			Name:   "alsa",
			When:   []string{"**/libasound.so*"},
			Keep:   []string{"usr/share/alsa/**", "usr/lib/*/alsa-lib/**"},
			Source: "ALSA: alsa.conf",
		},
		{
			Name:   "xkb",
			When:   []string{"**/libxkbcommon.so*"},
			Keep:   []string{"usr/share/X11/xkb/**"},
			Source: "libxkbcommon: the include path",
		},
		{
			Name:   "graphicsmagick",
			When:   []string{"**/libGraphicsMagick*.so*"},
			Keep:   []string{"usr/lib/GraphicsMagick-*/**", "usr/share/GraphicsMagick-*/**"},
			Source: "GraphicsMagick: modules.mgk, delegates.mgk",
		},
		{
			Name:   "sox",
			When:   []string{"**/libsox.so*"},
			Keep:   []string{"usr/lib/*/sox/**"},
			Source: "libsox(3): formats are loaded by name",
		},
		{
			Name:   "dbi",
			When:   []string{"**/libdbi.so*"},
			Keep:   []string{"usr/lib/*/dbd/**"},
			Source: "libdbi: drivers are listed at start",
		},
		{
			Name:   "vips",
			When:   []string{"**/libvips.so*"},
			Keep:   []string{"usr/lib/*/vips-modules-*/**"},
			Source: "libvips: modules are loaded at start",
		},
		{
			Name:   "enchant",
			When:   []string{"**/libenchant*.so*"},
			Keep:   []string{"usr/lib/*/enchant*/**", "usr/share/enchant*/**", "usr/share/hunspell/**"},
			Source: "enchant(5)",
		},
		{
			Name:   "matplotlib",
			When:   []string{"**/matplotlib/__init__.py"},
			Keep:   []string{"etc/matplotlibrc", "usr/share/matplotlib/**"},
			Except: []string{"usr/share/matplotlib/sample_data/**"},
			Source: "matplotlib: get_data_path, matplotlib_fname",
		},
	}
}

// servers read more of their own than the first request shows.
func servers() []Family {
	return []Family{
		{
			Name:   "nginx",
			When:   []string{"**/sbin/nginx"},
			Keep:   []string{"etc/nginx/**", "usr/lib/nginx/modules/**", "usr/share/nginx/**"},
			Source: "nginx: load_module, include",
		},
		{
			Name: "apache",
			When: []string{"**/sbin/apache2", "**/sbin/httpd", "**/bin/httpd"},
			Keep: []string{
				"etc/apache2/**",
				"etc/httpd/**",
				"usr/share/apache2/**",
				"usr/lib/apache2/modules/**",
				"usr/share/httpd/**",
			},
			Except: []string{"usr/share/apache2/build/**"},
			Source: "Apache: LoadModule, mod_autoindex icons, ErrorDocument",
		},
		{
			Name: "postgresql",
			When: []string{"usr/lib/postgresql/*/bin/postgres"},
			Keep: []string{
				"usr/lib/postgresql/$1/lib/**",
				"usr/share/postgresql/$1/**",
				"etc/postgresql-common/**",
				"usr/share/postgresql-common/**",
				"usr/lib/postgresql/$1/bin/{initdb,pg_ctl,pg_isready,psql}",
			},
			Except: []string{
				"usr/lib/postgresql/$1/lib/bitcode/**",
				"usr/lib/postgresql/$1/lib/llvmjit.so",
				"usr/lib/postgresql/$1/lib/llvmjit_types.bc",
				"usr/lib/postgresql/$1/lib/pgxs/**",
				"usr/share/postgresql/$1/man/**",
			},
			Source: "PostgreSQL: CREATE EXTENSION," +
				" text search configuration; without llvmjit.so jit_provider is silently not used (src/backend/jit/jit.c," +
				" provider_init)",
		},
		{
			Name: "mariadb",
			When: []string{"**/sbin/mariadbd", "**/sbin/mysqld"},
			Keep: []string{
				"usr/lib/mysql/**",
				"usr/lib/*/mariadb*/plugin/**",
				"usr/share/mysql/**",
				"usr/share/mariadb/**",
				"etc/mysql/**",
			},
			Except: []string{"usr/share/mysql/{bench,mysql-test}/**"},
			Source: "MariaDB: plugin_dir, lc_messages_dir, character_sets_dir",
		},
		{
			Name:   "haproxy",
			When:   []string{"**/sbin/haproxy"},
			Keep:   []string{"etc/haproxy/**"},
			Source: "HAProxy: errorfile",
		},
		{
			Name:   "lighttpd",
			When:   []string{"**/sbin/lighttpd"},
			Keep:   []string{"etc/lighttpd/**", "usr/lib/lighttpd/**", "usr/share/lighttpd/**"},
			Source: "lighttpd: server.modules",
		},
		{
			Name:   "tomcat",
			When:   []string{"usr/share/*/bin/bootstrap.jar"},
			Keep:   []string{"usr/share/$1/**", "etc/$1/**", "var/lib/$1/**"},
			Source: "Tomcat: CATALINA_HOME and CATALINA_BASE",
		},
		{
			Name:   "varnish",
			When:   []string{"**/sbin/varnishd"},
			Keep:   []string{"usr/lib/*/varnish/**", "etc/varnish/**", "usr/share/varnish/**"},
			Source: "varnishd(1): vmod_path, vcl_path",
		},
		{
			Name:   "bind",
			When:   []string{"**/sbin/named"},
			Keep:   []string{"etc/bind/**", "usr/lib/*/bind/**", "usr/share/dns/**"},
			Source: "named(8)",
		},
		{
			Name:   "squid",
			When:   []string{"**/sbin/squid"},
			Keep:   []string{"etc/squid/**", "usr/share/squid/**", "usr/lib/squid/**"},
			Source: "squid.conf: error_directory, helpers",
		},
		{
			Name:   "s6",
			When:   []string{"**/bin/s6-svscan"},
			Keep:   []string{"etc/s6*/**", "package/**", "command/**"},
			Source: "s6-overlay",
		},
	}
}

#!/bin/sh
# static-deps.sh PREFIX: build the libraries of static programs against musl, from the source
# packages of the distribution that runs it, into PREFIX.  It needs no root and touches nothing
# outside of PREFIX; what is built already stays.
# static-deps.sh PREFIX sources|LIBRARY: one part of that.
set -eu
[ $# -ge 1 ] || { echo 'usage: static-deps.sh PREFIX [sources|LIBRARY]' >&2; exit 2; }
case $0 in /*) self=$0 ;; *) self=$PWD/$0 ;; esac
prefix=$(realpath -m "$1")
work=$prefix/build
export CC=musl-gcc
machine=$(gcc -print-multiarch)
# Paths of this machine are in no object, so that two builds are equal.
flags="-O2 -g0 -ffunction-sections -fdata-sections -fstack-protector-strong -ffile-prefix-map=$prefix=."
headers="-idirafter $prefix/kernel"
libraries='zlib zstd xz elfutils libbpf sqlite3 ncurses jansson libiberty zydis'

fail() { echo "static-deps: $*" >&2; exit 1; }

# fetch: unpack the sources, from the distribution's archive as this machine is set up to use it,
# but with source packages, and in folders of our own.
fetch() {
	mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial" "$work/apt/parts" "$work/src"
	: >"$work/apt/sources.list"
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
		[ -f "$file" ] || continue
		case $file in
		*.list) sed -n '/^deb /{p; s/^deb /deb-src /p;}' "$file" >>"$work/apt/sources.list" ;;
		*.sources) sed 's/^Types:.*/Types: deb deb-src/' "$file" >"$work/apt/parts/${file##*/}" ;;
		esac
	done
	set -- -q -o Dir::Etc::sourcelist="$work/apt/sources.list" \
		-o Dir::Etc::sourceparts="$work/apt/parts" -o Dir::State::lists="$work/apt/lists" \
		-o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User="$(id -un)" \
		-o APT::Get::Only-Source=true
	apt-get "$@" update
	cd "$work/src"
	for library in $libraries; do
		fetch_source "$(source_of "$library")" "$@"
	done
	apt-get "$@" download libzycore-dev
}

# fetch_source NAME OPTION...: the newest version of a source package that the archive really has.
fetch_source() {
	source=$1
	shift
	versions=$(apt-cache "$@" showsrc "$source" |
		awk -v name="$source" '/^Package: / { on = $2 == name } on && /^Version: / { print $2 }' | sort -ruV)
	for version in $versions; do
		! apt-get "$@" source "$source=$version" || return 0
	done
	fail "no source of $source"
}

source_of() {
	case $1 in
	xz) echo xz-utils ;;
	zstd) echo libzstd ;;
	*) echo "$1" ;;
	esac
}

# ---- one function for each library, run in its source ---------------------------

build_zlib() {
	CFLAGS=$flags ./configure --static --prefix="$prefix"
	make libz.a
	install -m 644 libz.a "$prefix/lib"
	install -m 644 zlib.h zconf.h "$prefix/include"
}

build_zstd() {
	make -C lib libzstd.a CFLAGS="$flags" ZSTD_LIB_COMPRESSION=0 ZSTD_LIB_DICTBUILDER=0 \
		ZSTD_LIB_DEPRECATED=0 ZSTD_LEGACY_SUPPORT=0
	install -m 644 lib/libzstd.a "$prefix/lib"
	install -m 644 lib/zstd.h lib/zstd_errors.h "$prefix/include"
}

build_xz() {
	./configure CFLAGS="$flags" --prefix="$prefix" --disable-shared --disable-nls --disable-encoders \
		--disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts \
		--disable-doc --disable-threads
	make -C src/liblzma install
}

# Only libelf: names are read by rsprof itself.
build_elfutils() {
	./configure CFLAGS="$flags -Wno-error -I$prefix/include $headers" LDFLAGS="-L$prefix/lib" \
		--prefix="$prefix" --disable-nls --disable-debuginfod --disable-libdebuginfod \
		--disable-symbol-versioning --without-bzlib --without-lzma --without-zstd \
		ac_cv_search_argp_parse='none required' ac_cv_search_fts_close='none required' \
		ac_cv_search__obstack_free='none required'
	make -C libelf libelf.a
	install -m 644 libelf/libelf.a "$prefix/lib"
	install -m 644 libelf/libelf.h libelf/gelf.h "$prefix/include"
}

build_libbpf() {
	make -C src BUILD_STATIC_ONLY=1 NO_PKG_CONFIG=1 PREFIX="$prefix" LIBDIR="$prefix/lib" \
		CFLAGS="$flags -I$prefix/include $headers" install
}

build_sqlite3() {
	./configure BUILD_CC=gcc TCLSH_CMD="$(command -v tclsh)" --disable-tcl --disable-shared \
		--disable-readline
	make TCLSH_CMD="$(command -v tclsh)" sqlite3.c
	# shellcheck disable=SC2086
	$CC $flags -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c
	ar rcs "$prefix/lib/libsqlite3.a" sqlite3.o
	install -m 644 sqlite3.h "$prefix/include"
}

# With descriptions of common terminals inside: where it runs there may be none.
build_ncurses() {
	./configure --with-build-cc=gcc CFLAGS="$flags" --prefix="$prefix" --enable-widec \
		--enable-overwrite --without-shared --without-debug --without-ada --without-cxx \
		--without-cxx-binding --without-manpages --without-progs --without-tests --without-tack \
		--without-gpm --without-dlsym --with-default-terminfo-dir=/usr/share/terminfo \
		--with-terminfo-dirs=/etc/terminfo:/lib/terminfo:/usr/share/terminfo:/usr/lib/terminfo \
		--with-fallbacks=xterm,xterm-256color,screen,screen-256color,tmux,tmux-256color,linux,vt100
	make -C include
	make -C ncurses
	make -C include install
	make -C ncurses install.libs
}

# Its source has no configure: what that would find out is said here.
build_jansson() {
	sed 's/@json_inline@/inline/; s/@json_have_[a-z_]*@/1/; s/@[a-z_]*@/1/' \
		src/jansson_config.h.in >src/jansson_config.h
	: >src/jansson_private_config.h
	for file in src/*.c; do
		# shellcheck disable=SC2086
		$CC $flags -DHAVE_STDINT_H -DHAVE_UNISTD_H -DHAVE_FCNTL_H -DHAVE_SYS_TIME_H -DHAVE_LOCALE_H \
			-DHAVE_OPEN -DHAVE_READ -DHAVE_CLOSE -DHAVE_GETPID -DHAVE_GETTIMEOFDAY -DHAVE_LOCALECONV \
			-DUSE_URANDOM -DINITIAL_HASHTABLE_ORDER=3 -Isrc -c "$file"
	done
	ar rcs "$prefix/lib/libjansson.a" ./*.o
	install -m 644 src/jansson.h src/jansson_config.h "$prefix/include"
}

# The demanglers alone.
build_libiberty() {
	for file in rust-demangle cp-demangle safe-ctype; do
		# shellcheck disable=SC2086
		$CC $flags -DHAVE_STDLIB_H -DHAVE_STRING_H -DHAVE_LIMITS_H -DHAVE_ALLOCA_H -Iinclude \
			-c "libiberty/$file.c" -o "$file.o"
	done
	ar rcs "$prefix/lib/libiberty.a" rust-demangle.o cp-demangle.o safe-ctype.o
	mkdir -p "$prefix/include/libiberty"
	install -m 644 include/demangle.h include/libiberty.h include/ansidecl.h \
		"$prefix/include/libiberty"
}

# The decoder takes no code of Zycore, only its headers.
build_zydis() {
	dpkg -x ../libzycore-dev_*.deb zycore
	for file in src/*.c; do
		case $file in *Formatter*) continue ;; esac
		# shellcheck disable=SC2086
		$CC $flags -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -Iinclude -Isrc \
			-Izycore/usr/include -c "$file"
	done
	ar rcs "$prefix/lib/libZydis.a" ./*.o
	cp -r include/Zydis zycore/usr/include/Zycore "$prefix/include"
}

# ---- all of them ---------------------------------------------------------------

if [ "${2-}" = sources ]; then
	fetch
	exit
elif [ $# -gt 1 ]; then
	cd "$work/src/$(source_of "$2")"-[0-9]*/
	"build_$2"
	exit
fi
for tool in apt-get gcc make musl-gcc dpkg-source m4 tclsh infocmp tic; do
	command -v $tool >/dev/null || fail "$tool is missing"
done
mkdir -p "$prefix/lib" "$prefix/include" "$prefix/kernel" "$work"
ln -sfn /usr/include/linux "$prefix/kernel/linux"
ln -sfn /usr/include/asm-generic "$prefix/kernel/asm-generic"
ln -sfn "/usr/include/$machine/asm" "$prefix/kernel/asm"
if [ ! -e "$work/fetched" ]; then
	sh "$self" "$prefix" sources >"$work/fetch.log" 2>&1 ||
		{ tail -n 20 "$work/fetch.log" >&2; fail "sources cannot be fetched"; }
	: >"$work/fetched"
fi
for library in $libraries; do
	[ ! -e "$work/$library.done" ] || continue
	# A process of its own, so that set -e holds in it.
	sh "$self" "$prefix" "$library" >"$work/$library.log" 2>&1 ||
		{ tail -n 20 "$work/$library.log" >&2; fail "$library cannot be built: $work/$library.log"; }
	mkdir -p "$prefix/licenses"
	install -m 644 "$work/src/$(source_of "$library")"-[0-9]*/debian/copyright "$prefix/licenses/$library"
	: >"$work/$library.done"
	echo "  MUSL $library"
done

#!/bin/sh
# deps.sh build|demo|check|readers|kernel|lint|bench|static|chroots|deb: install what is missing for it with the
# system's package manager, after saying what; nothing missing, nothing said.
# Whether something is there is found out by using it, not by its package.
set -u

cc=${CC:-cc}
PATH=$PATH:${HOME:-/root}/.cargo/bin
apt='' dnf='' pacman=''

# need APT DNF PACMAN: the names of its packages.
need() {
	apt="$apt $1" dnf="$dnf $2" pacman="$pacman $3"
}

has() { command -v "$1" >/dev/null 2>&1; }

# links HEADER LIBRARY...: a program that includes and links them can be made.
links() {
	printf '#include <%s>\nint main(void) { return 0; }\n' "$1" >"$tmp/c.c"
	shift
	$cc -o "$tmp/c" "$tmp/c.c" "$@" >/dev/null 2>&1
}

build() {
	links stdio.h || need 'gcc libc6-dev' 'gcc glibc-devel' gcc
	links gelf.h -lelf || need libelf-dev elfutils-libelf-devel libelf
	links libiberty/demangle.h -liberty ||
		need libiberty-dev binutils-devel binutils
	links lzma.h -llzma || need liblzma-dev xz-devel xz
	links zlib.h -lz || need zlib1g-dev zlib-devel zlib
	links zstd.h -lzstd || need libzstd-dev libzstd-devel zstd
	links sqlite3.h -lsqlite3 || need libsqlite3-dev sqlite-devel sqlite
	links Zydis/Zydis.h -lZydis || need libzydis-dev zydis-devel zydis
	links jansson.h -ljansson || need libjansson-dev jansson-devel jansson
	links curses.h -lncursesw -ltinfo ||
		need libncurses-dev ncurses-devel ncurses
	[ "${BPF:-1}" != 1 ] || bpf
}

bpf() {
	links bpf/libbpf.h -lbpf || need libbpf-dev libbpf-devel libbpf
	has clang || need clang clang clang
	has bpftool || [ -x /usr/sbin/bpftool ] || need bpftool bpftool bpf
}

rust() {
	has rustc || need rustc rust rust
}

tests() {
	perf=linux-perf
	! grep -qx 'ID=ubuntu' /etc/os-release || perf=linux-tools-generic
	has prove || need perl perl-Test-Harness perl
	has tmux || need tmux tmux tmux
	has sqlite3 || need sqlite3 sqlite sqlite
	has curl || need curl curl curl
	has clang || need clang clang clang
	has llvm-symbolizer || need llvm llvm llvm
	has perf || need $perf perf perf
	has setpriv || need util-linux util-linux util-linux
	has gdb || need gdb gdb gdb
	has dwz || need dwz dwz dwz
	! has apt-get || ls -d /usr/share/cargo/registry/rustc-demangle-* >/dev/null 2>&1 ||
		need librust-rustc-demangle-dev '' ''
	# What judges reports.
	! has apt-get || has cmark-gfm || need cmark-gfm '' ''
	! has apt-get || python3 -c 'import jsonschema' 2>/dev/null ||
		/usr/bin/python3 -c 'import jsonschema' 2>/dev/null ||
		need python3-jsonschema '' ''
	# Static, it is only in Debian's package.
	! has apt-get || links stdio.h -l:libjemalloc_pic.a -lm -lstdc++ -ldl ||
		need libjemalloc-dev '' ''
}

# What cargo is built with, for the bench.
large() {
	has pkg-config || need pkg-config pkgconf pkgconf
	has addr2line || need binutils binutils binutils
	has eu-addr2line || need elfutils elfutils elfutils
	links git2.h -lgit2 || need libgit2-dev libgit2-devel libgit2
	links libssh2.h -lssh2 || need libssh2-1-dev libssh2-devel libssh2
	links curl/curl.h -lcurl || need libcurl4-gnutls-dev libcurl-devel curl
	links openssl/ssl.h -lssl -lcrypto || need libssl-dev openssl-devel openssl
}

# What static programs are made with, on Debian and what is made of it.
static() {
	has apt-get || fail 'static libraries are made of the source packages of Debian'
	has musl-gcc || need musl-tools '' ''
	has dpkg-source || need dpkg-dev '' ''
	has m4 || need m4 '' ''
	has tclsh || need tcl '' ''
	has make || need make '' ''
	has file || need file '' ''
	bpf
}

chroots() {
	has mmdebstrap || need mmdebstrap '' ''
	has tmux || need tmux '' ''
	build
	rust
}

package() {
	has apt-get || fail 'packages are made on Debian'
	has dpkg-buildpackage || need dpkg-dev '' ''
	has dh || need debhelper '' ''
	has lintian || need lintian '' ''
	build
}

# Who else reads unwind tables.
oracles() {
	links elfutils/libdw.h -ldw || need libdw-dev elfutils-devel libelf
}

emulator() {
	has prove || need perl perl-Test-Harness perl
	has setpriv || need util-linux util-linux util-linux
	has qemu-system-x86_64 ||
		need qemu-system-x86 qemu-system-x86-core qemu-system-x86
	has busybox || need busybox-static busybox busybox
	has cpio || need cpio cpio cpio
}

# Who else reads what is exported.
readers() {
	has go || need golang-go golang go
	has chromium || need chromium chromium chromium
	has callgrind_annotate || need valgrind valgrind valgrind
	has npm || need npm nodejs-npm npm
	has jq || need jq jq jq
	has prove || need perl perl-Test-Harness perl
}

pages() {
	has mandoc || need mandoc mandoc mandoc
	has shellcheck || need shellcheck ShellCheck shellcheck
}

style() {
	has clang || need clang clang clang
	has clang-format || need clang-format clang-tools-extra clang
}

# install MANAGER COMMAND PACKAGES
install() {
	packages=$(printf '%s\n' "$3" | tr -s ' ' '\n' | sort -u | tr '\n' ' ')
	packages=${packages# } sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo='sudo '
		has sudo || fail "needs root to install $packages"
	fi
	command="$sudo$2$packages"
	[ "$1" != apt-get ] || command="${sudo}apt-get -q update && $command"
	echo "installing what is missing: $command"
	sh -c "$command" >"$tmp/log" 2>&1 && return
	tail -n 20 "$tmp/log" >&2
	fail "that failed"
}

fail() {
	echo "deps.sh: $*" >&2
	exit 1
}

tmp=$(mktemp -d "${TMPDIR:-/tmp}/rsprof-deps.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
case ${1:-} in
build) build ;;
demo) build; rust ;;
check) build; rust; oracles; tests; pages ;;
readers) build; rust; readers ;;
kernel) build; rust; oracles; emulator ;;
lint) build; oracles; pages; style ;;
bench) build; rust; tests; large ;;
static) static ;;
chroots) chroots ;;
deb) package ;;
*) echo "usage: deps.sh build|demo|check|readers|kernel|lint|bench|static|chroots|deb" >&2; exit 2 ;;
esac
[ -n "$apt" ] || exit 0

if has apt-get; then
	install apt-get "env DEBIAN_FRONTEND=noninteractive apt-get -qy \
--no-install-recommends install " "$apt"
elif has dnf; then
	install dnf "dnf -qy install " "$dnf"
elif has pacman; then
	install pacman "pacman -Sy --needed --noconfirm " "$pacman"
else
	fail "no apt-get, dnf or pacman here; install what Debian calls$apt"
fi

#!/bin/sh
# features.sh FILE: print which parts of rsprof cannot be built here, by what they are without:
# zydis, liberty, lzma, zstd, ncurses, jansson, bpf.  The answer is kept in FILE; once nothing
# is missing it is not asked again.
# features.sh -m WITHOUT...: say what that means.
set -u
cc=${CC:-cc}

say() {
	for feature; do
		case $feature in
		zydis) echo 'no Zydis: the heap is not probed, and no stacks through code without unwind tables (libzydis-dev)' ;;
		liberty) echo 'no libiberty: names are not demangled (libiberty-dev)' ;;
		lzma) echo 'no liblzma: no names in stripped files by MiniDebugInfo (liblzma-dev)' ;;
		zstd) echo 'no libzstd: no lines where linkers pack them with zstd (libzstd-dev)' ;;
		ncurses) echo 'no ncurses: no view, rsprof-tui (libncurses-dev)' ;;
		jansson) echo 'no Jansson: no cargo rsprof, cargo-rsprof (libjansson-dev)' ;;
		bpf) echo 'no libbpf, clang or bpftool: nothing runs in the kernel, as with BPF=0 (libbpf-dev clang bpftool)' ;;
		esac
	done | sed 's/^/left out: /'
}

# links HEADER LIBRARY...: a program that includes and links them can be made.
links() {
	printf '#include <%s>\nint main(void) { return 0; }\n' "$1" >"$tmp/c.c"
	shift
	$cc -o "$tmp/c" "$tmp/c.c" "$@" >/dev/null 2>&1
}

if [ "$1" = -m ]; then
	shift
	say "$@"
	exit
fi
[ ! -f "$1" ] || [ -s "$1" ] || exit 0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rsprof-features.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
{
	links Zydis/Zydis.h -lZydis || echo zydis
	links libiberty/demangle.h -liberty || echo liberty
	links lzma.h -llzma || echo lzma
	links zstd.h -lzstd || echo zstd
	links curses.h -lncursesw -ltinfo || echo ncurses
	links jansson.h -ljansson || echo jansson
	links bpf/libbpf.h -lbpf && command -v "${BPF_CLANG:-clang}" >/dev/null &&
		{ command -v bpftool || [ -x /usr/sbin/bpftool ]; } >/dev/null || echo bpf
} >"$tmp/without"
mkdir -p "${1%/*}"
cmp -s "$tmp/without" "$1" || cp "$tmp/without" "$1"
cat "$1"

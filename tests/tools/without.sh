#!/bin/sh
# With a compiler, libelf, zlib and SQLite alone rsprof is built, says what is left out, and
# records CPU time; where it must be whole it is not built.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

split=$B/target/split
[ -x "$split" ] || skip_all "no Rust compiler built $split"
# What is not there: headers that end a compiler.
for header in Zydis/Zydis.h libiberty/demangle.h lzma.h zstd.h curses.h jansson.h bpf/libbpf.h bpf/bpf.h; do
	mkdir -p "$T/poison/$(dirname $header)"
	echo '#error not there' >"$T/poison/$header"
done
# build ARG...: into a folder of its own.
build() {
	make -s -C "$ROOT" B="$T/build" WITHOUT_FILE="$T/without" CC="${CC:-cc} -I$T/poison" \
		BPF_CLANG=/nonexistent CFLAGS=-O1 "$@"
}
exits 'it is built' 0 build all
grep '^left out: ' "$T/out" | sed 's/^left out: no \([^:,]*\)[:,].*/\1/; s/ or.*//' >"$T/said"
same 'and says what is left out' "$T/said" <<'E'
Zydis
libiberty
liblzma
libzstd
ncurses
Jansson
libbpf
E
ok 'a program that is nothing without is not there' [ ! -e "$T/build/rsprof-tui" ]
for program in "$T"/build/rsprof-*; do
	readelf -dW "$program" 2>/dev/null | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p'
done | sort -u | grep -E 'Zydis|lzma|zstd|curses|tinfo|jansson|bpf' >"$T/needed"
same 'nothing of that is needed to run' "$T/needed" /dev/null

PATH=$T/build:$PATH
launch "$split" 100000 >/dev/null
cd "$T" || exit 1
exits 'CPU time is recorded' 0 rsprof attach -q -C -d 1 -F 499 -o x.db $launched
exits 'with names as they are in the file' 0 rsprof top -f csv cpu x.db
says 'that are mangled' '_(ZN|R).*5alpha' "$T/out"
exits 'and with lines' 0 rsprof top -g line -f csv cpu x.db
says 'of the source' 'split\.rs,[0-9]' "$T/out"
exits 'the view is not there, which is said' 1 rsprof view x.db
says 'by its name' 'no rsprof-tui in ' "$T/err"

exits 'nothing is left out with COMPLETE=1' 2 build COMPLETE=1 "$T/build/rsprof-tui"
exits 'again: nothing is built' 0 build all
ok 'it still says so' grep -q '^left out: no Zydis' "$T/out"
exits 'with all of it there' 0 make -s -C "$ROOT" B="$T/build" WITHOUT_FILE="$T/without" CFLAGS=-O1 all
same 'nothing is left out' "$T/without" /dev/null
exits 'CPU time is recorded' 0 rsprof attach -q -C -d 1 -F 499 -o y.db $launched
exits 'and names' 0 rsprof top -f csv cpu y.db
says 'are readable' 'split::alpha' "$T/out"
done_testing

#!/bin/sh
# What make install puts somewhere works from there, says what is missing of it, and goes away.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/tools/lib.sh"

set --
case $B in
*/san) set -- SAN=1 ;;
*/nobpf) set -- BPF=0 ;;
esac
# A compiler for Rust is not needed: there is one that fails, first in PATH.
mkdir "$T/no"
for program in rustc cargo; do
	printf '#!/bin/sh\necho "%s was called" >&2; exit 1\n' $program >"$T/no/$program"
	chmod +x "$T/no/$program"
done
# make_it TARGET PREFIX: one of make's targets.
make_it() {
	(PATH=$T/no:$PATH exec make -s -C "$ROOT" "$@" B="$B" $options)
}
options=$*

# ---- from a prefix with a space -----------------------------------------------

prefix="$T/a b"
exits 'make install into a path with a space' 0 make_it install "prefix=$prefix"
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -vxF -e "$B" | paste -sd:)
bin=$prefix/bin
for file in "$ROOT"/cmd/*rsprof*; do
	name=${file##*/}
	name=${name%.c}
	[ -x "$bin/$name" ] && [ -f "$prefix/share/man/man1/$name.1" ] || echo "$name"
done >"$T/absent"
same 'every program is there, and its page' "$T/absent" /dev/null
find "$prefix" -type f ! -perm 644 ! -perm 755 >"$T/modes"
same 'everybody may read them, and run programs' "$T/modes" /dev/null
says 'units start what is there' "^ExecStart=\"$bin/rsprof\" " "$prefix/lib/systemd/system/rsprof@.service"
cd "$T" || exit 1
# spin: one that works until it is killed.
printf 'int main(void) { for (volatile long i = 0;; i++) {} }\n' >"$T/spin.c"
${CC:-cc} -g -o "$T/spin" "$T/spin.c" || exit 1
launch "$T/spin"
spin=$launched
exits 'attach works from there' 0 "$bin/rsprof" attach -q -C -d 3 -F 999 -o "$T/x.db" $spin
says 'with what stands beside it' 'main' "$T/out"
exits 'a recording is exported' 0 "$bin/rsprof" fold "$T/x.db"
exits 'what every thread is doing' 0 "$bin/rsprof" stack $spin
exits 'run works, too' 0 "$bin/rsprof" run -q -o "$T/y.db" -- sh -c 'exit 0'
ln -s "$bin/rsprof" "$T/link"
exits 'and by a symbolic link' 0 "$T/link" query "$T/x.db" 'SELECT 1'

# ---- a set that is not whole ------------------------------------------------

# without NAME ARG...: rsprof with them, where that program is not.
without() {
	mv "$bin/$1" "$T/aside"
	part=$1
	shift
	exits "rsprof $1 without $part: 1" 1 "$bin/rsprof" "$@"
	says 'it is named, with where it was sought' "^rsprof: no $part in $bin/: " "$T/err"
	mv "$T/aside" "$bin/$part"
}
for stage in pipe cpu sym store heap guard report; do
	rm -f "$T/z.db"
	without "rsprof-$stage" attach -q -d 0.1 -o "$T/z.db" $spin
	ok 'and nothing is recorded' [ ! -e "$T/z.db" ]
done
without rsprof-exec run -q -o "$T/z.db" -- true
without rsprof-print stack $spin
without rsprof-dump fold "$T/x.db"
without rsprof-fold fold "$T/x.db"
without rsprof-doctor doctor
without rsprof-tui view "$T/x.db"
mkdir "$T/alone"
cp "$bin/rsprof" "$T/alone"
exits 'rsprof alone, and nothing in PATH: 1' 1 "$T/alone/rsprof" doctor
says 'PATH is where it was sought' '^rsprof: no rsprof-doctor in PATH: '
exits 'with the others in PATH it works' 0 env PATH="$bin:$PATH" "$T/alone/rsprof" query "$T/x.db" 'SELECT 1'

# ---- by capabilities of files -----------------------------------------------

PATH=$PATH:/sbin:/usr/sbin
caps=cap_bpf,cap_perfmon,cap_sys_ptrace+ep
if [ "$(id -u)" = 0 ] && [ "${B##*/}" = build ] && command -v setcap >/dev/null &&
    setcap $caps "$bin/rsprof-cpu" "$bin/rsprof-heap" 2>/dev/null &&
    nobody "$bin/rsprof-cpu" -V >/dev/null 2>&1; then
	mkdir -m 777 "$T/theirs"
	HOME=$T/theirs
	exits "capabilities of files: root's process is profiled" 0 \
		nobody "$bin/rsprof" attach -q -C -d 0.5 -o "$T/theirs/x.db" $spin
	exits 'but nothing is put into it' 0 \
		nobody "$bin/rsprof-heap" -I -d 0.3 -p $spin
	says 'that is said' 'not (yours|one.s own)|has rights' "$T/out"
	ok 'it is as it was' sh -c '! grep -q rsprof-gate "/proc/$1/maps"' sh $spin
	chown 0:0 "$bin/rsprof-cpu" && chmod 750 "$bin/rsprof-cpu"
	exits 'and others than the group may not even run it' 126 nobody "$bin/rsprof-cpu" -V
else
	skip 'no capabilities of files here'
fi

# ---- away again -------------------------------------------------------------

echo mine >"$bin/mine"
exits 'make uninstall' 0 make_it uninstall "prefix=$prefix"
find "$prefix" -type f >"$T/left"
same 'leaves what is not of rsprof' "$T/left" <<E
$bin/mine
E
exits 'again' 0 make_it uninstall "prefix=$prefix"

# Where nothing may be written, nothing is.
mkdir -m 555 "$T/read only"
if [ "$(id -u)" = 0 ]; then
	mount -t tmpfs -o size=1m,ro none "$T/read only" 2>/dev/null &&
		unmount() { umount "$T/read only"; }
fi
if ! mkdir "$T/read only/x" 2>/dev/null; then
	exits 'a prefix that cannot be written' 2 make_it install "prefix=$T/read only/x"
	says 'is named' 'read only/x' "$T/err"
	ok 'once' [ "$(grep -c 'read only' "$T/err")" = 1 ]
	! command -v unmount >/dev/null || unmount
else
	skip 'everything can be written here'
fi
done_testing

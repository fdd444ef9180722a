#!/bin/sh
# Rows made from code alone (lib/unwind/synth) against those of the compiler, at each
# instruction of files that have .eh_frame; the analysis does not see it.  The
# oracle's head says how they are compared and what is counted apart.
#
# Where ours are unknown:
# - code that switches stacks, functions whose jumps lead nobody knows where, and
#   assembly that is reached in ways of its own.
# - functions that only four bytes refer to that are no reference, or dead ones.
# Functions that nothing refers to, by a call, a jump, a pointer or a symbol, are counted
# as dead: a linker kept them.  Of librustc_driver of Debian 13, stripped, they are
# 55,000 small ones, 10 % of the code.
# Where both differ and neither lag nor asm explains it: in C++ parts of functions that
# only undefined behaviour leads to (12 instructions of gdb), and 4 of 12 million in
# libLLVM.
#
# Aims are 0.5 % unknown in Rust and 2 % in C and C++.  Of rustc 1.85 of Debian 13 0.7 %
# are unknown, of libc 0.3 %, of libcrypto 0.6 % (0.2 % on Debian 13).  The limits here
# say when it gets worse.
#
# ROWS_MORE=1 (make check-rows) looks at more files: Debian's packages, programs in Rust
# of npm's, which are stripped, and the largest that are here.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1

# compare UNKNOWN FILE...: with symbols and stripped; at most so many percent are
# unknown, and one instruction in 10,000 is wrong.
compare() {
	most=$1
	shift
	for mode in '' -s; do
		"$B/oracle/synth" $mode "$@" >out 2>err || fail "$* can be read"
		diag <err
		while IFS="$(printf '\t')" read -r file what kib insns equal unknown wrong \
		    calls lag asm pads dead seconds rest; do
			text="${file##*/}, $what: $insns instructions, $equal % equal"
			text="$text, $unknown % unknown, $wrong wrong ($calls calls)"
			ok "$text" awk "BEGIN { exit !($insns > 200 && $unknown <= $most &&
			    $wrong * 10000 <= $insns && $calls * 10000 <= $insns) }"
			echo "# $kib KiB, lag $lag, asm $asm, pads $pads %, dead $dead %," \
			    "$seconds s, MB/s and rows ${rest}"
		done <out
	done
}

# with CC FLAG...: frames.c, built so.
with() {
	name=$(echo "$*" | tr -d ' ')
	"$@" -w -fasynchronous-unwind-tables -o "$name" "$ROOT/tests/target/frames.c" \
	    >"$name.log" 2>&1 || return
	case $* in
	*-no-pie*) fixed="$fixed $name" ;;
	*) built="$built $name" ;;
	esac
}

for file in /lib/x86_64-linux-gnu/libgcc_s.so.1 /usr/lib/x86_64-linux-gnu/libstdc++.so.6; do
	[ ! -e "$file" ] || compare 2 "$file"
done
for file in /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libcrypto.so.3 \
    /usr/lib/x86_64-linux-gnu/libonig.so.5; do
	[ ! -e "$file" ] || compare 2 "$file"
done
# At fixed addresses, and laid out by profile: what only words of data name, which may be
# numbers or entries of jump tables, has to prove to be a function, and parts that are
# jumped to from elsewhere cannot.
file=$(readlink -f /usr/bin/python3)
[ ! -e "$file" ] || compare 25 "$file"
# With the symbols of its separate debug file (libc6-dbg).
file=/lib/x86_64-linux-gnu/libc.so.6
id=$(readelf -n "$file" 2>/dev/null | awk '/Build ID/ { print $3 }')
debug=/usr/lib/debug/.build-id/${id%"${id#??}"}/${id#??}.debug
if [ -n "$id" ] && [ -e "$debug" ]; then compare 2 -d "$debug" "$file"
else skip 'no separate symbols of libc'; fi

built='' fixed=''
for cc in gcc clang; do
	command -v $cc >/dev/null || continue
	for flags in -O0 -O1 -O2 -Os '-O3 -fomit-frame-pointer' '-O2 -fno-omit-frame-pointer' \
	    '-O2 -fstack-clash-protection' '-O2 -mstackrealign' '-O2 -fcf-protection' \
	    '-O2 -no-pie' '-O2 -flto'; do
		# shellcheck disable=SC2086
		with $cc $flags
	done
done
# shellcheck disable=SC2086
if [ -n "$built" ]; then compare 2 $built; else fail 'a C compiler builds frames.c'; fi
# See above: one function of 13 instructions cannot prove to be one.
# shellcheck disable=SC2086
[ -z "$fixed" ] || compare 4 $fixed

# What rustup puts in front of compilers needs its settings.
home=$(getent passwd "$(id -u)" | cut -d: -f6)
RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup}
PATH=$PATH:$home/.cargo/bin
export RUSTUP_HOME
if rustc -V >/dev/null 2>&1; then
	built=
	for flags in '-O' '-C opt-level=z -C panic=abort' '-C opt-level=0'; do
		name=split$(echo "$flags" | tr -d ' ')
		# shellcheck disable=SC2086
		MAKEFLAGS='' rustc $flags -o "$name" "$ROOT/tests/target/split.rs" \
		    >rustc.log 2>&1 && built="$built $name"
	done
	# shellcheck disable=SC2086
	if [ -n "$built" ]; then compare 1 $built; else fail 'split.rs is built'; fi
else
	skip 'no Rust compiler'
fi

# ---- stacks -------------------------------------------------------------------

# stacks WHAT SOURCE FLAG...: of a program, built so, at points in time: as gdb finds
# them, or ours are right (oracle/stops.py says how that is decided).
stacks() {
	what=$1
	shift
	if ! MAKEFLAGS='' rustc "$@" -o stopped >rustc.log 2>&1; then
		fail "$what: it is built"
		diag <rustc.log
		return
	fi
	WALK=$B/oracle/walk POINTS=$points gdb -nx -batch -x "$ROOT/tests/oracle/stops.py" \
	    ./stopped >stops 2>&1 </dev/null
	grep '^# ' stops
	if grep -q "^points $points .* undecided 0 wrong 0 cut 0\$" stops; then
		pass "$what, $(grep '^points' stops)"
	else
		fail "$what: $points stacks, none wrong"
		tail -n 20 stops | diag
	fi
}
points=${ROWS_MORE:+1000}
points=${points:-40}
if ! command -v gdb >/dev/null || ! rustc -V >/dev/null 2>&1; then
	skip 'no gdb, or no Rust compiler'
else
	bare='-C panic=abort -C force-unwind-tables=no'
	src=$ROOT/tests/target
	# shellcheck disable=SC2086
	stacks 'without tables' "$src/reads.rs" -O $bare
	# shellcheck disable=SC2086
	[ -z "${ROWS_MORE:-}" ] || {
		stacks 'small' "$src/reads.rs" -C opt-level=z $bare
		stacks 'not optimised' "$src/reads.rs" -C opt-level=0 $bare
	}
	for cc in gcc clang; do
		command -v $cc >/dev/null && command -v ar >/dev/null || continue
		$cc -O2 -fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer \
		    -c -o lib.o "$src/foreign/lib.c" && ar crs libforeign.a lib.o ||
			fail "a library by $cc is built"
		# shellcheck disable=SC2086
		stacks "C by $cc, without tables" "$src/foreign/foreign.rs" -O $bare -L . -l static=foreign
	done
fi

if [ -z "${ROWS_MORE:-}" ]; then
	done_testing
	exit
fi

# ---- more ---------------------------------------------------------------------

mkdir packages
for package in ripgrep fd-find hyperfine exa bat; do
	apt-get download "$package" >apt.log 2>&1 && dpkg -x "$package"_*.deb packages
done
for file in packages/usr/bin/*; do
	case $file in
	*/batcat) compare 2 "$file" ;; # oniguruma is C
	*) compare 0.5 "$file" ;;
	esac
done
for package in @biomejs/cli-linux-x64 @oxlint/linux-x64-gnu lightningcss-cli-linux-x64-gnu \
    @swc/core-linux-x64-gnu; do
	dir=npm/$(basename "$package")
	mkdir -p "$dir"
	(cd "$dir" && npm pack --silent "$package" && tar xzf ./*.tgz) >npm.log 2>&1 ||
		diag <npm.log
done
find npm -type f -size +512k ! -name '*.tgz' >npm.list
while read -r file; do
	compare 0.5 "$file"
done <npm.list
for file in /bin/bash /usr/bin/gdb /usr/lib/x86_64-linux-gnu/libLLVM-14.so.1 \
    "$(rustc --print sysroot 2>/dev/null)"/bin/cargo; do
	[ ! -e "$file" ] || compare 3 "$file"
done

done_testing

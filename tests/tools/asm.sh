#!/bin/sh
# Hand-written assembly under load: OpenSSL, libsodium, x264 and ring, by programs of
# tests/target/asm.  As large a part of the stacks is complete as of perf's copies
# (--call-graph dwarf) in the same seconds; and at points where it is stopped no
# caller is another one than gdb finds, or than the program returns to.  ASM says which;
# SECONDS_EACH and POINTS how much.  Debian's packages are fetched, not installed.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

HERE=$B/asm
mkdir -p "$HERE" || exit 1
cd "$HERE" || exit 1
sources=$ROOT/tests/target/asm
seconds=${SECONDS_EACH:-5} points=${POINTS:-300}
command -v gdb >/dev/null || skip_all 'no gdb'
command -v perf >/dev/null || skip_all 'no perf'
[ "$(rsprof-doctor -t | awk -F '\t' '$1 == "bpf-load" { print $2 }')" = yes ] || skip_all "no BPF here"

# unpack PACKAGE ...: into usr.
unpack() {
	for package in "$@"; do
		[ ! -e "$package.done" ] || continue
		apt-get -q download "$package" >apt.log 2>&1 || return 1
		for deb in "${package}"_*.deb; do
			dpkg -x "$deb" . || return 1
		done
		: >"$package.done"
	done
}
libraries=$HERE/usr/lib/$(${CC:-cc} -print-multiarch)
# compile NAME ARG ...
compile() {
	output=$1
	shift
	# shellcheck disable=SC2086
	${CC:-cc} -O2 -g ${CFLAGS:-} -Iusr/include "-Iusr/include/$(${CC:-cc} -print-multiarch)" \
	    -o "$output" "$sources/$output.c" "-L$libraries" "-Wl,-rpath,$libraries" "$@"
}

build() {
	case $1 in
	openssl) compile openssl -lcrypto || { unpack libssl-dev && compile openssl -lcrypto; } ;;
	sodium) unpack libsodium-dev libsodium23 && compile sodium -lsodium ;;
	x264) unpack libx264-dev libx264-164 && compile x264 -l:libx264.so.164 ;;
	ring) build_ring ;;
	esac
}
# ring and what it is made of, as Debian has them.
build_ring() {
	# shellcheck disable=SC2046
	unpack $(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
	    --no-breaks --no-replaces --no-enhances librust-ring-dev 2>/dev/null |
	    grep '^librust' | sort -u) || return 1
	mkdir -p crate/src crate/.cargo
	cp "$sources/ring.rs" crate/src/main.rs
	cat >crate/Cargo.toml <<-E
		[package]
		name = "ringed"
		version = "0.0.0"
		edition = "2021"
		[dependencies]
		ring = "0.16"
		[profile.release]
		debug = 1
		[workspace]
	E
	cat >crate/.cargo/config.toml <<-E
		[source.crates-io]
		replace-with = "debian"
		[source.debian]
		directory = "$HERE/usr/share/cargo/registry"
	E
	(cd crate && MAKEFLAGS='' HOME=$(getent passwd "$(id -u)" | cut -d: -f6) \
	    cargo build --offline --release) && cp crate/target/release/ringed ring
}

# ours, perfs: per cent of $pid's stacks that are complete, of how many.
ours() {
	rsprof-query db "SELECT printf('%.2f', 100.0 * sum(cut IS NULL) / count(*)), count(*) FROM cpu_samples"
}
perfs() {
	perf script -i perf.data --no-inline -F ip,sym 2>/dev/null | awk '
	function stack() { if (n) { all++; whole += ends } n = ends = 0 }
	/^$/ { stack(); next }
	{ n++ } /__libc_start_(main|call_main)|_start$|clone3|start_thread/ { ends = 1 }
	END { stack(); printf "%.2f\t%d\n", all ? 100 * whole / all : 0, all }'
}
# compare NAME: both at the same time.
compare() {
	launch "./$1"
	pid=$launched
	rm -f db*
	perf record -q -o perf.data -e cpu-clock:u -F 499 --call-graph dwarf,16384 -p "$pid" \
	    -- sleep "$seconds" >perf.log 2>&1 & perf=$!
	own $perf
	rsprof-cpu -F 499 -d "$seconds" -p "$pid" 2>err | rsprof-sym 2>/dev/null | rsprof-store db 2>>err
	wait $perf
	kill "$pid"
	ours=$(ours) perfs=$(perfs)
	what="$1: complete: $(echo "$ours" | awk '{ print $1 " % of " $2 }'), perf $(echo "$perfs" |
		awk '{ print $1 " % of " $2 }')"
	ok "$what" awk -v a="$ours" -v b="$perfs" 'BEGIN { split(a, x); split(b, y)
		exit !(x[2] > 100 && y[2] > 100 && x[1] >= y[1] - 0.1) }'
	rsprof-query db "SELECT cut, coalesce(function, '?'), count(*) AS n FROM cpu_samples
		WHERE cut IS NOT NULL GROUP BY 1, 2 ORDER BY n DESC LIMIT 5" | diag
}
# stopped NAME
stopped() {
	WALK=$B/oracle/walk POINTS=$points gdb -nx -batch -x "$ROOT/tests/oracle/stops.py" \
	    "./$1" >stops 2>&1 </dev/null
	line=$(grep '^points' stops)
	ok "$1: no wrong caller: ${line:-gdb failed}" \
		grep -q "^points $points .* undecided 0 wrong 0 " stops
	grep -E '^# (wrong|undecided|cut)' stops | cut -c1-200 | diag
	[ -n "$line" ] || tail -3 stops | diag
}

for program in ${ASM:-openssl sodium x264 ring}; do
	rm -f "$program"
	if build "$program" >build.log 2>&1; then
		compare "$program"
		stopped "$program"
	else
		skip "$program: it does not build: $(grep -m 1 -iE 'error|unable|no such' build.log)"
	fi
done
done_testing

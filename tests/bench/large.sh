#!/bin/sh
# large.sh: a large program, the Rust compiler at work: what naming its code
# takes, which is 350 MB of libraries, and how many of its deep stacks are
# complete.  It is sampled from its first instruction to its last.
. "$(dirname "$0")/lib.sh"

[ -n "${BENCH_MODES-}" ] || find_modes >/dev/null
hz=999

# The compiler itself, not what rustup puts in front of it.
home=$(getent passwd "$(id -u)" | cut -d: -f6)
sysroot=$(HOME=$home PATH=$PATH:$home/.cargo/bin rustc --print sysroot 2>/dev/null)
rustc=$sysroot/bin/rustc
[ -x "$rustc" ] || { put note large 'there is no Rust compiler'; exit 0; }
put about 'the compiler' "$("$rustc" -V), $(du -shL "$rustc" "$sysroot"/lib/*.so* 2>/dev/null |
	awk '{ printf "%s%s", n++ ? " + " : "", $1 }')"

# The same module again and again is a crate that takes some seconds.
for i in $(seq "$BENCH_MODULES"); do
	echo "#[path = \"$ROOT/tests/target/mixed/text.rs\"] pub mod m$i;"
done >"$T/large.rs"
set -- "$rustc" -O --crate-type rlib --out-dir "$T" "$T/large.rs"

# hold COMMAND...: as $pid, stopped before its first instruction.
hold() {
	rsprof-exec spent "$T/target" "$@" &
	pid=$!
	own $pid
	await 10 grep -q '^State:.T' "/proc/$pid/status" || die "$1 is not held"
}

# by_rsprof WHO COMMAND...
by_rsprof() {
	who=$1; shift
	flags=
	[ "$who" = bpf ] || flags=$BENCH_COPY
	hold "$@"
	# shellcheck disable=SC2086
	pipeline large $flags -c -f -F $hz -d $((BENCH_LIMIT * 6)) -p "$pid"
	[ "$(rsprof-query "$T/large.db" 'SELECT how FROM stream')" = exited ] ||
		put note "$who" 'rsprof-cpu did not see the compiler end'
	wait "$pid"
}

# by_perf WHO COMMAND...
by_perf() {
	who=$1; shift
	hold "$@"
	# shellcheck disable=SC2016
	spent "$T/large.record" perf record -q -e cpu-clock -F $hz \
	    --call-graph "$who" -p "$pid" -o "$T/large.data" -- \
	    sh -c ': >"$1"; exec tail --pid="$2" -s 0.1 -f /dev/null' \
	    - "$T/large.ready" "$pid" >"$T/large.err" 2>&1 &
	watch=$!
	own $watch
	await 20 test -e "$T/large.ready" || die "perf record: $(cat "$T/large.err")"
	kill -CONT "$pid"
	wait "$pid"
	wait "$watch"
}

# plain WHO: once more without inlined calls, which perf takes long for.  It is
# also what is looked at for complete stacks.
plain() {
	is_rsprof "$1" || print "$1" large --no-inline
	n=$(samples "$1" large)
	put large_plain "$1" "$(per_10000 "$(used large | nth 2)" "$n")" "$over"
	reach large_complete "$1" large
}

# lost WHO: how much longer the compiler took.
lost() {
	now=$(nth 1 <"$T/target")
	put large_seconds "$1" "$(sum "$now / 1000")"
	[ -z "$native" ] || put large_lost "$1" "$(sum "100 * (1 - $native / $now)")"
}

native=
for _ in $(repetitions); do
	spent "$T/target" "$@"
	lost native
	native=$(nth 1 <"$T/target")
	for who in $BENCH_MODES; do
		rm -f "$T"/large.[!r]* "$T"/large.re*
		if is_rsprof "$who"; then by_rsprof "$who" "$@"
		else by_perf "$who" "$@"; fi
		lost "$who"
		print "$who" large
		costs large "$who" large
		plain "$who"
	done
done

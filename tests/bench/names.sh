#!/bin/sh
# names.sh: 10,000 addresses of the largest program with debug information that
# can be made here, named from cold by rsprof-sym, llvm-symbolizer, addr2line and
# eu-addr2line: the time, CPU time and memory that it takes; and how soon the first
# one has a name; and a stream of them, the first time and again.  In a test of the bench: 100 addresses of a small program.
. "$(dirname "$0")/lib.sh"

addresses=10000
XDG_CACHE_HOME=$T/cache
export XDG_CACHE_HOME
home=$(getent passwd "$(id -u)" | cut -d: -f6)
if [ "$BENCH_LIMIT" -le 1 ]; then
	addresses=100
	mkdir "$T/big"
	cp "$B/target/work" "$T/big/debug"
	big=$T/big
else
	big=$B/cargo
	HOME=$home "$BENCH/cargo.sh" "$big" >"$T/cargo.log" 2>&1 ||
		{ put note names "cargo was not built: $(grep -m 1 '^error' "$T/cargo.log")"; exit 0; }
fi

# choose FILE: so many places of its code at random, as addresses (at) and as a
# stream of stacks (raw).
choose() {
	id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
	readelf -lW "$1" | awk '$1 == "LOAD" && / R E / { print $2, $3, $5; exit }' |
	    { read -r offset address size
	    awk -v o=$((offset)) -v a=$((address)) -v s=$((size)) -v n=$addresses \
	        -v id="$id" -v file="$1" -v at="$T/at" -v raw="$T/raw" 'BEGIN {
		OFS = "\t"
		srand(5)
		print "rsprof", 1, "cpu", "mono=1", "wall=1" >raw
		print "module", "a", id, file >raw
		for (i = 1; i <= n; i++) {
			x = int(rand() * s)
			printf "0x%x\n", a + x >at
			printf "stack\t%x\t-\ta\t%x\t-\t0\n", i, o + x >raw
		}
	    }'; }
}

# take FIGURE WHO COMMAND...: what it spends; it is asked by its standard input.
take() {
	figure=$1 who=$2; shift 2
	command -v "$1" >/dev/null || { put note "names $who" "$1 is not here"; return; }
	# shellcheck disable=SC2024
	spent "$T/spent" timeout 120 "$@" <"$T/ask" >"$T/named" 2>"$T/err" ||
		{ put note "names $who" "$1: $(head -n 1 "$T/err")"; return; }
	put "${figure}_s" "$who" "$(sum "$(nth 3 <"$T/spent") / 1000")"
	put "${figure}_cpu" "$who" "$(sum "$(nth 1 <"$T/spent") / 1000")"
	put "${figure}_mb" "$who" "$(sum "$(nth 2 <"$T/spent") / 1024")"
}

# name FIGURE FILE: what is asked is in $T/ask.  elfutils, at 85 s, is asked once.
name() {
	take "$1" rsprof rsprof-sym -a "$2"
	take "$1" llvm llvm-symbolizer --inlines --demangle --obj="$2"
	take "$1" addr2line addr2line -fiCe "$2"
	[ "$n" -gt 1 ] || take "$1" elfutils eu-addr2line -fi -C -e "$2"
}

for how in debug release; do
	file=$big/$how
	[ -x "$file" ] || continue
	choose "$file"
	put about "cargo, $how" "$(du -hL "$file" | cut -f 1), $addresses addresses"
	for n in $(repetitions); do
		cp "$T/at" "$T/ask"
		name "names_$how" "$file"
		cp "$T/raw" "$T/ask"
		rm -rf "$T/cache"
		take "stream_$how" rsprof rsprof-sym
		take "again_$how" rsprof rsprof-sym
		head -n 1 "$T/at" >"$T/ask"
		name "first_$how" "$file"
	done
done

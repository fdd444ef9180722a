#!/bin/sh
# heap.sh: what it costs to see a pair of malloc() and free(), for a thread that
# does nothing else: native, with empty probes in the same places (floor), by
# rsprof-heap in its three ways, by bcc's memleak, by the same in bpftrace, and by
# heaptrack, which is loaded into the program.  Then what a leak is worth in
# windows, and what live allocations take of the kernel's memory.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:$B/oracle:/usr/sbin

# pairs WHO SECONDS: what the target does meanwhile.
pairs() {
	window "$2"
	put heap_pair "$1" "$(sum "1e9 / ($(echo "$rate" | nth 1) + 1e-9)")"
}

# watched WHO READY SECONDS: once it says that it is ready.
watched() {
	if await 60 grep -Eq "$2" "$T/$1" "$T/$1.err"; then
		sleep "$(sum "$BENCH_SECONDS / 4")"
		pairs "$1" "$3"
	else
		put note "heap $1" "it does not begin: $(head -n 1 "$T/$1.err")"
	fi
	stop
}

# The map that memleak and bpftrace keep, and stacks of the same depth.
script='
	uprobe:LIB:malloc { @size[tid] = arg0; }
	uretprobe:LIB:malloc /@size[tid]/ {
		@live[retval] = @size[tid];
		@bytes[ustack] = sum(@size[tid]);
		delete(@size[tid]);
	}
	uprobe:LIB:free { delete(@live[arg0]); }'

tools() {
	# shellcheck disable=SC2016
	begin floor sh -c 'exec floor "$1" <"$2"' - "$pid" "$T/plan"
	watched floor ready "$BENCH_SECONDS"
	begin exact rsprof-heap -s 0 -p "$pid"
	watched exact '^probe' "$BENCH_SECONDS"
	begin sampled rsprof-heap -s 524288 -p "$pid"
	watched sampled '^probe' "$BENCH_SECONDS"
	begin budget rsprof-heap -b 10 -p "$pid"
	watched budget '^probe' "$(sum "$BENCH_SECONDS * 4")"
}

peers() {
	libc=$(awk '$6 ~ /libc[.-]/ { print $6; exit }' "/proc/$pid/maps")
	if command -v memleak-bpfcc >/dev/null; then
		begin memleak memleak-bpfcc -p "$pid" 3600
		watched memleak Attaching "$BENCH_SECONDS"
	else
		put note 'heap memleak' 'bcc is not installed'
	fi
	if command -v bpftrace >/dev/null; then
		begin bpftrace bpftrace -p "$pid" -e "$(echo "$script" | sed "s|LIB|$libc|g")"
		watched bpftrace Attaching "$BENCH_SECONDS"
	else
		put note 'heap bpftrace' 'bpftrace is not installed'
	fi
}

# heaptrack is there from the beginning.
preloaded() {
	if ! command -v heaptrack >/dev/null; then
		put note 'heap heaptrack' 'heaptrack is not installed'
		return
	fi
	: >"$T/count"
	heaptrack -o "$T/heaptrack" "$B/target/work" pairs \
	    "$(sum "$BENCH_SECONDS + 1.5")" 1 >"$T/count" 2>"$T/heaptrack.err" &
	watch=$!
	own $watch
	counts() { [ "$(grep -c '^[0-9]* [0-9]* [0-9]*$' "$T/count")" -gt 5 ]; }
	if await 20 counts; then
		grep '^[0-9]* [0-9]* [0-9]*$' "$T/count" >"$T/first"
		from=$(tail -n 1 "$T/first")
		sleep "$BENCH_SECONDS"
		to=$(grep '^[0-9]* [0-9]* [0-9]*$' "$T/count" | tail -n 1)
		put heap_pair heaptrack "$(echo "$from $to" |
			awk '{ print ($4 - $1) / ($5 - $2 + 1e-9) }')"
	fi
	wait "$watch" 2>/dev/null
}

for _ in $(repetitions); do
	target pairs 3600 1
	rsprof-heap -n "$pid" >"$T/plan" 2>"$T/plan.err" ||
		{ put note heap "$(head -n 1 "$T/plan.err")"; exit 0; }
	sleep 0.2
	pairs native "$(sum "$BENCH_SECONDS / 2")"
	tools
	peers
	pairs native "$(sum "$BENCH_SECONDS / 2")"
	end_target
	preloaded
done

# ---- a leak in windows -------------------------------------------------------

leaking=$(sum "$BENCH_SECONDS * 15")
work leak "$(sum "$leaking + 4")" 1 >"$T/count" 2>"$T/leaked" &
pid=$!
own $pid
await 10 test -s "$T/count"
sleep 0.3
window "$(sum "$BENCH_SECONDS / 2")"
native=$(echo "$rate" | nth 1)
rsprof-heap -b 10 -d "$leaking" -p "$pid" 2>"$T/err" | rsprof-sym | rsprof-store "$T/leak.db" &
last=$!
await 20 test -s "$T/leak.db"
sleep 1
window "$(sum "$leaking - 1")"
put leak_lost budget "$(sum "100 * (1 - $(echo "$rate" | nth 1) / $native)")"
wait $last
wait "$pid" 2>/dev/null
rsprof-query "$T/leak.db" 'SELECT function, sum(live) FROM heap_live GROUP BY 1
	ORDER BY 2 DESC' >"$T/leak.live"
put leak_rank budget "$(awk -F'\t' '/::leak\t/ { print NR; exit }' "$T/leak.live")"
put leak_rate budget "$(awk -F'\t' -v s="$leaking" '
	FNR == NR { split($0, w, " "); true = w[2] / w[3] * 1e9; next }
	/::leak\t/ { print 100 * $2 / s / true; exit }' "$T/leaked" "$T/leak.live")"

# ---- live allocations --------------------------------------------------------

# kernel: bytes that the BPF maps of live allocations take, and those of sites.
kernel() {
	bpftool map list | awk '
		/ name rsprof_(live|sites) / { ours = 1; next }
		ours && match($0, /memlock [0-9]+B/) {
			sum += substr($0, RSTART + 8, RLENGTH - 9)
			ours = 0
		}
		END { print sum + 0 }'
}

# live N
live() {
	work live 3600 "$1" >"$T/count" &
	pid=$!
	own $pid
	await 10 test -s "$T/count"
	begin live rsprof-heap -s 0 -m 4096 -p "$pid"
	await 20 grep -q '^probe' "$T/live"
	before=$(kernel)
	all() { [ "$(tail -n 1 "$T/count" | nth 2)" -ge "$1" ]; }
	await 120 all "$1"
	sleep 2
	put "live_$1" exact "$(sum "($(kernel) - $before) / $1")"
	put "live_${1}_lost" exact "$(awk -F'\t' '$1 == "lost" && $5 == "live-full" { n += $4 }
		END { print n + 0 }' "$T/live")"
	stop
	end_target
}

if ! bpftool map list >/dev/null 2>&1; then
	put note 'heap live' 'bpftool does not work'
elif [ "$BENCH_LIMIT" -gt 1 ]; then
	live 1000000
	live 10000000
else
	live 1000
fi

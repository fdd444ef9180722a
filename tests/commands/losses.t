#!/bin/sh
# What a producer loses is in its stream, and the store takes that: all of it, and as many.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

ready=$(rsprof-doctor -t | awk -F '\t' '$1 == "perf-user" || $1 == "bpf-load" || $1 == "uprobes"' |
	cut -f 2 | sort -u)
[ "$ready" = yes ] || skip_all "no BPF or no uprobes here"
[ -e "$B/target/work" ] || skip_all "no Rust compiler built $B/target/work"
cd "$T" || exit 1

# cpu_ticks: that the target has used.
cpu_ticks() { sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'; }
# shellcheck disable=SC2317
worked() { [ "$(cpu_ticks)" -ge "$until" ]; }
# halted TICKS COMMAND ...: a producer of $pid that stands still while the target uses so much
# CPU time, into raw, until it has said what it has lost.
halted() {
	ticks=$1
	shift
	: >raw
	"$@" -p $pid >raw 2>err & producer=$!
	own $producer
	await 60 grep -q '^cost' raw
	kill -s STOP $producer
	until=$(($(cpu_ticks) + ticks))
	await 120 worked
	kill -s CONT $producer
	await 60 grep -q '^lost' raw
	kill $producer
	wait $producer
	status=$?
}
# stored WHAT REASON: what raw says is lost is in the store.
stored() {
	ok "$1: it ends well" test $status = 0
	awk -F '\t' '$1 == "lost" { n[$3 " " $5] += $4 } END { for (k in n) print k, n[k] }' raw |
		sort >was
	ok "$1: something was lost" grep -q " $2 " was
	rm -f db
	exits "$1: the store takes it" 0 rsprof-store db <raw
	rsprof-query db "SELECT producer || ' ' || reason || ' ' || sum(count) FROM lost
		GROUP BY producer, reason ORDER BY 1" | sort >is
	same "$1: all that was lost, and no more" is was
	sed "s/^/$1: /" was | diag
}

launch "$B/target/work" busy 0 1 >/dev/null
pid=$launched
halted 300 rsprof-cpu -u -F 4999
stored 'samples' ring-full
kill $pid

cat >touch.c <<'END'
#include <sys/mman.h>
int main(void)
{
	for (;;) {
		char *p = mmap(0, 1 << 28, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		for (long i = 0; i < 1 << 28; i += 4096)
			p[i] = 1;
		munmap(p, 1 << 28);
	}
}
END
"${CC:-cc}" -O1 -o touch touch.c
launch ./touch
pid=$launched
halted 300 rsprof-growth
stored 'page faults' ring-full
kill $pid

# More blocks live than there is room for.
launch "$B/target/work" live 0 1000000 >/dev/null
pid=$launched
kill -s STOP $pid # until it is probed
: >raw
rsprof-heap -s 0 -m 8 -p $pid >raw 2>err & producer=$!
own $producer
await 60 grep -q '^probe' raw
kill -s CONT $pid
await 120 grep -q 'live-full' raw
kill $producer
wait $producer
status=$?
stored 'allocations' live-full
kill $pid

# A million blocks live: the table grows before it is full.
launch "$B/target/work" live 0 1000000 >/dev/null
pid=$launched
kill -s STOP $pid
: >raw
rsprof-heap -s 0 -p $pid >raw 2>err & producer=$!
own $producer
await 60 grep -q '^probe' raw
kill -s CONT $pid
full() { awk -F '\t' '$1 == "memory" { for (i = 4; i <= NF; i++) if (sub(/^count=/, "", $i)) n = $i }
	END { exit !(n >= 1000000) }' raw; }
await 120 full
kill $producer
wait $producer
ok 'a million blocks live: all are seen' full
ok 'and none is lost' sh -c '! grep "^lost" raw'
kill $pid

# ---- many sites --------------------------------------------------------------

# crowded BITS: what rsprof-heap, that stands still meanwhile, has of a target that allocates
# from 2^BITS stacks, into raw; and into sites, for each stack of the target's: its size.
crowded() {
	[ -e gate ] || mkfifo gate
	launch sh -c 'exec "$0" "$1" <gate >said' "$B/target/crowd" "$1"
	pid=$launched
	exec 8>gate
	await 60 grep -q ready said
	: >raw
	rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & producer=$!
	own $producer
	await 60 grep -q '^probe' raw
	await 60 grep -q '^cost' raw
	kill -s STOP $producer
	echo >&8
	await 120 grep -q '^allocs' said
	kill -s CONT $producer
	# A whole interval after it.
	costs=$(grep -c '^cost' raw)
	more_costs() { [ "$(grep -c '^cost' raw)" -ge $((costs + 2)) ]; }
	await 120 more_costs
	kill $producer
	wait $producer
	status=$?
	exec 8>&-
	wait $pid
	# Of a complete stack: down to the thread's first frame.
	awk -F '\t' '$1 == "stack" { up[$2] = $3; if ($0 ~ /\?/) cut[$2] = 1 }
	$1 == "heap" {
		for (i = 6; i <= NF; i++) { split($i, f, "="); sum[$5 " " f[1]] += f[2] }
		leaf[$5] = 1
	}
	END { for (id in leaf) {
		if (sum[id " allocs"] != 1 || sum[id " bytes"] < 100000)
			continue
		for (at = id; at != "-" && !(at in cut); at = up[at])
			;
		if (at == "-")
			print sum[id " bytes"]
	} }' raw | sort -n >sites
	awk -F '\t' '$1 == "lost" { n[$5] += $4 } END { for (r in n) print r, n[r] }' raw >lost
}

crowded 16
says 'as many sites as the room is for: the target says the same' '^allocs 65536 ' said
ok 'as many sites as the room is for: status 0' test $status = 0
seq 100000 165535 >want
same 'as many sites as the room is for: each has its stack and size' sites want
same 'as many sites as the room is for: nothing is lost' lost /dev/null

crowded 17
ok 'more sites: status 0' test $status = 0
n=$(wc -l <sites)
lost=$(awk '{ n += $2 } END { print n + 0 }' lost)
ok "more sites: some have room ($n)" [ "$n" -ge 65536 ]
says 'more sites: that there is no room is told' '^sites-full ' lost
ok "more sites: as many as there is no room for ($n + $lost)" [ $((n + lost)) = 131072 ]
allocs=$(awk -F '\t' '$1 == "heap" && $0 ~ /allocs=/ { sub(/.*allocs=/, ""); n += $0 } END { print n }' raw)
ok "more sites: the total has all of them ($allocs)" [ "$allocs" -ge 131072 ]
done_testing

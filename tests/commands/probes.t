#!/bin/sh
# The CPU profile of a program whose heap is recorded: time in probes is in a row of its
# own, and the rest is what it is without them.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

[ -e "$B/target/churn" ] || skip_all "no Rust compiler built $B/target/churn"
cd "$T" || exit 1

launch "$B/target/churn" >out
pid=$launched

samples() { [ "$(grep -c '^cpu' $1.raw)" -ge "$2" ]; }
# profile NAME N: so many samples of it.
profile() {
	: >$1.raw
	rsprof-cpu -F 999 -p $pid >$1.raw 2>$1.err &
	cpu=$!
	own $cpu
	await 300 samples $1 $2
	kill $cpu
	wait $cpu
}
# heap NAME ARGUMENT...: record the heap meanwhile.
heap() {
	name=$1
	shift
	: >$name.heap
	rsprof-heap "$@" -p $pid >$name.heap 2>heap.err &
	heap=$!
	own $heap
	await 60 grep -q "${until:-^probe}" $name.heap
}
# done_heap: end that.
done_heap() {
	kill $heap
	wait $heap
}
# self NAME: the samples of each function that is one in the machine code, too: of those
# inlined into each other a sample is of the one or of the other by an instruction.
self() {
	rsprof-sym $1.raw | awk -F'\t' '
	$1 == "frame" { gsub(/ /, "_", $3); name[$2] = $3 }
	$1 == "stack" { leaf[$2] = $7 == 1 ? leaf[$3] : $6 in name ? name[$6] : "?" }
	$1 == "cpu" { n[$5 in leaf ? leaf[$5] : $5]++ }
	END { for (f in n) print f, n[f] }' | sort >$1.self
}
# share NAME: of [probes], in percent of all.
share() { awk '{ n += $2 } $1 == "?probes" { p = $2 } END { print int(100 * p / n) }' $1.self; }
# alike NAME POINTS: each function's share, without probes, is that of alone within so
# many percent, and 5.5 standard errors.
alike() {
	join -a 1 -a 2 -e 0 -o 0,1.2,2.2 alone.self $1.self | awk -v points="$2" '
	$1 != "?probes" { f[++k] = $1; a[k] = $2; b[k] = $3; A += $2; B += $3 }
	END {
		for (i = 1; i <= k; i++) {
			p = (a[i] + b[i] + 1) / (A + B)
			d = 100 * (a[i] / A - b[i] / B)
			most = points + 550 * sqrt(p * (1 - p) * (1 / A + 1 / B))
			if (d > most || d < -most) {
				print f[i], 100 * a[i] / A, 100 * b[i] / B, most
				bad = 1
			}
		}
		exit bad || A < 1000 || B < 300
	}'
}

profile alone 2000
if grep -q 'stacks=copy' alone.raw; then skip_all "stacks are copied here: $(cat alone.err)"; fi
self alone
ok 'without probes there are none' test "$(share alone)" = 0

heap exact -s 0
profile exact 3000
done_heap
self exact
ok 'all are recorded: most of the time is in probes' test "$(share exact)" -gt 30
# Those that are known: where probes are, where they let threads go on.
ok 'no sample is left at a probed instruction' awk -F'\t' '
	FILENAME ~ /heap/ { if ($1 == "probe") { at[$6, $7]; n++ }; next }
	$1 == "stack" { leaf[$2] = $4 SUBSEP $5 }
	$1 == "cpu" && leaf[$5] in at { bad++ }
	END { print bad, n; exit bad > 0 || n < 3 }' exact.heap exact.raw
ok 'and few behind one' awk -F'\t' '
	$1 == "cpu" { all++ }
	$1 == "frame" { name[$2] = $3 }
	$1 == "stack" { leaf[$2] = name[$6] }
	$1 == "cpu" && leaf[$5] ~ /__rust_(alloc|dealloc)$/ { n++ }
	END { print n, all; exit n > all / 100 }' exact.raw

heap windows -b 10
profile windows 4000
done_heap
self windows
echo "in probes: $(share windows) % of windows, $(share exact) % of all" | diag
ok 'in windows: some of the time is in probes' test "$(share windows)" -gt 0
ok 'and each function has the share that it has without' alike windows 5

until='^note.*inside the process' heap inside -I
profile inside 4000
done_heap
self inside
if grep -q 'are sampled inside the process, ' inside.heap; then
	ok 'inside: each function has the share that it has without' alike inside 3
	ok 'and no stack has the gate' awk -F'\t' '
		$1 == "module" && $4 ~ /rsprof-gate/ { gate[$2] }
		$1 == "stack" && $4 in gate { bad = 1 }
		END { exit bad }' inside.raw
else
	skip "inside: $(grep '^note.*inside the process' inside.heap)"
fi

rsprof-sym exact.raw | rsprof-store p.db
rsprof-top -n 0 cpu p.db >table
says 'the table has a row' '^ *[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+  \[probes\]' table
says 'and a line about it' '^Probes +[0-9.]+ s more, [0-9.]+ % of the whole' table
rsprof-top -f json -n 0 -t 0 cpu p.db >json
in_probes=$(awk -F'\t' '$1 == "cpu" && $5 == "?probes" { n += $6 } END { printf "%.0f", n }' \
    exact.raw)
says 'JSON has its sum' "\"probes_ns\": ?$in_probes," json
says 'and its row' "\"function\": ?\"\[probes\]\".*\"self_ns\": ?$in_probes," json
ok 'so has SQL' test "$(rsprof-query p.db \
    "SELECT sum(ns) FROM cpu_samples WHERE cut = 'probes'")" = "$in_probes"
ok 'other figures have none of it' test "$(rsprof-query p.db \
    "SELECT sum(ns) FROM cpu_samples WHERE cut IS NOT 'probes'")" = \
    "$(sed -n 's/.*"cpu_ns": *\([0-9]*\).*/\1/p' json)"
for view in 1 t f; do
	COLUMNS=140 LINES=60 rsprof-tui -b -k $view p.db >screen
	says "the view $view has it" '\[probes\]' screen
done
COLUMNS=140 LINES=60 rsprof-tui -b -k t p.db >screen
# Now and then a stack is not complete, and is not below.
ok 'the tree is of that and the rest' awk '/\[probes\]|churn::main/ { n += $1 }
	END { exit !(n > 90 && n < 100.2) }' screen
says 'its cost is in the head' 'profiler [0-9.]+%, probes [0-9.]+%' screen

# Linkers put breakpoints before functions, whose pages come when they are called.
cat >pages.c <<'END'
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int main(void) {
	char page[4096];
	int fd = memfd_create("code", 0);
	char *p;
	memset(page, 0xcc, sizeof page);
	write(fd, page, sizeof page);
	memset(page, 0xc3, 1);
	write(fd, page, sizeof page);
	p = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	for (;;) {
		madvise(p + 4096, 4096, MADV_DONTNEED);
		*(volatile char *)(p + 4095);
		((void (*)(void))(p + 4096))();
	}
}
END
"${CC:-cc}" -O1 -w -o pages pages.c
launch ./pages
pid=$launched
profile pages 1500
ok 'a page fault behind a breakpoint is none' sh -c '! grep "?probes" pages.raw'
done_testing

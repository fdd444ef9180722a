#!/bin/sh
# An allocator that samples by itself, where there may be no uprobe sessions: its
# semaphore is counted up, and its weights are taken.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

mkfifo in
: >out
"$B/target/sampler" <in >>out & pid=$!
own $pid
exec 7>in
long grep -q ready out
rsprof-heap -i 100ms -p $pid >raw 2>err 7>&- & heap=$!
own $heap
long grep -q '^note' raw
head -n 3 err | diag
says 'its probes are armed' '^probe.*	otel_memory	alloc	' raw
echo go 5000 >&7
long grep -q allocated out
exec 7>&-
wait $heap; status=$?
ok 'it ends with the process' test $status = 0
ok 'bytes are as the program counts them' awk -F'\t' '
	NR == FNR { if (sub(/^allocated /, "")) { split($0, w, " "); truth = w[1] }; next }
	$1 == "heap" { for (i = 6; i <= NF; i++)
		if (split($i, kv, "=") && kv[1] == "bytes") n += kv[2] }
	END { d = n - truth; if (d < 0) d = -d; print n, truth
		exit !(truth > 0 && d <= 5.5 * sqrt(truth * 4096) + 0.002 * truth) }' out raw
ok 'nothing is lost' sh -c '! grep "^lost" raw'
done_testing

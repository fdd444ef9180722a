#!/bin/sh
# Allocations sampled inside the process (-I), or the reason why not; and what
# rsprof-doctor says of the heap is what rsprof-heap does.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

mkfifo in
: >out
"$B/target/gated" count 2 <in >>out 2>&1 & pid=$!
own $pid
exec 7>in
long grep -q ready out
rsprof-heap -I -s 4096 -i 100ms -p $pid >raw 2>err 7>&- & heap=$!
own $heap
long grep -q '^note' raw
head -n 3 err | diag
says 'allocations are sampled inside' 'sampled inside the process, one per 4096' raw
echo go 10000 >&7
long grep -q allocated out
exec 7>&-
wait $heap; status=$?
ok 'it ends with the process' test $status = 0
wait $pid
ok 'which ends well' grep -q '^allocated' out
# 5.5 standard errors of a Poisson process over the bytes.
ok 'bytes are as the program counts them' awk -F'\t' '
	NR == FNR { if (sub(/^allocated /, "")) { split($0, w, " "); truth = w[1] }; next }
	$1 == "heap" { for (i = 6; i <= NF; i++)
		if (split($i, kv, "=") && kv[1] == "bytes") n += kv[2] }
	END { d = n - truth; if (d < 0) d = -d; print n, truth
		exit !(truth > 0 && d <= 5.5 * sqrt(truth * 4096) + 0.002 * truth) }' out raw
ok 'nothing is lost' sh -c '! grep -q "^lost" raw'

rsprof-doctor -t >doctor
grep -E '^(uprobe-session|bpf-heap)' doctor | diag
session() { awk -F'\t' '$1 == "uprobe-session" { print $2 }' doctor; }
case $(session) in
yes) how=sessions ;;
*) how='their entry and return' ;;
esac
says 'rsprof-doctor says how allocations are probed' "^bpf-heap	yes	.* by $how	" doctor
done_testing

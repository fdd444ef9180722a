#!/bin/sh
# The heap without root, of a command from its first instruction on, where Yama lets
# users trace their descendants only.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

yama=/proc/sys/kernel/yama/ptrace_scope
if [ -e $yama ]; then
	echo 1 >$yama
	ok 'Yama restricts tracing' test "$(cat $yama)" = 1
else
	skip 'no Yama'
fi
chmod 711 "$T"
plain() { exec setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all -- "$@"; }

(plain rsprof-doctor -t) >doctor
says 'rsprof-doctor says what is possible' '^heap-inside	yes	.*commands that rsprof' doctor

mkfifo in ready
chmod 666 in ready
# recorded WHAT: its bytes are as the program counts them.
recorded() {
	(plain rsprof-exec "$B/target/gated" count 2) <in >out 2>&1 & pid=$!
	own $pid
	exec 7>in
	long grep -q '^State:.T' "/proc/$pid/status"
	(plain rsprof-heap -r -R 8 -s 16384 -i 100ms -p $pid) >raw 2>err 7>&- 8>ready & heap=$!
	own $heap
	read -r _ <ready
	head -n 3 err | diag
	kill -s CONT $pid
	long grep -q ready out
	echo go 2000 >&7
	long grep -q allocated out
	exec 7>&-
	wait $heap; status=$?
	ok "$1: a command is recorded to its end" test $status = 0
	says "$1: without BPF" 'recorded inside the process alone' raw
	ok "$1: bytes are as the program counts them" awk -F'\t' '
		NR == FNR { if (sub(/^allocated /, "")) { split($0, w, " "); truth = w[1] }; next }
		$1 == "heap" { for (i = 6; i <= NF; i++)
			if (split($i, kv, "=") && kv[1] == "bytes") n += kv[2] }
		END { d = n - truth; if (d < 0) d = -d; print n, truth
			exit !(truth > 0 && d <= 5.5 * sqrt(truth * 16384) + 0.002 * truth) }' out raw
}
echo 2 >/proc/sys/kernel/perf_event_paranoid
recorded 'events of their own'
# Debian's kernels know 3: no events at all.
echo 3 >/proc/sys/kernel/perf_event_paranoid
recorded 'no events'
echo 2 >/proc/sys/kernel/perf_event_paranoid

# One that runs already may not be traced.
if [ -e $yama ]; then
	: >out
	(plain "$B/target/gated" count 2) <in >>out 2>&1 & pid=$!
	own $pid
	exec 7>in
	long grep -q ready out
	(plain sh -c 'rsprof-heap -I -d 1 -p $0 & wait $!' $pid) >raw 2>err 7>&-
	status=$?
	ok 'one that runs already is refused' test $status = 4
	says 'and it is said why' 'must not be traced|not yours|may not' err
	exec 7>&-
	wait $pid
	echo 0 >$yama
fi
done_testing

#!/bin/sh
# What this kernel allows whom, and what rsprof-cpu says of it: Debian's own
# ships with kernel.perf_event_paranoid at 3, which others do not know.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'takes root'
paranoid=/proc/sys/kernel/perf_event_paranoid
mkdir bin
cp "$B/rsprof-cpu" "$B/target/split" bin
chmod -R a+rX "$T"

setpriv --reuid 65534 --regid 65534 --clear-groups bin/split 1000000 >split.out &
theirs=$!
own $theirs
long test -s split.out

if [ "$(cat $paranoid)" -gt 2 ]; then
	exits "at $(cat $paranoid) nobody may" 4 nobody bin/rsprof-cpu -p $theirs -d 1
	one_line 'it is said'
	says 'and what would help' \
	    'perf_event_paranoid is [34]: set it to 2, or give CAP_PERFMON'
	# Only where nobody else uses the system.
	[ -z "${RSPROF_GUEST-}" ] || echo 2 >$paranoid
else
	skip "kernel.perf_event_paranoid is $(cat $paranoid)"
fi

if [ "$(cat $paranoid)" = 2 ]; then
	setpriv --reuid 65534 --regid 65534 --clear-groups bin/rsprof-cpu \
	    -p $theirs -F 199 >two.raw 2>two.err &
	own $!
	echo $! >two.pid
	long samples two 100
	kill $!
	finish two
	how two copy
	says 'why they are copied is told' '^note	.*(BPF|built without)' two.raw
	says 'and what is not counted' \
	    '^note	.*time in the kernel is not counted: .*perf_event_paranoid is 2' two.raw
	whole two 97
else
	skip "kernel.perf_event_paranoid is $(cat $paranoid)"
fi
done_testing

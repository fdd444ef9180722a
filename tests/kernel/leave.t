#!/bin/sh
# However rsprof-cpu ends, it leaves nothing in the kernel, and its target as
# it was.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] && bpftool prog >/dev/null 2>&1 ||
    skip_all "takes root and bpftool(8)"

# held: the ids of what rsprof-cpu has in the kernel: programs, maps, links.
held() {
	cat "/proc/$cpu/fdinfo/"* 2>/dev/null |
	    sed -n 's/^\(prog\|map\|link\)_id:[^0-9]*/\1 /p' | sort -u
}
gone() {
	while read -r what id; do
		! bpftool "$what" show id "$id" >/dev/null 2>&1 || return
	done <"$1"
}
counters() { find "/proc/$cpu/fd" -lname '*perf_event*' | wc -l; }

"$B/target/split" 1000000 >split.out &
busy=$!
own $busy
long test -s split.out
find /proc/$busy/fd /proc/$busy/task -maxdepth 1 | sort >before

for how in TERM HUP KILL; do
	start $how walk $busy -F 199
	long samples $how 100
	if grep -q 'rsprof was built without BPF' $how.raw; then
		skip "$how: rsprof was built without BPF"
	else
		held >$how.held
		ok "$how: programs, maps and counters are there" \
		    test "$(grep -c map $how.held)" -gt 3 -a \
		    "$(grep -c prog $how.held)" -gt 0 -a "$(counters)" -gt 0
	fi
	if gone $how.held; then fail "$how: bpftool does not see them"; fi
	kill -s $how $cpu
	wait $cpu 2>/dev/null
	ok "$how: nothing of it is left" long gone $how.held
done

find /proc/$busy/fd /proc/$busy/task -maxdepth 1 | sort >after
same 'the target is as it was' after before
lines=$(wc -l <split.out)
more() { [ "$(wc -l <split.out)" -gt $((lines + 3)) ]; }
ok 'and goes on' long more
ok 'nothing traces it' grep -q '^TracerPid:	0$' /proc/$busy/status
done_testing

#!/bin/sh
# Leaving a process that allocates all the time, by every way there is: no probe
# may stay behind, and it goes on as fast as before.  DETACHES says how often.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"
. "$(dirname "$0")/../tools/heap.sh"

detaches=${DETACHES:-9}
[ -e "$B/target/work" ] || skip_all "no Rust compiler built $B/target/work"
cd "$T" || exit 1
PATH=$PATH:/usr/sbin

# So that what attaches gets its share of the CPUs, too.
launch nice -n 19 "$B/target/work" pairs 0 4 >said; pid=$launched
lines() { wc -l <said; }
more() { [ "$(lines)" -ge "$1" ]; }
await 60 more 20
# speed FROM TO: pairs a us of CPU time between two lines of what it says.
speed() {
	sed -n "$1p;$2p" said | awk '
		NR == 1 { units = $2; cpu = $3 }
		NR == 2 { printf "%.2f\n", ($2 - units) / ($3 - cpu) * 1e3 }'
}
run() {
	from=$(lines)
	await 60 more $((from + 50))
	speed $((from + 1)) "$(lines)"
}
# programs: numbers of the BPF programs that rsprof-heap has in the kernel.
programs() { sed -n 's/^prog_id:[[:space:]]*//p' /proc/$heap/fdinfo/* 2>/dev/null; }
state() {
	ls "/proc/$pid/task" | wc -l
	ls "/proc/$pid/fd" | wc -l
	grep -E '^(Threads|SigBlk|SigIgn|SigCgt|Seccomp|TracerPid)' "/proc/$pid/status"
}

state >was
native=$(run)
rsprof-heap -s 0 -d 0.1 -p $pid >raw 2>err ||
    skip_all "allocations cannot be probed here: $(head -n 1 err)"
ok 'the time is over: its code is as in its files' await 60 is_clean $pid

i=0 bad=0 armed=0
while [ $i -lt "$detaches" ]; do
	i=$((i + 1))
	case $((i % 4)) in
	0) options=-b10 ;;
	1) options='' ;;
	2) options='-s 65536' ;;
	*) options='-s 0' ;;
	esac
	: >out # what is there is of the last time
	# shellcheck disable=SC2086
	rsprof-heap $options -i 100ms -p $pid >out 2>err & heap=$!; own $heap
	await 60 grep -q '^probe' out
	code $pid >there
	grep -q ' 314 ' there && armed=$((armed + 1))
	programs >>ours
	# In the middle of it, sooner or later.
	sleep 0.$((i % 3))
	case $((i % 3)) in
	0) kill -s KILL $heap ;;
	1) kill -s HUP $heap ;;
	*) kill -s TERM $heap ;;
	esac
	wait $heap 2>/dev/null
	await 60 is_clean $pid || { bad=$((bad + 1)); diag <now; }
	kill -0 $pid || break
done
ok "left $detaches times: every time its code was as in its files" test $bad = 0
# In windows there are none for most of the time.
ok 'and had probes while it was watched' test $armed -ge $((detaches / 2))
ok 'the process lives' kill -0 $pid

# Killed while it arms and removes: the kernel would leave what is being removed just then.
i=0 bad=0
while [ $i -lt "$detaches" ]; do
	i=$((i + 1))
	: >out
	rsprof-heap -s 0 -b 10 -i 100ms -p $pid >out 2>err & heap=$!; own $heap
	await 60 grep -q '^probe' out
	sleep 0.$((i * 37 % 100 + 100))
	kill -s KILL $heap
	wait $heap 2>/dev/null
	await 60 is_clean $pid || { bad=$((bad + 1)); diag <now; }
done
ok "killed $i times: its code was as in its files" test $bad = 0
after=$(run)
# 60 times less with a single probe that is left behind.
ok 'it is as fast as before, within a factor of 4' awk -v native="$native" -v after="$after" \
    'BEGIN { exit !(after > native / 4) }' </dev/null
state >is
same 'it is as it was' is was
nothing() {
	for id in $(sort -u ours); do
		! bpftool prog show id "$id" >/dev/null 2>&1 || return 1
	done
}
ok 'it had programs in the kernel' test -s ours
ok 'none of them stays' await 60 nothing
ok 'what it says is whole' awk '
	NF != 3 || $1 <= time || $2 < units { exit 1 }
	{ time = $1; units = $2 }' said
echo "pairs a us of CPU time: $native before, $after after $detaches attaches" | diag
done_testing

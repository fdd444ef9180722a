#!/bin/sh
# Attaching to a process many times, and leaving it by every way there is: it
# must not notice, and nothing may stay behind.  ATTACHES says how many times.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

attaches=${ATTACHES:-50}
strain=$B/target/strain
cd "$T" || exit 1
PATH=$PATH:/usr/sbin

# So that what attaches gets its share of the CPUs, too.
mkfifo gate
nice -n 19 "$strain" threads 64 <gate >said & pid=$!; own $pid
exec 8>gate
echo go >&8
said() { [ "$(grep -c '^at' said)" -ge "$1" ]; }
await 60 said 3
rsprof-cpu -p $pid -d 0.1 8>&- >probe 2>err ||
    skip_all "sampling is not possible here: $(cat err)"

# What is ours of what the kernel holds: TYPE ID NAME.  Others' programs of
# the same name do not count: those that a process has, and their maps.
names='on_event on_fork on_exec on_exit on_switch on_wakeup on_birth on_interval
    on_look arena process scratch copies sampled told ring away off
    rsprof_segment'
held() {
	for type in prog map; do
		bpftool $type list 2>/dev/null |
		    awk -v type=$type '/^[0-9]+:/ {
			sub(/:/, "", $1)
			for (i = 2; i < NF; i++)
				if ($i == "name")
					print type, $1, $(i + 1)
		}'
	done | awk -v names="$names" '
		BEGIN { n = split(names, w); for (i = 1; i <= n; i++) ours[substr(w[i], 1, 15)] = 1 }
		$3 in ours' | sort
	bpftool link list 2>/dev/null | sed -n 's/^\([0-9]*\): tracing  prog \([0-9]*\).*/link \1 \2/p' | sort
}
# What processes have open, or an arena that one of them has open holds.
open_ids() {
	cat /proc/[0-9]*/fdinfo/* 2>/dev/null |
	    awk '/^(prog|map|link)_id:/ { sub(/_id:/, "", $1); print $1, $2 }' | sort -u >ids
	cat ids
	while read -r type id; do
		[ "$type" = map ] || continue
		bpftool map show id "$id" 2>/dev/null | grep -q 'name arena' || continue
		bpftool map dump id "$id" 2>/dev/null |
		    sed -n 's/.*inner_map_id: *\([0-9]*\).*/map \1/p; s/.*"inner_map_id": *\([0-9]*\).*/map \1/p'
	done <ids
}
last() { cut -d' ' -f2 | sort -n | tail -n 1; }
# Those that came since, and that nobody has.
left_over() {
	held >now
	open_ids >open
	awk 'FNR == 1 { f++ }
		f == 1 { before[$1, $2]; next }
		f == 2 { open_[$1, $2]; next }
		!(($1, $2) in before) && !(($1, $2) in open_) &&
		    ($1 != "link" || (("prog", $3) in ours)) { print }
		$1 == "prog" { ours[$1, $2] }' before open now
}
nothing_left() { [ -z "$(left_over)" ]; }

# What of the target must stay as it is.
state() {
	ls -l "/proc/$pid/fd" | sed 's/.*[0-9] //'
	# Its heap and its stacks may grow.
	awk '{ print $2, $3, $4, $5, $6 }' "/proc/$pid/maps"
	find "/proc/$pid/task" -maxdepth 1 | sort
	grep -E '^(Threads|SigBlk|SigIgn|SigCgt|Seccomp|TracerPid)' "/proc/$pid/status"
}

# speed FROM TO: work per ns of CPU time between two lines of what it says.
speed() {
	grep '^at' said | sed -n "$1p;$2p" | awk '
		NR == 1 { cpu = $3; units = $4 }
		NR == 2 { printf "%.3f\n", ($4 - units) / ($3 - cpu) * 1e6 }'
}
lines() { grep -c '^at' said; }

if bpftool prog list >/dev/null 2>&1; then held >before; else : >before; fi
state >was
from=$(lines)
await 60 said $((from + 10))
native=$(speed "$from" "$(lines)")

# ---- as many times as was asked for ------------------------------------------

bpf=
grep -q 'stacks=bpf' probe && bpf=1
from=$(lines)
i=0 bad=0
while [ $i -lt "$attaches" ]; do
	i=$((i + 1))
	case $((i % 10)) in
	[0-3]) options='' ;;
	4) options='-k -F 997' ;;
	5) options='-f -F 997' ;;
	6) options=${bpf:+-o} ;;
	7) options='-e page-faults' ;;
	*) options=-u ;;
	esac
	case $((i % 5)) in
	# Killed, early or late.
	0 | 3)
		: >out # what is there is of the last time
		# shellcheck disable=SC2086
		rsprof-cpu $options -p $pid >out 2>err 8>&- & cpu=$!; own $cpu
		[ $((i % 2)) = 0 ] || await 60 grep -q '^map' out
		kill -9 $cpu
		wait $cpu 2>/dev/null ;;
	# The reader goes.
	1)
		# shellcheck disable=SC2086
		rsprof-cpu $options -p $pid 2>err 8>&- | head -n 3 >out
		grep -q '^rsprof' out || { bad=$((bad + 1)); diag <err; } ;;
	*)
		# shellcheck disable=SC2086
		rsprof-cpu $options -p $pid -d 0.05 >out 2>err 8>&- ||
		    { bad=$((bad + 1)); diag <err; } ;;
	esac
done
ok "attached $i times, and all went well" test $bad = 0
during=$(speed "$from" "$(lines)")

from=$(lines)
await 60 said $((from + 10))
after=$(speed "$from" "$(lines)")
echo "# units of work per ms of CPU time: $native before, $during meanwhile, $after after"
ok 'its speed is what it was, within a factor of two' \
    awk "BEGIN { exit !($after > $native / 2) }"
state >is
same 'its files, mappings and threads are what they were' is was

if ! command -v bpftool >/dev/null || ! bpftool prog list >/dev/null 2>&1; then
	skip 'programs and maps that are left: bpftool is missing'
else
	if [ -n "$bpf" ]; then
		: >out
		rsprof-cpu -p $pid -d 20 >out 2>err 8>&- & cpu=$!; own $cpu
		await 60 grep -q '^map' out
		held >now
		ok 'what it loads while it runs is seen' sh -c '
			diff before now | grep -q "prog [0-9]* on_event" &&
			    diff before now | grep -q "map [0-9]* rsprof_segment"'
		kill -9 $cpu
		wait $cpu 2>/dev/null
	fi
	if await 60 nothing_left; then pass 'no program, map or link is left'
	else fail 'no program, map or link is left'; left_over | diag; fi
fi

exec 8>&-
wait $pid; status=$?
ok 'it ends well' test $status = 0
says 'and all of its work is right' '^right$' said
ok 'that of all its threads' test "$(grep -c '^thread' said)" = 65
done_testing

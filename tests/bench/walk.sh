#!/bin/sh
# walk.sh: how long the walk in the kernel takes, as the kernel itself measures
# the run time of BPF programs (sysctl kernel.bpf_stats_enabled), for stacks of
# two depths: all that a sample takes, and what a further frame adds.
. "$(dirname "$0")/lib.sh"

switch=/proc/sys/kernel/bpf_stats_enabled
[ -n "${BENCH_MODES-}" ] || find_modes >/dev/null
case $BENCH_MODES in
bpf*) ;;
*) put note walk 'no walk in the kernel'; exit 0 ;;
esac
before=$(cat $switch)
if ! echo 1 2>/dev/null >$switch; then
	put note walk "$switch cannot be set"
	exit 0
fi
# shellcheck disable=SC2317
cleanup_walk() { echo "$before" >$switch; cleanup; }
trap cleanup_walk EXIT

# objects PID: what the kernel says of its open BPF programs and maps, a line
# each: prog ID NS RUNS, or map ID BYTES.
objects() {
	cat /proc/"$1"/fdinfo/* 2>/dev/null | awk '
		function finish() {
			if (f["prog_type:"] == 7 && !seen["p", f["prog_id:"]]++)
				print "prog", f["prog_id:"], f["run_time_ns:"], f["run_cnt:"]
			if ("map_id:" in f && !seen["m", f["map_id:"]]++)
				print "map", f["map_id:"], f["memlock:"]
			split("", f)
		}
		$1 == "pos:" { finish() }
		{ f[$1] = $2 }
		END { finish() }'
}

# depth: samples in a record stream, and the mean of their frames.
depth() {
	awk -F'\t' '
		$1 == "stack" { depth[$2] = depth[$3] + 1 }
		$1 == "cpu" { n++; sum += depth[$5] }
		END { print n, n ? sum / n : 0 }' "$1"
}

# walk CALLS: sets $frames, and $sample to the ns of one.  Ticks that meet
# another program are runs, too: what these take is seen once the target rests.
walk() {
	target busy 3600 "$(getconf _NPROCESSORS_ONLN)" "$1"
	rsprof-cpu -F 999 -p "$pid" >"$T/walk.rec" &
	prof=$!
	own $prof
	await 10 grep -q '^cpu' "$T/walk.rec" || die 'no samples'
	sleep "$BENCH_SECONDS"
	kill -STOP "$pid"
	objects $prof >"$T/busy"
	sleep "$(sum "$BENCH_SECONDS / 3")"
	objects $prof >"$T/rest"
	kill $prof
	wait $prof
	kill -CONT "$pid"
	end_target
	# shellcheck disable=SC2046
	set -- $(depth "$T/walk.rec")
	frames=$2
	sample=$(awk -v n="$1" '
		$1 != "prog" { next }
		FNR == NR { ns += $3; runs += $4; next }
		{ rest_ns += $3; rest_runs += $4 }
		END {
			rest = rest_runs > runs ? (rest_ns - ns) / (rest_runs - runs) : 0
			print (ns - (runs > n ? runs - n : 0) * rest) / n
		}' "$T/busy" "$T/rest")
}

for _ in $(repetitions); do
	walk 24
	few=$frames few_ns=$sample
	put walk_frames bpf "$few"
	put walk_sample bpf "$few_ns"
	put walk_frame bpf "$(sum "$few_ns / $few")"
	put walk_maps bpf "$(awk '$1 == "map" { n += $3 } END { print n / 1048576 }' "$T/busy")"
	walk 300
	put walk_further bpf "$(sum "($sample - $few_ns) / ($frames - $few)")"
done

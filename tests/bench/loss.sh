#!/bin/sh
# loss.sh busy|switch HZ: what the target gets done less while it is sampled,
# in percent, by the clock and by its CPU time.  Each window is compared with
# the ones right before and after it in which nobody watched, and these with
# each other: that is the noise.  At 999 Hz of the busy target, also what the
# profiler has cost, and how many stacks are complete.
. "$(dirname "$0")/lib.sh"

kind=$1 hz=$2
[ -n "${BENCH_MODES-}" ] || find_modes >/dev/null
# Costs are of 10,000 samples, so on two CPUs there should be as many.
length=$BENCH_SECONDS
[ "$hz" != 999 ] || length=$(sum "$length * 2.2")
whole=$(sum "$length + 0.6")

# native: a window in which nobody watches.
native() {
	window "$(sum "$BENCH_SECONDS * 0.7")"
	echo "native $rate" >>"$T/rates"
}

# watched WHO
watched() {
	watch "$1" "$hz" "$whole" "$1"
	sleep 0.3
	window "$length"
	wait "$watch"
	echo "$1 $rate" >>"$T/rates"
}

# after WHO: while the target rests.
after() {
	kill -STOP "$pid"
	if [ "$hz" = 999 ]; then
		print "$1" "$1"
		costs busy "$1" "$1"
		reach busy_complete "$1" "$1"
	else
		put "own_${kind}_$hz" "$1" \
			"$(sum "$(used "$1" | nth 1) / $whole / 10")"
	fi
	kill -CONT "$pid"
	sleep 0.1
}

target "$kind" 3600 "$(getconf _NPROCESSORS_ONLN)"
sleep 0.3
native
for _ in $(repetitions); do
	for who in $BENCH_MODES; do
		watched "$who"
		after "$who"
		native
	done
done
end_target

awk -v figure="lost_${kind}_$hz" '
	{ who[NR] = $1; wall[NR] = $2; cpu[NR] = $3 }
	function lost(x, i, d) {
		return 100 * (1 - 2 * x[i] / (x[i - d] + x[i + d]))
	}
	END {
		for (i = 1; i <= NR; i++) {
			print "ns_" figure "\t" who[i] "\t" 1e9 / cpu[i]
			d = who[i] == "native" ? 2 : 1
			if (i - d < 1 || i + d > NR)
				continue
			print figure "_wall\t" who[i] "\t" lost(wall, i, d)
			print figure "_cpu\t" who[i] "\t" lost(cpu, i, d)
		}
	}' "$T/rates"

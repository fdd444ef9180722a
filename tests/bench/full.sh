#!/bin/sh
# full.sh: 10,000 samples a second of two busy threads: how many came, and how
# many are told to be lost, in percent of what the CPU time that the threads
# have used by their own clocks makes.  A clock of samples goes on while a
# hypervisor runs something else, a thread's own does not.
. "$(dirname "$0")/lib.sh"

[ -n "${BENCH_MODES-}" ] || find_modes >/dev/null
hz=10000

perf_options='-k mono'

# counted WHO: lines of "sample NS [FOR]", by the target's clock and with the
# time that it stands for, if that is told; and "lost N".
counted() {
	if is_rsprof "$1"; then
		rsprof-query "$T/full.db" "
			SELECT 'sample', cpu.time - stream.offset, cpu.ns FROM cpu, stream
			UNION ALL
			SELECT 'lost', count, 0 FROM lost WHERE reason <> 'throttled'"
	else
		perf script -i "$T/full.data" -F time --show-lost-events 2>/dev/null |
			sed -n 's/.*PERF_RECORD_LOST lost \([0-9]*\).*/lost \1/p
				s/^ *\([0-9]*\)\.\([0-9]*\): *$/sample \1\2000/p'
	fi
}

# compare WHO: the target's lines, then what was counted, between the first and
# the last line that samples stand around.
compare() {
	awk -v hz=$hz -v who="$1" '
		FNR == NR { time[NR] = $1; used[NR] = $3; n = NR; next }
		$1 == "lost" { lost += $2; next }
		{
			at[++came] = $2 + 0
			worth[came] = NF > 2 ? $3 * hz / 1e9 : 1
			if (came == 1 || $2 + 0 < from) from = $2 + 0
			if ($2 + 0 > to) to = $2 + 0
		}
		function put(figure, value) {
			print figure "\t" who "\t" value
		}
		END {
			for (a = 1; a < n && time[a] < from; a++)
				;
			for (b = n; b > a && time[b] > to; b--)
				;
			due = (used[b] - used[a]) * hz / 1e9
			if (due <= 0)
				exit
			for (i = 1; i <= came; i++)
				if (at[i] > time[a] && at[i] <= time[b])
					within += worth[i]
			lost *= (time[b] - time[a]) / (to - from)
			put("full_came", 100 * within / due)
			put("full_lost", 100 * lost / due)
			put("full_both", 100 * (within + lost) / due)
		}' "$T/count" "$T/counted"
}

# stolen: the machine's CPU time, and what the hypervisor took of it.
stolen() {
	awk '$1 == "cpu" { print $2 + $3 + $4 + $7 + $8, $9 }' /proc/stat
}

target busy 3600 2
for _ in $(repetitions); do
	for who in $BENCH_MODES; do
		before=$(stolen)
		watch "$who" $hz "$BENCH_SECONDS" full
		wait "$watch"
		put full_stolen "$who" "$(echo "$before $(stolen)" |
			awk '{ d = $3 - $1; print d ? 100 * ($4 - $2) / d : 0 }')"
		counted "$who" >"$T/counted"
		compare "$who"
	done
done
end_target

#!/bin/sh
# inside.sh: the CPU time that a unit of work takes while its heap is recorded, by that of
# the same process before, for programs that allocate all the time: sampled inside the
# process (with nothing sampled, and as often as the budget pays for), exact, in windows, by
# bcc's memleak; and for processes of their own heaptrack and valgrind's dhat.  Then the
# throughput after attaches, by the clock, and the memory that the gate takes.
. "$(dirname "$0")/lib.sh"

NEVER=1000000000000 # bytes, of which one would be sampled

# units SECONDS: of CPU time, a second, as $units.
units() {
	window "$1"
	# shellcheck disable=SC2154
	units=$(echo "$rate" | nth 2)
}

# told WHO VALUE: how many times as long a unit takes.
told() { put "inside_$name" "$1" "$(sum "$2 / ($units + 1e-9)")"; }

# memory: MiB of the target's that the gate takes: its code, and its data behind that.
memory() {
	awk '/^[0-9a-f]+-/ { split($1, at, "-"); gate = /rsprof-gate/ || at[1] == end
			if (/rsprof-gate/) end = at[2] }
		gate && $1 == "Rss:" { n += $2 }
		END { print n / 1024 }' "/proc/$pid/smaps"
}

# compare WHO READY COMMAND...: before it and while it watches.
compare() {
	who=$1 ready=$2; shift 2
	units "$(sum "$BENCH_SECONDS / 2")"
	before=$units
	begin "$who" "$@"
	if await 60 grep -Eq "$ready" "$T/$who" "$T/$who.err"; then
		sleep "$BENCH_SECONDS" # in which it finds its rate
		units "$BENCH_SECONDS"
		told "$who" "$before"
		[ "$who" != gate ] || put inside_memory gate "$(memory)"
	else
		put note "inside $who" "it does not begin: $(head -n 1 "$T/$who.err")"
	fi
	stop
}

lines() { grep '^[0-9]* [0-9]* [0-9]*$' "$T/count"; }
counts() { [ "$(lines | wc -l)" -gt 5 ]; }

# loaded WHO COMMAND...: runs the target itself.
loaded() {
	who=$1; shift
	if ! command -v "$1" >/dev/null; then
		put note "inside $who" "$1 is not installed"
		return
	fi
	: >"$T/count"
	"$@" "$B/target/work" "$kind" "$(sum "$BENCH_SECONDS * 3 + 3")" "$threads" \
	    >"$T/count" 2>"$T/$who.err" &
	watch=$!
	own $watch
	if await 30 counts; then
		units "$BENCH_SECONDS"
		told "$who" "$native"
	fi
	wait "$watch" 2>/dev/null
}

# program NAME KIND THREADS
program() {
	name=$1 kind=$2 threads=$3
	target "$kind" 3600 "$threads"
	sleep 0.2
	compare idle '^note.*inside' rsprof-heap -I -s $NEVER -p "$pid"
	native=$before
	compare gate '^note.*inside' rsprof-heap -I -p "$pid"
	compare exact '^probe' rsprof-heap -s 0 -p "$pid"
	compare windows '^probe' rsprof-heap -b 10 -p "$pid"
	if command -v memleak-bpfcc >/dev/null; then
		compare memleak Attaching memleak-bpfcc -p "$pid" 3600
	fi
	end_target
	loaded heaptrack heaptrack -o "$T/heaptrack"
	loaded dhat valgrind --tool=dhat --dhat-out-file="$T/dhat"
}

for _ in $(repetitions); do
	program churn churn 1
	[ "$BENCH_LIMIT" -gt 1 ] || continue
	program json json 1
	program json2 json 2
	program mix mix 1
	program pair pairs 1
done

# ---- after an attach ---------------------------------------------------------

# attach WHO OPTION...: percent of the throughput of the second before that is left in the
# worst tenth of a second, and in the worst second.
attach() {
	who=$1; shift
	target pairs 3600 1
	sleep 1.3
	from=$(tail -n 1 "$T/count" | nth 1)
	begin "$who" rsprof-heap "$@" -p "$pid"
	sleep "$attached"
	awk -v at="$from" '
	NR > 1 { # what was done up to each tenth of a second
		while ((edge = at + (k - 10) * 1e8) <= $1) {
			if (edge >= time)
				done[k] = n + ($2 - n) * (edge - time) / ($1 - time)
			k++
		}
	}
	{ time = $1; n = $2 }
	END {
		if (!(0 in done)) # it had no CPU
			exit
		native = (done[10] - done[0]) / 10
		worst = second = 1e9
		for (i = 11; i in done; i++) {
			if (done[i] - done[i - 1] < worst) worst = done[i] - done[i - 1]
			if (i >= 20 && done[i] - done[i - 10] < second)
				second = done[i] - done[i - 10]
		}
		print 100 * worst / native, 10 * second / native
	}' "$T/count" >"$T/attach"
	if [ -s "$T/attach" ]; then
		put attach_worst "$who" "$(nth 1 <"$T/attach")"
		put attach_second "$who" "$(nth 2 <"$T/attach")"
	fi
	stop
	end_target
}

attached=$(sum "$BENCH_SECONDS * 2")
for _ in $(seq "$(sum "int($BENCH_REPEAT * 10 / 3)")"); do
	attach gate -I
	attach windows -b 10
done

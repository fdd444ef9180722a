#!/bin/sh
# Allocations in windows of time, of a program that keeps its own account: what is
# live is a range that holds the truth, and is known where it can be.
. "$(dirname "$0")/../tools/lib.sh"

[ -e "$B/target/ledger" ] || skip_all 'no Rust compiler built the target'
cd "$T" || exit 1
launch "$B/target/ledger" >said
rsprof-heap -d 0.1 -p "$launched" >raw 2>err ||
    skip_all "allocations cannot be probed here: $(head -n 1 err)"
kill -s KILL "$launched"

# watched N: there have been so many intervals with windows.
watched() { [ "$(grep '^memory' raw | grep -c 'live_max=')" -ge "$1" ]; }

# compare: each figure of the last interval, by the producer and by the program:
# NAME LIVE LEAST MOST TRUTH, with "all" for all together.
compare() {
	rsprof-sym <raw 2>err | awk -F'\t' '
	FNR == NR { n = split($0, w, " "); if (w[1] == "at") line[++lines] = $0; next }
	$1 == "probe" && !first { first = $2 }
	$1 == "frame" { sub(/.*::/, "", $3); frame[$2] = $3 }
	$1 == "stack" {
		site[$2] = frame[$6] ~ /^(queue_box|short_string|slow_leak)$/ ? frame[$6] : site[$3]
	}
	$1 == "heap" || $1 == "memory" {
		who = $1 == "heap" ? site[$5] : "all"
		key = $1 == "heap" ? $5 : "all"
		of[key] = who
		least[key] = most[key] = live[key] = 0
		for (i = 4; i <= NF; i++) {
			split($i, kv, "=")
			if (kv[1] == "live") live[key] = kv[2]
			if (kv[1] == "live_min") least[key] = kv[2]
			if (kv[1] == "live_max") most[key] = kv[2]
		}
		last = $2
	}
	END {
		for (i = 1; i <= lines; i++) {
			split(line[i], w, " ")
			if (w[2] <= last) {
				truth["queue_box"] = w[6]
				truth["slow_leak"] = w[12]
				truth["short_string"] = w[9]
				if (w[2] <= first) before = w[12]
			}
		}
		truth["slow_leak"] -= before
		truth["all"] = truth["queue_box"] + truth["slow_leak"]
		for (k in of)
			if (of[k]) {
				l[of[k]] += live[k]; a[of[k]] += least[k]; b[of[k]] += most[k]
			}
		for (name in truth)
			print name, l[name] + 0, a[name] + 0, b[name] + 0, truth[name]
	}' said - | sort
}

# holds NAME: its range has the truth in it, or nearly.
holds() {
	awk -v name="$1" '$1 == name { found = $3 <= $5 * 1.5 + 1e5 && $4 * 1.5 + 1e5 >= $5 }
		END { exit !found }' got
}

# bytes: LEAST SUM MOST TRUTH of what was allocated between the first interval with a range and
# the last one.
bytes() {
	awk '
	FNR == NR { n = split($0, w, " "); if (w[1] == "at") { t[++lines] = w[2]; sum[lines] = w[7] + w[10] + w[13] }; next }
	function at(time,   i) {
		for (i = 1; i < lines && t[i + 1] <= time; i++) ;
		return i < lines ? sum[i] + (sum[i + 1] - sum[i]) * (time - t[i]) / (t[i + 1] - t[i]) : sum[i]
	}
	$1 == "memory" && /bytes_max=/ {
		split("", v)
		for (i = 4; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		if (first) { least += v["bytes_min"]; got += v["bytes"]; most += v["bytes_max"] }
		else first = $2
		last = $2
	}
	END { printf "%.0f %.0f %.0f %.0f\n", least, got, most, at(last) - at(first) }' \
	    said FS='\t' raw
}

# record: attach to the program of $pid until enough has been seen.
record() {
	rsprof-heap -b 10 "$@" -p $pid >raw 2>err & heap=$!; own $heap
}
end() {
	await 120 watched 8
	kill -s TERM $heap
	wait $heap
	status=$?
	kill -s KILL $pid
	compare >got
	diag <got
}

# ---- from the start ----------------------------------------------------------

rsprof-exec "$B/target/ledger" >said & pid=$!; own $pid
record -r -P
end
ok 'a program from its start on' test $status = 0
ok 'all that lives is known within 20 percent' awk '
	$1 == "all" { good = $4 <= 2 * $3 && $2 > $5 * 0.8 && $2 < $5 * 1.2 }
	END { exit !good }' got
for name in queue_box slow_leak short_string; do
	ok "$name is in its range" holds $name
done
ok 'the allocator has more in use than lives' awk '
	/^memory.*live_max/ { for (i = 4; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		bad += v["inuse"] < v["live_min"] }
	END { exit bad || !v["inuse"] }' FS='\t' raw
ok 'sums are ranges too' awk '
	/^memory.*bytes_max/ { for (i = 4; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		bad += v["bytes"] < v["bytes_min"] || v["bytes"] > v["bytes_max"]; n++ }
	END { exit bad || !n }' FS='\t' raw
says 'it says that these are windows' '^note.*windows of time' raw
ok 'and nothing that it has not found out' sh -c '! grep -q "^note.*bypassed" raw'

# ---- attached ----------------------------------------------------------------

for how in '' flat; do
	# shellcheck disable=SC2086
	launch "$B/target/ledger" $how >said
	pid=$launched
	await 60 test -s said
	record
	end
	ok "attached${how:+, flat out}" test $status = 0
	for name in all queue_box slow_leak short_string; do
		ok "$name is in its range" holds $name
	done
done
# Functions that a library has in place of malloc(3): the state of glibc's says nothing of theirs.
cat >other.c <<'END'
#include <stddef.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void __libc_free(void *);
void *malloc(size_t n) { return __libc_malloc(n); }
void *calloc(size_t m, size_t n) { return __libc_calloc(m, n); }
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
void free(void *p) { __libc_free(p); }
END
"${CC:-cc}" -O1 -w -shared -fPIC -o other.so other.c
launch env LD_PRELOAD="$T/other.so" "$B/target/work" churn 0 1 >/dev/null
rsprof-heap -b 5 -i 200ms -p $launched >raw 2>err &
heap=$!
own $heap
await 60 grep -q '^memory.*bytes_max=' raw
kill -s TERM $heap
wait $heap
ok 'glibc does not tell what is in use' sh -c '! grep -q "^memory.*inuse=" raw'
kill $launched

# A probe whose instruction is executed alone takes many times as long as others do, and calls
# that never follow each other at once do not show how long.
cat >stepped.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static unsigned long now(int which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}
int main(void)
{
	unsigned long n = 0, bytes = 0, due = now(CLOCK_MONOTONIC);
	volatile unsigned long x = 0;
	for (;;) {
		for (int i = 0; i < 50; i++, n++) {
			char *volatile p = malloc(100 + n % 200);
			bytes += 100 + n % 200;
			for (int j = 0; j < 100000; j++)
				x += j;
			free(p);
		}
		if (n % 100 == 0)
			printf("at %lu %lu %lu queue_box 0 0 short_string 0 %lu slow_leak 0 0\n",
			    now(CLOCK_MONOTONIC), n, now(CLOCK_PROCESS_CPUTIME_ID), bytes), fflush(stdout);
	}
}
END
"${CC:-cc}" -O1 -w -o stepped stepped.c
launch env LD_PRELOAD="$T/other.so" ./stepped >said
pid=$launched
await 60 test -s said
record -c
end
says 'stepped: there are such probes' '^probe.*stepped' raw
bytes >sums
diag <sums
ok 'stepped: what it has allocated is in its range' awk '{ exit !($1 <= $4 * 1.1 && $3 * 1.1 >= $4) }' sums

done_testing

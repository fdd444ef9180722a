#!/bin/sh
# store.sh: rsprof-store with one hour of 8 busy threads at 99 Hz, with 5,000 functions
# on 60,000 stack nodes: records a second, its CPU time and memory, and the recording's
# size; and how long rsprof-dump takes.  In a test of the bench: a minute.
. "$(dirname "$0")/lib.sh"

seconds=3600
[ "$BENCH_LIMIT" -gt 1 ] || seconds=60
awk -v n=$((seconds * 99)) 'BEGIN {
	OFS = "\t"
	srand(11)
	print "rsprof", 1, "cpu", "mono=0", "wall=1767225600000000000", "unit=ns", "hz=99", "pid=1"
	print "proc", 0, 1, 0, "server", "/srv/server", "./server"
	for (t = 1; t <= 8; t++)
		print "thread", 0, 1, t, "worker-" t
	print "module", "a1", "beef", "/srv/server"
	for (i = 1; i <= 5000; i++)
		print "frame", sprintf("%x", i), "server::module_" i % 70 "::function_" i,
		    "/src/server/src/module_" i % 70 ".rs", i, "user", 5, "server", "0.1.0", "-"
	for (i = 1; i <= 60000; i++)
		print "stack", sprintf("%x", i),
		    (i > 20 ? sprintf("%x", int(i * (.3 + .69 * rand()))) : "-"), "a1",
		    sprintf("%x", 4096 + 16 * int(5000 * rand())),
		    sprintf("%x", 1 + int(5000 * rand())), 0
	for (k = 1; k <= n; k++)
		for (t = 1; t <= 8; t++)
			print "cpu", sprintf("%.0f", k * 10101010.1), 1, t,
			    sprintf("%x", 1 + int(60000 * rand() * rand() * rand())), 10101010
	print "end", sprintf("%.0f", (n + 1) * 10101010.1), "cpu", "exited"
}' >"$T/stream"
records=$(wc -l <"$T/stream")
put about stored "$seconds s of 8 threads at 99 Hz, $records records"

for _ in $(repetitions); do
	rm -f "$T/hour.db"
	spent "$T/spent" rsprof-store "$T/hour.db" <"$T/stream" || exit 1
	put store_rate rsprof "$(sum "$records * 1000 / $(nth 3 <"$T/spent")")"
	put store_cpu rsprof "$(sum "$(nth 1 <"$T/spent") / 1000")"
	put store_memory_mb rsprof "$(sum "$(nth 2 <"$T/spent") / 1024")"
	put store_mb rsprof "$(sum "$(wc -c <"$T/hour.db") / 1000000")"
	spent "$T/spent" rsprof-dump "$T/hour.db" >"$T/dump" || exit 1
	put store_dump_s rsprof "$(sum "$(nth 3 <"$T/spent") / 1000")"
done
[ "$(grep -c ^cpu "$T/dump")" = $((seconds * 99 * 8)) ] || { put note store 'samples are missing'; exit 1; }

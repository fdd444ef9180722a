#!/bin/sh
# gate.sh: is what the gate samples unbiased, and are its errors what they are said to be?  RUNS (40)
# runs of tests/target/heap.rs, which counts what each of its functions allocates and keeps, are
# sampled one in BYTES (16384).  z is the error of an estimate in standard errors of theory: of the sum
# of n runs it is within 2, or 3 for the biggest of many sites; the sum of the squares of n is within
# what the chi-square distribution has in 19 of 20 cases.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
runs=${RUNS:-40} bytes=${BYTES:-16384}
cd "$T" || exit 1
mkfifo in ready
i=0
while [ $((i += 1)) -le "$runs" ]; do
	rsprof-exec "$B/target/heap-counted" 2 40 <in >out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	await 60 grep -q '^State:.[Tt]' /proc/$pid/status
	rsprof-heap -I -r -R 8 -s "$bytes" -p $pid >raw 2>err 7>&- 8>ready &
	heap=$!
	own $heap
	read -r _ <ready
	kill -s CONT $pid
	await 60 grep -q ready out
	echo >&7
	await 120 grep -q 'done' out
	echo >&7
	exec 7>&-
	wait $heap
	rsprof-sym <raw >named 2>err
	awk -F'\t' -v period="$bytes" '
	# The allocator puts 16 bytes before each block, or 64.
	FNR == NR { if (split($0, w, " ") < 8 || w[1] != "site") next
		head = w[2] ~ /wide/ ? 64 : 16
		if (w[3]) { bytes[w[2]] += w[4] + head * w[3]; n[w[2]] += w[3] }
		live[w[2]] += w[7] + head * w[8]; nlive[w[2]] += w[8]; next }
	$1 == "frame" { sub(/.*::/, "", $3); frame[$2] = $3 }
	$1 == "stack" { site[$2] = frame[$6] in bytes ? frame[$6] : site[$3] }
	$1 == "heap" && site[$5] { s = site[$5]
		for (i = 6; i <= NF; i++) { split($i, kv, "=")
			if (kv[1] == "bytes") { told[s] += kv[2]; mine[s] += kv[2] }
			if (kv[1] == "bytes") is[s] += kv[2]
			if (kv[1] == "freed") is[s] -= kv[2] } }
	# The variance of a sum of n blocks of a size: size^2 (1 - p) / p each.
	function theory(sum, n,   size, p) {
		if (!n) return 0
		size = sum / n; p = 1 - exp(-size / period)
		return n * size * size * (1 - p) / p }
	END { for (s in bytes) {
		print "bytes", s, told[s] + 0, bytes[s], theory(bytes[s], n[s])
		print "live", s, is[s] + 0, live[s], theory(live[s], nlive[s]) } }' out named >>all
done
awk '
function z(sum, truth, var) { return var > 0 ? (sum - truth) / sqrt(var) : 0 }
{ n[$1, $2]++; told[$1, $2] += $3; truth[$1, $2] += $4; var[$1, $2] += $5; name[$2]
  d = z($3, $4, $5); squares[$1, $2] += d * d
  r = int((NR - 1) / per); runtold[$1, r] += $3; runtruth[$1, r] += $4; runvar[$1, r] += $5; last = r
  all[$1] += $3; alltruth[$1] += $4; allvar[$1] += $5; what[$1] }
END {
	printf "%-6s %-14s %14s %14s %7s %6s %8s\n", "of", "site", "told", "true", "ratio", "z", "var"
	for (w in what) {
		sq = 0
		for (r = 0; r <= last; r++) sq += z(runtold[w, r], runtruth[w, r], runvar[w, r]) ^ 2
		zz = z(all[w], alltruth[w], allvar[w])
		printf "%-6s %-14s %14.0f %14.0f %7.4f %6.2f %8.2f\n", w, "all", all[w], alltruth[w],
		    all[w] / alltruth[w], zz, sq / (last + 1)
		runs = last + 1
		spread = 1.96 * sqrt(2 / runs)
		if (zz > 2 || zz < -2 || sq / runs < 1 - spread || sq / runs > 1 + spread + 0.1) bad++
		for (s in name) if (truth[w, s] > 0) {
			zz = z(told[w, s], truth[w, s], var[w, s])
			printf "%-6s %-14s %14.0f %14.0f %7.4f %6.2f %8.2f\n", w, s, told[w, s],
			    truth[w, s], told[w, s] / truth[w, s], zz, squares[w, s] / n[w, s]
			if (zz > 3 || zz < -3) bad++
		}
	}
	print bad ? bad " are not as theory has them" : "all as theory has it"
	exit bad > 0 }' per="$(($(wc -l <all) / runs))" all

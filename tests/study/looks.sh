#!/bin/sh
# looks.sh: is live memory, as samples inside a process tell it, right on average?  A look is off by
# its error; the mean of looks that have nothing in common is not.  The queue of tests/target/ledger.rs
# is all new every 87 ms, and so is nearly all of what the tokio server keeps.  SECONDS_EACH: 20.
# z is the error of the mean in standard errors, which come from the looks' own errors (told) and
# from how they spread (seen); a bias is a z beyond 3 of both.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
seconds=${SECONDS_EACH:-20}
here=$B/study
cd "$T" || exit 1

# mean NAME: of looks, of which each is a line TOLD TRUTH ERROR in `looks`.
mean() {
	awk -v name="$1" '
	{ n++; told += $1; truth += $2; var += $3 ^ 2; d[n] = $1 - $2 }
	END {
		if (n < 20) { print name, "has no looks"; exit 1 }
		m = (told - truth) / n
		# Looks one after the other have something in common: batches of ten have less.
		for (b = 0; (b + 1) * 10 <= n; b++) {
			s = 0
			for (i = 1; i <= 10; i++) s += d[b * 10 + i] / 10
			spread += (s - m) ^ 2
		}
		seen = b > 1 ? sqrt(spread / (b - 1) / b) : 0
		own = sqrt(var) / n
		zo = own > 0 ? m / own : 0; zs = seen > 0 ? m / seen : 0
		printf "%-22s %5d %12.0f %12.0f %7.4f %8.2f %8.2f\n", name, n, told / n, truth / n,
		    told / truth, zo, zs
		bias = (zo > 3 || zo < -3) && (zs > 3 || zs < -3)
		exit bias
	}' looks || bad=$((bad + 1))
}
bad=0
printf '%-22s %5s %12s %12s %7s %8s %8s\n' live looks told true ratio 'z told' 'z seen'

for how in -I '-I -s 65536' '-I -s 1048576'; do
	launch "$B/target/ledger" >said
	pid=$launched
	await 60 test -s said
	# shellcheck disable=SC2086
	rsprof-heap $how -i 100ms -d ${seconds}s -p "$pid" >raw 2>err
	kill "$pid"
	rsprof-sym <raw 2>>err | awk -F'\t' '
	FNR == NR { n = split($0, w, " "); t[++lines] = w[2]; queue[lines] = w[6]; next }
	$1 == "frame" { sub(/.*::/, "", $3); frame[$2] = $3 }
	$1 == "stack" { is[$2] = frame[$6] == "queue_box" || is[$3] }
	function value(key,   i, kv) {
		for (i = 4; i <= NF; i++) { split($i, kv, "="); if (kv[1] == key) return kv[2] }
	}
	$1 == "heap" && is[$5] { live[$5] = value("live"); err[$5] = value("live_err") }
	$1 == "memory" {
		if (!first) first = $2
		if ($2 < first + 1e9) next
		while (at < lines && t[at + 1] <= $2) at++
		told = var = 0
		for (s in live) { told += live[s]; var += err[s] ^ 2 }
		print told, queue[at], sqrt(var)
	}' said - >looks
	mean "queue $how"
done
for allocator in system jemalloc mimalloc; do
	[ -x "$here/server-$allocator" ] || continue
	launch "$here/server-$allocator" >log
	pid=$launched
	await 60 sh -c '[ $(wc -l <log) -gt 30 ]'
	rsprof-heap -I -i 100ms -d ${seconds}s -p "$pid" >raw 2>err
	kill "$pid"
	awk -F'\t' '
	FNR == NR && /^base/ { split($0, w, " "); base = w[2]; next }
	FNR == NR { if (split($0, w, " ") == 3) { t[++lines] = w[1]; live[lines] = w[3] }; next }
	$1 == "memory" {
		for (i = 4; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		if (!first) first = $2
		if ($2 < first + 1e9) next
		while (at < lines && t[at + 1] <= $2) at++
		print v["live"], live[at] - base, v["live_err"]
	}' log raw >looks
	mean "server-$allocator"
done
echo "biased: $bad"
exit "$bad"

#!/bin/sh
# sampled.sh [RUNS [BYTES]]: are rsprof-heap's samples right?  So many runs (20) of
# a program that knows what its functions allocate: for each function the true
# bytes in all and in the end, the mean of the estimates in standard errors from
# that, and how far the worst one was off, in percent.
. "$(dirname "$0")/lib.sh"
. "$ROOT/tests/tools/heap.sh"

runs=${1:-20} bytes=${2:-524288}
cd "$T" || exit 1
mkfifo gate
for run in $(seq "$runs"); do
	: >said
	: >raw
	sites <gate >said & pid=$!; own $pid
	exec 8>gate
	await 60 grep -q ready said
	rsprof-heap -s "$bytes" -p $pid >raw 8>&- & heap=$!; own $heap
	await 60 grep -q '^probe' raw
	echo >&8
	await 120 grep -q '^done' said
	kill $heap
	wait $heap
	exec 8>&-
	wait $pid
	grep '^site' said | sort >truth
	rsprof-sym <raw >rec
	sums truth rec >"is.$run"
done
awk '
	FILENAME == "truth" { bytes[$2] = $4; live[$2] = $7; next }
	{
		n[$2]++
		b[$2] += $4; bb[$2] += $4 * $4
		l[$2] += $7; ll[$2] += $7 * $7
		d = off($4, bytes[$2]); if (d > worst[$2]) worst[$2] = d
	}
	function off(x, true) { return true ? 100 * (x > true ? x - true : true - x) / true : 0 }
	function errors(sum, squares, n, true,   mean, v) {
		mean = sum / n
		v = (squares - n * mean * mean) / (n - 1)
		return v > 0 ? (mean - true) / sqrt(v / n) : 0
	}
	END {
		printf "%-8s %14s %14s %8s %14s %8s\n", "", "bytes", "off by se", "worst %", "live", "off by se"
		for (s in bytes)
			printf "%-8s %14d %14.2f %8.1f %14d %8.2f\n", s, bytes[s],
			    errors(b[s], bb[s], n[s], bytes[s]), worst[s], live[s],
			    errors(l[s], ll[s], n[s], live[s])
	}' truth is.* | sort -k 2 -rn

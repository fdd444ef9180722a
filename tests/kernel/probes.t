#!/bin/sh
# Time in probes, where there may be no uprobe sessions, and returns may be breakpoints:
# it is in a row of its own, and no sample is left at a probed instruction.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

"$B/target/churn" >out & pid=$!
own $pid
rsprof-heap -s 0 -p $pid >heap 2>err & heap=$!
own $heap
long grep -q '^probe' heap
start walk walk $pid -F 49
long samples walk 300
kill $cpu
finish walk
how walk walk
kill $heap
wait $heap
# The first ones teach where threads go on.
check 'most samples are of probes, and none is left at a probed instruction' '
	FILENAME == "heap" { if ($1 == "probe") { at[$6, $7]; probes++ }; next }
	$1 == "stack" { leaf[$2] = $4 SUBSEP $5 }
	$1 == "cpu" && ++n > 100 { all++; own += $5 == "?probes"; left += leaf[$5] in at }
	END {
		least("of probes", own, 30, all)
		if (left || probes < 3)
			print "not none: " left " of " all ", " probes " probes"
	}' FS='\t' heap walk.raw
done_testing

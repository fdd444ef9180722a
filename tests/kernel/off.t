#!/bin/sh
# Time off the CPU: threads that know for how long they were there, and for how
# long they waited where.
# shellcheck disable=SC2016
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

mapped() { grep -q '^map' off.raw || ! kill -0 $cpu; }
waiting() { [ "$(ls "/proc/$pid/task" 2>/dev/null | wc -l)" = 2 ]; }

mkfifo gate
"$B/target/waits" 5000 . <gate >out &
pid=$!
own $pid
exec 8>gate
long waiting
start off walk $pid -o -F 199
long mapped
grep -q 'rsprof was built without BPF' off.err && skip_all "$(cat off.err)"
echo go >&8
exec 8>&-
finish off
how off walk
wait $pid

check 'on and off the CPU are each thread'\''s time, within 10 %' '
	FS == " " { want[$1] = $2; next }
	$1 == "thread" { name[$4] = $5 }
	$1 == "cpu" { got[name[$4]] += $6; on[name[$4]] += $6 }
	$1 == "off" { got[name[$4]] += $6 }
	END {
		for (t in want) {
			printf "%.2f s on; ", on[t] / 1e9
			near(t, got[t] / 1e9, want[t] / 1e9, want[t] * 0.1 / 1e9)
		}
		if (length(want) != 8)
			print "not eight threads"
	}' FS=' ' out FS='\t' off.rec
check 'what they wait for, within 10 % of their time' "$paths"'
	FS == " " && $3 != "wait_nothing" { want[$3] = $4; all[$3] = $2 }
	FS == " " { next }
	$1 == "thread" && $5 == "early" { early = $4 }
	$1 == "off" && $4 != early && match(path[$5], / waits::wait_[a-z]* /) {
		got[substr(path[$5], RSTART + 8, RLENGTH - 9)] += $6
	}
	END {
		for (f in want)
			near(f, got[f] / 1e9, want[f] / 1e9, all[f] * 0.1 / 1e9)
	}' FS=' ' out FS='\t' off.rec
check 'the time that has a stack has all of it' "$paths"'
	$1 == "off" && $5 != "?short" { all += $6; whole += cut[$5] == "" ? $6 : 0 }
	END { least("ms", whole / 1e6, 98, all / 1e6) }' FS='\t' off.rec
done_testing

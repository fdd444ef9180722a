#!/bin/sh
# rsprof-heap -I: allocations are sampled inside the process, beside what the program
# counts itself.  Bounds are 5.5 standard errors: chance exceeds one once in 20 million.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/gated" ] || skip_all "no Rust compiler built $B/target/gated"
cd "$T" || exit 1
mkfifo in

target "$B/target/gated" count 1
inside -s 65536
if [ ! -s raw ]; then
	skip_all "allocations cannot be probed here: $(head -n 1 err)"
fi
stopped
ok 'it ends as it should' [ $got = 0 ]
says 'it is noted what is done' 'sampled inside the process, one per 65536 bytes' raw
ok 'no slot is changed any more' [ "$("$B/oracle/gate" slots $pid)" = 0 ]
exec 7>&-
wait $pid

# Somebody else holds the gate: all is recorded, as without -I.
target "$B/target/gated" count 1
inside
cp raw first
holder=$heap
inside
says 'it is noted why a second one does not sample inside' \
	'not sampled inside the process: another process holds its gate.*they are probed' raw
await 60 grep -q '^probe' raw
echo go 2000 >&7
await 60 grep -q allocated out
stopped
ok 'it ends as it should' [ $got = 0 ]
ok 'each allocation is recorded, then' \
	[ "$(total samples)" -gt 0 ] && [ "$(total samples)" = "$(total allocs)" ]
heap=$holder
stopped
exec 7>&-
wait $pid

# Its guard is killed: probes take over.
target "$B/target/gated" count 1
inside -s 65536
for child in $(cat "/proc/$heap/task/$heap/children"); do
	[ "$(cat "/proc/$child/comm")" != rsprof-guard ] || kill -9 "$child"
done
ok 'its guard is killed: that is noted' \
	await 60 grep -q 'nobody holds the gate in the process any more' raw
await 60 grep -q '^probe' raw
echo go 20000 >&7
await 60 grep -q allocated out
stopped
ok 'it ends as it should' [ $got = 0 ]
says 'and probes are armed' '^probe' raw
says 'allocations are recorded' '^heap' raw
exec 7>&-
wait $pid

for period in 1024 16384; do
	target "$B/target/gated" count 4
	inside -s $period
	echo go 10000 >&7
	await 120 grep -q allocated out
	exec 7>&-
	# It reads what has come when the process ends.
	wait $heap
	got=$?
	ok "one in $period: it ends with the process" [ $got = 0 ]
	near "one in $period: bytes are as counted" "$(total bytes)" \
		"$(sed -n 's/^allocated \([0-9]*\) .*/\1/p' out)" $period
	ok "one in $period: the error is known from the samples" awk -F'\t' -v period=$period \
		-v truth="$(sed -n 's/^allocated \([0-9]*\) .*/\1/p' out)" '
		$1 == "memory" { for (i = 4; i <= NF; i++) if ($i ~ /^bytes_err=/) {
			split($i, kv, "="); sum += kv[2] * kv[2] } }
		END { known = sqrt(sum / (truth * period)); exit !(known > 0.4 && known < 1.05) }' raw
	ok "one in $period: nothing is lost" sh -c '! grep -q "^lost" raw'
done

# The period follows what sampling costs; each sample carries the one that it was drawn with.
target "$B/target/gated" count 4
inside -b 10
says 'by the budget, if there is no period' 'at the rate that 10 % of its CPU time pays for' raw
for i in 1 2 3 4 5 6; do
	echo go 20000 >&7
	await 120 sh -c "[ \$(grep -c allocated out) = $i ]"
done
exec 7>&-
wait $heap
ok 'it ends with the process' [ $? = 0 ]
ok 'bytes are as counted, within 5.5 errors that the samples tell' awk -F'\t' '
	FNR == NR { n = split($0, w, " "); if (w[1] == "allocated") truth += w[2]; next }
	$1 == "memory" { for (i = 4; i <= NF; i++) { split($i, kv, "=")
		if (kv[1] == "bytes") sum += kv[2]
		if (kv[1] == "bytes_err") var += kv[2] * kv[2] } }
	END { d = sum - truth; if (d < 0) d = -d
		printf "# told %.0f +- %.0f, true %.0f\n", sum, sqrt(var), truth
		exit !(truth > 0 && d <= 5.5 * sqrt(var) + 0.002 * truth) }' out raw
# Of each function, by stacks with names; from the first instruction on.
mkfifo ready
"$B/rsprof-exec" "$B/target/heap-counted" 2 200 <in >out 2>&1 &
pid=$!
own $pid
exec 7>in
rsprof-heap -I -r -R 8 -s 512 -p $pid >raw 2>err 7>&- 8>ready &
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
says 'a command that was held is sampled inside' 'sampled inside the process' raw
grep '^site' out | cut -d ' ' -f 1-2 | sort >names
grep '^site' out | sort >truth
rsprof-sym <raw >named 2>err
sums names named >estimate
ok 'functions are known' [ "$(wc -l <estimate)" -ge 5 ]
ok 'what is freed adds nothing to the error of live memory' awk -F'\t' '
	$1 == "heap" && !/\tlive=/ { n++; if (/live_err/) bad = 1 } END { exit bad || !n }' raw
ok 'live memory has an error' grep -q '^heap.*live_err=' raw
# The program's allocator puts 16 bytes before each block, or as many as its alignment.
join -j 2 truth estimate >both
ok 'bytes of each function are as counted, and freed and live ones' awk '
	function far(is, should) {
		is -= should
		return (is < 0 ? -is : is) > 5.5 * sqrt(should * 512) + 64
	}
	{ head = $1 ~ /wide/ ? 64 : 16 }
	far($11, $4 + head * $3) || far($13, $6 + head * $5) || far($14, $7 + head * $8) {
		print
		bad = 1
	}
	END { exit bad || NR < 10 }' both

# All of it by one command.
target "$B/target/gated" count 1
rsprof attach -q -I -o all.db $pid >table 2>err 7>&- &
rsprof=$!
own $rsprof
noted() { [ -n "$(rsprof-query all.db "SELECT 1 FROM note WHERE text LIKE '%$1%'")" ]; }
ok 'rsprof attach -I samples inside the process' await 60 noted 'inside the process'
: >out
echo go 20000 >&7
await 60 grep -q allocated out
kill -s TERM $rsprof
wait $rsprof
got=$?
exec 7>&-
wait $pid
ok 'it ends as it should' [ $got = 0 ]
says 'CPU time is in its table' '^CPU +[0-9.]+ s .* [0-9]+ samples' table
says 'and so is the heap' '^Heap .* [1-9][0-9.]*[BKMG] allocated in [1-9]' table
# Of samples that stand for much each: some 1 MB is live at any time, and of the thousand
# that are picked a second two live at once now and then.
launch "$B/target/work" mix 0 1 >said
pid=$launched
inside -s 8388608
intervals() { [ "$(grep -c '^memory' raw)" -ge 10 ]; }
await 60 intervals
stopped
kill "$pid"
ok 'the most of their noise is no peak' awk -F'\t' '
	$1 == "memory" {
		for (i = 4; i <= NF; i++) { split($i, kv, "="); now[kv[1]] = kv[2] }
		if (now["live"] > most) most = now["live"]
		if (now["peak"] > most && now["peak"] > 4e6) bad = 1
		n++
		delete now
	}
	END { exit bad || n < 10 }' raw

done_testing

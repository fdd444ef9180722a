#!/bin/sh
# rsprof-growth against a program that knows which pages it touches, and against
# what the kernel counts.
. "$(dirname "$0")/../tools/lib.sh"

[ -e "$B/target/grow" ] || skip_all "no Rust compiler built $B/target/grow"
cd "$T" || exit 1
mkfifo gate

# ---- words -------------------------------------------------------------------

exits 'no process: 3' 3 rsprof-growth -p 4194304
one_line 'in one line'
for bad in '-s x' '-s 0' '-i 1ms' '-d 0' '-p 0' '-p x'; do
	# shellcheck disable=SC2086
	exits "$bad: 2" 2 rsprof-growth $bad -p $$
done
if kernel_threads; then
	exits 'a kernel thread: 5' 5 rsprof-growth -p 2
else
	skip 'there are no kernel threads in this PID namespace'
fi
exits 'rsprof-heap -g is the same' 3 rsprof-heap -g -s 4096 -d 1s -p 4194304
says 'by its name' '^rsprof-growth: no process'
for bad in -b10 -c -m64 -r; do
	exits "-g and $bad: 2" 2 rsprof-heap -g $bad -p $$
done
if [ "$(id -u)" = 0 ]; then
	launch sleep infinity; asleep=$launched
	exits "another's process: 4" 4 nobody "$B/rsprof-growth" -p $asleep
	says 'it is said what would help' 'CAP_PERFMON'
	kill $asleep
else
	skip "another's process: 4"
	skip 'it is said what would help'
fi

# ---- how much ----------------------------------------------------------------

anon() { awk '$1 == "RssAnon:" { print $2 / 4 }' "/proc/$pid/status"; }

# An interval has begun and ended since now.
interval() {
	seen=$(sums)
	await 60 grown
}
sums() { grep -c '^memory' raw; }
grown() { [ "$(sums)" -ge $((seen + 2)) ]; }
# go_on STEP...: past each one that the target waits at, once it has been recorded.
go_on() {
	for step; do
		await 60 grep -q "^$step" said
		interval
		echo >&8
	done
}

# grow AS OPTION...: run the target, watched with these options, both by the
# command AS; what it has said is in said, what was recorded in raw and rec.
grow() {
	as=$1; shift
	: >said
	: >raw
	# shellcheck disable=SC2086
	$as "$B/target/grow" $huge <gate >said & pid=$!; own $pid
	exec 8>gate
	await 60 grep -q ready said
	# shellcheck disable=SC2086
	$as "$B/rsprof-growth" -i 100ms "$@" -p $pid >raw 2>err 8>&- & growth=$!
	own $growth
	await 60 grep -q '^thread' raw
	interval
	before=$(anon)
	echo >&8
	go_on touched returned
	await 60 grep -q '^done' said
	interval
	after=$(anon)
	kill $growth
	wait $growth; status=$?
	exec 8>&-
	wait $pid
	rsprof-sym <raw >rec
}

# pages: what each function has touched and left, and how many were lost:
# site NAME touched PAGES left PAGES.
pages() {
	awk -F'\t' '
	FNR == NR { split($0, w, " "); if (w[1] == "site") name[w[2]]; next }
	$1 == "frame" { sub(/.*::/, "", $3); frame[$2] = $3 }
	$1 == "stack" { site[$2] = frame[$6] in name ? frame[$6] : site[$3] }
	$1 == "heap" && site[$5] {
		for (i = 6; i <= NF; i++) {
			split($i, kv, "=")
			sum[site[$5], kv[1]] += kv[2]
		}
	}
	END {
		for (s in name)
			print "site", s, "touched", sum[s, "allocs"] + 0, "left",
			    sum[s, "allocs"] - sum[s, "frees"]
	}' said rec | sort
}
lost() { awk -F'\t' '$1 == "lost" { n += $4 } END { print n + 0 }' raw; }
live() { awk -F'\t' '$1 == "memory" && match($0, "\tcount=[0-9]+") {
	n = substr($0, RSTART + 7, RLENGTH - 7) } END { print n + 0 }' raw; }

huge=
! grep -Eq '\[(always|madvise)\]' /sys/kernel/mm/transparent_hugepage/enabled ||
	huge=huge
grow '' -s 4096
ok 'it ends well' test $status = 0
says 'the header says what it is' '	mode=growth	sample=0	' raw
grep '^site' said | sort >truth
pages >is
# What was lost is missing somewhere.
join -j 2 truth is >both
ok 'each function has touched what it says, but for what is told as lost' awk -v lost="$(lost)" '
	{ n = $4 - $9; miss += n < 0 ? -n : n }
	END { exit !(NR >= 5 && miss <= lost) }' both
ok 'and has left so much' awk -v lost="$(lost)" '
	{ n = $6 - $11; miss += n < 0 ? -n : n }
	END { exit !(NR >= 5 && miss <= lost) }' both
[ "$(lost)" = 0 ] || echo "lost: $(lost)" | diag
# The program's own few pages come and go beside it.
ok 'all in all it is what the kernel counts' \
	awk -v n="$(live)" -v k=$((after - before)) 'BEGIN { d = n - k
	exit !(k > 2400 && d < 16 && d > -16) }' </dev/null
echo "$(live) pages live, the kernel counts $((after - before)); $(lost) lost" | diag

rsprof-store g.db <rec
exits 'as a table' 0 rsprof-top heap g.db
says 'which says what it is' 'by page faults, all of them' out
says 'with functions' 'grow::touch ' out

grow ''
ok 'one fault in 64 KiB: it ends well' test $status = 0
pages >is
join -j 2 truth is >both
ok 'functions have touched about so much' awk '
	$1 != "huge" { if ($9 < $4 * 0.75 || $9 > $4 * 1.25) bad = 1 }
	END { exit bad }' both
[ "$(lost)" = 0 ] || echo "lost: $(lost)" | diag
ok 'all in all it is exact' awk -v n="$(live)" -v k=$((after - before)) 'BEGIN { d = n - k
	exit !(k > 2400 && d < 16 && d > -16) }' </dev/null

if [ "$(id -u)" = 0 ] && [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ]; then
	grow 'setpriv --reuid 65534 --regid 65534 --clear-groups --'
	ok 'without privileges: it ends well' test $status = 0
	says 'what cannot be seen is said' '^note.*the kernel touches first' raw
	ok 'all in all it is exact' awk -v n="$(live)" -v k=$((after - before)) 'BEGIN { d = n - k
		exit !(k > 2400 && d < 16 && d > -16) }' </dev/null
	says 'and functions are known' 'kept' rec
else
	skip 'without privileges'
fi

# ---- child processes ---------------------------------------------------------

: >said
sh -c 'read -r x; "$0"; :' "$B/target/grow" <gate >said & pid=$!; own $pid
exec 8>gate
rsprof-growth -f -s 4096 -i 100ms -p $pid >raw 2>err 8>&- & growth=$!; own $growth
await 60 grep -q '^thread' raw
echo >&8
await 60 grep -q ready said
echo >&8
go_on touched returned
await 60 grep -q '^done' said
exec 8>&-
wait $pid
wait $growth; status=$?
ok 'child processes: it ends with them' test $status = 0
rsprof-sym <raw >rec
pages >is
ok 'they are followed' awk -v lost="$(lost)" '$2 == "kept" && $4 > 1000 - 1 - lost { n = 1 }
	END { exit !n }' is
done_testing

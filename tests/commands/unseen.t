#!/bin/sh
# Allocations where there is no probe, or not yet: no claim covers them, and who can be
# probed later is.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -x "$B/target/many" ] || skip_all "$B/target/many is missing"
cd "$T" || exit 1
mkfifo in
mkdir libraries

# record: what the target does at a line, into raw; $status is rsprof-heap's.  The command
# that $limit is comes first.
limit=
record() {
	: >raw
	# shellcheck disable=SC2086
	$limit rsprof-heap -s 0 -p $pid >raw 2>err 7>&- & heap=$!
	own $heap
	await 120 begun
	holders=$(cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v of=$heap '$2 == "(rsprof-uprobes)" && $4 == of' | wc -l)
	files=$(find /proc/$heap/fd 2>/dev/null | wc -l)
	done=$(grep -c '^done' out)
	echo >&7
	await 60 sh -c '[ "$(grep -c "^done" out)" -gt '"$done ]"
	kill $heap 2>/dev/null
	wait $heap; status=$?
}
begun() { grep -q '^probe' raw || ! kill -0 $heap; }
allocs() {
	awk -F'\t' '$1 == "memory" && match($0, "\tallocs=[0-9]+") {
		n += substr($0, RSTART + 8, RLENGTH - 8) } END { print n + 0 }' raw
}
# summary: the line of the profile that says what was recorded.
summary() {
	rm -f db
	rsprof-sym <raw | rsprof-store db && rsprof-top heap db | grep '^Recorded'
}

# ---- many files ----------------------------------------------------------------

libraries=100
target "$B/target/many" "$B/target/many.so" libraries $libraries
record
grep -q '^probe' raw || skip_all "allocations cannot be probed here: $(head -n 1 err)"
ok 'many files: it ends well' test $status = 0
ok "all that they allocate is seen ($(allocs))" test "$(allocs)" = $((libraries * 10))
summary >line
says 'the profile says that it is all' 'every allocation' line
ok "few processes hold the probes ($holders)" test "$holders" -le 70 -a "$holders" -gt 0

# What it needs without any of them.
base=$((files - libraries - holders))
# limited FILES: rsprof-heap may have so many open.
limited() {
	cat >limited <<-END
		#!/bin/sh
		ulimit -n $1
		exec setpriv --bounding-set -sys_resource --inh-caps -sys_resource -- "\$@"
	END
	chmod +x limited
	limit=./limited
}
if [ "$(id -u)" = 0 ]; then
	limited $((base + libraries + 30))
	record
	ok 'few descriptors: it ends well' test $status = 0
	ok "all is seen ($(allocs))" test "$(allocs)" = $((libraries * 10))

	limited $((base + libraries / 2))
	record
	ok 'fewer than there are files: it ends with 1' test $status = 1
	says 'and says why' 'allocations are missing: [0-9]+ functions or files are not probed'
	says 'the notes name them' '^note.*lib[0-9]+.so is not probed: .*too many open files' raw
	n=$(allocs)
	ok "some is seen ($n)" test "$n" -gt 0 -a "$n" -lt $((libraries * 10))
	summary >line
	says 'the profile does not say that it is all' \
	    'allocations but for [0-9]+ functions that are not probed' line
	limit=
else
	for _ in 1 2 3 4 5 6 7; do skip 'limits hold for root alone'; done
fi
exec 7>&-
wait $pid
rm -rf libraries

# ---- a host without Rust code --------------------------------------------------

mkdir libraries
# hosted WHAT COMMAND ...: the command records the host; its library comes meanwhile.
hosted() {
	what=$1
	shift
	: >raw
	"$@" >raw 2>err 7>&- & heap=$!
	own $heap
	await 60 grep -q ready out
	"$wait_for"
	echo >&7
	ok "$what: what it loads is probed" await 60 grep -q '^probe' raw
	echo >&7
	await 60 grep -q '^done' out
	exec 7>&-
	wait $heap; status=$?
	ok "$what: it ends well" test $status = 0
	ok "$what: all is seen since then ($(allocs))" test "$(allocs)" = 30
	summary >line
	says "$what: the profile says so" 'every allocation' line
}
# shellcheck disable=SC2317
awaited() { await 60 grep -q 'libraries that it loads are awaited' err; }
target "$B/target/many" "$B/target/many.so" libraries 3 late
wait_for=awaited
hosted 'a host that runs' rsprof-heap -s 0 -p $pid
target "$B/target/many" "$B/target/many.so" libraries 3 late
rsprof-heap -s 0 -d 0.3 -p $pid >raw 2>err 7>&-; status=$?
ok 'nothing is loaded: it ends with 5' test $status = 5
ok 'and says nothing of memory' sh -c '! grep -q "^memory" raw'
exec 7>&-
wait $pid

: >out
rsprof-exec "$B/target/many" "$B/target/many.so" libraries 3 late <in >out & pid=$!
own $pid
exec 7>in
wait_for=:
hosted 'a host that is started' rsprof-heap -r -s 0 -p $pid
wait $pid
rm -rf libraries

# ---- child processes -----------------------------------------------------------

# They have no breakpoints of a process that is probed, as long as their memory is their own.
mkdir libraries
target "$B/target/many" "$B/target/many.so" libraries 2
: >raw
rsprof-heap -s 0 -p $pid >raw 2>err 7>&- & heap=$!
own $heap
await 60 grep -q '^probe' raw
echo share >&7
echo fork >&7
await 60 grep -q '^child' out
child=$(sed -n 's/^child //p' out)
own "$child"
ok 'a forked child has no breakpoint' await 60 is_clean "$child"
ok 'it lives' kill -0 "$child"
code $pid >armed
ok 'its parent has' grep -q ' 314 ' armed
n=$(grep -c '^done' out)
echo >&7
await 60 sh -c '[ "$(grep -c "^done" out)" -gt '"$n ]"
kill $heap
wait $heap
ok "all that its parent allocates is seen ($(allocs))" test "$(allocs)" = 20
exec 7>&-
wait $pid
rm -rf libraries

# ---- allocators of one's own ---------------------------------------------------

# counted: how often counted_small() and counted_large() have allocated by raw.
counted() {
	rsprof-sym <raw | awk -F'\t' '
	$1 == "frame" { frame[$2] = $3 }
	$1 == "stack" { in_it[$2] = frame[$6] ~ /counted_/ || in_it[$3] }
	$1 == "heap" && in_it[$5] && match($0, "\tallocs=[0-9]+") {
		n += substr($0, RSTART + 8, RLENGTH - 8) }
	END { print n + 0 }'
}

[ -x "$B/target/own" ] || { done_testing; exit; }
# Functions with names that nobody knows are discovered by what they do; or nothing leads
# past the four of Rust; or libraries have them by names that are known.
for build in own own-lto own-bare own-plain own-named; do
	[ $build != own-bare ] || strip -o own-bare "$B/target/own"
	[ -x $build ] || ln -s "$B/target/$build" .
	# To be discovered it has to allocate meanwhile, which takes its share of the CPUs.
	for try in 1 2 3; do
		target ./$build
		record
		! grep -q 'could not be identified' raw || [ $try = 3 ] || {
			exec 7>&-
			wait $pid
			continue
		}
		break
	done
	case $build in
	own-bare) rm own-bare; cp "$B/target/own" own-bare ;; # its names, for counted
	esac
	ok "$build: it ends well" test $status = 0
	summary >line
	if [ $build = own-lto ] && grep -q 'could not be identified' raw; then
		# rustc 1.63 leaves no function of it.
		says "$build: the profile does not say that it is all" 'some may be missing' line
	else
		n=$(counted)
		ok "$build: all is seen ($n)" test "$n" = 2000
		says "$build: the profile says so" 'every allocation' line
	fi
	exec 7>&-
	wait $pid
done

# Where they cannot be discovered nothing says that all is seen.
target "$B/target/own"
kill -s STOP $pid
: >raw
rsprof-heap -s 0 -d 1 -p $pid >raw 2>err 7>&-; status=$?
ok 'nothing is discovered: it ends with 0' test $status = 0
if awk -F'\t' '$1 == "probe" && $4 == "rust" { is = 1 } END { exit !is }' raw; then
	skip 'nothing leads past the functions of Rust, as this compiler has built it'
else
	says 'that is said' 'allocations may be missing' err
	summary >line
	says 'the profile does not say that it is all' 'allocations, of which some may be missing' line
fi
kill -s CONT $pid
rsprof-heap -I -d 1 -p $pid >raw 2>err 7>&-
says '-I does not sample slots that lead elsewhere' \
    'not sampled inside the process: it has an allocator of its own' err
exec 7>&-
wait $pid

# A command that ends before they could be.
strip -o brief "$B/target/heap-static"
for only in '' -H; do
	what="a run that ends too early${only:+, $only}"
	rm -f db*
	rsprof run -q $only -S 0 -o db -- ./brief 1 1 </dev/null >said 2>&1; status=$?
	want=0; [ -z "$only" ] || want=5
	ok "$what: its status ($status)" test $status = $want
	ok "$what: nothing says that all is seen" sh -c '! grep "every allocation" said'
	says "$what: it is said why nothing is" 'process [0-9]+: ' said
done
done_testing

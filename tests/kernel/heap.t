#!/bin/sh
# The heap of a program that counts by itself, where there may be no uprobe
# sessions: by entries and returns.
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$here/../tools/heap.sh"

mkfifo gate
# Without names it is found out by what functions do.
strip -o bare "$B/target/heap-static"
for build in heap heap-lto bare; do
	program=$B/target/$build warm=
	[ $build != bare ] || { program=./bare warm=warm; }
	printf 'go\nend\n' | "$B/target/heap-counted" 2 1 | grep '^site' | sort >all
	grep -v ' push_sent ' all >truth

	: >said
	: >raw
	# shellcheck disable=SC2086
	"$program" 2 1 $warm <gate >said & pid=$!
	own $pid
	exec 8>gate
	long grep -q ready said
	rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!
	own $heap
	long grep -q '^probe' raw
	[ $build != bare ] || { cp "$B/target/heap-static" named; mv named bare; }
	echo go >&8
	long grep -q '^done' said
	kill $heap
	wait $heap; status=$?
	ok "$build: it ends well" test $status = 0
	diag <err
	rsprof-sym <raw >rec
	grep "^note\|^probe" raw | diag
	sums all rec | grep -v ' push_sent ' >is
	same "$build: all that it counts itself, to the last one" is truth
	ok "$build: nothing is lost" sh -c '! grep "^lost" rec'
	exec 8>&-
	wait $pid; status=$?
	ok "$build: the program ends well" test $status = 0
done

: >said
rsprof-exec "$B/target/heap" 1 1 <gate >said & pid=$!
own $pid
exec 8>gate
rsprof-heap -r -s 0 -p $pid >raw 2>err 8>&- & heap=$!
own $heap
long grep -q ready said
echo go >&8
long grep -q '^done' said
exec 8>&-
wait $pid
wait $heap; status=$?
ok 'held: it ends with the program' test $status = 0
printf 'go\nend\n' | "$B/target/heap-counted" 1 1 | grep '^site' | sort >all
grep -v ' push_sent ' all >truth
rsprof-sym <raw >rec
sums all rec | grep -v ' push_sent ' >is
same 'held: nothing is missing' is truth
done_testing

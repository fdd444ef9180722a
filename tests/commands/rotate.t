#!/bin/sh
# rsprof-store -R: the files of a recording that is cut by time are together what one file of the
# same stream is, and each of them can be read alone.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
command -v sqlite3 >/dev/null || skip_all 'needs the sqlite3 shell'
cd "$T" || exit 1

awk -v seconds=30 -f "$ROOT/tests/tools/stream.awk" >stream || exit 1
rsprof-store one.db <stream 2>err || exit 1

# sums FILE...: what adds up in them, by process, thread and stack with its names.
sums() {
	for metric in cpu samples off alloc; do
		for file; do
			rsprof-dump "$file" | rsprof-fold -p -t -m $metric 2>/dev/null | sed "s/^/$metric /"
		done
	done
	for file; do
		sqlite3 -separator ' ' "$file" "SELECT 'lost', producer, reason, sum(count) FROM lost GROUP BY 2, 3"
		for column in allocs bytes frees freed unknown covered hits cost; do
			sqlite3 -separator ' ' "$file" "SELECT 'memory', '$column', pid, sum(memory.$column)
				FROM memory JOIN process ON process.id = process GROUP BY pid"
		done
		for column in allocs bytes frees freed temps moved copied; do
			sqlite3 "$file" "SELECT 'heap $column ' || coalesce(sum($column), 0) FROM heap"
		done
		for table in cpu off age lost; do
			sqlite3 "$file" "SELECT 'rows of $table ' || count(*) FROM $table"
		done
		rsprof-top -f json cpu "$file" | sed -n 's/.*"cost_ns":\([0-9]*\).*/cost \1/p' | head -n 1
	done
}
add_up() { awk '{ v = $NF; $NF = ""; n[$0] += v } END { for (k in n) if (n[k]) print k n[k] }' | sort; }

sums one.db | add_up >want
ok 'there is something to add up' [ "$(wc -l <want)" -ge 1000 ]
live_of_stream stream >want.live
ok 'and something live' [ "$(wc -l <want.live)" -ge 20 ]

# ---- the sum of the files -------------------------------------------------------

for interval in 1 7s 11s 1h; do
	rm -f x-*.db
	exits "cut every $interval" 0 rsprof-store -R $interval x.db <stream
	same 'without a word' err /dev/null
	sums x-*.db | add_up >got
	same 'the sum of the files is the one recording' got want
	for last in x-*.db; do :; done
	live "$last" >got
	same 'live memory at the end is, too' got want.live
done

rm -f x-*.db
rsprof-store -R 7s x.db <stream
printf '%s\n' x-*.db >got
same 'names have the time, at multiples of the interval' got <<'E'
x-20260101T000000Z.db
x-20260101T000007Z.db
x-20260101T000014Z.db
x-20260101T000021Z.db
x-20260101T000028Z.db
E

# ---- each file alone --------------------------------------------------------------

for file in x-*.db; do rsprof-dump "$file"; done | rsprof-store all.db 2>err
same 'the files can be put together again' err /dev/null
sums all.db | add_up >got
same 'and are the one recording' got want
live all.db >got
same 'with its live memory' got want.live

for file in x-*.db; do
	rsprof-dump "$file" >dump
	exits "$file: its dump" 0 rsprof-store -f again.db <dump
	same 'refers to nothing that is undefined' err /dev/null
	sums "$file" | add_up >a
	sums again.db | add_up >b
	same 'and has all of it' b a
	ok 'both streams are there' [ "$(sqlite3 "$file" 'SELECT count(*) FROM stream WHERE ended IS NOT NULL')" = 2 ]
	exits 'it is a table' 0 rsprof-top -n 0 cpu "$file"
done
sqlite3 x-20260101T000007Z.db 'SELECT producer, how, began, ended FROM stream' >got
same 'a stream goes on in the next file' got <<'E'
cpu|continued|0|7000000000
heap|continued|0|7000000000
E
sqlite3 x-20260101T000007Z.db "SELECT printf('%x %x %x', \"start\", \"end\", offset) FROM map;
	SELECT layer, function FROM probe; SELECT text FROM note" >got
same 'mappings, as others have cut them, probes and notes hold on' got <<'E'
400000 440000 0
450000 500000 50000
440000 450000 9000
rust|__rust_alloc
a note that holds
E
sqlite3 x-20260101T000014Z.db 'SELECT count(*) FROM map' >got
same 'but not those of a program that has been replaced' got <<'E'
0
E
ok 'a late record is in the next file' \
	[ "$(sqlite3 x-20260101T000007Z.db 'SELECT min(time) < 0 FROM cpu')" = 1 ]

# ---- so many and no more ----------------------------------------------------------

# feed FROM TO: what stands in the stream in these seconds.
feed() {
	awk -F '\t' -v from="$1" -v to="$2" '$1 == "memory" { n++ } n >= to { exit } n >= from' stream
}
has() { [ -e "y-20260101T0000$1Z.db" ]; }
recordings() { printf '%s\n' y-20260101T*.db | grep -c .; }

for name in y-notes.db y-20250101T000000Z.db y-2026.db yy-20250101T000000Z.db; do echo text >$name; done
mkfifo fifo
rsprof-store -R 1s -K 4 y.db <fifo 2>err &
store=$!
own $store
exec 3>fifo
most=0 t=0
while [ $t -lt 29 ]; do
	feed $t $((t + 1)) >&3
	await 60 has "$(printf %02d $t)" || break
	n=$(recordings)
	[ "$n" -le $most ] || most=$n
	t=$((t + 1))
done
feed 29 99 >&3
exec 3>&-
wait $store
same 'it ends well' err /dev/null
ok 'there were four files and never five' [ "$most:$t" = 4:29 ]
printf '%s\n' y*-*.db >got
same 'the last ones are there, and what is no recording' got <<'E'
y-20250101T000000Z.db
y-2026.db
y-20260101T000027Z.db
y-20260101T000028Z.db
y-20260101T000029Z.db
y-20260101T000030Z.db
y-notes.db
yy-20250101T000000Z.db
E

# ---- killed -----------------------------------------------------------------------

rm -f y*.db
rsprof-store -R 7s -K 3 y.db <fifo 2>err &
store=$!
own $store
exec 3>fifo
feed 0 16 >&3
in_third() { [ "$(sqlite3 "file:y-20260101T000014Z.db?mode=ro" 'SELECT count(*) FROM memory')" = 2 ]; }
ok 'the third file is written' await 60 in_third
kill -9 $store
wait $store 2>/dev/null
exec 3>&-
for file in y-*; do
	case $file in *Z.db) exits 'it is a table' 0 rsprof-top cpu "$file" ;; esac
done
sums y-20260101T000000Z.db | add_up >got
sums x-20260101T000000Z.db | add_up >a
same 'files before it are whole' got a
feed 0 16 >part
rsprof-store part.db <part
sums y-*Z.db | add_up >got
sums part.db | add_up >a
same 'a kill loses nothing that was committed' got a
feed 0 1 | sed '/^map/,$d; s/wall=1767225600/wall=1767225660/' >later
rsprof-store -R 7s -K 3 y.db <later 2>err
printf '%s\n' y-* >got
same 'who begins again goes on counting' got <<'E'
y-20260101T000007Z.db
y-20260101T000014Z.db
y-20260101T000100Z.db
E

# ---- trouble ------------------------------------------------------------------------

exits 'the same stream again' 6 rsprof-store -R 7s y.db <later
says 'is there' 'T000100Z.db: a recording exists already \(-f replaces it\)$'
exits 'it is replaced' 0 rsprof-store -f -R 7s y.db <later
exits '-K alone' 2 rsprof-store -K 3 y.db
exits '-R and -a' 2 rsprof-store -a -R 1h y.db
for value in 0 0.5s x -1; do exits "-R $value" 2 rsprof-store -R $value y.db; done
for value in 0 x; do exits "-K $value" 2 rsprof-store -R 1h -K $value y.db; done
mkdir gone
rec <<'E' >strange
rsprof | 1 | cpu | mono=1000 | wall=18446744073709551615
cpu | 9223372036854775807 | 1 | 1 | - | 7
cpu | 18446744073709551615 | 1 | 1 | - | 7
E
rsprof-store -R 1s gone/z.db <strange 2>err
ok 'times that are none do no harm' [ $? -lt 7 ]
exits 'no such directory' 6 rsprof-store -R 1s nowhere/z.db <stream
one_line 'said in one line'

# ---- by the wrapper -----------------------------------------------------------------

if rsprof doctor >/dev/null 2>&1; then
	launch sh -c 'while :; do :; done'
	exits 'attach -R' 0 rsprof attach -C -d 3.5 -R 1s -K 2 -o w.db $launched
	says 'where they are is said' '^rsprof: recorded in w-\*Z\.db$'
	set -- w-*.db
	ok 'there are two' [ $# = 2 ]
	n=0
	for file; do
		exits "$file: of a process with a name" 0 rsprof-query "$file" 'SELECT name FROM process'
		says 'named' 'sh' out
		n=$((n + $(rsprof-query "$file" 'SELECT count(*) FROM cpu')))
	done
	ok 'and samples' [ $n -gt 9 ]
	exits '-K alone' 2 rsprof attach -K 2 -o w.db $launched
fi
done_testing

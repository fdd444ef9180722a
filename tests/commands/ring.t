#!/bin/sh
# rsprof-ring: the last minutes of a stream, when something has happened, as a stream that can be
# read alone; and nothing otherwise.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/live.sh
. "$(dirname "$0")/../tools/live.sh"
command -v sqlite3 >/dev/null || skip_all 'needs the sqlite3 shell'
cd "$T" || exit 1

# A process has much memory at the ends of seconds 20 and 21.
awk -v seconds=30 -f "$ROOT/tests/tools/stream.awk" |
	sed 's/rss=20000\(20\|21\)/rss=4000000/' >stream

# changes FILE: records of what happened, without those that say where it began.
changes() { grep -E '^(cpu|off|lost|age)	|	allocs=' "$1"; }
# part FROM TO: those of the stream from a time on, by the latest so far, up to a line.
part() {
	awk -F '\t' -v from="$1" -v to="$2" '$1 == "memory" && $2 == to { exit }
		$1 ~ /^(cpu|off|heap|memory|lost|age|cost)$/ && $2 > now { now = $2 }
		now >= from' stream >part
	changes part
}
# stands NAME: the stream in out can be stored, without a word.
stands() {
	rm -f ring.db
	cp out released
	exits "$1: it is a stream" 0 rsprof-store ring.db <released
	same 'that refers to nothing undefined' err /dev/null
}

# ---- a condition on memory --------------------------------------------------------

exits 'nothing has happened' 0 rsprof-ring -c rss=4G 5s <stream
same 'nothing is written' out /dev/null
same 'nothing is said' err /dev/null
exits 'no condition' 0 rsprof-ring 5s <stream
same 'nothing is written' out /dev/null

exits 'resident memory' 0 rsprof-ring -c cpu=300% -c rss=3M 5s <stream
same 'no word' err /dev/null
cp out ring
part 515990000000 522990000000 >want
changes ring >got
same 'it is there from five seconds before on, and as long as the condition holds' got want
ok 'that is something' [ "$(wc -l <want)" -gt 300 ]
grep '^note.*ring' ring | cut -f 2- >got
same 'the stream says why' got <<'E'
520990000000	ring	the last minutes were kept: rss=3M
E
grep -E '^(rsprof|end)' ring | cut -f 1-6 >got
same 'it begins where its first record is, and ends before the next one' got <<'E'
rsprof	1	cpu	mono=515990000000	wall=1767225615990000000	from=515990000000
rsprof	1	heap	mono=515990000000	wall=1767225615990000000	from=515990000000
end	522975000000	heap	continued
end	522975000000	cpu	continued
E
cp ring out
stands 'the release'
awk -F '\t' '$1 == "memory" && $2 == 522990000000 { exit } { print }' stream | live_of_stream >want
live ring.db >got
same 'what is live is that of the stream at that moment' got want
ok 'that is something' [ "$(wc -l <want)" -gt 20 ]
rsprof-fold -p -t ring >got
exits 'names are there' 1 grep -E '^\(|;\(null|\?\?' got
says 'of functions' 'work_33<T>' got
rsprof-sym ring >named 2>err
ok 'rsprof-sym takes it' rsprof-store named.db <named
exits 'live memory of a process' 0 rsprof-ring -c live=1200 5s <stream
says 'is a condition' 'were kept: live=1200$' out

# ---- a condition on CPU time --------------------------------------------------------

awk 'BEGIN {
	OFS = "\t"
	print "rsprof", 1, "cpu", "mono=100000000000", "wall=1767225600000000000", "unit=ns", "pid=1"
	print "proc", "100000000000", 1, 0, "p", "/p", "p"; print "thread", "100000000000", 1, 1, "p"
	for (t = 0; t < 40; t++)
		for (i = 0; i < (n = t >= 12 && t < 20 ? 400 : 50); i++)
			print "cpu", sprintf("%.0f", 100000000000 + t * 1000000000 + int(i * 1000000000 / n)), 1, 1, "?no-stack", 10000000
	print "end", "140000000000", "cpu", "duration"
}' >busy
exits 'CPU time' 0 rsprof-ring -c cpu=300% 10s <busy
sed -n 's/^note	\([0-9]*\).*: /\1 /p' out >got
same 'over 300 percent, in the mean of five seconds' got <<'E'
117000000000 cpu=300%
E
grep '^cpu' out | sed -n '1p;$p' | cut -f 2 >got
same 'from ten seconds before on, until it is not any more' got <<'E'
107000000000
122980000000
E
stands 'the release'
exits 'more than there is' 0 rsprof-ring -c cpu=401% 10s <busy
same 'nothing' out /dev/null
sed 's/unit=ns/unit=cycles/' busy >cycles
exits 'samples that are no time' 0 rsprof-ring -c cpu=300% 10s <cycles
says 'that is said' 'never holds, because the samples count no time'

# ---- the end ------------------------------------------------------------------------

exits 'the end' 0 rsprof-ring -c end 5s <stream
cp out ring
part 525000000000 0 >want
changes ring >got
same 'is a condition' got want
grep '^end' ring | cut -f 3- >got
same 'it is the true end' got <<'E'
heap	duration
cpu	duration
E
cp ring out
stands 'the release'
exits 'all of it, where that is shorter' 0 rsprof-ring -c end 1h <stream
grep -v '	ring	' out >got
same 'the same' got stream
sed '$d' stream | sed '$d' >short
exits 'a stream that was cut off' 0 rsprof-ring -c end 5s <short
grep '^end' out | cut -f 3- >got
same 'has an end' got <<'E'
heap	continued
cpu	continued
E

# ---- a signal -----------------------------------------------------------------------

feed() {
	awk -F '\t' -v from="$1" -v to="$2" '$1 == "memory" { n++ } n >= to { exit } n >= from' stream
}
mkfifo fifo
rsprof-ring 3s <fifo >out 2>err &
ring=$!
own $ring
exec 3>fifo
# Until then the signal would end it.
listens() { grep -q '^SigBlk:.*[2367abef]..$' "/proc/$ring/status"; }
ok 'it waits for a signal' await 60 listens
seen() { kill -USR1 $ring; sleep 0.05; grep -q "^memory	$1" out; }
feed 0 11 >&3
ok 'a signal lets them go' await 60 seen 509990000000
says 'because of it' 'were kept: by a signal$' out
feed 11 13 >&3
ok 'another one what has come since' await 60 seen 511990000000
feed 13 25 >&3
ok 'and another one' await 60 seen 523990000000
feed 25 99 >&3
exec 3>&-
wait $ring
same 'it goes on, and ends' err /dev/null
grep -c '^rsprof' out >got
same 'what was let go in one piece is one stream, and what was not, two' got <<'E'
4
E
changes out | sort | uniq -d >got
same 'nothing is there twice' got /dev/null
stands 'both of them'

# ---- memory -------------------------------------------------------------------------

awk -v seconds=1000 -f "$ROOT/tests/tools/stream.awk" >long
exits 'more than it may keep' 0 rsprof-ring -m 1 -c end 1h <long
ok 'it keeps what has room' sh -c '[ $(wc -c <out) -gt 900000 ] && [ $(wc -c <out) -lt 1200000 ]'
says 'the stream says so' 'were kept: the stream has ended; [0-9]* records before were too many' out
stands 'what is left'

# ---- trouble ------------------------------------------------------------------------

exits 'no argument' 2 rsprof-ring
same 'usage' err <<'E'
usage: rsprof-ring [-hV] [-c CONDITION] [-m MIB] DURATION
E
for value in x 0 -1 ''; do exits "duration '$value'" 2 rsprof-ring "$value"; done
for value in x cpu=3 cpu=% cpu=0% rss=x rss= live= end=1 'rss>4G'; do
	exits "-c $value" 2 rsprof-ring -c "$value" 5m
done
for value in 0 x; do exits "-m $value" 2 rsprof-ring -m $value 5m; done
exits 'a full disk' 1 sh -c 'rsprof-ring -c end 5s <stream >/dev/full'
says 'that is said' 'cannot write'
exits 'a reader that goes away' 1 sh -c '{ rsprof-ring -c end 1h <long; echo $? >status; } | head -n 1; exit $(cat status)'
printf '%s\n' "$(head -n 1 stream)" bad 'cpu	x' >damaged
exits 'bad lines' 1 rsprof-ring -c end 5s <damaged
says 'are named' '<stdin>:3: '
exits 'no stream' 1 rsprof-ring -c end 5s </dev/null
done_testing

#!/bin/sh
# rsprof-diff: rows of two recordings made by hand, in all formats, judged by a JSON validator
# and a Markdown renderer; bounds on changes; and the view on a terminal.
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
schema=$ROOT/lib/profile/diff.schema.json

# cpu FILE WORK IDLE: so many samples of work, and of two others, one of which is new.
cpu() {
	{
		rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=999 | unit=ns | pid=100
proc | 0 | 100 | 1 | server | /srv/server | ./server
thread | 0 | 100 | 100 | server
module | a1 | beef | /srv/server
frame | f1 | server::main | /src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | server::work | /src/work.rs | 10 | user | 1 | server | - | -
frame | f3 | core::sort | /rustc/1/library/core/sort.rs | 10 | std | 1 | core | - | -
frame | f4 | server::new | /src/new.rs | 7 | user | 1 | server | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a1 | 5300 | f3 | 0
stack | 54 | 51 | a1 | 5400 | f4 | 0
E
		awk -v work="$1" -v idle="$2" -v new="$3" '
		function out(stack, n) {
			while (n-- > 0)
				printf "cpu\t%.0f\t100\t100\t%d\t1000000\n", ++t * 1000000, stack
		}
		BEGIN {
			out(51, idle); out(52, work / 2); out(53, work / 2); out(54, new)
			printf "end\t%.0f\tcpu\tduration\n", ++t * 1000000
		}'
	}
}
heap() { # ALLOCS LIVE [ERROR]
	rec <<E
rsprof | 1 | heap | mono=0 | wall=1767225600000000000 | pid=100 | sample=${3:+4096}${3:-0}
proc | 0 | 100 | 1 | server | /srv/server | ./server
thread | 0 | 100 | 100 | server
module | a1 | beef | /srv/server
frame | f1 | server::main | /src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | server::work | /src/work.rs | 10 | user | 1 | server | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
heap | 1000000000 | 100 | 100 | 51 | allocs=7 | bytes=700 | live=700 | count=7 | peak=700
heap | 1000000000 | 100 | 100 | 52 | allocs=$1 | bytes=100000 | live=$2 | count=5 | peak=$2
memory | 1000000000 | 100 | live=$2 | count=10 | peak=$2 | rss=900000 | anon=800000 | allocs=$1 | bytes=100000 | frees=0 | freed=0 | unknown=0 | covered=1000000000 | hits=2000 | cost=1000
end | 1000000000 | heap | duration
E
}
store() { rsprof-store "$1" || exit 1; }
{ cpu 2500 7500 0; heap 1000 2000; } | store old.db
{ cpu 2580 7420 0; heap 1000 2000; } | store same.db
{ cpu 3000 7000 500; heap 1080 5000; } | store new.db

# ---- what has changed
COLUMNS=90
exits 'text' 0 rsprof-diff old.db new.db
same 'is this' out <<'E'
Old  old.db: server, CPU 10.000 s of 10.001 s in 10000 samples, heap 2.6K live, 1007 allo…
New  new.db: server, CPU 10.500 s of 10.501 s in 10500 samples, heap 5.6K live, 1087 allo…

CPU time: share of it, and its change; ~ may be chance
Before%  After%  Change   95 % bounds        Function
  75.00   66.67   -8.33   -12.7 to -9.5 %    server::main                /src/main.rs:3
   0.00    4.76   +4.76   new                server::new                 /src/new.rs:7
  25.00   28.57   +3.57   +9.2 to +19.6 %    server::work                /src/work.rs:10

Memory: what has changed
  Live  Before    Growth     Allocs     Before  Function
  4.9K    2.0K     +2.9K       1080       1000  server::work              /src/work.rs:10
E
exits 'nothing' 0 rsprof-diff old.db same.db
says 'may be chance' '^ +25\.00 +25\.80 +\+0\.80 ~' out
says 'or is none' '^nothing$' out
exits 'one' 0 rsprof-diff -n 1 old.db new.db
says 'and what is left out' '^2 more \(-n 0 shows all\)$' out
exits 'ranges' 0 rsprof-diff -f csv old.db 0-7.5s 7.5s-
tr -d '\r' <out | cut -d , -f 1,5,6 >got
same 'of one recording' got <<'E'
function,old_self_ns,new_self_ns
server::main,7499000000,1000000
server::work,0,2500000000
E

# ---- for programs
if python3 -c 'import jsonschema' 2>/dev/null; then python=python3
elif /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then python=/usr/bin/python3
else python=; fi
valid() {
	if [ -z "$python" ]; then skip "$1: no jsonschema for Python"; return; fi
	# shellcheck disable=SC2016
	ok "$1 is valid" $python -W ignore -c 'import json, jsonschema, sys
jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
		"$schema" "$2"
}
exits 'JSON' 0 rsprof-diff -f json old.db new.db
valid 'it' out
says 'has bounds' '"function":"server::work".*"change":1\.142857,"change_min":1\.09.*,"sure":true' out
exits 'CSV' 0 rsprof-diff -f csv old.db new.db
ok 'its shares add up' [ "$(tr -d '\r' <out | awk -F , 'NR > 1 { a += $5; b += $6 } END {
	printf "%.0f %.0f", a, b }')" = '10000000000 10500000000' ]
exits 'Markdown' 0 rsprof-diff -f markdown old.db new.db
if command -v cmark-gfm >/dev/null; then
	ok 'is one table' [ "$(cmark-gfm -e table out | grep -c '<table>')" = 1 ]
	ok 'of nine columns' [ "$(cmark-gfm -e table out | awk '/<tr>/ { n = 0 }
		/<t[dh][ >]/ { n++ } /<\/tr>/ { print n }' | sort -u)" = 9 ]
else
	skip 'no cmark-gfm'
fi
for f in text json csv markdown; do
	rsprof-diff -f $f old.db new.db >first
	rsprof-diff -f $f old.db new.db >out
	same "$f again: the same bytes" out first
	ok "$f to a full disk" sh -c "! rsprof-diff -f $f old.db new.db >/dev/full"
done

# ---- bounds on changes
check() { # STATUS BOUND NEW PATTERN
	exits "$2 to $3" "$1" rsprof-diff -x "$2" old.db "$3.db"
	says 'is said' "$4"
	one_line 'in one line'
}
check 7 'cpu:work:+5%' new 'broken: cpu:work:\+5%: \+14\.3 % \(95 %: \+9\.2 to \+19\.6 %, by sampling alone\)$'
check 0 'cpu:work:+25%' new kept
check 0 'cpu:work:+15%' new undecided
check 0 'cpu:work:+5%' same undecided
check 0 'cpu:work:+10%' same kept
check 7 'cpu:work<20%' same broken
check 7 'allocs:work:+5%' new 'broken: allocs:work:\+5%: \+8\.0 %$'
check 0 'allocs:work:+8%' new 'kept: .*: \+8\.0 %$'
check 0 'allocs:work:+0%' same 'kept: .*: \+0\.0 %$'
check 7 'live:+50%' new 'broken: live:\+50%: \+111\.1 %$'
check 0 'total:+6%' new 'kept: total:\+6%: \+5\.0 %'
check 7 'total:+4%' new broken
check 7 'cpu.self:main:-20%' new broken
check 0 'cpu.self:main:-5%' new kept
check 7 'cpu:main:-5%' new 'broken: .*: \+0\.0 %'
check 7 'cpu:new:+5%' new 'broken: .*: from nothing to more$'
check 2 'cpu:wrk:+5%' new 'near misses: server::work'
exits 'undecided is as bad, if asked for' 7 rsprof-diff -X -x 'cpu:work:+15%' old.db new.db

# ---- several recordings a side: by the spread between them
i=0
for work in 2400 2500 2600 2450 2550 2500; do
	i=$((i + 1))
	cpu $work 7500 0 | store r$i.db
done
for work in 3100 3000 2900; do
	i=$((i + 1))
	cpu $work 7000 0 | store r$i.db
done
exits 'three a side' 0 rsprof-diff -a r2.db -a r3.db -b r5.db -b r6.db -x 'cpu:work:+5%' r1.db r4.db
says 'without change' 'kept|undecided'
says 'by the spread' '%, by the spread between recordings\)$'
exits 'with a change' 7 rsprof-diff -a r2.db -a r3.db -b r8.db -b r9.db -x 'cpu:work:+5%' r1.db r7.db
says 'too' 'broken: cpu:work:\+5%: \+20\.[0-9] % \(95 %: .*, by the spread'
exits 'several on one side alone' 2 rsprof-diff -a r2.db -x 'cpu:work:+5%' r1.db r4.db
one_line 'in one line'

# ---- those that have hardly anything
rec >empty.rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100
end | 1000000000 | cpu | duration
E
store empty.db <empty.rec
heap 5 5 | store heap.db
cpu 50 50 0 | store cpu.db
for f in text json csv markdown; do
	for pair in 'empty empty' 'old empty' 'empty old' 'heap cpu' 'cpu heap' 'heap heap'; do
		# shellcheck disable=SC2086
		set -- $pair
		exits "$f of $1 and $2" 0 rsprof-diff -f $f "$1.db" "$2.db"
		[ $f != json ] || valid 'it' out
	done
done
exits 'a bound on what one has not' 1 rsprof-diff -x 'live:+5%' heap.db cpu.db
says 'is said' 'not checked: live:\+5%: no memory was recorded$'
{
	cpu 100 100 0 | sed 's/server::work/a|b`c` <b>\&/'
} | store hostile.db
exits 'hostile names' 0 rsprof-diff -f markdown old.db hostile.db
says 'are no markup' '&#124;' out
exits 'in JSON' 0 rsprof-diff -f json old.db hostile.db
valid 'it' out

# ---- usage
exits 'no argument' 2 rsprof-diff
for o in '-f xml' '-n x' '-x cpu' '-x cpu:a<5'; do
	# shellcheck disable=SC2086
	exits "bad option $o" 2 rsprof-diff $o old.db new.db
	one_line 'in one line'
done
exits 'no range' 2 rsprof-diff old.db 0-5 yesterday
says 'is named' 'not a time range: yesterday'
exits 'no such file' 6 rsprof-diff missing.db new.db
one_line 'in one line'

# ---- on a terminal it is the view
if command -v tmux >/dev/null; then
	# shellcheck source=tests/tools/terminal.sh
	. "$ROOT/tests/tools/terminal.sh"
	open_terminal 90 24
	run 'rsprof diff old.db new.db'
	see 'the view' 'Before%'
	keys q
	ends 'which ends' 0
	run 'rsprof diff old.db 0-7s 7s-'
	see 'the view of ranges' 'Before%'
	keys q
	ends 'which ends' 0
	run 'rsprof diff -f csv old.db new.db | head -c 20; rsprof diff -n 1 -f text old.db new.db | tail -n 1'
	see 'text, if asked for' 'function,file,line'
else
	skip 'no tmux'
fi

done_testing

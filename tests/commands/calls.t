#!/bin/sh
# rsprof-top -g tree, callers and source: calls and lines of a recording made by hand, as text
# and JSON, against sums made by hand.
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
COLUMNS=80
mkdir src
awk 'BEGIN { for (i = 1; i <= 40; i++) print "\tline " i }' >src/parse.rs
printf 'static\n' >src/main.rs

# main calls parse, which calls visit, which calls parse again; both call memcpy.
rec >a.rec <<E
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=100 | unit=ns | pid=100
proc | 0 | 100 | 1 | server | /srv/server | ./server
thread | 0 | 100 | 100 | server
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | $T/src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | server::parse::parse | $T/src/parse.rs | 10 | user | 1 | server | - | -
frame | f3 | server::parse::visit | $T/src/parse.rs | 20 | user | 1 | server | - | -
frame | f4 | server::parse::parse | $T/src/parse.rs | 14 | user | 1 | server | - | -
frame | f5 | memcpy | - | - | libc | - | - | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a1 | 5300 | f3 | 1
stack | 54 | 53 | a1 | 5400 | f4 | 0
stack | 55 | 54 | a2 | 5500 | f5 | 0
stack | 56 | 51 | a2 | 5600 | f5 | 0
cpu | 1000000000 | 100 | 100 | 51 | 10000000
cpu | 2000000000 | 100 | 100 | 52 | 20000000
cpu | 2500000000 | 100 | 100 | 53 | 30000000
cpu | 3000000000 | 100 | 100 | 54 | 100000000
cpu | 3500000000 | 100 | 100 | 55 | 40000000
cpu | 4000000000 | 100 | 100 | 56 | 80000000
cpu | 5000000000 | 100 | 100 | ?no-stack | 20000000
heap | 3000000000 | 100 | 100 | 55 | allocs=3 | bytes=3000 | live=2048 | count=2 | peak=2048
heap | 3000000000 | 100 | 100 | 52 | allocs=1 | bytes=100 | live=100 | count=1 | peak=100
end | 6000000000 | cpu | duration
E
rsprof-store a.db <a.rec || exit 1

exits 'the tree' 0 rsprof-top -g tree cpu a.db
same 'runtime frames count for their callers' out <<'E'
Total%   Self%  Function, below its caller
 93.33   30.00  server::main
 63.33    6.67    server::parse::parse
 56.67   10.00      server::parse::visit
 46.67   46.67        server::parse::parse
  6.67    6.67  [no-stack]
E
exits 'with runtime frames' 0 rsprof-top -r -g tree -D 1 cpu a.db
same 'to a depth' out <<'E'
Total%   Self%  Function, below its caller
 93.33    3.33  server::main
 63.33    6.67    server::parse::parse
 26.67   26.67    memcpy
  6.67    6.67  [no-stack]
1 more, and what is below (-n 0 -t 0 shows all)
E
exits 'below functions of a name' 0 rsprof-top -g tree -N visit cpu a.db
same 'they are the outermost' out <<'E'
Total%   Self%  Function, below its caller
 56.67   10.00  server::parse::visit
 46.67   46.67    server::parse::parse
E
exits 'what is small' 0 rsprof-top -g tree -t 50 -N server cpu a.db
says 'is hidden' '^[0-9]+ more, and what is below' out
exits 'two lines' 0 rsprof-top -g tree -n 2 cpu a.db
same 'and what is left out' out <<'E'
Total%   Self%  Function, below its caller
 93.33   30.00  server::main
 63.33    6.67    server::parse::parse
3 more, and what is below (-n 0 -t 0 shows all)
E
exits 'callers' 0 rsprof-top -g callers cpu a.db
same 'of what takes most itself; recursion counts once' out <<'E'
Total%  Function, its callers below it
 63.33  server::parse::parse
 63.33    server::main
E
exits 'of a name' 0 rsprof-top -r -g callers -N memcpy cpu a.db
same 'all of them' out <<'E'
Total%  Function, its callers below it
 40.00  memcpy
 26.67    server::main
 13.33    server::parse::parse
 13.33      server::parse::visit
 13.33        server::parse::parse
 13.33          server::main
E
exits 'of memory' 0 rsprof-top -g tree heap a.db
same 'as live bytes' out <<'E'
  Live    Self  Function, below its caller
  2.1K      0B  server::main
  2.1K    100B    server::parse::parse
  2.0K      0B      server::parse::visit
  2.0K    2.0K        server::parse::parse
E
exits 'source' 0 rsprof-top -g source -N parse::parse cpu a.db
sed 1d out >got
same 'lines that cost, and some around them' got <<'E'
Total%   Self%   Line  Source
                    8   line 8
                    9   line 9
 63.33    6.67     10   line 10
                   11   line 11
                   12   line 12
                   13   line 13
 46.67   46.67     14   line 14
                   15   line 15
                   16   line 16
                   ...
                   18   line 18
                   19   line 19
 56.67   10.00     20   line 20
                   21   line 21
                   22   line 22
E
says 'of this file' "^$T/src/parse.rs\$" out
exits 'a file that has fewer lines' 0 rsprof-top -g source -N main cpu a.db
says 'is said to' '^ 93\.33 +30\.00 +3  \(cannot be read here\)$' out
exits 'source of memory' 0 rsprof-top -g source -N parse::parse heap a.db
says 'by line' '^  2\.0K +2\.0K +14   line 14$' out
rm src/parse.rs
mkfifo src/parse.rs
exits 'a file that is none' 0 rsprof-top -g source -N parse::parse cpu a.db
says 'is not waited for' '^ 46\.67 +46\.67 +14  \(cannot be read here\)$' out

# ---- JSON: what is a number there adds up
json() { python3 -c "import json, sys; d = json.load(open('out')); rows = d['rows']; assert ($1), d"; }
exits 'the tree as JSON' 0 rsprof-top -f json -g tree -t 0 -n 0 cpu a.db
ok 'self adds up to the whole' json 'sum(r["self_ns"] for r in rows) == d["whole_ns"] == 300000000'
ok 'totals are those of self below' json 'all(r["total_ns"] == r["self_ns"] +
    sum(s["total_ns"] for s in rows if s["parent"] == i) for i, r in enumerate(rows))'
ok 'parents stand before, one less deep' json 'all(r["parent"] is None and r["depth"] == 0 or
    r["parent"] < i and rows[r["parent"]]["depth"] == r["depth"] - 1 for i, r in enumerate(rows))'
exits 'memory as JSON' 0 rsprof-top -f json -g tree -t 0 heap a.db
ok 'so it does there' json 'sum(r["self"] for r in rows) == d["whole"] == 2148'
exits 'source as JSON' 0 rsprof-top -f json -g source -N visit cpu a.db
ok 'lines have their time' json 'd["function"] == "server::parse::visit" and
    [r["self_ns"] for r in rows] == [20000000, 140000000, 30000000]'
for g in tree callers source; do
	ok "$g to a full disk" sh -c "! rsprof-top -g $g cpu a.db >/dev/full"
	rsprof-top -g $g cpu a.db >first
	rsprof-top -g $g cpu a.db >out
	same 'again: the same' out first
done

# ---- what is not there
exits 'a name that nothing has' 1 rsprof-top -g tree -N pasre cpu a.db
same 'has near misses' err <<'E'
rsprof-top: a.db: no function has "pasre" in its name; near misses: server::parse::parse
E
exits 'source that is unknown' 1 rsprof-top -r -g source -N memcpy cpu a.db
says 'is said to be' 'its source is not known'
grep -v '^heap' a.rec | rsprof-store time.db || exit 1
exits 'no memory' 1 rsprof-top -g tree heap time.db
says 'is said' 'the recording has no memory$'
grep -v '^cpu' a.rec | rsprof-store memory.db || exit 1
exits 'no time' 0 rsprof-top -g tree cpu memory.db
says 'is said' '^Nothing was recorded\.$' out
for o in '-g tree -f csv' '-g tree -o live' '-g tree -l 5' '-N x' '-D 1' '-g tree -D x' '-g trees'; do
	# shellcheck disable=SC2086
	exits "bad options $o" 2 rsprof-top $o heap a.db
	one_line 'in one line'
done
exits 'the options of functions again' 0 rsprof-top -g tree -g function cpu a.db

done_testing

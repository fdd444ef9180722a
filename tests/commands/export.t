#!/bin/sh
# rsprof-export: files for programs that show profiles; what they hold adds up.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
perl -MJSON::PP -e 1 2>/dev/null || skip_all "needs perl's JSON::PP"
cd "$T" || exit 1
small >small.rec
hostile >hostile.rec
text() { perl "$ROOT/tests/tools/json.pl" "$1"; }

exits 'firefox' 0 rsprof-export -f firefox small.rec
text firefox <out >got
same 'threads, samples in time, allocations, a counter, markers' got <<'E'
thread server 100 100 main=1
sample 200.000 10.000000 server::main;server::serve;server::parse
sample 210.000 10.000000 server::main;server::serve;server::parse
allocation 1000.000 1000 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
allocation 1000.000 -400 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
allocation 2000.000 -300 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
marker 2000.000 Lost: ring-full
marker 2000.000 Note: it is so
thread worker 100 101 main=0
sample 300.000 10.000000 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
sample 400.000 10.000001 server::main;server::serve
sample 500.000 10.000000 (incomplete: copy-end);libc.so.6+0x7700
sample 600.000 5.000000 (no stack: no-stack)
allocation 1000.000 70 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
thread child 200 200 main=1
sample 2100.000 40.000000 server::main
counter malloc 100: 0 670 -300
lib /srv/server beef
lib /lib/libc.so.6 f00d
E
exits 'speedscope' 0 rsprof-export -f speedscope small.rec
text speedscope <out >got
same 'a profile for each thread, for waits and for memory' got <<'E'
profile server (100) nanoseconds 20000000
10000000 server::main;server::serve;server::parse
10000000 server::main;server::serve;server::parse
profile worker (101) nanoseconds 35000001
10000000 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
10000001 server::main;server::serve
10000000 (incomplete: copy-end);libc.so.6+0x7700
5000000 (no stack: no-stack)
profile child (200) nanoseconds 40000000
40000000 server::main
profile time off the CPU nanoseconds 300000700
300000000 server::main;server::serve
700 (no stack: short)
profile allocated bytes 1070
1000 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
70 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
profile live at the end bytes 370
300 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
70 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc
E
exits 'dhat' 0 rsprof-export -f dhat small.rec
text dhat <out >got
same 'what was allocated, was live when most was, and is live at the end' got <<'E'
./server -v 100 te=3000000000 tg=1000000000
tb=1070 tbk=11 tl=0 mb=900 mbk=6 gb=670 gbk=7 eb=370 ebk=4 0x5500: malloc (in /lib/libc.so.6) <0x1300: <alloc::vec::Vec<u8>>::push (/rustc/abc/library/alloc/src/vec/mod.rs:40) <0x1200: server::parse (src/parse.rs:30) <0x1200: server::serve (src/serve.rs:20) <0x1100: server::main (src/main.rs:10)
E
exits 'trace' 0 rsprof-export -f trace small.rec
text trace <out >got
same 'a track for each thread' got <<'E'
process_name 100/0 server
process_name 200/0 child
thread_name 100/100 server
thread_name 100/101 worker
thread_name 200/200 child
counter 1000000 live=670 resident=4096000
counter 2000000 live=370 resident=8192000
lost 2000000 ring-full 7
note 2000000 it is so 0
100/100 server::main;server::serve;server::parse 20000.000
100/101 (incomplete: copy-end);libc.so.6+0x7700 10000.000
100/101 (no stack: no-stack) 5000.000
100/101 server::main;server::serve 10000.001
100/101 server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc 10000.000
200/200 server::main 40000.000
E
exits 'callgrind' 0 rsprof-export -f callgrind small.rec
sed 's/^\(creator: rsprof\) .*/\1/' out >got
same 'costs by line, and of calls' got <<'E'
# callgrind format
version: 1
creator: rsprof
pid: 100
cmd: ./server -v
desc: Note: sums of memory are estimates: one allocation in 524288 bytes was recorded
desc: Note: it is so
desc: Lost: 7 ring-full (cpu)
positions: line
event: cpu : CPU time in nanoseconds
event: off : Time off the CPU in nanoseconds
event: allocs : Allocations
event: bytes : Bytes allocated
event: live : Bytes live at the end
events: cpu off allocs bytes live
summary: 95000001 300000700 11 1070 370

fl=(1) src/parse.rs
fn=(1) server::parse
30 20000000 0 0 0 0
cfi=(5) /rustc/abc/library/alloc/src/vec/mod.rs
cfn=(5) <alloc::vec::Vec<u8>>::push
calls=2 40
30 10000000 0 11 1070 370

fl=(2) src/serve.rs
fn=(2) server::serve
cfi=(1)
cfn=(1)
calls=3 30
20 30000000 0 11 1070 370
25 10000001 300000000 0 0 0

fl=(3) src/main.rs
fn=(3) server::main
10 40000000 0 0 0 0
cfi=(2)
cfn=(2)
calls=3 20
10 30000000 0 11 1070 370
cfi=(2)
cfn=(2)
calls=1 25
10 10000001 300000000 0 0 0

fl=(4) ???
fn=(4) malloc
0 10000000 0 11 1070 370

fl=(5)
fn=(5)
cfi=(4)
cfn=(4)
calls=2 0
40 10000000 0 11 1070 370

fl=(4)
fn=(6) libc.so.6+0x7700
0 10000000 0 0 0 0

fl=(4)
fn=(7) (incomplete: copy-end)
cfi=(4)
cfn=(6)
calls=1 0
0 10000000 0 0 0 0

fl=(4)
fn=(8) (no stack: no-stack)
0 5000000 0 0 0 0

fl=(4)
fn=(9) (no stack: short)
0 0 700 0 0 0
E

# ---- what may be off ---------------------------------------------------------------

# adds FORMAT: what it says of `doubtful` beyond what it says of `small`.
doubtful >doubtful.rec
adds() {
	rsprof-export -f "$1" small.rec | text "$1" >exact
	rsprof-export -f "$1" doubtful.rec | text "$1" >unsure
	diff exact unsure | sed -n 's/^> //p'
}
adds firefox >got
same 'errors and ranges: firefox has markers' got <<'E'
marker 2000.000 Window: probes were armed for 200000 of 1000000 us
marker 2000.000 Range: live memory is not known: between 370 and 1000 bytes
marker 3000.000 Range: live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be
marker 3000.000 Range: allocated memory is between 868 and 1446 bytes in 19 of 20 cases
E
rsprof-export -f firefox doubtful.rec >out
says 'the counter says that there are some' '"description":"Live allocations: not known, or off by more than a tenth' out
adds trace >got
same 'trace has instants' got <<'E'
window 2000000 probes were armed for 200000 of 1000000 us 0
range 2000000 live memory is not known: between 370 and 1000 bytes 0
range 3000000 live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be 0
range 3000000 allocated memory is between 868 and 1446 bytes in 19 of 20 cases 0
E
adds speedscope >got
same 'speedscope has names of profiles' got <<'E'
profile allocated (between 868 and 1446 bytes) bytes 1070
profile live at the end, at least (not known: between 312 and 957 bytes) bytes 370
E
adds dhat | sed 's/^tb=.*</... </' >got
same 'dhat has the command, and a frame' got <<'E'
./server -v [allocated memory is between 868 and 1446 bytes in 19 of 20 cases] [live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be] 100 te=3000000000 tg=1000000000
... <0x0: (live memory is not known: at least)
E
rsprof-export -f callgrind doubtful.rec | grep -e ' is .*known' -e ' is between' -e ' in use ' -e '^event: [bl]' >got
same 'callgrind has descriptions' got <<'E'
desc: Note: live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be
desc: Note: allocated memory is between 868 and 1446 bytes in 19 of 20 cases
desc: Note: live memory of all of server (100) is not known: between 370 and 1000 bytes
desc: Note: the allocator of server (100) has 800 bytes in use by its own state, older memory included
event: bytes : Bytes allocated, an estimate
event: live : Bytes live at the end, or the least that can be
E

# ---- a real recording -----------------------------------------------------------------

echo | rsprof run -q -f -w -F 499 -o real.db -- "$B/target/family" 100 >log 2>&1
rsprof-dump real.db >real.rec
ns=$(rsprof-query real.db 'SELECT sum(ns) FROM cpu')
bytes=$(rsprof-query real.db 'SELECT coalesce(sum(bytes), 0) FROM heap')
live=$(rsprof-query real.db 'SELECT coalesce(sum(live), 0) FROM heap_live')
rsprof-export -f firefox real.rec | text firefox >got
ok 'firefox: CPU time' [ "$(awk '/^sample/ { n += $3 } END { printf "%.0f", n * 1e6 }' got)" = "$ns" ]
ok 'what was allocated' [ "$(awk '/^allocation/ && $3 > 0 { n += $3 } END { printf "%.0f", n }' got)" = "$bytes" ]
ok 'what is live' [ "$(awk '/^allocation/ { n += $3 } END { printf "%.0f", n }' got)" = "$live" ]
rsprof-export -f speedscope real.rec | text speedscope >got
ok 'speedscope: CPU time' [ "$(awk '/^profile.*[)] nanoseconds/ { n += $NF } END { printf "%.0f", n }' got)" = "$ns" ]
ok 'what is live' [ "$(awk '/^profile live/ { n += $NF } END { printf "%.0f", n }' got)" = "$live" ]
rsprof-export -f trace real.rec | text trace >got
ok 'trace: CPU time' [ "$(awk '/^[0-9]/ { n += $NF } END { printf "%.0f", n * 1e3 }' got)" = "$ns" ]
rsprof-export -f callgrind real.rec >got
ok 'callgrind: CPU time' [ "$(awk '/^calls=/ { getline; next } /^[0-9]/ { n += $2 } END { printf "%.0f", n }' got)" = "$ns" ]
if [ "$bytes" != 0 ]; then
	rsprof-export -f dhat real.rec | text dhat >got
	ok 'dhat: what was allocated' [ "$(tr ' ' '\n' <got | awk -F = '/^tb=/ { n += $2 } END { printf "%.0f", n }')" = "$bytes" ]
	ok 'what is live' [ "$(tr ' ' '\n' <got | awk -F = '/^eb=/ { n += $2 } END { printf "%.0f", n }')" = "$live" ]
else
	skip 'no memory is recorded here'
fi

# ---- on a live pipe --------------------------------------------------------------------

launch sh -c 'while :; do :; done'
rsprof-cpu -d 0.5 -F 499 -p "$launched" 2>log | rsprof-sym 2>>log | tee live.rec |
	rsprof-export -f firefox >live.json 2>err
kill -s KILL "$launched"
if grep -q ^cpu live.rec; then
	same 'a live pipe: without a word' err /dev/null
	rsprof-store live.db <live.rec
	rsprof-dump live.db | rsprof-export -f firefox | text firefox | grep -v ^lib >want
	text firefox <live.json | grep -v ^lib >got
	same 'what comes out is what a dump of it gives' got want
	rsprof-fold live.rec | sort >got
	rsprof-dump live.db | rsprof-fold | sort >want
	same 'folded stacks, too' got want
else
	skip 'nothing can be recorded here'
fi

# ---- by rsprof ---------------------------------------------------------------------------

exits 'rsprof export' 0 rsprof export -f firefox real.db
rsprof-export -f firefox real.rec >want
same 'is the same' out want
exits 'rsprof fold' 0 rsprof fold -c -t real.db
rsprof-fold -ct real.rec >want
same 'with options' out want
exits 'rsprof pprof' 0 rsprof pprof real.db
rsprof-pprof real.rec >want
ok 'is the same' cmp out want
exits 'rsprof fold without a file: 2' 2 rsprof fold -c
exits 'of no recording: 6' 6 rsprof fold real.rec
says 'it is said' 'real.rec: not a recording'
for file in a.pb.gz b.folded c.json d.callgrind e.firefox.json f.speedscope.json; do
	exits "run -o $file" 0 sh -c 'echo | rsprof run -q -C -F 499 -o "$1" -- "$2" 60' sh $file "$B/target/family"
	says 'is said to be written' "^rsprof: written to $file\$"
	ok 'it is' [ -s $file ]
	ok 'and the recording is beside it' [ -s "${file%%.*}.db" ]
done
ok 'pprof' gzip -t a.pb.gz
ok 'folded stacks' grep -q ' [0-9]*$' b.folded
ok 'firefox' grep -q preprocessedProfileVersion c.json
ok 'callgrind' grep -q '^events: cpu' d.callgrind
ok 'firefox, by its name' grep -q preprocessedProfileVersion e.firefox.json
ok 'speedscope' grep -q speedscope.app/file-format-schema.json f.speedscope.json
exits 'neither is overwritten: 6' 6 rsprof run -q -o a.pb.gz -- true
says 'the recording is named' '^rsprof: a.db: exists already'
rm a.db
exits 'nor the file: 6' 6 rsprof run -q -o a.pb.gz -- true
says 'which is named' '^rsprof: a.pb.gz: exists already'

# ---- names, and what is wrong ------------------------------------------------------------

for format in firefox speedscope dhat trace; do
	exits "$format: hostile names" 0 rsprof-export -f $format hostile.rec
	ok 'no control characters but the ends of lines' sh -c '! tr -d "\n" <out | LC_ALL=C grep -q "[[:cntrl:]]"'
	text $format <out >all
	ok 'are whole' [ "$(longest all)" = $LONGEST ]
	ok 'are text' grep -q '</script><script>alert(1)</script>' all
	ok 'with all their characters' grep -q "$(printf '\033')\[31mred" all
done
exits 'callgrind: hostile names' 0 rsprof-export -f callgrind hostile.rec
ok 'no control characters but the ends of lines' sh -c '! tr -d "\n" <out | LC_ALL=C grep -q "[[:cntrl:]]"'
ok 'are whole' [ "$(longest out)" = $LONGEST ]
ok 'are text' grep -qx 'fn=([0-9]*) </script><script>alert(1)</script>' out
for format in firefox speedscope callgrind; do
	refuses rsprof-export -f $format
	ok 'is the same as what made it' [ "$(wc -c <dumped)" = "$(wc -c <whole)" ]
done
exits 'no format: 2' 2 rsprof-export small.rec
exits 'an unknown format: 2' 2 rsprof-export -f nosuch small.rec
grep -v ^heap small.rec >cpu.rec
exits 'dhat of no memory: 1' 1 rsprof-export -f dhat cpu.rec
says 'it is said' 'the stream has no memory'
done_testing

#!/bin/sh
# rsprof-top: tables checked against sums made by hand, in all formats, and
# recordings that are none.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

if nobody test -x "$B/rsprof-top"; then reach=1; else reach=; fi

cd "$T" || exit 1
COLUMNS=100

# main calls parse, which calls itself through visit; both call memcpy.
rec >a.rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100 | host=box
proc | 1000000000 | 100 | 1 | server | /srv/server | ./server -v
thread | 1000000000 | 100 | 100 | server
thread | 1000000000 | 100 | 101 | worker-1
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | /home/me/server/src/main.rs | 3
frame | f2 | server::parse::parse | /home/me/server/src/parse.rs | 10
frame | f3 | server::parse::visit | /home/me/server/src/parse.rs | 20
frame | f4 | server::parse::parse | /home/me/server/src/parse.rs | 14
frame | f5 | memcpy | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a1 | 5300 | f3 | 1
stack | 54 | 53 | a1 | 5400 | f4 | 0
stack | 55 | 54 | a2 | 5500 | f5 | 0
stack | 56 | 51 | a2 | 5600 | f5 | 0
stack | 57 | ?copy-end | a2 | 5700 | - | 0
cpu | 1500000000 | 100 | 100 | 51 | 10000000
cpu | 2000000000 | 100 | 100 | 52 | 20000000
cpu | 2500000000 | 100 | 101 | 53 | 30000000
cpu | 3000000000 | 100 | 101 | 54 | 100000000
cpu | 3500000000 | 100 | 100 | 55 | 40000000
cpu | 4000000000 | 100 | 100 | 56 | 80000000
cpu | 4500000000 | 100 | 101 | 57 | 70000000
cpu | 5000000000 | 100 | 100 | ?no-stack | 50000000
lost | 3000000000 | cpu | 7 | ring-full
cost | 5000000000 | cpu | 25000000 | 5000000
note | 1000000000 | cpu | time in the kernel is not counted
end | 6000000000 | cpu | duration
E
rsprof-store a.db <a.rec || exit 1

# Instances of a generic function, and two versions of a crate.
rec >origin.rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100
proc | 1000000000 | 100 | 1 | server | /srv/server | ./server
thread | 1000000000 | 100 | 100 | server
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | /src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | <syn::Set<server::A>>::add | /syn-1.0.1/set.rs | 10 | dep | 2 | syn | 1.0.1 | Set<_>::add
frame | f3 | <syn::Set<server::B>>::add | /syn-1.0.1/set.rs | 11 | dep | 3 | syn | 1.0.1 | Set<_>::add
frame | f4 | <syn::Set<server::B>>::add | /syn-2.0.2/set.rs | 12 | dep | 4 | syn | 2.0.2 | Set<_>::add
frame | f5 | <server::Set<server::B>>::add | /src/set.rs | 13 | user | 5 | server | - | Set<_>::add
frame | f6 | malloc | - | - | alloc | - | - | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a1 | 5300 | f3 | 0
stack | 54 | 51 | a1 | 5400 | f4 | 0
stack | 55 | 51 | a1 | 5500 | f5 | 0
stack | 56 | 53 | a2 | 5600 | f6 | 0
cpu | 1500000000 | 100 | 100 | 51 | 10000000
cpu | 2000000000 | 100 | 100 | 52 | 20000000
cpu | 2500000000 | 100 | 100 | 53 | 40000000
cpu | 3000000000 | 100 | 100 | 54 | 80000000
cpu | 3500000000 | 100 | 100 | 55 | 160000000
cpu | 4000000000 | 100 | 100 | 56 | 320000000
heap | 4000000000 | 100 | 100 | 53 | allocs=1 | bytes=100 | live=100 | count=1 | peak=100
heap | 4000000000 | 100 | 100 | 52 | allocs=1 | bytes=20 | live=20 | count=1 | peak=20
end | 6000000000 | cpu | duration
E
rsprof-store origin.db <origin.rec || exit 1
exits 'by generic function' 0 rsprof-top -f csv -g generic cpu origin.db
tr -d '\r' <out >got
same 'instances are one, of a crate' got <<'E'
self_ns,total_ns,function,file,line,module
460000000,460000000,Set<_>::add,/syn-1.0.1/set.rs,11,/srv/server
160000000,160000000,Set<_>::add,/src/set.rs,13,/srv/server
10000000,630000000,server::main,/src/main.rs,3,/srv/server
E
exits 'by crate' 0 rsprof-top -f csv -g crate cpu origin.db
tr -d '\r' <out >got
same 'each version is one; what is of none is its module' got <<'E'
self_ns,total_ns,crate,version
380000000,380000000,syn,1.0.1
170000000,630000000,server,
80000000,80000000,syn,2.0.2
E
exits 'as JSON' 0 rsprof-top -f json -g crate -n 3 cpu origin.db
says 'with the version' '^\{"crate":"syn","version":"2.0.2","self_ns":80000000,' out
says 'if it is known' '^\{"crate":"server","version":null,' out
exits 'as text' 0 rsprof-top -g crate cpu origin.db
says 'too' '^ 12.70    12.70      0.080      0.080  syn  *2.0.2$' out
exits 'the heap by crate' 0 rsprof-top -f csv -g crate heap origin.db
says 'in the same way' '^120,2,.*,syn,1.0.1' out
exits 'and by generic function' 0 rsprof-top -f csv -g generic heap origin.db
says 'too' '^120,2,.*,Set<_>::add,/syn-1.0.1/set.rs,1[01],/srv/server' out

# ---- usage
exits 'no argument' 2 rsprof-top
same 'usage' err <<'E'
usage: rsprof-top [-hrVX] [-n N] [-t PCT] [-f text|json|csv] [-g function|generic|line|crate|module|thread] [-o self|total] [-s SINCE] [-u UNTIL] [-x BOUND] cpu|off|wall FILE
       rsprof-top [-rX] [-l AGE] [-n N] [-t PCT] [-f text|json|csv] [-g function|generic|line|crate|module|thread] [-o live|peak|bytes|allocs|temps] [-s SINCE] [-u UNTIL] [-x BOUND] heap FILE
       rsprof-top -g tree|callers|source [-rX] [-D DEPTH] [-N NAME] [-n N] [-t PCT] [-f text|json] [-s SINCE] [-u UNTIL] [-x BOUND] cpu|off|wall|heap FILE
E
exits 'unknown option' 2 rsprof-top -z cpu a.db
for o in '-n -1' '-n x' '-n 99999999999999999999' '-t 101' '-t -1' \
    '-t nan' '-t 1e1' '-t 0x1' '-f xml' '-g file' '-s x' '-s -1' '-u 5 -s 5' \
    '-u 0' '-s 99999999999h'; do
	# shellcheck disable=SC2086
	exits "bad option $o" 2 rsprof-top $o cpu a.db
	one_line 'in one line'
done
exits 'another metric' 2 rsprof-top lock a.db
says 'said' '^rsprof-top: unknown metric: lock \(cpu, off, wall or heap\)$'
exits 'no file' 2 rsprof-top cpu
exits 'version' 0 rsprof-top -V
says 'version said' '^rsprof-top [0-9]' out
for f in text json csv; do
	ok "$f to a full disk" sh -c "! rsprof-top -f $f cpu a.db >/dev/full"
done
ok 'version to a full disk' sh -c '! rsprof-top -V >/dev/full'

# ---- the table
exits 'text' 0 rsprof-top cpu a.db
same 'no word' err </dev/null
same 'by function' out <<'E'
Process   server (pid 100): ./server -v
Recorded  2026-01-01 00:00:00 +0000, 5.000 s at 99 Hz on box
CPU       0.400 s in 8 samples, 0.08 CPUs on average
Stacks    75.00 % complete (copy-end 12.50 %, no-stack 12.50 %)
Lost      7 cpu ring-full
Profiler  0.025 s CPU (0.50 % of one CPU), 5.0 MB
Note      time in the kernel is not counted
Shown     all frames: none is known to be of the program's own code

Self %  Total %     Self s    Total s  Function              Location
 30.00    47.50      0.120      0.190  server::parse::parse  /home/me/server/src/parse.rs:14
 30.00    30.00      0.120      0.120  memcpy                /usr/lib/libc.so.6
 17.50    17.50      0.070      0.070  libc.so.6+0x5700      /usr/lib/libc.so.6
  7.50    42.50      0.030      0.170  server::parse::visit  /home/me/server/src/parse.rs:20
  2.50    70.00      0.010      0.280  server::main          /home/me/server/src/main.rs:3

 12.50    12.50      0.050      0.050  [no-stack]
E
table() { sed '1,/^Self/d' out; }
exits 'by line' 0 rsprof-top -g line cpu a.db
table >got
same 'lines' got <<'E'
 30.00    30.00      0.120      0.120  memcpy                /usr/lib/libc.so.6
 25.00    35.00      0.100      0.140  server::parse::parse  /home/me/server/src/parse.rs:14
 17.50    17.50      0.070      0.070  libc.so.6+0x5700      /usr/lib/libc.so.6
  7.50    42.50      0.030      0.170  server::parse::visit  /home/me/server/src/parse.rs:20
  5.00    47.50      0.020      0.190  server::parse::parse  /home/me/server/src/parse.rs:10
  2.50    70.00      0.010      0.280  server::main          /home/me/server/src/main.rs:3

 12.50    12.50      0.050      0.050  [no-stack]
E
exits 'by module' 0 rsprof-top -g module cpu a.db
table >got
same 'modules' got <<'E'
 47.50    47.50      0.190      0.190  /usr/lib/libc.so.6
 40.00    70.00      0.160      0.280  /srv/server

 12.50    12.50      0.050      0.050  [no-stack]
E
exits 'by thread' 0 rsprof-top -g thread cpu a.db
sed '1,/^$/d' out >got
same 'threads' got <<'E'
Self %  Total %     Self s    Total s      TID  Thread
 50.00    50.00      0.200      0.200      100  server
 50.00    50.00      0.200      0.200      101  worker-1
E
exits 'the first two' 0 rsprof-top -n 2 cpu a.db
table >got
same 'and what is left out' got <<'E'
 30.00    47.50      0.120      0.190  server::parse::parse  /home/me/server/src/parse.rs:14
 30.00    30.00      0.120      0.120  memcpy                /usr/lib/libc.so.6
 27.50  in 3 more rows (-n 0 -t 0 shows all)

 12.50    12.50      0.050      0.050  [no-stack]
E
exits 'from 30 % of total' 0 rsprof-top -t 30 cpu a.db
table >got
same 'and what is left out' got <<'E'
 30.00    47.50      0.120      0.190  server::parse::parse  /home/me/server/src/parse.rs:14
 30.00    30.00      0.120      0.120  memcpy                /usr/lib/libc.so.6
  7.50    42.50      0.030      0.170  server::parse::visit  /home/me/server/src/parse.rs:20
  2.50    70.00      0.010      0.280  server::main          /home/me/server/src/main.rs:3
 17.50  in 1 more row (-n 0 -t 0 shows all)

 12.50    12.50      0.050      0.050  [no-stack]
E
COLUMNS=70 exits 'a narrow one' 0 rsprof-top cpu a.db
table >got
same 'names and places keep their ends' got <<'E'
 30.00    47.50      0.120      0.190  …::parse::parse     parse.rs:14
 30.00    30.00      0.120      0.120  memcpy              …/libc.so.6
 17.50    17.50      0.070      0.070  libc.so.6+0x5700    …/libc.so.6
  7.50    42.50      0.030      0.170  …::parse::visit     parse.rs:20
  2.50    70.00      0.010      0.280  server::main        …/main.rs:3

 12.50    12.50      0.050      0.050  [no-stack]
E
exits 'a part' 0 rsprof-top -s 1.5 -u 2500ms cpu a.db
same 'only what is in it' out <<'E'
Process   server (pid 100): ./server -v
Recorded  2026-01-01 00:00:01 +0000, 1.000 s at 99 Hz on box
CPU       0.130 s in 2 samples, 0.13 CPUs on average
Stacks    100.00 % complete
Lost      7 cpu ring-full
Profiler  0.000 s CPU (0.00 % of one CPU), 0.0 MB
Shown     all frames: none is known to be of the program's own code

Self %  Total %     Self s    Total s  Function              Location
 76.92   100.00      0.100      0.130  server::parse::parse  /home/me/server/src/parse.rs:14
 23.08   100.00      0.030      0.130  server::parse::visit  /home/me/server/src/parse.rs:20
E
exits 'a part without samples' 0 rsprof-top -s 1h cpu a.db
says 'said' '^No samples' out

# ---- on and off the CPU

# server serves for 4 s and waits for a socket and the disk; worker is there
# from 1 s to 3.5 s and waits for a lock.
rec >w.rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1767225600000000000 | hz=100 | unit=ns | pid=100 | host=box | off=10000
proc | 1000000000 | 100 | 1 | server | /srv/server | ./server -v
thread | 1000000000 | 100 | 100 | server
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | /home/me/server/src/main.rs | 3
frame | f2 | server::serve | /home/me/server/src/serve.rs | 20
frame | f3 | server::work | /home/me/server/src/work.rs | 7
frame | f4 | server::lock | /home/me/server/src/work.rs | 9
frame | f5 | recv | - | -
frame | f6 | futex_wait | - | -
frame | f7 | fsync | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a2 | 5300 | f5 | 0
stack | 54 | 52 | a2 | 5400 | f7 | 0
stack | 61 | - | a1 | 6100 | f3 | 0
stack | 62 | 61 | a1 | 6200 | f4 | 0
stack | 63 | 62 | a2 | 6300 | f6 | 0
thread | 2000000000 | 100 | 101 | worker
cpu | 1500000000 | 100 | 100 | 52 | 500000000
off | 2000000000 | 100 | 100 | 53 | 450000000 | 1 | sleeping
off | 2000000000 | 100 | 100 | 52 | 50000000 | 3 | ready
cpu | 2500000000 | 100 | 100 | 52 | 300000000
cpu | 2600000000 | 100 | 101 | 61 | 500000000
off | 3000000000 | 100 | 100 | 53 | 700000000 | 0 | sleeping
off | 3000000000 | 100 | 101 | 63 | 400000000 | 0 | sleeping
off | 3000000000 | 100 | 101 | 61 | 100000000 | 7 | ready
off | 4000000000 | 100 | 100 | 53 | 1000000000 | 0 | sleeping
off | 4000000000 | 100 | 101 | 63 | 900000000 | 2 | sleeping
off | 4000000000 | 100 | 101 | ?short | 100000000 | 5000 | sleeping
exit | 4500000000 | 100 | 101
cpu | 4600000000 | 100 | 100 | 52 | 550000000
cost | 5000000000 | cpu | 25000000 | 5000000
off | 5000000000 | 100 | 100 | 53 | 150000000 | 1 | sleeping
off | 5000000000 | 100 | 100 | 54 | 250000000 | 2 | disk
off | 5000000000 | 100 | 100 | 52 | 50000000 | 1 | ready
off | 5000000000 | 100 | 101 | 63 | 500000000 | 1 | sleeping
end | 5000000000 | cpu | duration
E
rsprof-store w.db <w.rec || exit 1
exits 'off the CPU' 0 rsprof-top off w.db
same 'by function' out <<'E'
Process   server (pid 100): ./server -v
Recorded  2026-01-01 00:00:00 +0000, 4.000 s at 100 Hz on box
Off CPU   4.650 s in 5007 waits: ready 0.200 s, sleeping 4.200 s, disk 0.250 s
Stacks    97.85 % complete (short 2.15 %)
Lost      nothing
Profiler  0.025 s CPU (0.62 % of one CPU), 5.0 MB
Shown     all frames: none is known to be of the program's own code

Self %  Total %    Ready s    Sleep s     Disk s  Function       Location
 49.46    49.46      0.000      2.300      0.000  recv           /usr/lib/libc.so.6
 38.71    38.71      0.000      1.800      0.000  futex_wait     /usr/lib/libc.so.6
  5.38     5.38      0.000      0.000      0.250  fsync          /usr/lib/libc.so.6
  2.15    56.99      0.100      2.300      0.250  server::serve  /home/me/server/src/serve.rs:20
  2.15    40.86      0.100      1.800      0.000  server::work   /home/me/server/src/work.rs:7

  2.15     2.15      0.000      0.100      0.000  [short]
E
exits 'by thread' 0 rsprof-top -g thread off w.db
sed '1,/^$/d' out >got
same 'threads' got <<'E'
Self %  Total %    Ready s    Sleep s     Disk s    Total s      TID  Thread
 56.99    56.99      0.100      2.300      0.250      2.650      100  server
 43.01    43.01      0.100      1.900      0.000      2.000      101  worker
E
exits 'on and off' 0 rsprof-top wall w.db
sed '1,2d; /^Lost/,/^$/d' out >got
same 'by function' got <<'E'
CPU       1.850 s in 4 samples, 0.46 CPUs on average
Off CPU   4.650 s in 5007 waits: ready 0.200 s, sleeping 4.200 s, disk 0.250 s
Stacks    98.46 % complete (short 1.54 %)
Self %  Total %       On s      Off s    Total s  Function       Location
 35.38    35.38      0.000      2.300      2.300  recv           /usr/lib/libc.so.6
 27.69    27.69      0.000      1.800      1.800  futex_wait     /usr/lib/libc.so.6
 22.31    61.54      1.350      2.650      4.000  server::serve  /home/me/server/src/serve.rs:20
  9.23    36.92      0.500      1.900      2.400  server::work   /home/me/server/src/work.rs:7
  3.85     3.85      0.000      0.250      0.250  fsync          /usr/lib/libc.so.6

  1.54     1.54      0.000      0.100      0.100  [short]
E
exits 'by thread' 0 rsprof-top -g thread wall w.db
sed '1,/^$/d' out >got
same 'they add up to the time that each was there' got <<'E'
     On s    Ready s    Sleep s     Disk s    Total s  Known %      TID  Thread
    1.350      0.100      2.300      0.250      4.000   100.00      100  server
    0.500      0.100      1.900      0.000      2.500   100.00      101  worker
E
exits 'on the CPU' 0 rsprof-top cpu w.db
sed '1,/^Self/d' out >got
same 'is what it is without the rest' got <<'E'
 72.97    72.97      1.350      1.350  server::serve  /home/me/server/src/serve.rs:20
 27.03    27.03      0.500      0.500  server::work   /home/me/server/src/work.rs:7
E
exits 'CSV, off' 0 rsprof-top -f csv -n 1 off w.db
tr '\r' '$' <out >got
same 'by state, and how many waits' got <<'E'
self_ns,total_ns,ready_ns,sleeping_ns,disk_ns,stopped_ns,waits,function,file,line,module$
2300000000,2300000000,0,2300000000,0,0,2,recv,,,/usr/lib/libc.so.6$
100000000,100000000,0,100000000,0,0,5000,[short],,,$
E
exits 'CSV, threads' 0 rsprof-top -f csv -g thread wall w.db
tr '\r' '$' <out >got
same 'and for how long they were there' got <<'E'
self_ns,total_ns,on_ns,ready_ns,sleeping_ns,disk_ns,stopped_ns,waits,present_ns,pid,tid,thread$
4000000000,4000000000,1350000000,100000000,2300000000,250000000,0,4,4000000000,100,100,server$
2500000000,2500000000,500000000,100000000,1900000000,0,0,5003,2500000000,100,101,worker$
E
exits 'JSON, threads' 0 rsprof-top -f json -g thread -n 1 wall w.db
sed 's/.*"samples"/"samples"/' out >got
same 'the same and more' got <<'E'
"samples":4,"cpu_ns":1850000000,"probes_ns":0,"off_least_ns":10000,"ready_ns":200000000,"sleeping_ns":4200000000,"disk_ns":250000000,"stopped_ns":0,"waits":5007,"complete_ns":6400000000,"complete_samples":4,"incomplete":[{"reason":"short","count":0,"ns":100000000}],"lost":[],"cost_ns":25000000,"cost_bytes":5000000,"notes":[],"rows_total":2,"rows":[
{"thread":"server","pid":100,"tid":100,"self_ns":4000000000,"total_ns":4000000000,"on_ns":1350000000,"ready_ns":100000000,"sleeping_ns":2300000000,"disk_ns":250000000,"stopped_ns":0,"waits":4,"present_ns":4000000000,"special":false}]}
E
exits 'JSON, off' 0 rsprof-top -f json -g module -n 1 off w.db
tail -1 out >got
same 'without what is on' got <<'E'
{"module":"[short]","self_ns":100000000,"total_ns":100000000,"ready_ns":0,"sleeping_ns":100000000,"disk_ns":0,"stopped_ns":0,"waits":5000,"callee":null,"callee_ns":0,"special":true}]}
E
exits 'a part of it' 0 rsprof-top -s 2.5 -g thread wall w.db
sed '1,/^$/d' out >got
same 'what was told then, of intervals' got <<'E'
     On s    Ready s    Sleep s     Disk s    Total s  Known %      TID  Thread
    0.550      0.050      1.150      0.250      2.000   133.33      100  server
    0.000      0.000      1.500      0.000      1.500   150.00      101  worker
E
sed 's/sleeping$/stopped/; /disk$/d' w.rec | rsprof-store s.db
exits 'a stopped one' 0 rsprof-top -g thread wall s.db
sed '1,/^$/d' out >got
same 'has a column for that, and what is missing shows' got <<'E'
     On s    Ready s    Sleep s     Disk s     Stop s    Total s  Known %      TID  Thread
    1.350      0.100      0.000      0.000      2.300      3.750    93.75      100  server
    0.500      0.100      0.000      0.000      1.900      2.500   100.00      101  worker
E
exits 'not recorded' 0 rsprof-top off a.db
says 'said' '^Off CPU   not recorded$' out
says 'said' '^No off-CPU time' out
exits 'wall, without' 0 rsprof-top wall a.db
says 'said' '^Off CPU   not recorded$' out
cp a.db old.db
sqlite3 old.db 'DROP VIEW off_waits; DROP TABLE off; DROP VIEW frame_origins;
	DROP TABLE origin; PRAGMA user_version = 1'
for m in cpu off wall; do
	exits "$m of an older recording" 0 rsprof-top $m old.db
	mv out want
	rsprof-top $m a.db >out
	same 'is the same' out want
done

# Many threads that are on the CPU, wait for one and for other things, for
# random times, all day long.
awk 'BEGIN {
	srand(1); OFS = "\t"; CONVFMT = OFMT = "%.0f"
	print "rsprof", 1, "cpu", "mono=0", "wall=0", "hz=99", "off=1000"
	print "module", "a1", "beef", "/srv/server"
	for (i = 1; i <= 200; i++)
		print "stack", sprintf("%x", i),
		    i < 4 ? "-" : sprintf("%x", int(i / 3)), "a1", i, "-", 0
	split("ready sleeping disk stopped sleeping", state, " ")
	for (t = 1; t <= 50; t++)
		print "thread", 0, 1, t, "t" t
	for (s = 1; s <= 60; s++)
		for (t = 1; t <= 50; t++) {
			left = 1e9
			for (i = 0; i < 6; i++) {
				stack = sprintf("%x", 1 + int(rand() * 200))
				ns = i == 5 ? left : int(left * rand())
				left -= ns
				if (i)
					print "off", s * 1e9, 1, t,
					    i == 4 ? "?short" : stack, ns, 1, state[i]
				else
					print "cpu", s * 1e9 - 5e8, 1, t, stack, ns
			}
		}
	print "end", 60 * 1e9, "cpu", "duration"
}' | rsprof-store many.db 2>/dev/null
rsprof-top -n 0 -f csv -g thread wall many.db | awk -F, 'NR > 1 {
	if ($2 != $3 + $4 + $5 + $6 + $7 || $2 != 60e9 || $9 != 60e9)
		print "not 60 s:", $0
	n++
}
END { print n }' >got
same 'each of 50 threads has its minute' got <<'E'
50
E
# total METRIC GROUP: the sum of all self times.
total() {
	rsprof-top -n 0 -f csv -g "$2" "$1" many.db |
		awk -F, 'NR > 1 { n += $1 } END { printf "%.0f\n", n }'
}
for g in function line module thread; do
	ok "by $g on and off are wall" test \
	    $(($(total cpu $g) + $(total off $g))) = "$(total wall $g)"
	ok 'which is all of it' test "$(total wall $g)" = 3000000000000
done

# ---- continued after a while
cp a.db two.db
rec >two.rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1767225700000000000 | hz=99 | unit=ns | pid=100
proc | 1000000000 | 100 | 1 | server | /srv/server | ./server -v
thread | 1000000000 | 100 | 100 | server
cpu | 1500000000 | 100 | 100 | 51 | 600000000
cost | 3000000000 | cpu | 35000000 | 4000000
end | 6000000000 | cpu | duration
E
rsprof-store -a two.db <two.rec || exit 1
exits 'continued' 0 rsprof-top cpu two.db
sed '/^$/,$d' out >got
same 'averages are of the time that was recorded' got <<'E'
Process   server (pid 100): ./server -v
Recorded  2026-01-01 00:00:00 +0000, 10.000 s within 105.000 s at 99 Hz on box
CPU       1.000 s in 9 samples, 0.10 CPUs on average
Stacks    77.78 % complete (copy-end 11.11 %, no-stack 11.11 %)
Lost      7 cpu ring-full
Profiler  0.060 s CPU (0.60 % of one CPU), 5.0 MB
Note      time in the kernel is not counted
Shown     all frames: none is known to be of the program's own code
E

# ---- JSON and CSV
exits 'JSON' 0 rsprof-top -f json -n 2 cpu a.db
same 'JSON, exact numbers, whole names' out <<'E'
{"metric":"cpu","group":"function","collapsed":false,"file":"a.db","pid":100,"name":"server","exe":"/srv/server","command":"./server -v","host":"box","kernel":null,"hz":99,"start_ns":1767225600000000000,"from_ns":0,"to_ns":5000000000,"recorded_ns":5000000000,"live":false,"samples":8,"cpu_ns":400000000,"probes_ns":0,"complete_samples":6,"incomplete":[{"reason":"copy-end","count":1},{"reason":"no-stack","count":1}],"lost":[{"producer":"cpu","reason":"ring-full","count":7}],"cost_ns":25000000,"cost_bytes":5000000,"notes":["time in the kernel is not counted"],"rows_total":6,"rows":[
{"function":"server::parse::parse","file":"/home/me/server/src/parse.rs","line":14,"module":"/srv/server","self_ns":120000000,"total_ns":190000000,"callee":null,"callee_ns":0,"special":false},
{"function":"memcpy","file":null,"line":null,"module":"/usr/lib/libc.so.6","self_ns":120000000,"total_ns":120000000,"callee":null,"callee_ns":0,"special":false},
{"function":"[no-stack]","file":null,"line":null,"module":null,"self_ns":50000000,"total_ns":50000000,"callee":null,"callee_ns":0,"special":true}]}
E
exits 'JSON by thread' 0 rsprof-top -f json -g thread cpu a.db
tail -2 out >got
same 'threads' got <<'E'
{"thread":"server","pid":100,"tid":100,"self_ns":200000000,"total_ns":200000000,"special":false},
{"thread":"worker-1","pid":100,"tid":101,"self_ns":200000000,"total_ns":200000000,"special":false}]}
E
exits 'CSV' 0 rsprof-top -f csv -n 2 cpu a.db
tr '\r' '$' <out >got
same 'CSV' got <<'E'
self_ns,total_ns,function,file,line,module$
120000000,190000000,server::parse::parse,/home/me/server/src/parse.rs,14,/srv/server$
120000000,120000000,memcpy,,,/usr/lib/libc.so.6$
50000000,50000000,[no-stack],,,$
E
exits 'CSV by thread' 0 rsprof-top -f csv -g thread cpu a.db
tr '\r' '$' <out >got
same 'threads' got <<'E'
self_ns,total_ns,pid,tid,thread$
200000000,200000000,100,100,server$
200000000,200000000,100,101,worker-1$
E
exits 'CSV by module' 0 rsprof-top -f csv -g module -n 1 cpu a.db
tr '\r' '$' <out >got
same 'modules' got <<'E'
self_ns,total_ns,module$
190000000,190000000,/usr/lib/libc.so.6$
50000000,50000000,[no-stack]$
E

# ---- names that are not nice
{ rec <<'E'
rsprof | 1 | cpu | mono=1 | wall=1 | pid=1
proc | 1 | 1 | 0 | a"b | /x | \\\t\n[31m
thread | 1 | 1 | 1 | t
module | a1 | b | /m
E
printf 'frame\tf1\tbad\033[31m"x",\\n\\\\\377\303\251\tf.rs\t1\n'
printf 'stack\t1\t-\ta1\t1\tf1\t0\ncpu\t1\t1\t1\t1\t5\n'; } >b.rec
rsprof-store b.db <b.rec || exit 1
exits 'text of odd names' 0 rsprof-top cpu b.db
says 'control characters are shown' '  bad\?\[31m"x",\?\\\?é  f.rs:1$' out
ok 'none comes through' sh -c '! LC_ALL=C grep -q "[[:cntrl:]]" out'
exits 'JSON of odd names' 0 rsprof-top -f json cpu b.db
says 'escaped' '"function":"bad\\u001b\[31m\\"x\\",\\u000a\\\\\\ufffdé"' out
says 'escaped' '"name":"a\\"b",.*"command":"\\\\\\u0009\\u000a\[31m"' out
exits 'CSV of odd names' 0 rsprof-top -f csv cpu b.db
printf 'self_ns,total_ns,function,file,line,module\r\n5,5,"bad\033[31m""x"",\n\\\377\303\251",f.rs,1,/m\r\n' >want
ok 'quoted' cmp out want
LC_ALL=C exits 'text in ASCII' 0 rsprof-top cpu b.db
says 'ASCII only' '  bad\?\[31m"x",\?\\\?\?  f.rs:1$' out

# ---- nothing in it
printf 'rsprof\t1\tcpu\tmono=1\twall=1\n' | rsprof-store none.db
exits 'an empty recording' 0 rsprof-top cpu none.db
says 'said' '^No samples' out
exits 'as JSON' 0 rsprof-top -f json cpu none.db
says 'no rows' '"rows_total":0,"rows":\[\]\}$' out
exits 'as CSV' 0 rsprof-top -f csv cpu none.db
ok 'only the head' test "$(wc -l <out)" = 1

# ---- files that are no recording
exits 'no such file' 6 rsprof-top cpu no.db
same 'said' err <<'E'
rsprof-top: no.db: No such file or directory
E
ok 'and not made' test ! -e no.db
mkdir dir
exits 'a directory' 6 rsprof-top cpu dir
same 'said' err <<'E'
rsprof-top: dir: is a directory
E
mkfifo fifo
exits 'a FIFO' 6 rsprof-top cpu fifo
: >empty
exits 'an empty file' 6 rsprof-top cpu empty
same 'said' err <<'E'
rsprof-top: empty: not a recording: the file is empty
E
exits 'a stream' 6 rsprof-top cpu a.rec
same 'said' err <<'E'
rsprof-top: a.rec: not a recording: not an SQLite file
E
# shellcheck disable=SC2059
patched() { cp a.db "$1" && printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
patched other.db 68 'abcd'
exits 'another SQLite file' 6 rsprof-top cpu other.db
same 'said' err <<'E'
rsprof-top: other.db: an SQLite file, but not a recording
E
patched newer.db 60 '\000\000\000\006'
exits 'a newer schema' 6 rsprof-top cpu newer.db
same 'said' err <<'E'
rsprof-top: newer.db: recording of a newer rsprof (schema 6, this one reads 5)
E
for n in 100 1000 4096 10000 40000; do
	head -c $n a.db >cut.db
	exits "the first $n bytes" 6 rsprof-top cpu cut.db
	says 'said' '^rsprof-top: cut.db: damaged: '
	one_line 'in one line'
done
size=$(wc -c <a.db)
head -c 8192 a.db >zero.db
head -c $((size - 8192)) /dev/zero >>zero.db
exits 'overwritten with zeros' 6 rsprof-top cpu zero.db
says 'said' '^rsprof-top: zero.db: damaged: '
one_line 'in one line'

# ---- where nothing can be written, and after a crash
mkfifo pipe
rsprof-store crash.db <pipe &
store=$!
own $store
exec 3>pipe
grep -v '^end' a.rec >&3
stored() { rsprof-top -f json cpu crash.db | grep -q '"samples":8,'; }
ok 'read while it is written' await 60 stored
exits 'as a table' 0 rsprof-top cpu crash.db
says 'it says so' 'still recording$' out
kill -9 "$store"
wait "$store" 2>/dev/null
exec 3>&-
mkdir ro1 ro2 ro3
cp crash.db crash.db-wal crash.db-shm ro1
cp crash.db crash.db-wal ro2
cp a.db ro3
exits 'after kill -9' 0 rsprof-top cpu crash.db
says 'all of it' ' in 8 samples' out
ok 'not going on' sh -c '! grep -q "going on" out'
ok 'made one file again' test ! -e crash.db-wal
if [ "$reach" ]; then
	chmod 555 ro1 ro2 ro3
	chmod 444 ro1/* ro2/* ro3/*
	exits 'after kill -9, without permission to write' 0 nobody rsprof-top cpu ro1/crash.db
	says 'all of it' ' in 8 samples' out
	exits 'with half of the files' 6 nobody rsprof-top cpu ro2/crash.db
	says 'said' '^rsprof-top: ro2/crash.db: was not closed, .* copy ro2/crash.db and ro2/crash.db-wal'
	one_line 'in one line'
	exits 'a read-only file and directory' 0 nobody rsprof-top cpu ro3/a.db
	says 'all of it' ' in 8 samples' out
	chmod 755 ro1 ro2 ro3
	rm -f ro2/crash.db-wal
	chmod 555 ro2
	exits 'alone' 0 nobody rsprof-top cpu ro2/crash.db
	cp a.db secret.db
	chmod 000 secret.db
	exits 'a file that may not be read' 6 nobody rsprof-top cpu secret.db
	says 'said' '^rsprof-top: secret.db: Permission denied$'
	chmod 755 ro2
else
	skip 'permissions: nobody cannot reach the programs'
fi

# ---- memory ------------------------------------------------------------------

rec >heap.rec <<'E'
rsprof | 1 | heap | mono=0 | wall=5000000000 | unit=bytes | sample=0
proc | 0 | 7 | 1 | prog | /prog | prog
thread | 0 | 7 | 8 | one
thread | 0 | 7 | 9 | two
module | a1 | b1 | /prog
frame | f1 | prog::main | /src/prog.rs | 1 | user
frame | f2 | prog::make | /src/prog.rs | 5 | user
frame | f3 | alloc::vec::Vec<T>::push | /rustc/x/library/alloc/src/vec/mod.rs | 9 | std
frame | f4 | prog::leak | /src/prog.rs | 7 | user
stack | c1 | - | a1 | 10 | f1 | 0
stack | c2 | c1 | a1 | 20 | f2 | 0
stack | c3 | c2 | a1 | 20 | f3 | 1
stack | c4 | c1 | a1 | 30 | f4 | 0
probe | 100 | 7 | rust | __rust_alloc | a1 | 30 | emulated
heap | 1000000000 | 7 | 8 | c3 | allocs=10 | bytes=5000 | frees=4 | freed=2000 | temps=3 | samples=10 | live=3000 | count=6 | peak=4000
heap | 1000000000 | 7 | 9 | c3 | allocs=2 | bytes=1000 | samples=2 | live=1000 | count=2 | peak=1000
heap | 1000000000 | 7 | 8 | c4 | allocs=1 | bytes=64 | samples=1 | live=64 | count=1 | peak=64
memory | 1000000000 | 7 | live=4064 | count=9 | peak=5000 | rss=8192 | allocs=13 | bytes=6064 | frees=4 | freed=2000 | unknown=3 | covered=1000000000 | hits=30 | cost=30000
heap | 10000000000 | 7 | 8 | c3 | frees=6 | freed=3000 | live=0 | peak=4000
heap | 10000000000 | 7 | 8 | ?no-stack | allocs=1 | bytes=7 | samples=1 | live=7 | count=1 | peak=7
memory | 10000000000 | 7 | live=1071 | count=4 | peak=5000 | rss=8192 | allocs=1 | bytes=7 | frees=6 | freed=3000 | covered=9000000000
age | 10000000000 | 7 | 8 | c4 | 500000000 | 64 | 1
age | 10000000000 | 7 | 9 | c3 | 600000000 | 500 | 1
age | 10000000000 | 7 | 9 | c3 | 9500000000 | 500 | 1
age | 10000000000 | 7 | 8 | ?no-stack | 9600000000 | 7 | 1
end | 10000000000 | heap | stopped
E
rsprof-store heap.db <heap.rec
csv_heap() { rsprof-top -f csv "$@" heap heap.db | tr -d '\r'; }
csv_heap >got
same 'memory is charged to the code that wanted it' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
1000,2,4000,6000,12,10,3,0,0,1000,prog::make,/src/prog.rs,5,/prog,1000,1000,1,6000,6000,1
64,1,64,64,1,0,0,0,0,64,prog::leak,/src/prog.rs,7,/prog,64,64,1,64,64,1
7,1,7,7,1,0,0,0,0,7,[no-stack],,0,,7,7,1,7,7,1
E
csv_heap -r -n 1 >got
same 'or to a runtime frame' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
1000,2,4000,6000,12,10,3,0,0,1000,alloc::vec::Vec<T>::push,/rustc/x/library/alloc/src/vec/mod.rs,9,/prog,1000,1000,1,6000,6000,1
7,1,7,7,1,0,0,0,0,7,[no-stack],,0,,7,7,1,7,7,1
E
csv_heap -g thread -o bytes >got
same 'by thread, by what was allocated' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,pid,tid,thread,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
71,2,4000,5071,12,10,3,0,0,71,7,8,one,71,71,1,5071,5071,1
1000,2,1000,1000,2,0,0,0,0,1000,7,9,two,1000,1000,1,1000,1000,1
E
csv_heap -r -t 50 | cut -d , -f 10-11 >got
same 'by total, also where nothing is charged' got <<'E'
total_live,function
1000,alloc::vec::Vec<T>::push
1064,prog::main
1000,prog::make
7,[no-stack]
E
csv_heap -g module -n 1 >got
same 'by module' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
1064,3,4064,6064,13,10,3,0,0,1064,/prog,1064,1064,1,6064,6064,1
7,1,7,7,1,0,0,0,0,7,[no-stack],7,7,1,7,7,1
E
csv_heap -u 5 -n 2 >got
same 'at an earlier time' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
4000,8,4000,6000,12,4,3,0,0,4000,prog::make,/src/prog.rs,5,/prog,4000,4000,1,6000,6000,1
64,1,64,64,1,0,0,0,0,64,prog::leak,/src/prog.rs,7,/prog,64,64,1,64,64,1
E
csv_heap -s 5 -o allocs -n 1 >got
same 'since a later one' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
7,1,7,7,1,0,0,0,0,7,[no-stack],,0,,7,7,1,7,7,1
E
csv_heap -l 5 >got
same 'what may leak: neither young, nor of the last tenth' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
500,1,500,500,1,0,0,0,0,500,prog::make,/src/prog.rs,5,/prog,500,500,1,500,500,1
64,1,64,64,1,0,0,0,0,64,prog::leak,/src/prog.rs,7,/prog,64,64,1,64,64,1
E
sed 's/^age	10/age	9/; s/	9[56]00000000	/	8500000000	/' heap.rec |
	sed '/^heap.*no-stack/i heap	10000000000	7	8	c4	frees=1	freed=64	peak=64' |
	rsprof-store freed.db
rsprof-top -f csv -l 1 heap freed.db | cut -d , -f 1,10-11 >got
same 'what was freed after the last snapshot does not' got <<'E'
live,total_live,function
500,500,prog::make
E
csv_heap -l 1 -u 5 >got
same 'nor can be told before there is one' got <<'E'
live,count,peak,bytes,allocs,frees,temps,moved,copied,total_live,function,file,line,module,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
E
rsprof-top -l 1 -u 5 heap heap.db >got
says 'that is said' '^Suspected unknown: no snapshot of ages was taken$' got
# The names come later, and with them callers that were inlined.
# ---- ranges
sed '/^heap/d; /^memory/d; /^age/d; /^end/d' heap.rec >ranges.rec
cat >>ranges.rec <<'E'
heap	1000000000	7	8	c3	allocs=100	bytes=5000	frees=4	freed=1000	samples=10	live=4000	count=80	peak=4000	live_min=3000	live_max=5000	bytes_min=4000	bytes_max=6000
heap	1000000000	7	9	c3	allocs=20	bytes=1000	samples=2	live=1000	count=20	peak=1000	live_min=1000	live_max=1000	bytes_min=500	bytes_max=2000
heap	1000000000	7	8	c4	allocs=9	bytes=900	samples=1	live=100	count=1	peak=100	live_min=100	live_max=5000	bytes_min=100	bytes_max=9000
memory	1000000000	7	live=8500	count=101	peak=9000	rss=8192	allocs=129	bytes=6900	covered=10000000	hits=30	cost=30000	live_min=8000	live_max=9000	bytes_min=4600	bytes_max=17000	inuse=20000
end	2000000000	heap	stopped
E
exits 'ranges' 0 rsprof-store ranges.db <ranges.rec
ranges() { rsprof-top -f csv heap "$1" | tr -d '\r' | cut -d , -f 1,11,15-20; }
ranges ranges.db >got
same 'ranges of stacks add up' got <<'E'
live,function,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
5000,prog::make,4000,6000,1,4500,8000,1
100,prog::leak,100,5000,0,100,9000,0
E
exits 'as a table' 0 rsprof-top heap ranges.db
says 'errors are shown' '^  4\.9K   20   4\.9K   4\.9K      100   5\.9K   29       120   0\.0  prog::make ' out
says 'and what is not known' '^     [?] +[?] +[?] +[?] +[?] +[?]   0\.0  prog::leak ' out
says 'of the process it is known' '^Live      8\.3K in 101 allocations, peak 8\.8K; resident 8\.0K: the rest was never touched, or is swapped out$' out
says 'and how much is known by place' '^Known     4\.9K by place, 3\.4K [(]41 % of what is live[)] not: .*-I' out
says 'totals may not be' '^Allocated not known, between 4\.5K and 17K' out
exits 'as JSON' 0 rsprof-top -f json heap ranges.db
says 'of the process' '"windows":true,"inuse":20000,"known_live":5000' out
says 'and by row' '"live_min":100,"live_max":5000,"live_known":false' out
sqlite3 ranges.db 'SELECT function, live_min, live_max, known FROM heap_live ORDER BY 1, 2;
	SELECT live_min, live_max, bytes_min, bytes_max, known, inuse, period
	FROM memory_samples' >got
same 'views for people' got <<'E'
prog::leak|100|5000|0
prog::make|1000|1000|1
prog::make|3000|5000|1
8000|9000|4600|17000|1|20000|0
E
sed 's/	live_min=.*/	bytes_err=400	live_err=300/; s/^memory.*/&	period=65536/' ranges.rec |
	rsprof-store errors.db
ranges errors.db | head -3 >got
same 'errors of samples add up by their squares' got <<'E'
live,function,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
5000,prog::make,4184,5973,1,4917,7293,1
100,prog::leak,0,5300,1,253,2234,1
E
sqlite3 errors.db 'SELECT live_min, live_max, known, period FROM memory_samples' >got
same 'so they do in SQL, and their period is kept' got <<'E'
7910|9205|1|65536
E
cp ranges.db v4.db
sqlite3 v4.db 'DROP VIEW memory_samples; DROP VIEW heap_samples; DROP VIEW heap_live;
	DROP TABLE heap_range; DROP TABLE memory_range; PRAGMA user_version = 4'
ranges v4.db | head -3 >got
same 'a recording without ranges is read' got <<'E'
live,function,live_min,live_max,live_known,bytes_min,bytes_max,bytes_known
5000,prog::make,5000,5000,1,6000,6000,1
100,prog::leak,100,100,1,900,900,1
E

rec >raw.rec <<'E'
rsprof | 1 | heap | mono=0 | wall=5000000000 | unit=bytes | sample=0
proc | 0 | 7 | 1 | prog | /prog | prog
thread | 0 | 7 | 8 | one
module | a1 | b1 | /prog
stack | c1 | - | a1 | 10 | - | 0
stack | c3 | c1 | a1 | 20 | - | 0
heap | 1000000000 | 7 | 8 | c3 | allocs=1 | bytes=100 | live=100 | count=1 | peak=100
end | 1000000000 | heap | stopped
E
rsprof-store named.db <raw.rec
sed '/^rsprof/b; /^frame/b; /^stack/b; d' heap.rec | rsprof-store -a named.db
rsprof-top -f csv heap named.db | cut -d , -f 1,10-11 >got
same 'callers that are known later' got <<'E'
live,total_live,function
100,100,prog::make
E
# The producer attaches again.
cp heap.db again.db
sed '1s/wall=5/wall=55/; /^heap.*	c3	/d; /^heap.*no-stack/d; /^memory	10/d; /^age/d' heap.rec |
	rsprof-store -a again.db
rsprof-top -f csv -n 3 heap again.db | cut -d , -f 1-5,10-11 >got
same 'what lived before is not known any more' got <<'E'
live,count,peak,bytes,allocs,total_live,function
64,1,64,128,2,64,prog::leak
0,0,4000,6000,12,0,prog::make
0,0,7,7,1,0,[no-stack]
E
COLUMNS=90 rsprof-top heap heap.db >got
same 'for people' got <<'E'
Process   prog (pid 7)
Recorded  10.000 s, every allocation, probed at rust's functions
Cost      30 probe hits, about 0.000 s of the process's CPU time
Live      1.0K in 4 allocations, peak 4.9K; resident 8.0K
Allocated 5.9K in 14 allocations, 21.4 % of them temporary
Unknown   3 frees of allocations that were not recorded

  Live  Total   Peak    Count  Alloc    Allocs Temp%  Function  Location
  1.0K   1.0K   3.9K        2   5.9K        12  25.0  prog::make              prog.rs:5
   64B    64B    64B        1    64B         1   0.0  prog::leak              prog.rs:7

    7B     7B     7B        1     7B         1   0.0  [no-stack]
E
rsprof-top -f json -n 1 heap heap.db >got
says 'as JSON' '"exact":true,"sample":0,"layer":"rust"' got
says 'with rows' '"name":"prog::make","file":"/src/prog.rs","line":5,"module":"/prog","callee":"alloc::vec::Vec<T>::push","callee_live":1000,"special":false,"self":\{"live":1000,' got
exits 'no memory in a recording of CPU time' 1 rsprof-top heap a.db
says 'said' 'the recording has no memory'
exits 'a column that is none' 2 rsprof-top -o size heap heap.db
exits '-l is not for time' 2 rsprof-top -l 5 cpu a.db

# A run that ended before anything was probed claims nothing.
sed '/^probe/d; /^heap/d; /^age/d; s/covered=[0-9]*/covered=0/' heap.rec | rsprof-store unprobed.db
exits 'nothing was probed' 0 rsprof-top heap unprobed.db
says 'that is said' '^Recorded  10.000 s, no allocation: no function that allocates was found$' out
exits 'as JSON' 0 rsprof-top -f json heap unprobed.db
says 'it is not exact' '"exact":false' out
sed 's/covered=9000000000/covered=4000000000/' heap.rec | rsprof-store half.db
exits 'half of the time' 0 rsprof-top heap half.db
says 'is said' '^Recorded  10.000 s, every allocation, .*, 50.0 % of the time$' out

# ---- probes: their time is in a row, and in the whole
{
	sed '/^end/d' a.rec
	rec <<'E'
cpu | 5100000000 | 100 | 101 | ?probes | 75000000
end | 6000000000 | cpu | duration
E
} >probes.rec
rsprof-store probes.db <probes.rec || exit 1
for g in function line crate module; do
	rsprof-top -f csv -g $g -n 0 cpu a.db >without
	rsprof-top -f csv -g $g -n 0 cpu probes.db >with
	says "by $g: a row" '^75000000,75000000,\[probes\]' with
	grep -v probes with >rest
	same "by $g: all others are the same" rest without
done
rsprof-top -f csv -g thread cpu probes.db >with
rsprof-top -f csv -g thread cpu a.db >without
says 'by thread: a row' '^75000000,75000000,0,0,\[probes\]' with
grep -v probes with >rest
same 'threads are the same' rest without
exits 'as text' 0 rsprof-top -n 0 cpu probes.db
says 'the summary names them' '^Probes    0.075 s more, 15.79 % of the whole$' out
says 'percentages are of the whole' '^ 15.79    15.79      0.075      0.075  \[probes\]' out
table | awk '{ sum += $1 } END { printf "%.1f\n", sum }' >sum
same 'and add up to it' sum <<'E'
100.0
E
rsprof-top -f json cpu probes.db >json
says 'JSON has them apart' '"samples":8,"cpu_ns":400000000,"probes_ns":75000000' json
done_testing

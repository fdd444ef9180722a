#!/bin/sh
# rsprof-tui: screens as text, and the program itself in a terminal (tmux).
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
trap 'exit 141' PIPE # a store that fails to start, below

tab=$(printf '\t')

# A stream: stream SAMPLES [lost] [noend] [off] [FROM] with one sample each
# 10 ms from number FROM on; of ten samples six are in parse, called from main,
# three in hash on another thread, one is in idle; of each hundred, one has no
# stack.  With off, one thread waits in recv and the other one in lock.
stream() {
	awk -v n="$1" -v words="$*" -v from="${FROM:-0}" 'BEGIN {
		OFS = "\t"; OFMT = CONVFMT = "%.0f"
		t = 1000000000; s = 10000000
		print "rsprof", 1, "cpu", "mono=" t, "wall=1767225600000000000",
		    "hz=100", "unit=ns", "pid=4242", "host=box",
		    "kernel=6.1.0", "arch=x86_64",
		    words ~ /off/ ? "off=10000" : "x=y"
		print "proc", t, 4242, 1, "server", "/srv/server", "./server -p 80"
		print "thread", t, 4242, 4242, "server"
		print "thread", t, 4242, 4243, "worker"
		print "module", "a1", "beef", "/srv/server"
		print "module", "a2", "feed", "/usr/lib/libz.so.1"
		print "frame", "f1", "server::main", "/src/main.rs", 10
		print "frame", "f2",
		    "<alloc::vec::Vec<T,A> as server::parse::Parse>::parse",
		    "/src/server/src/parse/mod.rs", 142
		print "frame", "f3", "server::digest::hash", "/src/hash.rs", 7
		print "frame", "f4", "idle", "-", "-"
		print "stack", "51", "-", "a1", "1000", "f1", 0
		print "stack", "52", "51", "a1", "2000", "f2", 0
		print "stack", "53", "-", "a1", "3000", "f3", 0
		print "stack", "54", "51", "a2", "4000", "f4", 0
		print "frame", "f5", "recv", "-", "-"
		print "frame", "f6", "server::lock", "/src/lock.rs", 9
		print "stack", "55", "52", "a2", "5000", "f5", 0
		print "stack", "56", "53", "a1", "6000", "f6", 0
		if (words ~ /note/)
			print "note", t, "cpu", "kernel time is not counted"
		for (i = from; i < from + n; i++) {
			t = 1000000000 + (i + 1) * s
			k = i % 10; tid = k < 6 || k > 8 ? 4242 : 4243
			stack = k < 6 ? "52" : k < 9 ? "53" : "54"
			if (i % 100 == 50)
				stack = "?no-stack"
			print "cpu", t, 4242, tid, stack, s
			if (i % 100 == 99 && words ~ /off/) {
				print "off", t, 4242, 4242, "55", 250000000, 3, "sleeping"
				print "off", t, 4242, 4242, "52", 50000000, 9, "ready"
				print "off", t, 4242, 4243, "56", 650000000, 0, "sleeping"
				print "off", t, 4242, 4243, "?short", 50000000, 99, "disk"
			}
			if (i % 100 == 99)
				print "cost", t, "cpu", (i + 1) * 100000, 4096
		}
		if (words ~ /lost/) {
			print "lost", t, "cpu", 1234, "ring-full"
			print "lost", t, "cpu", 2, "throttled"
		}
		if (words !~ /noend/)
			print "end", t, "cpu", "duration"
	}'
}

stream 2000 | rsprof-store ended.db || exit 1
stream 2000 lost noend note | rsprof-store cut.db || exit 1
stream 0 | rsprof-store none.db || exit 1
stream 2000 off | rsprof-store wall.db || exit 1

# screen NAME ARGS...: as text, in $T/NAME.
screen() {
	name=$1; shift
	rsprof-tui -b "$@" >"$name" || echo "exit $?" >>"$name"
}

# ---- screens as text

screen got ended.db
same 'a recording that has ended' got <<'E'
  ENDED   server 4242                                                  00:00:20
 2,000 samples   1.00 cores   99.0% complete          all frames  functions 1/5

 CPU   100%  ██████████████████████████████████████████████████████████████████
 Total%  Self%▼  Now%  Function                          Location
   59.0   59.0   59.0  <Vec<..> as Parse>::parse         …/src/parse/mod.rs:142
   30.0   30.0   30.0  server::digest::hash              /src/hash.rs:7
   10.0   10.0   10.0  idle                              [libz.so.1]
   69.0    0.0    0.0  server::main                      /src/main.rs:10
    1.0    1.0    1.0  [no-stack]





 by server::main
── <alloc::vec::Vec<T,A> as server::parse::Parse>::parse ─ total, % of a core ──
   80% ┤⣀   ⡀  ⢀   ⣀  ⢀⡀  ⣀  ⢀⡀  ⣀  ⢀⡀  ⣀  ⢀⡀  ⢀   ⡀  ⢀⡀  ⣀  ⢀⡀  ⣀  ⢀⡀  ⣀  ⢀⡀
       │⣿⣀⣿⣀⣇⣸⣇⣸⣀⣿⣀⣿⣸⣇⣸⣇⣿⣀⣿⣀⣇⣸⣇⣸⣀⣿⣀⣿⣸⣇⣸⣇⣿⣀⣿⣸⣇⣸⣇⣸⣀⣿⣀⣇⣸⣇⣸⣇⣿⣀⣿⣸⣇⣸⣇⣸⣀⣿⣀⣇⣸⣇⣸⣇⣿⣀⣿⣸⣇⣸⣇
   40% ┤⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
       │⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
       │⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
    0% └ 00:00:00 ──────────────────── 00:00:10 ───────────────────── 00:00:20
 q quit  ? help  m view  t tree  c callers  f flame  g group  s sort  / search
E

COLUMNS=60 LINES=15 screen got -k jj cut.db
same 'one that was cut off, with losses, on a small screen' got <<'E'
  CUT OFF   server 4242                            00:00:20
 2,000 samples   1,236 lost       all frames  functions 3/5
 cut off: the recording was not finished
 Total%  Self%▼  Now%  Function              Location
   59.0   59.0   59.0  <..>::parse           …/mod.rs:142
   30.0   30.0   30.0  server::digest::hash  /src/hash.rs:7
   10.0   10.0   10.0  idle                  [libz.so.1]
   69.0    0.0    0.0  server::main          …/main.rs:10
    1.0    1.0    1.0  [no-stack]





 q quit  ? help  m view  t tree  c callers  f flame  s sort
E

LC_ALL=C COLUMNS=72 LINES=22 screen got -k ggggj ended.db
same 'threads in ASCII' got <<'E'
  ENDED   server 4242                                          00:00:20
 2,000 samples   1.00 cores   99.0% complete    all frames  threads 2/2

 CPU   100%  ##########################################################
 Total%  Self%v  Now%  Thread                       PID/TID
   70.0   70.0   70.0  server                       4242/4242
   30.0   30.0   30.0  worker                       4242/4243








-- worker 4242/4243 ------------------------------ total, % of a core --
   40% +
       |###############################################################
   20% +###############################################################
       |###############################################################
    0% + 00:00:00 ---------------- 00:00:10 ----------------- 00:00:20
 q quit  ? help  m view  t tree  c callers  f flame  g group  s sort
E

screen got -k i cut.db
same 'information' got <<'E'
  CUT OFF   server 4242                                                00:00:20
 2,000 samples   1.00 cores   99.0% complete   1,236 lost               1-19/22
 cut off: the recording was not finished

 Recording
 program           server
 process           4242
 command           ./server -p 80
 executable        /srv/server
 host              box
 kernel            6.1.0
 processor         x86_64
 samples/second    100
 started           2026-01-01 00:00:00 +0000
 stream            cpu, cut off: not finished

 Samples
 taken             2000, 20.000 s of CPU time
 complete stacks   1980, 99.00%
 cut stacks        20 no-stack
 lost              1234 ring-full in cpu
 lost              2 throttled in cpu
 profiler's cost   0.200 s, 1.00% of a core, 0.0 MB
 j k scroll  q back
E

LINES=8 screen got none.db
same 'no samples' got <<'E'
  ENDED   server 4242                                                  00:00:00
 0 samples   100 Hz   0.00 cores                                  functions 0/0
 Total%  Self%▼  Now%  Function                          Location

                         the recording holds no samples


 q quit  ? help  m view  t tree  c callers  f flame  g group  s sort  / search
E

COLUMNS=39 LINES=9 screen got ended.db
same 'too small' got <<'E'



too small: 39x9
needs 40x8




E

# rows FILE: its table, blanks reduced.
rows() { sed -n '/Total%/,/^ *$/p' "$1" | sed '/^ *$/d; s/^ *//; s/  */ /g'; }
is() { rows got >is.got; same "$1" is.got "${2:--}"; }

# ---- keys

screen got -k s ended.db
is 's sorts by now' <<'E'
Total% Self% Now%▼ Function Location
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
10.0 10.0 10.0 idle [libz.so.1]
69.0 0.0 0.0 server::main /src/main.rs:10
1.0 1.0 1.0 [no-stack]
E
screen got -k ss ended.db
is 'then by name' <<'E'
Total% Self% Now% Function▼ Location
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
10.0 10.0 10.0 idle [libz.so.1]
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
69.0 0.0 0.0 server::main /src/main.rs:10
1.0 1.0 1.0 [no-stack]
E
screen got -k ssss ended.db
is 'and at last by total' <<'E'
Total%▼ Self% Now% Function Location
69.0 0.0 0.0 server::main /src/main.rs:10
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
10.0 10.0 10.0 idle [libz.so.1]
1.0 1.0 1.0 [no-stack]
E
screen got -k S ended.db
is 'S reverses' <<'E'
Total% Self%▲ Now% Function Location
69.0 0.0 0.0 server::main /src/main.rs:10
10.0 10.0 10.0 idle [libz.so.1]
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
1.0 1.0 1.0 [no-stack]
E
screen got -k g ended.db
is 'g: lines' <<'E'
Total% Self%▼ Now% Function Line
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
10.0 10.0 10.0 idle [libz.so.1]
69.0 0.0 0.0 server::main /src/main.rs:10
1.0 1.0 1.0 [no-stack]
E
screen got -k ggg ended.db
is 'modules' <<'E'
Total% Self%▼ Now% Module
99.0 89.0 89.0 /srv/server
10.0 10.0 10.0 /usr/lib/libz.so.1
1.0 1.0 1.0 [no-stack]
E
screen got -k ggggg ended.db
is 'and functions again' <<'E'
Total% Self%▼ Now% Function Location
59.0 59.0 59.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
30.0 30.0 30.0 server::digest::hash /src/hash.rs:7
10.0 10.0 10.0 idle [libz.so.1]
69.0 0.0 0.0 server::main /src/main.rs:10
1.0 1.0 1.0 [no-stack]
E

# at KEYS: which row is selected after them.
at() {
	LINES=${lines:-24} screen got -k "$1" ended.db
	sed -n '2s/.* \([0-9]*\/[0-9]*\)$/\1/p' got
}
keys_reach() {
	while read -r keys want; do
		[ "$(at "$keys")" = "$want" ] || echo "$keys: $(at "$keys"), not $want"
	done
}
lines=9 keys_reach >keys.got <<'E'
j 2/5
jj<Down> 4/5
jjjjjjj 5/5
jjk 2/5
jj<Up> 2/5
k 1/5
<End> 5/5
<End><Home> 1/5
jj<Home> 1/5
<PgDn> 5/5
^D 3/5
<End><PgUp> 1/5
<End>^U 3/5
<End>g 1/5
<End>gj 2/5
<End>ggggg 5/5
jjjSS 4/5
E
same 'keys select' keys.got /dev/null

screen got -k jjsss ended.db
says 'the selected row stays when the order changes' 'functions 4/5' got
says 'and the chart is its own' '^── idle ──' got
screen got -k v ended.db
ok 'v hides the chart' sh -c '! grep -q "of a core" got'
LINES=14 screen got ended.db
ok 'there is none on a low screen' sh -c '! grep -q "of a core" got'
LINES=14 screen got -k v ended.db
says 'but v shows it' 'of a core' got
LINES=14 screen got -k '<Enter>' ended.db
says 'and so does the first row that is pinned' '^   1 .*parse' got
LINES=10 screen got -k v ended.db
says 'or says that it cannot' '^ no room for the chart' got
screen got -k p ended.db
says 'there is nothing to pause at the end' 'nothing to pause' got
screen got -k X ended.db
says 'an unknown key' 'no such key' got
screen got -k '?q' ended.db
says 'q leaves the help' 'functions 1/5' got
LINES=12 screen got -k '?G' ended.db
says 'the end of a help that does not fit' ' [0-9]+-([0-9]+)/\1$' got
LINES=12 screen got -k '?Gg<Down><PgDn>' ended.db
says 'and how it moves' ' 10-18/[0-9]+$' got

# Each key of the help of any view has its place in the page, and no other has.
for keys in '?' '2?' '3?' 't?' 'c?' 'f?' 'd?'; do
	LINES=80 screen got -k "$keys" wall.db
	sed -n '4,/^ Words/{/^ Words/d; /^ [A-Z][a-z]*$/d; s/^ \(.\{13\}\).*/\1/p;}' got
done | tr -s ' ' '\n' | sed '/^$/d' | sort -u >keys.help
ok 'keys are found in the help' grep -qx Enter keys.help
sed -n '/^\.Ss Keys/,/^\.Sh/s/^\.It //p' "$ROOT/man/rsprof-tui.1" |
	sed 's/\\&//' | tr -s ' ' '\n' | sort -u >keys.page
same 'the page has the keys of the help' keys.page keys.help

# ---- export, and source

mkdir exported src
(cd exported && rsprof-tui -b -k 'eefe2ei' ../ended.db >/dev/null)
ok 'each export has its own file' [ "$(cd exported && echo *)" = "rsprof.CPU.1.csv \
rsprof.CPU.1.txt rsprof.CPU.2.csv rsprof.CPU.2.txt rsprof.flame.1.html rsprof.flame.1.svg rsprof.flame.1.txt \
rsprof.memory.1.csv rsprof.memory.1.txt" ]
screen want ended.db
same 'the screen' exported/rsprof.CPU.1.txt want
says 'the table' '^Total%,Self%,Now%,Function,Location,Trend.$' exported/rsprof.CPU.1.csv
says 'with quotes' \
    '^59.0,59.0,59.0,"<alloc::vec::Vec<T,A> as server::parse::Parse>::parse",/src/.*:142,' \
    exported/rsprof.CPU.1.csv
ok 'all of it' [ "$(wc -l <exported/rsprof.CPU.1.csv)" = 6 ]
says 'the flame graph' '<title>server::main: 69.00% total, 0.00% self</title>' \
    exported/rsprof.flame.1.svg
rsprof dump ended.db | rsprof-flame >want
same 'and its page' exported/rsprof.flame.1.html want
mkdir part
(cd part && rsprof-tui -b -r 1s-2s -k fe ../ended.db >/dev/null)
rsprof-dump -s 1 -u 2 ended.db | rsprof-flame >want
same 'of a part of the time' part/rsprof.flame.1.html want
ln -s nowhere exported/rsprof.information.1.txt
(cd exported && rsprof-tui -b -k ie ../ended.db >../got)
says 'a link in its place is not followed' 'written: rsprof.information.2.txt$' got
printf 'fn one() {\n\ttwo();\n}\n\033[31mfn two() {}\n' >src/main.rs
for what in cpu heap; do
	t=2000000000
	{
		echo "rsprof	1	$what	mono=1000000000	wall=1767225600000000000	hz=100"
		echo "proc	$t	7	1	a	/a	./a"
		echo "thread	$t	7	7	a"
		echo "module	a1	beef	/a"
		echo "frame	f1	one	$T/src/main.rs	2	user"
		echo "frame	f2	two	$T/src/main.rs	4	user"
		echo "stack	51	-	a1	1000	f1	0"
		echo "stack	52	51	a1	2000	f2	0"
		if [ $what = cpu ]; then
			for s in 51 52 52 52; do echo "cpu	$t	7	7	$s	10000000"; done
		else
			echo "heap	$t	7	7	52	allocs=3	bytes=3072	live=2048	count=2"
		fi
		echo "end	$t	$what	exited"
	} >$what.rec
done
rsprof-store source.db <cpu.rec
rsprof-store -a source.db <heap.rec
screen got -k o source.db
says 'source: a line with what it calls' '^  100\.0   25\.0  +2  +two\(\);$' got
says 'a line in itself, and its memory' '^   75\.0   75\.0   2\.0K +4 .*fn two\(\) \{\}$' got
ok 'and nothing of it reaches the terminal' sh -c '! grep -q "$(printf "\033")" got'
says 'it begins where the function is' 'main\.rs 4/4$' got
screen got -k '<End>o' source.db
says 'of another function' 'main\.rs 2/4$' got
rm src/main.rs
screen got -k o source.db
says 'without the file that is said' 'main\.rs cannot be read here' got

rsprof-store heap.db <heap.rec
screen got heap.db
says 'where there is only memory that is shown first' 'memory: functions 1/1$' got

# ---- pinned rows, threads, all of the process

LINES=30 screen got -k '<Enter>j<Enter>jj<Enter>' ended.db
says 'pinned rows have a number in the table' '^1  59\.0 +59\.0' got
says 'each its own' '^2  30\.0' got
says 'and stand above the chart, with their names' \
	'^   1 <\.\.>::parse +2 server::digest::hash +3 server::main' got
says 'what is selected still is the title' '^── server::main ──' got
LINES=30 screen got -k '<Enter>j<Enter>jj<Enter><Left>' ended.db
says 'with the values at the cursor' '^   1 .*[0-9]% +2 .*[0-9]% +3 .*[0-9]%$' got
LINES=30 LC_ALL=C screen got -k '<Enter>j<Enter>' ended.db
says 'lines of their numbers, where there is nothing but ASCII' '^ +30% \+2{60}' got
screen got -k '<Enter>j<Enter>k<Enter>' ended.db
ok 'Enter lets go' sh -c '! grep -q "^1" got'
says 'of this one' '^2  30\.0' got
screen got -k '<Enter>j<Enter>V' ended.db
ok 'V lets go of all' sh -c '! grep -q "^[12]" got'
screen got -k '<Enter>j<Enter>j<Enter>j<Enter>j<Enter>' ended.db
says 'each of many' '^5   1\.0' got
screen got -k '<Enter>g' ended.db
ok 'another grouping has its own' sh -c '! grep -q "^1" got'
screen got -k '<Enter>ggggg' ended.db
says 'and comes back with them' '^1  59\.0' got
screen got -k 'j<Enter>Fhash<Enter>' ended.db
says 'what is filtered stays pinned' '^1  30\.0' got
screen got -k '<Enter>' none.db
says 'where there is no row' '^ no row to pin' got

{
	sed 's/^end.*//; /^$/d' heap.rec
	echo 'thread	1000000000	7	8	other'
	echo 'heap	2000000000	7	8	51	allocs=1	bytes=100	live=100	count=1'
	echo 'memory	2000000000	7	rss=8388608	anon=4194304	live=2148	covered=500000000	hits=4	cost=1'
	echo 'end	2000000001	heap	exited'
} >threads.rec
rsprof-store threads.db <threads.rec
screen got -k ggggjTg threads.db
says 'memory of one thread' '^ +100B .* one +' got
ok 'and of no other' sh -c '! grep -q " two " got'
says 'is told of' ' one thread  memory' got
screen got -k ggggjTTg threads.db
says 'and of all again' '^ +2\.0K .* two ' got
screen got threads.db
says 'the overview has what was recorded' '^ heap +~2\.1K .* RSS +8M ' got
says 'and the status lines how much of the time' 'heap [0-9]+% covered' got
sed 's/rss=8388608/rss=2000/; s/samples=1/&/; s/allocs=3/samples=1	&/' threads.rec |
    rsprof-store more.db
screen got more.db
says 'an estimate of more than is resident' '^ heap +<1\.95K .* RSS +1\.95K ' got
screen got -k 2 more.db
says 'is told of' ' memory, overestimated: ' got
# Ranges, as windows have them.
{
	sed -e 's/^heap.*/&	live_min=1900	live_max=2700	bytes_min=3000	bytes_max=9000/' \
	    -e 's/^end.*//; /^$/d' heap.rec
	echo 'thread	1000000000	7	8	other'
	echo 'heap	2000000000	7	8	51	allocs=1	bytes=100	live=100	count=1	live_min=100	live_max=5000'
	echo 'memory	2000000000	7	rss=1000	anon=1000	live=7000	count=9	covered=20000000	hits=4	cost=1	live_min=6500	live_max=7500	inuse=20000'
	echo 'end	2000000001	heap	exited'
} >ranges.rec
rsprof-store ranges.db <ranges.rec
screen got -k gggg ranges.db
says 'a figure with how far it may be off' '^ +2\.0K +20 .* a +7/7' got
says 'a figure that is not known' '^ +[?] +[?] +100B +[?] +0\.0  other ' got
says 'how much is known, and what tells more' ' memory, 29% known \(-I: all\): threads 1/2$' got
says 'live memory above the resident is shown' '^ heap +~6\.84K .* RSS +0\.977K ' got
says 'in the chart only what is known' '^── a ─+ live bytes, where known ──$' got
LINES=120 screen got -k "2?" ranges.db
says 'what the column is' '^ *[+]-% +half the range of Live' got
sed 's/live_max=7500/live_max=75000/' ranges.rec | rsprof-store wide.db
screen got -k 2 wide.db
says 'where little is known' ' memory, in windows \(-I: all\): functions' got
ok 'no sum is shown' sh -c '! grep -q "^ heap" got'
screen got ended.db
says 'only time, where there is only that' '^ CPU +100%  █{66}$' got
COLUMNS=132 screen got ended.db
says 'at what rate' ' 100 Hz ' got
LINES=21 screen got ended.db
ok 'no overview on a low screen' sh -c '! grep -q "^ CPU" got'

# ---- the heaviest stack: those of the same functions count together, 15 of 40 to 14 and 11

deep() {
	awk 'BEGIN {
		OFS = "\t"; OFMT = CONVFMT = "%.0f"
		print "rsprof", 1, "cpu", "mono=1000000000", "wall=1767225600000000000",
		    "hz=100", "unit=ns", "pid=4242", "host=box", "kernel=6.1.0", "arch=x86_64"
		print "proc", 1000000000, 4242, 1, "server", "/srv/server", "./server"
		print "thread", 1000000000, 4242, 4242, "server"
		print "module", "a1", "beef", "/srv/server"
		split("main serve left right hash", name, " ")
		for (i = 1; i <= 5; i++)
			print "frame", "f" i, name[i], "/src/main.rs", i * 10
		print "frame", "f6", "left", "/src/main.rs", 31
		n = split("51:-:f1 52:51:f2 53:52:f3 54:53:f5 55:52:f6 56:55:f5 57:52:f4 58:57:f5 " \
		    "59:51:f4 5a:59:f5", stack, " ")
		for (i = 1; i <= n; i++) {
			split(stack[i], s, ":")
			print "stack", s[1], s[2], "a1", s[1] "00", s[3], 0
		}
		for (i = 0; i < 400; i++) {
			k = i % 40
			print "cpu", 1000000000 + (i + 1) * 10000000, 4242, 4242,
			    k < 8 ? "54" : k < 15 ? "56" : k < 29 ? "58" : "5a", 10000000
		}
		print "end", 5000000000, "cpu", "exited"
	}'
}
deep | rsprof-store deep.db
rsprof dump deep.db | rsprof-fold | awk '{ v[$1] += $2 } END { for (s in v)
	if (v[s] > v[most]) most = s
	n = split(most, f, ";")
	line = "by " f[n - 1]
	for (i = n - 2; i && f[i] != "server"; i--) line = line " < " f[i]
	print line }' >want
screen full deep.db
sed -n 's/^ by /by /p' full >got
same 'the heaviest stack of a row, as rsprof-fold has it' got want
says 'which merges frames of a function' '^by left < serve < main$' got
COLUMNS=60 LINES=15 screen got deep.db
ok 'where there is room' sh -c '! grep -q "^ by" got'
ok 'of a row without any, nothing' sh -c '! rsprof-tui -b -k "<End>" deep.db | grep -q "^ by"'

# ---- clicks into the flame graph: the status lines have 4 rows, figures one

screen got -k 'f<Press 6 20>' ended.db
says 'a click selects a box' '^ +59\.0 total +59\.0 self .*parse' got
screen got -k 'f<Press 6 20><Press 6 20>' ended.db
says 'another one zooms into it' '^▏<alloc::vec::Vec<T,A> as server::parse::Parse>::parse' got
screen got -k 'f<Press 6 20><Press 6 20><Press 5 20>' ended.db
says 'and one on a caller out to that' '^ +69\.0 total +0\.0 self  server::main' got
screen got -k 'f<Press 20 70>' ended.db
says 'where there is none nothing is' '^ +69\.0 total' got

# ---- two recordings

sed 's/^cpu\(.*\)	5[12]	10000000$/cpu\1	52	10000000/; s/live=2048/live=1024/' cpu.rec |
    rsprof-store after.db
sed 's/live=2048/live=1024/' heap.rec | rsprof-store -a after.db
screen got -d source.db after.db
says 'what has more' '^ +75\.0 +100\.0 +\+25\.0 +1\.0K +-1\.0K  two ' got
says 'what has less' '^ +25\.0 +0\.0 +-25\.0 +- +-  one ' got
screen got -d source.db -k w after.db
says 'of a core' 'changes, % of a core: functions 1/2$' got
screen got -d after.db -k S source.db
says 'the other way round' '^ +100\.0 +75\.0 +-25\.0 +2\.0K +\+1\.0K  two ' got
# of 20 seconds: three of ten samples in hash, and in the last half all of them
{
	stream 1000 noend
	FROM=1000 stream 1000 | sed '/^cpu/s/	5[124]	/	53	/'
} >half.rec
rsprof-store halves.db <half.rec
screen got -R 0-10s -r 10s- halves.db
says 'two parts of the time of one recording' \
	'00:00:10-  all frames  against 00:00:00-00:00:10: functions 1/5$' got
says 'what has more in the second one' '^ +30\.0 +98\.9 +\+68\.9 .*server::digest::hash' got
says 'what has less' '^ +59\.1 +0\.0 +-59\.1 .*parse' got
COLUMNS=120 screen got -R -10s -r 10s- -k ss halves.db
says 'with what it calls' '^ +0\.0 +0\.0 +\+0\.0 +-68\.9 .*server::main' got
screen got -R 0-10s -r 10s- -k w halves.db
says 'or of a core, of as long as each is' '^ +30\.0 +99\.0 +\+69\.0 ' got
screen got -k '3<Left><Left>' halves.db
says 'the chart of both' '^── server::digest::hash ─.* 96% at ' got
screen got -k '3<Left><Left>1ggggT3' halves.db
says 'and of one thread, when that is counted' '^── server::digest::hash ─.* 72% at ' got
screen got -k '1<Left><Left><Left>]Dd' halves.db
says 'by keys: what was marked is what was before' 'against 00:00:00-00:00:19' got
screen got -k '1<Left>]D' halves.db
says 'or nothing comes after it' '^ baseline of d set: now select another range' got
screen got -k '1v<Press 19 30>' halves.db
says 'a chart that is hidden is no place to click at' ' functions 1/5$' got
ok 'and sets no cursor' sh -c '! grep -q " at 00:00" got'
screen got -k D halves.db
says 'a range has to be marked for that' '^ no range: set one' got
screen got -k '<Left>[D' halves.db
says 'with an end' '^ the range has no end' got
screen got -d source.db -k 1D after.db
says 'not where two recordings are compared' '^ already comparing two recordings' got
exits 'no range' 2 rsprof-tui -b -r 10s halves.db
says 'it is named' '^rsprof-tui: -r: not a time range: 10s '
exits 'a range after the end' 2 rsprof-tui -b -R 1m- halves.db
says 'it is said how long the recording is' '^rsprof-tui: halves.db: 20.0 s were recorded'
screen got -k d source.db
says 'without another one that is said' 'nothing to compare with: D on a range, or rsprof diff' got
exits 'a second one that is none' 6 rsprof-tui -b -d missing.db source.db
says 'is named' '^rsprof-tui: missing.db: '

# ---- on and off the CPU

screen got -k j wall.db
same 'on and off the CPU, in one bar' got <<'E'
  ENDED   server 4242                                                  00:00:20
 2,000 samples   1.00 cores   99.5% complete    all frames  wall: functions 2/8

 CPU   100%  ██████████████████████████████████████████████████████████████████
 Total%  Self%▼   On%   Off%   Now%  Function                 Location
   32.5   32.5    0.0   32.5   32.5  server::lock             /src/lock.rs:9
   44.5   32.0   29.5   15.0   32.0  <..>::parse              …/mod.rs:142
   47.5   15.0   15.0   32.5   15.0  server::digest::hash     /src/hash.rs:7
   12.5   12.5    0.0   12.5   12.5  recv                     [libz.so.1]
    5.0    5.0    5.0    0.0    5.0  idle                     [libz.so.1]
   49.5    0.0   34.5   15.0    0.0  server::main             /src/main.rs:10
    2.5    2.5    0.0    2.5    2.5  [short]
    0.5    0.5    0.5    0.0    0.5  [no-stack]


 by server::main
── <Vec<..> as Parse>::parse ────────────────── ⣿ on ⢕ off CPU, % of a thread ──
  100% ┤⢝ ⢖ ⠅⢐⠆⢘ ⢖ ⢝⢐⠆⢘⠅⢖ ⢝ ⠆⢘⠅⢐ ⢝ ⢖⢘⠅⢐⠆⢝ ⢖⢘⠅⢐⠆⢘ ⢖ ⠅⢐⠆⢘⠅⢖ ⢝⢐⠆⢘⠅⢐ ⢝ ⠆⢘⠅⢐⠆⢝ ⢖⢘⠅⢐⠆
       │⣵⢝⣕⢝⣝⢕⣝⢵⢝⣕⢝⣵⢕⣝⢵⣝⣕⢝⣵⢝⣝⢵⣝⢕⢝⣵⢝⣕⢵⣝⢕⣝⣵⢝⣕⢵⣝⢕⣝⢵⢝⣕⢝⣝⢕⣝⢵⣝⣕⢝⣵⢕⣝⢵⣝⢕⢝⣵⢝⣝⢵⣝⢕⣝⣵⢝⣕⢵⣝⢕⣝
   50% ┤⣿⣵⣿⣵⣷⣽⣷⣽⣵⣿⣵⣿⣽⣷⣽⣷⣿⣵⣿⣵⣷⣽⣷⣽⣵⣿⣵⣿⣽⣷⣽⣷⣿⣵⣿⣽⣷⣽⣷⣽⣵⣿⣵⣷⣽⣷⣽⣷⣿⣵⣿⣽⣷⣽⣷⣽⣵⣿⣵⣷⣽⣷⣽⣷⣿⣵⣿⣽⣷⣽⣷
       │⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
       │⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿⣿
    0% └ 00:00:00 ──────────────────── 00:00:10 ───────────────────── 00:00:20
 q quit  ? help  m view  t tree  c callers  f flame  g group  w off  s sort
E
screen got -k w wall.db
is 'w: off the CPU' <<'E'
Total% Self%▼ Now% Function Location
65.0 65.0 65.0 server::lock /src/lock.rs:9
25.0 25.0 25.0 recv [libz.so.1]
30.0 5.0 5.0 <Vec<..> as Parse>::parse …/src/parse/mod.rs:142
65.0 0.0 0.0 server::digest::hash /src/hash.rs:7
30.0 0.0 0.0 server::main /src/main.rs:10
5.0 5.0 5.0 [short]
E
says 'which the status lines report' ' off CPU: functions 1/6$' got
says 'and the chart' '─ total off CPU, % of a thread ─' got
screen got ended.db
rows got >want
screen got -k ww wall.db
is 'w: on the CPU, as where nothing else was recorded' want
screen want -k wwwww wall.db
same 'and so on' got want
LC_ALL=C COLUMNS=72 LINES=22 screen got -k ggggj wall.db
same 'threads in ASCII, whose time adds up' got <<'E'
  ENDED   server 4242                                          00:00:20
 2,000 samples   1.00 cores               all frames  wall: threads 2/2

 CPU   100%  ##########################################################
 Total%  Self%v   On%   Off%   Now%  Thread              PID/TID
   50.0   50.0   35.0   15.0   50.0  server              4242/4242
   50.0   50.0   15.0   35.0   50.0  worker              4242/4243








-- worker 4242/4243 ------------------- # on o off CPU, % of a thread --
  120% +---------------------------------------------------------------
       |ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo
   60% +ooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooooo
       |###############################################################
    0% + 00:00:00 ---------------- 00:00:10 ----------------- 00:00:20
 q quit  ? help  m view  t tree  c callers  f flame  g group  w off
E
COLUMNS=60 LINES=15 screen got -k ss wall.db
same 'on a small screen, by time off the CPU' got <<'E'
  ENDED   server 4242                              00:00:20
 2,000 samples              all frames  wall: functions 1/8
 Total%  Self%    On%   Off%▼ Function         Location
   32.5   32.5    0.0   32.5  server::lock     …/lock.rs:9
   47.5   15.0   15.0   32.5  …::digest::hash  …/hash.rs:7
   44.5   32.0   29.5   15.0  <..>::parse      …/mod.rs:142
   49.5    0.0   34.5   15.0  server::main     …/main.rs:10
   12.5   12.5    0.0   12.5  recv             [libz.so.1]
    5.0    5.0    5.0    0.0  idle             [libz.so.1]
    2.5    2.5    0.0    2.5  [short]
    0.5    0.5    0.5    0.0  [no-stack]



 q quit  ? help  m view  t tree  c callers  f flame  w off
E
screen got -k jjw wall.db
says 'the selected row stays' '^── server::digest::hash ──' got
screen got -k 'ssw' wall.db
says 'sorted by what there still is' 'Self%▼' got
screen got -k i wall.db
sed -n '/^ Samples/,/^ cut/p' got >is.got
same 'information' is.got <<'E'
 Samples
 taken             2000, 20.000 s of CPU time
 waits             2040
 ready             1.000 s
 sleeping          18.000 s
 disk              1.000 s
 complete stacks   38.800 s, 97.00%
 cut stacks        0.200 s no-stack
E
screen got -k w ended.db
says 'nothing else was recorded' '^ off-CPU time was not recorded' got
stream 0 off | rsprof-store wait.db
screen got wait.db
says 'nothing yet' 'wall: functions 0/0' got

# ---- names that mean harm

{
	stream 0 noend
	printf 'frame\te1\ta\033[2Jb\007::c\r\033]0;x\033\\\\\t/x/\033[31m.rs\t3\n'
	printf 'frame\te2\t%s\t-\t-\n' "$(printf '\342\200\256evil\342\200\213')"
	printf 'frame\te3\t%s\t-\t-\n' "$(head -c 60000 /dev/zero | tr '\0' x)"
	printf 'frame\te4\t%s\t-\t-\n' "$(head -c 60000 /dev/zero | tr '\0' '<')"
	printf 'frame\te5\tmod::\346\227\245\346\234\254\350\252\236\t-\t-\n'
	printf 'thread\t1000000001\t4242\t4242\tw\033[5m\302\233m\n'
	printf 'note\t1000000001\tcpu\tline\\none \033[2J\n'
	for i in 1 2 3 4 5; do
		printf 'stack\t6%d\t-\ta1\t%d000\te%d\t0\n' $i $i $i
		printf 'cpu\t100%d000000\t4242\t4242\t6%d\t10000000\n' $i $i
	done
	printf 'end\t2000000000\tcpu\tduration\n'
} >evil.rec
rsprof-store evil.db <evil.rec
sed -e '1s/cpu/heap/; /^end/d' -e '/^cpu/{s/^cpu/heap/; s/	[^	]*$/	allocs=3	bytes=30	live=20	count=2/;}' \
    evil.rec | rsprof-store -a evil.db
cp evil.db huge.db
sqlite3 huge.db "UPDATE string SET text = 'a::' || id || hex(zeroblob(500000)) || '::<' ||
    hex(zeroblob(500000)) WHERE text LIKE 'xxx%' OR text LIKE '<<<%'"
for keys in '' jj G g gg i '<End>' t f c o 3 'jo' 'jc' 'jjtf' 2 2g 2gg 2ggggT 2L 2t 2f 2c \
    '<Enter>j<Enter>jj<Enter>j<Enter>k' '<Left>]D1' '<Left>]Dd' '3<Enter>j<Enter><End>' 't*' \
    'f<Enter>'; do
	for recording in evil.db '-d huge.db evil.db' huge.db; do
		# shellcheck disable=SC2086
		screen got -k "$keys" $recording
		LC_ALL=C grep -c '[[:cntrl:]]' got
		grep '^exit' got
		# shellcheck disable=SC2086
		LC_ALL=C screen got -k "$keys" $recording
		LC_ALL=C grep -c '[^ -~]' got
		awk 'length > 80' got
	done
done | sort -u >evil.got
same 'no control characters come through' evil.got <<'E'
0
E
screen got -k '<End>' evil.db
says 'wide names are shown' 'mod::日本語  ' got
says 'what turns text around is not' '\?evil' got

# What is exported does no harm either.
mkdir evil
(cd evil && rsprof-tui -b -k 'e2efe' ../huge.db >../got)
says 'a page of names that no record can hold: it says so' 'svg \(rsprof flame has failed\)$' got
ok 'nor into what is exported' sh -c '[ "$(ls evil | wc -l)" = 6 ] && for byte in \
	"\033" "\302\233" "\342\200\256"; do
		! LC_ALL=C grep -q "$(printf "$byte")" evil/* || exit; done'
ok 'a flame graph is XML' perl -0ne \
	's/<\/?(svg|g|rect|title|text)(\s[\w:-]+="[^"<&]*")*\/?>//g;
	exit 1 if /<|&(?!lt;|gt;|amp;)/ || !/total/' evil/rsprof.flame.1.svg

# ---- every view of recordings that have little

for recording in none.db cut.db heap.db ended.db; do
	for view in 1 2 3 t c f o d i '?' 1g 1ggggT 2L 2gggg 1x 2x; do
		screen got -k "$view" $recording
		head -n 1 got | grep -Eq '^  (ENDED|CUT OFF)   ' || echo "$recording $view"
	done
done >little.got
same 'each view is there' little.got /dev/null
screen got -k 2 ended.db
says 'no memory' 'the recording holds no memory: rsprof attach -H records it' got
screen got -k 1 heap.db
says 'no time' 'the recording holds no samples' got
screen got -k f none.db
says 'no flame' 'no samples yet' got

# A disk that cannot be written to: it is looked at, and what cannot be exported is said.
if unshare -m true 2>/dev/null; then
	mkdir disk
	unshare -m sh -c 'mount -t tmpfs none disk && cp ended.db disk &&
		mount -o remount,ro disk && cd disk && rsprof-tui -b -k e ended.db' >got
	says 'from a read-only disk' '59\.0   59\.0   59\.0 ' got
	says 'an export that fails' '^ cannot export here: Read-only file system' got
else
	skip 'a read-only disk: no mounts here'
fi

# ---- errors

usage='usage: rsprof-tui [-bhtV] [-A FD] [-d OLD] [-k KEYS] [-R FROM-TO] [-r FROM-TO] FILE'
for args in '' '-x ended.db' 'ended.db cut.db' '-k'; do
	# shellcheck disable=SC2086
	exits "wrong usage: rsprof-tui $args" 2 rsprof-tui $args
	ok 'usage' grep -qxF "$usage" err
done
ok 'usage is the synopsis' test "$usage" = "usage: $(mandoc -T ascii \
	"$ROOT/man/rsprof-tui.1" 2>/dev/null | sed "s/.$(printf '\b')//g" |
	sed -n '/^SYNOPSIS/,/^$/{/^SYN/d;p;}' | xargs)" -o -z "$(command -v mandoc)"
exits 'a key that is none' 2 rsprof-tui -b -k 'j<Bogus>' ended.db
says 'is named' 'no such key: <Bogus>'
one_line 'in one line'
exits 'version' 0 rsprof-tui -V
says 'version said' '^rsprof-tui [0-9]' out
ok 'a full disk' sh -c '! rsprof-tui -b ended.db >/dev/full'
ok 'a full disk, version' sh -c '! rsprof-tui -V >/dev/full'

mkdir dir
echo 'not a recording' >text
head -c 20000 ended.db >half
for file in missing.db dir text half /dev/null; do
	exits "$file is no recording" 6 rsprof-tui -b "$file"
	says 'it is named' "^rsprof-tui: $file: "
	one_line 'in one line'
done
cp ended.db newer.db
sqlite3 newer.db 'PRAGMA user_version = 99'
exits 'a newer recording' 6 rsprof-tui -b newer.db
says 'says so' '^rsprof-tui: newer.db: .*newer'

exits 'not a terminal' 1 rsprof-tui ended.db
says 'says what to do' '^rsprof-tui: standard output is not a terminal.*rsprof-top'
one_line 'in one line'

# ---- in a terminal

command -v tmux >/dev/null || { done_testing; exit; }
. "$ROOT/tests/tools/terminal.sh"

open_terminal 80 24

screen want ended.db
run 'rsprof-tui ended.db'
like 'the terminal shows what -b prints' want
screen want -k jjsG ended.db
keys j Down s G
like 'keys' want
screen want -k '?' ended.db
keys '?'
like 'help' want
keys Escape
tm resize-window -x 120 -y 35
COLUMNS=120 LINES=35 screen want -k jjsG ended.db
like 'a larger terminal' want
keys PPage Home NPage End Up
COLUMNS=120 LINES=35 screen want -k 'jjsG<PgUp><Home><PgDn><End><Up>' ended.db
like 'more keys' want
keys 2
see 'memory' 'memory: functions 0/0'
keys t
COLUMNS=120 LINES=35 screen want -k 'jjsG<PgUp><Home><PgDn><End><Up>2t' ended.db
like 'the tree of calls' want
keys f Down Enter
COLUMNS=120 LINES=35 screen want -k 'f<Down><Enter>' ended.db
like 'the flame graph' want
keys 1 G F
tm send-keys -l 'parse|hash'
see 'a filter, while it is typed' '^ filter parse.hash'
see 'is at work already' 'filtered  functions [12]/2$'
keys BSpace BSpace BSpace BSpace BSpace Enter
see 'it can be changed' 'filtered  functions 1/1$'
keys F Escape
see 'and left' ' functions [1-5]/5$'
keys / d i g e s t Enter
see 'a search' ' server::digest::hash .*$'
keys Home
press 8 2
release 8 2
see 'a click selects a row' 'functions 2/5$'
press 6 2
release 6 2
see 'and sorts by a column' 'Total%▼ Self%'
tm set-option -s set-clipboard on
keys Home y
see 'a row is copied' '^ copied'
copied() { tm show-buffer 2>/dev/null | grep -q "^69.0${tab}0.0${tab}0.0${tab}server::main"; }
ok 'to the clipboard, with tabs' await 60 copied
keys Left '['
see 'a range of the chart' '00:00:[0-9.]*-  '
keys '=' Home
keys s s G
tm resize-window -x 30 -y 6
see 'one too small' '^too small: 30x6'
tm resize-window -x 60 -y 15
COLUMNS=60 LINES=15 screen want -k 'jjsG<End>k' ended.db
like 'and large enough again' want
tm resize-window -x 80 -y 24
keys q
ends 'q quits' 0
restored 'after q'

# dies NAME STATUS: by a signal.
dies() {
	run 'rsprof-tui ended.db & echo $! >pid; fg >/dev/null'
	see "before SIG$1" 'ENDED'
	kill -s "$1" "$(cat pid)"
	ends "SIG$1 ends it" "$2"
	restored "after SIG$1"
}
dies TERM 143
dies HUP 129
dies INT 0
dies SEGV 139
dies ABRT 134

run 'rsprof-tui ended.db'
see 'before ^C' 'ENDED'
keys C-c
ends '^C ends it' 0
restored 'after ^C'

run 'rsprof-tui ended.db'
see 'before ^Z' 'ENDED'
keys C-z
see '^Z stops it' '[Ss]topped'
restored 'while it is stopped'
tm resize-window -x 90 -y 20
keys 'fg' Enter
COLUMNS=90 LINES=20 screen want ended.db
like 'it comes back, in the size of now' want
keys q
see 'q ends it' '^rsprof-tui ended.db$'
restored 'after that'
tm resize-window -x 80 -y 24

run 'echo none of it | rsprof-tui -k j ended.db'
screen want -k j ended.db
like 'keys from the terminal where input is a pipe' want
keys q
ends 'and quits by them' 0

run 'TERM=foo rsprof-tui ended.db'
see 'unknown terminal' "^rsprof-tui: unknown terminal 'foo': set TERM, or use rsprof-top"
ends 'exits 1' 1
run 'TERM=dumb rsprof-tui ended.db'
see 'a terminal that can do nothing' "^rsprof-tui: unknown terminal 'dumb'"
run 'env -u TERM rsprof-tui ended.db'
see 'no TERM' "^rsprof-tui: unknown terminal '.*': set TERM"
restored 'after these'

for color in 256 8 no; do
	case $color in
	256) set -- '' '38;5;' ;;
	8) set -- 'TERM=xterm' '3[1-6]m' ;;
	no) set -- 'NO_COLOR=1' '[34][0-8](;|m)' ;;
	esac
	run "$1 rsprof-tui ended.db"
	await 60 seen 'ENDED'
	cap -e
	if [ $color = no ]; then ok 'NO_COLOR' sh -c "! grep -E '$2' cap"
	else ok "$color colours" grep -Eq "$2" cap; fi
	[ $color != 256 ] || ok 'the overview has no cursor yet' \
		sh -c '! grep CPU cap | grep -q "48;5;24m"'
	keys q
	await 60 seen "^$runs status=0"
done

# ---- a recording that grows

# more N STACK FROM: samples that go on from number FROM.
more() {
	awk -v n="$1" -v s="$2" -v i="$3" 'BEGIN { for (; n > 0; n--)
		printf "cpu\t%.0f\t4242\t4242\t%s\t10000000\n",
		    1000000000 + ++i * 10000000, s }'
}
# holds FILE N: samples.
holds() {
	[ "$(sqlite3 "file:$1?mode=ro" 'SELECT count(*) FROM cpu')" = "$2" ]
}
mkfifo fifo
rsprof-store live.db <fifo &
own $!
store=$!
exec 9>fifo
stream 1000 noend >&9
await 60 holds live.db 1000
run 'rsprof-tui -k j live.db'
see 'live' ' LIVE +server 4242 .*00:00:10'
see 'the second row is selected' 'functions 2/5'
more 1000 53 1000 >&9
see 'it grows, and the selected row is the first now' 'functions 1/5'
see 'by new figures' '65.0 +65.0 +100.0 +server::digest::hash'
more 3000 54 2000 >&9
see 'then the second again' 'functions 2/5'
see 'where it is' '26.0 +26.0 +0.0 +server::digest::hash'
see 'the chart is its own' '── server::digest::hash ──'
keys p
see 'pause' ' PAUSED .*00:00:50'
more 1000 52 5000 >&9
await 60 holds live.db 6000
keys k
see 'which keys still move in' 'functions 1/5'
ok 'and which shows nothing new' stays ' 5,000 samples' ' 6,000 samples'
keys j p
see 'until it goes on' ' LIVE .*00:01:00'
see 'with all that came' ' 6,000 samples'
see 'nothing comes' ' STALLED ' 20
see 'for how long' 'no data for [0-9]+ seconds'
more 1 52 6000 >&9
see 'something does' ' LIVE '
printf 'end\t61010000000\tcpu\tduration\n' >&9
exec 9>&-
wait $store
see 'the end' ' ENDED '
see 'has every sample' ' 6,001 samples'
FROM=7000 stream 1000 | rsprof-store -a live.db
see 'it is continued by -a' ' 7,001 samples'
FROM=9000 stream 100 off | rsprof-store -a live.db
see 'time off the CPU shows when it comes' 'wall: functions'
keys w w
see 'until somebody wants another thing' 'on CPU: functions'
rm -f live.db
see 'deleted' 'the file was deleted or replaced'
see 'what was read is still there' 'server::digest::hash'
keys q
ends 'and q quits' 0

# Damaged while it is watched.
cp ended.db damaged.db
run 'rsprof-tui damaged.db'
see 'before the damage' 'ENDED'
head -c 40000 /dev/zero | dd of=damaged.db conv=notrunc bs=4096 2>/dev/null
see 'the damage' '^ damaged.db: '
see 'what was read is there' 'server::digest::hash'
keys j
see 'and can be looked at' 'functions 2/5'
keys q
ends 'and left' 0

# Cut off while it is watched.
rsprof-store killed.db <fifo &
store=$!
own $store
exec 9>fifo
stream 500 noend >&9
await 60 holds killed.db 500
run 'rsprof-tui killed.db'
see 'live again' ' LIVE '
kill -9 $store
see 'its writer is killed' ' CUT OFF '
exec 9>&-

# The terminal goes away.
keys q
await 60 seen "^$runs status=0"
run 'rsprof-tui ended.db & echo $! >pid; fg >/dev/null'
see 'before the terminal goes' 'ENDED'
tm kill-session
ok 'it ends with its terminal' await 60 sh -c "! kill -0 $(cat pid)"

done_testing

#!/bin/sh
# rsprof-import: what others have recorded becomes a stream.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
cd "$T" || exit 1

cat >perf.txt <<'E'
# captured on    : Sun Nov 29 10:00:00 2026
         my prog  4242/4243  [001]  1000.000001:    1000000 cpu-clock:u: 
	    55d0c0e1f001 _ZN4core3ptr4read17h0123456789abcdefE (inlined)
	    55d0c0e1f001 server::parse::<u8>+0x1f (/srv/my server)
  src/parse.rs:42
	    55d0c0e10001 server::main+0x1 (/srv/my server)

swapper     0 [000]  1000.500000:    3000000 cpu-clock:u:
	ffffffff81000000 [unknown] ([kernel.kallsyms])

my prog  4242/4243  1001.000000000:     500000 cpu-clock:u: 
	    55d0c0e10001 server::main+0x1 (/srv/my server)
	    7f0000000001 [unknown] ([unknown])
E
exits 'perf script' 0 rsprof-import perf.txt
same 'without a word' err /dev/null
cp out perf.rec
head -n 1 perf.rec >got
same 'a header' got <<'E'
rsprof	1	cpu	mono=1000000001000	wall=1795946400000000000	unit=ns
E
grep -e ^proc -e ^thread -e ^module perf.rec | cut -f 1,3- | sed 's/^module	[^	]*/module/' >got
grep -e ^module perf.rec | cut -f 4 >modules
same 'modules' modules <<'E'
/srv/my server
[kernel]
[anon]
E
rsprof-fold -pt perf.rec >got
same 'stacks' got <<'E'
my prog (4242);my prog (4243);server::main;server::parse::<u8>;core::ptr::read 1000000
swapper (0);swapper (0);0xffffffff81000000 3000000
my prog (4242);my prog (4243);0x7f0000000001;server::main 500000
E
grep ^frame perf.rec | cut -f 3- >got
same 'names, lines, and whose code it is' got <<'E'
server::main	-	-	user	-	server	-	-
server::parse::<u8>	src/parse.rs	42	user	-	server	-	server::parse
core::ptr::read	-	-	std	-	core	-	-
E
ok 'inlined' [ "$(grep -c '^stack.*	1$' perf.rec)" = 1 ]
exits 'is stored' 0 rsprof-store perf.db <perf.rec
ok 'all of it' [ "$(rsprof-query perf.db 'SELECT sum(ns) FROM cpu')" = 4500000 ]
exits 'is dumped' 0 rsprof-dump perf.db
cp out once
ok 'whole' [ "$(grep -c ^cpu once)" = 3 ]
rsprof-store again.db <once
rsprof-dump again.db >twice
same 'and comes out the same' twice once

rsprof-top -g crate cpu perf.db >out 2>err
says 'has a table' 'server' out
rsprof-top -r cpu perf.db >out
says 'with names' 'core::ptr::read' out
rsprof-tui -b -k x perf.db >out
says 'the view' 'core::ptr::read' out
sed 's/: *1000000 cpu/: 9000000 cpu/' perf.txt | rsprof-import | rsprof-store more.db
rsprof-tui -b -k x -d perf.db more.db >out
says 'a comparison' 'core::ptr::read' out
rsprof-query perf.db "SELECT function, file, line FROM frames WHERE line IS NOT NULL" >got
same 'SQL' got <<'E'
server::parse::<u8>	src/parse.rs	42
E

cat >events.txt <<'E'
a 1 1.000001: 100 cycles: ffff sym+0x1 (/lib/x.so)
a 1 1.000002: 7 page-faults: ffff sym+0x1 (/lib/x.so)
a 1 1.000003: 200 cycles: ffff sym+0x1 (/lib/x.so)
a 1 1.000004: instructions: ffff sym+0x1 (/lib/x.so)
E
exits 'several events' 0 rsprof-import events.txt
says 'the others are counted' '^rsprof-import: 2 samples of other events were left out'
ok 'the first is taken' [ "$(awk '$1 == "cpu" { n += $6 } END { print n }' out)" = 300 ]
says 'its unit is its name' 'unit=cycles$' out
exits 'another one' 0 rsprof-import -e page-faults events.txt
ok 'by its name' [ "$(awk '$1 == "cpu" { n += $6 } END { print n }' out)" = 7 ]

# ---- what perf prints -------------------------------------------------------------

if perf record -q -e cpu-clock:u -F 499 -g -o perf.data -- sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done' >log 2>&1; then
	perf script -i perf.data >real.txt 2>/dev/null
	exits 'a real one' 0 rsprof-import real.txt
	ok 'adds up' [ "$(awk '$1 == "cpu" { n += $6 } END { printf "%.0f", n }' out)" = \
		"$(sed -n 's/.*: *\([0-9]*\) cpu-clock:u: *$/\1/p' real.txt | awk '{ n += $1 } END { printf "%.0f", n }')" ]
	ok 'has all frames' [ "$(rsprof-fold -m samples out | awk '{ n += $NF } END { print n }')" = "$(grep -c cpu-clock real.txt)" ]
else
	skip 'perf may not record here'
fi

# ---- of other machines ---------------------------------------------------------------

cat >arm64.txt <<'E'
server  4242/4250  1000.000001:    1010101 cycles:P: 
	ffff800010084a40 el0_svc+0x20 ([kernel.kallsyms])
	    ffffa1b2c3d4 __GI___libc_write+0x14 (/usr/lib/aarch64-linux-gnu/libc.so.6)
	    aaaac4d51f04 server::parse+0x44 (/srv/server)

E
cat >armhf.txt <<'E'
server  4242 [003] 1000.000001:    1010101 cpu-clock:ppp: 
	b6f2a1c8 memcpy+0x28 (/lib/arm-linux-gnueabihf/libc.so.6)
	  10f04 server::parse+0x44 (/srv/server)

E
cat >riscv.txt <<'E'
server  4242 [001] 1000.000001:    1010101 cpu-clock: 
	ffffffe000200a40 do_trap_ecall_u+0x20 ([kernel.kallsyms])
	      2aaaaab104 server::parse+0x44 (/srv/server)

E
for machine in arm64 armhf riscv; do
	exits "text of perf of $machine" 0 rsprof-import $machine.txt
	rsprof-fold out >got
	case $machine in
	arm64) want='server::parse;__GI___libc_write;el0_svc' ;;
	armhf) want='server::parse;memcpy' ;;
	riscv) want='server::parse;do_trap_ecall_u' ;;
	esac
	ok 'its stacks' grep -qx "$want 1010101" got
done

# ---- folded stacks -----------------------------------------------------------------

small >small.rec
rsprof-fold small.rec >small.folded
exits 'folded stacks' 0 rsprof-import -u ns small.folded
rsprof-fold out >again.folded
same 'become the same again' again.folded small.folded
says 'with their unit' 'unit=ns$' out
printf 'a b;<x as y>::z 3\n\nc 4\n' | rsprof-import >out 2>err
rsprof-fold out >got
same 'blanks in names' got <<'E'
a b;<x as y>::z 3
c 4
E

# ---- what is wrong ------------------------------------------------------------------

exits 'nothing: 1' 1 rsprof-import /dev/null
same 'is said' err <<'E'
rsprof-import: /dev/null: no samples
E
exits 'no file: 1' 1 rsprof-import nosuch
exits 'two files: 2' 2 rsprof-import a b
printf 'main;a 1\nmain;b\nmain;c x\nmain;d 2\n' >bad.folded
exits 'lines that are none: 1' 1 rsprof-import bad.folded
same 'are said' err <<'E'
rsprof-import: bad.folded:2: not a folded stack
rsprof-import: bad.folded:3: not a folded stack
E
ok 'the others are taken' [ "$(grep -c ^cpu out)" = 2 ]
sed '4s/.*/	nonsense/; 8s/swapper.*/what?/' perf.txt >bad.txt
exits 'damaged text of perf: 1' 1 rsprof-import bad.txt
says 'a frame' '^rsprof-import: bad.txt:4: bad frame$'
ok 'the rest is a stream' rsprof-fold out
head -c 300 perf.txt >cut.txt
exits 'text that is cut: 1' 1 rsprof-import cut.txt
{ printf 'main;'; head -c 10000000 /dev/zero | tr '\0' y; printf ' 1\nmain 2\n'; } >long.folded
exits 'a line of 10 MB' 0 rsprof-import long.folded
rsprof-fold out >got
ok 'is cut, and the next one is there' grep -q '^main 2$' got
{
	printf 'a 1 1.000001: 100 cycles: \n\tffff '
	head -c 10000000 /dev/zero | tr '\0' z
	printf '+0x1 (/lib/x.so)\n\tfffe main+0x1 (/bin/a)\n\na 1 1.000002: 100 cycles: \n\tffff b+0x1 (/bin/a)\n'
} >long.txt
exits 'a line of 10 MB in text of perf' 0 rsprof-import long.txt
rsprof-fold out >got
ok 'it is cut' grep -q '^main;z.* 100$' got
ok 'and what comes then is there' grep -q '^b 100$' got
exits 'a full disk: 1' 1 sh -c 'rsprof-import perf.txt >/dev/full'
says 'it is said' 'cannot write: No space left on device$'
head -c 200000 /dev/urandom >random
rsprof-import random >out 2>err
ok 'random bytes' [ $? = 1 ]
done_testing

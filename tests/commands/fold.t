#!/bin/sh
# rsprof-fold: folded stacks, whose numbers add up to what the recording says.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
cd "$T" || exit 1
small >small.rec
hostile >hostile.rec

exits 'CPU time' 0 rsprof-fold small.rec
same 'by the names of a stack' out <<'E'
server::main 40000000
server::main;server::serve 10000001
server::main;server::serve;server::parse 20000000
server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc 10000000
(incomplete: copy-end);libc.so.6+0x7700 10000000
(no stack: no-stack) 5000000
E
exits 'processes and threads' 0 rsprof-fold -pt small.rec
same 'are the outermost frames' out <<'E'
server (100);server (100);server::main;server::serve;server::parse 20000000
server (100);worker (101);server::main;server::serve 10000001
server (100);worker (101);server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc 10000000
server (100);worker (101);(incomplete: copy-end);libc.so.6+0x7700 10000000
server (100);worker (101);(no stack: no-stack) 5000000
child (200);child (200);server::main 40000000
E
exits 'samples' 0 rsprof-fold -c -m samples small.rec
says 'are counted' '^server::main;server::serve;server::parse 3$' out
sed 's/?no-stack/?probes/' small.rec >probes.rec
exits 'time in probes' 0 rsprof-fold probes.rec
says 'is called as elsewhere' '^\[probes\] 5000000$' out
exits 'waits' 0 rsprof-fold -m off small.rec
same 'in nanoseconds' out <<'E'
server::main;server::serve 300000000
(no stack: short) 700
E
exits 'wall time' 0 rsprof-fold -m wall -t small.rec
says 'is both' '^worker \(101\);server::main;server::serve 310000001$' out
exits 'allocations' 0 rsprof-fold -m alloc small.rec
same 'in bytes' out <<'E'
server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc 1070
E
exits 'live memory at the end' 0 rsprof-fold -c -t -m live small.rec
same 'charged to who called the runtime' out <<'E'
server (100);server::main;server::serve;server::parse 300
worker (101);server::main;server::serve;server::parse 70
E
exits 'generics' 0 rsprof-fold -g -m alloc small.rec
same 'have one name' out <<'E'
server::main;server::serve;server::parse;Vec<_>::push;malloc 1070
E

# ---- against SQL ------------------------------------------------------------------

echo | rsprof run -q -f -w -F 499 -o real.db -- "$B/target/family" 100 >log 2>&1
sum() { awk '{ n += $NF } END { printf "%.0f\n", n }'; }
for what in 'cpu cpu ns' 'off off ns' 'alloc heap bytes'; do
	# shellcheck disable=SC2086
	set -- $what
	want=$(rsprof-query real.db "SELECT coalesce(sum($3), 0) FROM $2")
	rsprof-dump real.db | rsprof-fold -pt -m "$1" 2>err >out
	ok "$1 is $want" [ "$(sum <out)" = "$want" ]
	rsprof-dump real.db | rsprof-fold -cg -m "$1" 2>err >out
	ok 'collapsed as well' [ "$(sum <out)" = "$want" ]
done
rsprof-dump real.db | rsprof-fold -m live >out 2>err
ok 'live memory' [ "$(sum <out)" = "$(rsprof-query real.db 'SELECT coalesce(sum(live), 0) FROM heap_live')" ]

# ---- names, and what is wrong -------------------------------------------------------

exits 'hostile names' 0 rsprof-fold -pt hostile.rec
ok 'two lines' [ "$(wc -l <out)" = 2 ]
ok 'ten frames' [ "$(tail -n 1 out | tr ';' '\n' | wc -l)" = 10 ]
ok 'no control characters' sh -c '! LC_ALL=C grep "[[:cntrl:]]" out'
tail -n 1 out | tr ';' '\n' | cut -c 1-60 >got
same 'are text' got <<'E'
a:b "c" </script> (7)
th?read:1 2 (7)
main: fn= "x" 12
</script><script>alert(1)</script>
?[31mred????\x <!-- {{x}} %s $(id)
bad??utf8é
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
 
-
?u+2028 🦀 10000000
E
ok 'long ones are whole' [ "$(longest out)" = $LONGEST ]
doubtful >doubtful.rec
exits 'memory that is not known' 0 rsprof-fold -m live doubtful.rec
same 'is said, as there is no place for it' err <<'E'
rsprof-fold: live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be
E
exits 'allocations that are estimates' 0 rsprof-fold -m alloc doubtful.rec
same 'likewise' err <<'E'
rsprof-fold: allocated memory is between 868 and 1446 bytes in 19 of 20 cases
E
exits 'CPU time' 0 rsprof-fold doubtful.rec
same 'has no part in it' err /dev/null
again >again.rec
rsprof-fold -t -m live again.rec >got
same 'a producer that attached again: only what is live since then' got <<'E'
worker (101);server::main;server::serve;server::parse;<alloc::vec::Vec<u8>>::push;malloc 50
E

refuses rsprof-fold
same 'is the same as what made it' dumped whole
exits 'an unknown metric: 2' 2 rsprof-fold -m nosuch small.rec
grep -v -e ^heap -e ^off small.rec >cpu.rec
exits 'no memory: 1' 1 rsprof-fold -m live cpu.rec
says 'it is said' '^rsprof-fold: the stream has no memory \(rsprof-heap\(1\) records it\)$'
exits 'no waits: 1' 1 rsprof-fold -m off cpu.rec
says 'it is said' 'no time off the CPU'
mkfifo pipe
rsprof-fold <pipe >live.out 2>live.err &
pid=$!
own $pid
exec 9>pipe
grep -v ^end small.rec >&9
kill -s INT $pid
grep ^end small.rec >&9
exec 9>&-
wait $pid
ok 'SIGINT does not end it' [ $? = 0 ]
same 'nor does it change anything' live.out whole
done_testing

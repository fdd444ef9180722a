#!/bin/sh
# rsprof-pprof: profiles for pprof, read by a decoder of this test, and by pprof where it is.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
cd "$T" || exit 1
small >small.rec
hostile >hostile.rec
decode() { gzip -cd | perl "$ROOT/tests/tools/pprof.pl"; }

exits 'a profile' 0 rsprof-pprof small.rec
cp out p.gz
decode <p.gz | sed 's/^\(comment rsprof\) .*/\1/' >got
same 'has everything' got <<'E'
types samples/count cpu/nanoseconds waits/count off_cpu/nanoseconds alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes
default cpu
period cpu/nanoseconds 10000000
time 1700000001000000000 duration 3000000000
comment rsprof
comment sums of memory are estimates: one allocation in 524288 bytes was recorded
comment it is so
comment lost: 7 ring-full (cpu)
mapping /srv/server beef 555500001000-555500009000 1000
mapping /lib/libc.so.6 f00d 7f0000000000-7f0000100000 0
2 20000000 0 0 0 0 0 0 | 555500001200 server::parse src/parse.rs:30 + server::serve src/serve.rs:20 | 555500001100 server::main src/main.rs:10 | thread=server | tid=100 | pid=100 | crate=server
1 10000000 0 0 1 70 1 70 | 7f0000005500 malloc | 555500001300 <alloc::vec::Vec<u8>>::push /rustc/abc/library/alloc/src/vec/mod.rs:40 | 555500001200 server::parse src/parse.rs:30 + server::serve src/serve.rs:20 | 555500001100 server::main src/main.rs:10 | thread=worker | tid=101 | pid=100 | crate=server
1 10000001 3 300000000 0 0 0 0 | 555500001250 server::serve src/serve.rs:25 | 555500001100 server::main src/main.rs:10 | thread=worker | tid=101 | pid=100 | crate=server
1 10000000 0 0 0 0 0 0 | 7f0000007700 libc.so.6+0x7700 | 0 (incomplete: copy-end) | thread=worker | tid=101 | pid=100
1 5000000 0 0 0 0 0 0 | 0 (no stack: no-stack) | thread=worker | tid=101 | pid=100
0 0 9 700 0 0 0 0 | 0 (no stack: short) | thread=worker | tid=101 | pid=100
0 0 0 0 10 1000 3 300 | 7f0000005500 malloc | 555500001300 <alloc::vec::Vec<u8>>::push /rustc/abc/library/alloc/src/vec/mod.rs:40 | 555500001200 server::parse src/parse.rs:30 + server::serve src/serve.rs:20 | 555500001100 server::main src/main.rs:10 | thread=server | tid=100 | pid=100 | crate=server
1 40000000 0 0 0 0 0 0 | 555500001100 server::main src/main.rs:10 | thread=child | tid=200 | pid=200 | crate=server
E
exits 'the same again' 0 rsprof-pprof small.rec
ok 'the same bytes' cmp out p.gz
grep -v -e ^heap -e ^off small.rec >cpu.rec
rsprof-pprof cpu.rec | decode | head -n 2 >got
same 'no types of what there is not' got <<'E'
types samples/count cpu/nanoseconds
default cpu
E
grep -v -e ^cpu -e ^off small.rec >heap.rec
rsprof-pprof heap.rec | decode | head -n 3 >got
same 'memory alone' got <<'E'
types alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes
default inuse_space
period -
E
sed 's/unit=ns/unit=page-faults/' cpu.rec >event.rec
rsprof-pprof event.rec | decode | head -n 3 >got
same 'another event than time' got <<'E'
types samples/count page-faults/count
default page-faults
period -
E
rsprof-store part.db <small.rec
rsprof-dump -s 1 -u 2.5 part.db | rsprof-pprof | decode | sed -n '/^time/p' >got
same 'a part of the time' got <<'E'
time 1700000002000000000 duration 1500000000
E

# ---- what may be off ---------------------------------------------------------------

doubtful >doubtful.rec
exits 'errors and ranges' 0 rsprof-pprof doubtful.rec
decode <out >all
grep -e '^comment .* memory is' -e '^comment .* memory of' -e '^comment the alloc' all >got
same 'of the sums, are said' got <<'E'
comment live memory is not known: between 312 and 957 bytes in 19 of 20 cases; of 1 of 2 stacks it is not known: they have the least that it can be
comment allocated memory is between 868 and 1446 bytes in 19 of 20 cases
comment live memory of all of server (100) is not known: between 370 and 1000 bytes
comment the allocator of server (100) has 800 bytes in use by its own state, older memory included
E
rsprof-store doubtful.db <doubtful.rec
sed -n 's/.*tid=\([0-9]*\).*inuse_min=\([0-9]*\).*inuse_max=\([0-9]*\).*/\1	\2	\3/p' all | sort >got
rsprof-query doubtful.db 'SELECT tid, live_min, live_max FROM heap_live ORDER BY 1' >want
same 'of each stack, are labels, as SQL has them' got want
ok 'what is not known has that label' [ "$(grep -c 'tid=101 .*inuse=not known' all)" = 1 ]
ok 'and nothing else' [ "$(grep -c 'inuse=not known' all)" = 1 ]
ok 'what is exact has none' sh -c '! rsprof-pprof small.rec | gzip -cd | grep -q inuse_m'
again >again.rec
rsprof-pprof again.rec | decode | awk -F ' [|] ' '/^[0-9]/ { split($1, v, " "); n += v[8] } END { print n }' >got
rsprof-store again.db <again.rec
rsprof-query again.db 'SELECT sum(live) FROM heap_live' >want
same 'a producer that attached again: what was live before does not count' got want
ok 'but what was allocated since' grep -qx 50 got

exits 'hostile names' 0 rsprof-pprof hostile.rec
decode <out >all
ok 'long ones are whole' [ "$(longest all)" = $LONGEST ]
sed 's/xxxx*/x/' all >got
says 'text' '</script><script>alert\(1\)</script> b.rs:2' got
says 'with all their characters' "$(printf '\033')\\[31mred\$" got
says 'in UTF-8' 'bad��utf8é b.rs:4' got

# The sums of a real recording.
echo | rsprof run -q -f -w -F 499 -o real.db -- "$B/target/family" 100 >log 2>&1
rsprof-dump real.db | rsprof-pprof 2>err | decode | awk -F ' [|] ' '
	/^types/ { n = split(substr($0, 7), name, " ") }
	/^[0-9-]/ { split($1, v, " "); for (i in v) sum[name[i]] += v[i] }
	END { for (i = 1; i <= n; i++) printf "%s %.0f\n", name[i], sum[name[i]] }' >got
{
	rsprof-query real.db "SELECT 'samples/count ' || count(*) FROM cpu; SELECT 'cpu/nanoseconds ' || sum(ns) FROM cpu"
	if [ "$(rsprof-query real.db 'SELECT count(*) FROM off')" != 0 ]; then
		rsprof-query real.db "SELECT 'waits/count ' || sum(count) FROM off; SELECT 'off_cpu/nanoseconds ' || sum(ns) FROM off"
	fi
	if [ "$(rsprof-query real.db 'SELECT count(*) FROM heap')" != 0 ]; then
		rsprof-query real.db "SELECT 'alloc_objects/count ' || sum(allocs) FROM heap;
			SELECT 'alloc_space/bytes ' || sum(bytes) FROM heap;
			SELECT 'inuse_objects/count ' || sum(count) FROM heap_live;
			SELECT 'inuse_space/bytes ' || sum(live) FROM heap_live"
	fi
} >want
same 'sums are those of the recording' got want

refuses rsprof-pprof
ok 'a whole gzip file' gzip -t whole
decode <dumped | sort >dumped.text
decode <whole | sort >whole.text
same 'is the same as what made it' dumped.text whole.text
done_testing

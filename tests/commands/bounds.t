#!/bin/sh
# Bounds (-x): figures of recordings made by hand, exact and estimated, and of names that are
# none, or more than one.
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1

# 1000 samples of 10 ms: 250 in parse, of which 50 in memcpy that it calls; 600 in main.
{
	rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=100 | unit=ns | pid=100
proc | 0 | 100 | 1 | server | /srv/server | ./server
thread | 0 | 100 | 100 | server
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | /src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | server::parse::parse | /src/parse.rs | 10 | user | 1 | server | - | -
frame | f3 | memcpy | - | - | libc | - | - | - | -
frame | f4 | syn::parse | /syn-1.0.1/lib.rs | 4 | dep | 1 | syn | 1.0.1 | -
frame | f5 | syn::lex | /syn-2.0.2/lib.rs | 4 | dep | 1 | syn | 2.0.2 | -
frame | f6 | <serde_json::Map<a::B> as Into<C>>::into | /serde_json-1.0.9/map.rs | 4 | dep | 1 | serde_json | 1.0.9 | <serde_json::Map<_> as Into<_>>::into
frame | f7 | server::idle | /src/idle.rs | 4 | user | 1 | server | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a2 | 5300 | f3 | 0
stack | 54 | 51 | a1 | 5400 | f4 | 0
stack | 55 | 51 | a1 | 5500 | f5 | 0
stack | 56 | 51 | a1 | 5600 | f6 | 0
stack | 57 | 51 | a1 | 5700 | f7 | 0
E
	awk 'BEGIN {
		for (i = 0; i < 1000; i++) {
			s = i % 20
			s = s < 4 ? 52 : s < 5 ? 53 : s < 6 ? 54 : s < 7 ? 55 : s < 8 ? 56 : 51
			printf "cpu\t%.0f\t100\t100\t%d\t10000000\n", (i + 1) * 10000000, s
		}
		print "end\t10000000001\tcpu\tduration"
	}'
} >cpu.rec
rsprof-store cpu.db <cpu.rec || exit 1

# heap SAMPLE ERRORS: 1200 allocations by parse_header, 30 by memcpy for it; all known, or
# estimates.
heap() {
	rec <<E
rsprof | 1 | heap | mono=0 | wall=1767225600000000000 | pid=100 | sample=$1
proc | 0 | 100 | 1 | server | /srv/server | ./server
thread | 0 | 100 | 100 | server
module | a1 | beef | /srv/server
module | a2 | cafe | /usr/lib/libc.so.6
frame | f1 | server::main | /src/main.rs | 3 | user | 1 | server | - | -
frame | f2 | server::parse::parse_header | /src/parse.rs | 10 | user | 1 | server | - | -
frame | f3 | memcpy | - | - | libc | - | - | - | -
stack | 51 | - | a1 | 5100 | f1 | 0
stack | 52 | 51 | a1 | 5200 | f2 | 0
stack | 53 | 52 | a2 | 5300 | f3 | 0
heap | 1000000000 | 100 | 100 | 51 | allocs=10 | bytes=1000 | live=1000 | count=10 | peak=1000
heap | 1000000000 | 100 | 100 | 52 | allocs=1200 | bytes=120000 | live=50000 | count=500 | peak=60000$2
heap | 1000000000 | 100 | 100 | 53 | allocs=30 | bytes=300 | live=0 | count=0 | peak=300 | temps=30
memory | 1000000000 | 100 | live=51000 | count=510 | peak=61000 | rss=900000 | anon=800000 | allocs=1240 | bytes=121300 | frees=730 | freed=70300 | unknown=0 | covered=1000000000 | hits=2000 | cost=1000
end | 1000000000 | heap | duration
E
}
heap 0 '' >heap.rec
rsprof-store heap.db <heap.rec || exit 1
heap 4096 ' | live_err=5000 | bytes_err=9000' >sampled.rec
rsprof-store sampled.db <sampled.rec || exit 1

# check STATUS BOUND RECORDING PATTERN: what is said of it, whichever the table is.
check() {
	case $3 in heap | sampled) metric=heap ;; *) metric=cpu ;; esac
	exits "$2 of $3.db" "$1" rsprof-top -x "$2" $metric "$3.db"
	says 'is said' "$4"
	one_line 'in one line'
}

# ---- time: shares with their bounds, of names and of all
check 0 'cpu:parse::parse<30%' cpu \
	'^rsprof-top: kept: cpu:parse::parse<30%: 25\.0 % \(95 %: 22\.3 to 27\.8 %, by sampling alone\)$'
check 7 'cpu:parse::parse<20%' cpu '^rsprof-top: broken: cpu:parse::parse<20%: 25\.0 %'
check 0 'cpu:parse::parse<26%' cpu '^rsprof-top: undecided: cpu:parse::parse<26%: 25\.0 %'
check 0 'cpu:parse::parse>20%' cpu kept
check 7 'cpu:server<=99%' cpu 'broken: .*: 100\.0 %'
check 0 'cpu.self:server<90%' cpu 'kept: .*: 85\.0 %'
check 0 'cpu.self:parse::parse<30%' cpu 'kept: .*: 25\.0 %'
check 0 'cpu.self:memcpy<10%' cpu 'kept: .*: 5\.0 %'
check 0 'cpu:serde-json<9%' cpu 'kept: .*: 5\.0 %'
check 0 'cpu:<serde_json::Map<_> as Into<_>>::into<9%' cpu 'kept: .*: 5\.0 %'
check 0 'cpu:syn 2.0.2<9%' cpu 'kept: .*: 5\.0 %'
check 0 'cpu:server::parse::parse<3s' cpu 'kept: .*: 2\.500 s \(95 %: 2\.234 to 2\.7'
check 0 'total<10.1s' cpu 'kept: .*: 10\.000 s \(95 %: 10\.000 to 10\.010 s'
check 7 'total<9s' cpu broken
check 0 'cpu:idle<1%' cpu 'kept: .*: 0\.0 % \(95 %: 0\.0 to 0\.4 %'
check 0 'cpu:idle<0.1%' cpu undecided
exits 'undecided is as bad, if asked for' 7 rsprof-top -X -x 'cpu:idle<0.1%' cpu cpu.db
exits 'in a part of the time' 0 rsprof-top -s 1 -u 2 -x 'total<1.1s' cpu cpu.db
says 'it is that of the part' 'kept: .*: 1\.000 s'

# ---- memory: to the unit, or as far as it is known
check 0 'allocs:parse_header<=1230' heap '^rsprof-top: kept: allocs:parse_header<=1230: 1230$'
check 7 'allocs:parse_header<=1229' heap '^rsprof-top: broken: allocs:parse_header<=1229: 1230$'
check 0 'allocs.self:main=10' heap 'kept: .*: 10$'
check 0 'allocs=1240' heap 'kept: .*: 1240$'
check 0 'live<64M' heap 'kept: .*: +50K \(51000 bytes\)$'
check 7 'live:server<=50999' heap 'broken: .*: 50K \(51000 bytes\)$'
check 0 'temps:server=30' heap 'kept: .*: 30$'
check 7 'peak<50000' heap broken
check 0 'live:parse_header<100K' sampled 'kept: .*: 49K \(50000 bytes\) \(95 %: '
check 0 'live:parse_header<50001' sampled undecided
check 7 'live:parse_header<1K' sampled broken
check 0 'allocs:parse_header<10' sampled 'undecided: .*: 1230, an estimate whose error is not known$'

# ---- several: all are checked, the worst counts
exits 'several' 7 rsprof-top -x 'live<1' -x 'allocs=1240' -x 'live:nobody<5' heap heap.db
same 'a line for each' err <<'E'
rsprof-top: broken: live<1: 50K (51000 bytes)
rsprof-top: kept: allocs=1240: 1240
rsprof-top: not checked: live:nobody<5: no function or crate "nobody" in the recording
E
rsprof-top heap heap.db >table
same 'beside the table' out table
exits 'beside JSON' 7 rsprof-top -f json -x 'live<1' heap heap.db
rsprof-top -f json heap heap.db >table
same 'which is the same' out table

# ---- names
check 2 'cpu:parse<20%' cpu \
	'not checked: .*"parse" is more than one: .*server::parse::parse of /srv/server'
check 2 'cpu:syn<20%' cpu 'more than one: syn (1\.0\.1; syn 2\.0\.2|2\.0\.2; syn 1\.0\.1)$'
check 2 'cpu:pasre<20%' cpu '"pasre" in the recording; near misses: server::parse::parse, syn::parse$'
check 2 'allocs:parse_heade<20' heap 'near misses: server::parse::parse_header$'
check 2 'allocs:x<20' heap 'no function or crate "x" in the recording$'

sed "s/server::idle/server::i$(printf '\033')[31mdle/; s/server::parse::parse/server::$(printf '\033')[31m::parse/" \
	cpu.rec | rsprof-store hostile.db || exit 1
for x in 'cpu:idel<5%' 'cpu:parse<5%'; do
	exits "hostile names: $x" 2 rsprof-top -x "$x" cpu hostile.db
	ok 'do not reach the terminal' sh -c '! grep -q "$(printf "\\033")" err'
done

# ---- what was not recorded, or only in part
check 1 'live<5' cpu 'not checked: live<5: no memory was recorded$'
exits 'no time' 1 rsprof-top -x 'cpu:main<5%' heap heap.db
says 'is said' 'not checked: cpu:main<5%: no time was recorded$'
check 1 'off:main<5%' cpu 'no time off the CPU was recorded'
rec >empty.rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100
end | 1000000000 | cpu | duration
E
rsprof-store empty.db <empty.rec || exit 1
check 0 'total<1s' empty 'kept: .*: 0\.000 s'
head -n 200 cpu.rec | rsprof-store cut.db || exit 1
check 0 'cpu:main>50%' cut kept

# ---- bad ones
for x in '' live 'live<' 'liv<5' 'cpu:a<20' 'cpu<5%' 'cpu:<5%' 'cpu:a:+5%' 'total:+5%' 'cpu:a:+x%'; do
	exits "bad: $x" 2 rsprof-top -x "$x" cpu cpu.db
	one_line 'in one line'
	ok 'and nothing else' [ ! -s out ]
done
says 'what is wrong with the last, and where' \
	'^rsprof-top: bad bound cpu:a:\+x%: at "\+x%": not a change'

done_testing

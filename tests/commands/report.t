#!/bin/sh
# rsprof-report: what it says of recordings made by hand, in all formats, judged by a JSON
# validator and a Markdown renderer; and of recordings that have hardly anything.
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
schema=$ROOT/lib/profile/report.schema.json

# Twelve functions with time; memory by two; two CPUs that are waited for.
recording() {
	awk -v what="$1" 'BEGIN {
		OFS = "\t"
		print "rsprof", 1, what, "mono=0", "wall=1767225600000000000", "hz=100",
		    "pid=100", "host=box", what == "cpu" ? "unit=ns" : "unit=bytes"
		print "proc", 0, 100, 1, "server", "/srv/server", "./server -p 80"
		print "thread", 0, 100, 100, "server"
		print "module", "a1", "beef", "/srv/server"
		print "module", "a2", "cafe", "/usr/lib/libc.so.6"
		print "frame", "f0", "server::main", "/src/main.rs", 3, "user", 1, "server", "-", "-"
		print "frame", "fe", "core::slice::sort", "/rustc/1/library/core/slice.rs", 3,
		    "std", 1, "core", "-", "-"
		print "frame", "ff", "memcpy", "-", "-", "libc", "-", "-", "-", "-"
		print "stack", "50", "-", "a1", "5000", "f0", 0
		for (i = 1; i <= 12; i++) {
			f = sprintf("%x", i)
			print "frame", "f" f, "server::part" i "::work", "/src/part" i ".rs", 10 * i,
			    "user", 1, "server", "-", "-"
			print "stack", "1" f, "50", "a1", "10" f, "f" f, 0
			print "stack", "2" f, "1" f, "a1", "20" f, "fe", 0
			print "stack", "3" f, "2" f, "a2", "30" f, "ff", 0
		}
		if (what == "cpu") cpu(); else heap()
	}
	function cpu(    i, j) {
		for (i = 1; i <= 12; i++)
			for (j = 0; j < 5 * (13 - i); j++)
				printf "cpu\t%.0f\t100\t100\t%d%x\t10000000\n", ++n * 10000000,
				    1 + j % 3, i
		for (j = 0; j < 20; j++)
			printf "cpu\t%.0f\t100\t100\t?no-stack\t10000000\n", ++n * 10000000
		print "cost", "4000000000", "cpu", 40000000, 5000000
		print "note", 1000000, "cpu", "time in the kernel is not counted"
		printf "end\t%.0f\tcpu\tduration\n", 4100000000
	}
	function heap(    i) {
		for (i = 1; i <= 4; i++) {
			t = sprintf("%.0f", i * 1000000000)
			print "heap", t, 100, 100, "31", "allocs=10", "bytes=10000",
			    "live=" i * 10000, "count=" i * 10, "peak=" i * 10000
			print "heap", t, 100, 100, "32", "allocs=1000", "bytes=50000", "frees=1000",
			    "freed=50000", "temps=1000", "live=0", "count=0", "peak=50"
			print "memory", t, 100, "live=" i * 10000, "count=" i * 10, "peak=" i * 10000,
			    "rss=900000", "anon=800000", "allocs=" i * 1010, "bytes=" i * 60000,
			    "frees=" i * 1000, "freed=" i * 50000, "unknown=0",
			    "covered=" t, "hits=" i * 2010, "cost=" i * 1000
		}
		print "end", "4100000000", "heap", "duration"
	}'
}
recording cpu >cpu.rec
recording heap >heap.rec
rsprof-store cpu.db <cpu.rec || exit 1
rsprof-store heap.db <heap.rec || exit 1
cat cpu.rec heap.rec | rsprof-store both.db || exit 1

# valid FILE: it is what the schema describes.
if python3 -c 'import jsonschema' 2>/dev/null; then python=python3
elif /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then python=/usr/bin/python3
else python=; fi
validates() {
	$python -W ignore -c 'import json, jsonschema, sys
jsonschema.Draft7Validator(json.load(open(sys.argv[1]))).validate(json.load(open(sys.argv[2])))' \
		"$schema" "$1"
}
valid() {
	if [ -n "$python" ]; then ok "$1 is valid" validates "$2"
	else skip "$1: no jsonschema for Python"; fi
}

# renders FILE TABLES CELLS: as so many tables, and columns of the first; no other markup from
# names: no link, no picture, no other element.
renders() {
	cmark-gfm -e table -e autolink -e strikethrough --unsafe "$1" >html || return
	[ "$(grep -c '<table>' html)" = "$2" ] || return
	[ "$(sed -n '/<thead>/,/<\/thead>/p' html | grep -c '<th')" = $(($3 + 1)) ] || return
	for cells in $(awk '/<tr>/ { n = 0 } /<t[dh][ >]/ { n++ } /<\/tr>/ { print n }' html | sort -u); do
		[ "$cells" = "$3" ] || return
	done
	! sed 's/<\/\{0,1\}\(h3\|ul\|li\|p\|code\|strong\|table\|thead\|tbody\|tr\|t[hd]\)\( align="right"\)\{0,1\}>//g' html |
		grep '[<>]'
}
rendered() {
	if command -v cmark-gfm >/dev/null; then ok "$1 is rendered as one table" renders "$2" 1 "$3"
	else skip "$1: no cmark-gfm"; fi
}

# ---- text
COLUMNS=100
exits 'a report' 0 rsprof-report both.db
same 'is this page' out <<'E'
server (pid 100): ./server -p 80
Recorded for 4.100 s at 100 Hz on box, from 2026-01-01 00:00:00 +0000
CPU 4.100 s (1.00 cores), 410 samples, 95.1 % of stacks complete, nothing lost; cost 1.0 % of a core
Heap 39K live in 40, peak 39K, resident 879K; 234K allocated in 4040, 99.0 % of them temporary; exa…

CPU time: the hottest functions, with the runtime code that works for them
 Self%  Total%  Function
  14.6    14.6  server::part1::work            /src/part1.rs:10
        by server::main
  13.4    13.4  server::part2::work            /src/part2.rs:20
        by server::main
  12.2    12.2  server::part3::work            /src/part3.rs:30
        by server::main
  11.0    11.0  server::part4::work            /src/part4.rs:40
        by server::main
   9.8     9.8  server::part5::work            /src/part5.rs:50
        by server::main
   8.5     8.5  server::part6::work            /src/part6.rs:60
        by server::main
   7.3     7.3  server::part7::work            /src/part7.rs:70
        by server::main
   6.1     6.1  server::part8::work            /src/part8.rs:80
        by server::main
   4.9     4.9  server::part9::work            /src/part9.rs:90
        by server::main
   3.7     3.7  server::part10::work           /src/part10.rs:100
        by server::main
beside them 4.9 % [no-stack]

Memory: who holds most; grown: since the first quarter of the time
  Live   Grown     Count  Function
   39K    +29K        40  server::part1::work  /src/part1.rs:10

Memory: who allocates most; temp: freed with no allocation in between
 Alloc     Allocs  Temp%  Function
  195K       4000  100.0  server::part2::work  /src/part2.rs:20
   39K         40    0.0  server::part1::work  /src/part1.rs:10

Next
  rsprof view both.db                                      # look around in it
  rsprof top -g source -N server::part1::work cpu both.db  # its lines, and what each takes
  rsprof top -l 10s heap both.db                           # memory that has been live for long
E
for f in text json markdown; do
	exits "$f" 0 rsprof-report -f $f both.db
	mv out first
	rsprof-report -f $f both.db >out
	same 'again: the same bytes' out first
	ok "$f to a full disk" sh -c "! rsprof-report -f $f both.db >/dev/full"
done
unset COLUMNS
rsprof-report both.db | cat >wide
COLUMNS=120 rsprof-report both.db >out
same 'it is 120 columns wide without a terminal' out wide
exits 'a part of it' 0 rsprof-report -s 1 -u 2 both.db
says 'has its time' '^CPU 1\.000 s' out

# ---- for programs
exits 'as JSON' 0 rsprof-report -f json both.db
cp out both.json
valid 'it' both.json
ok 'has the same figures as the tables' [ "$("${python:-python3}" -c '
import json, subprocess
report = json.load(open("both.json"))
top = json.loads(subprocess.check_output(["rsprof-top", "-n0", "-f", "json", "heap", "both.db"]))
rows = {r["name"]: r["self"] for r in top["rows"]}
assert len(report["memory"]["allocates"]) == 2 and len(report["time"]["hottest"]) == 10
for r in report["memory"]["holds"] + report["memory"]["allocates"]:
    for key in rows[r["function"]].keys() & r.keys():
        assert r[key] == rows[r["function"]][key], key
top = json.loads(subprocess.check_output(["rsprof-top", "-n0", "-f", "json", "cpu", "both.db"]))
rows = {r["function"]: r["total_ns"] for r in top["rows"]}
for r in report["time"]["hottest"]:
    assert r["total_ns"] == rows[r["function"]] == r["self_ns"] and r["callers"] == ["server::main"]
print("good")' 2>&1)" = good ]
exits 'as Markdown' 0 rsprof-report -f markdown both.db
rendered 'it' out 7
says 'with the hottest function' '^\|14\.6 \|14\.6 \|39K \|39K \|40 \|`server::part1::work` \|`/src/part1\.rs:10` \|$' out

# ---- never more than a page: everything at once
rec >much.rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=100 | unit=ns | pid=100 | off=1000
E
{
	recording cpu | sed 1d | sed '/^end/d'
	for i in 1 2 3 4 5 6; do
		printf 'off\t1000000000\t100\t100\t1%d\t100000000\t1\tsleeping\n' $i
	done
	printf 'lost\t3000000000\tcpu\t70\tring-full\nend\t4100000000\tcpu\tduration\n'
} >>much.rec
recording heap | sed '/^end/d' >>much.rec
for i in 3 4 5 6 7 8 9 a b c; do
	printf 'heap\t4000000000\t100\t100\t3%s\tallocs=1\tbytes=100\tlive=100\tcount=1\tpeak=100\n' $i
done >>much.rec
printf 'lost\t3000000000\theap\t7\tlive-full\nend\t4100000000\theap\tduration\n' >>much.rec
rsprof-store much.db <much.rec || exit 1
exits 'everything at once' 0 rsprof-report much.db
ok 'is a page' [ "$(wc -l <out)" -le 60 ]
ok 'a full one' [ "$(wc -l <out)" -ge 58 ]
says 'with what is wrong' '^Warning: 77 records were lost' out
says 'with waits' '^Waiting: 0\.600 s of all threads in 6 waits$' out
says 'with the tenth function' '^ *3\.7 ' out
rsprof-report -f json much.db >much.json
valid 'its JSON' much.json

# ---- those that have hardly anything
rec >empty.rec <<'E'
rsprof | 1 | cpu | mono=0 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100
end | 1000000000 | cpu | duration
E
rsprof-store empty.db <empty.rec || exit 1
head -n 120 cpu.rec | rsprof-store cut.db || exit 1
cp cpu.db old.db
sqlite3 old.db 'DROP VIEW off_waits; DROP TABLE off; DROP VIEW frame_origins;
	DROP TABLE origin; PRAGMA user_version = 1'
cp heap.db old-heap.db
sqlite3 old-heap.db 'DROP VIEW memory_samples; DROP VIEW heap_samples; DROP VIEW heap_live;
	DROP TABLE heap_range; DROP TABLE memory_range; PRAGMA user_version = 4'
sqlite3 both.db 'SELECT 1' >/dev/null
cp both.db none.db
sqlite3 none.db 'DELETE FROM stream; DELETE FROM cpu; DELETE FROM heap; DELETE FROM memory;
	DELETE FROM meta'
for db in cpu heap empty cut old old-heap none; do
	exits "$db: text" 0 rsprof-report $db.db
	ok 'no word on standard error' [ ! -s err ]
	exits "$db: JSON" 0 rsprof-report -f json $db.db
	valid 'it' out
	exits "$db: Markdown" 0 rsprof-report -f markdown $db.db
done
rsprof-report empty.db >out
says 'what is empty says so' '^Warning: no samples' out
rsprof-report none.db >out
says 'so does what has nothing' '^Warning: nothing was recorded' out
rsprof-report old.db >out
says 'an older recording does not know whose code it is' '^CPU time: .*, of all code: none is known' out
says 'but has functions' '^ +4\.9 +14\.6 +server::part1::work' out
rsprof-report -f json heap.db >out
says 'the heap alone' '"time":null,' out
rsprof-report -f json cpu.db >out
says 'the time alone' '"memory":null,' out

# ---- hostile names
cat >names <<'E'
a|b
`code` and ``more``
\|x| \\
<script>alert(1)</script>
![p](http://x/y.png)
https://example.org/ www.example.org me@example.org
*a* _b_ ~~c~~ # d
&lt;&#124;
E
printf 'bell\a esc\033[31m \342\200\256rtl \303\050 bad\n' >>names
awk '{
	OFS = "\t"
	i++
	if (i == 1) {
		print "rsprof", 1, "cpu", "mono=0", "wall=1767225600000000000", "hz=100", "pid=100", "unit=ns"
		print "proc", 0, 100, 1, "a|b `c` <i>", "/x|y", "./a | b `c` <b>x</b> www.example.org"
		print "thread", 0, 100, 100, "server"
		print "module", "a1", "beef", "/srv/`a|b"
	}
	print "frame", "f" i, $0, "/src/" $0, i, "user", 1, "server", "-", "-"
	print "stack", "5" i, "-", "a1", "5" i, "f" i, 0
	for (j = 0; j < 30; j++)
		printf "cpu\t%.0f\t100\t100\t5%d\t10000000\n", ++n * 10000000, i
}
END { print "end\t3000000000\tcpu\tduration" }' names >hostile.rec
rsprof-store hostile.db <hostile.rec 2>err
exits 'hostile names in Markdown' 0 rsprof-report -f markdown hostile.db
ok 'there are some' [ "$(grep -c '^|[0-9]' out)" -ge 8 ]
rendered 'it' out 4
exits 'in JSON' 0 rsprof-report -f json hostile.db
valid 'it' out
exits 'in text' 0 rsprof-report hostile.db
ok 'nothing reaches the terminal' sh -c "! LC_ALL=C grep -q '[[:cntrl:]]' out"
mv hostile.db "it's; rm -rf x.db"
exits 'a hostile file' 0 rsprof-report "it's; rm -rf x.db"
says 'is quoted in commands' "^  rsprof view 'it'\\\\''s; rm -rf x\\.db' " out

# ---- usage
exits 'no argument' 2 rsprof-report
same 'usage' err <<'E'
usage: rsprof-report [-hV] [-f text|json|markdown] [-s SINCE] [-u UNTIL] FILE
E
exits 'two files' 2 rsprof-report both.db cpu.db
for o in '-f xml' '-s x' '-u 5 -s 5' '-u 0'; do
	# shellcheck disable=SC2086
	exits "bad option $o" 2 rsprof-report $o both.db
	one_line 'in one line'
done
exits 'no such file' 6 rsprof-report missing.db
one_line 'in one line'
echo text >text.db
exits 'no recording' 6 rsprof-report text.db
one_line 'in one line'
head -c 20000 both.db >damaged.db
exits 'a damaged one' 6 rsprof-report damaged.db
one_line 'in one line'
exits 'by the wrapper' 0 rsprof report both.db
rsprof-report both.db >want
same 'it is the same' out want

done_testing

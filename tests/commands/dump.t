#!/bin/sh
# rsprof-dump: a recording becomes the stream that made it, and that an equal recording.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
command -v sqlite3 >/dev/null || skip_all 'needs the sqlite3 shell'
cd "$T" || exit 1

# contents FILE: every table, in which ids stand for row numbers.
contents() {
	sqlite3 "$1" "
	CREATE TEMP VIEW task AS SELECT t.id, pid, tid FROM thread t JOIN process p ON p.id = process;
	SELECT 'meta', * FROM meta WHERE key <> 'version';
	SELECT 'stream', * FROM stream;
	SELECT 'process', pid, ppid, name, exe, command, began, ended FROM process ORDER BY began, pid;
	SELECT 'thread', pid, t.tid, t.name, t.began, t.ended FROM thread t JOIN process p ON p.id = process
		ORDER BY t.began, pid, t.tid;
	SELECT 'module', hash, buildid, path FROM module ORDER BY hash;
	SELECT 'map', time, pid, \"start\", \"end\", offset, m.hash FROM map
		LEFT JOIN module m ON m.id = module LEFT JOIN process p ON p.id = process ORDER BY map.rowid;
	SELECT 'frame', frame.hash, fn.text, fi.text, line, class, \"column\", cr.text, ve.text, fo.text
		FROM frame LEFT JOIN string fn ON fn.id = function LEFT JOIN string fi ON fi.id = file
		LEFT JOIN class ON class.frame = frame.id LEFT JOIN origin o ON o.frame = frame.id
		LEFT JOIN string cr ON cr.id = o.crate LEFT JOIN string ve ON ve.id = o.version
		LEFT JOIN string fo ON fo.id = o.folded ORDER BY 2;
	SELECT 'stack', s.hash, up.hash, m.hash, s.offset, f.hash, s.inlined, s.cut FROM stack s
		LEFT JOIN stack up ON up.id = s.parent LEFT JOIN module m ON m.id = s.module
		LEFT JOIN frame f ON f.id = s.frame ORDER BY 2;
	SELECT 'cpu', time, pid, tid, hash, ns, cpu.cut FROM cpu LEFT JOIN task ON task.id = thread
		LEFT JOIN stack s ON s.id = stack ORDER BY cpu.rowid;
	SELECT 'off', time, pid, tid, hash, ns, count, state, off.cut FROM off
		LEFT JOIN task ON task.id = thread LEFT JOIN stack s ON s.id = stack ORDER BY off.rowid;
	SELECT 'probe', time, pid, layer, function, hash, offset, how FROM probe
		LEFT JOIN process p ON p.id = process LEFT JOIN module m ON m.id = module
		ORDER BY probe.rowid;
	SELECT 'age', time, pid, tid, hash, born, bytes, count, age.cut FROM age
		LEFT JOIN task ON task.id = thread LEFT JOIN stack s ON s.id = stack ORDER BY age.rowid;
	SELECT 'lost', * FROM lost; SELECT 'cost', * FROM cost; SELECT 'note', * FROM note;"
	# Whatever columns these have.
	for table in heap memory; do
		columns=$(sqlite3 "$1" "SELECT group_concat('h.' || name) FROM pragma_table_info('$table')
			WHERE name NOT IN ('thread', 'stack', 'process')")
		case $table in
		heap) join='LEFT JOIN task ON task.id = h.thread LEFT JOIN stack s ON s.id = h.stack' who=pid,tid,s.hash ;;
		memory) join='LEFT JOIN process p ON p.id = h.process' who=pid ;;
		esac
		sqlite3 "$1" "CREATE TEMP VIEW task AS SELECT t.id, pid, tid FROM thread t
			JOIN process p ON p.id = process;
			SELECT '$table', $who, $columns FROM $table h $join ORDER BY h.rowid"
	done
}

# round NAME FILE: it is dumped, stored and dumped again.
round() {
	rm -f again.db
	exits "$1: dumped" 0 rsprof-dump "$2"
	cp out once
	exits 'stored' 0 rsprof-store again.db <once
	same 'without a word' err </dev/null
	exits 'dumped again' 0 rsprof-dump again.db
	ok 'the same bytes' cmp once out
	contents "$2" >contents.old
	contents again.db >contents.new
	same 'an equal recording' contents.new contents.old
}

# ---- all that a stream can hold ------------------------------------------------

rec >all.rec <<'E'
rsprof | 1 | cpu | mono=1000 | wall=5000000 | hz=99 | unit=ns | pid=100 | host=box | kernel=6.1 | arch=x86_64
rsprof | 1 | heap | mono=1003 | wall=5000004 | sample=0 | pid=100
proc | 1100 | 100 | 1 | server | /srv/server | ./server -v
thread | 1100 | 100 | 100 | server
thread | 1200 | 100 | 101 | wor\tker\\
module | a1 | beef | /srv/server
module | a2 | - | [kernel]
module | a3 | f00d | /nothing/of/it/is/used
map | 1200 | 100 | 400000 | 500000 | 1000 | a1
note | 1200 | cpu | a\ttab and a \\
probe | 1300 | 100 | rust | __rust_alloc | a1 | 14b20 | emulated
probe | 1300 | 100 | libc | - | - | 14b20 | stepped
frame | f1 | main | /src/main.rs | 10 | user | 3 | server | - | -
frame | f2 | <Vec<T>>::push | /src/vec.rs | 20 | std | 5 | alloc | 1.75.0 | Vec<_>::push
frame | f3 | \- | - | - | - | - | - | - | -
frame | f4 | nobody calls it | - | 3 | libc | - | - | - | -
frame | f5 | - | - | - | user | - | - | - | -
stack | 51 | - | a1 | 1000 | f1 | 0
stack | 52 | 51 | a1 | 2000 | f2 | 1
stack | 53 | ?copy-end | a1 | 3000 | f5 | 0
stack | 54 | 53 | a2 | ffffffff81000000 | f3 | 0
stack | ffffffffffffffff | 52 | a1 | 2100 | - | 0
cpu | 2000 | 100 | 100 | 51 | 10
cpu | 3000 | 100 | 101 | 52 | 20
off | 3000 | 100 | 101 | 52 | 900 | 2 | sleeping
off | 3000 | 100 | 101 | ?short | 80 | 33 | ready
heap | 3000 | 100 | 101 | 52 | allocs=12 | bytes=4096 | frees=3 | freed=1024 | temps=2 | inplace=1 | moved=2 | copied=30 | samples=4 | sizes=8:11,10:1 | lives=14:2,21:1 | live=3072 | count=9 | peak=4096
heap | 3000 | 100 | 101 | ?sites-full | allocs=1 | bytes=7 | live=7 | count=1 | peak=7
memory | 3000 | 100 | live=3079 | count=10 | peak=4096 | rss=2101248 | anon=131072 | allocs=13 | bytes=4103 | frees=3 | freed=1024 | unknown=1 | covered=1000 | hits=30 | cost=24000
proc | 3100 | 200 | 100 | child | /srv/child | child
thread | 3100 | 200 | 200 | child
cpu | 3200 | 200 | 200 | 53 | 5
exit | 3500 | 200 | -
cpu | 4000 | 100 | 101 | 54 | 30
cpu | 3990 | 100 | 101 | ?no-stack | 40
heap | 4500 | 100 | 101 | 52 | frees=1 | freed=72 | live=3000 | count=8 | peak=4096 | bytes_err=3 | live_err=30
heap | 4500 | 100 | 101 | ?sites-full | allocs=2 | bytes=9 | live=8 | count=2 | peak=8 | live_min=7 | live_max=9 | bytes_min=8 | bytes_max=10
memory | 4500 | 100 | live=3008 | count=10 | peak=4096 | allocs=2 | bytes=9 | bytes_err=3 | live_err=30 | live_min=3000 | live_max=3100 | bytes_min=8 | bytes_max=10 | inuse=4000 | period=64
exit | 4600 | 100 | 101
thread | 4700 | 100 | 101 | again
cpu | 4800 | 100 | 101 | 54 | 50
proc | 4900 | 100 | 1 | next | /srv/next | ./next
cpu | 5000 | 100 | 100 | 51 | 60
lost | 5000 | cpu | 7 | ring-full
cost | 5000 | cpu | 500 | 4096
age | 5900 | 100 | 101 | 52 | 2000 | 3000 | 8
end | 6000 | heap | duration
end | 6001 | cpu | stopped
E
rsprof-store all.db <all.rec 2>err || exit 1
round 'all that there is' all.db

# What stands in the stream and in no other order, or is not repeated, is the same.
rsprof-dump all.db | grep -v -e ^stack | sort >got
grep -v -e ^stack all.rec | sort >want
diff want got | grep '^[<>]' | sed 's/	[0-9]*	/	TIME	/' >out
same 'what is added are the threads of what ends, and what executes another program' out <<'E'
> exit	TIME	200	200
> exit	TIME	100	-
> exit	TIME	100	100
> exit	TIME	100	101
< frame	f3	\-	-	-	-	-	-	-	-
> frame	f3	\-	-	-
> thread	TIME	100	100	server
> thread	TIME	100	101	again
E

# ---- continued, by a producer on a clock that began anew -----------------------

cp all.db continued.db
rec <<'E' | rsprof-store -a continued.db 2>err || exit 1
rsprof | 1 | cpu | mono=10 | wall=5010000 | hz=49 | pid=300
proc | 20 | 300 | 1 | other | /srv/other | ./other
thread | 20 | 300 | 300 | other
stack | 51 | - | a1 | 1000 | f1 | 0
cpu | 30 | 300 | 300 | 51 | 10
end | 40 | cpu | exited
E
round 'one that was continued' continued.db
ok 'each stream on its own clock' grep -q "^cpu	30	300	300	51	10$" once

# Of memory, by a producer that attached to the same process again, with errors and ranges.
{ doubtful; again | tail -n 3; } | rsprof-store twice.db 2>err || exit 1
round 'memory, by a producer that attached again' twice.db
ok 'with ranges' grep -q 'live_min=370	live_max=1000' once
ok 'two streams of it' [ "$(grep -c '^rsprof	1	heap' once)" = 2 ]

# ---- cut off, or of nothing but a header ---------------------------------------

head -n 1 all.rec | rsprof-store header.db || exit 1
round 'nothing but a header' header.db
sed '/^end/d; 40,$d' all.rec >cut.rec
rsprof-store cut.db <cut.rec || exit 1
round 'one that was cut off' cut.db
ok 'it has no end' sh -c '! grep ^end once'

# ---- what producers write -------------------------------------------------------

echo | rsprof run -q -f -w -F 499 -o family.db -- "$B/target/family" 100 >log 2>&1
ok 'children, waits and memory, as far as one may here' [ -s family.db ]
round 'a real one' family.db
launch "$B/target/journal" >log
rsprof-growth -d 1 -p "$launched" 2>log | rsprof-sym 2>>log | rsprof-store growth.db 2>>log
if [ -e growth.db ]; then
	round 'page faults' growth.db
else
	skip 'page faults cannot be recorded here'
fi

# heap NAME OPTION...: what rsprof-heap records with these options.
heap() {
	what=$1
	shift
	rsprof-heap -d 1.5 -p "$launched" "$@" 2>log | rsprof-sym 2>>log | rsprof-store "$what.db" 2>>log
	[ -e "$what.db" ] && [ "$(sqlite3 "$what.db" 'SELECT count(*) FROM heap')" != 0 ]
}
launch "$B/target/ledger" >log
if heap every -b 100; then round 'live heap, every allocation' every.db; else skip 'not here'; fi
if heap windows -b 1 -P; then
	round 'live heap, in windows of time' windows.db
	ok 'it has ranges' grep -q '^heap.*live_max=' once
else
	skip 'not here'
fi
if heap inside -I -s 4096; then
	round 'live heap, sampled inside the process' inside.db
	ok 'it has errors' grep -q '^heap.*live_err=' once
else
	skip 'not here'
fi

# ---- imported ------------------------------------------------------------------

rec <<'E' | sed 's/^+/	    /' >perf.txt
my prog  4242/4243  [001]  1000.000001:    1000000 cpu-clock:u:
+55d0c0e1f001 core::ptr::read (inlined)
+55d0c0e1f001 server::parse::<u8>+0x1f (/srv/my server)
+55d0c0e10001 server::main+0x1 (/srv/my server)

swapper     0 [000]  1000.500000:    3000000 cpu-clock:u:
+ffffffff81000000 [unknown] ([kernel.kallsyms])
E
rsprof-import perf.txt | rsprof-store perf.db
round 'imported from perf' perf.db
printf 'main;a b;<x as y>::z 3\nmain 4\n' | rsprof-import -u ns | rsprof-store folded.db
round 'imported from folded stacks' folded.db

# ---- many -----------------------------------------------------------------------

awk 'BEGIN {
	OFS = "\t"
	print "rsprof", 1, "cpu", "mono=0", "wall=1"
	print "proc", 0, 1, 0, "p", "/p", "p"
	print "module", "a1", "beef", "/p"
	for (i = 1; i <= 50000; i++) {
		s = sprintf("%x", i)
		print "frame", s, "f" i % 3000, "f.rs", i
		print "stack", s, (i > 1 ? sprintf("%x", int(i / 2)) : "-"), "a1", s, s, 0
		if (i % 1000 == 1)
			print "thread", i, 1, i, "t" i
		print "cpu", i, 1, i - (i - 1) % 1000, s, i
	}
	print "end", i, "cpu", "done"
}' | rsprof-store many.db || exit 1
round 'fifty thousand samples' many.db
ok 'all of them' [ "$(grep -c ^cpu once)" = 50000 ]

# ---- a part ---------------------------------------------------------------------

# part OPTION...: what is in it, without definitions.
part() { rsprof-dump "$@" all.db | grep -v -e ^frame -e ^module -e ^stack -e ^map -e ^rsprof; }
exits 'a range' 0 rsprof-dump -s 0.0000024 -u 0.0000037 all.db
says 'its header says which' 'pid=100	host=box	kernel=6.1	arch=x86_64	from=3400	to=4700$' out
part -s 0.0000024 -u 0.0000037 >got
same 'what is live when it begins, and what happens in it' got <<'E'
proc	1100	100	1	server	/srv/server	./server -v
thread	1100	100	100	server
thread	1200	100	101	wor\tker\\
note	1200	cpu	a\ttab and a \\
probe	1300	100	rust	__rust_alloc	a1	14b20	emulated
probe	1300	100	libc	-	-	14b20	stepped
proc	3100	200	100	child	/srv/child	child
thread	3100	200	200	child
heap	3399	100	101	52	live=3072	count=9	peak=4096
heap	3399	100	101	?sites-full	live=7	count=1	peak=7
memory	3399	100	live=3079	count=10	peak=4096	rss=2101248	anon=131072
exit	3500	200	200
exit	3500	200	-
cpu	4000	100	101	54	30
cpu	3990	100	101	?no-stack	40
heap	4500	100	101	52	frees=1	freed=72	live=3000	count=8	peak=4096	bytes_err=3	live_err=30
heap	4500	100	101	?sites-full	allocs=2	bytes=9	live=8	count=2	peak=8	live_min=7	live_max=9	bytes_min=8	bytes_max=10
memory	4500	100	live=3008	count=10	peak=4096	allocs=2	bytes=9	bytes_err=3	live_err=30	live_min=3000	live_max=3100	bytes_min=8	bytes_max=10	inuse=4000	period=64
exit	4600	100	101
end	4699	heap	duration
end	4699	cpu	stopped
E
rsprof-dump -s 4.2 twice.db >got
ok 'where a producer attached again, only what it has seen is live' [ "$(rsprof-fold -m live got |
	sed 's/.* //')" = 50 ]
ok 'as by SQL' [ "$(rsprof-query twice.db 'SELECT sum(live) FROM heap_live')" = 50 ]
rsprof-dump -s 3 twice.db >got
ok 'before that, what was live then' [ "$(grep -c '^heap	4000000000' got)" = 2 ]
part -p 200 >got
same 'a process' got <<'E'
note	1200	cpu	a\ttab and a \\
proc	3100	200	100	child	/srv/child	child
thread	3100	200	200	child
cpu	3200	200	200	53	5
exit	3500	200	200
exit	3500	200	-
lost	5000	cpu	7	ring-full
cost	5000	cpu	500	4096
end	6000	heap	duration
end	6001	cpu	stopped
E
part -t again | grep -e ^thread -e ^cpu -e ^off -e ^heap -e ^memory >got
same 'a thread by its name' got <<'E'
thread	4700	100	101	again
cpu	4800	100	101	54	50
thread	4900	100	101	again
E
ok 'by its number' [ "$(part -t 100 | grep -c ^cpu)" = 2 ]
rsprof-dump -t again all.db | cut -f 1,2 | grep -e ^stack -e ^frame >got
same 'only what it refers to' got <<'E'
frame	f5
stack	53
frame	f3
stack	54
frame	f1
stack	51
frame	f2
stack	52
E
rsprof-dump -s 0.0000024 -u 0.0000037 all.db | rsprof-store part.db
round 'a part of one' part.db
ok 'a part is a recording, too' [ "$(sqlite3 part.db 'SELECT sum(ns) FROM cpu')" = 70 ]

# ---- what is wrong -------------------------------------------------------------

exits 'no file' 2 rsprof-dump
exits 'two files' 2 rsprof-dump a b
exits 'a range that ends before it begins' 2 rsprof-dump -s 2 -u 1 all.db
exits 'no time' 2 rsprof-dump -s x all.db
exits 'no process' 2 rsprof-dump -p x all.db
exits 'a file that is not there' 6 rsprof-dump nosuch.db
says 'is named' '^rsprof-dump: nosuch.db: No such file or directory$'
exits 'a file that is no recording' 6 rsprof-dump all.rec
exits 'a full disk' 1 sh -c 'rsprof-dump many.db >/dev/full'
says 'is told' '^rsprof-dump: cannot write: No space left on device$'
exits 'a reader that goes away' 0 sh -c 'rsprof-dump many.db | head -n 1 >/dev/null'
cp all.db damaged.db
sqlite3 damaged.db "UPDATE stack SET parent = id WHERE hash = 83;
	UPDATE off SET state = NULL WHERE ns = 900; UPDATE cpu SET thread = 99 WHERE ns = 10;
	UPDATE heap SET sizes = 'x' WHERE allocs = 12; UPDATE stream SET attributes = 'a' || char(10)
	WHERE producer = 'heap'"
exits 'damaged rows' 1 rsprof-dump damaged.db
same 'are counted' err <<'E'
rsprof-dump: damaged.db: 5 rows are damaged: they are left out, or incomplete
E
cp out left.rec
exits 'what is left' 0 rsprof-store left.db <left.rec
ok 'is a recording' [ "$(sqlite3 left.db 'SELECT sum(ns) FROM cpu')" = 205 ]

# An older recording has fewer tables.
cp all.db old.db
sqlite3 old.db "DROP VIEW heap_sites; DROP VIEW heap_samples; DROP VIEW heap_live; DROP VIEW heap_ages;
	DROP VIEW heap_sizes; DROP VIEW heap_lives; DROP VIEW frame_origins; DROP VIEW off_waits;
	DROP TABLE off; DROP TABLE class; DROP TABLE probe; DROP TABLE heap; DROP TABLE age;
	DROP TABLE memory; DROP TABLE origin; PRAGMA user_version = 1"
exits 'a recording of version 1' 0 rsprof-dump old.db
ok 'its samples' [ "$(grep -c ^cpu out)" = "$(grep -c ^cpu all.rec)" ]

# ---- while it is written ---------------------------------------------------------

mkfifo pipe
rsprof-store live.db <pipe &
own $!
exec 3>pipe
cat cut.rec >&3
stored() { [ "$(rsprof-query live.db 'SELECT count(*) FROM cpu' 2>/dev/null)" = "$1" ]; }
ok 'stored' await 60 stored "$(grep -c ^cpu cut.rec)"
exits 'one that is being written' 0 rsprof-dump live.db
cp out got
rsprof-dump cut.db >want
same 'is what it has so far' got want
exec 3>&-
done_testing

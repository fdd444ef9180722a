#!/bin/sh
# rsprof-store: what is in the recording, and what is left of it whatever
# happens.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

command -v sqlite3 >/dev/null || skip_all "needs the sqlite3 shell"

# What a recording says: one row a line, columns separated by |.
q() { sqlite3 "file:$1?mode=ro" "$2"; }

if nobody test -x "$B/rsprof-store"; then reach=1; else reach=; fi

cd "$T" || exit 1
H='rsprof | 1 | cpu | mono=1000 | wall=5000000 | hz=99 | unit=ns | pid=100 | host=box | kernel=6.1 | arch=x86_64'

rec >good.rec <<E
$H
proc | 1100 | 100 | 1 | server | /srv/server | ./server -v
thread | 1100 | 100 | 100 | server
thread | 1200 | 100 | 101 | worker
module | a1 | beef | /srv/server
map | 1200 | 100 | 400000 | 500000 | 1000 | a1
frame | f1 | main | /src/main.rs | 10
frame | f2 | work | /src/work.rs | 20
stack | 51 | - | a1 | 1000 | f1 | 0
stack | 52 | 51 | a1 | 2000 | f2 | 1
stack | 53 | ?copy-end | a1 | 3000 | - | 0
cpu | 2000 | 100 | 100 | 51 | 10
cpu | 3000 | 100 | 101 | 52 | 20
cpu | 4000 | 100 | 101 | 53 | 30
cpu | 5000 | 100 | 101 | ?no-stack | 40
off | 5000 | 100 | 101 | 52 | 900 | 2 | sleeping
off | 5000 | 100 | 101 | ?short | 80 | 33 | ready
lost | 5000 | cpu | 7 | ring-full
cost | 5000 | cpu | 500 | 4096
note | 5000 | cpu | a\ttab
end | 6000 | cpu | duration
E

rec >undefined.rec <<E
$H
cpu | 2000 | 100 | 100 | 99 | 10
cpu | 2000 | 100 | 100 | 99 | 10
cpu | 2000 | 100 | 101 | 98 | 10
stack | 61 | 97 | b1 | 1000 | f9 | 0
cpu | 2000 | 100 | 100 | 61 | 10
thread | 2000 | 200 | 200 | other
map | 2000 | 300 | 1 | 2 | 0 | b2
exit | 2000 | 400 | 401
exit | 2000 | 400 | -
E

# ---- usage
exits 'no argument' 2 rsprof-store
same 'usage' err <<'E'
usage: rsprof-store [-afhV] [-K FILES] [-p FD] [-R DURATION] [-r FD] FILE
E
exits 'two files' 2 rsprof-store a b
exits 'unknown option' 2 rsprof-store -x a
exits '-a and -f' 2 rsprof-store -af a
exits 'version' 0 rsprof-store -V
says 'version said' '^rsprof-store [0-9]' out
ok 'version to a full disk' sh -c '! rsprof-store -V >/dev/full'

# ---- what is stored
exits 'a good stream' 0 rsprof-store a.db <good.rec
same 'no word' err </dev/null
echo a.db* >list; same 'one plain file' list <<'E'
a.db
E
q a.db 'PRAGMA journal_mode; PRAGMA integrity_check; PRAGMA foreign_key_check' >got
same 'whole' got <<'E'
delete
ok
E
q a.db 'SELECT key, value FROM meta WHERE key <> "version"' >got
same 'meta' got <<'E'
arch|x86_64
command|./server -v
exe|/srv/server
host|box
hz|99
kernel|6.1
name|server
pid|100
start|5000000
E
q a.db 'SELECT * FROM stream; SELECT * FROM process; SELECT * FROM thread;
	SELECT * FROM module; SELECT * FROM map; SELECT * FROM lost;
	SELECT * FROM cost; SELECT * FROM note' | tr '\t' '~' >got
same 'everything but stacks, times from the start' got <<'E'
1|cpu|-1000|mono=1000~wall=5000000~hz=99~unit=ns~pid=100~host=box~kernel=6.1~arch=x86_64|0|5000|duration
1|100|1|server|/srv/server|./server -v|100|
1|1|100|server|100|
2|1|101|worker|200|
1|161|beef|/srv/server
200|1|4194304|5242880|4096|1
4000|cpu|7|ring-full
4000|cpu|500|4096
4000|cpu|a~tab
E
q a.db 'SELECT * FROM stack; SELECT * FROM cpu; SELECT * FROM off' >got
same 'the tree, the samples and the waits' got <<'E'
1|81||1|4096|1|0|
2|82|1|1|8192|2|1|
3|83||1|12288||0|copy-end
1000|1|1|10|
2000|2|2|20|
3000|2|3|30|
4000|2||40|no-stack
4000|2|2|900|2|sleeping|
4000|2||80|33|ready|short
E
q a.db 'SELECT * FROM cpu_samples' >got
same 'a view for people' got <<'E'
1.0e-06|100|100|server|10|main|/src/main.rs|10|1|
2.0e-06|100|101|worker|20|work|/src/work.rs|20|2|
3.0e-06|100|101|worker|30|/srv/server+0x3000|||3|copy-end
4.0e-06|100|101|worker|40|||||no-stack
E
q a.db 'SELECT * FROM off_waits' >got
same 'another one' got <<'E'
4.0e-06|100|101|worker|900|2|sleeping|work|/src/work.rs|20|2|
4.0e-06|100|101|worker|80|33|ready|||||short
E

# ---- an existing file
cp a.db old.db
exits 'a recording is not overwritten' 6 rsprof-store a.db <good.rec
says 'what to do' '^rsprof-store: a.db: a recording exists already \(-f replaces it, -a continues it\)$'
one_line 'in one line'
ok 'untouched' cmp a.db old.db
exits 'replaced with -f' 0 rsprof-store -f a.db <good.rec
q a.db 'SELECT count(*), sum(ns) FROM cpu' >got
same 'anew' got <<'E'
4|100
E
sed '1s/mono=1000/mono=2000/; 1s/wall=5000000/wall=5009000/' good.rec >later.rec
exits 'continued with -a' 0 rsprof-store -a a.db <later.rec
q a.db 'SELECT count(*), sum(ns) FROM cpu; SELECT time FROM cpu WHERE rowid = 5;
	SELECT count(*) FROM stack; SELECT count(*) FROM frame;
	SELECT count(*) FROM string; SELECT count(*) FROM module;
	SELECT count(*) FROM process; SELECT count(*) FROM thread;
	SELECT id, began, ended FROM stream;
	SELECT value FROM meta WHERE key = "start"' >got
ok 'one plain file' test ! -e a.db-wal
same 'both are there, definitions once, times from the same start' got <<'E'
8|200
9000
3
2
4
1
1
2
1|0|5000
2|9000|13000
5000000
E
exits 'created with -a' 0 rsprof-store -a new.db <good.rec
ok 'the same as without' cmp -s new.db old.db

echo 'some text, longer than the header of an SQLite file: it has a hundred bytes, as everybody should know, and so on' >text
: >empty
cp old.db other.db
printf 'abcd' | dd of=other.db bs=1 seek=68 conv=notrunc 2>/dev/null
head -c 60 old.db >short.db
for f in text empty other.db short.db; do
	cp "$f" before
	for o in '' -f -a; do
		# shellcheck disable=SC2086
		exits "$f is no recording${o:+ with $o}" 6 \
		    rsprof-store $o "$f" <good.rec
		says 'it is named' "^rsprof-store: $f: .*(not a recording|there is a rec)"
		one_line 'in one line'
	done
	ok 'untouched' cmp "$f" before
done

mkdir dir
exits 'a directory' 6 rsprof-store dir <good.rec
says 'said' '^rsprof-store: dir: is a directory$'
mkfifo fifo
exits 'a FIFO' 6 rsprof-store -f fifo <good.rec
says 'said' '^rsprof-store: fifo: not a regular file$'
exits 'no such directory' 6 rsprof-store nodir/a.db <good.rec
says 'said' '^rsprof-store: nodir/a.db: No such file or directory$'
one_line 'in one line'
for f in ':memory:' 'file:x?mode=memory' 'a%41?b#c' '-'; do
	exits "a file named $f" 0 rsprof-store -- "$f" <good.rec
	ok 'is that file' test "$(q "./$(echo "$f" | sed 's/%/%25/g; s/?/%3f/g; s/#/%23/g')" 'SELECT sum(ns) FROM cpu')" = 100
done

if [ "$reach" ]; then
	mkdir ro && cp old.db ro && chmod 555 ro && chmod 444 ro/old.db
	exits 'a directory without permission' 6 nobody rsprof-store ro/a.db <good.rec
	says 'said' '^rsprof-store: ro/a.db: Permission denied$'
	exits 'a file without permission' 6 nobody rsprof-store -a ro/old.db <good.rec
	says 'said' '^rsprof-store: ro/old.db: Permission denied$'
	one_line 'in one line'
	ok 'untouched' cmp ro/old.db old.db
	chmod 755 ro
else
	skip 'permissions: nobody cannot reach the programs'
fi

cp old.db newer.db
printf '\000\000\000\006' | dd of=newer.db bs=1 seek=60 conv=notrunc 2>/dev/null
cp newer.db before
exits 'a newer schema' 6 rsprof-store -a newer.db <good.rec
says 'said' '^rsprof-store: newer.db: recording of a newer rsprof \(schema 6, this one reads 5\)$'
ok 'untouched' cmp newer.db before

# What version 1 made; its tables and views are those of now but for some.
cp old.db v1.db
sqlite3 v1.db 'DROP VIEW off_waits; DROP TABLE off; DROP VIEW heap_sites;
	DROP VIEW heap_samples; DROP VIEW heap_live; DROP VIEW heap_ages;
	DROP VIEW heap_sizes; DROP VIEW heap_lives;
	DROP TABLE heap; DROP TABLE age; DROP TABLE memory; DROP TABLE probe;
	DROP TABLE class; DROP VIEW frame_origins; DROP TABLE origin;
	DROP VIEW memory_samples; DROP TABLE heap_range; DROP TABLE memory_range;
	PRAGMA user_version = 1'
exits 'an older schema is continued' 0 rsprof-store -a v1.db <later.rec
q v1.db 'PRAGMA user_version; PRAGMA application_id; SELECT count(*) FROM cpu;
	SELECT ns, count FROM off; PRAGMA integrity_check' >got
same 'and becomes one of now' got <<'E'
5
1920168038
8
900|2
80|33
ok
E
q v1.db 'SELECT type, name, sql FROM sqlite_master ORDER BY name' >got
q a.db 'SELECT type, name, sql FROM sqlite_master ORDER BY name' >want
same 'with the same schema' got want

# ---- where code is from
rec >origin.rec <<'E'
rsprof | 1 | cpu | mono=1000 | wall=5000000
proc | 1000 | 7 | 1 | prog | /prog | prog
thread | 1000 | 7 | 8 | worker
module | a1 | b1 | /prog
frame | f1 | prog::make | /src/prog.rs | 3 | user | 9 | prog | - | -
frame | f2 | <alloc::vec::Vec<u8>>::push | /vec.rs | 4 | std | - | alloc | 1.75.0 | Vec<_>::push
frame | f3 | old | /src/old.rs | 5 | user
stack | c1 | - | a1 | 10 | f1 | 0
stack | c2 | c1 | a1 | 20 | f2 | 1
stack | c3 | c2 | a1 | 30 | f3 | 0
cpu | 2000 | 7 | 8 | c3 | 10
end | 3000 | cpu | duration
E
exits 'where code is from' 0 rsprof-store origin.db <origin.rec
q origin.db 'SELECT * FROM frame_origins' >got
same 'is stored, where it is told' got <<'E'
1|9|prog||prog::make
2||alloc|1.75.0|Vec<_>::push
E

# ---- the heap
rec >heap.rec <<'E'
rsprof | 1 | heap | mono=1000 | wall=5000000 | unit=bytes | sample=0
proc | 1000 | 7 | 1 | prog | /prog | prog
thread | 1000 | 7 | 8 | worker
module | a1 | b1 | /prog
frame | f1 | prog::make | /src/prog.rs | 3 | user
frame | f2 | alloc::vec::Vec<T>::push | - | - | std
stack | c1 | - | a1 | 10 | f1 | 0
stack | c2 | c1 | a1 | 20 | f2 | 1
probe | 1100 | 7 | rust | __rust_alloc | a1 | 30 | emulated
heap | 2000 | 7 | 8 | c2 | allocs=3 | bytes=300 | frees=1 | freed=100 | temps=1 | sizes=6:3 | lives=10:1 | live=200 | count=2 | peak=300
exit | 2500 | 7 | 8
heap | 3000 | 7 | 8 | c2 | frees=1 | freed=100 | lives=11:1 | live=100 | count=1 | peak=300 | later=1
heap | 3000 | 7 | 8 | ?no-stack | allocs=1 | bytes=5 | live=5 | count=1 | peak=5
age | 3000 | 7 | 8 | c2 | 1500 | 100 | 1
memory | 3000 | 7 | live=105 | count=2 | peak=305 | rss=4096 | anon=2048 | allocs=4 | bytes=305 | unknown=1 | covered=2000 | hits=9 | cost=4500
heap | 3000 | 7 | 8 | c2 | allocs=9223372036854775808
end | 4000 | heap | stopped
E
exits 'a heap' 1 rsprof-store heap.db <heap.rec
says 'but for what does not fit' '<stdin>:16: number out of range'
q heap.db 'SELECT heap.time, tid, stack.offset, allocs, bytes, frees, freed, temps,
	live, count, peak, sizes, lives, heap.cut FROM heap
	LEFT JOIN thread ON thread.id = thread LEFT JOIN stack ON stack.id = heap.stack;
	SELECT time, born, bytes, count FROM age;
	SELECT time, live, count, peak, rss, anon, allocs, bytes, unknown, covered,
	hits, cost FROM memory;
	SELECT probe.time, pid, layer, function, path, offset, how FROM probe
	JOIN process ON process.id = process JOIN module ON module.id = module;
	SELECT text, class FROM class JOIN frame ON frame.id = frame
	JOIN string ON string.id = function ORDER BY 1;
	SELECT function, thread, sum(allocs), sum(bytes) FROM heap_samples
	WHERE function IS NOT NULL GROUP BY 1, 2;
	SELECT function, seconds, live, count, site, stack, cut FROM heap_live ORDER BY 1;
	SELECT function, born, bytes FROM heap_ages;
	SELECT least, count FROM heap_sizes; SELECT least, count FROM heap_lives' >got
same 'is stored' got <<'E'
1000|8|32|3|300|1|100|1|200|2|300|6:3|10:1|
2000|8|32|0|0|1|100|0|100|1|300||11:1|
2000|8||1|5|0|0|0|5|1|5|||no-stack
2000|500|100|1
2000|105|2|305|4096|2048|4|305|1|2000|9|4500
100|7|rust|__rust_alloc|/prog|48|emulated
alloc::vec::Vec<T>::push|std
prog::make|user
prog::make|worker|3|300
|2.0e-06|5|1|||no-stack
prog::make|2.0e-06|100|1|1|2|
prog::make|5.0e-07|100
64|3
1024|1
2048|1
E

# ---- what is left beside a file that was removed
cp old.db gone.db
sqlite3 gone.db 'PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;
	UPDATE cpu SET ns = 1000' '.shell cp gone.db-wal saved-wal' >/dev/null
rm -f gone.db gone.db-*
cp saved-wal gone.db-wal
exits 'a log of another file' 0 rsprof-store gone.db <good.rec
ok 'is not taken for its own' test "$(q gone.db 'SELECT sum(ns) FROM cpu')" = 100

# ---- descriptors that are closed
exits 'no stdin' 1 sh -c 'exec rsprof-store closed.db <&-'
says 'said' '^rsprof-store: <stdin>: Bad file descriptor$'
cp old.db closed.db
rsprof-store -a closed.db <undefined.rec >&- 2>&-
ok 'no stdout, no stderr' test $? = 1
q closed.db 'PRAGMA integrity_check; SELECT sum(ns) FROM cpu' >got
same 'and no words in the file' got <<'E'
ok
140
E

# ---- what is no stream
exits 'an empty stream' 1 rsprof-store no.db </dev/null
says 'said' '^rsprof-store: <stdin>: empty stream$'
exits 'not a stream' 1 rsprof-store no.db <text
says 'said' '^rsprof-store: <stdin>:1: not a record stream of rsprof$'
exits 'bytes' 1 rsprof-store no.db <old.db
one_line 'in one line'
printf 'rsprof\t2\tcpu\tmono=1\twall=2\n' >v2.rec
exits 'a newer version' 1 rsprof-store no.db <v2.rec
says 'said' '^rsprof-store: <stdin>:1: stream of a newer rsprof'
tail -n +2 good.rec >headless.rec
exits 'no header' 1 rsprof-store no.db <headless.rec
ok 'no file was made' test ! -e no.db

# ---- bad lines
{ cat good.rec; printf 'cpu\t1\t2\ncpu\tx\t100\t100\t51\t1\n\n'
  printf 'cpu\t9000\t100\t100\t51\t1000\ncpu\t18446744073709551615\t100\t100\t51\t1\n'
  printf 'cpu\t1\t100\t99999999999\t51\t1\ncpu\t1\t100\t100\t51\t18446744073709551615\n'
  printf 'off\t1\t100\t99999999999\t51\t1\t1\tdisk\n'
  printf 'off\t1\t100\t100\t51\t18446744073709551615\t1\tdisk\n'
  printf 'off\t1\t100\t100\t51\t1\t18446744073709551615\tdisk\n'
  printf 'cpu\t9000\t100\t100\t51'; } >bad.rec
exits 'bad lines' 1 rsprof-store bad.db <bad.rec
same 'each with its number' err <<'E'
rsprof-store: <stdin>:22: too few fields
rsprof-store: <stdin>:23: bad number
rsprof-store: <stdin>:24: no record type
rsprof-store: <stdin>:26: time out of range
rsprof-store: <stdin>:27: thread out of range
rsprof-store: <stdin>:28: nanoseconds out of range
rsprof-store: <stdin>:29: thread out of range
rsprof-store: <stdin>:30: nanoseconds out of range
rsprof-store: <stdin>:31: count out of range
rsprof-store: <stdin>:32: truncated line
E
q bad.db 'SELECT count(*), sum(ns) FROM cpu' >got
same 'all the good ones are there' got <<'E'
5|1100
E
{ cat good.rec; yes cpu | head -100; } >bad.rec
exits 'many bad lines' 1 rsprof-store -f bad.db <bad.rec
ok 'twenty and a summary' test "$(wc -l <err)" = 21
says 'how many' '^rsprof-store: <stdin>: 80 more bad lines$'
# Where all frames are runtime frames the innermost is charged.  A frame that is not
# named is no runtime frame.
rec >runtime.rec <<E
rsprof | 1 | heap | mono=1000 | wall=5000000 | unit=bytes | sample=0
proc | 1000 | 7 | 1 | prog | /prog | prog
thread | 1000 | 7 | 8 | worker
module | a1 | b1 | /prog
frame | f1 | start | - | - | libc
frame | f2 | alloc::vec::Vec<T>::push | - | - | std
stack | c1 | - | a1 | 10 | f1 | 0
stack | c2 | c1 | a1 | 20 | f2 | 1
stack | c3 | - | a1 | 30 | - | 0
stack | c4 | c3 | a1 | 40 | f2 | 0
heap | 2000 | 7 | 8 | c2 | allocs=1 | bytes=9 | sizes=0:2
heap | 2000 | 7 | 8 | c4 | allocs=1 | bytes=9
E
exits 'runtime' 0 rsprof-store runtime.db <runtime.rec
q runtime.db 'SELECT stack, site FROM heap_sites; SELECT function FROM heap_samples;
	SELECT least, count FROM heap_sizes' >got
same 'something is always charged' got <<'E'
2|2
4|3
alloc::vec::Vec<T>::push
/prog+0x30
0|2
E

{ cat good.rec; printf 'later\t1\t2\nlater\n'; } >future.rec
exits 'unknown types are no error' 0 rsprof-store future.db <future.rec
says 'but told' '^rsprof-store: <stdin>: 2 records of types .* not stored$'

# ---- references to nothing
exits 'undefined' 1 rsprof-store undefined.db <undefined.rec
same 'once for each kind' err <<'E'
rsprof-store: <stdin>:2: undefined thread
rsprof-store: <stdin>:2: undefined process
rsprof-store: <stdin>:2: undefined stack
rsprof-store: <stdin>:5: undefined module
rsprof-store: <stdin>:5: undefined frame
rsprof-store: <stdin>: undefined thread: 2 more of these
rsprof-store: <stdin>: undefined process: 3 more of these
rsprof-store: <stdin>: undefined stack: 2 more of these
rsprof-store: <stdin>: undefined module: 1 more of these
E
q undefined.db 'SELECT count(*), sum(ns), count(stack), count(thread) FROM cpu;
	SELECT hash, parent, cut FROM stack; PRAGMA foreign_key_check' >got
same 'every sample counts, the tree is whole' got <<'E'
4|40|4|4
153||undefined
152||undefined
151||undefined
97|3|undefined
E

rec >late.rec <<E
$H
proc | 1000 | 100 | 1 | p | /p | p
thread | 1000 | 100 | 100 | p
stack | 1 | 2 | a1 | 10 | f1 | 0
stack | 3 | 1 | a1 | 30 | - | 0
stack | 2 | - | a1 | 20 | - | 0
stack | 4 | 5 | a1 | 40 | - | 0
stack | 5 | 4 | a1 | 50 | - | 0
stack | 6 | 6 | a1 | 60 | - | 0
frame | f1 | one | one.rs | 1
module | a1 | beef | /p
cpu | 2000 | 100 | 100 | 1 | 10
E
exits 'defined later' 1 rsprof-store late.db <late.rec
says 'a circle is refused' '^rsprof-store: <stdin>:8: stack that is its own caller$'
says 'a small one too' '^rsprof-store: <stdin>:9: stack that is its own caller$'
q late.db 'SELECT stack.hash, caller.hash, stack.offset, stack.cut FROM stack
	LEFT JOIN stack caller ON caller.id = stack.parent ORDER BY 1;
	SELECT path FROM module; SELECT function FROM cpu_samples' >got
same 'and the whole path knows' got <<'E'
1|2|16|
2||32|
3|1|48|
4|5|64|undefined
5|||undefined
6|||undefined
/p
one
E

# ---- naming afterwards
rec >raw.rec <<E
$H
proc | 1000 | 100 | 1 | p | /p | p
thread | 1000 | 100 | 100 | p
module | a1 | beef | /p
stack | 1 | ?depth | a1 | 10 | - | 0
stack | 2 | 1 | a1 | 20 | - | 0
cpu | 2000 | 100 | 100 | 2 | 10
E
rec >named.rec <<E
$H
module | a1 | beef | /p
frame | f1 | outer | o.rs | 1
frame | f2 | inlined | i.rs | 2
stack | 1 | ?depth | a1 | 10 | f1 | 0
stack | 9 | 1 | a1 | 20 | f1 | 0
stack | 2 | 9 | a1 | 20 | f2 | 1
stack | 2 | 1 | a1 | 20 | - | 0
E
exits 'a raw stream' 0 rsprof-store raw.db <raw.rec
exits 'and its names' 0 rsprof-store -a raw.db <named.rec
q raw.db 'SELECT function, stack, parent, inlined, cut FROM frames' >got
same 'names are filled in, inlined frames between' got <<'E'
outer|1||0|depth
inlined|2|3|1|depth
outer|3|1|0|depth
E

# ---- two producers in one pipe
rec >two.rec <<E
$H
rsprof | 1 | heap | mono=1500 | wall=5000500 | unit=bytes
proc | 1100 | 100 | 1 | server | /srv/server | ./server -v
proc | 1600 | 100 | 1 | server | /srv/server | ./server -v
thread | 1100 | 100 | 100 | server
thread | 1600 | 100 | 100 | server
cpu | 2000 | 100 | 100 | ?no-stack | 10
end | 3000 | heap | stopped
end | 3500 | cpu | exited
E
exits 'two producers' 0 rsprof-store two.db <two.rec
q two.db 'SELECT id, producer, began, ended, how FROM stream;
	SELECT count(*) FROM process; SELECT count(*) FROM thread;
	SELECT time FROM cpu' >got
same 'one process, one clock, two ends' got <<'E'
1|cpu|0|2500|exited
2|heap|500|2000|stopped
1
1
1000
E

# ---- processes and threads come and go
rec >life.rec <<E
$H
proc | 1000 | 100 | 1 | sh | /bin/sh | sh
thread | 1000 | 100 | 100 | sh
thread | 1000 | 100 | 101 | old
thread | 1100 | 100 | 101 | new
cpu | 1200 | 100 | 101 | ?no-stack | 1
exit | 1300 | 100 | 101
cpu | 1250 | 100 | 101 | ?no-stack | 2
thread | 1400 | 100 | 101 | again
cpu | 1500 | 100 | 101 | ?no-stack | 4
proc | 1600 | 100 | 1 | ls | /bin/ls | ls
cpu | 1550 | 100 | 100 | ?no-stack | 8
cpu | 1700 | 100 | 100 | ?no-stack | 16
thread | 1700 | 100 | 100 | ls
cpu | 1800 | 100 | 100 | ?no-stack | 32
exit | 1900 | 100 | -
proc | 2000 | 100 | 1 | ls | /bin/ls | ls
thread | 2000 | 100 | 100 | ls
cpu | 2100 | 100 | 100 | ?no-stack | 64
E
exits 'lives' 0 rsprof-store life.db <life.rec
q life.db 'SELECT id, name, began, ended FROM process;
	SELECT thread.id, process, tid, name, began, ended, sum(ns) FROM thread
	JOIN cpu ON thread = thread.id GROUP BY 1;
	SELECT count(*) FROM thread' >got
same 'renamed, ended, executed, number used again' got <<'E'
1|sh|0|600
2|ls|600|900
3|ls|1000|
1|1|100|sh|0|600|8
2|1|101|new|0|300|3
3|1|101|again|400|600|4
4|2|100|ls|600|900|48
5|3|100|ls|1000||64
5
E

# The first producer is done with them when the second one comes to speak.
rec >lag.rec <<E
$H
rsprof | 1 | heap | mono=1000 | wall=5000000 | unit=bytes
proc | 1100 | 100 | 1 | p | /p | p
thread | 1100 | 100 | 100 | p
thread | 1200 | 100 | 101 | short
cpu | 1300 | 100 | 101 | ?no-stack | 1
exit | 1400 | 100 | 101
thread | 1350 | 100 | 101 | short
cpu | 1360 | 100 | 101 | ?no-stack | 2
exit | 1400 | 100 | 101
exit | 1500 | 100 | -
proc | 1150 | 100 | 1 | p | /p | p
thread | 1150 | 100 | 100 | p
cpu | 1450 | 100 | 100 | ?no-stack | 4
E
exits 'two producers, one late' 0 rsprof-store lag.db <lag.rec
q lag.db 'SELECT id, name, began, ended FROM process;
	SELECT thread.id, process, tid, name, began, ended, sum(ns) FROM thread
	JOIN cpu ON thread = thread.id GROUP BY 1;
	SELECT count(*) FROM thread' >got
same 'what has ended does not begin again' got <<'E'
1|p|100|500
1|1|100|p|100|500|4
2|1|101|short|200|400|3
2
E

rec >reused.rec <<E
$H
proc | 1000 | 100 | 1 | one | /one | one
exit | 1100 | 100 | -
thread | 1150 | 100 | 101 | late
proc | 1200 | 100 | 1 | two | /two | two
thread | 1200 | 100 | 101 | late
cpu | 1300 | 100 | 101 | ?no-stack | 1
E
exits 'a number used again' 0 rsprof-store reused.db <reused.rec
q reused.db 'SELECT process.name, thread.name, thread.began, thread.ended,
	sum(ns) FROM thread JOIN process ON process.id = process
	LEFT JOIN cpu ON thread = thread.id GROUP BY thread.id' >got
same 'a thread that was said late is not one of the new process' got <<'E'
one|late|100|100|
two|late|200||1
E

rec >again.rec <<E
rsprof | 1 | cpu | mono=1000 | wall=5009000 | pid=100
proc | 1100 | 100 | 7 | renamed | /srv/server | ./server -v
thread | 1100 | 100 | 100 | renamed
cpu | 2000 | 100 | 100 | ?no-stack | 1000
E
exits 'first a recording' 0 rsprof-store -f a.db <good.rec
exits 'then more of it, with another parent' 0 rsprof-store -a a.db <again.rec
q a.db 'SELECT ppid, name, ended FROM process;
	SELECT name, ended, sum(ns) FROM thread JOIN cpu ON thread = thread.id
	GROUP BY thread.id' >got
same 'is of the same process' got <<'E'
1|server|
renamed||1010
worker||90
E

# Two producers tell the same, at times that differ a little, and only what each says is in order.
rec >history.rec <<E
proc | 100000 | 100 | 1 | env | /bin/env | env server
thread | 100000 | 100 | 100 | env
proc | 101000 | 100 | 1 | server | /srv/server | ./server
thread | 101000 | 100 | 100 | server
thread | 102000 | 100 | 101 | worker
cpu | 103000 | 100 | 101 | ?no-stack | 1
proc | 104000 | 102 | 100 | server | /srv/server | ./server
thread | 104000 | 102 | 102 | server
proc | 105000 | 102 | 100 | child | /srv/child | child -x
thread | 105000 | 102 | 102 | child
cpu | 106000 | 102 | 102 | ?no-stack | 2
exit | 107000 | 102 | 102
exit | 107000 | 102 | -
exit | 108000 | 100 | 101
exit | 109000 | 100 | 100
exit | 109000 | 100 | -
proc | 110000 | 102 | 1 | child | /srv/child | child -x
thread | 110000 | 102 | 102 | child
cpu | 111000 | 102 | 102 | ?no-stack | 4
E
# merged SEED: both in one pipe, the one up to four records behind the other; samples of one.
merged() {
	echo "$H" | rec
	awk -v seed="$1" 'BEGIN { FS = OFS = "\t"; srand(seed) }
	{
		for (who = 1; who <= 2; who++) {
			time = $2
			$2 += int(41 * rand()) - 20
			if ($2 < last[who])
				$2 = last[who]
			last[who] = $2
			if (who == 1 || $1 != "cpu")
				told[who, ++n[who]] = $0
			$2 = time
		}
	}
	END {
		for (i[1] = i[2] = 1; i[1] <= n[1] || i[2] <= n[2];) {
			who = i[1] - i[2] > 3 ? 2 : i[2] - i[1] > 3 ? 1 : rand() < .5 ? 1 : 2
			if (i[who] > n[who])
				who = 3 - who
			print told[who, i[who]++]
		}
	}' history.rec
}
tasks() {
	q "$1" 'SELECT pid, ppid, name, exe, command, round(began / 1000.0), round(ended / 1000.0)
		FROM process ORDER BY began;
		SELECT pid, tid, thread.name, count(*), sum(ns) FROM thread JOIN process ON process.id = process
		LEFT JOIN cpu ON thread = thread.id GROUP BY thread.id ORDER BY thread.began;
		SELECT count(*) FROM thread JOIN process p ON p.id = process WHERE thread.ended > p.ended
		OR thread.ended < thread.began OR p.ended < p.began'
}
bad=
for seed in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	merged $seed >merged.rec
	rsprof-store -f merged.db <merged.rec || bad="$bad store"
	tasks merged.db >merged.$seed
	rsprof-dump merged.db | rsprof-store -f merged2.db
	tasks merged2.db | cmp -s - merged.$seed || bad="$bad dump-$seed"
	cmp -s merged.1 merged.$seed || bad="$bad $seed"
done
ok "two producers, in whatever order:$bad" [ -z "$bad" ]
same 'one history' merged.1 <<'E'
100|1|env|/bin/env|env server|99.0|100.0
100|1|server|/srv/server|./server|100.0|108.0
102|100|server|/srv/server|./server|103.0|104.0
102|100|child|/srv/child|child -x|104.0|106.0
102|1|child|/srv/child|child -x|109.0|
100|100|env|1|
100|100|server|1|
100|101|worker|1|1
102|102|server|1|
102|102|child|1|2
102|102|child|1|4
0
E

# ---- while it is written
mkfifo pipe
start() {
	rm -f live.db*
	rsprof-store live.db <pipe 2>err &
	store=$!
	own $store
	exec 3>pipe
	sed '/^end/d' good.rec >&3
	await 60 has 4
}
has() { [ "$(q live.db 'SELECT count(*) FROM cpu' 2>/dev/null)" = "$1" ]; }
ok 'an idle stream is committed' start
exits 'a second writer is refused' 6 rsprof-store -a live.db <good.rec
says 'said' '^rsprof-store: live.db: another program is writing this recording$'
exits 'also with -f' 6 rsprof-store -f live.db <good.rec
printf 'cpu\t9000\t100\t100\t51\t1000\n' >&3
ok 'and goes on' await 60 has 5
kill -INT "$store"
printf 'cpu\t9000\t100\t100\t51\t1000\n' >&3
ok 'SIGINT is not for a filter' await 60 has 6
exec 3>&-
wait "$store"; got=$?
ok 'end of file ends it' test $got = 0
echo live.db* >list; same 'one plain file' list <<'E'
live.db
E
for s in TERM HUP; do
	start
	printf 'cpu\t9000\t100\t100\t51\t1000\n' >&3
	await 60 has 5
	kill -$s $store; wait $store; got=$?
	exec 3>&-
	ok "SIG$s ends it with 1" test $got = 1
	says 'said' '^rsprof-store: stopped by a signal$'
	q live.db 'SELECT sum(ns) FROM cpu; PRAGMA journal_mode' >got
	same 'what there was is in one plain file' got <<'E'
1100
delete
E
done

# A signal that the caller ignores stays ignored, as under nohup(1).
rm -f live.db*
(trap '' HUP; exec rsprof-store live.db <pipe 2>err) &
store=$!
own $store
exec 3>pipe
sed "/^end/d" good.rec >&3
ok 'it has begun' await 60 test -e live.db
kill -HUP $store
exec 3>&-
wait $store; got=$?
ok 'an ignored SIGHUP stays ignored' test $got = 0
same 'and nothing is said' err /dev/null

# Callers that are defined late.
rm -f live.db*
rsprof-store live.db <pipe 2>err &
store=$!
own $store
exec 3>pipe
{ echo "$H"; echo 'stack | 2 | 1 | - | 20 | - | 0'
  echo 'stack | 3 | 2 | - | 30 | - | 0'; } | rec >&3
cuts() { [ "$(q live.db 'SELECT group_concat(cut) FROM stack' 2>/dev/null)" = "$1" ]; }
ok 'not defined yet' await 60 cuts undefined,undefined,undefined
echo 'stack | 1 | ?depth | - | 10 | - | 0' | rec >&3
ok 'a definition is for the whole path, in the same moment' \
    await 5 cuts depth,depth,depth
kill -9 $store
wait $store 2>/dev/null
exec 3>&-

# ---- killed at any moment
awk 'BEGIN {
	OFS = "\t"
	print "rsprof", 1, "cpu", "mono=0", "wall=1"
	print "proc", 0, 1, 0, "p", "/p", "p"
	print "module", "a1", "beef", "/p"
	for (i = 1; i <= 400000; i++) {
		if (i % 50 == 1) {
			s = sprintf("%x", i)
			print "frame", s, "f" i, "f.rs", i
			print "stack", s, (i > 5000 ? sprintf("%x", i - 5000) : "-"), "a1", s, s, 0
		}
		if (i % 1000 == 1)
			print "thread", i, 1, i, "t" i
		print "cpu", i, 1, i - (i - 1) % 1000, s, i
	}
}' >many.rec
for i in 1 2 3 4 5 6 7 8; do
	rm -f killed.db*
	rsprof-store killed.db <pipe 2>/dev/null &
	store=$!
	own $store
	exec 3>pipe
	cat many.rec >&3 2>/dev/null &
	own $!
	sleep "0.$(awk -v i=$i 'BEGIN { srand(); print int(rand() * 10) i }')"
	kill -9 $store 2>/dev/null
	exec 3>&-
	wait $store 2>/dev/null
	[ -e killed.db ] || { pass "kill $i: before there was a file"; continue; }
	# Whoever may write to it, as all readers try, rolls back what was half made.
	sqlite3 killed.db 'PRAGMA integrity_check; PRAGMA foreign_key_check;
		SELECT "hole" FROM cpu WHERE ns <> rowid LIMIT 1;
		SELECT "stack" FROM stack LEFT JOIN frame ON frame.id = frame
		WHERE frame.id IS NULL OR (parent IS NULL) <> (stack.id <= 100) LIMIT 1' >got
	same "kill $i: consistent, the first $(q killed.db 'SELECT count(*) FROM cpu') samples" got <<'E'
ok
E
	exits 'can be continued' 0 rsprof-store -a killed.db <good.rec
	ok 'all of it' test "$(q killed.db 'SELECT count(*) FROM cpu WHERE ns < 50 AND rowid <> ns')" = 4
	ok 'one plain file' test ! -e killed.db-wal
done

# ---- no room
full() {
	says 'the file is named' '^rsprof-store: .*full.db: '
	one_line 'in one line'
	q "$1" 'PRAGMA integrity_check; SELECT count(*) > 0 FROM cpu
		WHERE ns <> rowid' >got
	same 'what was committed is whole' got <<'E'
ok
0
E
}
(ulimit -f 10000; rsprof-store full.db <many.rec) >out 2>err
ok 'a limit on file size' test $? = 6
full full.db
(ulimit -f 1; rsprof-store none.db <many.rec) >out 2>err
ok 'not even the beginning' test $? = 6
says 'said' '^rsprof-store: none.db: File too large$'
ok 'nothing is left' test ! -e none.db
mkdir mnt
if mount -t tmpfs -o size=4m none mnt 2>/dev/null; then
	exits 'a full disk' 6 rsprof-store mnt/full.db <many.rec
	says 'said' 'the disk is full$'
	full mnt/full.db
	head -c 4000000 /dev/zero >mnt/zero 2>/dev/null
	rm mnt/full.db*
	head -c 4194304 /dev/zero >mnt/zero 2>/dev/null
	exits 'a disk that was full before' 6 rsprof-store mnt/a.db <good.rec
	says 'said' '^rsprof-store: mnt/a.db: No space left on device$'
	ok 'nothing is left' test ! -e mnt/a.db
	umount mnt
else
	skip 'a full disk: cannot mount a small one'
fi

# ---- progress
rec >progress.rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1767225600000000000 | hz=99 | unit=ns | pid=100
proc | 1000000000 | 100 | 1 | server | /srv/server | ./server
thread | 1000000000 | 100 | 100 | server
cpu | 1500000000 | 100 | 100 | ?no-stack | 10000000
cpu | 2500000000 | 100 | 100 | ?no-stack | 10000000
memory | 2600000000 | 100 | live=5000000 | count=1 | peak=5000000 | rss=1 | anon=1
cpu | 4500000000 | 100 | 100 | ?no-stack | 10000000
end | 4600000000 | cpu | duration
E
rsprof-store -p 3 progress.db <progress.rec 3>got
tr '\r' '\n' <got | sed "s/$(printf '\033')\[K//" >lines
same 'each second how far it has come, and in the end nothing' lines <<'E'

00:00:01  2 samples
00:00:03  3 samples  4.8M live
E
ok 'no such descriptor' sh -c '! rsprof-store -p 77 none.db <progress.rec'

done_testing

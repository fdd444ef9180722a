#!/bin/sh
# rsprof-query prints what a recording answers, and cannot change it.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
cd "$T" || exit 1

{
	printf 'rsprof\t1\tcpu\tmono=1000\twall=2000000000000000000\thz=99\n'
	printf 'proc\t1000\t42\t1\tserver\t/srv/server\t./server -x\n'
	printf 'thread\t1000\t42\t42\ta\\tb\\\\c\n'
	printf 'thread\t1000\t42\t43\t\\-\n'
	printf 'thread\t1000\t42\t44\t-\n'
	printf 'cpu\t1500\t42\t42\t?no-stack\t100\n'
	printf 'end\t2000\tcpu\tduration\n'
} | rsprof-store q.db || exit 1

exits 'rows' 0 rsprof-query q.db 'SELECT tid, name FROM thread ORDER BY tid'
same 'are lines of fields, written as in a record stream' "$T/out" <<'END'
42	a\tb\\c
43	\-
44	-
END
exits 'LF in a field' 0 rsprof-query q.db "SELECT 'a' || char(10) || 'b'"
same 'is escaped as well' "$T/out" <<'END'
a\nb
END
exits 'several statements' 0 rsprof-query q.db \
	'SELECT 1, 2; -- two
	SELECT 3;;'
same 'are all run' "$T/out" <<'END'
1	2
3
END
exits 'with -H' 0 rsprof-query -H q.db 'SELECT ns, cut FROM cpu_samples'
same 'the names come first' "$T/out" <<'END'
ns	cut
100	no-stack
END

# ---- formats ---------------------------------------------------------------

thing="SELECT 1 AS n, 'a,\"b' || char(10, 27, 9) || 'é' AS text, NULL AS none UNION ALL
	SELECT -20.5, '漢字', NULL"
exits 'csv' 0 rsprof-query -f csv q.db "$thing; SELECT 2"
printf 'n,text,none\n1,"a,""b\n\033\té",\n-20.5,漢字,\n2\n2\n' >want
same 'is RFC 4180, with names' "$T/out" want
exits 'json' 0 rsprof-query -f json q.db "$thing; SELECT 1e999 AS x; SELECT 1 AS x WHERE 0"
same 'is an array of objects for each statement' "$T/out" <<'END'
[
{"n":1,"text":"a,\"b\u000a\u001b\u0009é","none":null},
{"n":-20.5,"text":"漢字","none":null}
]
[
{"x":null}
]
[]
END
exits 'a table' 0 rsprof-query -f table q.db "$thing; SELECT tid, name FROM thread"
same 'is aligned, and moves no cursor' "$T/out" <<'END'
    n  text           none
    1  a,"b\n\x1b\té     -
-20.5  漢字              -
tid  name
 42  a\tb\c
 43  -
 44  -
END
exits 'tsv is what pipes get' 0 rsprof-query -f tsv q.db 'SELECT 1, 2'
rsprof-query q.db 'SELECT 1, 2' >want
same 'without being asked' "$T/out" want
if command -v script >/dev/null; then
	script -qec "rsprof-query q.db 'SELECT 1 AS one, 22 AS b'" /dev/null </dev/null |
		tr -d '\r' >"$T/out"
	same 'a terminal gets a table' "$T/out" <<'END'
one   b
  1  22
END
else
	skip 'no script(1)'
fi
exits 'another format: 2' 2 rsprof-query -f xml q.db 'SELECT 1'
says 'and those that there are' 'xml: no such format: csv, json, table or tsv$'

# ---- time ------------------------------------------------------------------

for_ever='WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'
exits 'what takes for ever is stopped: 6' 6 rsprof-query -t 200ms q.db "$for_ever"
says 'and said' '^rsprof-query: q.db: the query has taken as long as it may$'
exits 'what does not is not' 0 rsprof-query -t 1h q.db 'SELECT 1'
exits 'no duration: 2' 2 rsprof-query -t soon q.db 'SELECT 1'

exits 'nothing' 0 rsprof-query q.db 'SELECT 1 WHERE 0'
ok 'is no line' [ ! -s "$T/out" ]
exits 'a comment' 0 rsprof-query q.db '-- nothing'

# refused SQL: it is, with one line, and the file stays as it was.
cksum q.db >"$T/sum"
refused() {
	exits "refused: $1" 6 rsprof-query q.db "$1"
	one_line 'in a line'
	cksum q.db >"$T/now"
	same 'the file is as it was' "$T/now" "$T/sum"
}
refused 'DELETE FROM cpu'
refused 'PRAGMA query_only = 0; INSERT INTO meta VALUES (1, 2)'
refused 'PRAGMA journal_mode = WAL'
refused 'PRAGMA user_version = 9'
refused "ATTACH '$T/new.db' AS n"
refused "VACUUM INTO '$T/new.db'"
refused 'CREATE TEMP TABLE t(x)'
refused 'SELECT nosuch FROM cpu'
says 'SQLite'\''s words are passed on' '^rsprof-query: q.db: no such column: nosuch$'
refused 'SELEKT'
ok 'no file was made' [ ! -e new.db ]

echo text >text.db
for file in nosuch.db text.db "$T"; do
	exits "$file: 6" 6 rsprof-query "$file" 'SELECT 1'
	one_line 'in a line'
	says 'it is named' "^rsprof-query: $file: "
done
exits 'a full disk: 1' 1 sh -c 'rsprof-query q.db "SELECT 1" >/dev/full'
says 'it is said' '^rsprof-query: cannot write: No space left on device$'
exits 'SQL is missing: 2' 2 rsprof-query q.db
exits 'too much: 2' 2 rsprof-query q.db 'SELECT' 1
done_testing

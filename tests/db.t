#!/bin/sh
# The queries of rsprof-db(5) run as they stand there, and are right.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/tools/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
cd "$T" || exit 1

small >small.rec
{
	grep -v ^end small.rec | sed 's/\(^heap	2000000000	100	100.*\)/\1	sizes=6:10/'
	rec <<'E'
age | 3900000000 | 100 | 100 | 5 | 1900000000 | 200 | 2
age | 3900000000 | 100 | 100 | 5 | 3900000000 | 100 | 1
cost | 3900000000 | cpu | 31000000 | 18874368
E
	grep ^end small.rec
} | rsprof-store server.db || exit 1

# The blocks of the page, one a file.
awk '/^\.Sh EXAMPLES/ { on = 1 }
	/^\.Sh SEE/ { on = 0 }
	on && /^\.Bd/ { file = sprintf("query.%02d", ++n); inside = 1; next }
	/^\.Ed/ { inside = 0 }
	inside { print >file }' "$ROOT/man/rsprof-db.5"

# answers QUESTION: the next query of the page answers with standard input.
answers() {
	query=$((${query:-0} + 1))
	exits "$1" 0 sh "$(printf 'query.%02d' $query)"
	cp out got
	tr '|' '\t' >want
	same 'is answered' got want
}

answers 'lines by minute' <<'E'
minute|function|file|line|s
0|server::main|src/main.rs|10|0.04
0|server::parse|src/parse.rs|30|0.02
0|server::serve|src/serve.rs|25|0.010000001
E
answers 'processes by second' <<'E'
second|pid|cpus
0|100|0.055000001
2|200|0.04
E
answers 'functions with what they call' <<'E'
function|s
server::main|0.080000001
server::serve|0.040000001
server::parse|0.03
/lib/libc.so.6+0x7700|0.01
<alloc::vec::Vec<u8>>::push|0.01
malloc|0.01
E
answers 'callers' <<'E'
function|s
server::serve|0.02
E
answers 'crates' <<'E'
crate|version|percent
server|0.1.0|73.7
-|-|26.3
E
answers 'waits' <<'E'
thread|state|function|s|waits
worker|sleeping|server::serve|0.3|3
worker|ready|-|7.0e-07|9
E
answers 'who holds memory' <<'E'
thread|function|file|line|bytes|n
server|server::parse|src/parse.rs|30|300|3
worker|server::parse|src/parse.rs|30|70|1
E
answers 'what may have leaked' <<'E'
function|file|line|bytes|n
server::parse|src/parse.rs|30|200|2
E
answers 'what has grown' <<'E'
function|grown
server::parse|-300
E
answers 'sizes' <<'E'
least|allocations
64|10
E
answers 'why stacks are incomplete' <<'E'
cut|module|samples|s
copy-end|/lib/libc.so.6|1|0.01
no-stack|-|1|0.005
E
answers 'cost and loss' <<'E'
producer|cpu|memory|lost
cpu|0.031|18874368|7 ring-full
E
ok 'these are all' [ ! -e "$(printf 'query.%02d' $((query + 1)))" ]
done_testing

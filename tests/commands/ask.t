#!/bin/sh
# A recording changes over to sampling inside the process while it goes on: by the one word
# that rsprof-heap takes, and by a key of the live view, after one question.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/gated" ] || skip_all "no Rust compiler built $B/target/gated"
cd "$T" || exit 1
mkfifo in ask

slots() { "$B/oracle/gate" slots $pid; }
noted() { grep -q "^note.*$1" raw; }

# asked WORDS ARG...: records $pid into raw, and is asked that when it does, by descriptor 6.
asked() {
	words=$1
	shift
	: >raw
	rsprof-heap -A 6 -i 100ms "$@" -p $pid 6<ask >raw 2>err 7>&- &
	heap=$!
	own $heap
	exec 6>ask
	await 60 grep -q '^probe' raw
	printf '%s\n' "$words" >&6
}
# deaf: it has closed that descriptor.
deaf() { ! readlink "/proc/$heap/fd/"* | grep -qxF "$T/ask"; }

# ---- the word --------------------------------------------------------------

target "$B/target/gated" count 1
asked inside -s 16384
[ -s raw ] || skip_all "allocations cannot be probed here: $(head -n 1 err)"
ok 'it is asked: that is noted' await 60 noted 'sampled inside the process, one per 16384 bytes'
ok 'slots lead into the gate' [ "$(slots)" -ge 5 ]
ok 'and nothing more is read there' deaf
echo go 20000 >&7
await 60 grep -q allocated out
exec 7>&- 6>&-
wait $heap
got=$?
ok 'it ends with the process' [ $got = 0 ]
# 5.5 standard errors: chance exceeds them once in 20 million.
ok 'bytes are as counted' sh -c 'awk -F"\t" "\$1 == \"heap\" { for (i = 6; i <= NF; i++) {
		split(\$i, kv, \"=\"); if (kv[1] == \"bytes\") n += kv[2] } }
	END { printf \"%.0f \", n }" raw | cat - out | tr "\n" " " | awk "{
		d = \$1 - \$4; if (d < 0) d = -d
		print; exit !(\$1 > 0 && d <= 5.5 * sqrt(\$1 * 16384) + 0.002 * \$1) }"'
wait $pid

target "$B/target/gated" count 1
asked 'inside out'
ok 'another word is none' await 60 deaf
exec 6>&-
sleep 0.5
ok 'nothing is changed' [ "$(slots)" = 0 ]
kill -s TERM $heap
wait $heap
got=$?
ok 'it ends as it should' [ $got = 0 ]
ok 'and has not tried' sh -c '! grep -q "inside the process[:,]" raw'
exits 'no descriptor: 2' 2 rsprof-heap -A 99 -p $pid
exits 'no descriptor for the view: 2' 2 rsprof-tui -A 99 x.db
exec 7>&-
wait $pid

# ---- the key ---------------------------------------------------------------

if command -v tmux >/dev/null && rsprof-cpu -d 0.1 -p $$ >probe 2>err; then
	. "$ROOT/tests/tools/terminal.sh"
	target "$B/target/gated" check 2
	open_terminal 110 30
	run "rsprof attach -B 2 -o ask.db $pid"
	see 'the view of a process that runs' "^  LIVE   gated $pid" 60
	keys 2
	see 'its memory' 'memory.*functions' 30
	see 'what is missing, and the remedy' 'in windows only: I samples inside' 60
	rsprof-tui -b -k I ask.db >text
	says 'another view says what to type' "type: sudo rsprof attach -I $pid" text
	keys I
	see 'a question' "malloc and free of process $pid .*\(y/n\)"
	keys n
	see 'is denied' 'nothing is changed'
	sleep 0.5
	ok 'and nothing is' [ "$(slots)" = 0 ]
	keys I
	see 'the question again' '\(y/n\)'
	keys y
	see 'is agreed to' 'asked for'
	is_led() { [ "$(slots)" -ge 5 ]; }
	ok 'then slots lead into the gate' await 60 is_led
	see 'it is noted' 'note.*sampled inside the process' 30
	keys I
	see 'and needs no asking' 'inside the process already'
	keys q
	see 'it is left' 'recorded in ask.db' 30
	is_tidy() { [ "$(slots)" = 0 ]; }
	ok 'and slots are restored' await 60 is_tidy
	rsprof-tui -b -k I ask.db >text
	says 'later there is nothing to change' 'the recording has ended' text
	exec 7>&-
	wait $pid
	got=$?
	ok 'the process ends as it should' [ $got = 0 ]
	says 'with its work right' '^right [1-9]' out
else
	skip 'no tmux, or no CPU profile'
fi
done_testing

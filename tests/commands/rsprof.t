#!/bin/sh
# rsprof plugs the programs together, and takes everything down again.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

rsprof-cpu -d 0.1 -p $$ >"$T/probe" 2>"$T/err" || skip_all "$(cat "$T/err")"

mkdir "$T/tmp" "$T/here"
TMPDIR=$T/tmp
export TMPDIR
cd "$T/here" || exit 1

# A name that no other process has.
prog=rs$$x
cp "$B/target/split" "$T/$prog"
launch "$T/$prog" >/dev/null
target=$launched

# apart CMD...: become it in a session of its own, its signals as a login
# leaves them; then its PID is the session's number.
apart() {
	exec perl -MPOSIX=setsid -e 'setsid; $SIG{$_} = "DEFAULT"
		for qw(HUP INT QUIT); exec @ARGV or die' -- "$@"
}

# session SID [NAME]: the processes in it, of that name; not ended ones.
session() {
	cat /proc/[0-9]*/stat 2>/dev/null | sed 's/ (/ /; s/) / /' |
		awk -v sid="$1" -v name="${2:-}" '$6 == sid && $3 != "Z" &&
			(name == "" || $2 == name) { print $1 }'
}
gone() { [ -z "$(session "$1")" ]; }
member() { [ -n "$(session "$@")" ]; }

# ended PID: wait for a process of ours; its status is in $code.
ended() {
	wait "$1" 2>/dev/null
	code=$?
}

# recording FILE: it can be read, and is one file.
recording() {
	[ "$(rsprof-query "$1" "SELECT count(*) FROM stream
		WHERE producer = 'cpu'")" = 1 ] &&
		[ ! -e "$1-wal" ] && [ ! -e "$1-shm" ]
}
has_samples() { [ "$(rsprof-query "$1" 'SELECT count(*) FROM cpu')" -gt 0 ]; }
ended_by() {
	rsprof-query "$1" "SELECT how FROM stream WHERE producer = 'cpu'" | grep -qx "$2"
}

# ---- attach -----------------------------------------------------------------

exits 'attach to a number' 0 rsprof attach -q -d 0.5 -F 499 -o pid.db $target
says 'it prints the report' 'split::' "$T/out"
same 'and where the recording is' "$T/err" <<'END'
rsprof: recorded in pid.db
END
ok 'the recording is one file' recording pid.db
ok 'it has samples' has_samples pid.db
ok 'it ended after its time' ended_by pid.db duration
rsprof-query pid.db "SELECT value FROM meta WHERE key = 'hz'" >"$T/hz"
same 'it has the rate asked for' "$T/hz" <<'END'
499
END

if rsprof-cpu -o -d 0.1 -p $$ >"$T/probe" 2>"$T/err"; then
	exits 'wall time' 0 rsprof attach -qw -d 0.5 -o wall.db $target
	says 'its report tells of waits' '^Waiting: [0-9.]+ s of all threads in' "$T/out"
	says 'and of samples' '^CPU [0-9.]+ s .*, [1-9][0-9]* samples' "$T/out"
	ok 'it was recorded' test \
		"$(rsprof-query wall.db 'SELECT sum(ns) > 0 FROM off')" = 1
else
	skip "wall time: $(head -n 1 "$T/err")"
fi

# The heap, beside it or alone.
heap=$B/target/heap
if [ ! -x "$heap" ]; then
	skip "the heap: no Rust compiler built $heap"
elif ! rsprof-heap -d 0.1 -p $target >"$T/probe" 2>"$T/err"; then
	skip "the heap: $(head -n 1 "$T/err")"
else
	producers() {
		rsprof-query "$1" 'SELECT producer FROM stream ORDER BY 1' | tr '\n' ' '
	}
	allocations() {
		rsprof-query "$1" "SELECT sum(allocs) FROM heap_samples
			WHERE function LIKE '%alloc%' AND stack IN (
				SELECT stack FROM frames WHERE module LIKE '%/heap')"
	}
	printf 'go\nend\n' >"$T/lines"
	exits 'a command, with its heap' 0 rsprof run -q -S 0 -o both.db "$heap" 2 <"$T/lines"
	ok 'both are recorded' test "$(producers both.db)" = 'cpu heap '
	says 'both are reported' '^CPU ' "$T/err"
	says 'with who holds what' '^ +Live +Grown +Count' "$T/err"
	ok 'no allocation is missing, nor one too many' test \
		"$(rsprof-query both.db "SELECT sum(allocs) FROM memory")" = \
		"$(rsprof-query both.db "SELECT sum(allocs) FROM heap")"
	exits 'the heap alone' 0 rsprof run -q -H -S 0 -o heap.db "$heap" 2 <"$T/lines"
	# It is recorded from its first instruction on: nothing before that is missed.
	ok 'all of the time is covered' [ "$(rsprof-query heap.db "SELECT sum(covered) >=
		0.95 * (max(time) - (SELECT min(began) FROM stream)) FROM memory")" = 1 ]
	ok 'is alone' test "$(producers heap.db)" = 'heap '
	ok 'it has as many allocations' test "$(allocations heap.db)" = "$(allocations both.db)"
	exits 'the CPU alone' 0 rsprof attach -q -C -d 0.2 -o cpu.db $target
	ok 'is alone' test "$(producers cpu.db)" = 'cpu '
	exits 'attached, with its heap' 0 rsprof attach -q -d 0.5 -o attached.db $target
	ok 'both are recorded' test "$(producers attached.db)" = 'cpu heap '
	exits 'not both of -C and -H' 2 rsprof attach -q -C -H $target
	launch sleep infinity
	sleeper=$launched
	exits 'what has no heap to be seen' 0 rsprof attach -q -d 0.2 -o none.db $sleeper
	says 'is said in a line' '^rsprof: the heap is not recorded: process [0-9]+: nothing to probe' "$T/err"
	exits 'but alone that is an error' 5 rsprof attach -q -H -d 0.2 -o none2.db $sleeper
	kill $sleeper
fi

exits 'attach to a name' 0 rsprof attach -q -d 0.2 "^$prog\$"
ok 'the file is named after the process and the time' \
	sh -c 'ls | grep -Eqx "rsprof\.$0\.[0-9]{12}\.db"' "$prog"
exits 'a file that exists is not touched' 6 \
	rsprof attach -q -d 0.2 -o pid.db $target
same 'it is named' "$T/err" <<'END'
rsprof: pid.db: exists already; name another file with -o
END
ok 'it is as it was' ended_by pid.db duration

launch "$T/$prog" >/dev/null
twin=$launched
exits 'several processes have the name' 2 rsprof attach -q -o no.db "$prog"
says 'one is listed' " $target  .*/$prog"
says 'and the other' " $twin  .*/$prog"
kill $twin
wait $twin 2>/dev/null

exits 'no process has the name' 3 rsprof attach -q -o no.db nosuch$$
one_line 'it says so in a line'
exits 'a name that is no regular expression' 2 rsprof attach -q -o no.db '('
sh -c 'exit 0' &
ended $!
exits 'no such process' 3 rsprof attach -q -o no.db $!
same 'the stage that failed is named, and no other' "$T/err" <<END
rsprof-cpu: no process $!
rsprof: rsprof-cpu failed (exit 3)
END
exits 'a rate out of range' 2 rsprof attach -q -F 0 -o no.db $target
exits 'no directory for the recording' 6 \
	rsprof attach -q -d 5 -o "$T/nosuch/no.db" $target
same 'it is said' "$T/err" <<END
rsprof: $T/nosuch/no.db: its directory cannot be written
END
exits 'the recording cannot be made' 6 \
	rsprof attach -q -d 5 -o "$(printf '%0300d' 0).db" $target
says 'the stage says why' '^rsprof-store: 0*\.db: File name too long$'
says 'it is named' '^rsprof: rsprof-store failed \(exit 6\)$'
ok 'and no other' [ "$(grep -c '^rsprof: ' "$T/err")" = 1 ]
ok 'no recording is left of those' [ ! -e no.db ]

# A process that ends under our hands.
launch sleep infinity
short=$launched
rsprof attach -q -o short.db $short >"$T/out" 2>"$T/err" &
pid=$!
own $pid
is_known() { [ "$(rsprof-query short.db 'SELECT count(*) FROM process')" -gt 0 ]; }
await 60 is_known
has_note() { rsprof-query short.db 'SELECT producer FROM note' | grep -q heap; }
await 60 has_note
kill $short
ended $pid
ok 'the process ends' [ $code = 0 ]
ok 'then the recording does' ended_by short.db exited

# One that ends after rsprof-cpu has found it, and before rsprof-heap does.
mkdir "$T/late"
for program in "$B"/rsprof-*; do ln -s "$program" "$T/late"; done
cp "$B/rsprof" "$T/late"
rm "$T/late/rsprof-heap"
cat >"$T/late/rsprof-heap" <<'END'
#!/bin/sh
for pid; do :; done
until [ "$(rsprof-query late.db 'SELECT count(*) FROM process' 2>/dev/null)" -gt 0 ]; do
	sleep 0.05
done 2>/dev/null
kill "$pid"
while [ -d "/proc/$pid" ]; do sleep 0.05; done
exec "$B/rsprof-heap" "$@"
END
chmod +x "$T/late/rsprof-heap"
launch sleep infinity
exits 'the process ends while the heap is being attached' 0 \
	env B="$B" "$T/late/rsprof" attach -q -o late.db "$launched"
says 'which is a note' "^rsprof: the heap is not recorded: (no )?process $launched"
ok 'the CPU time is recorded' ended_by late.db exited

for shell in dash bash; do
	command -v $shell >/dev/null || continue
	exits "$shell: no standard input" 0 $shell -c \
		"rsprof attach -q -d 0.2 -o closed-$shell.db $target <&-"
	ok 'it is recorded' ended_by closed-$shell.db duration
	exits "$shell: a command without one" 0 $shell -c \
		"rsprof run -q -o empty-$shell.db cat <&-"
done

# ---- stack ------------------------------------------------------------------

exits 'one look, by number' 0 rsprof stack $target
says 'the process' "^process $target $prog: " "$T/out"
says 'its threads' "^thread $target $prog: sleeping\$" "$T/out"
says 'what they do' '^    split::worker  .*split\.rs:[0-9]+' "$T/out"
ok 'nothing is said' [ ! -s "$T/err" ]
exits 'by name' 0 rsprof stack "^$prog\$"
says 'names are shortened' '  (std|core)/src/[a-z_/]*\.rs:' "$T/out"
exits 'or not' 0 rsprof stack -l "^$prog\$"
ok 'with -l' sh -c '! grep -q -e "…" -e "  std/src" "$0"' "$T/out"
exits 'no such process' 3 rsprof stack 999999999
same 'the stage that failed is named, and no other' "$T/err" <<END
rsprof-stack: no process 999999999
rsprof: rsprof-stack failed (exit 3)
END
exits 'no process of that name' 3 rsprof stack nosuch$$
exits 'nothing named' 2 rsprof stack
exits 'the output cannot be written' 1 sh -c "rsprof stack $target >/dev/full"
same 'the stage is named, and no other' "$T/err" <<END
rsprof-print: cannot write: No space left on device
rsprof: rsprof-print failed (exit 1)
END
(rsprof stack $target 2>"$T/err") | head -n 1 >"$T/out"
same 'whoever does not read on knows it' "$T/err" </dev/null

# ---- signals ----------------------------------------------------------------

for signal in INT TERM HUP QUIT; do
	apart rsprof attach -q -o $signal.db $target >"$T/out" 2>"$T/err" &
	pid=$!
	own $pid
	await 60 has_samples $signal.db
	kill -s $signal $pid
	ended $pid
	ok "SIG$signal ends a recording" [ $code = 0 ]
	ok "in order" ended_by $signal.db stopped
	says 'and the table is printed' 'split::' "$T/out"
	ok 'nothing is left running' await 60 gone $pid
done

apart rsprof attach -q -o killed.db $target >/dev/null 2>&1 &
pid=$!
own $pid
await 60 has_samples killed.db
kill -s KILL $pid
ended $pid
ok 'nothing runs on when rsprof is killed' await 60 gone $pid
ok 'the recording is whole' ended_by killed.db stopped

for stage in cpu sym store; do
	apart rsprof attach -q -o kill-$stage.db $target >"$T/out" 2>"$T/err" &
	pid=$!
	own $pid
	await 60 has_samples kill-$stage.db
	kill -s KILL "$(session $pid rsprof-$stage)"
	ended $pid
	ok "rsprof-$stage is killed: 1" [ $code = 1 ]
	says 'it is named' "^rsprof: rsprof-$stage was killed by signal 9$"
	ok 'and no other' [ "$(grep -c '^rsprof: rsprof-' "$T/err")" = 1 ]
	ok 'what came before is there' recording kill-$stage.db
	ok 'nothing is left running' await 60 gone $pid
done

# ---- run --------------------------------------------------------------------

echo hello | rsprof run -q -o run.db -- sh -c \
	'cat; echo error >&2; exit 7' >"$T/out" 2>"$T/err"
code=$?
ok 'run gives the exit status back' [ $code = 7 ]
same 'the command has its input, and its output for itself' "$T/out" <<'END'
hello
END
says 'its errors' '^error$'
says 'the recording follows' '^rsprof: recorded in run.db$'
ok 'it ended with the command' ended_by run.db exited
rsprof-query run.db "SELECT value FROM meta WHERE key = 'command'" >"$T/said"
same 'it is that of the command' "$T/said" <<'END'
sh -c cat; echo error >&2; exit 7
END

rsprof run -q -o full.db -F 499 "$T/$prog" 2 >"$T/out" 2>"$T/err"
says 'the table is not in between' 'split::'
ok 'with the command'\''s output' [ -z "$(grep split:: "$T/out")" ]
# The program says at its end how much time it took itself.
tail -n 1 "$T/out" | awk '{ print $3 + $5 + $7 }' >"$T/spent"
rsprof-query full.db 'SELECT sum(ns) FROM cpu' >"$T/sampled"
rsprof-query full.db 'SELECT attributes FROM stream' >"$T/said"
share=0.9
! grep -q scope=user "$T/said" || share=0.6 # the kernel's time is not counted
ok 'no time of the command is missing' awk -v s="$(cat "$T/spent")" \
	-v n="$(cat "$T/sampled")" -v share=$share \
	'BEGIN { exit !(s > 0 && n > s * share) }'
rsprof-query full.db "SELECT count(*) FROM module
	WHERE path LIKE '%rsprof-exec'" >"$T/said"
same 'and none of what was before it is there' "$T/said" <<'END'
0
END

exits 'the command dies of a signal' 137 \
	rsprof run -q -o dies.db -- sh -c 'kill -s KILL $$'
exits 'the command ends at once' 0 rsprof run -q -o once.db true
ok 'it is recorded all the same' ended_by once.db exited
exits 'no such command' 127 rsprof run -q -o no.db nosuchcommand
exits 'not a command' 126 rsprof run -q -o no.db "$T/tmp"
exits 'the profiler refuses: the command is not started' 2 \
	rsprof run -q -F 0 -o no.db touch no.db
says 'it is said why' '^rsprof: rsprof-cpu failed \(exit 2\)$'
ok 'nothing is left of those' [ ! -e no.db ]

for signal in HUP INT QUIT USR1 USR2 ALRM TERM; do
	apart rsprof run -q -o run-$signal.db -- perl -e '
		$| = 1;
		$SIG{$ARGV[0]} = sub { print "got it\n"; exit 9 };
		print "ready\n"; sleep 1 while 1' $signal \
		>"$T/out" 2>"$T/err" </dev/null &
	pid=$!
	own $pid
	await 60 grep -q ready "$T/out"
	kill -s $signal $pid
	ended $pid
	ok "SIG$signal is passed on to the command" grep -q 'got it' "$T/out"
	ok 'whose exit status counts' [ $code = 9 ]
	ok 'nothing is left running' await 60 gone $pid
done
apart rsprof run -q -o term.db sleep infinity >"$T/out" 2>"$T/err" &
pid=$!
own $pid
await 60 member $pid sleep
kill -s TERM $pid
ended $pid
ok 'a signal that ends the command: 128 and its number' [ $code = 143 ]
ok 'the recording ended with it' ended_by term.db exited
ok 'nothing is left running' await 60 gone $pid

# ---- whose files ------------------------------------------------------------

if [ "$(id -u)" != 0 ]; then
	skip 'as another user: needs root'
else
	mkdir "$T/theirs"
	chown 65534:65534 "$T/theirs" "$T/tmp"
	# Where they may read, which of a checkout below /root they may not.
	mkdir "$T/bin"
	cp "$B/rsprof" "$B"/rsprof-* "$T/bin"
	PATH=$T/bin:$PATH
	cd "$T/theirs" || exit 1
	apart env SUDO_UID=65534 SUDO_GID=65534 rsprof attach -q -o mine.db \
		$target >"$T/out" 2>"$T/err" &
	pid=$!
	own $pid
	await 60 has_samples mine.db
	for stage in cpu sym store; do
		stat -c "rsprof-$stage %u %g" \
			/proc/"$(session $pid rsprof-$stage)"
	done >"$T/said"
	same 'under sudo only the producer is root' "$T/said" <<'END'
rsprof-cpu 0 0
rsprof-sym 65534 65534
rsprof-store 65534 65534
END
	kill -s TERM $pid
	ended $pid
	ok 'they work together' [ $code = 0 ]
	exits 'one look: under sudo too' 0 \
		env SUDO_UID=65534 SUDO_GID=65534 rsprof stack $target
	ok 'and the recording is the user'\''s' \
		[ "$(stat -c '%u %g' mine.db)" = '65534 65534' ]
	mkdir "$T/ours"
	cd "$T/ours" || exit 1
	exits 'root'\''s directory is closed to them' 6 \
		env SUDO_UID=65534 SUDO_GID=65534 \
		rsprof run -q -o no.db touch no
	ok 'then the command is not started' [ ! -e no ]
	cd "$T/theirs" || exit 1
	nobody rsprof attach -q -d 0.2 -o no.db $target >"$T/out" 2>"$T/err"
	code=$?
	ok 'somebody else'\''s process' [ $code = 4 ]
	says 'it is said' "^rsprof-cpu: process $target belongs to another user"
	says 'with the stage' '^rsprof: rsprof-cpu failed \(exit 4\)$'
	nobody rsprof run -q -k -o no.db touch no.db >"$T/out" 2>"$T/err"
	code=$?
	if [ "$(cat /proc/sys/kernel/perf_event_paranoid)" -lt 2 ]; then
		skip 'kernel stacks are permitted here'
	else
		ok 'not permitted: 4' [ $code = 4 ]
		ok 'the command is not started' [ ! -e no.db ]
	fi
	PATH=${PATH#*:}
	cd "$T/here" || exit 1
fi

# ---- on a terminal ----------------------------------------------------------

terminals=0
mux() { tmux -L rsprof$$.$terminals -f /dev/null "$@"; }
screen() { mux capture-pane -p -S - -t t; }
shows() { screen | grep -Eq -- "$1"; }

# terminal COMMAND: run it on one, as a shell there does; the shell's PID is
# the session's number.
cat >"$T/login" <<'END'
trap : HUP INT QUIT TERM
. "$1/command"
echo $? >"$1/status"
read -r line
END
terminal() {
	terminals=$((terminals + 1))
	rm -f "$T/status"
	printf '%s\n' "$1" >"$T/command"
	mux new-session -d -s t -x 100 -y 30 "exec sh '$T/login' '$T'"
	pid=$(mux display -p -t t '#{pane_pid}')
}
alone() { [ "$(session "$pid")" = "$pid" ]; }
# closed STATUS: it has ended, and left the terminal to its shell.
closed() {
	ok 'it ends' await 60 [ -s "$T/status" ]
	ok "with $1" [ "$(cat "$T/status")" = "$1" ]
	screen >"$T/screen"
	ok 'nothing is left running' await 60 alone
	mux kill-server
}

if ! command -v tmux >/dev/null; then
	skip 'no tmux'
else
	terminal "rsprof attach -o q.db $target"
	ok 'on a terminal there is the live view' await 60 shows 'split::'
	await 60 has_samples q.db
	mux send-keys -t t q
	closed 0
	ok 'q ends the recording' ended_by q.db stopped
	says 'and says where it is' '^rsprof: recorded in q.db' "$T/screen"

	samples() { rsprof-query z.db 'SELECT count(*) FROM cpu'; }
	more() { [ "$(samples)" -gt "$1" ]; }
	terminal "set -m
		rsprof attach -o z.db $target
		echo >left.alone
		read -r go
		fg"
	await 60 shows 'split::'
	mux send-keys -t t C-z
	ok 'Ctrl-Z suspends the view' await 60 [ -e left.alone ]
	ok 'which leaves the screen' await 60 eval ! shows LIVE
	ok 'the recording goes on' await 60 more "$(($(samples) + 50))"
	mux send-keys -t t go Enter
	ok 'and the view comes back' await 60 shows 'LIVE'
	mux send-keys -t t q
	closed 0

	terminal "rsprof attach -o c.db $target"
	await 60 shows 'split::'
	mux send-keys -t t C-c
	closed 0
	ok 'Ctrl-C ends it as well' ended_by c.db stopped

	terminal "rsprof attach -o t.db $target"
	await 60 shows 'split::'
	kill -s TERM "$(session "$pid" rsprof)"
	closed 0
	ok 'and SIGTERM' ended_by t.db stopped

	terminal "rsprof attach -o h.db $target"
	await 60 shows 'split::'
	mux kill-server
	ok 'the terminal is closed: nothing is left running' \
		await 60 gone "$pid"
	ok 'the recording is whole' ended_by h.db stopped

	terminal "rsprof attach -o k.db $target"
	await 60 shows 'split::'
	kill -s KILL "$(session "$pid" rsprof)"
	closed 137
	ok 'rsprof is killed: the recording is whole' ended_by k.db stopped

	terminal "rsprof attach -o 9.db $target"
	await 60 shows 'split::'
	kill -s KILL "$(session "$pid" rsprof-tui)"
	closed 1
	says 'the view is killed: it is named' \
		'^rsprof: rsprof-tui was killed by signal 9' "$T/screen"
	ok 'the recording is whole' ended_by 9.db stopped

	terminal "TERM=nosuch rsprof attach -o e.db $target"
	closed 1
	says 'no view on such a terminal: it is named' \
		'^rsprof: rsprof-tui failed \(exit 1\)' "$T/screen"
	ok 'the recording is whole' ended_by e.db stopped

	terminal "rsprof attach -o d.db -d 1 $target"
	await 60 ended_by d.db duration
	ok 'the view stays when the recording has ended' shows 'split::'
	mux send-keys -t t q
	closed 0

	terminal "rsprof attach -o no.db -F 0 $target"
	closed 2
	says 'an error at the start is seen' 'not a rate' "$T/screen"
	ok 'there is no recording' [ ! -e no.db ]

	terminal "rsprof run -o r.db -- sh -c 'echo out; echo err >&2
		read x; echo \"[\$x]\"; exec \"$T/$prog\"'"
	ok 'a command has its view as well' await 60 shows 'split::'
	mux send-keys -t t q
	closed 143
	ok 'q ends the command, too' ended_by r.db exited
	says 'its output is said to be apart' \
		"^rsprof: the command's output is in r.out" "$T/screen"
	head -n 3 r.out >"$T/out"
	same 'and is there; the terminal is not its input' "$T/out" <<'END'
out
err
[]
END

	terminal 'rsprof run -o rc.db -- perl -e '\''$SIG{INT} = sub { $n++ };
		$| = 1; print "ready\n"; 1 while !$n; sleep 1; print "$n\n"'\'
	await 60 grep -q ready rc.out
	await 60 has_samples rc.db
	mux send-keys -t t C-c
	closed 0
	same 'Ctrl-C reaches the command once' rc.out <<'END'
ready
1
END

	terminal 'rsprof run -o no.db nosuchcommand'
	closed 127
	says 'what is no command is said there' 'nosuchcommand: not found' \
		"$T/screen"
	ok 'and leaves nothing' [ ! -e no.db ]
	ok 'nor its output' [ ! -e no.out ]

	terminal 'rsprof run -q -o tty.db -- sh -c '\''read x; echo "[$x]"'\'
	await 60 member "$pid" sh
	mux send-keys -t t word Enter
	closed 0
	says 'without the view the terminal is the command'\''s' \
		'^\[word\]' "$T/screen"
	says 'and the table is printed there' 'rsprof: recorded in' "$T/screen"
fi

# ---- recordings -------------------------------------------------------------

mkdir "$T/list"
cd "$T/list" || exit 1
exits 'an empty directory' 0 rsprof list
cp "$T/here/full.db" two.db
cp "$T/here/run.db" rsprof.old.db
touch -d 2000-01-01 rsprof.old.db
sqlite3 foreign.db 'CREATE TABLE t(x)' 2>/dev/null
exits 'list' 0 rsprof list "$T/list"
sed 's/  */ /g; s/[0-9.]*s [0-9]*$/TIME SAMPLES/' "$T/out" >"$T/said"
same 'it lists what are recordings' "$T/said" <<END
FILE PROCESS DURATION SAMPLES
rsprof.old.db sh TIME SAMPLES
two.db $prog TIME SAMPLES
END
echo damaged >rsprof.bad.db
exits 'a recording that is none' 6 rsprof list
says 'it is named' 'rsprof.bad.db: not a recording'
says 'and the others are listed' '^two.db ' "$T/out"
exits 'no such directory' 1 rsprof list "$T/nosuch"

exits 'query' 0 rsprof query two.db 'SELECT 1, 2'
same 'its rows' "$T/out" <<'END'
1	2
END
exits 'top' 0 rsprof top -n 3 cpu two.db
says 'its table' 'split::' "$T/out"
rm rsprof.bad.db
if command -v tmux >/dev/null; then
	terminal 'rsprof view'
	ok 'view shows the newest rsprof.*.db' await 60 shows 'sh'
	mux send-keys -t t q
	closed 0
fi
exits 'diff of one' 2 rsprof diff rsprof.old.db
says 'diff of one: usage' '^usage: rsprof-diff .* OLD NEW$'
exits 'diff of what is no time' 2 rsprof diff rsprof.old.db 0-1s yesterday
says 'it is named' 'not a time range: yesterday'
rm rsprof.old.db
exits 'view, but there is none' 1 rsprof view

# ---- usage ------------------------------------------------------------------

exits 'help' 0 rsprof help
says 'it names the commands' '^rsprof attach ' "$T/out"
for command in attach run view diff top list query dump flame fold pprof export help; do
	exits "help $command" 0 rsprof help $command
	says 'it begins with the usage' "^rsprof $command" "$T/out"
done
exits 'help for what is no command' 2 rsprof help nosuch
for command in attach top export view; do
	exits "$command --help" 0 rsprof $command --help
	cp "$T/out" "$T/want"
	exits 'is help for it' 0 rsprof help $command
	same 'the same' "$T/out" "$T/want"
done
exits 'no command' 2 rsprof
says 'what to type first' '^rsprof attach PID' "$T/err"
ok 'in six lines' [ "$(wc -l <"$T/err")" = 6 ]
exits 'an unknown command' 2 rsprof nosuch
exits 'an unknown option' 2 rsprof attach -Z 1
says 'the usage is that of the command' '^usage: rsprof attach ' "$T/err"
exits 'no process' 2 rsprof attach -q
says 'it says how to choose one' '^Choose one: rsprof attach PID' "$T/err"
exits 'two processes' 2 rsprof attach -q 1 2
exits 'run without a command' 2 rsprof run -q

ok 'no temporary file is left' [ -z "$(ls -A "$T/tmp")" ]
done_testing

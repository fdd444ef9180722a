#!/bin/sh
# rsprof-cpu by its pipes: what it writes, how it ends, and bad input.
# What its samples are worth is tested in truth.t and complete.t.
. "$(dirname "$0")/../tools/lib.sh"
split=$B/target/split

[ -x "$split" ] || skip_all "no Rust compiler: $split is missing"
launch "$split" >/dev/null
rsprof-cpu -p $launched -d 0.1 >/dev/null 2>"$T/err" ||
    skip_all "sampling is not possible here: $(cat "$T/err")"

root() { [ "$(id -u)" = 0 ]; }
ended() { ! kill -0 "$1" 2>/dev/null; }
fields() { awk -F'\t' -v t="$1" '$1 == t' "$2"; }
is_last() { [ "$(tail -n 1 "$2" | cut -f1,3,4)" = "$1" ]; }
reads_back() { rsprof-sym <"$1" >"$T/named"; }

# ---- a plain run -------------------------------------------------------------

launch "$split" >/dev/null; busy=$launched
exits "samples for a duration" 0 rsprof-cpu -p $busy -F 500 -d 1
cp "$T/out" "$T/rec"
ok "writes nothing to stderr" test ! -s "$T/err"
says "begins with its head" \
    "^rsprof	1	cpu	mono=[0-9]+	wall=[0-9]+	hz=500	unit=ns	pid=$busy	" "$T/rec"
says "names the process" "^proc	[0-9]+	$busy	[0-9]+	split	.*/split	.*/split$" "$T/rec"
says "names the threads" "^thread	[0-9]+	$busy	[0-9]+	early-a$" "$T/rec"
says "gives modules their build-id" \
    "^module	[0-9a-f]+	[0-9a-f]{40}	.*/split$" "$T/rec"
ok "samples stand for a period, or about it" awk -F '\t' '
	$1 == "cpu" { ns += $6; n++ }
	END { exit !(n && ns / n > 1.4e6 && ns / n < 2.8e6) }' "$T/rec"
says "tells its own cost" '^cost	[0-9]+	cpu	[0-9]+	[0-9]+$' "$T/rec"
ok "ends with why" is_last "$(printf 'end\tcpu\tduration')" "$T/rec"
ok "all lines are records" reads_back "$T/rec"
ok "no line is longer than PIPE_BUF" awk 'length >= 4096 { exit 1 }' "$T/rec"
# shellcheck disable=SC2016
ok "what a line refers to stood before it" awk -F'\t' '
    { bad = 0 }
    $1 == "proc" { proc[$3] = 1 }
    $1 == "thread" { thread[$3, $4] = 1; bad = !proc[$3] }
    $1 == "module" { module[$2] = 1 }
    $1 == "map" { bad = !module[$7] || !proc[$3] }
    $1 == "stack" { bad = stack[$2] || !module[$4] ||
        ($3 !~ /^[-?]/ && !stack[$3]); stack[$2] = 1 }
    $1 == "cpu" { bad = !thread[$3, $4] || ($5 !~ /^\?/ && !stack[$5]); n++ }
    bad { print; exit 1 }
    END { exit !n }' "$T/rec"
# shellcheck disable=SC2016
ok "times of samples ascend" awk -F'\t' '
    $1 == "cpu" { if ($2 < t) exit 1; t = $2 }' "$T/rec"

# ---- how it ends -------------------------------------------------------------

for sig in INT TERM HUP; do
	# A background job of sh ignores SIGINT; a producer at a terminal does not.
	mkfifo "$T/p.$sig"
	(trap - INT; exec env --default-signal=INT rsprof-cpu -p $busy) >"$T/p.$sig" &
	pid=$!; own $pid
	cat "$T/p.$sig" >"$T/sig.$sig" & cat=$!; own $cat
	await 60 grep -q '^cpu' "$T/sig.$sig"
	kill -$sig $pid
	wait $pid; status=$?
	wait $cat
	ok "SIG$sig: ends well" test $status = 0
	ok "SIG$sig: and says so" is_last "$(printf 'end\tcpu\tstopped')" "$T/sig.$sig"
done

# Under nohup it goes on.
(trap '' HUP; exec rsprof-cpu -p $busy) >"$T/deaf" & pid=$!; own $pid
await 60 grep -q '^cpu' "$T/deaf"
kill -HUP $pid
before=$(grep -c '^cpu' "$T/deaf")
more() { [ "$(grep -c '^cpu' "$T/deaf")" -gt $((before + 20)) ]; }
ok "an ignored SIGHUP stays ignored" await 60 more
kill -TERM $pid
wait $pid; status=$?
ok "until another signal ends it" test $status = 0
ok "which says so" is_last "$(printf 'end\tcpu\tstopped')" "$T/deaf"

mkfifo "$T/gate"
"$B/target/strain" threads 1 <"$T/gate" >/dev/null & short=$!; own $short
exec 8>"$T/gate"
echo go >&8
rsprof-cpu -p $short >"$T/out" 2>"$T/err" 8>&- & pid=$!; own $pid
await 60 grep -q '^cpu' "$T/out"
exec 8>&-
wait $pid; status=$?
ok "the target ends" test $status = 0
ok "and so does the stream" is_last "$(printf 'end\tcpu\texited')" "$T/out"
says "the process is said to have ended" "^exit	[0-9]+	$short	-$" "$T/out"

launch "$split" >/dev/null; doomed=$launched
rsprof-cpu -p $doomed >"$T/killed" & pid=$!; own $pid
await 60 grep -q '^cpu' "$T/killed"
kill -9 $doomed
wait $pid; status=$?
ok "the target is killed" test $status = 0
ok "its stream is whole" is_last "$(printf 'end\tcpu\texited')" "$T/killed"
ok "its records too" reads_back "$T/killed"

mkfifo "$T/gone"
rsprof-cpu -p $busy >"$T/gone" 2>"$T/err" & pid=$!; own $pid
head -n 1 "$T/gone" >/dev/null
wait $pid; status=$?
ok "the reader goes: it ends too, by status 1" test $status = 1
ok "and quietly" test ! -s "$T/err"

# shellcheck disable=SC2016
exits "a full disk is told" 1 sh -c 'rsprof-cpu -p "$1" -d 3 >/dev/full' - $busy
one_line "in one line"
says "which says why" '^rsprof-cpu: cannot write: No space left on device$'

# ---- held commands -----------------------------------------------------------

rsprof-exec "$split" 0.3 >/dev/null & held=$!; own $held
exits "a held command is continued" 0 rsprof-cpu -c -p $held -F 10000
wait $held; status=$?
ok "and runs to its end" test $status = 0
says "it appears as what it became" \
    "^proc	[0-9]+	$held	[0-9]+	split	[^	]*/split	[^	]*/split 0.3$" "$T/out"
# shellcheck disable=SC2016
ok "the loader's work is among its samples" awk -F'\t' '
    $1 == "module" { path[$2] = $4 }
    $1 == "stack" { module[$2] = path[$4] }
    $1 == "cpu" && module[$5] ~ /\/ld-/ { found = 1 }
    END { exit !found }' "$T/out"
exits "a process that does not stop" 1 rsprof-cpu -c -p $busy
says "is told apart" "process $busy is not stopped"

# ---- other targets -----------------------------------------------------------

launch sh -c 'while :; do :; done'; shell=$launched
rsprof-cpu -p $shell -F 200 >"$T/out" 2>"$T/err" &
cpu=$!
own $cpu
ok "a program that is not Rust: it has samples" await 60 grep -q '^cpu' "$T/out"
kill $cpu
wait $cpu; got=$?
ok "a program that is not Rust works" [ $got = 0 ]
says "but it is said" "process $shell does not look like a Rust program"
says "in the stream as well" \
    "^note	.*process $shell does not look like a Rust program" "$T/out"
kill -9 $shell

if root; then
	exits "kernel frames" 0 rsprof-cpu -k -p $busy -d 0.3 -F 500
	says "kernel frames: the head says so" 'scope=kernel' "$T/out"
	exits "a smaller copy" 0 rsprof-cpu -s 1024 -p $busy -d 0.3 -F 500
	says "a smaller copy: the head says so" 'copy=1024' "$T/out"
else
	skip "kernel frames take root"
fi

# ---- permissions -------------------------------------------------------------

if root && command -v setpriv >/dev/null; then
	mkdir "$T/bin"
	cp "$B/rsprof-cpu" "$B/rsprof-sym" "$split" "$B/target/noperf" "$T/bin"
	exits "another user's process" 4 nobody "$T/bin/rsprof-cpu" -p $busy -d 1
	one_line "another user's process: one line"
	says "another user's process: whose" "process $busy belongs to another user"

	launch nobody "$T/bin/split" >/dev/null; mine=$launched
	launch nobody "$T/bin/rsprof-cpu" -p $mine -F 300 >"$T/out" 2>"$T/err"
	cpu=$launched
	ok "without privilege: samples" await 60 grep -q '^cpu' "$T/out"
	kill $cpu
	wait $cpu; got=$?
	ok "one's own process, without privilege" [ $got = 0 ]
	if [ "$(cat /proc/sys/kernel/perf_event_paranoid)" = 2 ]; then
		says "without privilege: the head says what is counted" 'scope=user	' "$T/out"
		says "without privilege: and why" \
		    '^note	.*time in the kernel is not counted: .*perf_event_paranoid is 2' "$T/out"
		exits "without privilege: no kernel stacks" 4 \
		    nobody "$T/bin/rsprof-cpu" -k -p $mine -d 1
		says "which names the sysctl" 'perf_event_paranoid'
	fi
	exits "a seccomp filter" 4 \
	    nobody "$T/bin/noperf" "$T/bin/rsprof-cpu" -p $mine -d 1
	one_line "a seccomp filter: one line"
	says "a seccomp filter: named, and the capability" 'seccomp.*CAP_PERFMON'

	# A kernel of Debian forbids it all at 3: the same refusal, another value.
	echo 3 >"$T/three"; chmod 644 "$T/three"
	# shellcheck disable=SC2016
	if unshare -m sh -c 'mount --bind "$1" /proc/sys/kernel/perf_event_paranoid' \
	    - "$T/three" 2>/dev/null; then
		exits "perf_event_paranoid 3" 4 unshare -m sh -c '
			mount --bind "$1/three" /proc/sys/kernel/perf_event_paranoid
			exec setpriv --reuid 65534 --regid 65534 --clear-groups \
			    "$1/bin/noperf" "$1/bin/rsprof-cpu" -p "$2" -d 1' - "$T" $mine
		says "perf_event_paranoid 3: named, and what to do" \
		    'kernel.perf_event_paranoid is 3: set it to 2, or give CAP_PERFMON'
	else
		skip "perf_event_paranoid 3: no mount namespaces"
	fi
	kill -9 $mine
else
	skip "permissions: takes root and setpriv"
fi

# ---- children that are gone before they can be read --------------------------

mkfifo "$T/go"
# shellcheck disable=SC2016
rsprof-exec sh -c 'read line <"$0"; for i in 1 2 3 4 5; do env true; done' \
    "$T/go" & held=$!; own $held
rsprof-cpu -c -f -p $held >"$T/brief" & cpu=$!; own $cpu
ok "a command is held" await 60 grep -q '^proc' "$T/brief"
is_stopped() { [ "$(sed 's/.*) //; s/ .*//' "/proc/$cpu/stat")" = T ]; }
kill -STOP $cpu
await 60 is_stopped
echo >"$T/go"
wait $held
kill -CONT $cpu
wait $cpu
ok "a command is of its own process" awk -F'\t' '
	$1 == "proc" && $3 == '$held' { n++; next }
	# What is forked is what its parent is, until it executes another program.
	$1 == "proc" && $5 == "sh" { forks += $7 ~ /^sh -c/ }
	$1 == "proc" && ($5 == "env" || $5 == "true") { if ($7 ~ /^sh/) bad++; else execs++ }
	END { print n, forks, execs, bad; exit n < 1 || forks != 5 || execs != 10 || bad > 0 }' "$T/brief"

# ---- bad input ---------------------------------------------------------------

gone=$(sh -c 'echo $$')
exits "no such process" 3 rsprof-cpu -p "$gone"
says "no such process: named" "^rsprof-cpu: no process $gone$"

# Its parent is a sleep by the time it ends, which does not wait for it.
# shellcheck disable=SC2016
launch sh -c 'sleep 0.5 & echo $! >"$0"; exec sleep infinity' "$T/zombie"
is_zombie() { [ "$(sed 's/.*) //' "/proc/$(cat "$T/zombie")/stat" | cut -c1)" = Z ]; }
if await 60 is_zombie; then
	exits "a zombie" 3 rsprof-cpu -p "$(cat "$T/zombie")"
	says "a zombie: called one" "process $(cat "$T/zombie") is a zombie"
else
	fail "no zombie came about"
fi

kernel=$(awk '$3 == "I" || $3 == "S" { if ($4 == 2) { print $1; exit } }' \
    /proc/[0-9]*/stat 2>/dev/null)
if [ -n "$kernel" ]; then
	exits "a kernel thread" 5 rsprof-cpu -p "$kernel"
	says "a kernel thread: called one" "process $kernel .*is a kernel thread"
else
	skip "a kernel thread: none is visible here"
fi

for bad in "-F 0" "-F 10001" "-F 1e3" "-F -5" "-d 0" "-d x" "-d -1" "-d 5x" \
    "-s 100" "-s 65536" "-p x" "-p -1" "-p 0"; do
	# shellcheck disable=SC2086
	exits "out of range: $bad" 2 rsprof-cpu -p $busy $bad
	says "out of range: $bad: named" "rsprof-cpu: ${bad%% *} ${bad#* }: not a"
done
exits "an unknown option" 2 rsprof-cpu -x -p $busy
says "an unknown option: usage" '^usage: rsprof-cpu '
exits "no process" 2 rsprof-cpu
exits "an extra argument" 2 rsprof-cpu -p $busy extra

done_testing

#!/bin/sh
# What may be in the way of the gate, or happen while it comes and goes: it is refused, with
# the reason in one line, or comes and goes unharmed.
# KILLS_ALL: how many times all that a user has started is killed, and the guard; THREADS: of which each
# allocates (make soak: more than there are cells).
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

KILLS_ALL=${KILLS_ALL:-3}
THREADS=${THREADS:-2000}
# shellcheck source=tests/tools/guard.sh
. "$(dirname "$0")/../tools/guard.sh"
user='setpriv --reuid 65534 --regid 65534 --clear-groups --'
[ "$(id -u)" = 0 ] || user=

# unharmed DESCRIPTION: no slot is changed; at the end of its input it ends as it should.
unharmed() {
	ok "$1: no slot is changed" tidy
	ended
	ok "$1: it ends as it should" [ $got = 0 ]
}

# comes_and_goes DESCRIPTION: twice, through samples.
comes_and_goes() {
	for time in 1 2; do
		answers "$1: it attaches ($time)" 'attached *' attach 4096
		sampling
		ok "$1: it is sampled ($time)" [ "$(field sampled)" -ge 20 ]
		answers "$1: it detaches ($time)" detached detach
	done
	dismissed
}

# ---- filters of system calls ---------------------------------------------

# Only root may suspend them.
for mode in filtered forbidden; do
	# shellcheck disable=SC2086
	target $user "$target/guarded" $mode
	as=$user
	guard -c
	answers "$mode: a plain user is told why not" \
		'refused it must not be traced, or its seccomp filter not be suspended' attach 4096
	as=
	dismissed
	unharmed "$mode"
done

# ---- tracers ---------------------------------------------------------------

traced_by() { grep -q "^TracerPid:.*$1" /proc/$pid/task/*/status; }

# refused_for NAME PID: its tracer is named; afterwards it can be attached to.
refused_for() {
	ok "$1 traces it" await 60 traced_by "$2"
	guard -c
	answers "$1: it is named" "refused another process traces it: $1 (process $2)" attach 4096
	kill "$2" 2>/dev/null
	exec 9>&-
	wait "$2" 2>/dev/null
	ok "$1: it lets go" await 60 traced_by '[[:space:]]0$'
	answers "$1: then it attaches" 'attached *' attach 4096
	dismissed
}

target "$target/guarded" asleep
if command -v strace >/dev/null; then
	strace -q -o /dev/null -p $pid 7>&- &
	tracer=$!
	own $tracer
	refused_for strace $tracer
else
	skip 'no strace'
fi
if command -v gdb >/dev/null; then
	gdb -q -nx -p $pid <"$T/stop" >/dev/null 2>&1 7>&- &
	tracer=$!
	own $tracer
	exec 9>"$T/stop"
	refused_for gdb $tracer
else
	skip 'no gdb'
fi

# One that comes later keeps the guard from restoring the process.
guard -c
answers 'a tracer comes later: it attaches first' 'attached *' attach 4096
"$gate" trace $pid <"$T/stop" >"$T/tracer" 2>&1 7>&- 8>&- &
tracer=$!
own $tracer
exec 9>"$T/stop"
await 60 grep -q traced "$T/tracer"
dismissed
ok 'a tracer comes later: it is not restored' [ $got = 1 ]
ok 'and goes on' running $pid
exec 9>&-
wait $tracer
guard -c
answers 'the next one attaches' 'attached *' attach 4096
dismissed
unharmed 'a tracer that has gone'

# ---- memory ----------------------------------------------------------------

# A group at its limit: what it needs would be taken from it by killing a process.
memory=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup [^ ]*memory.*/\1/p' /proc/mounts | head -n 1)
group=$memory/rsprof-test.$$
if mkdir "$group" 2>/dev/null && [ -w "$group/memory.limit_in_bytes" ]; then
	target "$target/guarded" asleep
	echo $pid >"$group/cgroup.procs"
	echo 1000000 >"$group/memory.limit_in_bytes"
	guard -c
	answers 'a group at its limit: it says so' \
		'refused its control group leaves it no memory for that' attach 4096
	echo 10000000 >"$group/memory.limit_in_bytes"
	answers 'with room: it attaches' 'attached *' attach 4096
	dismissed
	unharmed 'a group at its limit'
	rmdir "$group"
else
	rmdir "$group" 2>/dev/null
	skip 'no memory groups (version 1)'
fi

# ---- odd threads -----------------------------------------------------------

target "$target/guarded" novdso
ok 'it has no vDSO' sh -c '! grep -q vdso /proc/$0/maps' $pid
guard -c
comes_and_goes 'without a vDSO'
unharmed 'without a vDSO'

target "$target/guarded" coroutine
guard -c
answers 'a stack of its own making: it attaches' 'attached *' attach 4096
ok 'a stack of its own making: addresses on it are replaced' [ "$(field hoisted)" -ge 2 ]
sampling
ok 'a stack of its own making: it is sampled' [ "$(field sampled)" -ge 20 ]
ok 'a stack of its own making: so are its frees' [ $(($(field sampled) - $(field freed))) -le 1 ]
answers 'a stack of its own making: it detaches' detached detach
dismissed
unharmed 'a stack of its own making'

# A thread that is taken in the middle of a sequence must not go on there, since another one
# has been on its processor.
target "$target/guarded" sections
guard -c
cycles=0
while [ $cycles -lt 40 ] && running $pid; do
	ask attach 4096
	ask detach
	cycles=$((cycles + 1))
done
dismissed
unharmed 'restartable sequences'
says 'restartable sequences: none was continued' '^right [1-9]' "$T/target"

target "$target/guarded" busy "$THREADS"
guard -c
answers "$THREADS threads: it attaches" 'attached *' attach 4096
sampling
sampling
answers "$THREADS threads: it detaches" 'detached' detach
dismissed
unharmed "$THREADS threads"

# ---- the process goes while the gate comes -----------------------------------

# busily: attach and detach, until the guard ends.
busily() {
	for n in 1 2 3 4 5 6 7 8 9; do
		printf 'attach 4096\ndetach\n'
	done | rsprof-guard -c "$1" >>"$T/words.out" 2>&1
}
good=0
: >"$T/words.out"
for n in 1 2 3 4 5 6; do
	"$target/guarded" asleep <"$T/in" >/dev/null 2>&1 &
	pid=$!
	own $pid
	exec 7>"$T/in"
	busily $pid 7>&- &
	guard=$!
	own $guard
	await 60 grep -q attached "$T/words.out"
	sleep 0.0$n
	kill -9 $pid
	await 60 sh -c '! kill -0 "$0"' $guard && good=$((good + 1))
	exec 7>&-
	wait $guard $pid 2>/dev/null
done
ok 'it is killed meanwhile: the guard ends each time' [ $good = 6 ]

target "$target/guarded" reexecs
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	busily $pid 7>&- 2>/dev/null
done
ok 'it executes itself again and again: it lives' running $pid
ended
ok 'it executes itself again and again: it ends as it should' [ $got = 0 ]

# ---- allocators -----------------------------------------------------------

if [ -x "$target/heap-je" ] && command -v strip >/dev/null; then
	strip -s -o "$T/stripped" "$target/heap-je"
	"$T/stripped" 2 50 warm <"$T/in" >"$T/target" 2>&1 &
	pid=$!
	own $pid
	exec 7>"$T/in"
	sleep 0.3
	guard
	answers 'an allocator without names: it says so' \
		'refused the allocator that is linked in has no names (stripped)' attach 4096
	dismissed
	ok 'an allocator without names: no slot is changed' tidy
	kill -9 $pid
	ended
else
	skip 'no stripped jemalloc'
fi 2>/dev/null

target "$target/guarded" unseen
guard -c
ask attach 64
ok 'frees that nobody knows: it attaches' grep -q '^attached' "$T/answers"
ok 'frees that nobody knows: it gives up' await 60 grep -q '^refused its frees are not all seen' "$T/answers"
ok 'frees that nobody knows: and ends' await 60 sh -c '! running() { kill -0 "$0"; }; ! running' $guard
dismissed
unharmed 'frees that nobody knows'

# ---- whose process it is -----------------------------------------------------

cp "$B/rsprof-guard" "$T/guard"
if [ -n "$user" ] && PATH=$PATH:/sbin:/usr/sbin setcap cap_sys_ptrace,cap_sys_admin+ep "$T/guard" 2>/dev/null &&
    $user "$T/guard" -V >/dev/null 2>&1; then
	# asks DESCRIPTION PATTERN: as a plain user, of $pid; by a file with capabilities.
	asks() {
		# shellcheck disable=SC2086
		{ echo attach 4096; sleep 0.2; } | $user "$T/guard" -c $pid >"$T/out" 2>"$T/err"
		says "$1" "$2" "$T/out"
	}
	target "$target/guarded" asleep
	asks "root's process" "^refused it is not one's own"
	exits "root's process: 4" 4 $user "$T/guard" -c $pid
	unharmed "root's process"
	# shellcheck disable=SC2086
	target $user "$target/guarded" asleep
	asks "one's own" '^attached'
	unharmed "one's own"
	# shellcheck disable=SC2086
	target $user "$target/guarded" closed
	asks 'one that is not dumpable' "^refused it is not one's own"
	unharmed 'one that is not dumpable'
	target setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps +net_raw \
		--ambient-caps +net_raw -- "$target/guarded" asleep
	asks 'one with a capability' "^refused it is not one's own"
	unharmed 'one with a capability'
	if [ "$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null)" = 1 ]; then
		# shellcheck disable=SC2086
		target $user "$target/guarded" asleep
		asks 'not a child, under Yama' "^refused it is not one's own"
		unharmed 'not a child, under Yama'
	else
		skip 'no Yama'
	fi
else
	skip 'files have no capabilities here'
fi

# ---- the guard itself is killed ----------------------------------------------

# In the middle of a change, mostly: its thread finds its way back.
target "$target/gated" check 3 signals loads "$target"
kills=0 attached=0
while [ $kills -lt $((KILLS_ALL * 10)) ] && running $pid; do
	kills=$((kills + 1))
	: >"$T/words.out"
	yes 'attach 16384
detach' 2>/dev/null | rsprof-guard -r $pid >"$T/words.out" 2>&1 7>&- &
	guard=$!
	own $guard
	[ $((kills % 10)) != 0 ] || await 60 grep -q attached "$T/words.out"
	sleep 0.0$((1 + kills % 7))
	kill -9 $guard
	wait $guard 2>/dev/null
	! grep -q attached "$T/words.out" || attached=$((attached + 1))
done 2>/dev/null
ok 'its guard is killed at any time: it lives' running $pid
ok 'it was attached to then' [ $attached -ge 1 ]
guard
answers 'the next one takes over' 'attached *' attach 16384
answers 'and detaches' detached detach
dismissed
unharmed 'its guard is killed'
says 'its guard is killed: its work is right' '^right [1-9]' "$T/target"

# ---- all that a user has started is killed -----------------------------------

gone() { ! pgrep -f "^rsprof-guard .*$pid\$" >/dev/null; }
if command -v pgrep >/dev/null && rsprof-heap -V >/dev/null; then
	target "$target/gated" check 3 forks signals
	good=0 i=0 attached=0
	while [ $i -lt "$KILLS_ALL" ]; do
		i=$((i + 1))
		rm -f "$T"/x.db*
		setsid rsprof attach -q -I -o "$T/x.db" $pid >/dev/null 2>"$T/err" 7>&- </dev/null &
		session=$!
		own $session
		# Sooner or later than it has attached.
		[ $((i % 3)) = 0 ] || await 60 sh -c '! tidy() { [ "$("$1" slots "$2")" = 0 ]; }; ! tidy "$@"' - "$gate" $pid
		sleep 0.$((i * 7 % 30))
		tidy || attached=$((attached + 1))
		pgrep -s $session | xargs -r kill -9
		wait $session 2>/dev/null
		await 60 gone && await 5 tidy && running $pid && good=$((good + 1))
	done
	ok 'all are killed at any time: slots are restored' [ $good = "$KILLS_ALL" ]
	ok 'it was attached to then' [ $attached -ge 1 ]
	unharmed 'all are killed'
	says 'all are killed: its work is right' '^right [1-9]' "$T/target"
else
	skip 'no pgrep'
fi
done_testing

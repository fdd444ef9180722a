#!/bin/sh
# rsprof-guard maps the gate into a process, samples, and leaves it as it was.
# ATTACHES: how many cycles of attaching and detaching (make soak: 500), KILLS: how
# many times whoever started it is killed.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

ATTACHES=${ATTACHES:-50}
KILLS=${KILLS:-8}
# shellcheck source=tests/tools/guard.sh
. "$(dirname "$0")/../tools/guard.sh"

# ---- one cycle -----------------------------------------------------------

target "$target/gated" count 4
ls "/proc/$pid/fd" >"$T/fds"
guard -r
answers 'what is not attached cannot be counted' 'refused it is not attached' count
answers 'a period is a number' 'refused no such period: much' attach much
answers 'it attaches' 'attached base=*' attach off
base=$(field base)
ok 'slots lead into the gate' [ "$(slots)" -ge 5 ]
ok 'as many as it says' [ "$(slots)" = "$(field slots)" ]
answers 'it does not attach twice' 'refused it is attached' attach 1
answers 'an unknown word is refused' 'refused no such word: frob' frob
echo go 2000 >&7
await 60 grep -q allocated "$T/target"
answers 'nothing is sampled at first' 'counted bytes=* sampled=0 freed=0 full=0 twice=0 *' count

# estimate PERIOD: what is sampled in a round, beside what the program counts itself.
# 5.5 standard errors: chance exceeds them once in 20 million.
estimate() {
	ask period "$1"
	: >"$T/sum"
	"$gate" sum $pid "$base" <"$T/stop" >"$T/sum" &
	sum=$!
	own $sum
	exec 9>"$T/stop"
	: >"$T/target"
	echo go 10000 >&7
	await 120 grep -q allocated "$T/target"
	exec 9>&-
	wait $sum
	echo "$1 $(grep allocated "$T/target") $(cat "$T/sum")" |
		awk '{
			bytes = $9 - $3; if (bytes < 0) bytes = -bytes
			if (bytes > 5.5 * sqrt($3 * $1) || $7 < 500) exit 1
		}'
}
# The ring holds all records of a round, however late they are read.
for period in 8192 16384 32768; do
	if estimate $period; then pass "bytes are as counted, by one in $period"
	else fail "bytes are as counted, by one in $period"; diag <"$T/target"; diag <"$T/sum"; fi
done
# Live are only those of the last round, which replaces all that were kept before.
ok 'live bytes, too' sh -c 'cat "$0" "$1" | tr "\n" " " | awk "{
	d = \$10 - \$4; if (d < 0) d = -d
	exit d > 5.5 * sqrt(\$4 * 32768) + 65536 }"' "$T/target" "$T/sum"
# Blocks that it is told of: two addresses that no allocation has.
ask count
answers 'it follows blocks' 'followed 2' follow 10 20
answers 'and forgets them' 'forgotten 2' forget 10 20
answers 'those that have addresses' 'refused no address of a block' follow 10 x
ask count
ok 'none was missed' [ "$(field full) $(field twice) $(field lost)" = '0 0 0' ]
answers 'it detaches' detached detach
ok 'no slot leads there any more' tidy
ls "/proc/$pid/fd" >"$T/out"
same 'descriptors are as they were' "$T/out" "$T/fds"
answers 'it attaches again' "attached base=$base *" attach 4096
dismissed
ok 'at the end of its input it ends' [ $got = 0 ]
ok 'and has detached' tidy
ok 'there is one gate' [ "$("$gate" maps $pid)" = 1 ]
ended

# ---- many cycles ---------------------------------------------------------

# cycles N: attach and detach; how many of both were done is in $done_
cycles() {
	i=0 good=0
	guard -r
	while [ $i -lt "$1" ] && running $pid; do
		i=$((i + 1))
		ask attach 16384
		case $answer in attached*) good=$((good + 1)) ;; *) echo "$answer" | diag ;; esac
		sleep 0.0$((i % 7))
		ask detach
		case $answer in detached) good=$((good + 1)) ;; *) echo "$answer" | diag ;; esac
	done
	dismissed
	[ $good = $((2 * $1)) ]
}

# survives DESCRIPTION CYCLES ARG...: gated check ARG...
survives() {
	name=$1 n=$2
	shift 2
	target "$target/gated" check "$@"
	ok "$name: each time" cycles "$n"
	ok "$name: slots are restored" tidy
	ok "$name: there is one gate" [ "$("$gate" maps $pid)" = 1 ]
	ended
	ok "$name: it ends as it should" [ $got = 0 ]
	says "$name: its work is right" '^right [1-9]' "$T/target"
}
survives '8 threads' $((ATTACHES * 2 / 5)) 8
survives 'forks' $((ATTACHES / 5)) 3 forks
survives 'spawns and signals' $((ATTACHES / 5)) 3 spawns signals
# In a soak, all of them with as many threads.
survives 'all, and libraries' $((ATTACHES < 500 ? ATTACHES / 5 : ATTACHES)) \
	$((ATTACHES < 500 ? 3 : 8)) forks spawns signals loads "$target"

# ---- threads that wait ---------------------------------------------------

for call in $("$target/restarts"); do
	target "$target/restarts" "$call"
	guard -c
	for i in 1 2 3; do
		ask attach 4096
		sleep 0.0$((i * 3))
		ask detach
	done
	ok "$call: it detaches" [ "$answer" = detached ]
	dismissed
	ended
	says "$call: the thread does not notice" '^right' "$T/target"
done

# ---- threads that go on late ---------------------------------------------

# A process that is frozen goes on wherever it is at any later time: here with a thread
# in the middle of what it does for the gate.
groups=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts | head -n 1)
group=$groups/rsprof-test.$$
if mkdir "$group" 2>/dev/null && [ -w "$group/cgroup.freeze" ]; then
	target "$target/gated" check 2
	guard
	echo $pid >"$group/cgroup.procs"
	good=0
	for word in attach attach look detach; do
		echo 1 >"$group/cgroup.freeze"
		(sleep 1.5; echo 0 >"$group/cgroup.freeze") &
		own $!
		ask "$word" 4096
		case $answer in attached* | detached) good=$((good + 1)) ;; esac
		wait $!
	done
	ok 'it is frozen meanwhile: it attaches and detaches' [ $good -ge 1 ]
	ask detach
	dismissed
	ok 'and slots are restored' tidy
	ended
	ok 'and it ends as it should' [ $got = 0 ]
	says 'with its work right' '^right [1-9]' "$T/target"
	rmdir "$group"
else
	rmdir "$group" 2>/dev/null
	skip 'no processes can be frozen here'
fi

# ---- addresses that are loaded already -----------------------------------

for mode in registers stack asleep; do
	target "$target/guarded" $mode
	guard -c
	answers "$mode: it attaches" 'attached *' attach 4096
	ok "$mode: addresses are replaced" [ "$(field hoisted)" -ge 2 ]
	sampling
	ok "$mode: the loop is sampled" [ "$(field sampled)" -ge 20 ]
	ok "$mode: and its frees" [ $(($(field sampled) - $(field freed))) -le 1 ]
	answers "$mode: it detaches" detached detach
	dismissed
	ended
	ok "$mode: it ends as it should" [ $got = 0 ]
done

target "$target/guarded" lazy
guard -c
answers 'not bound yet: it attaches' 'attached *' attach 4096
echo go >&7
sampling
ok 'not bound yet: it is sampled' [ "$(field sampled)" -ge 20 ]
ok 'not bound yet: and its frees' [ $(($(field sampled) - $(field freed))) -le 1 ]
dismissed
sleep 0.2
ended
ok 'not bound yet: it ends as it should' [ $got = 0 ]

target "$target/guarded" threads 3000
guard -c
answers '3,000 threads: it attaches' 'attached *' attach 4096
answers '3,000 threads: it detaches' 'detached' detach
dismissed
ended

# ---- allocators that are linked in ---------------------------------------

for build in heap-lto heap-plain heap-je heap-je-lto; do
	if [ ! -x "$target/$build" ]; then
		skip "$build is not built"
		continue
	fi
	"$target/$build" 2 50 warm <"$T/in" >"$T/target" 2>&1 &
	pid=$!
	own $pid
	exec 7>"$T/in"
	guard
	sleep 0.3
	answers "$build: it attaches" 'attached *' attach 4096
	sampling
	ok "$build: it is sampled" [ "$(field sampled)" -ge 20 ]
	ok "$build: and its frees" [ $(($(field sampled) - $(field freed))) -le 100 ]
	dismissed
	ok "$build: slots are restored" tidy
	kill -9 $pid
	ended
done 2>/dev/null

# ---- in CPU profiles -------------------------------------------------------

target "$target/gated" check 2
guard
answers 'many samples: it attaches' 'attached *' attach 64
if rsprof-cpu -F 999 -d 4s -p $pid >"$T/raw" 2>"$T/err"; then
	rsprof-sym <"$T/raw" >"$T/named" 2>/dev/null
	says 'the gate is a module' '^module.*/memfd:rsprof-gate$' "$T/named"
	says 'samples in its functions are those of probes' '^cpu	.*	[?]probes' "$T/named"
	ok 'they are in no stack' sh -c '! grep "^frame.*rsprof_gate" "$0"' "$T/named"
	ok 'it ends no stack' sh -c '! grep "no-unwind-info.*memfd" "$0"' "$T/named"
else
	skip "no CPU profile: $(head -n 1 "$T/err")"
fi
dismissed
ended

# ---- who is in the way ---------------------------------------------------

target "$target/guarded" asleep
"$gate" trace $pid <"$T/stop" >"$T/tracer" 2>&1 &
tracer=$!
own $tracer
exec 9>"$T/stop"
await 60 grep -q traced "$T/tracer"
guard -c
answers 'a tracer is named' \
	"refused another process traces it: gate (process $tracer)" attach 1
exec 9>&-
wait $tracer
answers 'when it is gone it can be attached to' 'attached *' attach 4096

# A second one, by its own answers.
{ echo attach 1; sleep 0.5; } | rsprof-guard -c $pid >"$T/out" 2>"$T/err"
says 'another guard is named' \
	"^refused another process holds its gate: rsprof-guard \(process $guard\)" "$T/out"
ask count
ok 'which goes on' [ "$(field sampled)" -ge 0 ]

# Whoever holds it is killed: the next one takes it over.
kill -9 $guard
wait $guard 2>/dev/null
exec 8>&-
ok 'its guard is killed: it runs on' running $pid
ok 'through the gate' [ "$(slots)" -ge 2 ]
guard -c
answers 'the next one takes over' 'attached *' attach 4096
answers 'and detaches' detached detach
ok 'with slots restored' tidy
ok 'there is one gate still' [ "$("$gate" maps $pid)" = 1 ]
dismissed
ended
ok 'it ends as it should' [ $got = 0 ]

# A gate of another version is there: the same but for a name in it.
mkdir "$T/other"
LC_ALL=C sed 's/rsprof_gate_alloc_5/rsprof_gate_other_5/g' "$B/rsprof-guard" >"$T/other/rsprof-guard"
chmod +x "$T/other/rsprof-guard"
target "$target/guarded" asleep
"$T/other/rsprof-guard" -c $pid <"$T/stop" >"$T/answers" 2>&1 7>&- &
guard=$!
own $guard
exec 9>"$T/stop"
echo attach 4096 >&9
await 60 has_lines 1
kill -9 $guard
wait $guard 2>/dev/null
exec 9>&-
says 'another version is there' '^attached' "$T/answers"
guard -c
answers 'this one attaches' 'attached *' attach 4096
sampling
ok 'it samples, in loops too that went through the other' [ "$(field sampled)" -ge 20 ]
answers 'and detaches' detached detach
ok 'no slot leads to either' tidy
ok 'though both are mapped' [ "$("$gate" maps $pid)" = 2 ]
dismissed
ended
ok 'and it ends as it should' [ $got = 0 ]

target "$target/guarded" asleep
await 60 grep -q heap "/proc/$pid/maps"
sort "/proc/$pid/maps" >"$T/before"
guard -c
answers 'a thread alone: it attaches' 'attached *' attach 4096
sleep 0.2
answers 'a thread alone: it detaches' detached detach
sort "/proc/$pid/maps" >"$T/after"
comm -13 "$T/before" "$T/after" >"$T/new"
ok 'two mappings are new' [ "$(wc -l <"$T/new")" = 2 ]
ok 'and all others as before' [ -z "$(comm -23 "$T/before" "$T/after")" ]
dismissed
ended

target "$target/guarded" filtered
guard -c
ask attach 4096
case $answer in
'refused the kernel cannot suspend'* | 'refused it must not be traced, or'*)
	skip "seccomp: $answer" ;;
attached*)
	pass 'seccomp: the filter is suspended'
	answers 'seccomp: it detaches' detached detach ;;
*)
	fail "seccomp: $answer" ;;
esac
dismissed
ended
ok 'seccomp: it is not killed' [ $got = 0 ]

if command -v prlimit >/dev/null; then
	target "$target/guarded" asleep
	prlimit --pid $pid --as=1000000
	guard -c
	answers 'no room: it says so' 'refused it may not map more memory*' attach 4096
	ok 'no room: no gate is left' [ "$("$gate" maps $pid)" = 0 ]
	ok 'no room: no slot is changed' tidy
	dismissed
	ended
	ok 'no room: it ends as it should' [ $got = 0 ]
else
	skip 'no prlimit'
fi

# Where the kernel lets nobody execute memory files.
cat >"$T/noexec" <<'END'
echo 2 >/proc/sys/vm/memfd_noexec && exec "$1" asleep
END
if [ -e /proc/sys/vm/memfd_noexec ] && unshare -pf --mount-proc true 2>/dev/null; then
	target unshare -pf --mount-proc sh "$T/noexec" "$target/guarded"
	unshare=$pid
	pid=$(cat "/proc/$pid/task/$pid/children")
	pid=${pid% }
	guard -c
	answers 'no executable memory files: it says so' 'refused it may not map code *' attach 4096
	ok 'no executable memory files: no gate is left' [ "$("$gate" maps "$pid")" = 0 ]
	dismissed
	pid=$unshare
	ended
	ok 'no executable memory files: it ends as it should' [ $got = 0 ]
else
	skip 'no memfd_noexec, or no namespaces'
fi

target "$target/guarded" asleep
guard
answers 'without Rust code: it says so' \
	'refused its allocation functions are not called by slots' attach 4096
dismissed
ended

# ---- the process goes ----------------------------------------------------

target "$target/guarded" execs
guard -c
answers 'before it executes another program' 'attached *' attach 4096
echo go >&7
ok 'then its guard ends' await 60 sh -c '! kill -0 "$0"' $guard
dismissed
ok 'without a fault' [ $got = 0 ]
ok 'and the program runs' running $pid
ended
ok 'to its end' [ $got = 0 ]

target "$target/guarded" asleep
guard -c
answers 'before it is killed' 'attached *' attach 4096
kill -9 $pid
ok 'its guard ends with it' await 60 sh -c '! kill -0 "$0"' $guard
dismissed
ok 'without a fault, too' [ $got = 0 ]
ended

exits 'no such process: 3' 3 rsprof-guard 2147483647
exits 'no process: 2' 2 rsprof-guard none

# ---- from the first instruction on ---------------------------------------

# held CMD ARG...: held by rsprof-exec, in $pid.
held() {
	: >"$T/target"
	rsprof-exec "$@" <"$T/in" >>"$T/target" 2>&1 &
	pid=$!
	own $pid
	exec 7>"$T/in"
	await 60 grep -q '^State:.T' "/proc/$pid/status"
}
stopped() { grep -q '^State:.T' "/proc/$pid/status"; }

held "$target/gated" count 1
guard -r
answers 'a command that is held' starting start
answers 'begins once' 'refused it has started' start
kill -s CONT $pid
ok 'it comes to its first instruction' await 60 grep -q started "$T/answers"
ok 'and stops there' await 60 stopped
ok 'as another program' [ "$(cat "/proc/$pid/comm")" = gated ]
ok 'not traced' grep -q '^TracerPid:.0' "/proc/$pid/status"
answers 'it attaches before that runs' 'attached *' attach 1
kill -s CONT $pid
await 60 grep -q ready "$T/target"
ask count
ok 'what is allocated first is sampled' [ "$(field sampled)" -ge 5 ]
dismissed
ended
ok 'and it ends as it should' [ $got = 0 ]

held "$target/gated" count 1
guard -r
answers 'another one' starting start
dismissed
ok 'is let go of' [ $got = 0 ]
kill -s CONT $pid
ok 'and runs' await 60 grep -q ready "$T/target"
ended
ok 'to its end' [ $got = 0 ]

# ---- whoever started it is killed ----------------------------------------

# supervised: starts and attaches, over and over, until it is killed.
cat >"$T/supervisor" <<'END'
n=0
while :; do
	n=$((n + 1))
	{ echo attach 16384; sleep 0.0$((n % 4)); echo detach; } | rsprof-guard -r "$1" >>"$2"
done
END
gone() { ! pgrep -f "^rsprof-guard -r $pid\$" >/dev/null; }
if command -v pgrep >/dev/null; then
	target "$target/gated" check 4
	good=0 i=0
	: >"$T/answers"
	while [ $i -lt "$KILLS" ]; do
		i=$((i + 1))
		setsid sh "$T/supervisor" $pid "$T/answers" &
		supervisor=$!
		own $supervisor
		sleep 0.$((20 + i * 7 % 80))
		kill -9 -- -$supervisor 2>/dev/null || kill -9 $supervisor
		wait $supervisor 2>/dev/null
		await 60 gone && tidy && running $pid && good=$((good + 1))
	done
	ok 'its starter is killed at any time: slots are restored' [ $good = "$KILLS" ]
	says 'it was attached to then' '^attached' "$T/answers"
	ended
	ok 'and the process ends as it should' [ $got = 0 ]
	says 'with its work right' '^right [1-9]' "$T/target"
else
	skip 'no pgrep'
fi
done_testing

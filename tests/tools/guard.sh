# Shared by tests of rsprof-guard(1), after lib.sh: a target, and its guard.
# shellcheck disable=SC2034
target=$B/target
gate=$B/oracle/gate
mkfifo "$T/in" "$T/words" "$T/stop"

# target CMD ARG...: start it in $pid, with descriptor 7 as its input, and wait until
# it is ready.
target() {
	: >"$T/target"
	"$@" <"$T/in" >>"$T/target" 2>&1 &
	pid=$!
	own $pid
	exec 7>"$T/in"
	await 60 grep -q ready "$T/target"
}

# ended: close its input, and wait; its status is in $got.
ended() {
	exec 7>&-
	wait "$pid"
	got=$?
}

# guard ARG...: start rsprof-guard for $pid, by what is in $as, which reads what ask says.
as=
guard() {
	: >"$T/answers"
	# shellcheck disable=SC2086
	$as rsprof-guard "$@" $pid <"$T/words" >"$T/answers" 2>"$T/err" 7>&- 9>&- &
	guard=$!
	own $guard
	exec 8>"$T/words"
}

has_lines() { [ "$(wc -l <"$T/answers")" -ge "$1" ]; }
answered() { has_lines $((lines + 1)) || ! running "$guard"; }

# ask WORD...: its answer is in $answer, or that there is none and why.
ask() {
	lines=$(wc -l <"$T/answers")
	(trap '' PIPE; echo "$@" >&8) 2>/dev/null
	if await 60 answered && has_lines $((lines + 1)); then
		answer=$(tail -n 1 "$T/answers")
	elif running "$guard"; then
		answer="no answer: $(grep -H . "/proc/$guard/syscall" "/proc/$pid/task/"*/stat)"
	else
		answer="no guard: $(tail -n 1 "$T/answers") $(cat "$T/err")"
	fi
}

# answers DESCRIPTION PATTERN WORD...: ask, and compare.
answers() {
	name=$1 pattern=$2
	shift 2
	ask "$@"
	# shellcheck disable=SC2254
	case $answer in
	$pattern) pass "$name" ;;
	*) fail "$name"; echo "$*: $answer" | diag ;;
	esac
}

# field NAME: of the last answer.
field() { echo " $answer" | sed -n "s/.* $1=\([0-9a-f]*\).*/\1/p"; }

# sampling: until there are 20 samples, or for half a minute; what it answers to count.
sampling() {
	tries=0
	while ask count; [ "$(field sampled)" -lt 20 ] && [ $tries -lt 300 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
}

# dismissed: end of its input; its status is in $got.
dismissed() {
	exec 8>&-
	wait "$guard"
	got=$?
}

slots() { "$gate" slots "$pid"; }
# tidy: no slot leads into the gate.
tidy() { [ "$(slots)" = 0 ]; }
# running PID: its first thread may have ended, as while another executes a program.
running() {
	[ -d "/proc/$1" ] && { ! grep -q '^State:.*Z' "/proc/$1/status" ||
		[ "$(find "/proc/$1/task" -maxdepth 1 | wc -l)" -gt 2 ]; }
}

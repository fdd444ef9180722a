# Shared by all *.t: TAP in POSIX sh.  A test sources this file first:
#	. "$(dirname "$0")/../tools/lib.sh"
# It gets $B (the built programs, first in PATH), $T (a directory of its own,
# removed at the end), $ROOT (the source tree) and a hermetic environment.
# It calls `done_testing` last.  Whatever it starts in the background, it
# names with `own PID`, so that nothing outlives it; targets it starts by `launch`.

# What the caller ignores, as nohup does SIGHUP, the programs would go on to ignore,
# and a shell cannot change that: begin again with all signals at their defaults.
if [ -z "${RSPROF_TEST_SIGNALS:-}" ]; then
	RSPROF_TEST_SIGNALS=default exec env --default-signal sh "$0" "$@"
fi
unset RSPROF_TEST_SIGNALS

ROOT=$(cd "$(dirname "$0")" && pwd)
ROOT=${ROOT%/tests*}
B=${B:-$ROOT/build}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
T=$(mktemp -d "${TMPDIR:-/tmp}/rsprof-test.XXXXXX") || exit 1
PATH=$B:$PATH
HOME=$T
TZ=UTC
LC_ALL=C.UTF-8
TERM=xterm-256color
LINES=24
COLUMNS=80
export PATH HOME TZ LC_ALL TERM LINES COLUMNS
unset NO_COLOR MAKEFLAGS MAKELEVEL XDG_CACHE_HOME

tests=0
# shellcheck source=tests/tools/owned.sh
. "$ROOT/tests/tools/owned.sh"
# shellcheck disable=SC2317
cleanup() {
	for process in $(still_owned); do
		{ kill -9 "$process"; wait "$process"; } 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

pass() { tests=$((tests + 1)); echo "ok $tests - $1"; }
fail() { tests=$((tests + 1)); echo "not ok $tests - $1"; }
diag() { sed 's/^/# /' >&2; }
done_testing() { echo "1..$tests"; }
skip_all() { echo "1..0 # SKIP $1"; exit 0; }
skip() { tests=$((tests + 1)); echo "ok $tests # SKIP $1"; }

# ok DESCRIPTION COMMAND...: passes when the command succeeds.
ok() {
	name=$1; shift
	if "$@" >"$T/ok.out" 2>&1; then pass "$name"
	else fail "$name"; echo "failed: $*" | diag; diag <"$T/ok.out"; fi
}

# same DESCRIPTION GOT-FILE [EXPECTED-FILE]: the second defaults to stdin.
same() {
	if diff -u "${3:--}" "$2" >"$T/same.out" 2>&1; then pass "$1"
	else fail "$1"; diag <"$T/same.out"; fi
}

# exits DESCRIPTION STATUS COMMAND...: runs it with stdout in $T/out and
# stderr in $T/err and compares the exit status.
exits() {
	name=$1 want=$2; shift 2
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	if [ "$got" = "$want" ]; then pass "$name"
	else fail "$name"; echo "exit $got, not $want: $*" | diag; diag <"$T/err"; fi
}

# says DESCRIPTION PATTERN [FILE]: a line matches (grep -E); default $T/err.
says() {
	if grep -Eq -- "$2" "${3:-$T/err}"; then pass "$1"
	else fail "$1"; echo "no line matches: $2" | diag; head -50 "${3:-$T/err}" | diag; fi
}

# one_line DESCRIPTION: stderr of the last `exits` was exactly one line.
one_line() {
	if [ "$(wc -l <"$T/err")" = 1 ]; then pass "$1"
	else fail "$1"; diag <"$T/err"; fi
}

# rec: a record stream, written with | between its fields, with TABs.
rec() { sed 's/ *| */	/g'; }

# nobody COMMAND...: without privileges; as a background job, start setpriv
# itself, or $! is a shell's.
if [ "$(id -u)" = 0 ]; then
	chmod 711 "$T"
	nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
else
	nobody() { "$@"; }
fi

# launch [nobody] COMMAND...: starts a target, without privileges after "nobody", that
# ends with the test, even if that is killed.  Its PID is in $launched; by the end of
# launch it has executed the command.  Its standard input is empty.
launch() {
	as=
	if [ "$1" = nobody ]; then
		shift
		[ "$(id -u)" != 0 ] || as='--reuid 65534 --regid 65534 --clear-groups'
	fi
	# shellcheck disable=SC2086
	setpriv $as --pdeathsig KILL -- "$@" &
	launched=$!
	own $launched
	await 60 executed
}
# kernel_threads: there are some; in a PID namespace of its own, as a container's, are none.
kernel_threads() { grep -qs kthreadd /proc/2/comm; }
command_line() { tr '\0' ' ' <"/proc/$1/cmdline"; }
executed() {
	line=$(command_line "$launched") || return
	case $line in
	"$(command_line $$)" | 'setpriv '*--pdeathsig*) return 1 ;;
	esac
}

# await SECONDS COMMAND...: until it succeeds, at most so long.
await() {
	end=$(($(date +%s) + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.05
	done
}

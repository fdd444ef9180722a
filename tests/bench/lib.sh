# Shared by tests/bench/*.sh.  Each of these measures one thing and prints raw
# figures, a line each: FIGURE TAB WHO TAB VALUE, and TAB "over" where the true
# value is larger.  WHO is native (nobody watches), bpf or copy (rsprof-cpu,
# by how it walks stacks), fp or dwarf (perf record, by its --call-graph).
# shellcheck disable=SC2034
set -u

BENCH=$(cd "$(dirname "$0")" && pwd)
ROOT=${BENCH%/tests/bench}
B=${B:-$ROOT/build}
case $B in /*) ;; *) B=$ROOT/$B ;; esac
BENCH_SECONDS=${BENCH_SECONDS:-2} # of a window
BENCH_REPEAT=${BENCH_REPEAT:-3}
BENCH_LIMIT=${BENCH_LIMIT:-8}     # seconds for each perf script
BENCH_MODULES=${BENCH_MODULES:-8} # for rustc to compile

# What is cached for a next time is cached here: the first repetition starts
# with nothing.
T=$(mktemp -d "$B/bench.XXXXXX") || exit 1
PATH=$B:$B/target:$PATH
HOME=$T
XDG_CACHE_HOME=$T/cache
LC_ALL=C
export PATH HOME XDG_CACHE_HOME LC_ALL

# shellcheck source=tests/tools/owned.sh
. "$(dirname "$0")/../tools/owned.sh"
# shellcheck disable=SC2317
cleanup() {
	# A stopped process ends when it is continued.
	for p in $(still_owned); do
		{ kill "$p" && kill -CONT "$p" && wait "$p"; } 2>/dev/null
	done
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

die() { echo "${0##*/}: $*" >&2; exit 1; }
put() { printf '%s\t%s\t%s\n' "$1" "$2" "$3${4:+	$4}"; }
repetitions() { seq "$BENCH_REPEAT"; }
sum() { awk "BEGIN { print $1 }"; }
nth() { cut -d ' ' -f "$1"; }

# await SECONDS COMMAND...: until it succeeds, at most so long.
await() {
	end=$(($(date +%s) + $1)); shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# ---- targets -----------------------------------------------------------------

# target ARGUMENT...: start work, as $pid.
target() {
	work "$@" >"$T/count" &
	pid=$!
	own $pid
	await 10 test -s "$T/count" || die "work $* does not work"
}

end_target() { { kill "$pid"; wait "$pid"; } 2>/dev/null || :; }

# window SECONDS: what the target did meanwhile, as $rate: units a second of
# the clock, and units a second of its CPU time.
window() {
	from=$(tail -n 1 "$T/count")
	sleep "$1"
	rate=$(echo "$from $(tail -n 1 "$T/count")" | awk '{
		print ($5 - $2) / ($4 - $1) * 1e9, ($5 - $2) / ($6 - $3) * 1e9 }')
}

# ---- who watches -------------------------------------------------------------

is_rsprof() { [ "$1" = bpf ] || [ "$1" = copy ]; }

# stacks OPTION...: how rsprof-cpu says it takes stacks.
stacks() {
	rsprof-cpu "$@" -d 0.1 -p "$pid" 2>"$T/err" |
		sed -n '1s/.*	stacks=\([a-z]*\).*/\1/p'
}

# find_rsprof: sets $modes, and says what is not there.
find_rsprof() {
	default=$(stacks)
	[ -n "$default" ] || die "rsprof-cpu: $(cat "$T/err")"
	if [ "$default" = bpf ]; then
		modes=bpf
	else
		put note bpf "rsprof-cpu does not walk in the kernel here: it says stacks=$default"
	fi
	if [ "$(stacks -u)" = copy ]; then
		modes="$modes copy"
		BENCH_COPY=-u
	elif [ "$default" = copy ]; then
		modes="$modes copy"
		BENCH_COPY=
	else
		put note copy "rsprof-cpu -u: $(head -n 1 "$T/err")"
	fi
}

# find_modes: sets $BENCH_MODES to who can watch, in the order of the table.
find_modes() {
	modes=
	target busy 60 1
	find_rsprof
	for who in fp dwarf; do
		if ! command -v perf >/dev/null; then
			put note $who 'perf is not installed'
		elif perf record -q -e cpu-clock --call-graph $who -p "$pid" \
		    -o "$T/probe" -- sleep 0.1 >"$T/err" 2>&1; then
			modes="$modes $who"
		else
			put note $who "perf record: $(head -n 1 "$T/err")"
		fi
	done
	end_target
	BENCH_MODES=$modes
	export BENCH_MODES BENCH_COPY
}

perf_options=

# watch WHO HZ SECONDS NAME: sample $pid from now on, until `wait $watch`; its
# files are $T/NAME.*.  It returns when sampling goes on.
watch() {
	rm -f "$T/$4".*
	if is_rsprof "$1"; then
		flags=
		[ "$1" = bpf ] || flags=$BENCH_COPY
		# shellcheck disable=SC2086
		pipeline "$4" $flags -F "$2" -d "$3" -p "$pid" &
		watch=$!
		await 20 test -s "$T/$4.db" || die "rsprof-cpu: $(cat "$T/$4.err")"
	else
		# shellcheck disable=SC2016,SC2086
		spent "$T/$4.record" perf record -q $perf_options -e cpu-clock \
		    -F "$2" --call-graph "$1" -p "$pid" -o "$T/$4.data" -- \
		    sh -c ': >"$1"; exec sleep "$2"' - "$T/$4.ready" "$3" \
		    >"$T/$4.err" 2>&1 &
		watch=$!
		await 20 test -e "$T/$4.ready" || die "perf record: $(cat "$T/$4.err")"
	fi
	own $watch
}

# stop: who watches.  bpftrace misses a signal that comes while it attaches.
ended() { ! grep -q '^State:.[^Z]' "/proc/$watch/status"; }
stop() {
	{ kill "$watch"; await 20 ended || kill -9 "$watch"; wait "$watch"; } \
	    2>/dev/null || :
}

# begin WHO COMMAND...: in the background, as $watch, what it says in $T/WHO.
begin() {
	who=$1; shift
	"$@" >"$T/$who" 2>"$T/$who.err" &
	watch=$!
	own $watch
}

# pipeline NAME ARGUMENT...: rsprof-cpu with these arguments, and what follows.
pipeline() {
	name=$1; shift
	spent "$T/$name.cpu" rsprof-cpu "$@" 2>"$T/$name.err" |
		spent "$T/$name.sym" rsprof-sym |
		spent "$T/$name.store" rsprof-store "$T/$name.db"
}

# print WHO NAME [ARGUMENT...]: the post-processing that a user waits for.
# Sets $over where it took too long.
print() {
	who=$1 name=$2 over=
	shift 2
	if is_rsprof "$who"; then
		spent "$T/$name.print" rsprof-top cpu "$T/$name.db" >"$T/$name.out"
	else
		spent "$T/$name.print" timeout "$BENCH_LIMIT" \
		    perf script "$@" -i "$T/$name.data" >"$T/$name.out" 2>"$T/$name.err"
		[ $? != 124 ] || over=over
	fi
}

# ---- what it has cost, and what came of it -----------------------------------

# used NAME: CPU ms of recording, CPU ms with post-processing, and the peak of
# memory in KiB: programs that run at the same time are added.
used() {
	for stage in cpu sym store record print; do
		[ ! -f "$T/$1.$stage" ] || echo "$stage $(cat "$T/$1.$stage")"
	done | awk '
		$1 == "print" { cpu = $2; after = $3; next }
		{ record += $2; during += $3 }
		END {
			peak = after > during ? after : during
			print record, record + cpu, peak
		}'
}

# recording WHO NAME: its file.
recording() {
	if is_rsprof "$1"; then echo "$T/$2.db"; else echo "$T/$2.data"; fi
}

# samples WHO NAME: how many there are.
samples() {
	if is_rsprof "$1"; then
		rsprof-query "$T/$2.db" 'SELECT count(*) FROM cpu'
	else
		perf script -i "$T/$2.data" -F tid 2>/dev/null | grep -c .
	fi
}

# reach FIGURE WHO NAME: percent of the samples whose stack reaches a root.
# What a root is, recordings of rsprof tell, for perf as well.  Nothing where
# perf script was stopped: what it printed is how the program began.
reach() {
	if is_rsprof "$2"; then
		rsprof-query "$T/$3.db" "$(cat "$BENCH/roots.sql")" >"$T/roots"
		put "$1" "$2" "$("$BENCH/complete.pl" "$T/roots" "$(samples "$2" "$3")")"
	elif [ -z "$over" ]; then
		put "$1" "$2" "$("$BENCH/complete.pl" "$T/roots" <"$T/$3.out")"
	fi
}

# per_10000 VALUE SAMPLES
per_10000() { awk "BEGIN { print $2 ? $1 * 10000 / $2 : 0 }"; }

# costs PREFIX WHO NAME: raw figures.
costs() {
	n=$(samples "$2" "$3")
	use=$(used "$3")
	bytes=$(stat -c %s "$(recording "$2" "$3")")
	put "$1_samples" "$2" "$n"
	put "$1_record" "$2" "$(per_10000 "$(echo "$use" | nth 1)" "$n")"
	put "$1_cpu" "$2" "$(per_10000 "$(echo "$use" | nth 2)" "$n")" "$over"
	put "$1_memory" "$2" "$(sum "$(echo "$use" | nth 3) / 1024")"
	put "$1_bytes" "$2" "$(per_10000 "$(sum "$bytes / 1e6")" "$n")"
}

#!/bin/sh
# rsprof-heap, how it records: all allocations while that is paid for, then samples taken
# inside a command, with what lives kept; beside what the program counts itself.
# Bounds are 5.5 standard errors, as the samples tell them: chance exceeds one once in 20
# million.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/stages" ] || skip_all "no Rust compiler built $B/target/stages"
cd "$T" || exit 1
mkfifo in ready

# command ARG...: stages, held, profiled from its first instruction by rsprof-heap ARG.
command() {
	: >out
	"$B/rsprof-exec" "$B/target/stages" <in >>out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	rsprof-heap -r -R 8 -i 100ms "$@" -p $pid >raw 2>err 7>&- 8>ready &
	heap=$!
	own $heap
	read -r _ <ready
	kill -s CONT $pid
	await 60 grep -q ready out
}

# say LINE: and wait for the answer.
say() {
	echo "$1" >&7
	await 120 sh -c "[ \$(wc -l <out) = $2 ]"
}

# ended: the end of the command, and of what records it.
ended() {
	exec 7>&-
	wait $heap
	got=$?
	wait $pid
}

# live NAME: bytes that live in a function, and their error; the last that were recorded.
live() {
	awk -F'\t' -v name="$1" '
	$1 == "frame" { function_of[$2] = $3 }
	$1 == "stack" { caller[$2] = $3; frame[$2] = $6 }
	$1 == "heap" {
		for (s = $5; s in frame && function_of[frame[s]] !~ name; s = caller[s]);
		if (!(s in frame)) next
		at[$4, $5] = $0
	}
	END {
		for (i in at) {
			n = split(at[i], f, "\t")
			for (k = 6; k <= n; k++) {
				split(f[k], kv, "=")
				if (kv[1] == "live") sum += kv[2]
				if (kv[1] == "live_err") var += kv[2] * kv[2]
			}
		}
		printf "%.0f %.0f\n", sum, sqrt(var)
	}' named
}

# alike NAME TRUTH: what lives is told within 5.5 errors.
alike() {
	told=$(live "$2")
	if echo "$told $3" | awk '{ d = $1 - $3; if (d < 0) d = -d
		exit !($3 > 0 && d <= 5.5 * $2 + 0.01 * $3) }'; then pass "$1"
	else fail "$1"; echo "told $told, true $3" | diag; fi
}

command
say 'keep 3000' 2
say 'pause' 3
cp raw before
ok 'all allocations are recorded while that costs little' sh -c '! grep -q "from now on" before'
say 'churn 15000000' 4
says 'then they are sampled inside' 'from now on they are sampled inside the process' raw
says 'that is told at once' 'from now on they are sampled inside the process' err
say 'keep 1000' 5
ended
ok 'it ends with the process' [ $got = 0 ]
rsprof-sym <raw >named 2>err
true=$(sed -n 's/^old //p' out | tail -n 1)
alike 'what lived before is told' keep_old "$true"
total=$(awk -F'\t' '$1 == "memory" { for (i = 4; i <= NF; i++) { split($i, kv, "=")
	if (kv[1] == "bytes") sum += kv[2]
	if (kv[1] == "bytes_err") var += kv[2] * kv[2] } }
	END { printf "%.0f %.0f\n", sum, sqrt(var) }' raw)
true=$(sed -n 's/^all //p' out | tail -n 1)
if echo "$total $true" | awk '{ d = $1 - $3; if (d < 0) d = -d
	exit !($3 > 0 && d <= 5.5 * $2 + 0.01 * $3) }'; then pass 'and all that was allocated'
else fail 'and all that was allocated'; echo "told $total, true $true" | diag; fi
ok 'live memory never is less than nothing' awk -F'\t' '
	/\tlive=[0-9]{15}/ { bad = 1 } END { exit bad }' raw

command -P
say 'churn 3000000' 2
ended
ok 'probes only: it is never sampled inside' sh -c '! grep -q "from now on they are sampled inside" raw'

command -s 4096
say 'churn 1000' 2
ended
says 'a period: it is sampled inside from the first instruction' \
	'sampled inside the process, one per 4096 bytes' raw
done_testing

#!/bin/sh
# Time off the CPU: threads that know by the clock for how long they waited, and
# the kernel's own count, against what rsprof-cpu -o says.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

[ -e "$B/target/waits" ] || skip_all "no Rust compiler built $B/target/waits"
cd "$T" || exit 1
rsprof-cpu -o -d 0.1 -p $$ >probe 2>err || skip_all "$(head -n 1 err)"
mkfifo gate

# has_early PID: its thread that waits from the beginning does.
has_early() {
	cat "/proc/$1"/task/*/stat | grep -q '(early) S'
}

# record NAME OPTIONS COMMAND...: record a command from before it is let go, by
# a line on its standard input, to its end, or to that of a -d among the
# options; what it says is in NAME.out.
record() {
	name=$1 options=$2
	shift 2
	"$@" <gate >"$name.out" &
	pid=$!
	own $pid
	exec 8>gate
	await 60 test "/proc/$pid/exe" -ef "$B/target/waits"
	await 60 has_early $pid
	# shellcheck disable=SC2086
	{ rsprof-cpu -o -F 999 $options -p $pid; echo "cpu $?" >>"$name.st"; } |
	    tee "$name.raw" |
	    { rsprof-sym; echo "sym $?" >>"$name.st"; } |
	    tee "$name.rec" |
	    { rsprof-store "$name.db"; echo "store $?" >>"$name.st"; } &
	await 60 grep -q '^map' "$name.raw"
	echo go >&8
	exec 8>&-
	wait $!
	printf '%s 0\n' cpu store sym >well.st
	sort "$name.st" >is.st
	same "$name: every stage ends with 0" is.st well.st
	# shellcheck disable=SC2002
	cat "$name.raw" | rsprof-sym >again
	ok "$name: the raw stream replayed is named the same" cmp again "$name.rec"
	wait $pid
}

# csv GROUP METRIC NAME: a recording's table.
csv() { rsprof-top -n 0 -f csv -g "$1" "$2" "$3.db" | tr -d '\r"'; }

# check DESCRIPTION PROGRAM AWK-ARGUMENT...: the program says what it
# compares by near(), which marks what is wrong.  Columns of a table with a
# header line are c["name"].
check() {
	what=$1 program=$2
	shift 2
	awk '
	function near(what, got, want, most) {
		wrong = !(got - want <= most && want - got <= most)
		printf "%s%s: %.3f s, by another account %.3f s\n", \
		    wrong ? "not " : "", what, got / 1e9, want / 1e9
	}
	/^self_ns,/ { for (i = 1; i <= NF; i++) c[$i] = i; next }
	'"$program" "$@" >check.out 2>&1 || echo "not run: $program" >>check.out
	if [ -s check.out ] && ! grep -q '^not' check.out; then pass "$what"
	else fail "$what"; fi
	sed 's/^/# /' check.out
}

truth='FS == " " {
	wall[$1] = $2; waited[$3] = $4; waits[$3] = $5; busy += $6
	cpu[$1] = $7; delay[$1] = $8
	next
}
{ name = $c["thread"]; sub(/^waits::/, "", $c["function"]); f = $c["function"] }'

# ---- all of it ---------------------------------------------------------------

# adds_up NAME: the checks of every recording to the end of the program.
adds_up() {
	csv thread wall "$1" >thread.csv
	check "$1: on and off the CPU are each thread's wall time within 5 %" "$truth"'
	name in wall { near(name, $c["total_ns"], wall[name], wall[name] * 0.05); n++ }
	END { if (n != 8) print "not eight threads" }
	' "$1.out" FS=, thread.csv
	check "$1: also of those that have waited since before" "$truth"'
	!(name in wall) { near(name, $c["total_ns"], $c["present_ns"], $c["present_ns"] * 0.05); n++ }
	END { if (n != 2) print "not two" }
	' "$1.out" FS=, thread.csv
	if grep -q ' 0 0$' "$1.out"; then
		skip "$1: /proc/thread-self/schedstat is not there"
	else
		check "$1: on a CPU and waiting for one, as the kernel counts it" "$truth"'
		name in wall {
			near(name " on", $c["on_ns"], cpu[name], wall[name] * 0.05)
			near(name " ready", $c["ready_ns"], delay[name], wall[name] * 0.03)
		}' "$1.out" FS=, thread.csv
	fi
	csv function wall "$1" >function.csv
	check "$1: the time in each function that waits within 5 %" "$truth"'
	f in waited && f != "wait_nothing" && f != "wait_channel" {
		near(f, $c["total_ns"], waited[f], waited[f] * 0.05 + 2e7)
		n++
	}
	f == "spin" { near(f, $c["total_ns"], busy, busy * 0.05) }
	END { if (n != 6) print "not six functions" }
	' "$1.out" FS=, function.csv
}

record both '' "$B/target/waits" 6000 .
adds_up both
csv function off both >function.csv
check 'both: what they wait for is off the CPU' "$truth"'
f ~ /^wait_(sleep|hold|lock|condvar|pipe)$/ {
	near(f, $c["total_ns"], waited[f], waited[f] * 0.05 + 2e7)
	near(f " asleep", $c["total_ns"] - $c["ready_ns"], $c["sleeping_ns"], 0)
	n++
}
f == "spin" { near(f " asleep", $c["total_ns"], $c["ready_ns"], 0) }
END { if (n != 5) print "not five functions" }
' both.out FS=, function.csv
# One that is interrupted until its time is over need not sleep at all.
check 'both: and they are counted' "$truth"'
f ~ /^wait_(sleep|hold)$/ {
	wrong = $c["waits"] < 0.95 * waits[f] || $c["waits"] > 1.1 * waits[f] + 10
	printf "%s%s: %d waits of %d calls\n", wrong ? "not " : "", f, $c["waits"], waits[f]
}' both.out FS=, function.csv
case $(stat -f -c %T .) in
tmpfs | ramfs) skip 'fsync does not wait for memory' ;;
*) check 'both: fsync waits for the disk' "$truth"'
	f == "wait_disk" {
		near(f, $c["disk_ns"] + $c["ready_ns"], $c["total_ns"], $c["total_ns"] / 2)
	}' both.out FS=, function.csv ;;
esac
says 'wait_channel is one of those that waited before' \
    ',waits::wait_channel,' function.csv
rsprof-query both.db 'SELECT printf("%.1f", sum(ns) / 1e9), count(*) FROM off
	WHERE cut IS NULL OR cut <> "short"' >got
diag <got
check 'both: what has a stack has all of it, for 99 % of the time' '
$1 == "off" && $5 != "?short" { all += $6 }
$1 == "off" && ($5 ~ /^\?/ || cut[$5] != "") && $5 != "?short" { some += $6 }
$1 == "stack" { cut[$2] = $3 ~ /^\?/ ? $3 : cut[$3] }
END { near("whole stacks", all - some, all, all * 0.01) }
' FS='\t' both.rec
check 'both: a wait that goes on shows at least every second' '
$1 == "thread" && $5 == "early" { tid = $4; last = $2 }
$1 == "off" && $4 == tid {
	if ($2 - last > gap) gap = $2 - last
	last = $2
}
$1 == "end" { if ($2 - last > gap) gap = $2 - last; near("gap", gap, 5e8, 6e8) }
' FS='\t' both.rec

# ---- with few CPUs, with long waits only, and cut off ----------------------------

record crowd '' taskset -c 0 "$B/target/waits" 5000 .
adds_up crowd

record long '-m 100000' "$B/target/waits" 4000 .
csv thread wall long >thread.csv
check 'long: what is too short for a stack is time all the same' "$truth"'
name in wall { near(name, $c["total_ns"], wall[name], wall[name] * 0.05) }
' long.out FS=, thread.csv
csv function off long >function.csv
check 'long: it has no function' "$truth"'
$c["function"] == "[short]" { near("short", $c["self_ns"], $c["self_ns"], 0); n++ }
f == "wait_sleep" && $c["sleeping_ns"] { print "not short:", $0 }
END { if (n != 1) print "not there" }' long.out FS=, function.csv

record part '-d 3' "$B/target/waits" 4000 .
csv thread wall part >thread.csv
check 'part: threads that go on add up to what was recorded' "$truth"'
name != "" { near(name, $c["total_ns"], $c["present_ns"], $c["present_ns"] * 0.05); n++ }
END { if (n != 10) print "not ten threads" }' part.out FS=, thread.csv

# ---- in a PID namespace -------------------------------------------------------

# A thread that has ended, and is still on its way out, has no number there.
# shellcheck disable=SC2016
if unshare -pf --mount-proc true 2>/dev/null; then
	unshare -pf --mount-proc sh -c '
		i=0
		"$B/target/waits" 2000 "$1" <gate >ns.out & pid=$!
		exec 8>gate
		rsprof-cpu -o -F 999 -p $pid >ns.raw & cpu=$!
		until grep -q "^map" ns.raw || [ $i = 200 ]; do i=$((i + 1)); sleep 0.1; done
		echo go >&8
		exec 8>&-
		wait $cpu' - "$T"
	ok 'in a PID namespace: each wait is of a thread' awk -F'\t' '
		$1 == "thread" { is[$4] = 1 }
		$1 == "off" && ++n && !($4 in is) { bad = 1; print }
		END { exit bad || n < 100 }' ns.raw
else
	skip 'no PID namespace can be made'
fi

done_testing

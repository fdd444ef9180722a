# Shared by tests/kernel/*.t, which run where a kernel is emulated (see run),
# and anywhere else: as they cannot know how slow that is, they wait for what
# they need instead of for a time, and compare shares instead of times.
# shellcheck shell=sh

here=$(cd "$(dirname "$0")" && pwd)
B=${B:-build}
case $B in /*) ;; *) B=$here/../../$B ;; esac
# shellcheck source=tests/tools/lib.sh
. "$here/../tools/lib.sh"

for t in churn family plugs points split waits; do
	[ -e "$B/target/$t" ] || skip_all "no Rust compiler built $B/target/$t"
done
cd "$T" || exit 1

# long: for what takes seconds on a machine, and minutes under emulation.
long() { await 300 "$@"; }

# The ways to take stacks.
# shellcheck disable=SC2034
modes='walk copy'

# start NAME MODE PID OPTION...: rsprof-cpu into NAME.raw; it is $cpu.
start() {
	name=$1 mode=$2 of=$3
	shift 3
	[ "$mode" != copy ] || set -- -u "$@"
	rsprof-cpu "$@" -p "$of" >"$name.raw" 2>"$name.err" &
	cpu=$!
	own $cpu
	echo $cpu >"$name.pid"
}

# samples NAME N: there are so many.
samples() { [ "$(grep -c '^cpu' "$1.raw")" -ge "$2" ]; }

# finish NAME: once it has ended, or been told to; it is named as NAME.rec.
finish() {
	wait "$(cat "$1.pid")"
	status=$?
	ok "$1: ends well" test $status = 0
	diag <"$1.err"
	rsprof-sym <"$1.raw" >"$1.rec"
	status=$?
	ok "$1: is named" test $status = 0
}

# how NAME walk|copy: stacks were taken that way.  A program that cannot do
# better must not fail for it.
how() {
	case $2 in
	copy) says "$1: stacks are copied" '^rsprof	.*	stacks=copy	' "$1.raw" ;;
	*) if grep -q 'rsprof was built without BPF' "$1.raw"; then
		skip "$1: rsprof was built without BPF"
	else
		says "$1: stacks are walked in the kernel" \
		    '^rsprof	.*	stacks=(bpf|live)	' "$1.raw"
		grep '^note' "$1.raw" | diag
	fi ;;
	esac
}

# check DESCRIPTION PROGRAM AWK-ARGUMENT...: the program says what it
# compares by near() or least(), which mark what is wrong.
check() {
	what=$1 program=$2
	shift 2
	awk '
	function near(what, got, want, most) {
		printf "%s%s: %.2f, by its own account %.2f\n",
		    (got - want <= most && want - got <= most) ? "" : "not ",
		    what, got, want
	}
	function least(what, got, percent, all) {
		printf "%s%s: %d of %d\n",
		    (all >= 40 && 100 * got >= percent * all) ? "" : "not ",
		    what, got, all
	}'"$program" "$@" >check.out 2>&1 || echo "not run: $program" >>check.out
	if [ -s check.out ] && ! grep -q '^not' check.out; then pass "$what"
	else fail "$what"; fi
	diag <check.out
}

# A sample's functions and modules, innermost first, are in path[$5]; cut[$5]
# says why it ends too soon.
# shellcheck disable=SC2016,SC2034
paths='
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		path[$2] = " " module[$4] " " function_[$6] \
		    ($3 in path ? path[$3] : " ")
		cut[$2] = $3 ~ /^[?]/ ? $3 : cut[$3]
	}
	$1 == "cpu" && $5 ~ /^[?]/ { cut[$5] = $5 }'

# whole NAME PERCENT [BUT]: so many of its samples have all of their stack,
# those left out whose stack matches BUT.
# shellcheck disable=SC2016
whole() {
	check "$1: $2 % of stacks are complete" "$paths"'
		but && $1 == "cpu" && path[$5] ~ but { next }
		$1 == "cpu" { n++ }
		$1 == "cpu" && cut[$5] != "" { bad++; why[cut[$5] " in" path[$5]]++ }
		END {
			least("complete", n - bad, percent, n)
			for (w in why)
				if (i++ < 10)
					print why[w] ": " substr(w, 1, 300)
		}' percent="$2" but="${3-}" FS='\t' "$1.rec"
}

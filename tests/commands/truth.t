#!/bin/sh
# Recordings of programs that know themselves where their CPU time went, by
# the kernel's clocks: what rsprof says must be the same.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

for t in portions split family plugs one.so two.so brief; do
	[ -e "$B/target/$t" ] || skip_all "no Rust compiler built $B/target/$t"
done
cd "$T" || exit 1
mkfifo gate

# stages NAME PID OPTION...: record a process into NAME.raw, NAME.rec (the
# same, named while it comes) and NAME.db; the stages' statuses into NAME.st.
stages() {
	to=$1 of=$2
	shift 2
	{ rsprof-cpu -p "$of" "$@"; echo "cpu $?" >>"$to.st"; } |
	    tee "$to.raw" |
	    { rsprof-sym; echo "sym $?" >>"$to.st"; } |
	    tee "$to.rec" |
	    { rsprof-store "$to.db"; echo "store $?" >>"$to.st"; }
	sort -o "$to.st" "$to.st"
}

# record NAME OPTIONS COMMAND...: record a command to its end, from the moment
# on that it is let go by a line on its standard input; what it says is in
# NAME.out.
record() {
	name=$1 options=$2
	shift 2
	"$@" <gate >"$name.out" &
	pid=$!
	own $pid
	exec 8>gate
	await 60 test "/proc/$pid/exe" -ef "$1"
	# shellcheck disable=SC2086
	stages "$name" $pid $options &
	await 60 grep -q '^map' "$name.raw"
	echo go >&8
	exec 8>&-
	wait $!
	wait $pid
}

# well NAME: every stage ended well, and the raw stream, named again now,
# gives the same.
well() {
	printf '%s 0\n' cpu store sym >well.st
	same "$1: every stage ends with 0" "$1.st" well.st
	# shellcheck disable=SC2002
	cat "$1.raw" | rsprof-sym >"$1.again"
	ok "$1: the raw stream replayed is named the same" cmp "$1.again" "$1.rec"
}

# csv GROUP NAME: a recording's table: self, total, and what it is.
csv() { rsprof-top ${3-} -n 0 -f csv -g "$1" cpu "$2.db" | tr -d '\r"' | sed 1d; }

# check DESCRIPTION PROGRAM AWK-ARGUMENT...: the program says what it
# compares by near(), which marks what is wrong.
check() {
	what=$1 program=$2
	shift 2
	awk '
	function near(what, got, want, most, unit) {
		wrong = !(got - want <= most && want - got <= most)
		printf "%s%s: %.3f %s, by its own account %.3f\n", \
		    wrong ? "not " : "", what, got, unit, want
	}'"$program" "$@" >check.out 2>&1 || echo "not run: $program" >>check.out
	if [ -s check.out ] && ! grep -q '^not' check.out; then pass "$what"
	else fail "$what"; fi
	sed 's/^/# /' check.out
}

# ---- code that does nothing but call std -------------------------------------

record portions '-F 999' "$B/target/portions"
well portions
awk '{ for (i = 1; i < NF; i += 2) print $i, $(i + 1) }' portions.out >portions.truth
csv function portions >portions.table
check 'portions: what std does counts for the callers within 3 points' '
	FNR == NR { all += want[$1] = $2; next }
	{ sum += $1; sub(/^portions::/, "", $3); self[$3] += $1 }
	$3 ~ /wrapping_add|black_box|rotate_left|fold/ { print "not collapsed:", $3 }
	END {
		for (f in want)
			near("self of " f, 100 * self[f] / sum, 100 * want[f] / all, 3, "%")
	}' FS=' ' portions.truth FS=, portions.table
rsprof-top cpu portions.db >portions.text
for f in most some few; do
	ok "portions: $f is one of the first three rows" awk -v f="portions::$f" '
		/^Self/ { n = NR } n && NR > n && NR <= n + 3 && $5 == f { found = 1 }
		END { exit !found }' portions.text
done
for format in csv json; do
	rsprof-top -n 0 -f $format cpu portions.db | awk -v all="$(rsprof-query portions.db \
		'SELECT sum(ns) FROM cpu_samples')" '
		/^[0-9]/ { sum += $1 + 0 }
		match($0, /"self_ns":[0-9]+/) { sum += substr($0, RSTART + 10, RLENGTH - 10) }
		END { print sum == all ? "the whole" : sum " of " all }' FS=, >portions.sum
	echo 'the whole' >portions.want
	same "portions: self adds up in $format" portions.sum portions.want
done
rsprof-top -n 0 -r -f csv cpu portions.db | tr -d '\r' >portions.raw
says 'portions: -r shows std' 'wrapping_add|black_box|rotate_left' portions.raw

# ---- shares of functions, lines and threads ----------------------------------

# Its late threads start in the midst of it.
setpriv --pdeathsig KILL "$B/target/split" <gate >split.out &
pid=$!
own $pid
exec 8>gate
await 60 test -s split.out
stages split $pid -F 999 -d 10 8>&- &
own $!
# lasts SECONDS: it has samples of so much time.
lasts() {
	awk -F'\t' -v most="$1" '
		$1 == "rsprof" { sub(/.*\tmono=/, ""); from = $1 + 0 }
		$1 == "cpu" { to = $2 }
		END { exit !(to - from > most * 1e9) }' split.raw
}
await 60 lasts 4
echo go >&8
exec 8>&-
wait $!
{ kill $pid; wait $pid; } 2>/dev/null
well split

# What it has counted between its first and last word in the time recorded.
awk -F'\t' '
	FNR == NR && $1 == "rsprof" { sub(/.*\tmono=/, ""); from = $1 + 0 }
	FNR == NR && $1 == "end" { to = $2 }
	FNR == NR { next }
	{ n = split($0, w, " ") }
	n != 15 || w[1] < from || w[1] > to { next }
	!first { first = w[1]; for (i = 3; i <= n; i += 2) before[i] = w[i] }
	{ last = w[1]; for (i = 3; i <= n; i += 2) after[i] = w[i] }
	END {
		print "from", first
		print "to", last
		for (i = 3; i <= n; i += 2)
			print w[i - 1], after[i] - before[i], after[i]
	}' split.rec split.out >split.truth

shares='
	FNR == NR { if ($1 ~ /^(alpha|beta|gamma)$/) all += want[$1] = $2; next }
	{ sum += $1 }'
csv function split >split.function
check 'split: self and total by function within 3 points' "$shares"'
	{ sub(/^split::/, "", $3); self[$3] += $1; total[$3] += $2 }
	END {
		for (f in want) {
			near("self of " f, 100 * self[f] / sum, 100 * want[f] / all, 3, "%")
			near("total of " f, 100 * total[f] / sum, 100 * want[f] / all, 3, "%")
		}
		near("total of worker", 100 * total["worker"] / sum, 100, 3, "%")
	}' FS=' ' split.truth FS=, split.function
csv line split >split.line
lines=$(awk '
	/x \^= x << 13; / { print "a=" NR }
	/x \^= x << 7; / { print "b=" NR }
	/x \^= x << 21; / { print "c=" NR }' "$ROOT/tests/target/split.rs")
# shellcheck disable=SC2086
check 'split: by line within 3 points' "$shares"'
	$3 ~ /^split::/ { self[$5] += $1 }
	END {
		near("line of alpha", 100 * self[a] / sum, 100 * want["alpha"] / all, 3, "%")
		near("line of beta", 100 * self[b] / sum, 100 * want["beta"] / all, 3, "%")
		near("line of gamma", 100 * self[c] / sum, 100 * want["gamma"] / all, 3, "%")
	}' $lines FS=' ' split.truth FS=, split.line
csv thread split >split.thread
check 'split: by thread within 3 points' '
	FNR == NR { if ($1 ~ /^(early|late)-/) all += want[$1] = $2; next }
	{ sum += $1; self[$5] += $1 }
	END {
		for (t in want)
			near(t, 100 * self[t] / sum, 100 * want[t] / all, 3, "%")
		if (length(want) != 4)
			print "not four threads"
	}' FS=' ' split.truth FS=, split.thread

# A sample more or less for each thread, processor and end of the time; and what
# was lost, which is told, but not of whom.
check 'split: CPU time of each thread, and of all, within 3 %' '
	FNR == NR { want[$1] = $2; next }
	$1 == "thread" { name[$4] = $5 }
	$1 == "lost" { lost += $4 * 1e9 / 999 }
	$1 == "cpu" && $2 > want["from"] && $2 <= want["to"] {
		got[name[$4]] += $6
	}
	END {
		if (lost)
			printf "lost, as it says: %.3f s\n", lost / 1e9
		for (t in want) {
			if (t !~ /^(early|late)-/)
				continue
			near(t, got[t] / 1e9, want[t] / 1e9,
			    (want[t] * 0.03 + lost) / 1e9 + 0.008, "s")
			sum += got[t]
			all += want[t]
		}
		near("all", (sum + lost) / 1e9, all / 1e9, all * 0.03 / 1e9, "s")
	}' FS=' ' split.truth FS='\t' split.rec
check 'split: late threads are sampled from their beginning' '
	FNR == NR { to[$1] = $2; want[$1] = $3; next }
	$1 == "thread" { name[$4] = $5 }
	$1 == "lost" { lost += $4 * 1e9 / 999 }
	$1 == "cpu" && $2 <= to["to"] { got[name[$4]] += $6 }
	END {
		near("late-a", got["late-a"] / 1e9, want["late-a"] / 1e9,
		    (want["late-a"] * 0.03 + lost) / 1e9 + 0.008, "s")
		near("late-b", got["late-b"] / 1e9, want["late-b"] / 1e9,
		    (want["late-b"] * 0.03 + lost) / 1e9 + 0.008, "s")
	}' FS=' ' split.truth FS='\t' split.rec
sum='{ n += $1 } END { printf "%.0f\n", n }'
csv function split | awk -F, "$sum" >a
csv thread split | awk -F, "$sum" >b
same 'the tables by function and by thread have the same sum' a b
awk -F'\t' '$1 == "cpu" { n += $6 } END { printf "%.0f\n", n }' split.rec >b
same 'and it is that of the samples' a b

# ---- child processes ---------------------------------------------------------

record family '-F 999 -f' "$B/target/family" 400
well family
check 'family: with -f each process has its CPU time' '
	FNR == NR { want[$2] = $3; name[$2] = $1; next }
	$1 == "cpu" { got[$3] += $6 }
	$1 == "cpu" && !($3 in want) { print "not of the family:", $3; exit }
	END {
		for (p in want) {
			near(name[p], got[p] / 1e9, want[p] / 1e9,
			    want[p] * 0.03 / 1e9 + 0.008, "s")
			n++
		}
		if (n != 4)
			print "not four processes"
	}' FS=' ' family.out FS='\t' family.rec
check 'family: and its functions' '
	FNR == NR { name[$2] = "family::" $1; next }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" { path[$2] = path[$3] " " function_[$6] }
	$1 == "cpu" {
		all[$3] += $6
		if (index(path[$5] " ", " " name[$3] " "))
			own[$3] += $6
	}
	END {
		for (p in name)
			near(name[p], 100 * own[p] / all[p], 100, 3, "%")
	}' FS=' ' family.out FS='\t' family.rec
awk '$1 == "spawned" { print "proc", $2, "family", exe, exe " 400 spawned" }' \
    exe="$(readlink -f "$B/target/family")" family.out >a
awk -F'\t' '$1 == "proc" { last[$3] = $1 " " $3 " " $5 " " $6 " " $7 }
	END { for (p in last) if (last[p] ~ / spawned$/) print last[p] }' \
    family.rec >b
same 'family: what the spawned child executes' a b

record alone '-F 999' "$B/target/family" 200
well alone
check 'family: without -f only the process itself is counted' '
	FNR == NR { if ($1 == "parent") { pid = $2; want = $3 } next }
	$1 == "cpu" && $3 != pid { print "not of the parent:", $3; exit }
	$1 == "proc" && $3 != pid { print "not told of:", $3; exit }
	$1 == "cpu" { got += $6 }
	END { near("parent", got / 1e9, want / 1e9, want * 0.03 / 1e9 + 0.008, "s") }
	' FS=' ' alone.out FS='\t' alone.rec

# ---- libraries that come and go ----------------------------------------------

record plugs '-F 999' "$B/target/plugs" "$B/target" 8
well plugs
csv function plugs -r >plugs.function # they have no time of their own
check 'plugs: functions of libraries loaded after the attach' '
	FNR == NR { want[$1] = $2; next }
	{ total[$3] += $2 }
	END {
		share["one"] = 80
		share["two"] = 30
		for (l in share) {
			first = total[l "::first"]
			second = total[l "::second"]
			near(l, (first + second) / 1e9, want[l] / 1e9, want[l] * 0.05 / 1e9, "s")
			near("first of " l, 100 * first / (first + second), share[l], 3, "%")
		}
	}' FS=' ' plugs.out FS=, plugs.function
if [ "$(sed 's/[^ ]* [^ ]* //; s/ /\n/g' plugs.out | sort | uniq -d | wc -l)" = 0 ]; then
	skip 'plugs: no address was given out twice'
else
	awk -F, '$3 ~ /::(first|second)$/ { print $3, $6 }' plugs.function |
	    sed "s,$(readlink -f "$B/target")/,," | sort -u >a
	same 'plugs: where one library was, another one is known' a <<'E'
one::first one.so
one::second one.so
two::first two.so
two::second two.so
E
fi

# ---- threads that come and go ------------------------------------------------

accounted='
	FNR == NR { want = $1; next }
	$1 == "rsprof" { sub(/.*\thz=/, ""); hz = $1 + 0 }
	$1 == "cpu" { got += $6 }
	$1 == "lost" { lost += $4 / hz * 1e9; print $4, "lost:", $5 }'

# Such a thread often ends before its first sample is due.
record brief '-F 999' "$B/target/brief" 2000 0 200 2800
well brief
check 'brief: 2000 threads of a millisecond or two, no time unaccounted for' \
    "$accounted"'
	END {
		printf "%.3f s sampled\n", got / 1e9
		near("and lost", (got + lost) / 1e9, want / 1e9, want * 0.05 / 1e9, "s")
	}' FS=' ' brief.out FS='\t' brief.rec
check 'brief: each thread is told of, and its end' '
	$1 == "thread" && !($4 in known) { known[$4] = 1; came++ }
	$1 == "exit" && $4 != "-" { delete known[$4]; went++ }
	END {
		near("threads", came, 2003, 0, "")
		near("ends", went, 2003, 0, "")
	}' FS='\t' brief.rec

# The samples of a thread are due every 10 ms, and it starts another one every
# 5 ms: what it has used when that one ends must not be forgotten.
record starters '-F 99' "$B/target/brief" 400 5000 50 150
well starters
check 'starters: threads that often start others are sampled' "$accounted"'
	END {
		near("sampled", got / 1e9, want / 1e9, want * 0.1 / 1e9, "s")
		near("and lost", (got + lost) / 1e9, want / 1e9, want * 0.05 / 1e9, "s")
	}' FS=' ' starters.out FS='\t' starters.rec

done_testing

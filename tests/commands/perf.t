#!/bin/sh
# The profile that perf record --call-graph dwarf takes of the same run at the
# same time is the same: functions of the program, and libraries, by self and
# total.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

mixed=$B/target/mixed
[ -x "$mixed" ] || skip_all "no Rust compiler built $mixed"
perf --version >/dev/null 2>&1 || skip_all "there is no perf"
command -v c++filt >/dev/null || skip_all "there is no c++filt"
cd "$T" || exit 1

# Steady, because perf misses part of what starts threads again and again.
launch "$mixed" 0 steady >/dev/null
pid=$launched
perf record -q -p $pid -e cpu-clock -F 199 -k mono \
    --call-graph dwarf,65528 -o perf.data -- sleep 15 >perf.err 2>&1 &
perf=$!
own $perf
rsprof-cpu -p $pid -F 199 -d 15 | rsprof-sym >ours.rec
wait $perf
status=$?
{ kill $pid; wait $pid; } 2>/dev/null
if [ $status != 0 ]; then
	skip_all "perf record does not work here: $(head -n 1 perf.err)"
fi

# Both as lines: time, then words from the innermost frame on: functions of
# the program by name, without the hash of their crate or instance; other
# modules by theirs.  Neither the kernel nor inlined calls.  One function may
# have two names, as those of u64 and usize in some builds of std.
plain() {
	sed -E 's/::h[0-9a-f]{16}//g; s/\[[0-9a-f]{5,16}\]//g
		s/(impl core::fmt::[A-Za-z]+ for )usize>/\1u64>/g'
}
perf script -i perf.data --no-inline --no-demangle -F tid,time,ip,sym,dso \
    2>/dev/null | c++filt | awk '
	function finish() {
		if (line != "")
			print line
		line = ""
	}
	$1 ~ /^[0-9]+$/ && $2 ~ /^[0-9.]+:$/ {
		finish()
		line = substr($2, 1, length($2) - 1)
		next
	}
	NF == 0 || length($1) == 16 && $1 ~ /^ffff/ { next }
	{
		word = $NF
		gsub(/^\(|\)$/, "", word)
		sub(/.*\//, "", word)
		if (word == "mixed") {
			word = $0
			sub(/^[ \t]*[^ ]+ /, "", word)
			sub(/ \([^ ]*\)$/, "", word)
		}
		line = line "\t" word
	}
	END { finish() }' | plain >perf.stacks
awk -F'\t' '
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		word = module[$4] == "mixed" ? function_[$6] : module[$4]
		above = $3 ~ /^([?].*|-)$/ ? "" : stack[$3]
		stack[$2] = $7 ? above : "\t" word above
	}
	$1 == "cpu" { printf "%.6f%s\n", $2 / 1e9, stack[$5] }' ours.rec |
    plain >ours.stacks

# What is 1 % or more of one must be as much of the other, but for what 4
# standard deviations of two samples and 1 point of 100 explain.
awk -F'\t' '
	function bounds(i) {
		if (!(who in first))
			first[who] = $1
		last[who] = $1
	}
	function compare(what, a, b, name,  p, q, most) {
		p = a / n["ours"]
		q = b / n["perf"]
		if (p < 0.01 && q < 0.01)
			return
		most = 0.01 + 4 * sqrt((p + q) / 2 * (1 - (p + q) / 2) * \
		    (1 / n["ours"] + 1 / n["perf"]))
		compared++
		if (p - q > most || q - p > most)
			printf "not "
		printf "%s of %s: %.2f %%, by perf %.2f %% (+- %.2f)\n", \
		    what, name, 100 * p, 100 * q, 100 * most
	}
	{ who = FILENAME; sub(/[.].*/, "", who) }
	pass == 1 { bounds(); next }
	!to {
		from = first["ours"] > first["perf"] ? first["ours"] : first["perf"]
		to = last["ours"] < last["perf"] ? last["ours"] : last["perf"]
	}
	$1 < from || $1 > to || NF < 2 { next }
	{
		n[who]++
		self[who, $2]++
		words[$2] = 1
		for (i = 2; i <= NF; i++)
			if (seen[$i] != FILENAME FNR) {
				seen[$i] = FILENAME FNR
				total[who, $i]++
				words[$i] = 1
			}
	}
	END {
		printf "%d samples, perf has %d\n", n["ours"], n["perf"]
		if (n["ours"] < 500 || n["perf"] < 500)
			print "not enough"
		for (w in words) {
			compare("self", self["ours", w], self["perf", w], w)
			compare("total", total["ours", w], total["perf", w], w)
		}
		if (compared < 40)
			print "not much to compare"
	}' pass=1 ours.stacks perf.stacks pass=2 ours.stacks perf.stacks >compared
if grep -q '^not' compared; then
	fail 'self and total as perf has them'
	{ grep '^not' compared; ls -l perf.data; cat perf.err; } | diag
else pass 'self and total as perf has them'; fi
sort compared | sed 's/^/# /'
done_testing

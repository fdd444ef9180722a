#!/bin/sh
# Where a program stands still, all see the same stack: rsprof-stack, which
# stops it and looks, and each sample of the walk in the kernel; of the copied
# stack, as far as the copy goes.
# shellcheck disable=SC2016
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

arrived() { [ "$(wc -l <arrived)" -ge $n ]; }
mapped() { grep -q '^map' "$1.raw"; }
# look: at the thread; when it was is $at, its stack $stack.
look() {
	rsprof-stack -p $pid >look 2>look.err || diag <look.err
	at=$(sed -n 's/^rsprof.*	mono=\([0-9]*\).*/\1/p' look)
	stack=$(awk -F'\t' -v tid="$tid" '$1 == "state" && $4 == tid { print $6 }' look)
	cat look >>looks
}
# sampled: each way has a sample since.  There are few records after one.
sampled() {
	for mode in $modes; do
		tail -n 200 $mode.raw | awk -F'\t' -v tid="$tid" -v at="$at" '
			$1 == "cpu" && $4 == tid && $2 > at && ++n == 3 { found = 1; exit }
			END { exit !found }' || return
	done
}
# known: the kernel has the tables to walk the thread's stack, of which no copy
# has all.  Until then samples come as copies.
known() {
	awk -F'\t' -v tid="$tid" '
		$1 == "stack" { cut[$2] = $3 ~ /^[?]/ ? $3 : cut[$3] }
		$1 == "cpu" && $4 == tid { known = $5 in cut && cut[$5] == "" }
		END { exit !known }' walk.raw
}

mkfifo in
"$B/target/points" "$B/target" <in >arrived &
pid=$!
own $pid
exec 9>in
n=1
long arrived
for mode in $modes; do
	start $mode $mode $pid -F 49
	long mapped $mode || diag <$mode.err
done
walked=$(sed -n '1s/.*	stacks=\(bpf\|live\)	.*/\1/p' walk.raw)
while long arrived; do
	read -r point tid <<-E
	$(sed -n "${n}p" arrived)
	E
	look
	from=$at before=$stack
	long sampled
	[ -z "$walked" ] || [ "$point" != deep ] || long known || break
	look
	echo "$point $tid $from $at $before $stack" >>stands
	n=$((n + 1))
	echo >&9
	[ "$point" != leave ] || break
done
exec 9>&-
wait $pid
status=$?
ok "the program has ended well, after $((n - 1)) points" [ $status = 0 ]
for mode in $modes; do
	finish $mode
	how $mode $mode
done

# The innermost frame's place is left out, since it spins there.
for mode in $modes; do
	check "$mode: all samples are as rsprof-stack sees it" '
		# How the stack a of stream s goes on from its innermost frame
		# as b of the looks does.
		function compare(s, a, b,    depth) {
			for (depth = 1; (s, a) in up && ("looks", b) in up; depth++) {
				if (module[s, a] != module["looks", b] ||
				    depth > 1 && offset[s, a] "" != offset["looks", b] "")
					return "differs in frame " depth ": " \
					    module[s, a] "+" offset[s, a] ", not " \
					    module["looks", b] "+" offset["looks", b]
				a = up[s, a]
				b = up["looks", b]
			}
			if (a == b && (a == "-" || a ~ /^[?]/))
				return "same"
			if (a == "?copy-end" || a == "?bad-memory")
				return "cut"
			return "ends with " a " after " depth - 1 ", not with " b
		}
		FILENAME == "stands" {
			split($0, w, " ")
			at[++points] = w[1]
			for (i = 2; i <= 6; i++)
				is[points, i] = w[i]
			next
		}
		FILENAME != "looks" { s = "mode" }
		FILENAME == "looks" { s = "looks" }
		$1 == "module" { sub(/.*\//, "", $4); name[$2] = $4 }
		$1 == "stack" {
			up[s, $2] = $3
			module[s, $2] = name[$4]
			offset[s, $2] = $5
		}
		$1 == "cpu" {
			while (point < points && (!point || $2 > is[point, 4]))
				point++
			if ($2 > is[point, 3] && $2 < is[point, 4] && $4 == is[point, 2])
				seen[point, compare(s, $5, is[point, 5])]++
		}
		END {
			for (i = 1; i <= points; i++) {
				how = compare("looks", is[i, 6], is[i, 5])
				if (how != "same")
					print "not " at[i] ": by rsprof-stack again: " how
			}
			for (k in seen) {
				split(k, w, SUBSEP)
				n[w[1]] += seen[k]
				same += w[2] == "same"
				may = FILENAME == "copy.raw" || at[w[1]] == "deep"
				if (w[2] != "same" && !(w[2] == "cut" && may))
					print "not " at[w[1]] ": " seen[k] " samples: " w[2]
			}
			for (i = 1; i <= points; i++)
				if (n[i] < 3)
					print "not " at[i] ": " n[i] + 0 " samples"
			least("the same", same, 80, points)
		}' stands FS='\t' looks $mode.raw
done
done_testing

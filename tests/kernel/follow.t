#!/bin/sh
# A command from its first instruction on, its child processes, what these
# execute, threads that come, and libraries that are loaded and unloaded.
# shellcheck disable=SC2016
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

is_held() { [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat")" = T ]; }

for mode in $modes; do
	rsprof-exec sh -c 'echo | "$1/family" 1000; echo | "$1/plugs" "$1" 6' - \
	    "$B/target" >$mode.out &
	held=$!
	own $held
	long is_held $held
	start $mode $mode $held -c -f -F 199
	finish $mode
	how $mode $mode
	wait $held
	status=$?
	ok "$mode: the command ends well" test $status = 0
	grep '^lost' $mode.raw | diag
	check "$mode: processes and libraries have their shares, within 6 points" \
	    "$paths"'
		FS == " " && /^(one|two)/ { want[$1 ".so"] = $2; all += $2; next }
		FS == " " { want[$1] = $3; all += $3; name[$2] = $1; next }
		$1 == "cpu" && $3 in name { got[name[$3]]++; n++ }
		$1 == "cpu" && match(path[$5], / (one|two)\.so /) {
			got[substr(path[$5], RSTART + 1, 6)]++
			n++
		}
		END {
			for (w in want)
				near(w, 100 * got[w] / n, 100 * want[w] / all, 6)
			if (length(want) != 6)
				print "not six"
		}' FS=' ' $mode.out FS='\t' $mode.rec
	check "$mode: and so have their functions" "$paths"'
		FS == " " && !/^(one|two)/ { name[$2] = "family::" $1; next }
		FS == " " { next }
		$1 == "cpu" && $3 in name {
			n[name[$3]]++
			some[name[$3]] += path[$5] ~ / family::(parent|child|grandchild|spawned) /
			own[name[$3]] += path[$5] ~ " " name[$3] " "
		}
		$1 == "cpu" && match(path[$5], / (one|two)::(first|second) /) {
			lib = substr(path[$5], RSTART + 1, 3)
			all[lib]++
			first[lib] += path[$5] ~ / ...::first /
		}
		END {
			# It also takes time to begin, and to begin others.
			for (f in n) {
				least(f, own[f], 50, n[f])
				least(f, own[f], 98, some[f])
			}
			near("first of one", 100 * first["one"] / all["one"], 80, 12)
			near("first of two", 100 * first["two"] / all["two"], 30, 12)
		}' FS=' ' $mode.out FS='\t' $mode.rec
	# Until the kernel has been told of a library, its frames are the last ones.
	whole $mode 97 ' (one|two)\\.so '
	check "$mode: where those of libraries end too soon is said" "$paths"'
		$1 == "cpu" && path[$5] ~ / (one|two)\.so / { n++; why[cut[$5]]++ }
		END { least("complete or not yet", why[""] + why["?no-module"] + why["?not-ready"], 95, n) }
		' FS='\t' $mode.rec
	awk 'NF == 3 { print $2, "family" }' $mode.out | sort >want
	awk -F'\t' '
		$1 == "proc" { name[$3] = $5 }
		END { for (p in name) if (name[p] == "family") print p, name[p] }' \
	    $mode.rec | sort >got
	same "$mode: what they execute is told" got want
	says "$mode: and how it all ended" '^end	[0-9]+	cpu	exited$' $mode.rec
done

done_testing

# Shared by the tests of rsprof-heap.

# sums NAMES REC: of each function of tests/target/heap.rs that a file of its
# words names, what was allocated in it, in the same words.
sums() {
	awk -F'\t' '
	FNR == NR { split($0, w, " "); name[w[2]]; next }
	$1 == "frame" { sub(/.*::/, "", $3); frame[$2] = $3 }
	$1 == "stack" {
		site[$2] = frame[$6] in name ? frame[$6] : site[$3]
	}
	$1 == "heap" && site[$5] {
		s = site[$5]
		for (i = 6; i <= NF; i++) {
			split($i, kv, "=")
			sum[s, kv[1]] += kv[2]
		}
	}
	END {
		for (s in name)
			print "site", s, sum[s, "allocs"] + 0, sum[s, "bytes"] + 0, \
			    sum[s, "frees"] + 0, sum[s, "freed"] + 0, \
			    sum[s, "bytes"] - sum[s, "freed"], \
			    sum[s, "allocs"] - sum[s, "frees"]
	}' "$1" "$2" | sort
}

# code PID: the bytes in which its code differs from the files that it is of, such as the 314
# of a probe: the file, the place in the mapped part, the byte, and the one of the file.
code() {
	while read -r range access offset _ _ path; do
		case $access$path in r-xp/*) ;; *) continue ;; esac
		from=$((0x${range%-*} / 4096)) to=$((0x${range#*-} / 4096))
		dd if="/proc/$1/mem" bs=4096 skip=$from count=$((to - from)) 2>/dev/null |
			cmp -l -i "0:$((0x$offset))" - "$path" 2>/dev/null | sed "s|^|$path |"
	done <"/proc/$1/maps"
}
is_clean() { code "$1" >now; [ ! -s now ]; }

# target CMD ARG...: start it in $pid, with the pipe `in` as its input, by descriptor 7, and
# its output in `out`, and wait until it is ready.
target() {
	: >out
	"$@" <in >>out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	await 60 grep -q ready out
}

# total KEY: of all heap records of the stream raw.
total() {
	awk -F'\t' -v key="$1" '$1 == "heap" { for (i = 6; i <= NF; i++) {
		split($i, kv, "="); if (kv[1] == key) n += kv[2] } } END { printf "%.0f\n", n }' raw
}

# near NAME ESTIMATE TRUTH PERIOD: passes within 5.5 standard errors of a sum of bytes that was
# sampled, and 2 in 1,000.
near() {
	if echo "$2 $3 $4" | awk '{ d = $1 - $2; if (d < 0) d = -d
		exit !($2 > 0 && d <= 5.5 * sqrt($2 * $3) + 0.002 * $2) }'; then pass "$1"
	else fail "$1"; echo "estimate $2, truth $3" | diag; fi
}

# inside ARG...: profile $pid into raw, sampled inside the process, in $heap.
inside() {
	: >raw
	rsprof-heap -I -i 100ms "$@" -p "$pid" >raw 2>err 7>&- &
	heap=$!
	own $heap
	await 60 grep -q '^note' raw
}

# stopped: end it; its status is in $got.
stopped() {
	kill -s TERM "$heap"
	wait "$heap"
	# shellcheck disable=SC2034
	got=$?
}

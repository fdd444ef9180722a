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

# code PID: the first byte where the probes of the stream raw are, or were.
code() {
	awk -F'\t' -v pid="$1" '$1 == "map" && $7 { start[$7] = $4; offset[$7] = $6 }
		$1 == "probe" { print start[$6], offset[$6], $7 }' raw | sort -u |
	while read -r start offset at; do
		printf '%s ' "$at"
		dd if="/proc/$1/mem" bs=1 count=1 \
		    skip=$((0x$start - 0x$offset + 0x$at)) 2>/dev/null | od -An -tx1
	done
}

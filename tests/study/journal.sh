#!/bin/sh
# journal.sh: what windows of time (no -I) tell of tests/target/journal.rs, whose blocks live for two
# or three windows: what is said to be known, within a factor of 2, is as the program has it.  That
# keeps 20,000 to 40,000 orders; what it allocates for each is counted by recording all.  ROUNDS: 3.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-15}
cd "$T" || exit 1

# sites REC: of each stack, on the last look: ALLOCS LIVE COUNT LEAST MOST LEAF.
sites() {
	rsprof-sym <"$1" | awk -F'\t' '
	$1 == "frame" { frame[$2] = $3 }
	$1 == "stack" {
		own = frame[$6] ~ /^journal::/ ? frame[$6] : own_of[$3]
		own_of[$2] = own
		path[$2] = $6 "<" path[$3]
	}
	$1 == "heap" {
		delete v
		for (i = 6; i <= NF; i++) { split($i, kv, "="); v[kv[1]] = kv[2] }
		allocs[$5] += v["allocs"]
		live[$5] = v["live"]; count[$5] = v["count"]
		least[$5] = "live_max" in v ? v["live_min"] : v["live"]
		most[$5] = "live_max" in v ? v["live_max"] : v["live"]
	}
	END { for (s in allocs) if (own_of[s]) {
		p = path[s]; gsub(/[^<0-9a-f]/, "", p)
		print allocs[s], live[s] + 0, count[s] + 0, least[s] + 0, most[s] + 0, own_of[s], p
	} }' | sort -k 7
}
launch "$B/target/journal"
rsprof-heap -s 0 -d 4s -p "$launched" >raw 2>err
kill "$launched"
sites raw >exact
bad=0
i=0
printf '%-28s %12s %12s %12s %12s  %s\n' site least most 'true least' 'true most' known
while [ $((i += 1)) -le "$rounds" ]; do
	launch "$B/target/journal"
	sleep 1
	rsprof-heap -b 10 -d ${seconds}s -p "$launched" >raw 2>err
	kill "$launched"
	grep -q '^memory.*live_max=' raw || { echo 'no windows'; exit 1; }
	sites raw >windows
	# Of an order each of its sites has as many blocks as there are orders.
	join -1 7 -2 7 exact windows | awk '
	{ size = $4 > 0 ? $3 / $4 : 0 }
	# The biggest, of orders.
	$4 >= 15000 && $4 <= 45000 && size >= 8 {
		least = 20000 * size * 0.9; most = 40000 * size * 1.1
		known = $12 && $12 <= 2 * $11
		held = $11 <= most && $12 >= least
		printf "%-28s %12.0f %12.0f %12.0f %12.0f  %s\n", $7, $11, $12, least, most,
		    !known ? "not known" : held ? "yes" : "WRONG"
		n++; good += known && held; bad += known && !held
	}
	END { exit good == 0 || bad > 0 }' || bad=$((bad + 1))
done
exit $bad

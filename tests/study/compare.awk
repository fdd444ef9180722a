# What a program counts (the first file) beside what rsprof-heap tells (the second): lines of
# study.sh.  The first memory record is where counting begins, but for a command.
function abs(x) { return x < 0 ? -x : x }
# Sets below and above, as lib/base/interval.h has them.
function margins(x, e, block, r) {
	below = above = 0
	if (e <= 0 || x <= 0)
		return
	r = e / x
	below = x * (1 - (1 - r) * (1 - r) * (1 - r * r * r))
	above = e * (2 + 2 * r + r * r) + block
}
# Returns what was counted at a time, of column c.
function at(time, c, low, high, mid) {
	low = 1
	high = n
	if (n == 0 || time <= t[1])
		return n ? v[1, c] : 0
	if (time >= t[n])
		return v[n, c]
	while (high - low > 1) {
		mid = int((low + high) / 2)
		if (t[mid] <= time) low = mid
		else high = mid
	}
	return v[low, c] + (v[high, c] - v[low, c]) * (time - t[low]) / (t[high] - t[low])
}
function put(figure, told, least, most, low, high, e, known,   truth, inside) {
	truth = (low + high) / 2
	inside = !known ? "unknown" : most >= low && least <= high ? "yes" : "NO"
	printf "%-16s %-8s %-9s %12.0f %8.2f %12.0f %6.3f %6s  %s\n", program, how, figure, told,
	    (told ? 100 * (most - least) / 2 / told : 0), truth, (truth ? told / truth : 0),
	    (e > 0 ? sprintf("%.2f", (told - truth) / e) : "-"), inside
}
FNR == NR {
	if ($1 == "base") base = $2
	else if ($1 == "total") total = $2
	else if (NF == 3) { t[++n] = $1; v[n, 1] = $2; v[n, 2] = $3 }
	next
}
function add(line,   m, f, kv, i, nf) {
	nf = split(line, f, "\t")
	for (i = 4; i <= nf; i++) { split(f[i], kv, "="); m[kv[1]] = kv[2] }
	k++
	if (k > 1 || how ~ /^run/) {
		bytes += m["bytes"]
		allocs += m["allocs"]
		var += m["bytes_err"] ^ 2
		least += m["bytes_max"] ? m["bytes_min"] : m["bytes"]
		most += m["bytes_max"] ? m["bytes_max"] : m["bytes"]
	} else {
		first = f[2]
	}
	last = f[2]
	live = m["live"]; count = m["count"]; live_err = m["live_err"]
	live_least = m["live_max"] ? m["live_min"] : live
	live_most = m["live_max"] ? m["live_max"] : live
}
# The last one ends when all probes are gone, and not when counting ended.
$1 == "memory" {
	if (before)
		add(before)
	before = $0
}
END {
	if (total && before)
		add(before)
	if (k < 2 && !total) { print program, how, "nothing recorded"; exit }
	truth = total ? total : at(last, 1) - (how ~ /^run/ ? 0 : at(first, 1))
	margins(bytes, sqrt(var), allocs ? bytes / allocs : 0)
	slack = total ? 0.001 * total : 0.001 * truth # the two clocks, and what libc itself allocates
	put("allocated", bytes, least - below, most + above, truth - slack, truth + slack,
	    sqrt(var), 1)
	if (total)
		exit
	# What was live before it came is not known to it: from base on, all is replaced soon.
	lowest = highest = at(last, 2)
	for (d = -15e6; d <= 15e6; d += 1e6) {
		x = at(last + d, 2)
		if (x < lowest) lowest = x
		if (x > highest) highest = x
	}
	margins(live, live_err, count ? live / count : 0)
	old = how ~ /^run/ ? 0 : base
	put("live", live, live_least - below, live_most + above, lowest - old, highest, live_err,
	    live_most <= 2 * live_least)
}

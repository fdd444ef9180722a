# stream.awk: a record stream of two producers for SECONDS, as they would write it in that time:
# definitions where they first occur, threads that come and go, a program that is executed, live
# memory, records that come late.  The same for every run: awk -v seconds=30 -f stream.awk
BEGIN {
	OFS = "\t"; S = 1000000000
	mono = 500 * S; wall = 1767225600; seed = 4711
	for (p = 1; p <= 2; p++) {
		name = p == 1 ? "cpu" : "heap"
		print "rsprof", 1, name, "mono=" sprintf("%.0f", mono), \
			"wall=" wall "000000000", "hz=99", "unit=ns", "pid=100", "sample=0", "host=box"
	}
	for (i = 1; i <= 3; i++) print "module", "a" i, "beef" i, "/srv/module" i
	proc(100, 1, "server", "/srv/server -v"); thread(100, 100, "server")
	print "map", at(0), 100, "400000", "500000", 0, "a1"
	print "map", at(0), 100, "440000", "450000", "9000", "a2"
	print "probe", at(0), 100, "rust", "__rust_alloc", "a1", "14b20", "emulated"
	print "note", at(0), "cpu", "a note that holds"
	for (t = 0; t < seconds; t++) second(t)
	print "age", at(t), 100, 100, node(3), at(1), 3000, 8
	print "end", at(t), "heap", "duration"
	print "end", at(t), "cpu", "duration"
}
function at(t) { return sprintf("%.0f", mono + t * S) }
function random(n) { seed = (seed * 69069 + 1) % 4294967296; return int(seed / 65536) % n }
function proc(pid, parent, name, line) { print "proc", at(now), pid, parent, name, "/srv/" name, line }
function thread(pid, tid, name) { print "thread", at(now), pid, tid, name; threads[tid] = pid }
# node(N): the stack of N, its callers first; some are without names, some are cut off.
function node(n, up) {
	if (n in defined) return n
	defined[n]
	up = n > 9 ? node(int(n / 2)) : n % 4 ? "-" : "?copy-end"
	if (n % 7) {
		print "frame", "f" n, "work_" n "<T>", "/src/work.rs", n, "user", 3, "server", "-", "work_" n "<_>"
		print "stack", n, up, "a" n % 3 + 1, 1000 + n, "f" n, n % 2
	} else
		print "stack", n, up, "a" n % 3 + 1, 1000 + n, "-", 0
	return n
}
function second(t, i, tid, pid, n, key, more, less) {
	now = t
	if (t % 3 == 1) thread(100, 101 + t, "worker " t)
	if (t % 7 == 2) { proc(1000 + t, 100, "child", "child " t); thread(1000 + t, 1000 + t, "child") }
	if (t == 11) { for (key in count) delete count[key]; proc(100, 1, "next", "/srv/next"); for (tid in threads) if (threads[tid] == 100) delete threads[tid]
		thread(100, 100, "next"); thread(100, 350, "pool") }
	n = 0
	for (tid in threads) order[n++] = tid + 0
	for (i = 0; i < 40; i++) {
		tid = order[i % n]; pid = threads[tid]
		key = node(1 + random(60 + t))
		# Some of them late: the other producer has gone on.
		print "cpu", at(t + i / 40 - (i % 9 == 8) * 0.3 * (t > 0)), pid, tid, i % 13 ? key : "?no-stack", 10101010
		if (i % 5 == 0) print "off", at(t + i / 40), pid, tid, key, 5000 + random(1000), 1 + random(3), "sleeping"
		if (i % 4 == 0 && i < 24) {
			more = random(5); less = count[tid, key] ? random(count[tid, key] + 1) : 0
			count[tid, key] += more - less
			print "heap", at(t + i / 40), pid, tid, key, "allocs=" more, "bytes=" more * 64, \
				"frees=" less, "freed=" less * 64, "live=" count[tid, key] * 64, \
				"count=" count[tid, key], "peak=" 64 * 20
		}
	}
	print "memory", at(t + 0.99), 100, "live=" t * 64 + 64, "count=" t + 1, "peak=640000", "rss=" 2000000 + t, "allocs=" t, \
		"bytes=" t * 64, "covered=1000000000", "hits=" 3 * t
	if (t % 4 == 3) print "lost", at(t + 0.99), "cpu", t, "ring-full"
	print "cost", at(t + 0.99), "cpu", sprintf("%.0f", 1000000 * (t + 1)), 4096000
	print "cost", at(t + 0.99), "heap", sprintf("%.0f", 3000000 * (t + 1)), 8192000
	if (t % 7 == 4 && t > 7) { print "exit", at(t + 0.995), 1000 + t - 2, "-"; delete threads[1000 + t - 2] }
	if (t % 3 == 0 && 101 + t - 8 in threads) { print "exit", at(t + 0.995), 100, 101 + t - 8; delete threads[101 + t - 8] }
}

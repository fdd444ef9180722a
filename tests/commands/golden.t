#!/bin/sh
# Every screen of rsprof-tui as text, of a recording that is always the same, in three
# sizes and in ASCII: tests/golden/.  With UPDATE=1 they are written anew; look at what
# has changed.
. "$(dirname "$0")/../tools/lib.sh"

golden=$ROOT/tests/golden
cd "$T" || exit 1

# A server: two threads that parse and hash, a cache that grows, a buffer that comes and
# goes; std and an allocator below them.
recording() {
	awk -v what="$1" 'BEGIN {
		OFS = "\t"; OFMT = CONVFMT = "%.0f"
		print "rsprof", 1, what, "mono=1000000000", "wall=1767225600000000000",
		    "hz=100", "pid=4242", "host=box", "kernel=6.1.0", "arch=x86_64",
		    what == "heap" ? "unit=bytes" : "unit=ns"
		t = 1000000000
		print "proc", t, 4242, 1, "server", "/srv/server", "./server -p 80"
		print "thread", t, 4242, 4242, "server"
		print "thread", t, 4242, 4243, "worker-1"
		print "module", "a1", "beef", "/srv/server"
		print "module", "a2", "feed", "/usr/lib/libc.so.6"
		frame("f1", "server::main", "/src/server/src/main.rs", 10, "user", "server")
		frame("f2", "<server::http::Request as server::parse::Parse>::parse",
		    "/src/server/src/parse/mod.rs", 142, "user", "server")
		frame("f3", "server::digest::hash", "/src/server/src/digest.rs", 7, "user",
		    "server")
		frame("f4", "<alloc::vec::Vec<u8> as core::clone::Clone>::clone",
		    "/rustc/0123/library/alloc/src/vec/mod.rs", 2012, "std", "alloc")
		frame("f5", "alloc::alloc::alloc", "/rustc/0123/library/alloc/src/alloc.rs",
		    95, "std", "alloc")
		frame("f6", "malloc", "-", "-", "libc", "-")
		frame("f7", "serde_json::read::SliceRead::parse_str",
		    "/home/me/.cargo/registry/src/index.crates.io-6f17/serde_json-1.0.1/src/read.rs",
		    500, "dep", "serde_json")
		frame("f8", "server::cache::Cache<K,V>::insert",
		    "/src/server/src/cache.rs", 33, "user", "server")
		frame("f9", "std::sys::backtrace::__rust_begin_short_backtrace",
		    "/rustc/0123/library/std/src/sys/backtrace.rs", 166, "std", "std")
		frame("fa", "server::worker", "/src/server/src/worker.rs", 5, "user", "server")
		n = split("51:-:f9 52:51:f1 53:52:f2 54:53:f7 55:53:f4 56:55:f5 57:56:f6 " \
		    "58:-:f9 59:58:fa 5a:59:f3 5b:52:f8 5c:5b:f5 5d:5c:f6", stack, " ")
		for (i = 1; i <= n; i++) {
			split(stack[i], s, ":")
			print "stack", s[1], s[2], s[3] == "f6" ? "a2" : "a1", s[1] "00", s[3], 0
		}
		if (what == "cpu") cpu(); else heap()
	}
	function frame(id, name, file, line, class, crate) {
		print "frame", id, name, file, line, class, "-", crate, "-"
	}
	function cpu(    i, k) {
		for (i = 0; i < 3000; i++) {
			t = 1000000000 + (i + 1) * 10000000
			k = i % 20
			if (i % 500 > 400) k = 19
			print "cpu", t, 4242, k < 13 ? 4242 : 4243, \
			    k < 5 ? "54" : k < 8 ? "53" : k < 11 ? "57" : k < 13 ? "5d" : \
			    k < 19 ? "5a" : "?no-stack", 10000000
			if (i % 100 == 99)
				print "cost", t, "cpu", (i + 1) * 100000, 4194304
		}
		print "lost", t, "cpu", 12, "ring-full"
		print "note", t, "cpu", "kernel time is not counted"
		print "end", t, "cpu", "exited"
	}
	function heap(    i, live) {
		for (i = 1; i <= 30; i++) {
			t = 1000000000 + i * 1000000000
			print "heap", t, 4242, 4242, "5d", "allocs=100", "bytes=65536", \
			    "live=" i * 65536, "count=" i * 100, "peak=" i * 65536
			live = i % 5 * 100000
			print "heap", t, 4242, 4242, "57", "allocs=5000", "bytes=1000000", \
			    "frees=4990", "freed=990000", "temps=4000", "live=" live, \
			    "count=" i % 5, "peak=500000"
			print "memory", t, 4242, "live=" i * 65536 + live, "rss=" 8388608 + i * 65536
			if (i % 5 == 0)
				print "cost", t, "heap", i * 300000, 8388608
		}
		print "age", t, 4242, 4242, "5d", 10000000000, 600000, 900
		print "age", t, 4242, 4242, "5d", t, 1366080, 2100
		print "end", t, "heap", "exited"
	}'
}
for what in cpu heap; do recording $what >$what.rec; done
rsprof-store golden.db <cpu.rec && rsprof-store -a golden.db <heap.rec ||
	{ fail "the recording"; done_testing; exit; }

# screen NAME KEYS [ENVIRONMENT...]
screen() {
	name=$1 keys=$2
	shift 2
	env "$@" rsprof-tui -b -k "$keys" golden.db >"$name"
	if [ -n "${UPDATE:-}" ]; then cp "$name" "$golden/$name"; fi
	same "$name" "$name" "$golden/$name"
}

while read -r view keys; do
	screen "$view.60x15" "$keys" COLUMNS=60 LINES=15
	screen "$view.80x24" "$keys" COLUMNS=80 LINES=24
	screen "$view.132x40" "$keys" COLUMNS=132 LINES=40
	screen "$view.ascii" "$keys" COLUMNS=80 LINES=24 LC_ALL=C
done <<'E'
cpu 1
cpu-line 1g
cpu-crate 1gg
cpu-thread 1gggg
cpu-expanded 1x
cpu-range 1<Right><Right>[<Right><Right><Right>]
cpu-zoom 1+++<Right>
cpu-pinned 1<Enter>j<Enter>jj<Enter>k<Left><Left>
memory 2
memory-crate 2gg
memory-pinned 2<Enter>j<Enter>j
both 3
both-pinned 3<Enter>j<Enter><End>
tree t
tree-expanded xt
tree-memory 2t
callers jjc
flame f
flame-zoom fjj<Enter>
flame-memory 2f
flame-search f/insert<Enter>
diff 1<Right><Right><Right><Right>]Dd
source o
memory-leaks 2L
memory-growth 2<Right><Right><Right><Right>[
cpu-line-chart 1b
memory-close 2z
thread-only 1ggggjTg
memory-thread 2ggggTg
filter Fserver<Enter>
search /hash<Enter>
info i
help ?
E

done_testing

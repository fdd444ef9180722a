#!/bin/sh
# study.sh: what rsprof-heap tells of real programs that allocate flat out, beside their own counts:
# serde_json, a tokio server (with the system's malloc, jemalloc, mimalloc), and bat as Debian has
# it.  Inside a process that runs (-I), and of a command (-r): the range of 19 of 20 cases, and
# whether the truth is in it.  By probes in windows: brackets.  ROUNDS: of each, 2; SECONDS: 4.
# shellcheck disable=SC2016,SC2086
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
rounds=${ROUNDS:-2} seconds=${SECONDS_EACH:-4}
here=$B/study
cd "$T" || exit 1
mkfifo ready
awk=$ROOT/tests/study/compare.awk

# start PROGRAM: in $pid; what it counts is in `log`.
start() {
	: >log
	"$@" >log 2>/dev/null </dev/null &
	pid=$!
	own $pid
	await 60 sh -c '[ $(wc -l <log) -gt 30 ]'
}
# end: of the program.
end() {
	kill $pid
	wait $pid 2>/dev/null
}
# line PROGRAM HOW: of the table.
line() { awk -v program="$1" -v how="$2" -f "$awk" log raw | tee -a "$here/table"; }

: >"$here/table"
printf '%-16s %-8s %-9s %12s %8s %12s %6s %6s  %s\n' program how figure told '+- %' true \
    ratio z inside
for program in json server; do
	for allocator in system jemalloc mimalloc; do
		[ -x "$here/$program-$allocator" ] || continue
		name=$program-$allocator
		i=0
		while [ $((i += 1)) -le "$rounds" ]; do
			start "$here/$name"
			rsprof-heap -I -i 500ms -d ${seconds}s -p $pid >raw 2>err
			end
			line $name -I
			: >log
			rsprof-exec "$here/$name" >log 2>/dev/null </dev/null &
			pid=$!
			own $pid
			await 60 grep -q '^State:.[Tt]' /proc/$pid/status
			rsprof-heap -r -i 500ms -d ${seconds}s -R 8 -p $pid >raw 2>err 8>ready &
			heap=$!
			own $heap
			read -r _ <ready
			kill -s CONT $pid
			wait $heap
			end
			line $name run
			start "$here/$name"
			rsprof-heap -i 1s -d ${seconds}s -p $pid >raw 2>err
			end
			line $name windows
		done
	done
done

# bat: what it allocates is the same each time, and counted by a library that is loaded first.
cat >count.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
static unsigned long all;
static void add(unsigned long n) { __atomic_fetch_add(&all, n, __ATOMIC_RELAXED); }
void *malloc(size_t n) { add(n); return __libc_malloc(n); }
void *calloc(size_t m, size_t n) { add(m * n); return __libc_calloc(m, n); }
void *realloc(void *p, size_t n) { add(n); return __libc_realloc(p, n); }
int posix_memalign(void **p, size_t a, size_t n) { add(n); *p = __libc_memalign(a, n); return !*p; }
__attribute__((destructor)) static void end(void)
{
	char text[64];
	int n = snprintf(text, sizeof text, "total %lu\n", all);
	(void)!write(9, text, (size_t)n);
}
END
"${CC:-cc}" -O1 -w -shared -fPIC -o count.so count.c
for i in 1 2 3 4; do cat "$ROOT"/lib/heap/*.c; done >big.c
bat() { "$@" "$here/batcat" --color=always --paging=never -p big.c >/dev/null 2>&1; }
bat env LD_PRELOAD="$T/count.so" 9>log
for how in '' -I; do
	i=0
	while [ $((i += 1)) -le $((rounds * 2)) ]; do
		bat rsprof-exec &
		sleep 0.3
		pid=$(pgrep -n -f "rsprof-exec $here/batcat")
		own "$pid"
		await 60 grep -q '^State:.[Tt]' "/proc/$pid/status"
		rsprof-heap -r -c $how -i 500ms -R 8 -p "$pid" >raw 2>err 8>ready &
		heap=$!
		own $heap
		read -r _ <ready
		kill -s CONT "$pid"
		wait $heap
		line bat "run$how"
	done
done
awk '{ n++; inside += $NF == "yes" } END { printf "inside: %d of %d\n", inside, n }' "$here/table"

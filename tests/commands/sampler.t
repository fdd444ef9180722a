#!/bin/sh
# The heap of a program whose allocator samples by itself (otel_memory): its samples and
# weights are taken.  Bounds are 5.5 standard errors: chance exceeds one once in 20 million.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/sampler" ] || skip_all "no Rust compiler built $B/target/sampler"
cd "$T" || exit 1
mkfifo in
period=4096

# total KEY FUNCTION: of the heap records below a function of the program.
total() {
	awk -F'\t' -v key="$1" -v in_="::$2" '
	$1 == "frame" { name[$2] = $3 }
	$1 == "stack" { below[$2] = index(name[$6], in_) || below[$3] }
	$1 == "heap" && below[$5] { for (i = 6; i <= NF; i++)
		if (split($i, kv, "=") && kv[1] == key) n += kv[2] }
	END { printf "%.0f\n", n }' named
}
# end: of the program and the recording.
end() {
	exec 7>&-
	wait $heap
	got=$?
	wait $pid
	rsprof-sym <raw >named
}

rsprof-heap -n "$B/target/sampler" >plan
says 'its probes are the plan' '^otel_memory +alloc +.*/sampler\+0x' plan
says 'those of frees, too' '^otel_memory +free ' plan

target "$B/target/sampler"
rsprof-heap -p $pid >raw 2>err 7>&- &
heap=$!
own $heap
await 60 grep -q '^note' raw
if [ ! -s raw ]; then skip_all "allocations cannot be probed here: $(head -n 1 err)"; fi
says 'it is noted' 'sampler samples its allocations by itself \(otel_memory\)' raw
# In parts, so that what reads its samples gets its time on a busy machine, too.
made() { [ "$(grep -c allocated out)" = $parts ]; }
parts=0
while [ $parts -lt 20 ]; do
	parts=$((parts + 1))
	echo go 20000 >&7
	await 60 made
done
end
ok 'it ends with the process' test $got = 0
read -r bytes count live <<E
$(awk '/allocated/ { b += $2; n += $3; l += $5 } END { printf "%.0f %.0f %.0f\n", b, n, l }' out)
E
near 'bytes are as counted' $(($(total bytes leak) + $(total bytes pass))) "$bytes" $period
near 'what is leaked lives' "$(total bytes leak)" "$live" $period
near 'and nothing of it is freed' $(($(total bytes leak) - $(total freed leak))) "$live" $period
ok 'all else is freed' test "$(total bytes pass)" = "$(total freed pass)"
# Of sizes from 16 to 800 bytes: of n allocations the variance is of sums of 4096 / size.
ok "allocations are as counted: $count" awk -v is=$(($(total allocs leak) + $(total allocs pass))) \
    -v should="$count" 'BEGIN { d = is - should; if (d < 0) d = -d; print is
	exit !(d <= 5.5 * sqrt(should * 4096 / 100) + 0.01 * should) }'
ok 'they are estimates' awk -F'\t' '
	$1 == "heap" { for (i = 6; i <= NF; i++) { split($i, kv, "="); n[kv[1]] += kv[2] } }
	END { print n["samples"], n["allocs"]; exit !(n["samples"] > 100 && n["samples"] < n["allocs"] / 2) }' raw
ok 'nothing is lost' sh -c '! grep "^lost" raw'
ok 'and no budget takes the probes away' sh -c '! grep "costs\{0,1\} more than" raw err'

# The kernel counts the readers of its semaphore: without one, nothing was sampled.
target "$B/target/sampler"
cat /proc/$pid/maps >maps
semaphore() {
	at=$(nm "$B/target/sampler" | sed -n 's/ D otel_memory_semaphore$//p')
	base=$(awk '/\/sampler$/ { sub(/-.*/, ""); print; exit }' maps)
	dd if=/proc/$pid/mem bs=1 count=2 skip=$((0x$base + 0x$at)) 2>/dev/null |
	    od -An -tu2 | tr -d ' '
}
ok 'nobody reads' test "$(semaphore)" = 0
rsprof-heap -p $pid >raw 2>err 7>&- &
heap=$!
own $heap
reads() { [ "$(semaphore)" -gt 0 ]; }
ok 'its sampler is told of a reader' await 60 reads
kill $heap
wait $heap
ok 'and of its end' test "$(semaphore)" = 0
exec 7>&-
wait $pid

target "$B/target/sampler" off
rsprof-heap -b 100 -i 100ms -p $pid >raw 2>err 7>&- &
heap=$!
own $heap
await 60 grep -q 'has not sampled anything' raw
await 60 grep -q '^probe.*	rust	\|^probe.*	libc	' raw
echo go 1000 >&7
await 60 grep -q allocated out
end
says 'a sampler that is turned off: its functions are probed' '^probe.*	(rust|libc)	' raw
ok 'and all is seen' test "$(total bytes pass)" -gt 0

target "$B/target/sampler"
rsprof-heap -s 0 -i 100ms -p $pid >raw 2>err 7>&- &
heap=$!
own $heap
await 60 grep -q '^probe' raw
ok '-s: its functions are probed' sh -c '! grep "^probe.*otel_memory" raw'
kill $heap
end

# A library that replaces malloc() and has such probes: the program's slot leads there.
cat >sampling.c <<'END'
#include <stddef.h>
extern void *__libc_malloc(size_t);
extern void __libc_free(void *);
#define NOTE(name, args) "990: nop\n.pushsection .note.stapsdt,\"\",\"note\"\n.balign 4\n" \
	".4byte 992f-991f, 994f-993f, 3\n991: .asciz \"stapsdt\"\n992: .balign 4\n" \
	"993: .8byte 990b, 0, 0\n.asciz \"otel_memory\"\n.asciz \"" name "\"\n" \
	".asciz \"" args "\"\n994: .balign 4\n.popsection\n"
void *malloc(size_t n) {
	void *p = __libc_malloc(n);
	if (n > 100000)
		__asm__ volatile(NOTE("alloc", "8@%0 8@%1 8@$524288") : : "r"(p), "r"(n));
	return p;
}
void free(void *p) {
	if (p)
		__asm__ volatile(NOTE("free", "8@%0") : : "r"(p));
	__libc_free(p);
}
END
"${CC:-cc}" -O1 -shared -fPIC -o sampling.so sampling.c
loaded() { grep -q "$1" "/proc/$pid/maps"; }
mkfifo gate
LD_PRELOAD=$T/sampling.so "$B/target/heap-system" 1 1 <gate >out 2>&1 &
pid=$!
own $pid
exec 7>gate
await 60 loaded sampling.so
await 60 grep -q ready out
rsprof-heap -n $pid >plan
says 'a library before libc that samples' '^otel_memory +alloc +.*/sampling.so\+0x' plan
ok 'nothing else is probed' sh -c '! grep -E "^(rust|libc) " plan'
exec 7>&-
kill $pid

# With notes that cannot be read it is as if there were none.
sed 's/8@%0 8@%1 8@\$524288/8@%0 8@%1 8@counter(%%rip)/' sampling.c >odd.c
"${CC:-cc}" -O1 -shared -fPIC -o odd.so odd.c
: >out
LD_PRELOAD=$T/odd.so "$B/target/heap-system" 1 1 <gate >out 2>&1 &
pid=$!
own $pid
exec 7>gate
await 60 grep -q ready out
rsprof-heap -n $pid >plan
ok 'operands that are not known: functions are probed' \
    sh -c '! grep otel_memory plan && grep -q "^[a-z]*  *malloc\|__rust_alloc" plan'
exec 7>&-
kill $pid
done_testing

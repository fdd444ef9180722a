#!/bin/sh
# Each program on each kind of process: what one of them can look at, the others can.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

kinds=$B/target/kinds
[ -x "$kinds" ] || skip_all "no Rust compiler: $kinds is missing"
ready=$(rsprof-doctor -t | awk -F '\t' '$1 == "perf-user" || $1 == "bpf-load" || $1 == "uprobes"' |
	cut -f 2 | sort -u)
[ "$ready" = yes ] || skip_all "no BPF or no uprobes here"

query() { rsprof-query "$T/db" "$1"; }
# record DESCRIPTION STATUS ARG ...: rsprof with these, into $T/db.
record() {
	what=$1 want=$2
	shift 2
	rm -f "$T/db"*
	exits "$what" "$want" rsprof "$@"
}
whole() {
	share=$(query "SELECT CAST(100.0 * sum(CASE WHEN cut IS NULL THEN ns END) / sum(ns) AS INTEGER)
		FROM cpu_samples WHERE cut IS NOT 'probes'")
	ok "$1: stacks are complete ($share %)" [ "${share:-0}" -ge 90 ]
	[ "${share:-0}" -ge 90 ] ||
		query "SELECT cut, count(*), sum(ns), min(time_ns), max(time_ns) FROM cpu_samples
			GROUP BY cut" | diag
	says "$1: leaf < middle < outer" 'kinds::leaf' "$T/top"
	says "$1: middle" 'kinds::middle' "$T/top"
	says "$1: outer" 'kinds::outer' "$T/top"
}

# probed KIND: whether its allocations can be.
probed() { [ "$1" != moved ]; }

for kind in plain leader name memory moved; do
	launch "$kinds" $kind
	pid=$launched
	is_kind() {
		case $kind in
		leader) grep -q '^State:.Z' "/proc/$pid/status" ;;
		name) [ "$(wc -l <"/proc/$pid/comm")" = 2 ] ;;
		memory) grep -q '^memfd' "/proc/$pid/comm" ;;
		moved) ! grep -q 'r-xp.*target/kinds' "/proc/$pid/maps" ;;
		esac
	}
	await 60 is_kind
	record "$kind: attach" 0 attach -q -C -d 1 -o "$T/db" $pid
	rsprof-top -r -n 40 cpu "$T/db" >"$T/top"
	whole "$kind: attach"
	record "$kind: attach -w" 0 attach -q -w -C -d 1 -o "$T/db" $pid
	rsprof-top -r -n 40 wall "$T/db" >"$T/top"
	whole "$kind: attach -w"
	record "$kind: attach -f" 0 attach -q -f -C -d 1 -o "$T/db" $pid
	if probed $kind; then
		record "$kind: attach -H" 0 attach -q -H -d 1 -o "$T/db" $pid
		says "$kind: attach -H: who allocates" '^ .*kinds::keep' "$T/out"
		n=$(query "SELECT sum(allocs) FROM heap")
		ok "$kind: attach -H: allocations ($n)" [ "${n:-0}" -gt 5 ]
	else
		record "$kind: attach -H" 5 attach -q -H -d 1 -o "$T/db" $pid
		says "$kind: attach -H: why not" 'moved its code to memory without a file'
	fi
	exits "$kind: stack" 0 rsprof stack $pid
	says "$kind: stack: leaf" '^    kinds::leaf' "$T/out"
	says "$kind: stack: outer" '^    kinds::outer' "$T/out"
	exits "$kind: doctor" 0 rsprof-doctor -t $pid
	ok "$kind: doctor: what is about the process works" awk -F '\t' -v kind=$kind '
		$1 ~ /^(target-|unwind$|symbols$)/ && $2 != "yes" { print; bad = 1 }
		$1 == "allocator" && $2 != (kind == "moved" ? "no" : "yes") { print; bad = 1 }
		END { exit bad }' "$T/out"
	kill -9 $pid
done

# ---- what begins to wait before its code is known ----------------------------

record "early: run -w" 0 run -q -w -C -o "$T/db" "$kinds" early
query "SELECT function, cut, sum(ns) FROM off_waits GROUP BY 1, 2" >"$T/waits"
whole=$(query "SELECT CAST(sum(CASE WHEN cut IS NULL THEN ns END) * 100 / sum(ns) AS INTEGER) FROM off_waits")
ok "early: the stacks of waits are whole (${whole:-0} %)" [ "${whole:-0}" -ge 80 ]
park=$(query "WITH RECURSIVE up(wait, id) AS (SELECT DISTINCT stack, stack FROM off
		UNION SELECT up.wait, stack.parent FROM up JOIN stack ON stack.id = up.id)
	SELECT CAST(sum(ns) / 1e9 AS INTEGER) FROM off WHERE stack IN (SELECT wait FROM up
		JOIN frames ON frames.stack = up.id WHERE function LIKE '%park_here')")
ok "early: four threads wait in park_here ($park s)" [ "${park:-0}" -ge 6 ]

# ---- allocations ---------------------------------------------------------------

record "freed by another thread: run" 0 run -q -H -S 0 -o "$T/db" -- "$kinds" handed
live=$(query "SELECT sum(live) FROM heap_live WHERE function LIKE '%keep'")
ok "freed by another thread: nothing is left (${live:-0} bytes)" [ "${live:-0}" = 0 ]
# More stacks than there is room for at once: what is lost is told, and the totals are whole.
record "many sites: run" 0 run -q -H -S 0 -o "$T/db" -- "$kinds" sites
allocs=$(query "SELECT sum(allocs) FROM memory")
ok "many sites: all allocations are in the total ($allocs)" [ "${allocs:-0}" -ge 16384 ]

# ---- a library that is overwritten in place ------------------------------------

cp "$B/target/one.so" "$T/plug.so"
launch "$kinds" plugin "$T/plug.so"
rsprof-cpu -F 999 -R 3 -p "$launched" 3>"$T/ready" 2>"$T/err" >"$T/raw" &
producer=$!
own $producer
await 60 test -s "$T/ready"
: >"$T/plug.so.1"
await 60 test -e "$T/plug.so.done1"
cat "$B/target/two.so" >"$T/plug.so"
: >"$T/plug.so.2"
await 60 test -e "$T/plug.so.done2"
kill -TERM $producer
wait $producer
rm -f "$T/db"*
rsprof-sym "$T/raw" | rsprof-store "$T/db" 2>/dev/null
query "SELECT module, count(DISTINCT id) FROM (SELECT module.id AS id, path AS module FROM module)
	WHERE module LIKE '%/plug.so' GROUP BY 1" >"$T/modules"
says "a library that is overwritten: is two modules" 'plug.so.*2$' "$T/modules"
cut=$(query "SELECT CAST(100.0 * sum(CASE WHEN cut IS NULL THEN ns END) / sum(ns) AS INTEGER)
	FROM cpu_samples WHERE cut IS NOT 'probes'")
ok "a library that is overwritten: complete stacks (${cut:-0} %)" [ "${cut:-0}" -ge 90 ]
rsprof-top -n 0 -t 0 cpu "$T/db" >"$T/functions"
# Of what was there first there is no file any more, and no name is made up for it.
ok "a library that is overwritten: what was there first has no names of what is there then" \
	awk '/plug\.so\+0x/ { first += $3 } / two::(first|second)/ { second += $4 }
	END { print first, second; exit !(first > 0.5 && second > 0.5 && second < 1.5) }' "$T/functions"

# ---- where unwind tables are looked for ----------------------------------------

cat >"$T/untabled.c" <<'END'
/* Built without .eh_frame and frame pointers: -g leaves the same in .debug_frame. */
static volatile unsigned long sink;

__attribute__((noinline)) static void
leaf(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		sink += i;
}

__attribute__((noinline)) static unsigned long
middle(unsigned long n)
{
	volatile unsigned long room[100];

	room[n % 100] = n;
	leaf(n);
	return room[n % 100];
}

int
main(void)
{
	for (unsigned long n = 100000;; n ^= 1)
		sink += middle(n);
}
END
# made PROGRAM: per cent of its code whose rows the doctor says are made from the code.
made() {
	launch "$1"
	rsprof-doctor -t "$launched" |
		sed -n 's/^target-unwind.*(\([0-9]*\)[.0-9]* % by rows made from the code.*/\1/p'
	kill -9 "$launched"
}
if (cd "$T" && cc -O2 -g -fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer \
    -o plain untabled.c && cp plain packed && objcopy --compress-debug-sections=zlib packed &&
    cp plain apart && objcopy --only-keep-debug apart apart.debug && strip apart &&
    objcopy --add-gnu-debuglink=apart.debug apart && mkdir alone && cp apart alone) >/dev/null 2>&1
then
	XDG_CACHE_HOME=/proc
	export XDG_CACHE_HOME
	without=$(made "$T/alone/apart")
	for program in plain packed apart; do
		with=$(made "$T/$program")
		ok "tables in .debug_frame, $program: they are used ($with % made, $without %)" \
			[ "${with:-0}" -lt $((without - 20)) ]
	done
	unset XDG_CACHE_HOME
else
	skip "no compiler or no objcopy"
fi

# Functions that only a table of distances leads to: nothing but a symbol tells where
# they begin.
cat >"$T/distances.c" <<'END'
static volatile unsigned long sink;

__attribute__((noinline)) static void
leaf(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		sink += i;
}

#define FUNCTION(name, size) \
	__attribute__((used, noinline)) static unsigned long name(unsigned long n) \
	{ \
		volatile unsigned long room[size]; \
\
		room[n % size] = n; \
		leaf(n); \
		return room[n % size]; \
	}
FUNCTION(first, 100)
FUNCTION(second, 51)

extern const int table[];
__asm__(".section .rodata\n"
        "table: .long first - table, second - table\n"
        ".text\n");

int
main(void)
{
	for (unsigned long n = 10000;; n ^= 1) {
		const char *to = (const char *)table + ((const volatile int *)table)[n & 1];

		sink += ((unsigned long (*)(unsigned long))to)(n);
	}
}
END
# whole_of PROGRAM: per cent of its stacks that are complete, when its rows have been made.
whole_of() {
	launch "$1"
	rsprof-cpu -F 999 -p "$launched" >"$T/raw" 2>/dev/null &
	cpu=$!
	own $cpu
	await 60 sampled "$T/raw" 800
	kill $cpu
	wait $cpu
	{ kill -9 "$launched"; wait "$launched"; } 2>/dev/null
	awk -F '\t' '
		$1 == "stack" { whole[$2] = $3 == "-" || ($3 !~ /^[?]/ && whole[$3]) }
		$1 == "cpu" && ++all > 600 { n++; good += $5 !~ /^[?]/ && whole[$5] }
		END { printf "%.0f\n", n ? 100 * good / n : 0 }' "$T/raw"
}
sampled() { [ "$(grep -c '^cpu' "$1")" -ge "$2" ]; }
if (mkdir "$T/far" "$T/far/kept" "$T/far/beside" "$T/far/packed" && cd "$T/far" &&
    cc -O2 -fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer -fno-inline \
        -Wl,--build-id=sha1 -o with ../distances.c &&
    objcopy --only-keep-debug with beside/beside.debug && strip -o without with &&
    cp without beside/stripped &&
    (cd beside && objcopy --add-gnu-debuglink=beside.debug stripped beside)) >"$T/cc.log" 2>&1
then
	XDG_CACHE_HOME=/proc
	export XDG_CACHE_HOME
	share=$(whole_of "$T/far/with")
	ok "functions that only symbols name: complete with them ($share %)" [ "$share" -ge 99 ]
	share=$(whole_of "$T/far/without")
	ok "without them nothing is guessed ($share %)" [ "$share" -le 5 ]
	share=$(whole_of "$T/far/beside/beside")
	ok "symbols in a file beside it ($share %)" [ "$share" -ge 99 ]
	id=$(readelf -n "$T/far/with" | awk '/Build ID/ { print $3 }')
	mkdir -p "$T/far/kept/$id" "$T/.cache/debuginfod_client/$id"
	cp "$T/far/beside/beside.debug" "$T/far/kept/$id/debuginfo"
	share=$(DEBUGINFOD_CACHE_PATH=$T/far/kept whole_of "$T/far/without")
	ok "symbols that a server has sent earlier ($share %)" [ "$share" -ge 99 ]
	if [ "$(id -u)" = 0 ]; then
		chown 65534 "$T/far/kept/$id/debuginfo"
		share=$(DEBUGINFOD_CACHE_PATH=$T/far/kept whole_of "$T/far/without")
		ok "not those that somebody else has put there ($share %)" [ "$share" -le 5 ]
	fi
	unset XDG_CACHE_HOME
	share=$(whole_of "$T/far/without")
	table=$(echo "$T/.cache/rsprof/$id".*.unwind)
	ok "a table is kept ($share %)" [ -s "$table" ]
	mv "$T/far/kept/$id/debuginfo" "$T/.cache/debuginfod_client/$id"
	chown "$(id -u)" "$T/.cache/debuginfod_client/$id/debuginfo"
	share=$(whole_of "$T/far/without")
	ok "symbols that have come since, to the usual place ($share %)" [ "$share" -ge 99 ]
	made=$(stat -c %i "$table")
	rm "$T/.cache/debuginfod_client/$id/debuginfo"
	share=$(whole_of "$T/far/without")
	ok "and stay known ($share %)" [ "$share" -ge 99 ]
	ok "without being read again" [ "$(stat -c %i "$table")" = "$made" ]
	rm "$table"
	if command -v xz >/dev/null; then
		xz -9 -c "$T/far/beside/beside.debug" >"$T/far/mini.xz"
		objcopy --add-section .gnu_debugdata="$T/far/mini.xz" "$T/far/without" \
		    "$T/far/packed/packed"
		share=$(whole_of "$T/far/packed/packed")
		ok "symbols that are packed inside ($share %)" [ "$share" -ge 99 ]
	else
		skip 'symbols that are packed inside: no xz'
	fi
else
	skip "no compiler or no objcopy"
	diag <"$T/cc.log"
fi

# ---- clocks --------------------------------------------------------------------

# In a time namespace our clock is not the kernel's.
launch "$kinds" plain
for ahead in 100000 -30; do
	if unshare -T --monotonic $ahead true 2>/dev/null; then
		unshare -T --monotonic $ahead rsprof-cpu -o -d 1 -p "$launched" >"$T/raw" 2>/dev/null
		ok "a clock that is $ahead s ahead: all times are of one clock" awk -F '\t' '
			$1 == "rsprof" { for (i = 4; i <= NF; i++) if ($i ~ /^mono=/) begin = substr($i, 6) / 1e9 }
			$1 == "cpu" || $1 == "off" || $1 == "cost" {
				t = $2 / 1e9 - begin; n[$1]++
				if (t < -0.5 || t > 20) { print; bad = 1; exit }
			}
			END { exit bad || !n["cpu"] || !n["off"] || !n["cost"] }' "$T/raw"
	else
		skip "no time namespaces"
	fi
done
kill -9 "$launched"

# ---- what is no process to profile -------------------------------------------

# refused STATUS PATTERN WHAT PID: every program says the same of it.
refused() {
	for program in "rsprof-cpu -p" "rsprof-heap -p" "rsprof-growth -p" "rsprof-stack -p" rsprof-doctor; do
		# shellcheck disable=SC2086
		exits "$3: $program" "$1" $program "$4"
		sed 's/^[^:]*: //; s/: it has no .*//' "$T/err" >>"$T/said"
	done
	ok "$3: all say the same" [ "$(sort -u "$T/said" | wc -l)" = 1 ]
	says "$3: what it is" "$2" "$T/said"
	rm "$T/said"
}

launch "$kinds" name
has_two() { set -- "/proc/$launched/task/"*; [ $# = 2 ]; }
await 60 has_two
for task in "/proc/$launched/task/"*; do
	[ "${task##*/}" = "$launched" ] || tid=${task##*/}
done
refused 3 "no process $tid: it is a thread of process $launched" "a thread" "$tid"
refused 3 'no process 2147480000$' "a number of none" 2147480000
if kernel_threads; then
	refused 5 'process 2 \(kthreadd\) is a kernel thread' "a kernel thread" 2
else
	skip 'there are no kernel threads in this PID namespace'
fi

# ---- 32 bits -------------------------------------------------------------------

# A sample has its address, and that is all: which is said, and no advice that would not help.
cat >"$T/bits.c" <<'END'
void _start(void) { for (volatile unsigned n = 0;;) n++; }
END
if "${CC:-cc}" -m32 -O1 -nostdlib -static -fno-pic -no-pie -ffreestanding -o "$T/bits" \
	"$T/bits.c" 2>"$T/err"; then
	launch "$T/bits"
	record "32 bits: attach" 0 attach -q -C -d 0.5 -o "$T/db" "$launched"
	query "SELECT text FROM note" >"$T/notes"
	says "32 bits: a note says so" 'bits: .*not an ELF file for x86-64' "$T/notes"
	ok "32 bits: none speaks of another file" sh -c '! grep -i "build-id" "$0"' "$T/notes"
	record "32 bits: attach -H" 5 attach -q -H -d 0.5 -o "$T/db" "$launched"
	exits "32 bits: stack" 0 rsprof stack "$launched"
	says "32 bits: a frame" 'bits\+0x' "$T/out"
	rsprof doctor "$launched" >"$T/out"
	says "32 bits: doctor advises what helps" 'unwind tables .*: build it for 64 bits$' "$T/out"
	ok "32 bits: and nothing else" sh -c '! grep "build it with" "$0"' "$T/out"
	kill "$launched"
else
	for _ in 1 2 3 4 5 6 7 8; do skip "the compiler has no -m32"; done
fi

# ---- names -------------------------------------------------------------------

exits "a name with a newline" 0 rsprof stack 'pro.cess. S 7'
says "a name with a newline: its threads" '^thread .*thr.ead. R 1' "$T/out"
cp "$kinds" "$T/a_name_of_more_than_15"
launch "$T/a_name_of_more_than_15" leader
await 60 grep -q '^State:.Z' "/proc/$launched/status"
exits "a name of more than 15 characters" 0 rsprof stack a_name_of_more_than_15
says "its first thread has ended" "^process $launched" "$T/out"

done_testing

#!/bin/sh
# rsprof-heap against a program that counts by itself what it allocates.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/heap" ] || skip_all "no Rust compiler built $B/target/heap"
cd "$T" || exit 1
PATH=$PATH:/usr/sbin
"$B/target/heap" >/dev/null </dev/null
mkfifo gate probe.in
"$B/target/heap" <probe.in >probe.out & pid=$!; own $pid
exec 7>probe.in
await 60 grep -q ready probe.out
rsprof-heap -d 0.1 -p $pid >probe.rec 2>err ||
    skip_all "allocations cannot be probed here: $(head -n 1 err)"
exec 7>&-
wait $pid

# ---- words -------------------------------------------------------------------

exits 'no process: 3' 3 rsprof-heap -p 4194304
one_line 'in one line'
exits 'no plan for no file: 3' 3 rsprof-heap -n "$T/nothing"
for bad in '-s x' '-s -1' '-s 9999999999999' '-b 0' '-b 101' '-b x' '-i 1ms' \
    '-d 0' '-m 1' '-R 99' '-p 0'; do
	# shellcheck disable=SC2086
	exits "$bad: 2" 2 rsprof-heap $bad -p $$
done
exits 'both -n and -p: 2' 2 rsprof-heap -n -p $$
launch sh -c 'while :; do sleep 1; done'; shell=$launched
exits 'a shell has nothing to probe: 5' 5 rsprof-heap -p $shell
says 'which is said' 'nothing to probe: it does not look like a Rust program'
kill $shell
if kernel_threads; then
	exits 'a kernel thread: 5' 5 rsprof-heap -p 2
else
	skip 'there are no kernel threads in this PID namespace'
fi
if [ "$(id -u)" = 0 ]; then
	launch nobody sleep infinity; asleep=$launched
	exits 'without permission: 4' 4 nobody "$B/rsprof-heap" -p $asleep
	says 'the capability is named' 'CAP_BPF'
	kill $asleep
else
	skip 'without permission: 4'
	skip 'the capability is named'
fi

# ---- plans -------------------------------------------------------------------

exits 'the plan of a file' 0 rsprof-heap -n "$B/target/heap"
says 'has the four of Rust' '^rust +__rust_alloc_zeroed ' out
exits 'the plan of one after LTO' 0 rsprof-heap -n "$B/target/heap-lto"
says 'has what it calls' 'calls malloc and the like' out
says 'and what it does not' '__rust_alloc is bypassed' out
exits 'a text has none' 5 rsprof-heap -n "$ROOT/README.md"
exits 'a C program has none' 5 rsprof-heap -n /bin/sh
exits 'but with -c' 0 rsprof-heap -c -n $$
says 'it has libc' '^libc +malloc ' out

# ---- exactly -----------------------------------------------------------------

# start PROGRAM ARGUMENT...: up to its first line, in $pid; and a line lets it go on.
start() {
	: >said # what is there is of the last time
	: >raw
	program=$B/target/$1
	case $1 in ./*) program=$PWD/$1 ;; esac
	shift
	# shellcheck disable=SC2068
	"$program" $@ <gate >said & pid=$!; own $pid
	exec 8>gate
	await 60 grep -q ready said
}
go() { echo go >&8; }
end() {
	exec 8>&-
	wait $pid
}

# record OPTION...: it from its first line to its second, into rec.
record() {
	rsprof-heap "$@" -p $pid >raw 2>err 8>&- & heap=$!; own $heap
	await 60 grep -q '^probe' raw
	go
	await 120 grep -q '^done' said
	kill $heap
	wait $heap; status=$?
	rsprof-sym <raw >rec
}

# What waits to be sent has room that depends on who comes first.
fixed() { grep -v ' push_sent '; }

for threads in 1 4 64; do
	start heap-counted $threads
	go
	await 120 grep -q '^done' said
	end
	grep '^site' said | sort >all.$threads
	fixed <all.$threads >truth.$threads
done
je=$(cd "$B/target" && ls -d heap-je heap-je-lto 2>/dev/null)
for build in heap heap-lto heap-thin heap-system heap-static $je; do
	for threads in 1 4 64; do
		[ $build = heap ] || [ $threads = 4 ] || continue
		start $build $threads
		record -s 0
		ok "$build, $threads threads: it ends well" test $status = 0
		sums all.$threads rec | fixed >is
		same "$build, $threads threads: all that it counts itself, to the last one" \
		    is truth.$threads
		ok "nothing is lost" sh -c '! grep "^lost" rec'
		end
	done
done

# Another allocator in the place of libc's.
for lib in libjemalloc.so.2 libmimalloc.so.2; do
	path=$(find /usr/lib -name $lib 2>/dev/null | head -n 1)
	if [ -z "$path" ]; then
		skip "$lib is not here"
		continue
	fi
	export LD_PRELOAD="$path"
	start heap-lto 4
	unset LD_PRELOAD
	record -s 0
	sums all.4 rec | fixed >is
	same "with $lib: all, to the last one" is truth.4
	end
done

# The sums of the whole and of its parts; and what is live, by age.
awk -F'\t' '
	function get(key) {
		if (!match($0, "\t" key "=[0-9]+"))
			return 0
		return substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2)
	}
	$1 == "heap" { a += get("allocs"); b += get("bytes"); f += get("frees"); d += get("freed")
	    live[$4 $5] = get("live"); n[$4 $5] = get("count") }
	$1 == "memory" { A += get("allocs"); B += get("bytes"); F += get("frees"); D += get("freed")
	    last = get("live") " " get("count"); peak = get("peak") }
	$1 == "age" { c += $8; y += $7 }
	END {
		for (s in live) { l += live[s]; m += n[s] }
		print a, b, f, d, l, m
		print A, B, F, D, last
		print a, b, f, d, y, c
		print a, b, f, d, b - d, a - f
		exit !(peak >= l)
	}' rec >lines
ok 'the most that was live is no less than what is' test $? = 0
uniq lines >one
ok 'the whole is the sum of its parts, and so are the ages' \
    test "$(wc -l <one)" = 1
[ "$(wc -l <one)" = 1 ] || diag <lines
says 'temporaries are seen' '	temps=[0-9]' rec
says 'reallocs are seen' '	moved=[0-9]' rec
says 'lifetimes are seen' '	lives=[0-9]' rec
ok 'every stack reaches its root' sh -c '! grep "^stack.*	?" raw && ! grep "^heap.*	?" raw'
ok 'the stream is whole' sh -c 'tail -n 1 raw | grep -q "^end"'

# Of two that watch at the same time both are right.
start heap 4
: >raw2
rsprof-heap -s 0 -p $pid >raw2 2>err2 8>&- & other=$!; own $other
await 60 grep -q '^probe' raw2
record -s 0
kill $other
wait $other
sums all.4 rec | fixed >is
same 'beside another one it is right' is truth.4
rsprof-sym <raw2 >rec2
sums all.4 rec2 | fixed >is
same 'and so is the other one' is truth.4
end

# Without names: the jumps are found by what they look like.
for build in heap heap-plain; do
	cp "$B/target/$build" named
	strip -o bare named
	start ./bare 4
	record -s 0
	end
	says "$build, stripped: they are found" \
	    '^note.*__rust_alloc and the like are recognised by their code' raw
	mv named bare
	rsprof-sym <raw >rec
	sums all.4 rec | fixed >is
	same "$build, stripped: all, to the last one" is truth.4
done

# Nor by that: by what functions do, in a process that does something.
[ "$je" ] || skip 'jemalloc, stripped'
for build in heap-static $je; do
	cp "$B/target/$build" named
	strip -o bare named
	start ./bare 4 3 warm
	record -s 0
	end
	says "$build, stripped: functions are found by what they do" \
	    '^note.*functions without names are probed, identified by their calls' raw
	mv named bare
	rsprof-sym <raw >rec
	sums all.4 rec | fixed >is
	same "$build, stripped: all, to the last one" is truth.4
done
# Or by their names, where those were set apart.
objcopy --only-keep-debug "$B/target/heap-static" bare.debug
strip -o bare "$B/target/heap-static"
objcopy --add-gnu-debuglink=bare.debug bare
start ./bare 4
record -s 0
end
says 'stripped, its symbols are elsewhere: it is said' \
    '^note.*bare is stripped: its symbols are those of .*/bare.debug' raw
rsprof-sym <raw >rec
sums all.4 rec | fixed >is
same 'and all is found, to the last one' is truth.4
rm bare.debug
cp "$B/target/heap-static" bare
strip bare
start ./bare 1 1 warm
rsprof-heap -p $pid >out 2>err 8>&- & heap=$!; own $heap
looks() { readlink /proc/$heap/fd/* | grep -q perf_event; }
await 60 looks
kill -9 $pid
wait $heap; status=$?
ok 'it ends while it is looked at: 3' test $status = 3
says 'which is said' 'process [0-9]* has ended'
{ wait $pid; } 2>/dev/null
exec 8>&-
start ./bare 1
exits 'stripped, and nothing happens: 5' 5 rsprof-heap -p $pid
says 'the note says what to do' 'could not be identified.*try again when it is busy'
exits 'and its plan' 0 rsprof-heap -n $pid
says 'says that' 'which of [0-9]* functions allocate is found out by what they do' out
end

# What looks like Rust's functions, and is bypassed, is noticed.
printf 'site %s\n' later >names
start bypass ''
rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
await 60 grep -q '^probe' raw
go
ok 'self-check: what is below is probed' await 60 grep -q '^probe.*	malloc' raw
says 'which is said' '^note.*self-check: of [0-9]* allocations .* only 0 went through' raw
go
await 60 grep -q '^done' said
kill $heap
wait $heap
rsprof-sym <raw >rec
sums names rec >is
same 'and from then on all is seen' is <<'E'
site later 1000 64000 0 0 64000 1000
E
end

# ---- from the first instruction on -------------------------------------------

for build in heap heap-lto heap-static; do
	: >said
	rsprof-exec "$B/target/$build" 1 <gate >said & pid=$!; own $pid
	exec 8>gate
	rsprof-heap -r -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
	await 60 grep -q ready said
	go
	await 60 grep -q '^done' said
	end
	wait $heap; status=$?
	ok "$build, held: it ends with the program" test $status = 0
	[ $status = 0 ] || cat err said raw | head -40 | diag
	rsprof-sym <raw >rec
	sums all.1 rec | fixed >is
	same "$build, held: nothing is missing" is truth.1
	awk -F'\t' '$1 == "age" { n += $8 }
		$1 == "memory" && match($0, "\tcount=[0-9]+") {
			count = substr($0, RSTART + 7, RLENGTH - 7)
		}
		END { exit !(n && n == count) }' raw
	ok "$build, held: what lived at its end is told" test $? = 0
	ok 'main is on a stack, before anything was said' \
	    grep -Eq '^frame.*main' rec
done

# It waits for so long that an interval is over.
: >said
rsprof-exec "$B/target/heap" 1 <gate >said & pid=$!; own $pid
exec 8>gate
rsprof-heap -r -R 7 -i 100ms -p $pid >raw 2>err 7>ready 8>&- & heap=$!; own $heap
await 60 grep -q '^cost' raw
kill -s CONT $pid
await 60 grep -q ready said
go
await 60 grep -q '^done' said
end
wait $heap; status=$?
ok 'held for longer than an interval: it ends with the program' test $status = 0
exits 'what it has said before and after can be stored' 0 rsprof-store held.db <raw
rm -f held.db

# ---- beside others -----------------------------------------------------------

if ! command -v valgrind >/dev/null; then
	skip 'valgrind counts the same'
else
	echo | valgrind --tool=dhat --dhat-out-file=dhat.json "$B/target/heap-lto" 1 \
	    2>&1 >/dev/null | tr -d , | awk '
		/ Total: / { total = $6 " " $3 }
		/ At t-end: / { print total, $4, $7 }' >dhat
	: >said
	rsprof-exec "$B/target/heap-lto" 1 <gate >said & pid=$!; own $pid
	exec 8>gate
	rsprof-heap -r -c -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
	await 60 grep -q ready said
	go
	await 60 grep -q '^done' said
	end
	wait $heap
	awk -F'\t' '
	function get(key) {
		if (!match($0, "\t" key "=[0-9]+"))
			return 0
		return substr($0, RSTART + length(key) + 2, RLENGTH - length(key) - 2)
	}
	$1 == "memory" { a += get("allocs"); b += get("bytes"); live = get("live") " " get("count") }
	END { print a, b, live }' raw >is
	same 'valgrind counts the same, to the last one: in all, and in the end' is dhat
fi

# ---- child processes ---------------------------------------------------------

printf 'site %s\n' in_parent in_child in_heir >names
for follow in '' -f; do
	start heirs ''
	# shellcheck disable=SC2086
	record -s 0 $follow
	sums names rec | cut -d ' ' -f 2-8 >is
	if [ "$follow" ]; then
		same 'with -f, what child processes allocate, too' is <<'E'
in_child 200 1600 200 1600 0 0
in_heir 777 6216 0 0 6216 777
in_parent 150 1200 150 1200 0 0
E
	else
		same 'of one process, what it allocates itself' is <<'E'
in_child 0 0 0 0 0 0
in_heir 0 0 0 0 0 0
in_parent 150 1200 150 1200 0 0
E
	fi
	end
	ok 'the program ends well' test $? = 0
done

# ---- samples -----------------------------------------------------------------

start heap 4
record -s 1024
ok 'samples: it ends well' test $status = 0
says 'the header says how many' '	sample=1024	' raw
sums all.4 rec | fixed >is
# Of some thousand picked ones: a fifth is far beyond chance.
ok 'bytes by samples are about those' awk '
	FNR == NR { want[$2] = $4; next }
	{ got += $4; all += want[$2] }
	END { exit !(got > all * 0.8 && got < all * 1.2) }' truth.4 is
end

# ---- beside samples of the CPU -----------------------------------------------

# reaching RAW: percent of the program's own samples whose stack reaches its root.
reaching() {
	awk -F'\t' '
	$1 == "stack" { caller[$2] = $3 }
	$1 == "cpu" && $5 != "?probes" {
		n++
		for (s = $5; s != "-" && s !~ /^\?/; s = caller[s])
			continue
		whole += s == "-"
	}
	END { printf "%.2f\n", n ? 100 * whole / n : 0 }' "$1"
}
start heap-lto 1 3 warm
rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
await 60 grep -q '^probe' raw
rsprof-cpu -F 999 -d 4 -p $pid >cpu.raw 2>err
kill $heap
wait $heap
end
share=$(reaching cpu.raw)
if head -n 1 cpu.raw | grep -q 'stacks=bpf'; then
	ok 'stacks of samples are as complete as without probes, but for moments' \
	    awk -v n="$share" 'BEGIN { exit !(n >= 98.5) }' </dev/null
	echo "$share % of the samples have complete stacks" | diag
else
	skip 'stacks are not walked in the kernel'
fi

# ---- leaving -----------------------------------------------------------------

for how in TERM KILL; do
	start heap 4
	rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
	await 60 grep -q '^probe' raw
	code $pid >armed
	ok 'probes are there' grep -q ' 314 ' armed
	kill -$how $heap
	wait $heap 2>/dev/null
	ok "after SIG$how they are not" await 60 is_clean $pid
	go
	await 60 grep -q '^done' said
	end
	ok 'the program goes on' test $? = 0
done
start heap 1
rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
await 60 grep -q '^probe' raw
# The processes that hold its probes.
holders() {
	cat /proc/[0-9]*/stat 2>/dev/null |
		awk -v of=$heap '$2 == "(rsprof-uprobes)" && $4 == of { print $1 }'
}
# shellcheck disable=SC2046
kill -s KILL $(holders)
wait $heap; status=$?
ok 'its probes are taken away: it ends with 1' test $status = 1
says 'and says so' 'the probes are gone: .*rsprof-uprobes.* was killed$' err
ok 'they are removed' await 60 is_clean $pid
end
start heap 1
rsprof-heap -s 0 -p $pid 2>err 8>&- | head -n 1 >first
says 'the reader goes: it ends' '^rsprof' first
end
start heap 1
rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
await 60 grep -q '^probe' raw
end
wait $heap; status=$?
ok 'the program ends: it does, too' test $status = 0
says 'which is the reason' '^end.*	exited$' raw
done_testing

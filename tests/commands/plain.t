#!/bin/sh
# The heap without root: allocations of one's own process are sampled inside of it and
# recorded without BPF, beside what the program counts itself.  Bounds are 5.5 standard
# errors: chance exceeds one once in 20 million.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

[ -e "$B/target/gated" ] || skip_all "no Rust compiler built $B/target/gated"
cd "$T" || exit 1
mkdir bin home
chmod 777 home
cp "$B"/rsprof-* "$B/rsprof" "$B/target/gated" "$B/target/heap-counted" "$B/target/heirs" bin
chmod -R go+rX bin
HOME=$T/home
PATH=$T/bin:$PATH
# The ring holds all of a round, however late it is read.
mkfifo in ready
chmod 666 in ready

# plain CMD ARG...: become it, with no privilege at all.
plain() {
	if [ "$(id -u)" = 0 ]; then
		set -- setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		    --bounding-set=-all -- "$@"
	fi
	exec "$@"
}

# target CMD ARG...: start it in $pid, with descriptor 7 as its input.
target() {
	: >out
	(plain "$@") <in >>out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	await 60 grep -q ready out
}

# inside ARG...: profile $pid into raw, in $heap.
inside() {
	: >raw
	(plain rsprof-heap -i 100ms "$@" -p $pid) >raw 2>err 7>&- &
	heap=$!
	own $heap
	await 60 grep -q '^note.*inside the process, one' raw
}

# whole: the share of the weight of samples in percent whose stack is complete.
whole() {
	awk -F'\t' '
	$1 == "stack" { cut[$2] = $3 == "-" ? 0 : $3 ~ /^[?]/ ? 1 : cut[$3] }
	$1 == "heap" { for (i = 6; i <= NF; i++) { split($i, kv, "=")
		if (kv[1] == "samples") { n += kv[2]; good += ($5 !~ /^[?]/ && !cut[$5]) * kv[2] } } }
	END { printf "%d\n", n ? 100 * good / n : 0 }' raw
}

# ---- a process that runs -------------------------------------------------

target "$T/bin/gated" count 1
exits 'without -I it is refused' 4 nobody "$T/bin/rsprof-heap" -p $pid -d 1
says 'and said what is possible' 'sample it inside \(-I\)'
exec 7>&-
wait $pid

for period in 16384 65536; do
	target "$T/bin/gated" count 4
	inside -I -s $period
	echo go 1000 >&7
	await 120 grep -q allocated out
	exec 7>&-
	wait $heap
	got=$?
	ok "one in $period: it ends with the process" [ $got = 0 ]
	near "one in $period: bytes are as counted" "$(total bytes)" \
		"$(sed -n 's/^allocated \([0-9]*\) .*/\1/p' out)" $period
	ok "one in $period: nothing is lost" sh -c '! grep -q "^lost" raw'
	ok "one in $period: stacks are complete, $(whole) %" [ "$(whole)" -ge 98 ]
done
says 'it is noted that there are no probes' 'recorded inside the process alone: ' raw
says 'and how stacks come' '^rsprof.*stacks=copy' raw

target "$T/bin/gated" count 1
inside -I -s 16384
echo go 2000 >&7
await 120 grep -q allocated out
settled() { tail -n 30 raw | grep -q '^memory.*live=.*hits' && ! tail -n 1 raw | grep -q hits; }
await 60 settled
kill -s TERM $heap
wait $heap
got=$?
ok 'it ends when it is told to' [ $got = 0 ]
near 'live bytes are as counted' \
	"$(awk -F'\t' '$1 == "memory" { for (i = 4; i <= NF; i++) if (sub(/^live=/, "", $i))
		live = $i } END { print live }' raw)" \
	"$(sed -n 's/.* live \([0-9]*\)$/\1/p' out)" 16384
ok 'the process is as it was' [ "$("$B/oracle/gate" slots $pid)" = 0 ]
exec 7>&-
wait $pid

if [ "$(id -u)" = 0 ]; then
	launch sleep infinity
	exits "another user's process: 4" 4 nobody "$T/bin/rsprof-heap" -I -p $launched -d 1
fi

# ---- from the first instruction on ---------------------------------------

# held COMMAND ARG...: run it without privileges, from its first instruction on.
held() {
	(plain "$T/bin/rsprof-exec" "$@") <in >out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	await 60 grep -q '^State:.T' "/proc/$pid/status"
	(plain rsprof-heap -r -R 8 -s 32768 -p $pid) >raw 2>err 7>&- 8>ready &
	heap=$!
	own $heap
	read -r _ <ready
	kill -s CONT $pid
}

# as_counted: of each function, beside what heap-counted has printed.
as_counted() {
	rsprof-sym <raw >named 2>err
	grep '^site' out | cut -d ' ' -f 1-2 | sort >names
	grep '^site' out | sort >truth
	sums names named >estimate
	# The program's allocator puts 16 bytes before each block, or as many as its alignment.
	join -j 2 truth estimate >both
	awk '
	function far(is, should) {
		is -= should
		return (is < 0 ? -is : is) > 5.5 * sqrt(should * 32768) + 64
	}
	{ head = $1 ~ /wide/ ? 64 : 16 }
	far($11, $4 + head * $3) || far($13, $6 + head * $5) || far($14, $7 + head * $8) {
		print
		bad = 1
	}
	END { exit bad || NR < 10 }' both && return
	grep -c '^heap.*!no-stack' raw
	grep '^lost' raw
	return 1
}

held "$T/bin/heap-counted" 1 10
await 60 grep -q ready out
echo >&7
await 120 grep -q 'done' out
echo >&7
exec 7>&-
wait $heap
got=$?
ok 'a command is recorded to its end' [ $got = 0 ]
ok 'bytes of each function are as counted, and freed and live ones' as_counted
ok 'stacks are complete' [ "$(whole)" -ge 98 ]

# One that has ended before anybody looks again.
held_alone() {
	(plain "$T/bin/rsprof-exec" "$@") </dev/null >out 2>&1 &
	pid=$!
	own $pid
	await 60 grep -q '^State:.T' "/proc/$pid/status"
	(plain rsprof-heap -r -R 8 -s 32768 -p $pid) >raw 2>err 8>ready &
	heap=$!
	own $heap
	read -r _ <ready
	kill -s CONT $pid
	wait $heap
	got=$?
}
held_alone "$T/bin/heap-counted" 1 8
ok 'so is one that lives for some milliseconds' [ $got = 0 ]
ok 'and what it has counted' as_counted

# Shells and the like that become another program.
cat >"$T/script" <<END
#!/bin/sh
exec "$T/bin/heap-counted" 1 8
END
chmod 755 "$T/script"
held_alone "$T/script"
ok 'a script becomes a program that is recorded' [ $got = 0 ]
ok 'from its first instruction on' as_counted
held_alone /bin/sh -c true
ok 'one that does not has nothing to record: 5' [ $got = 5 ]
says 'it is said why' 'not called by slots.*not recorded' raw

# One that has all system calls but those of its own kill it: samples are taken all the same.
if [ "$(id -u)" = 0 ]; then
	: >out
	"$B/target/guarded" sandboxed <in >>out 2>&1 &
	pid=$!
	own $pid
	exec 7>in
	await 60 grep -q ready out
	mkfifo words
	rsprof-guard -c -r -k 8192 $pid <words >answers 2>err 7>&- &
	guard=$!
	own $guard
	exec 8>words
	echo attach 4096 >&8
	await 60 grep -q attached answers
	echo go >&7
	counted() {
		echo count >&8
		tail -n 1 answers | awk '{ split($2, n, "="); split($3, m, "=")
			exit !((n[1] == "sampled" ? n[2] : m[2]) > 20000) }'
	}
	ok 'a sandbox does not notice' await 60 counted
	exec 7>&-
	wait $pid
	got=$?
	ok 'and ends as it should' [ $got = 0 ]
	exec 8>&-
	wait $guard
else
	skip 'not root: filters cannot be suspended'
fi

# ---- child processes -----------------------------------------------------

# A forked one goes on by a copy of the gate, which gets a ring of its own.
target "$T/bin/heirs"
inside -I -f -s 1
echo >&7
await 120 grep -q 'done' out
echo >&7
exec 7>&-
wait $heap
got=$?
ok '-f: it ends well' [ $got = 0 ]
rsprof-sym <raw >named 2>>err
printf 'site %s\n' in_child in_parent >names
sums names named >family
diag <family
ok '-f: what a forked process allocates, and its parent' awk '
	$2 == "in_child" { child = $3 > 195 && $3 < 203 && $5 > 195 && $5 < 203 }
	$2 == "in_parent" { parent = $3 > 147 && $3 < 153 }
	END { exit !(child && parent) }' family
says '-f: that they are late is said' 'allocations may be missing' err

# One that executes a program is sampled when it is noticed.
# shellcheck disable=SC2016
(plain "$T/bin/rsprof-exec" /bin/sh -c '"$0" count 2; :' "$T/bin/gated") <in >out 2>&1 &
pid=$!
own $pid
exec 7>in
await 60 grep -q '^State:.T' "/proc/$pid/status"
(plain rsprof-heap -r -f -R 8 -s 32768 -p $pid) >raw 2>err 7>&- 8>ready &
heap=$!
own $heap
read -r _ <ready
kill -s CONT $pid
await 60 grep -q ready out
child=$(cat "/proc/$pid/task/$pid/children")
led() { [ "$("$B/oracle/gate" slots $child)" -gt 0 ]; }
ok '-f: a child process that executes a program is sampled' await 60 led
echo go 1000 >&7
await 120 grep -q allocated out
exec 7>&-
wait $heap
got=$?
ok '-f: it ends well with the last one' [ $got = 0 ]
near '-f: bytes are as counted' "$(total bytes)" \
	"$(sed -n 's/^allocated \([0-9]*\) .*/\1/p' out)" 32768

# ---- all of it -----------------------------------------------------------

(plain rsprof run -q -o "$T/home/all.db" -- "$T/bin/heap-counted" 2 20) </dev/null >out 2>err
got=$?
ok 'rsprof run works without root' [ $got = 0 ]
says 'with the heap' '^Heap .* [1-9][0-9.]*[BKMG] allocated in [1-9]' err
ok 'and nothing is lost' \
	[ -z "$(rsprof-query "$T/home/all.db" "SELECT 1 FROM lost WHERE producer = 'heap'")" ]
done_testing

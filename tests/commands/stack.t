#!/bin/sh
# rsprof-stack: one look at all threads, which shows what gdb shows, and leaves
# the process as it was.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

threads=$B/target/threads odd=$B/target/odd
[ -x "$threads" ] || skip_all "no Rust compiler built $threads"

launch sleep infinity
sleeper=$launched
rsprof-stack -p $sleeper >"$T/out" 2>"$T/err" || skip_all "$(cat "$T/err")"

# begin NAME COMMAND...: start it, with a standard input that stays open, and
# wait until it is ready; it is $pid.
begin() {
	name=$1
	shift
	mkfifo "$T/$name.in"
	"$@" <"$T/$name.in" >"$T/$name.out" &
	pid=$!
	own $pid
	exec 9>"$T/$name.in"
	await 60 grep -q ready "$T/$name.out"
}
# look OPTION...: at $pid; the stream is in look.rec, the text in look.
look() {
	rsprof-stack -p $pid >"$T/look.raw" && rsprof-sym "$T/look.raw" \
		>"$T/look.rec" && rsprof-print "$@" "$T/look.rec" >"$T/look"
}
states() { sed -n 's/^thread [0-9]* \(.*\): \([a-z]*\)$/\1 \2/p' "$T/look"; }
# all STATE: that is each thread's, as the kernel says.
all() { ! cut -d ' ' -f 3 /proc/$pid/task/*/stat | grep -qv "$1"; }
untraced() { ! grep -h TracerPid: /proc/$pid/task/*/status | grep -qv '	0$'; }
asleep() {
	[ "$(cut -d ' ' -f 3 /proc/$pid/task/*/stat | sort | uniq -c |
		tr -d ' \n')" = 1R6S ]
}

# ---- what is seen -----------------------------------------------------------

begin threads "$threads"
await 60 asleep
ok 'a look at threads that wait and one that runs' look -l
states >"$T/states"
same 'all of them, with their names and states' "$T/states" <<'END'
threads sleeping
lock sleeping
nap sleeping
recv sleeping
spin running
deep sleeping
large sleeping
END
ok 'each stack is complete' [ "$(grep -c incomplete "$T/look")" = 0 ]
ok 'a deep one too' [ "$(grep -c '^    threads::descend ' "$T/look")" = 4001 ]
says 'and one that is larger than any copy' '^    threads::large ' "$T/look"
says 'the code of the thread that runs is inlined' \
	'^    threads::(turn|opaque|.*load) .*  \(inlined\)$' "$T/look"
says 'the stream says what it is' \
	"^rsprof	1	stack	mono=.*	pid=$pid	stacks=live	" "$T/look.raw"
says 'and that it is complete' '^end	[0-9]+	stack	done$' "$T/look.raw"
# Those that wait below functions of std with frame pointers, as of Rust 1.79, have to be
# stopped for a register.
says 'how long threads were held' \
	'^note: [1-7] of 7 threads were stopped .* at most [0-9]+ us to be read$' "$T/look"
ok 'it lets all of them go' untraced
ok 'and they do as before' await 60 asleep

# Threads of gdb and of ours as lines: number, function without its path and
# generic arguments, file without its directories, and line; of Rust's code
# only.  Of the thread that runs, what it just does in its loop is left out.
cat >"$T/plain.pl" <<'END'
my (%name, $tid, $name, $begun);
while (<>) {
	if (/^Thread .*LWP (\d+)\) "(.*)"/ || /^thread (\d+) (.*): [a-z]+$/) {
		($tid, $name) = ($1, $2);
		$begun = $name ne "spin";
	}
	if (/^#/) { # where gdb knows arguments, it shows them
		s/->//g;
		1 while s/<[^<>]*>//g;
	}
	next unless /^#\d+ +(?:0x[0-9a-f]+ in )?(.*?) \(.*\) at (\S*)$/ ||
	    /^    (.+?)  +(.+?)(?:  \(inlined\))?$/;
	my ($function, $place) = ($1, $2);
	next unless $place =~ s{^.*?([^/]+\.rs:\d+)$}{$1};
	$function =~ s/->//g;
	1 while $function =~ s/<[^<>]*>//g;
	$function =~ s/::$//;
	$function =~ s/.*:://;
	$function =~ s/^\{+closure.*/closure/;
	$function =~ s/\{.*//;
	$begun ||= $function eq "spin";
	print "$tid $function $place\n" if $begun;
}
END
plain() { perl "$T/plain.pl" "$1" | sort -s -n -k 1,1; }
if gdb --version >/dev/null 2>&1; then
	gdb -nx -p $pid -batch -ex 'set width 0' -ex 'set backtrace past-main on' \
		-ex 'thread apply all backtrace' >"$T/gdb" 2>"$T/gdb.err"
	plain "$T/gdb" >"$T/gdb.plain"
	plain "$T/look" >"$T/look.plain"
	ok 'gdb shows as many frames as it should' \
		[ "$(grep -c ' descend threads.rs:' "$T/gdb.plain")" = 4001 ]
	same 'all frames are as gdb has them' "$T/look.plain" "$T/gdb.plain"
	gdb -nx -p $pid -batch -ex "shell rsprof-stack -p $pid >'$T/traced.raw'" \
		>"$T/gdb" 2>&1
	rsprof-sym "$T/traced.raw" | rsprof-print >"$T/look"
	states | cut -d ' ' -f 2 | sort | uniq -c | tr -s ' ' >"$T/states"
	same 'under gdb: all are as gdb has stopped them' "$T/states" <<'END'
 7 traced
END
	says 'what can be seen without stopping them is there' \
		'^    _*(libc_)?recv ' "$T/look"
	grep '(incomplete' "$T/look" >"$T/missing" # where that needs more registers
	ok 'the rest is said to be missing' \
		sh -c '! grep -v "the thread could not be stopped" "$1"' - "$T/missing"
	says 'and who traces them' \
		"^note: process $pid is traced by gdb \\([0-9]+\\)" "$T/look"
	await 60 asleep
else
	skip 'no gdb'
fi

kill -s STOP $pid
await 60 all T
ok 'a look at a stopped process' look
states | cut -d ' ' -f 2 | sort | uniq -c | tr -s ' ' >"$T/states"
same 'it is stopped' "$T/states" <<'END'
 7 stopped
END
ok 'with complete stacks' [ "$(grep -c incomplete "$T/look")" = 0 ]
ok 'and stays so' all T
ok 'no thread of it is traced' untraced
kill -s CONT $pid
ok 'until it is continued' await 60 asleep

# Stop rsprof-stack again and again, until that is while it holds a thread.
cat >"$T/catch.pl" <<'END'
use Time::HiRes qw(sleep time);
my $target = shift;
sub start {
	my $pid = fork // die;
	return $pid if $pid;
	open STDOUT, ">", "/dev/null";
	exec "rsprof-stack", "-p", $target or die;
}
my $begun = time;
waitpid start(), 0;
my $takes = time - $begun;
for my $try (1 .. 2000) {
	my $pid = start();
	sleep rand $takes;
	kill STOP => $pid;
	if (grep { (split)[2] eq "t" } map { slurp($_) } glob "/proc/$target/task/*/stat") {
		print "held at try $try\n";
		kill KILL => $pid;
		waitpid $pid, 0;
		exit 0;
	}
	kill CONT => $pid;
	waitpid $pid, 0;
	$? == 0 or die "exit $?";
}
die "never caught";
sub slurp { open my $f, "<", shift or return (); scalar <$f> }
END
ok 'it is killed while it holds a thread' perl "$T/catch.pl" $pid
ok 'which the kernel lets go' await 60 asleep
ok 'and nothing traces it' untraced
ok 'the next look is as good' look
ok 'complete' [ "$(grep -c incomplete "$T/look")" = 0 ]

exec 9>&-
wait $pid
status=$?
ok 'the process ends in order' [ $status = 0 ]

# ---- what the process may not notice ----------------------------------------

begin signals "$odd" signals
# As many as the kernel queues.
perl -MErrno=EAGAIN -e 'for (1 .. 20000) {
	until (kill 34, $ARGV[0]) { $! == EAGAIN or die; select undef, undef, undef, 0.01 }
	select undef, undef, undef, 0.00003 }' $pid &
sender=$!
own $sender
looks=0
while kill -0 $sender 2>/dev/null && [ $looks -lt 1000 ]; do
	rsprof-stack -p $pid >/dev/null 2>"$T/err" || echo failed >>"$T/failed"
	looks=$((looks + 1))
done
wait $sender
kill -s TERM $pid
wait $pid
ok 'looks while signals come' [ ! -e "$T/failed" ]
diag <"$T/err"
sed -n 2p "$T/signals.out" >"$T/count"
same "no signal is lost in $looks looks" "$T/count" <<'END'
20000
END

# Threads that come and go while it looks.
if [ -x "$B/target/brief" ]; then
	echo | "$B/target/brief" 6000 100 50 300 >"$T/brief.out" &
	pid=$!
	own $pid
	while rsprof-stack -p $pid >"$T/raw" 2>"$T/err"; do
		cat "$T/raw" >>"$T/brief.raw"
	done
	says 'looks at threads that come and go, until the process ends' \
		"^rsprof-stack: (no process $pid|process $pid (has ended|is a zombie.*))\$"
	wait $pid
	says 'which it does in order' '^[0-9]+$' "$T/brief.out"
	awk -F'\t' '
		$1 == "state" { n++ }
		$1 == "state" && $6 ~ /^[?]/ && $5 != "zombie" { none[$5 " " $6]++ }
		$1 == "stack" && $3 ~ /^[?]/ { cut[$3]++ }
		END {
			for (c in cut) { print "stacks end with " c; bad += cut[c] }
			for (c in none) print none[c], "of", n, c
			print n " threads"
			exit n < 50 || bad > n / 100
		}' "$T/brief.raw" >"$T/sum"
	ok 'their stacks are complete' [ $? = 0 ]
	diag <"$T/sum"
fi

# ---- processes that are odd ---------------------------------------------------

begin vfork "$odd" vfork
await 60 all D
ok 'a thread that nothing interrupts is not waited for' look
states >"$T/states"
same 'it is shown' "$T/states" <<'END'
odd disk
END
says 'as far as it can be seen' '^    _*(libc_)?vfork ' "$T/look"
kill -9 $pid

begin worker "$odd" worker 2>/dev/null
if grep -q ready "$T/worker.out"; then
	ok 'a thread of the kernel in the process' look
	grep -A 1 '^thread .*iou-' "$T/look" | tail -n 1 >"$T/said"
	same 'has no stack, and says so' "$T/said" <<'END'
    (incomplete: there is no user stack)
END
	kill $pid
else
	skip 'no io_uring here'
fi

begin quiet "$odd" signals
await 60 sh -c "cut -d ' ' -f 3 /proc/$pid/task/*/stat | grep -q S"
ok 'one thread runs, and one waits' look
says 'which needs not be stopped' '^note: 1 of 2 threads were stopped ' "$T/look"
# With sanitizers, looking for leaks would take ptrace(2) too.
ASAN_OPTIONS=detect_leaks=0 "$odd" noptrace rsprof-stack -p $pid 2>"$T/err" >"$T/raw"
status=$?
ok 'ptrace is not permitted: what waits can be seen' [ $status = 0 ]
rsprof-sym "$T/raw" | rsprof-print >"$T/look"
says 'its stack' '^    wait_forever .*odd.c:' "$T/look"
says 'and what is missing' '^    \(incomplete: the thread could not be stopped' \
	"$T/look"
says 'is explained' "^note: process $pid: threads could not be stopped: Operation" \
	"$T/look"
kill $pid

# ---- refusals -----------------------------------------------------------------

sh -c 'exit 0' &
gone=$!
wait $gone
exits 'no such process: 3' 3 rsprof-stack -p $gone
same 'it is said' "$T/err" <<END
rsprof-stack: no process $gone
END
begin zombie "$odd" zombie
exits 'a zombie: 3' 3 rsprof-stack -p "$(head -n 1 "$T/zombie.out")"
says 'it is said' ' is a zombie: '
kill $pid
begin again "$threads"
for tid in /proc/$pid/task/*; do
	tid=${tid##*/}
	[ $tid = $pid ] || break
done
exits 'a thread: 3' 3 rsprof-stack -p "$tid"
same 'and whose it is' "$T/err" <<END
rsprof-stack: no process $tid: it is a thread of process $pid
END
exec 9>&-
begin headless "$odd" headless
exits 'a process whose first thread has ended' 0 rsprof-stack -p $pid
says 'its first thread: a zombie' "^state	[0-9]*	$pid	$pid	zombie" "$T/out"
says 'another one has a stack' "^state	[0-9]*	$pid	[0-9]*	[a-y][a-z]*	[0-9a-f]" "$T/out"
kill $pid
if kernel_threads; then
	exits 'a thread of the kernel: 5' 5 rsprof-stack -p 2
	one_line 'it is said'
else
	skip 'no threads of the kernel are seen here'
fi
if [ "$(id -u)" = 0 ]; then
	mkdir "$T/bin"
	chmod 755 "$T/bin"
	cp "$B/rsprof-stack" "$T/bin"
	exits 'another user'\''s process: 4' 4 nobody "$T/bin/rsprof-stack" -p $sleeper
	same 'it is said what would help' "$T/err" <<END
rsprof-stack: process $sleeper belongs to another user (uid 0): run as that user or as root, or give CAP_SYS_PTRACE
END
	launch nobody sleep infinity
	theirs=$launched
	scope=$(cat /proc/sys/kernel/yama/ptrace_scope 2>/dev/null)
	if [ "${scope:-0}" = 0 ]; then
		exits 'one of their own' 0 nobody "$T/bin/rsprof-stack" -p $theirs
		says 'has a stack' '^state	.*	sleeping	[0-9a-f]+$' "$T/out"
	else
		exits 'one of their own: 4' 4 nobody "$T/bin/rsprof-stack" -p $theirs
		says 'by the kernel'\''s setting' 'kernel.yama.ptrace_scope is'
	fi
else
	skip 'another user'\''s process: needs root'
fi

exits 'no process named: 2' 2 rsprof-stack
exits 'not a number: 2' 2 rsprof-stack -p x
exits 'too much: 2' 2 rsprof-stack -p $sleeper x
exits 'a full disk: 1' 1 sh -c "rsprof-stack -p $sleeper >/dev/full"
same 'it is said' "$T/err" <<'END'
rsprof-stack: cannot write: No space left on device
END
(rsprof-stack -p $sleeper; echo $? >"$T/status") 2>"$T/err" | :
ok 'whoever does not read on knows it' [ ! -s "$T/err" ]

rsprof-stack -p $sleeper | rsprof-sym | rsprof-store "$T/look.db" 2>"$T/err"
ok 'it can be stored' [ "$(rsprof-query "$T/look.db" \
	'SELECT producer, how FROM stream')" = 'stack	done' ]
says 'but for the states, and that is said' \
	'^rsprof-store: <stdin>: 1 records of types .* not stored$'
done_testing

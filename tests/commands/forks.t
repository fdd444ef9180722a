#!/bin/sh
# Child processes of one that is sampled inside (-I -f): forked ones go on by their copy of the
# gate, those that execute a program get one of their own, and nothing is left in any of them.
# Bounds are 5.5 standard errors: chance exceeds one once in 20 million.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
# shellcheck source=tests/tools/heap.sh
. "$(dirname "$0")/../tools/heap.sh"

cd "$T" || exit 1

# forks: for a line on its input it forks a child, which forks another, each of which allocates
# and keeps what it says, as for each further line; leave: then it ends itself.  execute: the
# child executes this program, with "alone".
cat >forks.c <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
enum { ROUNDS = 30000, SIZE = 1000, KEPT = 2000 };
static void *volatile kept[4 * KEPT];
static int nkept;
static void say(const char *who)
{
	char text[100];
	int n = snprintf(text, sizeof text, "%s %d %d %d\n", who, (int)getpid(),
	    (ROUNDS + KEPT) * SIZE, KEPT * SIZE);
	(void)!write(1, text, (size_t)n);
}
static void work(const char *who)
{
	for (int i = 0; i < ROUNDS; i++) {
		void *volatile p = malloc(SIZE);
		free(p);
	}
	for (int i = 0; i < KEPT; i++)
		kept[nkept++ % (4 * KEPT)] = malloc(SIZE);
	say(who);
}
static int next(void)
{
	char line;
	return read(0, &line, 1) == 1;
}
int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	signal(SIGCHLD, SIG_IGN);
	if (strcmp(how, "alone") == 0) {
		work("alone");
		while (next())
			work("alone");
		return 0;
	}
	printf("ready\n");
	fflush(stdout);
	next();
	if (fork() == 0) {
		if (strcmp(how, "execute") == 0)
			execl(argv[0], argv[0], "alone", NULL);
		if (fork() == 0) {
			work("grandchild");
			while (next())
				work("grandchild");
			_exit(0);
		}
		work("child");
		while (next())
			work("child");
		_exit(0);
	}
	if (strcmp(how, "leave") == 0)
		return 0;
	work("parent");
	while (next())
		work("parent");
	return 0;
}
END
"${CC:-cc}" -O1 -w -o forks forks.c

# forks ARG...: start it in $pid, with a pipe of its own as input: processes that have not ended
# yet would read what the next ones are told.
forks() {
	rm -f in
	mkfifo in
	target ./forks "$@"
}

said() { [ "$(grep -c "$1" out)" -ge "$2" ]; }
# of WHO: its number.
of() { awk -v who="$1" '$1 == who { print $2; exit }' out; }
slots() { "$B/oracle/gate" slots "$1"; }
clean() { [ "$(slots "$1")" = 0 ]; }
# memory PID KEY: the sum of a key of its memory records, or, of live, the last one.
memory() {
	awk -F'\t' -v pid="$1" -v key="$2" '$1 == "memory" && $3 == pid {
		live = 0
		for (i = 4; i <= NF; i++) { split($i, kv, "=")
			if (kv[1] == key) sum += kv[2]
			if (kv[1] == "live") live = kv[2] } }
	END { printf "%.0f\n", key == "live" ? live : sum }' raw
}
# as_counted WHO: what is told of it, and what is live, beside what it has counted.
as_counted() {
	near "$1: bytes are as counted" "$(memory "$(of "$1")" bytes)" \
		"$(awk -v who="$1" '$1 == who { n += $3 } END { print n }' out)" 4096
	near "$1: and live ones" "$(memory "$(of "$1")" live)" \
		"$(awk -v who="$1" '$1 == who { n += $4 } END { print n }' out)" 4096
}
# held PID: by a guard of its own.
held() {
	# shellcheck disable=SC2013
	for child in $(cat "/proc/$heap/task/$heap/children"); do
		case $(command_line "$child" 2>/dev/null) in *rsprof-guard*" $1 ") return 0 ;; esac
	done
	return 1
}

forks
inside -c -f -s 4096
if [ ! -s raw ]; then
	skip_all "allocations cannot be probed here: $(head -n 1 err)"
fi
if ! grep -q 'sampled inside' raw; then
	skip_all "$(grep '^note' raw)"
fi
echo >&7
await 60 said grandchild 1 && await 60 said child 2 && await 60 said parent 1
ok 'a forked process that goes on gets a guard' await 60 held "$(of child)"
ok 'so does one that it has forked' await 60 held "$(of grandchild)"
# One of them reads each.
for _ in 1 2 3 4 5 6; do echo; done >&7
await 60 said 'parent\|child' 9
clean "$(of child)"
ok 'it is led through the gate' [ $? != 0 ]
stopped
ok 'it ends as it should' [ $got = 0 ]
for who in parent child grandchild; do
	as_counted $who
	ok "$who: nothing is left in it" clean "$(of $who)"
done
ok 'no function is probed' sh -c '! grep -q "^probe" raw'
ok 'nothing is lost' sh -c '! grep "^lost" raw'
hits=$(awk -F'\t' '$1 == "memory" { for (i = 4; i <= NF; i++) if (sub(/^hits=/, "", $i)) n += $i }
	END { print n }' raw)
ok 'only samples cost them anything' [ "$hits" -lt 200000 ]
exec 7>&-
wait $pid

# The one that was attached to ends first.
forks leave
inside -c -f -s 4096
echo >&7
await 60 said grandchild 1 && await 60 said child 2
wait $pid
await 60 held "$(of child)" && await 60 held "$(of grandchild)"
echo >&7
await 60 said child 3
stopped
ok 'it ends as it should' [ $got = 0 ]
for who in child grandchild; do
	as_counted $who
	ok "$who: nothing is left in it" clean "$(of $who)"
done
exec 7>&-

# Its child executes a program.
forks execute
inside -c -f -s 4096
echo >&7
await 60 said alone 1 && await 60 said parent 1
ok 'a child that executes a program has a guard' held "$(of alone)"
echo >&7
await 60 said 'parent\|alone' 3
stopped
as_counted alone
ok 'nothing is left in it' clean "$(of alone)"
ok 'no function is probed' sh -c '! grep -q "^probe" raw'
exec 7>&-
wait $pid

# Without -f: what they have of the gate is taken back as well.
forks
inside -c
echo >&7
await 60 said grandchild 1 && await 60 said child 2 && await 60 said parent 1
stopped
for who in parent child grandchild; do
	ok "without -f nothing is left in the $who" clean "$(of $who)"
done
exec 7>&-
wait $pid
forks leave
inside -c
echo >&7
wait $pid
await 60 said grandchild 1 && await 60 said child 2
for who in child grandchild; do
	ok "nor in a $who that lives longer" await 60 clean "$(of $who)"
done
wait $heap
exec 7>&-

# And if it is killed.
forks
inside -c -f
echo >&7
await 60 said grandchild 1 && await 60 said child 2
kill -9 $heap
for who in parent child grandchild; do
	ok "if it is killed nothing is left in the $who" await 60 clean "$(of $who)"
done
exec 7>&-
wait $pid

# With a ring, which they do not write to: that goes, too.
forks
mkfifo words
rsprof-guard -c -r -k 1024 $pid <words >answers 2>err 7>&- &
guard=$!
own $guard
exec 8>words
echo attach 4096 >&8
await 60 grep -q attached answers
echo >&7
await 60 said grandchild 1 && await 60 said child 2 && await 60 said parent 1
has_ring() { grep -q 'rw-s.*rsprof-gate' "/proc/$1/maps"; }
ok 'a forked process has the mapping of a ring' has_ring "$(of child)"
exec 8>&-
wait $guard
for who in parent child grandchild; do
	ok "nothing is left in the $who" clean "$(of $who)"
	has_ring "$(of $who)"
	ok 'nor is the ring' [ $? = 1 ]
done
exec 7>&-
wait $pid

# A command that may be sampled inside later is led through a gate by which nothing is sampled:
# what its children have for allocation functions are the gate's, and those below are probed.
rm -f in
mkfifo in ready
rsprof-exec ./forks <in >out 2>&1 &
pid=$!
own $pid
exec 7>in
rsprof-heap -r -c -f -b 100 -i 100ms -R 8 -p $pid >raw 2>err 7>&- 8>ready &
heap=$!
own $heap
read -r _ <ready
kill -s CONT $pid
await 60 grep -q ready out
echo >&7
await 60 said grandchild 1 && await 60 said child 2
probed() { awk -F'\t' '
	$1 == "module" { path[$2] = $4 }
	$1 == "probe" && $3 == '"$(of child)"' { print $5, path[$6] ~ /libc/ ? "libc" : path[$6] }' raw; }
are_probed() { [ "$(probed | grep -c -e malloc -e free)" = 2 ]; }
await 60 are_probed
probed >got
says 'children of one that is probed are probed' '^malloc libc$' got
ok 'in the functions below the gate' sh -c '! grep gate got'
ok 'which alone are noted' sh -c '! grep "^note.*rsprof-gate" raw'
stopped
for who in parent child grandchild; do
	ok "nothing is left in the $who" clean "$(of $who)"
done
exec 7>&-
wait $pid

done_testing

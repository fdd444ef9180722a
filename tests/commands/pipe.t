#!/bin/sh
# rsprof-pipe starts the stages of a pipeline, prints what they say under their
# names, finds out which one failed, and leaves nothing behind.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

mkdir "$T/bin" "$T/here"
PATH=$T/bin:$PATH
cd "$T/here" || exit 1

# program NAME: from the standard input, a script that a stage can be.
program() {
	{ echo '#!/bin/sh'; cat; } >"$T/bin/$1"
	chmod +x "$T/bin/$1"
}
# make LINE CMD: writes a line and becomes the command.
program make <<'E'
echo "$1"; shift; exec "$@"
E
# take [CMD]: what is read goes to a file; then it becomes the command.
program take <<'E'
cat >took; exec "$@"
E
program end <<'E'
exit "$1"
E
# one STATUS|-SIGNAL [MESSAGE]: passes on what it reads, and ends so.
for name in one two; do
	program $name <<'E'
cat
[ -z "$2" ] || echo "$2" >&2
case $1 in -*) kill -s "${1#-}" $$ ;; *) exit "$1" ;; esac
E
done

# ---- what a pipeline is -----------------------------------------------------

exits 'data goes from stage to stage' 0 rsprof-pipe producer printf 'b\na\n' '|' \
	filter sort '|' filter sed 's/$/!/' '|' sink cat
same 'in their order' "$T/out" <<'END'
a!
b!
END
same 'without a word' "$T/err" </dev/null
exits 'two producers share a pipe' 0 rsprof-pipe producer echo x '|' \
	producer echo y '|' sink sort
same 'both are read' "$T/out" <<'END'
x
y
END
exits 'a command has all words that follow' 0 \
	rsprof-pipe producer true '|' sink cat '|' command rsprof-exec echo '|' x
same 'as they are' "$T/out" <<'END'
| x
END
exits 'nothing is written: the others do not begin' 0 \
	rsprof-pipe producer true '|' filter touch filter '|' sink touch sink
ok 'no filter' [ ! -e filter ]
ok 'no sink' [ ! -e sink ]

for words in '' 'producer' 'producer true' 'sink cat' 'sink cat | producer true' \
	'producer true | filter cat' 'producer true | sink cat | sink cat' \
	'producer true | sink cat | filter cat' 'reader cat' \
	'producer true | sink cat | view true | view true'; do
	set -f
	# shellcheck disable=SC2086
	exits "no pipeline: $words" 2 rsprof-pipe $words
	set +f
	says 'which is said' '^(usage|rsprof-pipe): '
done

# ---- statuses ---------------------------------------------------------------

# Of the filter, of the sink, and which one counts.
while read -r filter sink worst; do
	exits "exit $filter and $sink: $worst" "$worst" rsprof-pipe producer echo x '|' \
		filter one "$filter" '|' sink two "$sink"
done <<'E'
0 0 0
0 1 1
2 0 2
0 5 5
7 0 1
3 0 3
3 5 3
5 3 3
4 3 4
3 4 4
6 4 6
4 6 6
2 6 6
0 127 1
-KILL 0 1
-KILL 3 3
E
exits 'both have failed by themselves' 6 rsprof-pipe producer make x end 3 '|' \
	filter one 0 '|' sink two 6
same 'both are named' "$T/err" <<'END'
rsprof-pipe: two failed (exit 6)
rsprof-pipe: make failed (exit 3)
END
exits 'a stage is killed' 1 rsprof-pipe -n rsprof producer echo x '|' \
	filter one -KILL '|' sink two 0
same 'it is named, by whom -n says' "$T/err" <<'END'
rsprof: one was killed by signal 9
END
exits 'one failed, its neighbours miss it' 1 rsprof-pipe producer make x end 1 '|' \
	filter one 1 '|' sink two 1 'cannot write'
same 'who says why is named' "$T/err" <<'END'
two: cannot write
rsprof-pipe: two failed (exit 1)
END
exits 'nobody says why' 1 rsprof-pipe producer make x end 1 '|' sink two 1
same 'all are named' "$T/err" <<'END'
rsprof-pipe: two failed (exit 1)
rsprof-pipe: make failed (exit 1)
END
exits 'there is no such program' 1 rsprof-pipe producer "$T/nosuch" '|' sink cat
same 'it is said' "$T/err" <<'END'
nosuch: cannot be executed: No such file or directory
rsprof-pipe: nosuch failed (exit 127)
END
exits 'nobody reads on' 141 rsprof-pipe producer echo x '|' filter one 1 x '|' \
	sink two -PIPE
same 'and knows it' "$T/err" </dev/null

exits 'an extra producer may not' 0 rsprof-pipe \
	extra='not there' sh -c 'echo "sh: why" >&2; exit 4' '|' \
	producer echo x '|' sink cat
same 'which is a note' "$T/err" <<'END'
rsprof-pipe: not there: why
END
exits 'it was killed' 1 rsprof-pipe extra='not there' sh -c 'kill -s KILL $$' '|' \
	producer echo x '|' sink cat
same 'which is a failure' "$T/err" <<'END'
rsprof-pipe: sh was killed by signal 9
END
exits 'it does not outlive one that fails' 3 rsprof-pipe extra=no sleep 100 '|' \
	producer end 3 '|' sink cat
same 'and is not to blame' "$T/err" <<'END'
rsprof-pipe: end failed (exit 3)
END

# ---- what comes after -------------------------------------------------------

exits 'a program comes after' 0 rsprof-pipe producer make x end 4 '|' sink take true '|' \
	after echo @status @command x
same 'it knows the status' "$T/out" <<'END'
4 -1 x
END
exits 'and that of a command' 0 rsprof-pipe producer echo x '|' sink take end 5 '|' \
	after echo @status @command '|' command rsprof-exec end 7
same 'apart from the others' "$T/out" <<'END'
5 7
END
exits 'signals are as before' 0 rsprof-pipe producer true '|' sink cat '|' \
	after grep -E '^Sig(Blk|Ign)' /proc/self/status
grep -E '^Sig(Blk|Ign)' /proc/self/status >"$T/said"
same 'all of them' "$T/out" "$T/said"

# ---- messages ---------------------------------------------------------------

# Two that write at once, in pieces, and are cut.
for name in left right; do
	{ echo '#!/usr/bin/perl'; cat <<'E'; } >"$T/bin/$name"
$| = 1;
my ($letter) = $0 =~ m{.*/(.)};
print <STDIN> if -p STDIN;
for my $i (1 .. 300) {
	syswrite STDERR, $letter x 40 for 1 .. 5;
	syswrite STDERR, "\n";
}
syswrite STDERR, $letter x 100;
print "x\n";
E
	chmod +x "$T/bin/$name"
done
exits 'stages write at once' 0 rsprof-pipe producer left '|' producer right '|' sink cat
sort "$T/err" | uniq -c | awk '{ print $1, $2, substr($3, 1, 1), length($3) }' >"$T/said"
same 'each line is whole, and under its name' "$T/said" <<'END'
1 left: l 100
300 left: l 200
1 right: r 100
300 right: r 200
END

program talk <<'E'
cat
awk 'BEGIN { for (i = 0; i < 10000; i++) printf "talk: line %d\n", i }' >&2
E
exits 'ten thousand messages' 0 rsprof-pipe producer echo x '|' filter talk '|' sink cat
ok 'do not stop the pipeline' [ "$(cat "$T/out")" = x ]
awk '{ print "talk: line " NR - 1 }' "$T/err" >"$T/said"
same 'all are printed' "$T/said" "$T/err"
ok 'there are ten thousand' [ "$(wc -l <"$T/err")" = 10000 ]
program shout <<'E'
cat
yes 'much ado about nothing' | head -n 200000 >&2
E
exits 'far too many messages' 0 rsprof-pipe producer echo x '|' filter shout '|' sink cat
says 'are counted' '^rsprof-pipe: shout: [0-9]+ more lines$'
printed=$(grep -c '^shout: much ado about nothing$' "$T/err")
left=$(sed -n 's/^rsprof-pipe: shout: \([0-9]*\) more lines$/\1/p' "$T/err")
ok 'each of them' [ $((printed + left)) = 200000 ]
# Nobody reads what the producer says, until it has ended.
mkfifo slow
rsprof-pipe producer shout '|' sink take true </dev/null 2>slow &
pid=$!
own $pid
exec 8<slow
ok 'messages that nobody reads stop nothing, either' await 60 [ -e took ]
cat <&8 >"$T/err"
wait $pid
exec 8<&-

mkfifo go
program warn <<'E'
echo hello >&2
read -r _ <go
E
rsprof-pipe producer warn '|' sink cat 2>"$T/err" &
pid=$!
own $pid
ok 'a producer is heard at once' await 60 grep -qx 'warn: hello' "$T/err"
echo >go
wait $pid

# ---- who waits for whom -----------------------------------------------------

# A producer that is ready when it is told so; dash has no descriptors above 9.
program wait <<'E'
echo begun >first
read -r _ <go
perl -e 'open F, ">&=", shift or die; print F "ready\n"' "$1"
E
rm -f first second
rsprof-pipe producer wait @ready '|' producer touch second '|' sink cat &
pid=$!
own $pid
await 60 [ -e first ]
ok 'a producer waits until the one before is ready' [ ! -e second ]
echo >go
wait $pid
ok 'then it begins' [ -e second ]
exits 'or has ended' 0 rsprof-pipe extra=no sh -c 'exit 5' @ready '|' \
	producer echo x '|' sink cat

program stopped <<'E'
[ "$(sed 's/.*) \(.\).*/\1/' "/proc/$1/stat")" = T ] && echo held
E
exits 'a command is held' 7 rsprof-pipe producer stopped @pid '|' sink take true '|' \
	command rsprof-exec sh -c 'echo run; exit 7'
exits 'until its producer is ready' 7 rsprof-pipe \
	producer perl -e 'sub state { open S, "<", "/proc/$_[0]/stat"; <S> =~ /\) (.)/; $1 }
		$| = 1; print state($ARGV[0]), "\n"; open F, ">&=", $ARGV[1]; print F "ready\n";
		close F; 1 until state($ARGV[0]) ne "T"' @pid @ready '|' sink take true '|' \
	command rsprof-exec sh -c 'echo run; exit 7'
same 'it has the output, and gives the status' "$T/out" <<'END'
run
END
ok 'its producer has seen it stopped' [ "$(cat took)" = T ]
exits 'the producer fails' 4 rsprof-pipe producer sh -c 'exit 4' @ready '|' \
	sink cat '|' command rsprof-exec touch ran
ok 'then the command is not started' [ ! -e ran ]
exits 'no such command' 127 rsprof-pipe producer touch ran '|' sink cat '|' \
	command rsprof-exec nosuchcommand
ok 'then nothing is' [ ! -e ran ]
exits 'its output goes to a file' 0 rsprof-pipe producer sleep 0.2 '|' sink cat '|' \
	command=output rsprof-exec echo said
ok 'which has it' [ "$(cat output)" = said ]
exits 'that must be new' 1 rsprof-pipe producer touch ran '|' sink cat '|' \
	command=output rsprof-exec touch ran
same 'which is said' "$T/err" <<'END'
rsprof-pipe: output: File exists
END
ok 'nothing was started' [ ! -e ran ]

# ---- descriptors and users --------------------------------------------------

{ echo '#!/usr/bin/perl'; echo 'print map { "$_\n" } grep { -e "/proc/$$/fd/$_" } 0 .. 99'; } \
	>"$T/bin/open"
chmod +x "$T/bin/open"
open >"$T/said"
exits 'a stage has no descriptors but its own' 0 rsprof-pipe producer open '|' sink cat
same 'and those that the caller left open' "$T/out" "$T/said"
echo word >"$T/file"
# A program that prints what it reads from a descriptor.
{ echo '#!/usr/bin/perl'; echo 'print "x\n"; open F, "<&=", shift or die; print <F>'; } \
	>"$T/bin/from"
chmod +x "$T/bin/from"
exits 'a file is opened for a stage' 0 rsprof-pipe producer from @"$T/file" '|' sink cat
same 'and read' "$T/out" <<'END'
x
word
END
exits 'one that is not there is empty' 0 rsprof-pipe producer from @/nosuch '|' sink cat
same 'which is all' "$T/out" <<'END'
x
END
if [ "$(id -u)" = 0 ]; then
	chmod 600 "$T/file"
	chmod 755 "$T/here" "$T/bin"
	SUDO_UID=65534 SUDO_GID=65533
	export SUDO_UID SUDO_GID
	exits 'under sudo' 0 rsprof-pipe producer id -u '|' \
		filter sh -c 'cat; id -u; id -g; id -G; from $0' @"$T/file" '|' \
		sink sh -c 'cat; id -u'
	same 'who produces is root, others are not; what they read root has opened' \
		"$T/out" <<'END'
0
65534
65533
65533
x
word
65534
END
	exits 'the command' 0 rsprof-pipe extra=no make x id -u '|' \
		producer sleep 0.2 '|' sink sh -c 'cat >/dev/null' '|' command rsprof-exec id -u
	ok 'is root' [ "$(cat "$T/out")" = 0 ]
	exits '-u' 0 rsprof-pipe -u id -u
	ok 'is that user' [ "$(cat "$T/out")" = 65534 ]
	unset SUDO_UID SUDO_GID
	exits '-u without sudo' 0 rsprof-pipe -u id -u
	ok 'is the same as before' [ "$(cat "$T/out")" = 0 ]
else
	skip 'under sudo: needs root'
fi
exits '-u of what is no program' 127 rsprof-pipe -u nosuchcommand
exits '-u of nothing' 2 rsprof-pipe -u

for shell in dash bash; do
	command -v $shell >/dev/null || continue
	exits "$shell: no standard input" 0 $shell -c \
		'rsprof-pipe producer sleep 0.2 "|" sink cat "|" command rsprof-exec cat <&-'
	exits "$shell: no standard output" 1 $shell -c \
		'rsprof-pipe producer echo x "|" sink cat >&-'
	says 'is said' '^rsprof-pipe: cat failed \(exit 1\)$'
	exits "$shell: nowhere to write messages to" 3 $shell -c \
		'rsprof-pipe producer end 3 "|" sink cat 2>&-'
done
exits 'a full disk' 1 sh -c 'rsprof-pipe producer yes "|" filter cat "|" sink cat >/dev/full'
says 'is said' '^cat: .*No space left on device$'
says 'by the one that writes' '^rsprof-pipe: cat failed \(exit 1\)$'
exits 'messages go to a full disk' 3 sh -c \
	'rsprof-pipe producer end 3 "|" sink cat 2>/dev/full'

# ---- ends -------------------------------------------------------------------

# A producer that goes on until it is told to end, and a filter.
program last <<'E'
echo $$ >producer.pid
trap 'echo end; exit 0' TERM
echo begin
while :; do sleep 0.1; done
E
program pass <<'E'
echo $$ >"$1.pid"
exec cat
E
# begin CMD [ARG ...]: a pipeline, in $pid.
begin() {
	rm -f ./*.pid
	"$@" >"$T/out" 2>"$T/err" &
	pid=$!
	own $pid
	await 60 [ -s sink.pid ]
}
gone() {
	for file in *.pid; do
		! kill -0 "$(cat "$file")" 2>/dev/null || return 1
	done
}
# as_login CMD: its signals as a login leaves them.
as_login() {
	exec perl -e '$SIG{$_} = "DEFAULT" for qw(HUP INT QUIT TERM); exec @ARGV' "$@"
}
run_last() { exec rsprof-pipe producer last '|' filter pass filter '|' sink pass sink; }
login_last() { as_login rsprof-pipe producer last '|' filter pass filter '|' sink pass sink; }
whole() {
	same "$1: nothing is lost" "$T/out" <<'END'
begin
end
END
}
for signal in INT TERM QUIT HUP; do
	begin login_last
	kill -s $signal $pid
	wait $pid
	got=$?
	ok "SIG$signal ends it" [ $got = 0 ]
	whole "SIG$signal"
	ok 'and all stages' gone
done
hung_last() { trap '' HUP; run_last; }
begin hung_last
kill -s HUP $pid
kill -s WINCH $pid
rsprof-pipe producer true '|' sink cat # as long as this takes
ok 'SIGHUP that was ignored stays so' kill -0 $pid
grep SigIgn "/proc/$(cat sink.pid)/status" >"$T/said"
kill -s TERM $pid
wait $pid
whole 'SIGTERM ends it'

begin run_last
kill -s KILL $pid
wait $pid 2>/dev/null
ok 'it is killed: no stage stays behind' await 60 gone
whole 'and they have ended in order'
for stage in producer filter sink; do
	begin run_last
	kill -s KILL "$(cat $stage.pid)"
	# This producer hears of it only when it writes.
	[ $stage = producer ] || kill -s TERM "$(cat producer.pid)"
	wait $pid 2>/dev/null
	got=$?
	ok "the $stage is killed: 1" [ $got = 1 ]
	says 'it is named' '^rsprof-pipe: (last|cat|pass) was killed by signal 9$'
	ok 'no stage stays behind' await 60 gone
done

program held <<'E'
echo $$ >command.pid
exec rsprof-exec touch ran
E
program unready <<'E'
echo $$ >sink.pid
exec sleep 100
E
begin rsprof-pipe producer unready @ready '|' sink cat '|' command held
kill -s KILL $pid
wait $pid 2>/dev/null
ok 'it is killed before the command has begun: that ends' await 60 gone
ok 'and has not begun' [ ! -e ran ]

# ---- a view -----------------------------------------------------------------

if ! command -v tmux >/dev/null; then
	skip 'no tmux'
	done_testing
	exit
fi
cd "$T" || exit 1
. "$ROOT/tests/tools/terminal.sh"
open_terminal 80 20
mkfifo view.go
# A view that takes the terminal and dies.
program show <<'E'
tput smcup; tput civis; stty raw -echo
read -r _ <view.go
kill -s "$1" $$
E
program keep <<'E'
read -r _
perl -e 'open F, ">&=", shift or die; print F "ready\n"' "$1"
cat >/dev/null
E
alternate() { [ "$(tm display-message -p '#{alternate_on}')" = 1 ]; }
for signal in KILL SEGV; do
	run "rsprof-pipe producer last '|' sink keep @ready '|' view show $signal"
	ok 'a view is shown' await 60 alternate
	echo >view.go
	ends "it dies of SIG$signal: 1" 1
	see 'and is named' 'rsprof-pipe: show was killed by signal'
	restored "after SIG$signal"
done
program complain <<'E'
echo something >&2
echo begin
trap 'exit 0' TERM
while :; do sleep 0.1; done
E
program look <<'E'
tput smcup; tput clear; echo seen
read -r _ <view.go
tput rmcup
E
program asked <<'E'
perl -e 'open F, "<&=", shift or die; open H, ">", "heard"; print H scalar <F>' "$1"
E
program asks <<'E'
perl -e 'open F, ">&=", shift or die; print F "please\n"' "$1"
E
run "rsprof-pipe producer asked @asked '|' producer complain '|' sink keep @ready '|' view asks @ask"
ok 'the view asks a producer' await 60 grep -qx please heard
ends 'and ends the recording' 0
run "rsprof-pipe producer complain '|' sink keep @ready '|' view look"
see 'a view' '^seen'
ok 'has the terminal for itself' stays '^seen' 'something'
echo >view.go
see 'others are heard when it has ended' '^complain: something'
ends 'and with it ends the recording' 0
# keep_late: is ready when what it read from has failed, and the supervisor has heard of that.
program keep_late <<'E'
cat >/dev/null; sleep 1
perl -e 'open F, ">&=", shift or die; print F "ready\n"' "$1"
E
run "rsprof-pipe producer make x end 3 '|' sink keep_late @ready '|' view touch shown"
ends 'no view of what has failed' 3
ok 'none was there' [ ! -e shown ]
done_testing

#!/bin/sh
# rsprof-print: streams in, the text that a person reads out.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1

# A process with two threads; a stack with an inlined call, one that repeats
# itself, one without names, and ones that end early.
rec >small.rec <<'END'
rsprof | 1 | stack | mono=1000 | wall=2000
proc | 1 | 100 | 1 | server | /srv/server | ./server -v
thread | 1 | 100 | 100 | server
thread | 1 | 100 | 101 | worker one
module | a1 | - | /srv/server
module | a2 | - | /lib/libc.so.6
module | a3 | - | [anon]
module | a4 | - | [vdso]
frame | f1 | server::main | src/main.rs | 10
frame | f2 | server::serve | /src/server/src/serve.rs | 20
frame | f3 | server::parse | src/parse.rs | 30
frame | f4 | server::descend | src/deep.rs | 40
frame | f5 | read | - | -
frame | f6 | server::start | src/start.rs | -
stack | 1 | - | a1 | 100 | f1 | 0
stack | 2 | 1 | a1 | 200 | f2 | 0
stack | 3 | 2 | a1 | 200 | f3 | 1
stack | 4 | 3 | a2 | 300 | f5 | 0
stack | 10 | 1 | a1 | 400 | f4 | 0
stack | 11 | 10 | a1 | 400 | f4 | 0
stack | 12 | 11 | a1 | 400 | f4 | 0
stack | 13 | 12 | a1 | 410 | f3 | 0
stack | 20 | - | a1 | 1f00 | - | 0
stack | 21 | 20 | a3 | 7f0000001000 | - | 0
stack | 22 | 21 | a4 | be1 | - | 0
stack | 30 | ?no-unwind-info | a2 | 500 | f5 | 0
stack | 31 | ?no-module | - | 1234 | - | 0
stack | 33 | ?not-ready | a2 | 500 | f5 | 0
stack | 32 | - | a1 | 600 | f6 | 0
state | 5 | 100 | 100 | sleeping | 4
state | 6 | 100 | 101 | running | 13
END
cp small.rec head.rec
echo 'end | 9 | stack | done' | rec >>small.rec
exits 'states' 0 rsprof-print small.rec
same 'stacks as a person reads them' out <<'END'
process 100 server: ./server -v

thread 100 server: sleeping
    read                                                          [libc.so.6]
    server::parse                                                 src/parse.rs:30  (inlined)
    server::serve                                                 /src/server/src/serve.rs:20
    server::main                                                  src/main.rs:10

thread 101 worker one: running
    server::parse                                                 src/parse.rs:30
    server::descend                                               src/deep.rs:40  (3 times)
    server::main                                                  src/main.rs:10
END
cp out small.out
exits 'whatever the terminal is' 0 env COLUMNS=20 TERM=dumb rsprof-print small.rec
same 'the output is the same' out small.out
exits 'from the standard input' 0 sh -c 'rsprof-print <small.rec'
same 'it is the same' out small.out
exits 'by its name' 0 sh -c 'cat small.rec | rsprof-print -'
same 'too' out small.out
rsprof-print -l small.rec | sed -n '/worker/,$s/  */ /gp' >out
same '-l leaves nothing out' out <<'END'
thread 101 worker one: running
 server::parse src/parse.rs:30
 server::descend src/deep.rs:40
 server::descend src/deep.rs:40
 server::descend src/deep.rs:40
 server::main src/main.rs:10
END

# states LINE...: they alone, after what head.rec defines.
states() {
	{
		grep -v ^state head.rec
		cat
		echo 'end | 9 | stack | done'
	} | rec >some.rec
	exits "$1" 0 rsprof-print some.rec
}
states 'what has no name' <<'END'
state | 5 | 100 | 100 | sleeping | 22
END
sed 1,2d out >said
same 'is a file and an offset, or an address' said <<'END'
thread 100 server: sleeping
    [vdso]+0xbe1                                                  [vdso]
    0x7f0000001000                                                [anon]
    server+0x1f00                                                 [server]
END
states 'a line that is not known' <<'END'
state | 5 | 100 | 100 | sleeping | 32
END
says 'only the file is' '^    server::start  *src/start.rs$' out
states 'stacks that end early' <<'END'
state | 5 | 100 | 100 | sleeping | 30
state | 5 | 100 | 100 | running | 31
state | 5 | 100 | 100 | running | 33
state | 5 | 100 | 100 | zombie | ?no-stack
state | 5 | 100 | 100 | disk | ?no-registers
state | 5 | 100 | 100 | new-state | ?new-reason
END
sed 1,2d out >said
same 'say why' said <<'END'
thread 100 server: sleeping
    read                                                          [libc.so.6]
    (incomplete: this code has no unwind information)

thread 100 server: running
    0x1234                                                        [unknown]
    (incomplete: the next frame is in no known mapping)

thread 100 server: running
    read                                                          [libc.so.6]
    (incomplete: the unwind table of this code was not ready yet)

thread 100 server: zombie
    (incomplete: there is no user stack)

thread 100 server: disk
    (incomplete: the thread could not be stopped, and not all of its registers are known)

thread 100 server: new-state
    (incomplete: new-reason)
END
for reason in $(sed -n '/^The reasons are/,/^\.Ss/s/^\.It Cm \([a-z-]*\)$/\1/p' \
    "$ROOT/man/rsprof-records.5"); do
	states "reason $reason" <<-END
	state | 5 | 100 | 100 | sleeping | ?$reason
	END
	ok 'is told in words' sh -c "! grep -q '(incomplete: $reason)' out"
done
rec <<'END' >more.rec
rsprof | 1 | cpu | mono=1000 | wall=2000
proc | 1 | 100 | 1 | server | /srv/server | ./server -v
proc | 1 | 200 | 100 | helper | /srv/helper | -
thread | 1 | 100 | 101 | a
frame | f1 | server::main | src/main.rs | 10
module | a1 | - | /srv/server
stack | 1 | - | a1 | 100 | f1 | 0
cpu | 5123400000001 | 100 | 101 | 1 | 10101010
off | 5124000000000 | 100 | 101 | 1 | 731000000 | 12 | sleeping
cpu | 5 | 200 | 200 | 1 | 7
later | 1 | 2
lost | 6 | cpu | 3 | ring-full
lost | 7 | cpu | 4 | ring-full
lost | 7 | cpu | 1 | throttled
note | 8 | cpu | it is so
note | 8 | sym | it is so
end | 9 | cpu | done
END
exits 'samples, waits, losses and notes' 0 rsprof-print more.rec
same 'are told' out <<'END'
process 100 server: ./server -v

thread 101 a: 10101010 ns at 5123.400000001
    server::main                                                  src/main.rs:10

thread 101 a: sleeping 731000000 ns in 12 waits until 5124.000000000
    server::main                                                  src/main.rs:10

process 200 helper: /srv/helper

thread 200 -: 7 ns at 0.000000005
    server::main                                                  src/main.rs:10

lost: 7 ring-full
lost: 1 throttled
note: it is so
END
exits 'two streams' 0 rsprof-print more.rec small.rec
ok 'one after the other' [ "$(grep -c ^thread out)" = 5 ]
ok 'and the notes at their end' [ "$(tail -n 1 out)" = 'note: it is so' ]

# ---- names --------------------------------------------------------------------

long='<alloc::boxed::Box<dyn core::ops::FnOnce() -> u64> as core::ops::function::FnOnce<()>>::call_once'
deep='/home/someone/with/a/long/name/and/many/directories/in/it/src/runtime/park.rs'
names() {
	printf 'frame | f1 | %s | %s | 7\n' "$long" "$deep"
	printf 'stack | 1 | - | a1 | 100 | f1 | 0\n'
	printf 'state | 5 | 100 | 100 | sleeping | 1\n'
}
names >names
states 'long names' <names
sed -n 4p out >said
same 'are shortened, but for the last component' said <<'END'
    <Box<..> as FnOnce<..>>::call_once                            …/long/name/and/many/directories/in/it/src/runtime/park.rs:7
END
exits 'with -l' 0 rsprof-print -l some.rec
says 'they are not' "^    <alloc::boxed::Box<dyn .*::call_once  $deep:7\$" out
exits 'without UTF-8' 0 env LC_ALL=C rsprof-print some.rec
says 'the mark is two dots' '  \.\./name/and/' out
printf '%s\n' 'thread | 1 | 100 | 100 | a\tb' \
	'frame | f1 | evil'"$(printf '\033')"'[31m::red | x\ny'"$(printf '\007')"'z | 7' \
	'stack | 1 | - | a1 | 100 | f1 | 0' 'state | 5 | 100 | 100 | sleeping | 1' >names
states 'control characters' <names
sed 1,2d out >said
same 'are harmless' said <<'END'
thread 100 a?b: sleeping
    evil?[31m::red                                                x?y?z:7
END

# ---- bad streams --------------------------------------------------------------

exits 'a stream that was cut off: 1' 1 rsprof-print head.rec
same 'it is said' err <<'END'
rsprof-print: head.rec: the stream was cut off: it has no end
END
same 'what there is, is shown' out small.out
{ sed 's/^stack	2	.*/stack	2	1/' small.rec; } >bad.rec
exits 'a line that makes no sense: 1' 1 rsprof-print bad.rec
same 'it is said, and what misses it' err <<'END'
rsprof-print: bad.rec:16: too few fields
rsprof-print: bad.rec:30: stack is not defined
END
sed -n 3,6p out >said
same 'the stack goes as far as it can' said <<'END'
thread 100 server: sleeping
    read                                                          [libc.so.6]
    server::parse                                                 src/parse.rs:30  (inlined)
    (incomplete: the stream does not define the next frame)
END
sed 's/^stack	1	-/stack	1	4/; s/^stack	10	1/stack	10	12/' small.rec >round.rec
exits 'stacks that go round in a circle: 1' 1 rsprof-print round.rec
ok 'end' [ "$(wc -l <out)" -lt 100 ]
exits 'also with -l' 1 rsprof-print -l round.rec
ok 'end' [ "$(wc -l <out)" -lt 100 ]
exits 'an empty stream: 1' 1 rsprof-print /dev/null
same 'it is said' err <<'END'
rsprof-print: /dev/null: empty stream
END
exits 'no stream: 1' 1 rsprof-print "$B/rsprof-print"
says 'it is said' 'not a record stream of rsprof'
exits 'no file: 1' 1 rsprof-print nosuch small.rec
same 'it is said' err <<'END'
rsprof-print: nosuch: No such file or directory
END
same 'and the next one shown' out small.out
exits 'a full disk: 1' 1 sh -c 'rsprof-print small.rec >/dev/full'
same 'it is said' err <<'END'
rsprof-print: cannot write: No space left on device
END

# What has come is shown at once.
mkfifo pipe
rsprof-print <pipe >live.out 2>live.err &
pid=$!
own $pid
exec 9>pipe
cat head.rec >&9
ok 'what has come is shown before more comes' await 60 cmp live.out small.out
kill -s INT $pid
echo 'end | 9 | stack | done' | rec >&9
exec 9>&-
wait $pid
status=$?
ok 'SIGINT does not end it' [ $status = 0 ]
done_testing

# Shared by the tests of what exports a stream; sourced after lib.sh.

# small: a stream with two threads, inlined calls, waits, memory, children and losses.
small() {
	rec <<'E'
rsprof | 1 | cpu | mono=1000000000 | wall=1700000001000000000 | hz=100 | unit=ns | pid=100 | host=box | arch=x86_64
rsprof | 1 | heap | mono=1000000500 | wall=1700000001000000500 | sample=524288 | unit=bytes | pid=100
proc | 1000000600 | 100 | 1 | server | /srv/server | ./server -v
thread | 1000000600 | 100 | 100 | server
thread | 1100000000 | 100 | 101 | worker
module | a1 | beef | /srv/server
module | a2 | f00d | /lib/libc.so.6
map | 1000000600 | 100 | 555500001000 | 555500009000 | 1000 | a1
map | 1000000600 | 100 | 7f0000000000 | 7f0000100000 | 0 | a2
frame | f1 | server::main | src/main.rs | 10 | user | 5 | server | 0.1.0 | -
frame | f2 | server::serve | src/serve.rs | 20 | user | 5 | server | 0.1.0 | -
frame | f3 | server::parse | src/parse.rs | 30 | user | 5 | server | 0.1.0 | -
frame | f4 | <alloc::vec::Vec<u8>>::push | /rustc/abc/library/alloc/src/vec/mod.rs | 40 | std | 5 | alloc | 1.75.0 | Vec<_>::push
frame | f5 | malloc | - | - | alloc | - | - | - | -
frame | f6 | server::serve | src/serve.rs | 25 | user | 9 | server | 0.1.0 | -
stack | 1 | - | a1 | 1100 | f1 | 0
stack | 2 | 1 | a1 | 1200 | f2 | 0
stack | 3 | 2 | a1 | 1200 | f3 | 1
stack | 4 | 3 | a1 | 1300 | f4 | 0
stack | 5 | 4 | a2 | 5500 | f5 | 0
stack | 6 | 1 | a1 | 1250 | f6 | 0
stack | 7 | ?copy-end | a2 | 7700 | - | 0
cpu | 1200000000 | 100 | 100 | 3 | 10000000
cpu | 1210000000 | 100 | 100 | 3 | 10000000
cpu | 1300000000 | 100 | 101 | 5 | 10000000
cpu | 1400000000 | 100 | 101 | 6 | 10000001
cpu | 1500000000 | 100 | 101 | 7 | 10000000
cpu | 1600000000 | 100 | 101 | ?no-stack | 5000000
off | 2000000000 | 100 | 101 | 6 | 300000000 | 3 | sleeping
off | 2000000000 | 100 | 101 | ?short | 700 | 9 | ready
heap | 2000000000 | 100 | 100 | 5 | allocs=10 | bytes=1000 | frees=4 | freed=400 | live=600 | count=6 | peak=900
heap | 2000000000 | 100 | 101 | 5 | allocs=1 | bytes=70 | live=70 | count=1 | peak=70
memory | 2000000000 | 100 | live=670 | count=7 | peak=900 | rss=4096000 | anon=81920 | allocs=11 | bytes=1070 | frees=4 | freed=400
heap | 3000000000 | 100 | 100 | 5 | frees=3 | freed=300 | live=300 | count=3 | peak=900
memory | 3000000000 | 100 | live=370 | count=4 | peak=900 | rss=8192000 | anon=81920 | frees=3 | freed=300
lost | 3000000000 | cpu | 7 | ring-full
note | 3000000000 | cpu | it is so
proc | 3000000000 | 200 | 100 | child | /srv/child | child
thread | 3000000000 | 200 | 200 | child
cpu | 3100000000 | 200 | 200 | 1 | 40000000
end | 4000000000 | heap | exited
end | 4000000000 | cpu | exited
E
}

# doubtful: `small`, of which the memory is known within errors and ranges, and in part not.
doubtful() {
	small | sed -e '/^heap	2000000000	100	100/s/$/	bytes_err=100	live_err=50/' \
		-e '/^heap	3000000000/s/$/	live_err=30/' \
		-e '/^heap	2000000000	100	101/s/$/	live_min=70	live_max=500	bytes_min=60	bytes_max=130/' \
		-e '/^memory	2/s/$/	live_min=600	live_max=700	covered=200000000/' \
		-e '/^memory	3/s/$/	live_min=370	live_max=1000	covered=200000000	inuse=800/'
}

# again: `small`, and a second stream of memory, of a producer that attached to the process again.
again() {
	small
	printf 'rsprof\t1\theap\tmono=%s\twall=%s\tsample=524288\tunit=bytes\tpid=100\n' \
		4100000000 1700000005000000000
	printf 'heap\t5000000000\t100\t101\t5\tallocs=1\tbytes=50\tlive=50\tcount=1\tpeak=50\n'
	printf 'end\t6000000000\theap\texited\n'
}

# hostile: a stream of names that mean something else to some format; one fills the longest line
# that a stream can have.
LONGEST=65519
# shellcheck disable=SC2016
hostile() {
	long=$(head -c $LONGEST /dev/zero | tr '\0' x)
	printf '%s\n' 'rsprof	1	cpu	mono=0	wall=1700000000000000000	hz=100	unit=ns	pid=7	host=</script>"h' \
		'proc	0	7	1	a;b "c" </script>	/a	a' \
		'thread	0	7	7	th\tread;1 2	' | sed 's/	$//'
	printf 'note\t1\tcpu\t</script>"note;\033\nlost\t1\tcpu\t3\t</script>"lost\n'
	printf 'module\ta1\t</script>"id\t/a b;c</script>"\033\nframe\tf1\tmain; fn= "x" 12\tsrc/a b.rs\t1\n'
	printf 'frame\tf2\t</script><script>alert(1)</script>\tb.rs\t2\n'
	printf 'frame\tf3\t\033[31mred\\n\\t\007\177\\\\x <!-- {{x}} %%s $(id)\tb.rs\t3\n'
	printf 'frame\tf4\tbad\377\376utf8\303\251\tb.rs\t4\nframe\tf5\t%s\tb.rs\t5\n' "$long"
	printf 'frame\tf6\t \t-\t6\nframe\tf7\t\\-\t-\t7\nframe\tf8\t\342\200\250u+2028 \360\237\246\200\t</script>"\033;b.rs\t8\tuser\t1'
	printf '\t</script>"c\t1;"\tg</script>\n'
	i=1 up=-
	for f in f1 f2 f3 f4 f5 f6 f7 f8; do
		printf 'stack\t%s\t%s\ta1\t%s00\t%s\t0\n' $i $up $i $f
		up=$i i=$((i + 1))
	done
	printf 'cpu\t1000000\t7\t7\t8\t10000000\ncpu\t2000000\t7\t7\t4\t20000000\n'
	printf 'heap\t3000000\t7\t7\t8\tallocs=2\tbytes=64\tlive=64\tcount=2\tpeak=64\n'
	printf 'end\t9000000\tcpu\tdone\n'
}

# longest FILE: how long the longest name of `hostile` is there.
longest() { tr -c 'x\n' '\n' <"$1" | awk 'length > n { n = length } END { print n + 0 }'; }

# shellcheck disable=SC2016
# refuses COMMAND...: what all exporters say of streams that are not as they should be.
refuses() {
	exits 'an empty stream: 1' 1 "$@" /dev/null
	says 'it is said' "^$1: /dev/null: empty stream\$"
	ok 'without output' [ ! -s out ]
	exits 'what is no stream: 1' 1 "$@" "$ROOT/README.md"
	says 'it is said' 'not a record stream of rsprof'
	exits 'a file that is not there: 1' 1 "$@" nosuch
	head -n 1 small.rec >empty.rec
	echo 'end	4000000000	cpu	exited' >>empty.rec
	exits 'a stream without samples: 1' 1 "$@" empty.rec
	says 'it is said' "^$1: the stream has no samples\$"
	sed '/^end/d; 30,$d' small.rec >cut.rec
	exits 'a stream that was cut off: 1' 1 "$@" cut.rec
	says 'it is said' 'cut.rec: the stream was cut off: it has no end$'
	ok 'what there is, is written' [ -s out ]
	{ grep -v '^end' small.rec; head -c 33 small.rec; } >middle.rec
	exits 'a stream that is cut within a line: 1' 1 "$@" middle.rec
	sed 's/unit=ns/unit=faults/; s/^rsprof	1	heap/rsprof	1	cpu/' small.rec >other.rec
	exits 'streams of different units: 1' 1 "$@" small.rec other.rec
	says 'cannot be added' "^$1: streams of different units cannot be added up\$"
	ok 'without output' [ ! -s out ]
	grep -v '^frame' small.rec | sed 's/	f[1-6]	/	-	/' >unnamed.rec
	exits 'a stream without names' 0 "$@" unnamed.rec
	sed 's/^stack	1	-/stack	1	5/' small.rec >round.rec
	exits 'stacks that go round in a circle: 1' 1 "$@" round.rec
	sed 's/	10000000$/	2000000000000000000/' small.rec >large.rec
	exits 'sums that are too large: 1' 1 "$@" large.rec
	says 'it is said' 'large.rec:[0-9]*: sum out of range$'
	sed 's/	10000000$/	9999999999999999999/; s/live=300/live=9999999999999999999/' small.rec >huge.rec
	exits 'numbers that are too large: 1' 1 "$@" huge.rec
	says 'it is said' 'huge.rec:[0-9]*: number out of range$'
	grep -v '^stack' small.rec >undefined.rec
	exits 'stacks that are not defined: 1' 1 "$@" undefined.rec
	says 'it is said once, and counted' 'stack is not defined: [0-9]* more of these$'
	exits 'a full disk: 1' 1 sh -c '"$@" small.rec >/dev/full' sh "$@"
	says 'it is said' "^$1: cannot write: No space left on device\$"
	rm -f go && mkfifo go
	{ read -r _ <go; "$@" small.rec 2>err; echo $? >went; } | { exec <&-; echo >go; }
	ok 'a reader that goes away: SIGPIPE' [ "$(cat went)" = 141 ]
	same 'without a word' err /dev/null
	exits 'a dump' 0 sh -c 'rsprof-store s.db <small.rec && rsprof-dump s.db | "$@"; s=$?; rm s.db; exit $s' sh "$@"
	cp out dumped
	"$@" small.rec >whole
}

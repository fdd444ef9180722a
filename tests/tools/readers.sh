#!/bin/sh
# Files of other formats, read by the programs that they are for: what those say adds up to what
# the recording says.  `make check-readers` installs the programs.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/tools/export.sh
. "$ROOT/tests/tools/export.sh"
packages=$B/readers/node_modules
node=$packages/.bin/node
cd "$T" || exit 1
small >small.rec
hostile >hostile.rec
seq 1 20 | rsprof run -q -f -w -F 499 -o real.db -- "$B/target/family" 300 >log 2>&1
rsprof dump real.db >real.rec 2>err || skip_all "nothing can be recorded here: $(tail -n 1 log)"

# ask SQL: its one number; 0 where there is none.
ask() { rsprof-query real.db "SELECT coalesce(($1), 0)"; }
ns=$(ask 'SELECT sum(ns) FROM cpu')
off=$(ask 'SELECT sum(ns) FROM off')
bytes=$(ask 'SELECT sum(bytes) FROM heap')
allocs=$(ask 'SELECT sum(allocs) FROM heap')
live=$(ask 'SELECT sum(live) FROM heap_live')
count=$(ask 'SELECT sum(count) FROM heap_live')

# ---- pprof ----------------------------------------------------------------------------

rsprof pprof real.db >real.pb.gz
# total TYPE UNIT: what pprof adds up to, to a unit.
total() {
	go tool pprof -sample_index="$1" -unit="$2" -top -nodecount=0 -nodefraction=0 real.pb.gz 2>/dev/null |
		sed -n 's/^Showing nodes accounting for .* of \([0-9.]*\).* total$/\1/p'
}
# near DESCRIPTION GOT WANT: to a hundredth, as pprof rounds.
near() { ok "$1: $2" awk -v a="$2" -v b="$3" 'BEGIN { d = a - b; exit !(a != "" && d < .006 && d > -.006) }'; }
near 'go tool pprof: samples' "$(total samples count)" "$(ask 'SELECT count(*) FROM cpu')"
near 'cpu, in ns' "$(total cpu ns)" "$ns"
if [ "$off" != 0 ]; then near 'off_cpu, in ns' "$(total off_cpu ns)" "$off"; else skip 'no waits'; fi
if [ "$bytes" != 0 ]; then
	near 'alloc_objects' "$(total alloc_objects count)" "$allocs"
	near 'alloc_space' "$(total alloc_space B)" "$bytes"
	near 'inuse_objects' "$(total inuse_objects count)" "$count"
	near 'inuse_space' "$(total inuse_space B)" "$live"
else
	skip 'no memory'
fi
go tool pprof -traces -unit=ns real.pb.gz >traces 2>err
ok 'pprof -traces adds up' [ "$(awk '/^-----/ { on = 1; next }
	on && $1 ~ /ns$/ { sub(/ns$/, "", $1); n += $1; on = 0 } END { printf "%.0f", n }' traces)" = "$ns" ]
says 'it has labels' '^ *thread: *family$' traces
says 'and inlined calls' '\(inline\)$' traces
rsprof-pprof hostile.rec >hostile.pb.gz
go tool pprof -raw hostile.pb.gz >out 2>err
ok 'pprof: hostile names' grep -qF '</script><script>alert(1)</script>' out
ok 'pprof-format, too' "$node" -e '
	const { Profile } = require(process.argv[1] + "/pprof-format");
	const p = Profile.decode(require("zlib").gunzipSync(require("fs").readFileSync("real.pb.gz")));
	let i = p.sampleType.findIndex(t => p.stringTable.strings[Number(t.type)] === "cpu"), n = 0n;
	for (const s of p.sample) n += BigInt(s.value[i]);
	if (String(n) !== process.argv[2]) throw new Error(n);' "$packages" "$ns"

# ---- Parca ------------------------------------------------------------------------------

mkdir parca
"$node" "$ROOT/tests/tools/parca.cjs" "$packages" parca 2>err &
own $!
ok 'a server of gRPC' await 60 test -s parca/port
parca=http://127.0.0.1:$(cat parca/port)
exits 'rsprof-push speaks with it' 0 rsprof-push -l env=test parca "$parca" real.db
LC_ALL=C grep -v '^heap	' real.rec | rsprof-pprof >time.pb.gz
ok 'it has the profile' cmp parca/1 time.pb.gz
same 'with its labels' parca/1.labels <<'E'
__name__=process_cpu
job=family
env=test
E
exits 'what it refuses' 1 rsprof-push -n refuse parca "$parca" real.db
says 'is an error' 'the status 3 of gRPC: no such job$'

# ---- Firefox --------------------------------------------------------------------------

profiler() { timeout 60 "$node" "$packages/.bin/profiler-cli" "$@" 2>&1; }
# load FILE: a session; a busy machine may take longer than it waits.
load() {
	profiler stop --all >/dev/null
	profiler load "$1" >load.log || await 60 profiler status
}
for format in firefox trace; do
	rsprof export -f $format real.db >real.$format.json
done
rsprof fold -m samples real.db >real.folded
ok 'profiler-cli loads it' load "$PWD/real.firefox.json"
profiler profile info >info
says 'it has the processes' 'family .pid [0-9]*' info
profiler thread functions --include-idle >out
says 'functions with their modules' '!' out
# functions: the sum over all threads of what the profiler has for their functions themselves.
functions() {
	for thread in $(seq 0 $(($(jq '.threads | length' "$1") - 1))); do
		profiler thread functions --thread t-"$thread" --include-idle --limit 0 --json |
			jq '[.functions[].selfSamples] | add // 0'
	done | jq -s 'add'
}
near 'CPU time of all threads, in ms' "$(functions real.firefox.json)" "$(ask 'SELECT sum(ns) / 1e6 FROM cpu')"
if [ "$bytes" != 0 ]; then
	near 'the counters end with live memory' \
		"$(jq '[.counters[].samples.count[]] | add' real.firefox.json)" \
		"$(ask 'SELECT sum(live) FROM (SELECT live, max(seconds) FROM memory_samples GROUP BY pid)')"
	near 'a counter goes up to the most that was live' \
		"$(profiler counter info c-0 --json | jq '.stats[] | select(.source == "count-range").value')" \
		"$(ask "SELECT max(live) FROM memory_samples WHERE pid = $(jq -r '.counters[0].pid' real.firefox.json)")"
	near 'allocations' "$(jq '[.threads[].nativeAllocations?.weight[]? | select(. > 0)] | add' real.firefox.json)" "$bytes"
	near 'less what was freed' "$(jq '[.threads[].nativeAllocations?.weight[]?] | add' real.firefox.json)" "$live"
	# What is selected by itself may be a thread that allocates nothing.
	profiler thread select "t-$(jq '[.threads[].nativeAllocations != null] | index(true)' real.firefox.json)" >out
	profiler strategy native-allocations >out
	profiler thread functions >out
	says 'the profiler has them' 'self bytes' out
fi
ok 'by its importer of traces' load "$PWD/real.trace.json"
# The order of threads is the importer's.
for thread in 0 1 2 3 4; do profiler thread functions --thread t-$thread; done >out 2>&1
says 'with functions' 'family::burn - self: [1-9]' out
if [ "$bytes" != 0 ]; then
	rsprof export -f dhat real.db >real.dhat.json
	ok 'by that of DHAT' load "$PWD/real.dhat.json"
	near 'what was allocated' "$(profiler thread functions --thread t-0 --limit 0 --json |
		jq '[.functions[].selfSamples] | add')" "$bytes"
	near 'what is live' "$(profiler thread functions --thread t-3 --limit 0 --json |
		jq '[.functions[].selfSamples] | add')" "$live"
	profiler thread functions --thread t-0 >out
	says 'with functions' '- self: [1-9].*B ' out
fi
ok 'by that of folded stacks' load "$PWD/real.folded"
profiler thread functions --limit 0 --json >out
near 'samples' "$(jq '[.functions[].selfSamples] | add' out)" "$(ask 'SELECT count(*) FROM cpu')"
rsprof-export -f firefox hostile.rec >hostile.json
ok 'hostile names' load "$PWD/hostile.json"
profiler thread functions >out
ok 'are text' grep -qF '</script><script>alert(1)</script>' out
profiler stop --all >out

# ---- flamebearer ------------------------------------------------------------------------

near 'flamebearer: CPU time of a trace, in us' "$("$node" --input-type=module -e '
	const { parseInput } = await import(`${process.argv[1]}/flamebearer/index.js`);
	const { readFileSync } = await import("node:fs");
	const { threads } = parseInput(readFileSync(process.argv[2]), process.argv[2]);
	console.log(threads.reduce((n, t) => n + t.busy, 0).toFixed(3));' "$packages" "$PWD/real.trace.json")" \
	"$(ask 'SELECT sum(ns) / 1e3 FROM cpu')"
"$node" "$packages/.bin/flamebearer" real.trace.json >out
says 'its report has lines' '^ *[0-9.]* ms .*family::burn.*family[.]rs:[0-9]' out
rsprof-export -f trace hostile.rec >hostile.trace.json
"$node" "$packages/.bin/flamebearer" hostile.trace.json >out
ok 'hostile names are text' grep -qF '</script><script>alert(1)</script>' out

# ---- speedscope and DHAT ----------------------------------------------------------------

rsprof-export -f speedscope small.rec >speedscope.json
rsprof-export -f dhat small.rec >dhat.json
exits 'speedscope and dh_view.html in a browser' 0 \
	"$node" "$ROOT/tests/tools/readers.mjs" "$packages" "$PWD/speedscope.json" "$PWD/dhat.json"
says 'speedscope lists threads' '^speedscope: .*server \(100\) 20.00ms' out
says 'waits' '^speedscope: .*time off the CPU 300.00ms' out
says 'memory' '^speedscope: .*live at the end 370 B' out
says 'functions' '^speedscope: 20.00ms \(100%\) 20.00ms \(100%\) server::parse$' out
says 'dh_view: what was allocated' '^dhat: .*Total: *1,070 bytes .* in 11 blocks' out
says 'when most was live' '^dhat: .*At t-gmax: *670 bytes .* in 7 blocks' out
says 'at the end' '^dhat: .*At t-end: *370 bytes .* in 4 blocks' out
says 'without a message' '^dhat: ' out
ok 'none' sh -c '! grep "^dhat: messages" out'

# ---- the page ---------------------------------------------------------------------------

awk 'BEGIN {
	OFS = "\t"
	print "rsprof", 1, "cpu", "mono=0", "wall=1700000000000000000", "unit=ns", "hz=100"
	print "proc", 0, 1, 0, "large", "/large", "large"
	print "thread", 0, 1, 1, "large"
	print "module", "a1", "beef", "/large"
	for (i = 1; i <= 100000; i++) {
		s = sprintf("%x", i)
		print "frame", s, "function_" i "::with::a::name", "f.rs", i, "user"
		print "stack", s, (i > 1 ? sprintf("%x", int(i / 3) + 1) : "-"), "a1", s, s, 0
		print "cpu", i * 10000, 1, 1, s, 10000 + i % 7919
	}
	print "end", i * 10000, "cpu", "done"
}' | rsprof-flame >large.html 2>err
rsprof-flame small.rec >small.html
rsprof-flame hostile.rec >hostile.html
grep -v '^cpu	1200000000' small.rec >old.rec
rsprof-flame -d old.rec small.rec >diff.html
doubtful >doubtful.rec
rsprof-flame doubtful.rec >unsure.html
pictures=$B/readers/pictures
mkdir -p "$pictures"
"$node" "$ROOT/tests/tools/flame.mjs" "$PWD/small.html" "$PWD/large.html" "$PWD/hostile.html" \
	"$PWD/diff.html" "$PWD/unsure.html" "$pictures" >flame.out 2>err
ok 'the page was used' [ $? = 0 ]
diag <err
while IFS='' read -r line; do
	case $line in
	ok*) pass "page: ${line#ok }" ;;
	*) fail "page: ${line#not ok }" ;;
	esac
done <flame.out

# ---- callgrind --------------------------------------------------------------------------

rsprof export -f callgrind real.db >real.callgrind
callgrind_annotate real.callgrind >out 2>err
ok 'callgrind_annotate: CPU time' [ "$(sed -n 's/^ *\([0-9,]*\) (100.0%).*PROGRAM TOTALS$/\1/p' out | tr -d ,)" = "$ns" ]
same 'without a word' err </dev/null
callgrind_annotate --inclusive=yes --tree=both real.callgrind >out 2>err
says 'calls' ' \* .*family' out
done_testing

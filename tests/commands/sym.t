#!/bin/sh
# rsprof-sym: its names against llvm-symbolizer's, what passes unchanged, the
# right file, and bad input.
. "$(dirname "$0")/../tools/lib.sh"
# What was found once is found again each time; cache.t has the other way.
XDG_CACHE_HOME=/proc; export XDG_CACHE_HOME
split=$B/target/split
tab=$(printf '\t')

head='rsprof	1	cpu	mono=1	wall=2'
buildid() { readelf -n "$1" | sed -n 's/.*Build ID: //p'; }
frame_of() { awk -F'\t' -v id="$1" '
	$1 == "frame" { name[$2] = $3; line[$2] = $5 }
	$1 == "stack" && $2 == id { print name[$6], line[$6] }' "$2"; }

# ---- names -------------------------------------------------------------------

if ! command -v llvm-symbolizer >/dev/null; then
	skip "names: there is no llvm-symbolizer"
elif [ ! -x "$split" ]; then
	skip "names: no Rust compiler built $split"
else
	# Not of small libraries: functions that the linker dropped keep ranges
	# from address 0 on, and llvm-symbolizer finds those there.
	for file in "$B"/target/*; do
		# Of a static libc many functions have several names.
		case $file in *.so | *-stripped | *-static | *-plain) continue ;; esac
		if [ -d "$file" ] || [ -z "$(buildid "$file")" ]; then continue; fi
		ok "names of ${file##*/} as llvm-symbolizer's" \
		    "$ROOT/tests/tools/names.pl" "$file" 3000
	done
fi

# Entries in files of their own: in one (.dwp), or one for each unit (.dwo).
PATH=$PATH:$HOME/.cargo/bin
for how in packed unpacked; do
	mkdir "$T/$how"
	if command -v llvm-symbolizer >/dev/null && (cd "$T/$how" &&
	    rustc -O -g -C split-debuginfo=$how -o apart "$ROOT/tests/target/split.rs") \
	    >/dev/null 2>&1; then
		ok "split debug information, $how: names as llvm-symbolizer's" \
		    "$ROOT/tests/tools/names.pl" "$T/$how/apart" 3000
		mkdir "$T/$how/away"
		mv "$T/$how"/*.dw? "$T/$how/away"
		gamma=$(nm "$T/$how/apart" | awk '/ [tT] .*5gamma/ { print $1; exit }')
		exits "split debug information, $how: without it" 0 \
		    rsprof-sym -a "$T/$how/apart" "$gamma"
		says 'the function is known still' 'gamma' "$T/out"
		says 'and it is said' 'its split debug information .* was not all found'
	else
		skip "split debug information, $how: it does not build here"
	fi
done

# ---- crates --------------------------------------------------------------------

# As cargo builds a release: the program has no debug information, and is stripped of
# all but its symbols; what panics tells which crates there are.
cat >"$T/dep.rs" <<'END'
#[inline(never)] pub fn third(v: &[u64], i: usize) -> u64 { v[i] * 3 }
END
cat >"$T/member.rs" <<'END'
#[inline(never)] pub fn half(v: &[u64], i: usize) -> u64 { v[i] / 2 }
END
cat >"$T/app.rs" <<'END'
fn main() {
    let v: Vec<u64> = std::env::args().map(|a| a.len() as u64).collect();
    println!("{}", some_dep::third(&v, 0) + member::half(&v, 0));
}
END
registry=$T/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/some-dep-1.2.3/src
mkdir -p "$registry"
cp "$T/dep.rs" "$registry/lib.rs"
place() { # FUNCTION FILE: the frame of a function's beginning
	at=$(nm "$2" | awk -v f="$1" 'index($3, f) { print $1; exit }')
	{
		echo "$head"
		echo "module	a	$(buildid "$2")	$2"
		printf 'stack	1	-	a	%x	-	0\n' $((0x$at - shift))
	} >"$T/in"
	rsprof-sym "$T/in" | grep '^frame' >"$T/out"
}
if (cd "$T" && rustc -O --crate-name some_dep --crate-type rlib "$registry/lib.rs" &&
    rustc -O --crate-type rlib member.rs && rustc -O -C link-arg=-no-pie \
	-C relocation-model=static -C link-arg=-Wl,-z,noseparate-code --extern \
	some_dep=libsome_dep.rlib --extern member=libmember.rlib app.rs) >/dev/null 2>&1
then
	shift=$(readelf -lW "$T/app" |
	    sed -n 's/^  LOAD  *\(0x[0-9a-f]*\) \(0x[0-9a-f]*\) .* R E .*/\2 \1/p' |
	    { read -r v o; echo $((v - o)); })
	strip -g "$T/app"
	place 8some_dep5third "$T/app"
	says 'a dependency, by what the program has of its path' \
	    '	some_dep::third	-	-	dep	-	some_dep	1.2.3	-$' "$T/out"
	place 6member4half "$T/app"
	says 'a member of the workspace' \
	    '	member::half	-	-	user	-	member	-	-$' "$T/out"
	# It is in .comment, by newer compilers.
	if readelf -p .comment "$T/app" | grep -q rustc; then
		place rust_panic "$T/app"
		says 'the standard library has the version of the compiler' \
		    "	std	$(rustc --version | cut -d' ' -f2)	" "$T/out"
	else
		skip 'the version of the compiler: rustc does not tell it'
	fi
else
	skip 'crates: nothing can be built here'
fi

# ---- hashes --------------------------------------------------------------------

at=$(nm "$split" 2>/dev/null | awk '/ [tT] _ZN.*5gamma/ { print $1, $3; exit }')
if [ -n "$at" ]; then
	hash=$(expr "$at" : '.*17\(h[0-9a-f]*\)E$')
	rsprof-sym -a "$split" "${at%% *}" >"$T/got"
	ok 'a legacy name is without its hash' sh -c '! grep -q "$1" "$2"' - "$hash" "$T/got"
	rsprof-sym -H -a "$split" "${at%% *}" >"$T/out"
	says 'but if it is asked for' "gamma::$hash" "$T/out"
else
	skip 'hashes: no legacy names here'
fi

# ---- what passes -------------------------------------------------------------

id=$(buildid "$B/rsprof-sym")
{
	echo "$head"
	echo "module	a	$id	$B/rsprof-sym"
	echo "later	record	of	some	version"
	printf '%s\n' 'thread	5	6	7	some\tname	further	fields'
	echo "stack	1	-	a	1	-	0"
	echo "stack	2	?copy-end	a	1	-	0"
	echo "stack	3	1	-	1234	-	0"
	echo "cpu	9	6	7	3	1000"
	echo "cpu	9	6	7	?no-stack	1000"
} >"$T/in"
exits "a stream by hand" 0 rsprof-sym "$T/in"
cp "$T/out" "$T/once"
grep -v '^stack' "$T/in" >"$T/want"
grep -Ev '^(stack|frame|note)' "$T/once" >"$T/got"
same "all but stacks passes unchanged" "$T/got" "$T/want"
says "a place without a symbol is the file and the offset" \
    "^frame	[0-9a-f]+	rsprof-sym\+0x1	-	-	user	-	-	-	-$" "$T/once"
says "code of no module" "^frame	[0-9a-f]+	\[unknown\]	-	-	other	-	-	-	-$" "$T/once"
says "the reason of a cut stays" '^stack	2	\?copy-end	a	1	[0-9a-f]+	0$' "$T/once"
rsprof-sym <"$T/once" >"$T/twice"
same "what is named already passes unchanged" "$T/twice" "$T/once"
rsprof-sym <"$T/in" >"$T/stdin"
same "standard input is the default" "$T/stdin" "$T/once"
rsprof-sym - <"$T/in" >"$T/stdin"
same "and has the name -" "$T/stdin" "$T/once"
cat "$T/in" "$T/in" >"$T/both"
exits "two files" 0 rsprof-sym "$T/in" "$T/in"
rsprof-sym "$T/both" >"$T/stdin"
same "are like one" "$T/out" "$T/stdin"

# ---- the right file ----------------------------------------------------------

{
	echo "$head"
	echo "module	a	0123456789abcdef	$B/rsprof-sym"
	echo "module	b	0123456789abcdef	$T/no/such/file"
	echo "stack	1	-	a	1000	-	0"
	echo "stack	2	-	b	1000	-	0"
} >"$T/in"
exits "files that are not there" 0 rsprof-sym "$T/in"
says "another build-id: it is said" \
    "^note	[0-9]+	sym	$B/rsprof-sym: the file at its path is a different one" "$T/out"
says "another build-id: no wrong name" \
    "^frame	[0-9a-f]+	rsprof-sym\+0x1000	-	-	user	-	-	-	-$" "$T/out"
says "no file: it is said" "^note	[0-9]+	sym	$T/no/such/file: the file cannot be opened" "$T/out"
says "no file: the offset stays" '^frame	[0-9a-f]+	file\+0x1000	' "$T/out"

if [ -x "$split" ] && rsprof-cpu -p $$ -d 0.01 >/dev/null 2>&1; then
	cp "$split" "$T/gone"
	launch "$T/gone" >/dev/null; pid=$launched
	rsprof-cpu -p $pid -d 0.5 -F 500 >"$T/raw"
	cp "$B/rsprof-sym" "$T/other" && mv "$T/other" "$T/gone"
	rsprof-sym "$T/raw" >"$T/live"
	says "an executable that was replaced while it runs" \
	    '^frame	[0-9a-f]+	split::alpha	.*/split.rs	[0-9]+	user	[0-9]+	split	-	-$' "$T/live"
	rm "$T/gone"
	rsprof-sym "$T/raw" >"$T/deleted"
	same "and one that was deleted" "$T/deleted" "$T/live"
	kill -9 $pid; wait $pid 2>/dev/null
	rsprof-sym "$T/raw" >"$T/late"
	says "once it has ended: it is said" \
	    "^note	[0-9]+	sym	$T/gone: the file cannot be opened" "$T/late"
	cp "$split" "$T/gone"
	rsprof-sym "$T/raw" >"$T/again"
	same "the same file again: the same names" "$T/again" "$T/live"
	objcopy --only-keep-debug "$T/gone" "$T/gone.debug"
	strip "$T/gone"
	(cd "$T" && objcopy --add-gnu-debuglink=gone.debug gone)
	rsprof-sym "$T/raw" >"$T/apart"
	same "what was set apart by strip: the same names" "$T/apart" "$T/live"
	cp "$split" "$T/gone"

	strip "$T/gone" -o "$T/stripped"
	{
		echo "$head"
		echo "module	a	$(buildid "$T/stripped")	$T/stripped"
		echo "stack	1	-	a	1b000	-	0"
	} >"$T/in"
	exits "a stripped file" 0 rsprof-sym "$T/in"
	says "a stripped file: it is said" "^note	.*/stripped: it is stripped" "$T/out"
else
	skip "replaced executables: nothing can be sampled here"
fi

# ---- functions without names ---------------------------------------------------

# nameless FILE: "SYMBOL NAME" for the middle of each function of a file, where SYMBOL is
# what its stripped copy should call it and NAME what it does; a function may lie within
# another one's symbol only in part.
nameless() {
	strip -s -o "$T/bare" "$1"
	delta=$(readelf -SW "$1" | sed 's/^ *\[ *[0-9]*\] *//' |
		awk '$1 == ".text" { print $3, $4 }')
	delta=$((0x${delta% *} - 0x${delta#* }))
	nm -S "$1" | awk 'NF == 4 && $3 ~ /[tT]/ && $2 !~ /^0*$/ && !seen[$1]++ { print $1, $2 }' |
		while read -r addr size; do
			addr=$((0x$addr - delta))
			printf '%x %x\n' $((addr + 0x$size / 2)) $addr
		done >"$T/functions"
	{
		echo "$head"
		echo "module	a	$(buildid "$T/bare")	$T/bare"
		awk '{ print "stack\t" NR "\t-\ta\t" $1 "\t-\t0" }' "$T/functions"
	} | rsprof-sym | awk -F'\t' '
		NR == FNR { split($0, f, " "); want[++n] = "bare fn+0x" f[2]; next }
		$1 == "frame" { name[$2] = $3 }
		$1 == "stack" { print (want[$2] == name[$6] ? "right" : "wrong"), want[$2], name[$6] }
	' "$T/functions" - >"$T/named"
}
# right PERCENT: so many of those are.
right() {
	awk -v least="$1" '$1 == "right" { n++ } $1 == "wrong" && wrong++ < 5 { print }
		END { print n, "of", NR; exit !(NR > 100 && n * 100 >= NR * least) }' "$T/named"
}
if [ -x "$split" ]; then
	nameless "$split"
	ok "stripped: functions are named by where they begin" right 99
	sort -u "$T/named" >"$T/named.before"
	nameless "$split"
	sort -u "$T/named" >"$T/named.after"
	same "stripped: the same each time" "$T/named.after" "$T/named.before"
fi
home=$(getent passwd "$(id -u)" | cut -d: -f6)
if RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup} PATH=$PATH:$home/.cargo/bin \
    rustc -O -C panic=abort -C force-unwind-tables=no -o "$T/untabled" \
    "$ROOT/tests/target/split.rs" >/dev/null 2>&1; then
	nameless "$T/untabled"
	ok "stripped, and without unwind tables: so they are" right 95
else
	skip "without unwind tables: it does not build here"
fi

# ---- files of another machine ------------------------------------------------

if [ -x "$split" ]; then
	id=$(buildid "$split")
	at=$(nm "$split" | awk '/ [tT] .*5gamma/ { print $1; exit }')
	{
		echo "$head"
		echo "module	a	$id	/no/where/prog"
		echo "stack	1	-	a	1b000	-	0"
	} >"$T/in"
	mkdir -p "$T/tree/no/where" "$T/flat" "$T/ids/.build-id/$(expr "$id" : '\(..\)')"
	cp "$split" "$T/tree/no/where/prog"
	cp "$split" "$T/flat/prog"
	cp "$split" "$T/ids/.build-id/$(expr "$id" : '\(..\)')/$(expr "$id" : '..\(.*\)')"
	rsprof-sym -S "$T/flat" "$T/in" | grep '^frame' >"$T/want"
	says 'files side by side in a directory' '^frame.*/library/' "$T/want"
	for dir in tree ids; do
		rsprof-sym -S "$T/$dir" "$T/in" | grep '^frame' >"$T/got"
		same "or in it as $dir" "$T/got" "$T/want"
	done
	strip -o "$T/flat/prog" "$split"
	objcopy --only-keep-debug "$split" "$T/flat/prog.debug"
	rsprof-sym -S "$T/tree" -S "$T/flat" "$T/in" | grep '^frame' >"$T/got"
	same 'the first one that has it' "$T/got" "$T/want"
	rsprof-sym -S "$T/flat" "$T/in" | grep '^frame' >"$T/got"
	same 'and what was set apart' "$T/got" "$T/want"
	cp "$B/rsprof-sym" "$T/flat/prog"
	exits 'another one in its place' 0 rsprof-sym -S "$T/flat" "$T/in"
	says 'is not taken' '^frame	[0-9a-f]+	prog\+0x1b000' "$T/out"
fi

# ---- how debug information is kept ---------------------------------------------

# frames FILE [OPTION...]: what is known of some places in it; $T/at has them.
frames() {
	file=$1; shift
	rsprof-sym "$@" -a "$file" <"$T/at" 2>"$T/err"
}
if [ -x "$split" ]; then
	nm "$split" | awk '/ [tT] .*split/ { print $1 }' |
	    while read -r at; do
		for i in 0 20 40 60 80; do printf '%x\n' $((0x$at + i)); done
	    done >"$T/at"
	cp "$split" "$T/packed.bin"
	frames "$T/packed.bin" >"$T/want"
	ok 'what is asked has inlined calls' \
	    [ "$(wc -l <"$T/want")" -gt $(($(wc -l <"$T/at") * 3)) ]
	for how in zlib zlib-gnu zstd; do
		if objcopy --compress-debug-sections=$how "$split" "$T/packed.bin" 2>/dev/null
		then
			frames "$T/packed.bin" >"$T/got"
			same "compressed by $how: the same names" "$T/got" "$T/want"
		else
			skip "this objcopy knows no $how"
		fi
	done
	# What two programs have in common, in a third file.
	objcopy --compress-debug-sections=none "$split" "$T/one"
	cp "$T/one" "$T/two"
	frames "$T/one" >"$T/want"
	if (cd "$T" && dwz -m "$T/common" one two) 2>/dev/null && [ -e "$T/common" ]; then
		frames "$T/one" >"$T/got"
		same 'shared with another program by dwz: the same names' "$T/got" "$T/want"
		mkdir "$T/elsewhere"
		mv "$T/common" "$T/elsewhere"
		frames "$T/one" >"$T/got"
		says 'without the file that has it, it is said' 'dwz.* was not found' "$T/err"
		ok 'some names are not known then' sh -c '! cmp -s "$1" "$2"' - "$T/got" "$T/want"
		frames "$T/one" -S "$T/elsewhere" >"$T/got"
		same 'and found in a directory' "$T/got" "$T/want"
	else
		skip 'dwz is not here'
	fi
fi

# As the standard has it since DWARF 5, which dwz makes of C programs.
cat >"$T/five.c" <<'E'
#include <stdio.h>
#include <string.h>
struct all { int a, b, c, d; char name[30]; };
static inline __attribute__((always_inline)) int the_inner_one(const char *s, struct all *all)
{
	all->a = (int)strlen(s);
	printf("%s %d\n", s, all->a);
	return all->a * 3;
}
static inline __attribute__((always_inline)) int the_middle_one(const char *s, struct all *all)
{
	puts("x");
	return the_inner_one(s, all) + 1;
}
int main(int argc, char **argv)
{
	struct all all = { 0 };
	return the_middle_one(argv[0], &all) + argc * MORE;
}
E
if (cd "$T" && ${CC:-cc} -gdwarf-5 -O2 -DMORE=1 -o five five.c &&
    ${CC:-cc} -gdwarf-5 -O2 -DMORE=2 -o six five.c && cp five whole &&
    dwz --dwarf-5 -m common5 five six) 2>/dev/null && [ -e "$T/common5" ]; then
	main=$(nm "$T/whole" | awk '$3 == "main" { print $1 }')
	for i in 0 10 20 30 40; do printf '%x\n' $((0x$main + i)); done >"$T/at"
	frames "$T/whole" >"$T/want"
	says 'what is asked has inlined calls' 'the_inner_one' "$T/want"
	frames "$T/five" >"$T/got"
	same 'shared as in DWARF 5: the same names' "$T/got" "$T/want"
else
	skip 'dwz makes no DWARF 5 here'
fi

# ---- files of a server -----------------------------------------------------------

if [ -x "$split" ] && [ -e "$(ldconfig -p | sed -n 's/.*libdebuginfod.so.1 .*=> //p')" ]
then
	id=$(buildid "$split")
	mkdir -p "$T/server/buildid/$id"
	objcopy --only-keep-debug "$split" "$T/server/buildid/$id/debuginfo"
	strip -o "$T/server/buildid/$id/executable" "$split"
	{
		echo "$head"
		echo "module	a	$id	/no/where/split"
		echo "stack	1	-	a	1b000	-	0"
	} >"$T/in"
	sed "s|/no/where/split|$split|" "$T/in" | rsprof-sym | grep '^frame' >"$T/want"
	says 'what is asked has a line' '/library/' "$T/want"
	DEBUGINFOD_CACHE_PATH=$T/cache
	export DEBUGINFOD_CACHE_PATH
	DEBUGINFOD_URLS="" rsprof-sym "$T/in" | grep '^frame' >"$T/got"
	says 'nobody is asked' 'split.0x1b000' "$T/got"
	ok 'and nothing is kept' [ ! -e "$T/cache" ]
	DEBUGINFOD_URLS="file://$T/server" rsprof-sym "$T/in" | grep '^frame' >"$T/got"
	same 'who has DEBUGINFOD_URLS has the names of a file that is not here' "$T/got" "$T/want"
	DEBUGINFOD_URLS="file://$T/nowhere" DEBUGINFOD_CACHE_PATH=$T/cache2 \
	    rsprof-sym "$T/in" >"$T/out"
	says 'a server that has none' 'split.0x1b000' "$T/out"
	says 'and it is said' '^note	.*the file cannot be opened' "$T/out"
else
	skip 'files of a server: there is no libdebuginfod'
fi

# ---- symbols that a stripped file carries along ------------------------------

if [ -x "$split" ] && command -v xz >/dev/null; then
	nm "$split" | awk '/ [tT] .*split/ { print $1 }' >"$T/at"
	objcopy --strip-debug "$split" "$T/named"
	rsprof-sym -a "$T/named" <"$T/at" >"$T/want" 2>/dev/null
	nm "$split" | awk '/ [tT] / { print $3 }' >"$T/keep"
	objcopy --only-keep-debug "$split" "$T/mini.debug"
	objcopy -S --keep-symbols="$T/keep" "$T/mini.debug" "$T/mini" 2>/dev/null
	xz -9 "$T/mini"
	strip -o "$T/carrier" "$split"
	rsprof-sym -a "$T/carrier" <"$T/at" >"$T/got" 2>/dev/null
	ok 'stripped, there are no names' sh -c '! grep -q split::alpha "$1"' - "$T/got"
	objcopy --add-section .gnu_debugdata="$T/mini.xz" "$T/carrier"
	rsprof-sym -a "$T/carrier" <"$T/at" >"$T/got" 2>/dev/null
	same 'but for those that are packed inside' "$T/got" "$T/want"
	head -c 1000 "$T/mini.xz" >"$T/cut"
	objcopy --update-section .gnu_debugdata="$T/cut" "$T/carrier"
	exits 'damaged, it is as without' 0 rsprof-sym -a "$T/carrier" 1
else
	skip 'symbols that a stripped file carries along'
fi

# ---- what a just-in-time compiler makes --------------------------------------

launch sleep infinity; pid=$launched
made=/tmp/perf-$pid.map
{
	echo "$head"
	echo "module	a	-	[anon]"
	echo "map	1	$pid	7f0000001000	7f0000003000	7f0000001000	a"
	echo "stack	1	-	a	7f0000001010	-	0"
	echo "stack	2	-	a	7f0000002010	-	0"
	echo "stack	3	-	a	7f0000002fff	-	0"
} >"$T/in"
printf '7f0000001000 20 LazyCompile:~first file.js:1\n7f0000002000 100 old\n' >"$made"
printf '7f0000002000 80 new\nnonsense\n7f0000002f00 100 not finis' >>"$made"
rsprof-sym "$T/in" >"$T/out"
says 'code of a just-in-time compiler' \
    '^frame	[0-9a-f]+	LazyCompile:~first file.js:1	' "$T/out"
says 'what was written last counts' '^frame	[0-9a-f]+	new	' "$T/out"
says 'a line that is not finished does not' '^frame	[0-9a-f]+	\[anon\]	' "$T/out"
if [ "$(id -u)" = 0 ] && chown 12345 "$made"; then
	rsprof-sym "$T/in" >"$T/out"
	ok "nor does somebody else's file" sh -c '! grep -q first "$1"' - "$T/out"
else
	skip "nor does somebody else's file"
fi
rm "$made"
kill $pid

# ---- addresses, as addr2line has them ----------------------------------------

if [ -x "$split" ]; then
	if command -v addr2line >/dev/null; then
		nm "$split" | awk '/ [tT] .*split/ { print $1 }' >"$T/at"
		addr2line -fiCe "$split" <"$T/at" | sed 's/ (discriminator.*//' >"$T/want"
		rsprof-sym -a "$split" <"$T/at" >"$T/got"
		same 'addresses are named as addr2line does' "$T/got" "$T/want"
	else
		skip 'addresses are named as addr2line does'
	fi
	rsprof-sym -a "$split" 0x$at $at >"$T/got"
	rsprof-sym -a "$split" $at $at >"$T/want"
	same 'with 0x or without' "$T/got" "$T/want"
	ok 'both of them' [ "$(grep -c gamma "$T/got")" = 2 ]
	exits 'nothing is there' 0 rsprof-sym -a "$split" 1
	printf '??\n??:0\n' >"$T/want"
	same 'and it says so' "$T/out" "$T/want"
	exits 'no address' 1 rsprof-sym -a "$split" x 0x
	says 'is said' '^rsprof-sym: x: not an address'
	exits 'a text' 1 rsprof-sym -a "$ROOT/README.md" 1
	says 'is no program' 'README.md: not an ELF file'
	exits 'no file' 1 rsprof-sym -a "$T/none" 1

	nm "$split" | awk '/ [tT] / { print $1 }' >"$T/at"
	rsprof-sym -a "$split" <"$T/at" >"$T/want"
	rsprof-sym -M 1 -a "$split" <"$T/at" >"$T/got"
	same 'little memory is enough' "$T/got" "$T/want"
fi
for bad in '-M 0' '-M x' '-S /no/such/dir'; do
	# shellcheck disable=SC2086
	exits "$bad: 2" 2 rsprof-sym $bad "$T/in"
done

# ---- bad input ---------------------------------------------------------------

{
	echo "$head"
	echo "cpu	1	2	3	4"
	echo "exit	5	6	7"
	printf 'note\t1\tcpu\t'; head -c 70000 /dev/zero | tr '\0' x; echo
	printf 'note\t1\tcpu\ta\0b\n'
	echo "exit	8	9	10"
	printf 'exit	11	12'
} >"$T/in"
exits "bad lines" 1 rsprof-sym "$T/in"
sed "s|^rsprof-sym: $T/in:||" "$T/err" >"$T/got"
same "each is named by its number" "$T/got" <<END
2: too few fields
4: line too long
5: NUL byte
7: truncated line
END
same "and the others pass" "$T/out" <<END
$head
exit${tab}5${tab}6${tab}7
exit${tab}8${tab}9${tab}10
END

exits "an empty stream" 1 rsprof-sym /dev/null
says "an empty stream: said" '^rsprof-sym: /dev/null: empty stream$'
exits "a binary file" 1 rsprof-sym "$B/rsprof-sym"
says "a binary file: said" 'not a record stream of rsprof$'
one_line "a binary file: one line"
printf 'rsprof\t2\tcpu\tnew=1\n' >"$T/in"
exits "a newer version" 1 rsprof-sym "$T/in"
says "a newer version: said" ':1: stream of a newer rsprof: this one reads format version 1$'
exits "a missing file" 1 rsprof-sym "$T/nowhere"
says "a missing file: named" "^rsprof-sym: $T/nowhere: No such file or directory$"
exits "a directory" 1 rsprof-sym "$T"
says "a directory: named" "^rsprof-sym: $T: Is a directory$"
# shellcheck disable=SC2016
exits "a full disk" 1 sh -c 'echo "$1" | rsprof-sym >/dev/full' - "$head"
says "a full disk: said" '^rsprof-sym: cannot write: No space left on device$'
exits "an unknown option" 2 rsprof-sym -x
says "an unknown option: usage" '^usage: rsprof-sym '

# ---- as a filter -------------------------------------------------------------

mkfifo "$T/p" "$T/q"
rsprof-sym <"$T/p" >"$T/q" & pid=$!; own $pid
exec 3>"$T/p" 4<"$T/q"
echo "$head" >&3
read -r line <&4
ok "a record is passed on before the next one comes" test "$line" = "$head"
kill -INT $pid
echo "exit	1	2	3" >&3
read -r line <&4
ok "SIGINT does not end it" test "$line" = "exit	1	2	3"
exec 4<&-
echo "exit	1	2	3" >&3
wait $pid; status=$?
exec 3>&-
ok "nobody reading does, by status 1" test $status = 1

done_testing

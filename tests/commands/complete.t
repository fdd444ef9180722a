#!/bin/sh
# Stacks of release binaries as the oldest Rust compiler here makes them, some as the others
# do, and of calls that are known: complete, and right.  ROWS_MORE=1 (make check-rows) has
# more ways to build, and all of them by the newest compiler, too.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"
. "$(dirname "$0")/../tools/heap.sh"

[ -x "$B/target/nest" ] || skip_all "no Rust compiler built $B/target/nest"
cd "$T" || exit 1
src=$ROOT/tests/target

# profile NAME SAMPLES COMMAND...: record so many samples and more of a command that is
# running on its own into NAME.rec, and end it.  $how: options of rsprof-cpu; $rate: its
# frequency; $symbols: a directory with files of symbols.
how='' rate=999 symbols=''
profile() {
	name=$1 samples=$2
	shift 2
	launch "$@" >/dev/null
	pid=$launched
	# shellcheck disable=SC2086
	rsprof-cpu $how -F $rate -p $pid >"$name.raw" &
	cpu=$!
	own $cpu
	await 120 enough "$name.raw" "$samples"
	kill $cpu
	wait $cpu
	rsprof-sym ${symbols:+-S "$symbols"} "$name.raw" >"$name.rec"
	{ kill $pid; wait $pid; } 2>/dev/null
}
enough() { [ "$(grep -c '^cpu' "$1")" -ge "$2" ]; }

# check DESCRIPTION PROGRAM AWK-ARGUMENT...: the program says what it found,
# and "not" before what is wrong.
check() {
	what=$1 program=$2
	shift 2
	awk -F'\t' "$program" "$@" >check.out 2>&1 || echo 'not run' >>check.out
	if [ -s check.out ] && ! grep -q '^not' check.out; then pass "$what"
	else fail "$what"; fi
	sed 's/^/# /' check.out
}

# ---- known calls -------------------------------------------------------------

# Each sample's stack in words, innermost first: the functions of nest by
# name, other modules by theirs, and "end" or why there is no more.
words='
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		word = module[$4]
		if (word == "nest") {
			word = function_[$6]
			sub(/^nest::/, "", word)
			gsub(/ /, "", word)
		}
		sub(/^libc[.-].*/, "libc", word)
		above = $3 == "-" ? "end" : $3 ~ /^[?]/ ? $3 : stack[$3]
		stack[$2] = word " " above
	}
	# Only where the work is done, not on the way there and back.
	$1 == "cpu" && stack[$5] ~ /(^| )burn / {
		n++
		right += is_right(stack[$5])
		example[stack[$5]] = is_right(stack[$5])
	}
	END {
		if (n < 100 || right < 0.99 * n)
			printf "not "
		print right, "of", n, "samples"
		for (s in example)
			if (!example[s] && shown++ < 3)
				print "such as", s
	}'
# calls CASE DESCRIPTION PROGRAM
calls() {
	profile "$1" 1400 "$B/target/nest" "$1"
	check "$2" "$3$words" "$1.rec"
}

calls recursion 'recursion: 200 times the same, then its callers' '
	function is_right(s) {
		sub(/.*burn /, "", s)
		return gsub(/descend /, "", s) == 200 && s ~ /^recursion main .* libc .* end$/
	}'
calls sort 'a callback from libc: order, qsort, sort' '
	function is_right(s) {
		return s ~ /burn order (libc )+sort main .* end$/
	}'
calls signal 'a signal handler, and what it interrupted' '
	function is_right(s) {
		return s ~ /burn on_trap libc trap signal main .* end$/
	}'
how=-u
calls altstack 'a signal handler with a stack of its own: cut where that ends' '
	function is_right(s) {
		return s ~ /burn on_trap libc trap [?]copy-end$/
	}'
calls huge 'a stack that is larger than the copy: cut, and said so' '
	function is_right(s) {
		return s ~ /burn (pile )+[?]copy-end$/ && s !~ /huge/
	}'
how=
rsprof-store huge.db <huge.rec
exits 'and its samples count' 0 rsprof-top -n 1 -f csv cpu huge.db
check 'as much as others' '
	FNR == NR { if ($1 == "cpu") all += $6; next }
	FNR == 2 {
		split($0, w, ",")
		if (w[1] < 0.8 * all || w[3] != "nest::burn")
			printf "not "
		printf "%s has %.1f %%\n", w[3], 100 * w[1] / all
	}' huge.rec out

# ---- the same where they are walked in the kernel -----------------------------

if head -n 1 sort.rec | grep -q 'stacks=bpf'; then
	calls altstack 'in the kernel: a signal handler with a stack of its own' '
		function is_right(s) {
			return s ~ /burn on_trap libc trap signal main .* end$/
		}'
	calls huge 'in the kernel: a stack that is larger than any copy' '
		function is_right(s) {
			return s ~ /burn (pile )+huge main .* end$/
		}'
fi

# ---- the first samples -------------------------------------------------------

# While a big table is compiled for the first time, the parts of it that are needed
# are there, and copies reach over what a big frame has not touched.

roots='
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "stack" { root[$2] = $3 == "-" ? module[$4] : $3 ~ /^[?]/ ? $3 : root[$3] }
	$1 == "cpu" { n++; end[root[$5]]++ }
	END {
		for (r in end)
			if (r !~ /^(vast|libc|ld)[-.0-9a-z_]*$/) { print "not", end[r], "end in", r }
		print n, "samples"
	}'

# first DESCRIPTION HOW: of vast, from its first instruction on (-c) or attached, with
# an empty cache.
first() {
	rm -rf "$T/.cache"
	if [ "$2" = -c ]; then
		launch rsprof-exec "$B/target/vast"
		await 60 grep -q '^State:.T' "/proc/$launched/status"
	else
		launch "$B/target/vast"
	fi
	pid=$launched
	# shellcheck disable=SC2086
	rsprof-cpu ${2#-a} -F 199 -p $pid >first.raw &
	cpu=$!
	own $cpu
	await 120 enough first.raw 100
	kill $cpu
	wait $cpu
	{ kill -9 $pid; wait $pid; } 2>/dev/null
	check "$1" "$roots" first.raw
}
if head -n 1 sort.rec | grep -q 'stacks=bpf'; then
	first 'a big program is complete from its first sample on' -c
	first 'so is one that runs already' -a
else
	skip 'no walk in the kernel: copies end'
fi

# ---- C without tables ----------------------------------------------------------

# Who calls whom in foreign and its library, as its source says; what the compiler makes a
# jump of may have the caller's caller.  Calls of libc's functions by one another are one.
edges='
	BEGIN {
		split("hash foreign_pack:longest foreign_pack:foreign_pack pack:foreign_unpack pack:" \
		    "match match foreign_match:foreign_match find:order libc:foreign_sort sort:" \
		    "format number fraction foreign_format write:number foreign_format write:" \
		    "fraction foreign_format write:foreign_format write:less order:weigh less:" \
		    "pack main:find main:sort main:write main", list, ":")
		for (i in list) {
			words = split(list[i], w, " ")
			for (k = 2; k <= words; k++)
				may[w[1], w[k]] = 1
			known[w[1]] = 1
		}
	}
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		word = module[$4]
		if (word == "foreign") {
			word = function_[$6]
			sub(/^foreign::/, "", word)
			sub(/[.].*/, "", word)
		}
		sub(/^libc[.-].*/, "libc", word)
		name[$2] = word
		up[$2] = $3
	}
	$1 == "cpu" {
		n++
		for (s = $5; s in name; s = up[s]) {
			to = up[s]
			while (name[s] == "libc" && to in name && name[to] == "libc") {
				s = to
				to = up[s]
			}
			if (!(name[s] in known))
				continue
			calls++
			seen[name[s]] = 1
			if (!((name[s], name[to]) in may))
				bad[name[s] " called by " (to in name ? name[to] : to)]++
		}
		good += s == "-"
	}
	END {
		for (f in seen)
			covered++
		if (n < 300 || good < 0.995 * n || covered < 9 || calls < 3 * n)
			printf "not "
		printf "%d of %d stacks, %d calls of %d functions\n", good, n, calls, covered
		for (b in bad)
			print "not right: " bad[b] " " b
	}'

# foreign NAME CC FLAG...: a Rust program that a C library is linked into, which the C
# compiler has made without tables, as cargo makes zlib and oniguruma by such CFLAGS.
foreign() {
	built=$1
	shift
	mkdir -p "$built"
	if ! { "$@" -fno-asynchronous-unwind-tables -fno-unwind-tables -c -o "$built/lib.o" \
	    "$src/foreign/lib.c" && ar crs "$built/libforeign.a" "$built/lib.o" &&
	    "$rustc" -O -C panic=abort -C debuginfo=0 -L "$built" -l static=foreign \
	        -o "$built/foreign" "$src/foreign/foreign.rs"; } >"$built.log" 2>&1; then
		fail "$built: does not build"
		diag <"$built.log"
		return
	fi
	ok "$built: the library has no tables" \
	    sh -c '! readelf -S "$1" | grep -q eh_frame' - "$built/lib.o"
	profile "$built" 1500 "$built/foreign"
	check "$built: complete, each caller as the source has it" "$edges" "$built.rec"
}

# ---- the same figures as with tables --------------------------------------------

# What shares is to spend, in itself and with what it calls, and what samples say, of all
# that outer takes: within 6 standard errors, which chance exceeds once in 500 million,
# and 6 in 1,000.  Beside outer is only what it needs to keep its shares: the clock.
spends='
	BEGIN {
		n = split("outer 10 100:middle 10 30:leaf 30 30:virtually 20 20:before 15 25:" \
		    "weigh 10 10:descend 5 15", list, ":")
		for (i = 1; i <= n; i++) {
			split(list[i], w, " ")
			self[w[1]] = w[2] / 100
			total[w[1]] = w[3] / 100
		}
	}
	function compare(what, f, got, truth) {
		got /= with["outer"]
		error = 6 * sqrt(truth * (1 - truth) * squares) / with["outer"] + 0.006
		if (got < truth - error || got > truth + error)
			printf "not right: "
		if (got < truth - error || got > truth + error || f == "leaf")
			printf "%s of %s: %.1f %%, not %d +- %.1f\n", what, f, 100 * got,
			    100 * truth, 100 * error
	}
	$1 == "frame" { sub(/.*::/, "", $3); function_[$2] = $3 }
	$1 == "stack" { name[$2] = $6 in function_ ? function_[$6] : "?"; up[$2] = $3 }
	$1 == "cpu" {
		all += $6
		squares += $6 * $6
		own[name[$5]] += $6
		split("", counted)
		for (s = $5; s in name; s = up[s])
			if (!counted[name[s]]++)
				with[name[s]] += $6
		if (s == "-")
			whole += $6
	}
	END {
		if (all == 0 || whole < 0.995 * all || with["outer"] < 0.9 * all) {
			printf "not right: %d of %d ns in whole stacks, %d in outer\n", whole, all,
			    with["outer"]
			exit
		}
		for (f in self) {
			compare("self", f, own[f], self[f])
			compare("total", f, with[f], total[f])
		}
	}'

# shares LABEL FLAG...: of the program as it is built so, and stripped.
shares() {
	built=$version-shares-$1
	shift
	mkdir -p "$built/debug"
	if ! "$rustc" "$@" -C panic=abort -C debuginfo=0 -C link-arg=-Wl,--build-id \
	    -o "$built/shares" "$src/shares.rs" >"$built.log" 2>&1; then
		fail "$built: does not build"
		diag <"$built.log"
		return
	fi
	rate=3999
	profile "$built" 5000 "$built/shares"
	check "$built: spends as its source says" "$spends" "$built.rec"
	if objcopy --only-keep-debug "$built/shares" "$built/debug/shares.debug" &&
	    strip "$built/shares"; then
		symbols=$built/debug
		profile "$built-stripped" 5000 "$built/shares"
		check "$built, stripped: the same" "$spends" "$built-stripped.rec"
	fi
	symbols=
	rate=999
}

# sites LABEL FLAG...: what heap allocates, by functions, as a build that counts itself.
sites() {
	built=$version-sites-$1
	shift
	mkdir -p "$built/debug"
	set -- "$rustc" "$@" -C panic=abort -C debuginfo=0 -C link-arg=-Wl,--build-id
	if ! { "$@" --cfg counted -o "$built/counted" "$src/heap.rs" &&
	    "$@" -o "$built/heap" "$src/heap.rs"; } >"$built.log" 2>&1; then
		fail "$built: does not build"
		diag <"$built.log"
		return
	fi
	echo | "$built/counted" 4 | grep '^site' | sort >"$built.truth"
	objcopy --only-keep-debug "$built/heap" "$built/debug/heap.debug" &&
		strip "$built/heap"
	[ -p in ] || mkfifo in
	target "$built/heap" 4
	rsprof-heap -s 0 -p "$pid" >"$built.raw" 2>err 7>&- &
	heap=$!
	own $heap
	await 60 begun "$built.raw" "$heap"
	if [ ! -s "$built.raw" ]; then
		skip "$built: no allocations can be probed here: $(head -n 1 err)"
	else
		echo go >&7
		await 120 grep -q '^done' out
		kill "$heap"
		wait "$heap"
		rsprof-sym -S "$built/debug" "$built.raw" >"$built.rec"
		sums "$built.truth" "$built.rec" >"$built.sums"
		# What waits to be sent has room that depends on who comes first.
		grep -v ' push_sent ' "$built.sums" >is
		grep -v ' push_sent ' "$built.truth" >want
		same "$built: all that it counts itself" is want
	fi
	exec 7>&-
	wait "$pid"
}
begun() { grep -q '^probe' "$1" || ! kill -0 "$2"; }

# ---- compilers ---------------------------------------------------------------

# The compilers of this machine: VERSION PATH, oldest first.
compilers() {
	home=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
	for c in "$home"/toolchains/*/bin/rustc /usr/bin/rustc \
	    /usr/local/bin/rustc /usr/bin/rustc-[0-9]*; do
		# What rustup puts in front of them needs its settings.
		v=$("$c" -V 2>/dev/null) || continue
		v=${v#rustc }
		echo "${v%% *} $(readlink -f "$c")"
	done | sort -V | uniq
}

# build NAME COMPILER FLAG...: mixed and its crates into NAME/.
build() {
	name=$1 rustc=$2
	shift 2
	mkdir "$name"
	for crate in text shapes; do
		"$rustc" "$@" --crate-type rlib --out-dir "$name" \
		    "$src/mixed/$crate.rs" || return 1
	done
	"$rustc" "$@" -L "$name" -o "$name/mixed" "$src/mixed.rs"
}

# Where each stack begins, by the modules of its two outermost frames: the main
# thread with _start, called by nothing, which calls libc; others with libc's
# clone and its start_thread, or with clone alone.
roots='
	$1 == "module" {
		sub(/.*\//, "", $4)
		sub(/^libc[.-].*/, "libc", $4)
		sub(/^libstd-.*/, "std", $4)
		module[$2] = $4
	}
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		name[$2] = $6 == "-" ? $4 "+" $5 : function_[$6]
		cut[$2] = $3 ~ /^[?]/ ? $3 : cut[$3]
		outer[$2] = $3 in outer ? outer[$3] : name[$2]
		depth[$2] = depth[$3] + !$7
		root[$2] = root[$3]
		if (!$7 && depth[$2] <= 2)
			root[$2] = root[$3] " " module[$4]
	}
	$1 == "cpu" { n++; leaf = $5 }
	$1 == "cpu" && leaf ~ /^[?]/ { bad[leaf]++ }
	$1 == "cpu" && cut[leaf] {
		bad[cut[leaf] " after " outer[leaf] ", in " name[leaf]]++
	}
	$1 == "cpu" && leaf !~ /^[?]/ && !cut[leaf] {
		if (root[leaf] ~ /^ mixed (libc|mixed)/ || root[leaf] ~ /^ libc libc/ ||
		    root[leaf] == " libc") {
			good++
			roots[outer[leaf]]++
		} else {
			bad["begins with " outer[leaf] ", in " name[leaf]]++
		}
	}
	$1 == "lost" { print "lost:", $4, $5 }
	END {
		if (n < 300 || good < (least ? least : 0.995) * n)
			printf "not "
		printf "%d of %d stacks, %.2f %%\n", good, n, 100 * good / (n + !n)
		for (r in roots)
			print "begin with " r ": " roots[r]
		for (b in bad)
			print bad[b] ": " b
	}'

# try VERSION COMPILER LABEL FLAG...: what was built as VERSION-LABEL.
try() {
	label=$1-$3
	if [ ! -x "$label/mixed" ]; then
		fail "$label: does not build"
		diag <"$label.log"
		return
	fi
	profile "$label" 2400 "$label/mixed"
	# Not optimised, rustc 1.63 makes frames of 2 bytes, whose CFA no row can say: a row
	# made from code is of multiples of 8.
	least=
	[ "$label" != 1.63.0-untabled-debug ] || least=0.8
	check "$label: stacks reach the beginning" "$roots" least=$least "$label.rec"
}

# The ways to build: LABEL FLAG...  Those without debug information, which has tables of its
# own, and with or without those that exceptions need, have rows made from code.
ways() {
	cat <<-E
	speed -O -C debuginfo=1
	fat-lto -C opt-level=3 -C lto=fat -C codegen-units=1 -C debuginfo=1
	abort -C opt-level=3 -C panic=abort -C debuginfo=1
	smallest -C opt-level=z -C lto=fat -C codegen-units=1 -C panic=abort -C strip=symbols
	bare-speed -C opt-level=3 -C panic=abort
	E
	if [ -n "${ROWS_MORE-}" ]; then
		cat <<-E
		size -C opt-level=z -C debuginfo=1
		thin-lto -C opt-level=3 -C lto=thin -C debuginfo=1
		stripped -C opt-level=3 -C debuginfo=0 -C strip=symbols
		bare-fat-lto -C opt-level=3 -C lto=fat -C codegen-units=1 -C panic=abort -C strip=symbols
		E
	fi
	{
		cat <<-E
		stripped -C opt-level=3 -C strip=symbols
		fat-lto -C opt-level=3 -C lto=fat -C codegen-units=1
		debug -C opt-level=0 -C debug-assertions=no
		E
		[ -z "${ROWS_MORE-}" ] || cat <<-E
		speed -C opt-level=3
		size -C opt-level=z -C strip=symbols
		pointers -C opt-level=2 -C force-frame-pointers=yes
		E
	} | sed 's/ / -C panic=abort -C force-unwind-tables=no /; s/^/untabled-/'
	if ls "$libdir"/libstd-*.so >/dev/null 2>&1; then
		echo "dynamic -O -C debuginfo=1 -C prefer-dynamic -C rpath"
	fi
	if [ -d "$libdir/../../x86_64-unknown-linux-musl/lib" ]; then
		echo "musl -O -C debuginfo=1 --target x86_64-unknown-linux-musl"
	fi
}

# with VERSION COMPILER WAYS: build, two at a time, and try each.
with() {
	version=$1 rustc=$2
	while read -r label flags; do
		# shellcheck disable=SC2086
		build "$version-$label" "$rustc" $flags >"$version-$label.log" 2>&1 &
		if [ -n "$other" ]; then
			wait "$other"
			other=
		else
			other=$!
		fi
	done <"$3"
	wait
	while read -r label flags; do
		try "$version" "$rustc" "$label"
	done <"$3"
}

compilers >found
if [ ! -s found ]; then
	skip "no Rust compiler of rustup's or the system's"
fi
sed -n "1p${ROWS_MORE:+;\$p}" found | uniq >whole
while read -r version rustc <&5; do
	libdir=$("$rustc" --print target-libdir)
	other=
	ways >ways.list
	if ! grep -qFx "$version $rustc" whole; then
		grep -E '^(speed|bare-speed|untabled-stripped) ' ways.list >some.list
		with "$version" "$rustc" some.list
		shares bare -O -C force-unwind-tables=no
		continue
	fi
	with "$version" "$rustc" ways.list
	grep -q '^dynamic' ways.list || skip "$version: has no libstd.so"
	grep -q '^musl' ways.list ||
	    skip "$version: has no target x86_64-unknown-linux-musl"
	shares bare -O -C force-unwind-tables=no
	sites bare -O -C force-unwind-tables=no
	if command -v gcc >/dev/null && command -v ar >/dev/null; then
		foreign "$version-gcc" gcc -O2 -fomit-frame-pointer
	fi
	# The rest takes longer than check has.
	[ -n "${ROWS_MORE-}" ] || continue
	shares tables -O -C force-unwind-tables=yes
	shares bare-lto -O -C force-unwind-tables=no -C lto=fat -C codegen-units=1
	shares bare-size -C opt-level=z -C force-unwind-tables=no
	sites bare-size -C opt-level=z -C lto=fat -C force-unwind-tables=no
	for cc in gcc clang; do
		if command -v $cc >/dev/null && command -v ar >/dev/null; then
			foreign "$version-$cc-pointers" $cc -O1 -fno-omit-frame-pointer
		fi
	done
done 5<found

done_testing

#!/bin/sh
# builds.sh: is rsprof-heap exact for each way to build a program that the machine
# knows?  tests/target/heap.rs by each Rust compiler that is here or that Debian
# has (fetched into build/builds, not installed), with each set of options; what
# each function allocates and frees is compared with what the program counts by
# itself.  BUILDS says which compilers: stable nightly debian web.  VARIANTS: only
# those whose name begins so (a regular expression).  MIMALLOC is a directory with
# mimalloc's source, if there is one: Debian has no archive of it.
# shellcheck disable=SC2016,SC2086
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/heap.sh"

HERE=$B/builds
mkdir -p "$HERE" || exit 1
cd "$T" || exit 1
mkfifo gate

# ---- compilers ---------------------------------------------------------------

# unpack NAME PACKAGE...: Debian's, into a directory of its own.
unpack() {
	dir=$HERE/$1; shift
	[ ! -e "$dir/usr" ] || return 0
	mkdir -p "$dir/deb" && (cd "$dir/deb" && apt-get -q download "$@") >"$T/apt" 2>&1 ||
		return 1
	for deb in "$dir"/deb/*.deb; do
		dpkg -x "$deb" "$dir" || return 1
	done
}

# What Debian's packages of a compiler need beside it.
needs() {
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
	    --no-breaks --no-replaces --no-enhances "$1" 2>/dev/null |
	    grep -E '^(rustc|libstd-rust|libllvm|libz3|libedit|libbsd|libxml2|libffi|libicu)' |
	    sort -u
}

rustup=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}

# compiler NAME: sets $rustc; 1: it is not here.
compiler() {
	case $1 in
	stable | nightly) rustc=$(ls -d "$rustup"/toolchains/"$1"*/bin/rustc | head -n 1) ;;
	debian) from_debian rustc ;;
	web) from_debian rustc-web ;;
	esac
	$rustc --version >"$T/version" 2>/dev/null
}
from_debian() {
	# shellcheck disable=SC2046
	unpack "$1" $(needs "$1") || { rustc=false; return; }
	rustc=$HERE/$1/rustc
	cat >"$rustc" <<-E
		#!/bin/sh
		export LD_LIBRARY_PATH="$HERE/$1/usr/lib/x86_64-linux-gnu:$HERE/$1/usr/lib"
		exec "$HERE/$1/usr/bin/rustc" --sysroot "$HERE/$1/usr" "\$@"
	E
	chmod +x "$rustc"
}

# ---- ways to build -----------------------------------------------------------

je=$(${CC:-cc} -print-file-name=libjemalloc_pic.a)
linked="-C link-arg=$je -C link-arg=-lm -C link-arg=-lstdc++ -C link-arg=-lc"
mi=
if [ "${MIMALLOC-}" ]; then
	mi=$T/mimalloc.o
	${CC:-cc} -O2 -DNDEBUG -I"$MIMALLOC/include" -c -o "$mi" "$MIMALLOC/src/static.c" ||
		exit 1
fi
variants() {
	cat <<-E
		debug        -C opt-level=0 -C debuginfo=2
		release      -O
		opt-1        -C opt-level=1
		opt-s        -C opt-level=s
		opt-z        -C opt-level=z
		unwindless   -O -C force-frame-pointers=yes
		one-unit     -O -C codegen-units=1
		no-pie       -O -C relocation-model=static
		v0           -O -C symbol-mangling-version=v0
		thin         -O -C lto=thin
		fat          -O -C lto=fat
		fat-debug    -O -C lto=fat -C debuginfo=2
		static       -O -C target-feature=+crt-static
		static-fat   -O -C target-feature=+crt-static -C lto=fat
		dynamic      -O -C prefer-dynamic
		lld          -O -C link-arg=-fuse-ld=lld -C link-arg=-Wl,--icf=all
		system       -O --cfg system
		system-fat   -O --cfg system -C lto=fat
	E
	case $je in
	/*) cat <<-E
		jemalloc     -O --cfg jemalloc $linked
		jemalloc-fat -O --cfg jemalloc -C lto=fat $linked
	E
	esac
	[ -z "$mi" ] || cat <<-E
		mimalloc     -O --cfg mimalloc -C link-arg=$mi -C link-arg=-lc
		mimalloc-fat -O --cfg mimalloc -C lto=fat -C link-arg=$mi -C link-arg=-lc
	E
}

# ---- comparing ---------------------------------------------------------------

# What waits to be sent has room that depends on who comes first.
fixed() { grep -v ' push_sent '; }

# truth: what the program counts by itself, built by the same compiler.
truth() {
	$rustc -O --cfg counted -o counted "$ROOT/tests/target/heap.rs" 2>err || return 1
	echo | ./counted 4 | grep '^site' | sort >all
	fixed <all >want
}

# watch PROGRAM [warm]: what rsprof-heap says it does, into rec.
watch() {
	: >said
	: >raw
	./"$1" 4 3 ${2-} <gate >said & pid=$!; own $pid
	exec 8>gate
	await 60 grep -q ready said
	rsprof-heap -s 0 -p $pid >raw 2>err 8>&- & heap=$!; own $heap
	await 60 grep -Eq '^probe|rsprof-heap: ' raw err
	echo go >&8
	await 60 grep -q '^done' said
	kill $heap 2>/dev/null
	wait $heap
	exec 8>&-
	wait $pid
	[ ! -e "$1.named" ] || mv "$1.named" "$1"
	rsprof-sym <raw >rec 2>/dev/null
	sums all rec | fixed >is
}

# judge WHAT
judge() {
	layer=$(awk -F'\t' '$1 == "probe" { print $4; exit }' raw)
	same "$1: all, to the last one (by ${layer:-nothing})" is want
	cmp -s is want || grep '^note' raw | diag
	[ -s raw ] || diag <err
}

for name in ${BUILDS:-stable nightly debian web}; do
	if ! compiler "$name"; then
		skip "$name: no such compiler here"
		continue
	fi
	version=$(cut -d ' ' -f 1,2 "$T/version")
	truth || { skip "$version: it does not build"; diag <err; continue; }
	variants | grep -E "^${VARIANTS:-.}" >all.variants
	while read -r variant options <&3; do
		root=$($rustc --print sysroot)
		LD_LIBRARY_PATH=$root/lib:$root/lib/rustlib/x86_64-unknown-linux-gnu/lib
		export LD_LIBRARY_PATH
		if ! $rustc -C debuginfo=1 $options -o prog "$ROOT/tests/target/heap.rs" \
		    2>err; then
			skip "$version $variant: it does not build: $(grep -m 1 error err)"
			continue
		fi
		watch prog
		judge "$version $variant"
		# Without names; they come back when it is over.
		cp prog prog.named
		strip prog
		watch prog warm
		judge "$version $variant, stripped"
	done 3<all.variants
done
done_testing

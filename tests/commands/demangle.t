#!/bin/sh
# Names of the Rust symbols in all binaries and libraries of the compilers that are
# here, as the crate rustc-demangle has them, which rustfilt, std's backtraces, perf
# and LLVM follow.
#
# Of 350,000 symbols of rustc 1.97 and a nightly, of cargo 0.66 and of their crates all
# were equal but for those with ".llvm." and a hash in the middle of what is appended,
# which rustc-demangle drops at the end only: it is cut out of its names here.
. "$(dirname "$0")/../tools/lib.sh"

home=$(getent passwd "$(id -u)" | cut -d: -f6)
PATH=$PATH:$home/.cargo/bin
RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup}
export RUSTUP_HOME
command -v rustc >/dev/null || skip_all 'there is no rustc'
for crate in /usr/share/cargo/registry/rustc-demangle-*/src/lib.rs; do :; done
[ -e "$crate" ] || skip_all 'there is no rustc-demangle (librust-rustc-demangle-dev)'
cd "$T" || exit 1
seen=
rustc -O --edition 2018 --crate-type rlib --crate-name rustc_demangle --cap-lints allow \
    "$crate" 2>err &&
    rustc -O --extern rustc_demangle=librustc_demangle.rlib \
	"$ROOT/tests/oracle/rustfilt.rs" 2>>err || skip_all "it does not build: $(head -1 err)"

# symbols FILE...: not those of C++, which rustc-demangle takes for names without a hash.
symbols() {
	{ nm "$@"; nm -D "$@"; } 2>/dev/null | sed 's/.* //; s/@.*//' |
	    grep -E '^_R|^_ZN.*17h[0-9a-f]{16}E'
}
same_names() { # WHAT FILE...
	what=$1; shift
	symbols "$@" | sort -u >symbols
	./rustfilt <symbols | cut -f 2- | sed 's/\.llvm\.[0-9A-F@]*//g' >want
	./rustfilt <symbols | cut -f 1 >known
	"$B/oracle/demangle" <known | cut -f 2- >got
	diag "$what: $(wc -l <known) symbols, $(grep -c '^_R' known) of them v0"
	same "$what" got want
}

# shellcheck disable=SC2046
same_names 'programs of the tests' $(find "$B/target" -maxdepth 1 -type f -perm -1)
for root in "$RUSTUP_HOME"/toolchains/* "$(rustc --print sysroot)"; do
	[ -d "$root/lib/rustlib" ] && [ "${seen#*"$root"}" = "$seen" ] || continue
	seen=$seen:$root
	name=$("$root/bin/rustc" --version | cut -d ' ' -f 1,2)
	same_names "the library of $name" "$root"/lib/rustlib/*/lib/*.rlib
	# shellcheck disable=SC2046
	same_names "$name itself" $(find "$root/lib/" "$root/bin/" -name '*rustc_driver*.so' \
	    -o -name 'rustdoc' -o -name 'cargo')
done
[ ! -d "$B/cargo" ] || same_names 'cargo' "$B/cargo/debug" "$B/cargo/release"
done_testing

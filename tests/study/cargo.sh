#!/bin/sh
# cargo.sh: a build by cargo, with all its child processes, sampled inside (-f -I): it builds what it
# builds alone, each of them is recorded, and what a build script allocates is what it is meant to.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"
home=$(getent passwd "$(id -u)" | cut -d: -f6)
PATH=$PATH:$home/.cargo/bin
RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup}
CARGO_HOME=$T/home
export RUSTUP_HOME CARGO_HOME
command -v cargo >/dev/null || skip_all 'no cargo'
cd "$T" || exit 1

mkdir -p one/src two/src
cat >one/Cargo.toml <<'END'
[package]
name = "one"
version = "1.0.0"
edition = "2021"
[dependencies]
two = { path = "../two" }
END
cat >two/Cargo.toml <<'END'
[package]
name = "two"
version = "1.0.0"
edition = "2021"
END
cat >two/build.rs <<'END'
fn main() {
    for i in 0..1_000_000 {
        std::hint::black_box(vec![i as u8; 300]);
    }
}
END
awk 'BEGIN { for (i = 0; i < 400; i++) printf "pub fn f%d(v: &[u64]) -> Vec<String> {\n" \
    "\tv.iter().filter(|x| **x > %d).map(|x| format!(\"{x} %d\")).collect()\n}\n", i, i, i }' \
    >two/src/lib.rs
awk 'BEGIN { print "fn main() {\n\tlet v: Vec<u64> = (0..1000).collect();\n\tlet mut n = 0;"
	for (i = 0; i < 400; i++) printf "\tn += two::f%d(&v).len();\n", i
	print "\tprintln!(\"{n}\");\n}" }' >one/src/main.rs

# build COMMAND ...: from nothing.
build() {
	rm -rf one/target
	(cd one && "$@" cargo build --offline -j 2) >out 2>err
}
build || skip_all 'cargo builds nothing here'
one/target/debug/one >alone
build rsprof run -q -f -I -o "$T/db" --
ok 'cargo ends well' test $? = 0
tail -n 3 err | diag
one/target/debug/one >watched
same 'what it has built does the same' watched alone
rsprof-query db "SELECT process.name, count(DISTINCT pid), sum(bytes), sum(allocs) FROM memory
    JOIN process ON process.id = memory.process GROUP BY 1 ORDER BY 3 DESC" >by 2>err || diag <err
diag <by
ok 'each compiler is recorded' awk -F '[|\t]' '
	$1 == "rustc" { n = $2; bytes = $3 }
	END { exit !(n >= 3 && bytes > 1e7) }' by
ok 'a build script has allocated as much as it should' awk -F '[|\t]' '
	$1 ~ /^build-script/ { bytes = $3 }
	END { exit !(bytes > 0.95 * 300e6 && bytes < 1.05 * 300e6) }' by
rsprof-query db "SELECT reason, sum(count) FROM lost WHERE producer = 'heap' GROUP BY 1" | diag
done_testing

#!/bin/sh
# cargo-rsprof has cargo build, and becomes rsprof with what cargo says it has built.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

home=$(getent passwd "$(id -u)" | cut -d: -f6)
RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup} CARGO_HOME=$T/cargo
export RUSTUP_HOME CARGO_HOME
unset CARGO RUSTC CARGO_TARGET_DIR CARGO_BUILD_TARGET RUSTFLAGS
bins=$T/bin
mkdir "$bins" "$T/ws" "$T/here"
programs=$PATH

# ---- with a cargo that says what the test wants -----------------------------

# It appends its arguments and variables to $asked, and says what is in $says.
cat >"$bins/cargo" <<'E'
#!/bin/sh
{ printf '%s ' "$@"; echo; id -u; echo "HOME=$HOME"; env | grep '^CARGO_PROFILE_' | sort; } >>"$asked"
case $1 in
-V) echo "cargo ${cargo_version:-1.80.0} (0000000 2024-01-01)" ;;
locate-project) [ -z "$manifest" ] || echo "$manifest" ;;
metadata) cat "$metadata" ;;
*) cat "$says"; exit "${cargo_status:-0}" ;;
esac
E
# rsprof is found beside the program, so a copy of that stands beside this one.
cat >"$bins/rsprof" <<'E'
#!/bin/sh
pwd
echo "$CARGO_MANIFEST_DIR ${LD_LIBRARY_PATH-none}"
for arg; do printf '<%s>' "$arg"; done
echo
E
chmod +x "$bins/cargo" "$bins/rsprof"
cp "$B/cargo-rsprof" "$bins"
asked=$T/asked says=$T/says manifest=$T/ws/Cargo.toml metadata=$T/metadata
echo '{"packages":[]}' >"$metadata"
export asked says manifest metadata
PATH=$bins:$PATH
cd "$T/here" || exit 1
# What nothing is known of beforehand: it has a table for one package.
unsure='[profile.release.package.x]'
echo "$unsure" >"$T/ws/Cargo.toml"
built=$T/ws/target/release
mkdir -p "$built/deps"
echo 'int main(void) { return 0; }' >"$T/main.c"
${CC:-cc} -g -o "$built/lines" "$T/main.c"
strip -o "$built/bare" "$built/lines"

# artifact KIND NAME PATH [TEST]: the message for an executable.
artifact() {
	printf '{"reason":"compiler-artifact","package_id":"x 0.1.0","manifest_path":"%s/Cargo.toml",' "$T/ws"
	printf '"target":{"kind":["%s"],"crate_types":["bin"],"name":"%s"},' "$1" "$2"
	printf '"profile":{"debuginfo":0,"test":%s},"executable":"%s","fresh":true}\n' "${4:-false}" "$3"
}
# asks STATUS ARG...: cargo rsprof with these.
asks() {
	status=$1
	shift
	: >"$T/asked"
	exits "cargo rsprof $*: $status" "$status" cargo-rsprof rsprof "$@"
}
# builds: how often cargo has built.
builds() { grep -Ec '^(build|test|bench) ' "$T/asked"; }

{ artifact bin demo "$built/lines"; echo '{"reason":"build-finished","success":true}'; } >"$T/says"
asks 0 -q -F 999 -o 'a b.db' -B 5 run --bin demo -pdemo --features=x -j 2 -- -v 'x y'
says 'rsprof gets its options, the program its arguments' \
	"^<run><-q><-F><999><-B><5><-o><a b.db><--><$built/lines><-v><x y>\$" "$T/out"
says 'a program runs here' "^$T/here\$" "$T/out"
says 'cargo builds what was chosen, for release' \
	'^build --message-format=json-render-diagnostics --release --bin demo -pdemo --features=x -j 2 $' "$T/asked"
asks 0 run a --release
says 'the first argument of a program ends the options' "^<run><--><$built/lines><a><--release>\$" "$T/out"
says 'without a choice all programs are built' ' --bins --release $' "$T/asked"
asks 0 run --profile dev
says 'another profile' ' --bins --profile dev $' "$T/asked"

artifact test it "$built/lines" true >>"$T/says"
artifact bin demo "$built/lines" true >>"$T/says"
asks 2 test
says 'several executables are listed, with what says which' '^    --test it    of ' "$T/err"
ok 'the one that is no test is not' [ "$(grep -c '^    --' "$T/err")" = 2 ]
artifact test it "$built/lines" true >"$T/says"
asks 0 -q test some --test it -- --nocapture
says 'a test runs with its filter; the recording is here' \
	"^<run><-q><-o><$T/here/rsprof.it.[0-9]{12}.db><--><$built/lines><some><--nocapture>\$" "$T/out"
says 'in its package' "^$T/ws\$" "$T/out"
says 'and knows where that is' "^$T/ws none\$" "$T/out"
{ artifact lib demo "$built/lines" true; artifact bench speed "$built/lines" true; } >"$T/says"
asks 0 -o x.db bench fast
says 'the benchmark is taken before the tests of a library' \
	"^<run><-o><$T/here/x.db><--><$built/lines><fast><--bench>\$" "$T/out"
says 'cargo builds for the profile bench' '^bench --message-format=[^ ]* --no-run $' "$T/asked"

for why in 'run --release --fast' 'run --test it' 'run -p' 'bench --release' 'test a b' 'attach 1' ''; do
	# shellcheck disable=SC2086
	asks 2 $why
	says 'is wrong usage' '^usage: cargo-rsprof ' "$T/err"
done

# Shared libraries of the build are found; directories elsewhere are left out.
{
	printf '{"reason":"build-script-executed","linked_paths":["native=%s/build/x/out","/usr/lib"]}\n' \
		"$built"
	artifact bin demo "$built/lines"
} >"$T/says"
asks 0 run
says 'libraries that were built are found' "^$T/ws $built/build/x/out:$built/deps:$built\$" "$T/out"

# ---- debug information ------------------------------------------------------

ok 'no word where there is debug information' [ ! -s "$T/err" ]
printf '[package]\nname = "demo"\n' >"$T/ws/Cargo.toml"
artifact bin demo "$built/lines" >"$T/says"
asks 0 run
says 'a profile without debug information is said' \
	'profile release has no debug information: building with line tables \(CARGO_PROFILE_RELEASE_DEBUG=line-tables-only\)'
ok 'it is built once' [ "$(builds)" = 1 ]
sed -n '/^build/,$p' "$T/asked" | grep '^CARGO' >"$T/set"
same 'with variables of that build' "$T/set" <<'E'
CARGO_PROFILE_RELEASE_DEBUG=line-tables-only
CARGO_PROFILE_RELEASE_STRIP=none
E
artifact bench speed "$built/lines" true >"$T/says"
export cargo_version=1.63.0
asks 0 bench
says 'an old cargo gets a number' '^CARGO_PROFILE_BENCH_DEBUG=1$' "$T/asked"
unset cargo_version
artifact bin demo "$built/lines" >"$T/says"
asks 0 run --profile dev
ok 'the profile dev has it' [ ! -s "$T/err" ]
# Each of these may give it to the profile: what was built says whether it did.
for text in '[profile.release]\ndebug = "limited"' '[profile]\nrelease.debug = 1' 'profile.release.debug = 1' \
	'[profile.release]\n"debug" = 1' "$unsure" '[ "profile" . release ]'; do
	printf "$text\n" >"$T/ws/Cargo.toml"
	asks 0 run
	ok "no word with $(printf %s "$text" | tr '\\' ' ')" [ ! -s "$T/err" ]
done
# These do not.
for text in '[profile.dev]\ndebug = 1' '[profile.fast]\ndebug = 1' '[profile.release]\nlto = "fat"' \
	'[profiles]\ndebug = 1'; do
	printf "$text\n" >"$T/ws/Cargo.toml"
	asks 0 run
	says "but with $(printf %s "$text" | tr '\\' ' ')" 'has no debug information'
done
printf '[profile.fast-2]\ninherits = "release"\n' >"$T/ws/Cargo.toml"
asks 0 run --profile fast-2
says 'one that inherits has none, either' '^CARGO_PROFILE_FAST_2_DEBUG=line-tables-only$' "$T/asked"
echo "$unsure" >"$T/ws/Cargo.toml"
artifact bin demo "$built/bare" >"$T/says"
asks 0 run
says 'what has turned out to have none is built again' 'has no debug information'
ok 'but no third time' [ "$(builds)" = 2 ]
export CARGO_PROFILE_RELEASE_DEBUG=0
asks 0 run
ok 'a variable that is set stays' [ "$(builds)" = 1 ]
unset CARGO_PROFILE_RELEASE_DEBUG
: >"$T/ws/Cargo.toml"
artifact bin demo "$built/lines" >"$T/says"
mkdir -p .cargo
printf '[profile.release]\ndebug = true\n' >.cargo/config.toml
asks 0 run
ok 'nor is a configuration overruled' [ ! -s "$T/err" ]
rm -r .cargo

# ---- what cannot be built or run --------------------------------------------

: >"$T/says"
export cargo_status=101
asks 1 run
says 'a build that fails' '^cargo-rsprof: cargo has not built it \(exit 101\)$'
unset cargo_status
asks 5 run
says 'nothing to run' 'no executable that could be run'
echo '{"reason":"compiler-artifact","exec' >"$T/says"
asks 1 run
says 'a damaged message' 'damaged'
{ artifact bin a "$built/lines"; artifact bin b "$built/lines"; } >"$T/says"
asks 2 run
says 'several programs are listed' '^    --bin b    of '
printf '{"packages":[{"default_run":"b","manifest_path":"%s/Cargo.toml"}]}\n' "$T/ws" >"$metadata"
asks 0 run
# The machine of an ELF file is at byte 18: 183 is AArch64.
{ head -c 18 "$built/lines"; printf '\267\0'; tail -c +21 "$built/lines"; } >"$built/arm"
artifact bin demo "$built/arm" >"$T/says"
asks 5 run --target aarch64-unknown-linux-gnu
says 'an executable for another machine is refused' 'arm: cannot be profiled here: '
echo 'no ELF' >"$built/wasm"
artifact bin demo "$built/wasm" >"$T/says"
asks 5 run --target wasm32-wasip1
mkdir "$T/none"
cp "$B/cargo-rsprof" "$T/none"
exits 'without cargo: 1' 1 env PATH=/nowhere "$T/none/cargo-rsprof" run
says 'that is said' 'cargo is needed to build'
if [ "$(id -u)" = 0 ]; then
	artifact bin demo "$built/lines" >"$T/says"
	chmod 666 "$T/asked" "$T/says"
	export SUDO_UID=65534 SUDO_GID=65534
	asks 0 run
	unset SUDO_UID SUDO_GID
	ok 'under sudo cargo is the user'\''s' [ "$(sed -n '/^build/{n;p;}' "$T/asked")" = 65534 ]
	ok 'and has the user'\''s home' grep -qx "HOME=$(getent passwd 65534 | cut -d: -f6)" "$T/asked"
fi

# ---- with a real one --------------------------------------------------------

PATH=$programs:$home/.cargo/bin
if ! command -v cargo >/dev/null; then
	skip 'no cargo'
	done_testing
	exit
fi
mkdir "$T/real"
cd "$T/real" || exit 1
mkdir -p src/bin examples tests benches other/src
cat >Cargo.toml <<'E'
[package]
name = "demo"
version = "0.1.0"
edition = "2021"
default-run = "demo"
[workspace]
members = ["other"]
[features]
twice = []
[[bench]]
name = "speed"
harness = false
[profile.bare]
inherits = "release"
strip = true
E
cp Cargo.toml "$T/Cargo.before"
cat >other/Cargo.toml <<'E'
[package]
name = "other"
version = "0.1.0"
edition = "2021"
E
cat >other/src/main.rs <<'E'
fn main() {}
E
cat >src/lib.rs <<'E'
#[inline(never)]
pub fn work(seed: u64) -> u64 {
    let mut x = seed | 1;
    for i in 0..60_000_000u64 { x ^= x << 13; x ^= x >> 7; x ^= x << 17; x = x.wrapping_add(i); }
    x
}
/// A number that the compiler does not know.
pub fn seed() -> u64 { std::env::args().count() as u64 }
#[cfg(test)]
mod inner {
    #[inline(never)] fn in_lib() -> u64 { super::work(super::seed()) + 1 }
    #[test] fn of_lib() { println!("{}", in_lib()); }
}
E
# program FUNCTION: that calls work().
program() {
	cat <<E
#[inline(never)]
fn $1() -> u64 { demo::work(demo::seed()) + 1 }
fn main() { println!("{} {}", $1(), if cfg!(feature = "twice") { $1() } else { 0 }); }
E
}
program in_main >src/main.rs
program in_second >src/bin/second.rs
program in_example >examples/sample.rs
program in_bench >benches/speed.rs
cat >tests/it.rs <<'E'
#[inline(never)] fn in_one() -> u64 { demo::work(demo::seed()) + 1 }
#[inline(never)] fn in_two() -> u64 { demo::work(demo::seed()) + 2 }
#[test] fn one() { println!("{}", in_one()); }
#[test] fn two() { println!("{}", in_two()); }
E

# profiles NAME CALLER ARG...: CALLER's work() is what the executable NAME spends its time on.
profiles() {
	process=$1 caller=$2
	shift 2
	rm -f "$T/x.db"
	exits "cargo rsprof $*" 0 cargo rsprof -q -C -F 999 -o "$T/x.db" "$@"
	rsprof query "$T/x.db" "SELECT value FROM meta WHERE key = 'exe'" >"$T/name"
	says "the executable is $process" "/$process\$" "$T/name"
	rsprof fold "$T/x.db" >"$T/folded"
	share=$(awk -v want="$caller;[^;]*work" '{ n = $NF; all += n } $0 ~ want { hot += n }
		END { print all ? int(100 * hot / all) : 0 }' "$T/folded")
	ok "it works in $caller: $share %" [ "$share" -ge 80 ]
	[ "$share" -ge 80 ] || sort -t ' ' -k 2n "$T/folded" | tail -n 5 | diag
	[ "$share" -ge 80 ] || diag <"$T/folded"
}
profiles demo in_main run
says 'with line tables' 'building with line tables'
rsprof top -g line cpu "$T/x.db" >"$T/table"
says 'which give lines' 'src/lib\.rs:4' "$T/table"
profiles second in_second run --bin second --features twice
profiles sample in_example run --example sample --profile bare
rsprof top -g line cpu "$T/x.db" >"$T/table"
says 'a profile that strips has lines, too' 'src/lib\.rs:4' "$T/table"
profiles 'it-[0-9a-f]*' in_two test --test it two
ok 'the filter is the test'\''s' sh -c '! grep -q in_one "$1"' sh "$T/folded"
profiles 'demo-[0-9a-f]*' in_lib test --lib
profiles 'speed-[0-9a-f]*' in_bench bench --target-dir "$T/else where"
exits 'another package' 0 cargo rsprof -q -o "$T/y.db" run -p other
same 'Cargo.toml is as it was' Cargo.toml "$T/Cargo.before"

# A virtual workspace has no program of its own; cargo says why it does not build.
mkdir "$T/virtual" && cd "$T/virtual" || exit 1
cp -r "$T/real/other" one && cp -r one two
sed -i 's/other/one/' one/Cargo.toml
sed -i 's/other/two/' two/Cargo.toml
printf '[workspace]\nmembers = ["one", "two"]\n' >Cargo.toml
exits 'a virtual workspace: 2' 2 cargo rsprof run
says 'its programs are listed' '^    --bin two    of .*/two$'
echo 'fn main() { wrong }' >two/src/main.rs
exits 'what does not build: 1' 1 cargo rsprof run --bin two
says 'cargo says why' 'cannot find value `wrong`'
cd "$T/here" || exit 1
exits 'no workspace: 1' 1 cargo rsprof run
says 'cargo says that' 'could not find .Cargo.toml.'

# Cargo itself runs what it runs under rsprof.
cd "$T/real" || exit 1
machine=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
export "CARGO_TARGET_${machine}_RUNNER=rsprof run -q -C -F 999 --"
exits 'rsprof as a runner' 0 cargo test --release --test it one
set -- rsprof.it-*.db
ok 'leaves a recording' [ -f "$1" ]
rsprof fold "$1" >"$T/folded"
says 'of the test' 'in_one' "$T/folded"
done_testing

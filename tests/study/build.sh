#!/bin/sh
# build.sh DIR: the programs of study.sh, with Debian's crates, which are unpacked in DIR and not
# installed: DIR/json-system, DIR/server-jemalloc and so on, and DIR/batcat.
set -eu
src=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1/packages" "$1/root"
dir=$(cd "$1" && pwd)
home=$(getent passwd "$(id -u)" | cut -d: -f6)
PATH=$PATH:$home/.cargo/bin
libraries=/usr/lib/x86_64-linux-gnu

if [ ! -e "$dir/batcat" ]; then
	cd "$dir/packages"
	apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
	    --no-breaks --no-replaces --no-enhances librust-serde-json-dev librust-tokio-dev |
		grep '^librust-[a-z0-9+.-]*-dev$' | sort -u >../names
	# shellcheck disable=SC2046
	apt-get -q download $(cat ../names) bat libmimalloc-dev libmimalloc2.0 >/dev/null 2>&1
	for package in *.deb; do dpkg -x "$package" ../root; done
	cp "$dir/root/usr/bin/batcat" "$dir/batcat"
fi

mkdir -p "$dir/src/.cargo"
cp "$src"/*.rs "$src/Cargo.toml" "$dir/src"
cat >"$dir/src/.cargo/config.toml" <<END
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "$dir/root/usr/share/cargo/registry"
END
cd "$dir/src"
CARGO_HOME=$dir/home
CARGO_TARGET_DIR=$dir/target
export CARGO_HOME CARGO_TARGET_DIR
# one NAME ALLOCATOR OPTION...
one() {
	program=$1 allocator=$2
	shift 2
	cargo rustc -q --release --offline -j2 --bin "$program" "$@"
	cp "$dir/target/release/$program" "$dir/$program-$allocator"
}
for program in json server; do
	one "$program" system
	if [ -e $libraries/libjemalloc_pic.a ]; then
		one "$program" jemalloc -- -C link-arg=-Wl,-u,mallocx \
		    -C link-arg=$libraries/libjemalloc_pic.a \
		    -C link-arg=-lstdc++ -C link-arg=-lm
	fi
	# Debian has it as a library that is loaded alone.
	one "$program" mimalloc --features mimalloc -- \
	    -C link-arg="$dir/root/$libraries/libmimalloc.so.2" \
	    -C link-arg=-Wl,-rpath,"$dir/root/$libraries"
done

#!/bin/sh
# cargo.sh DIR: build cargo, as Debian has its source, with all of its debug
# information: DIR/debug is 160 MB, DIR/release 190 MB.  Takes some minutes, and
# the packages of 300 crates, which are unpacked in DIR and not installed.
set -eu
dir=$1
[ ! -x "$dir/debug" ] || [ ! -x "$dir/release" ] || exit 0
mkdir -p "$dir/packages" "$dir/root"
dir=$(cd "$dir" && pwd)
home=$(getent passwd "$(id -u)" | cut -d: -f6)
PATH=$PATH:$home/.cargo/bin

cd "$dir/packages"
apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
    --no-breaks --no-replaces --no-enhances librust-cargo-dev |
	grep '^librust-[a-z0-9+.-]*-dev$' | sort -u >../names
apt-get download $(cat ../names) >/dev/null
for package in *.deb; do dpkg -x "$package" ../root; done

cd "$dir"
registry=$dir/root/usr/share/cargo/registry
rm -rf cargo
cp -r "$registry"/cargo-0.* cargo
mkdir -p cargo/.cargo
cat >cargo/.cargo/config.toml <<END
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "$registry"
[profile.dev]
debug = 2
[profile.release]
debug = 2
END
cd cargo
rm -f Cargo.lock
# Only what is built has to be there.
sed -i '/^\[dev-dependencies/,/^$/d; /^\[target."cfg(windows)"/,/^$/d' Cargo.toml
CARGO_HOME=$dir/home
export CARGO_HOME
cargo build --offline --bin cargo
cp target/debug/cargo "$dir/debug"
cargo build --offline --release --bin cargo
cp target/release/cargo "$dir/release"

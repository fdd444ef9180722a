#!/bin/sh
# make dist gives the same bytes to whoever makes it: here, and from the source archive in another
# place, with libraries that were built anew unless STATIC_DEPS names some.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$ROOT/build/dist" || exit 1
version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
source=rsprof-$version.tar.gz
static=$(ls "rsprof-$version"-linux-*.tar.gz)
epoch=$(tar -tvf "$source" --full-time --utc | awk 'NR == 1 { print $4 "T" $5 "Z" }')
ok 'all in the source archive has one time' \
	[ "$(tar -tvf "$source" --full-time --utc | awk '{ print $4 "T" $5 "Z" }' | sort -u)" = "$epoch" ]
ok 'it is nobody'\''s' [ "$(tar -tvf "$source" --numeric-owner | awk '{ print $2 }' | sort -u)" = 0/0 ]
tar -C "$T" -xf "$source"
cd "$T/${source%.tar.gz}" || exit 1
ok 'it is built again from that' make -s dist ${STATIC_DEPS:+STATIC_DEPS="$STATIC_DEPS"}
ok 'the source archive is the same' cmp "build/dist/$source" "$ROOT/build/dist/$source"
ok 'the static archive is the same' cmp "build/dist/$static" "$ROOT/build/dist/$static"
done_testing

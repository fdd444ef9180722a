#!/bin/sh
# The package: without fault for lintian, and installed, used and removed in a clean chroot.
# shellcheck source=tests/tools/root.sh
. "$(dirname "$0")/root.sh"
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'a chroot needs root'
split=$B/target/split
[ -x "$split" ] || skip_all "no Rust compiler built $split"
package=$(ls "$ROOT"/build/deb/rsprof_*.deb)
chmod 755 "$T"
. /etc/os-release
root=$T/root

exits 'lintian' 0 lintian --allow-root --fail-on error,warning,info "$ROOT"/build/deb/*.changes
same 'has nothing against it' "$T/out" /dev/null
dpkg-deb -f "$package" Depends | tr -d '\n' >"$T/depends"
for library in libbpf libc6 libelf libncursesw libsqlite3 libzydis zlib1g; do
	says "it depends on $library" "(^|, )$library" "$T/depends"
done
ok 'and on nothing of Rust' sh -c '! grep -qE "rust|cargo" "$1"' sh "$T/depends"
dpkg-deb -c "$package" | awk '{ print $6 }' >"$T/files"
for program in "$ROOT"/cmd/*rsprof*; do
	program=$(basename "$program" .c)
	grep -qx "./usr/bin/$program" "$T/files" && grep -qx "./usr/share/man/man1/$program.1.gz" "$T/files" ||
		echo "$program"
done >"$T/absent"
same 'every program is in it, and its page' "$T/absent" /dev/null

start=$(date +%s)
bootstrap "$VERSION_CODENAME" "$root" ||
	{ diag <"$T/log"; fail "a chroot of $VERSION_CODENAME"; done_testing; exit; }
ready=$(date +%s)
trap 'clear_roots; cleanup' EXIT
furnish "$root"
inside() { chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"; }
# everything: all files, but for apt's and dpkg's own.
everything() {
	(cd "$root" && find etc lib usr var -path var/lib/dpkg -prune -o -path var/lib/apt -prune -o \
		-path var/cache -prune -o -path var/log -prune -o -type f -print | sort)
}
everything >"$T/before"
cp "$package" "$root/tmp/rsprof.deb"
cp "$split" "$root/tmp"
cp /etc/resolv.conf "$root/etc"
exits 'lists of packages' 0 inside apt-get -q update
exits 'it is installed' 0 inside apt-get -qy --no-install-recommends install /tmp/rsprof.deb
inside dpkg-query -W -f '${Package}\n' >"$T/installed"
ok 'without a compiler' sh -c '! grep -qE "^(gcc|clang|rustc)(-[0-9]+)?$" "$1"' sh "$T/installed"
exits 'from the package to the first picture' 0 inside sh -c '
	cd /tmp; set -e
	./split 100000 >/dev/null & pid=$!
	rsprof attach -q -C -d 1 -o x.db $pid
	rsprof flame x.db >x.html
	kill $pid'
says 'the table has names' 'split::alpha' "$T/out"
ok 'there is a page' grep -q '<html' "$root/tmp/x.html"
echo "# chroot in $((ready - start)) s, package to picture in $(($(date +%s) - ready)) s"
exits 'everything is found in /usr/bin' 0 inside rsprof doctor
exits 'a shell has completions' 0 inside test -e /usr/share/bash-completion/completions/rsprof
exits 'it is removed' 0 inside apt-get -qy purge rsprof
inside dpkg-query -W -f '${Package}\n' | grep '^rsprof' >"$T/out"
same 'and known no more' "$T/out" /dev/null
everything | grep rsprof >"$T/left"
same 'nothing of it is left' "$T/left" /dev/null
done_testing

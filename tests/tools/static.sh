#!/bin/sh
# The static archive, where nothing else is: an empty root, and other Debians in chroots, from the
# archive to the first picture.  With DISTRIBUTIONS= only the empty root.  It takes root.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'a chroot needs root'
split=$B/target/split counted=$B/target/heap-static
[ -x "$split" ] && [ -x "$counted" ] || skip_all "no Rust compiler built $split"
archive=$(ls "$ROOT"/build/dist/rsprof-*-linux-*.tar.gz)
name=$(basename "$archive" .tar.gz)
chmod 755 "$T"

# furnish ROOT: with the kernel's file systems, as a container has them.
furnish() {
	mkdir -p "$1/proc" "$1/sys" "$1/dev" "$1/tmp"
	mount -t proc none "$1/proc" && mount --rbind /sys "$1/sys" && mount --bind /dev "$1/dev" &&
		mount --make-rslave "$1/sys"
	furnished="$1 ${furnished-}"
}
# clear: before anything below them is removed.
# shellcheck disable=SC2317
clear_roots() {
	for root in ${furnished-}; do
		umount "$root/proc" "$root/dev"
		umount -R "$root/sys"
	done
	furnished=
}
trap 'clear_roots; cleanup' EXIT

tar -C "$T" -xf "$archive"
bin=$T/$name/bin
for file in "$bin"/*; do
	case $(head -c 4 "$file" | tr -d '\177') in ELF) ;; *) continue ;; esac
	! readelf -lW "$file" 2>/dev/null | grep -Eq 'INTERP|DYNAMIC' || echo "${file##*/}"
done >"$T/dynamic"
same 'every program is static' "$T/dynamic" /dev/null
ok 'ldd says so' sh -c 'ldd "$1" 2>&1 | grep -q "not a dynamic executable"' sh "$bin/rsprof-heap"
ok 'and stripped' sh -c '! readelf -SW "$1" | grep -q debug_info' sh "$bin/rsprof-heap"
ok 'threads have a stack of 8 MiB' sh -c 'readelf -lW "$1" | grep GNU_STACK | grep -q 0x800000' sh "$bin/rsprof-sym"
for license in zlib zstd xz elfutils libbpf sqlite3 ncurses jansson libiberty zydis; do
	[ -s "$T/$name/share/doc/rsprof/licenses/$license" ] || echo $license
done >"$T/absent"
same 'what is in them is licensed' "$T/absent" /dev/null

# ---- in an empty root -------------------------------------------------------

root=$T/empty
mkdir -p "$root/bin"
cp "$bin"/rsprof-* "$root/bin"
furnish "$root"
inside() { chroot "$root" "$@"; }
launch "$split" 100000
target=$launched
exits 'the CPU time' 0 inside /bin/rsprof-pipe producer /bin/rsprof-cpu -d 2 -F 499 -p $target \
	'|' filter /bin/rsprof-sym '|' sink /bin/rsprof-store /tmp/x.db
exits 'as a table' 0 inside /bin/rsprof-top -g line cpu /tmp/x.db
says 'with names and lines' 'split\.rs:[0-9]+' "$T/out"
exits 'and as functions' 0 inside /bin/rsprof-top -f csv cpu /tmp/x.db
# split has three functions with 55, 37 and 8 % (tests/target/split.rs counts its rounds).
says 'of which the hottest is first' '^"?split::alpha' "$T/out"
rsprof-cpu -d 2 -F 499 -p $target | rsprof-sym | rsprof-store "$T/dynamic.db"
share() { awk -F, '$1 ~ /split::alpha/ { print int($2); exit }' "$1"; }
rsprof-top -f csv cpu "$T/dynamic.db" >"$T/dynamic.csv"
ok "shares are those of the other build: $(share "$T/out"), $(share "$T/dynamic.csv")" \
	awk -v a="$(share "$T/out")" -v b="$(share "$T/dynamic.csv")" 'BEGIN { exit !(a > 0 && (a - b) ^ 2 <= 100) }'
exits 'SQL' 0 inside /bin/rsprof-query /tmp/x.db "SELECT value FROM meta WHERE key = 'name'"
echo split >"$T/want"
same 'its answer' "$T/out" "$T/want"
exits 'a page with a flame graph' 0 inside /bin/rsprof-pipe -n x producer /bin/rsprof-dump /tmp/x.db \
	'|' sink /bin/rsprof-flame
ok 'which is one' grep -q '<html' "$T/out"
for term in xterm-256color screen-256color tmux-256color linux vt100; do
	tmux -S "$T/tmux" -f /dev/null new-session -d -x 100 -y 30 \
		"TERM=$term chroot '$root' /bin/rsprof-tui /tmp/x.db"
	own "$(tmux -S "$T/tmux" display-message -p '#{pid}')"
	ok "the view, with the terminal $term" await 60 \
		sh -c 'tmux -S "$1" capture-pane -p | grep -q "split::alpha"' sh "$T/tmux"
	tmux -S "$T/tmux" kill-server
done
kill $target

# The program writes what it has allocated, to compare.
cp "$counted" "$root/bin/counted"
exits 'the heap: every allocation' 0 inside /bin/rsprof-doctor
exits 'the heap' 0 inside /bin/rsprof-pipe \
	producer /bin/rsprof-heap -s 0 -r -p @pid '|' command /bin/rsprof-exec /bin/counted \
	'|' filter /bin/rsprof-sym '|' sink /bin/rsprof-store /tmp/h.db
exits 'as a table' 0 inside /bin/rsprof-top -o bytes heap /tmp/h.db
says 'with names' 'heap::|counted' "$T/out"

# ---- in other systems -------------------------------------------------------

for distribution in ${DISTRIBUTIONS-bullseye trixie}; do
	root=$T/$distribution
	start=$(date +%s)
	if ! mmdebstrap -q --variant=minbase "$distribution" "$root" >"$T/log" 2>&1; then
		skip "no chroot of $distribution: $(tail -n 1 "$T/log")"
		continue
	fi
	ready=$(date +%s)
	furnish "$root"
	cp "$archive" "$split" "$root/tmp"
	cat >"$T/first" <<E
set -e
cd /tmp
tar -xf $name.tar.gz
PATH=/tmp/$name/bin:\$PATH
./split 100000 >/dev/null & pid=\$!
rsprof attach -q -C -d 1 -o x.db \$pid
rsprof flame x.db >x.html
rsprof query x.db 'SELECT count(*) > 50 FROM cpu' >enough
kill \$pid
E
	exits "$distribution: from the archive to the first picture" 0 inside sh -c "$(cat "$T/first")"
	says 'the table has names' 'split::alpha' "$T/out"
	ok 'there are samples' grep -qx 1 "$root/tmp/enough"
	ok 'there is a page' grep -q '<html' "$root/tmp/x.html"
	echo "# $distribution: chroot in $((ready - start)) s, archive to picture in $(($(date +%s) - ready)) s"
	exits 'a command is run' 0 inside sh -c "cd /tmp && PATH=/tmp/$name/bin:\$PATH rsprof run -q -C -o y.db ./split 1"
done
done_testing

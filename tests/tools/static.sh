#!/bin/sh
# The static archive, where nothing else is: an empty root, and other Debians in chroots, from the
# archive to the first picture.  With DISTRIBUTIONS= only the empty root.  It takes root.
# shellcheck source=tests/tools/root.sh
. "$(dirname "$0")/root.sh"
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all 'a chroot needs root'
split=$B/target/split counted=$B/target/heap-static
[ -x "$split" ] && [ -x "$counted" ] || skip_all "no Rust compiler built $split"
archive=$(ls "$ROOT"/build/dist/rsprof-*-linux-*.tar.gz)
release=$(basename "$archive" .tar.gz)
chmod 755 "$T"

trap 'clear_roots; cleanup' EXIT

tar -C "$T" -xf "$archive"
bin=$T/$release/bin
for file in "$bin"/*; do
	case $(head -c 4 "$file" | tr -d '\177') in ELF) ;; *) continue ;; esac
	! readelf -lW "$file" 2>/dev/null | grep -Eq 'INTERP|DYNAMIC' || echo "${file##*/}"
done >"$T/dynamic"
same 'every program is static' "$T/dynamic" /dev/null
ok 'ldd says so' sh -c 'ldd "$1" 2>&1 | grep -q "not a dynamic executable"' sh "$bin/rsprof-heap"
ok 'and stripped' sh -c '! readelf -SW "$1" | grep -q debug_info' sh "$bin/rsprof-heap"
ok 'threads have a stack of 8 MiB' sh -c 'readelf -lW "$1" | grep GNU_STACK | grep -q 0x800000' sh "$bin/rsprof-sym"
for license in zlib zstd xz elfutils libbpf sqlite3 ncurses jansson libiberty zydis; do
	[ -s "$T/$release/share/doc/rsprof/licenses/$license" ] || echo $license
done >"$T/absent"
same 'what is in them is licensed' "$T/absent" /dev/null

# ---- in an empty root -------------------------------------------------------

root=$T/empty
mkdir -p "$root/bin"
cp "$bin"/rsprof-* "$root/bin"
furnish "$root"
inside() { chroot "$root" "$@"; }
launch "$split" 100000 >/dev/null
target=$launched
# Of the same seconds the other build must say the same.
rsprof-pipe producer rsprof-cpu -d 4 -F 499 -p $target '|' filter rsprof-sym \
	'|' sink rsprof-store "$T/other.db" 2>"$T/other" &
own $!
exits 'the CPU time' 0 inside /bin/rsprof-pipe producer /bin/rsprof-cpu -d 4 -F 499 -p $target \
	'|' filter /bin/rsprof-sym '|' sink /bin/rsprof-store /tmp/x.db
wait $!
exits 'as a table' 0 inside /bin/rsprof-top -g line cpu /tmp/x.db
says 'with names and lines' 'split\.rs:[0-9]+' "$T/out"
exits 'and as functions' 0 inside /bin/rsprof-top -f csv cpu /tmp/x.db
rsprof-top -f csv cpu "$T/other.db" >"$T/other.csv"
# share FILE: of alpha, in percent of all.
share() { awk -F, '{ all += $1 } $3 == "split::alpha" { a = $1 } END { print int(100 * a / all) }' "$1"; }
ok "shares are those of the other build: $(share "$T/out"), $(share "$T/other.csv") %" \
	awk -v a="$(share "$T/out")" -v b="$(share "$T/other.csv")" 'BEGIN { exit !(a > 20 && (a - b) ^ 2 <= 64) }'
exits 'SQL' 0 inside /bin/rsprof-query /tmp/x.db "SELECT value FROM meta WHERE key = 'name'"
echo split >"$T/want"
same 'its answer' "$T/out" "$T/want"
exits 'a page with a flame graph' 0 inside /bin/rsprof-pipe -n x producer /bin/rsprof-dump /tmp/x.db \
	'|' sink /bin/rsprof-flame
ok 'which is one' grep -q '<html' "$T/out"
for term in xterm-256color screen-256color tmux-256color linux vt100; do
	tmux -S "$T/$term" -f /dev/null new-session -d -x 100 -y 30 \
		"TERM=$term chroot '$root' /bin/rsprof-tui /tmp/x.db"
	own "$(tmux -S "$T/$term" display-message -p '#{pid}')"
	ok "the view, with the terminal $term" await 60 \
		sh -c 'tmux -S "$1" capture-pane -p | grep -q "split::alpha"' sh "$T/$term"
	tmux -S "$T/$term" kill-server
done
kill $target

# The program writes what it has allocated, to compare.
cp "$counted" "$root/bin/counted"
exits 'the doctor' 0 inside /bin/rsprof-doctor
printf "\n\n\n" >"$T/lines"
exits 'the heap' 0 inside /bin/rsprof-pipe \
	producer /bin/rsprof-heap -s 0 -r -R @ready -p @pid '|' filter /bin/rsprof-sym \
	'|' sink /bin/rsprof-store -r @ready -- /tmp/h.db '|' command /bin/rsprof-exec /bin/counted <"$T/lines"
exits 'as a table' 0 inside /bin/rsprof-top -o bytes heap /tmp/h.db
says 'with names' 'heap::|counted' "$T/out"

# ---- in other systems -------------------------------------------------------

for distribution in ${DISTRIBUTIONS-bullseye trixie}; do
	root=$T/$distribution
	start=$(date +%s)
	if ! bootstrap "$distribution" "$root"; then
		skip "no chroot of $distribution: $(tail -n 1 "$T/log")"
		continue
	fi
	ready=$(date +%s)
	furnish "$root"
	cp "$archive" "$split" "$root/tmp"
	cat >"$T/first" <<E
set -e
cd /tmp
tar -xf $release.tar.gz
PATH=/tmp/$release/bin:\$PATH
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
	exits 'a command is run' 0 inside sh -c "cd /tmp && PATH=/tmp/$release/bin:\$PATH rsprof run -q -C -o y.db ./split 1"
done
done_testing

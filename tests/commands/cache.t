#!/bin/sh
# The unwind tables that rsprof-cpu keeps from one run to the next, and the names of
# rsprof-sym, as their user meets them: used, damaged, not wanted, not possible, in
# the way.
. "$(dirname "$0")/../tools/lib.sh"
split=$B/target/split
dir=$HOME/.cache/rsprof

[ -x "$split" ] || skip_all "no Rust compiler: $split is missing"
launch "$split" >/dev/null; busy=$launched
rsprof-cpu -u -p $busy -d 0.1 >/dev/null 2>"$T/err" ||
    skip_all "sampling is not possible here: $(cat "$T/err")"

root() { [ "$(id -u)" = 0 ]; }
cpu() { rsprof-cpu -u -p $busy -F 500 -d 0.1; }
inode() { stat -c %i "$1"; }
# none DIRECTORY NAME: no such files are in it.
none() { [ -z "$(find "$1" -name "$2")" ]; }
samples() { grep -q '^cpu' "$T/out"; }
old() { touch -d 2001-02-03 "$1"; }
is_old() { [ "$(stat -c %Y "$1")" -lt 1000000000 ]; }

# A run may end before the whole table is compiled: then a later one keeps it.
filled() { [ -s "$file" ] || { cpu >/dev/null 2>&1; [ -s "$file" ]; }; }
# kept FILE [VARIABLE=VALUE]: as filled(), and it is a good one.
kept() {
	cmp -s "$1" "$T/good" && return
	env ${2:+"$2"} rsprof-cpu -u -p $busy -d 0.1 >/dev/null 2>&1
	cmp "$1" "$T/good"
}

# ---- used --------------------------------------------------------------------

# By its build-id, its size and its owner.
# shellcheck disable=SC2016
id=$(rsprof-cpu -u -p $busy -d 0.1 |
    awk -F'\t' '$1 == "module" && $4 ~ /\/split$/ { print $3 }')
file=$dir/$id.$(stat -c %s.%u "$split").unwind
ok "the first run keeps the executable's table" await 60 filled
ok "for its user alone" test "$(stat -c %a "$dir" "$file")" = "700
600"
cp "$file" "$T/good"
old "$file"; before=$(inode "$file")
exits "a second run works" 0 cpu
ok "and uses it" test "$(inode "$file")" = "$before"
ok "which is noted for what goes first" eval '! is_old "$file"'
# The program need not have had a CPU in a tenth of a second.
has_stacks() { [ "$(grep -c '^stack' "$T/out")" -gt 10 ] || { cpu >"$T/out" && false; }; }
ok "it has stacks" await 60 has_stacks
ok "they are whole" awk -F'\t' '$1 == "stack" && $3 ~ /^[?]/ { exit 1 }' "$T/out"

# ---- damaged -----------------------------------------------------------------

# rebuilt WHAT: the file, which was changed, is ignored and replaced.
rebuilt() {
	exits "$1: no harm" 0 cpu
	ok "$1: it is quiet about it" test ! -s "$T/err"
	ok "$1: replaced by a good one" await 60 kept "$file"
}
printf '\377' | dd of="$file" bs=1 seek=2000 conv=notrunc 2>/dev/null
rebuilt "a byte is another"
truncate -s 1000 "$file"
rebuilt "a file that is cut"
: >"$file"
rebuilt "an empty file"
other=$(find "$dir" -name '*.unwind' ! -name "$id*" | head -n 1)
cp "$other" "$file"
rebuilt "another file's table"
chmod 666 "$file"
rebuilt "a file that everybody can write to"
rm "$file"; ln -s "$other" "$file"
rebuilt "a symbolic link"
ok "and nothing is half done" none "$dir" '.new.*'

# ---- deleted, and kept small -------------------------------------------------

rm -rf "$HOME/.cache"
rebuilt "deleted altogether"
for i in 1 2 3; do
	truncate -s 100M "$dir/$id.$i.0.unwind"
	touch -d "2001-02-0$i" "$dir/$id.$i.0.unwind"
done
rm "$file"
rebuilt "more than 256 MB"
ok "the oldest goes" test ! -e "$dir/$id.1.0.unwind"
ok "a newer one stays" test -e "$dir/$id.3.0.unwind"
rm -rf "$HOME/.cache"
for i in 1 2 3; do
	cpu >"$T/out.$i" & eval "pid$i=$!"; own $!
done
# shellcheck disable=SC2154
ok "three at once" eval 'wait $pid1 && wait $pid2 && wait $pid3'
ok "have one good table" await 60 kept "$file"
ok "and leave nothing half done" none "$dir" '.new.*'

# ---- elsewhere, or nowhere ---------------------------------------------------

mkdir "$T/xdg"
exits "XDG_CACHE_HOME" 0 env XDG_CACHE_HOME="$T/xdg" rsprof-cpu -u -p $busy -d 0.1
ok "is where it is, then" await 60 kept "$T/xdg/rsprof/${file##*/}" XDG_CACHE_HOME="$T/xdg"

# nowhere WHAT COMMAND...: it works, and is quiet.
nowhere() {
	what=$1; shift
	exits "$what: no harm" 0 "$@" rsprof-cpu -u -p $busy -F 500 -d 0.2
	ok "$what: it is quiet" test ! -s "$T/err"
	ok "$what: samples" samples
}
rm -rf "$HOME/.cache"
nowhere "no HOME" env -u HOME
nowhere "a HOME that is not there" env HOME="$T/nothing"
ok "is not made" test ! -e "$T/nothing"
: >"$T/plain"
nowhere "a HOME that is a file" env HOME="$T/plain"
nowhere "nowhere to write" env XDG_CACHE_HOME=/proc
nowhere "a relative XDG_CACHE_HOME" env -u HOME XDG_CACHE_HOME=xdg
mkdir -p "$T/open/rsprof"; chmod 777 "$T/open/rsprof"
nowhere "a directory that everybody can write to" env XDG_CACHE_HOME="$T/open"
if root; then
	mkdir "$T/theirs" "$T/theirs/.cache"
	chown 65534 "$T/theirs" "$T/theirs/.cache"
	nowhere "root with a user's HOME" env HOME="$T/theirs"
	rmdir "$T/theirs/.cache"
	nowhere "root with a user's HOME, without .cache" env HOME="$T/theirs"
	mkdir "$T/planted"; chown 65534 "$T/planted"
	mkdir "$T/planted/rsprof"; cp "$T/good" "$T/planted/rsprof/${file##*/}"
	chown -R 65534 "$T/planted"
	before=$(inode "$T/planted/rsprof/${file##*/}")
	nowhere "root with a user's tables" env XDG_CACHE_HOME="$T/planted"
	ok "are left alone" test "$(inode "$T/planted/rsprof/${file##*/}")" = "$before"
else
	skip "another user's HOME takes root"
fi
# ---- names -------------------------------------------------------------------

# Of a program whose debug information is apart, so that it can be taken away.
rm -rf "$HOME/.cache"
mkdir "$T/apart" "$T/none"
objcopy --only-keep-debug "$split" "$T/apart/prog.debug"
(cd "$T/apart" && objcopy --strip-debug --add-gnu-debuglink=prog.debug "$split" "$T/prog")
{
	echo 'rsprof	1	cpu	mono=1	wall=2'
	echo "module	a	$id	$T/prog"
	nm "$T/prog" | awk '/ [tT] .*split/ { print $1 }' | while read -r at; do
		for i in 0 20 40 60; do
			offset=$(printf '%x' $((0x$at + i)))
			echo "stack	$offset	-	a	$offset	-	0"
		done
	done
} >"$T/in"
names() { rsprof-sym "$@" -S "$T/apart" "$T/in"; }
file=$dir/$id.$(stat -c %s.%u "$T/prog").names
exits "names: the first run" 0 names
cp "$T/out" "$T/want"
ok "has lines, and inlined calls" awk -F'\t' '
    $1 == "frame" && $4 ~ /\.rs$/ { n++ } $1 == "stack" && $7 { inlined++ }
    END { exit !(n > 10 && inlined > 10) }' "$T/want"
ok "they are kept" test -s "$file"
ok "for its user alone" test "$(stat -c %a "$file")" = 600
cp "$file" "$T/good"
old "$file"; before=$(inode "$file")
mv "$T/apart/prog.debug" "$T/none"
exits "a second run, without the debug information" 0 names
same "has the same names" "$T/out" "$T/want"
ok "writes nothing" test "$(inode "$file")" = "$before"
ok "and notes the use" eval '! is_old "$file"'
exits "hashes are not kept" 0 names -H
ok "so that they have no lines here" sh -c '! grep -q "\.rs" "$1"' - "$T/out"

# unbelieved WHAT: the file, which was changed, is not used, and is replaced once
# all is there again.
unbelieved() {
	exits "$1: no harm" 0 names
	ok "$1: not believed" sh -c '! grep -q "\.rs" "$1"' - "$T/out"
	says "$1: what is missing is said" '^note	.*no debug information' "$T/out"
	ok "$1: names that lack something are not kept" sh -c '! cmp -s "$1" "$2"' - \
	    "$file" "$T/good"
	mv "$T/none/prog.debug" "$T/apart"
	exits "$1: with the debug information" 0 names
	same "$1: the names" "$T/out" "$T/want"
	ok "$1: replaced by a good one" cmp "$file" "$T/good"
	mv "$T/apart/prog.debug" "$T/none"
}
printf '\377' | dd of="$file" bs=1 seek=500 conv=notrunc 2>/dev/null
unbelieved "a byte is another"
truncate -s 1000 "$file"
unbelieved "a file that is cut"
: >"$file"
unbelieved "an empty file"
rm -rf "$HOME/.cache"
unbelieved "deleted altogether"
chmod 666 "$file"
exits "a file that everybody can write to" 0 names
ok "is not believed" sh -c '! grep -q "\.rs" "$1"' - "$T/out"
mv "$T/none/prog.debug" "$T/apart"
rm -rf "$HOME/.cache"
awk -F'\t' '$1 != "stack" || NR % 2' "$T/in" >"$T/half"
rsprof-sym -S "$T/apart" "$T/half" >/dev/null
cp "$file" "$T/less"
exits "a run that meets more" 0 names
ok "adds it" test "$(stat -c %s "$file")" -gt "$(stat -c %s "$T/less")"
rm "$T/apart/prog.debug"
exits "and a later one" 0 names
same "has all" "$T/out" "$T/want"
exits "nowhere to keep them" 0 env -u HOME rsprof-sym "$T/in"
ok "is quiet" test ! -s "$T/err"

rm -rf "$T/xdg" "$T/planted" "$HOME/.cache"
ok "nothing is written anywhere else" none "$T" '*.unwind'
ok "of names neither" none "$T" '*.names'

# ---- made by other sources -----------------------------------------------------

# stays STAMP FILE: a change in the file throws away nothing that has the stamp.
stays() { (cd "$ROOT" && make -q "B=$B" -W "$2" "$B/$1.stamp.h"); }
ok "tables do not depend on the view" stays unwind lib/tui/tui.c
ok "nor on names" stays unwind lib/symbol/demangle.c
ok "but on what makes them" eval '! stays unwind lib/unwind/cfi.c'
ok "names do not depend on the view" stays symbol lib/tui/tui.c
ok "nor on tables" stays symbol lib/unwind/cfi.c
ok "but on what makes them" eval '! stays symbol lib/symbol/demangle.c'

done_testing

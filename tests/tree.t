#!/bin/sh
# The rooms of lib/: who includes whom is what CONTRIBUTING.md allows.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/tools/lib.sh"

cd "$ROOT" || exit 1
page=CONTRIBUTING.md
machine=$(sed -n 's/^MACHINE := //p' Makefile)

# rooms: the table of the page, as "ROOM ALLOWED...", the lowest first.
rooms() {
	awk -F' *[|] *' '/^\| room /,/^$/ { if (NF == 5 && $2 != "room" && $2 !~ /^-/)
		print $2, ($4 == "-" ? "" : $4) }' "$page"
}

# includes FILE...: each as "FILE:LINE:NAME" of what stands between quotes.
includes() {
	grep -Hno '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]*"' "$@" |
		sed 's/:[^:"]*"/:/; s/"$//'
}

rooms >"$T/rooms"
ok 'there is a table of rooms' [ "$(wc -l <"$T/rooms")" -ge 12 ]

cut -d ' ' -f 1 "$T/rooms" | sort >"$T/named"
for dir in lib/*/; do basename "$dir"; done | sort >"$T/there"
same 'each room is a folder, and each folder is a room' "$T/there" "$T/named"
ok 'no file of lib/ stands outside of a room' \
	sh -c '! find lib -maxdepth 1 -type f | grep .'

cut -d ' ' -f 1 "$T/rooms" | tr '\n' ' ' | sed 's/ $//' >"$T/order"
sed -n 's/^ROOMS := //p' Makefile | tr -d '\n' >"$T/make"
same 'the Makefile builds them in that order' "$T/make" "$T/order"

awk '{ for (i = 2; i <= NF; i++) if (!($i in seen)) print $1 " before " $i; seen[$1] }' \
	"$T/rooms" >"$T/out"
same 'a room may include only rooms above it in the table' "$T/out" /dev/null

# An include is of a room's header, of bpf/, or of a file that the build makes.
includes lib/*/*.[ch] lib/*/*/*.[ch] >"$T/includes"
awk -F: -v bpf="$(sed -n 's/^Headers of bpf\/ are open to \(.*\)\.$/\1/p' "$page")" '
	BEGIN { n = split(bpf, w, /, | and /); for (i = 1; i <= n; i++) may[w[i], "bpf"] }
	NR == FNR { n = split($0, w, " "); for (i = 1; i <= n; i++) may[w[1], w[i]]; next }
	{
		split($1, from, "/"); n = split($3, to, "/")
		if (n == 1 && $3 ~ /^(schema|flame_page|gate_image|.*\.stamp|.*\.skel)\.h$/) next
		if (n != 2 || !((from[2], to[1]) in may)) print
	}' "$T/rooms" "$T/includes" >"$T/out"
same 'every include is of a room that its room may include' "$T/out" /dev/null
ok 'the table was compared with many' [ "$(wc -l <"$T/includes")" -ge 300 ]

sed 's|^lib/||' "$T/includes" | awk -F: '{ print $1, $3 }' |
	sed 's/\.[ch]\( \|$\)/\1/g' | sed "s|/$machine/|/|g" | awk '$1 != $2' >"$T/edges"
tsort "$T/edges" >"$T/sorted" 2>"$T/out"
same 'no two files include each other, not even by way of others' "$T/out" /dev/null

for file in lib/*/*.h; do
	printf '#include "%s"\n' "${file#lib/}"
	${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -Ilib "-Ibpf/$machine" -fsyntax-only -x c "$file" 2>&1
done >"$T/all" 2>&1
grep -v '^#include' "$T/all" >"$T/out"
same 'every header can be included alone' "$T/out" /dev/null

# The own header comes first, so that the compiler checks that too.
for file in lib/*/*.c lib/*/*/*.c; do
	header=$(echo "${file#lib/}" | sed "s|/$machine/|/|; s/c$/h/")
	[ ! -f "lib/$header" ] ||
		[ "$(sed -n 's/^#include ["<]\(.*\)[">]$/\1/p' "$file" | head -n 1)" = "$header" ] ||
		echo "$file"
done >"$T/out"
same 'every file includes its own header first' "$T/out" /dev/null

# What is a machine's own stands in its folders, so that another one is new files.
grep -rnE '\b[er](ax|bx|cx|dx|si|di|sp|bp|ip)\b|\br(8|9|1[0-5])\b|R_X86_64|PERF_REG_X86|EM_X86|user_regs_struct|Zydis|__x86_64' \
	bpf lib cmd --include='*.[ch]' | grep -v "/$machine/" >"$T/out"
same "no file outside of folders $machine knows its registers" "$T/out" /dev/null
ok "and those inside do" grep -rq R_X86_64 lib/*/"$machine"

# bpf_alone FILE: a header that only the programs include can be included alone; functions
# that its includer is to define are declared there.
bpf_alone() {
	printf '#include "%s"\n' "$1" | clang -target bpf -O2 -Wall -Wextra -Werror \
		-Wno-unused-parameter -Wno-unused-function -Wno-undefined-internal -D__TARGET_ARCH_x86 \
		-I. "-Ibpf/$machine" -idirafter "/usr/include/$(${CC:-cc} -print-multiarch)" \
		-fsyntax-only -x c -
}
if command -v clang >/dev/null && [ -e /usr/include/bpf/bpf_helpers.h ]; then
	for file in bpf/*.h "bpf/$machine"/*.bpf.h; do
		bpf_alone "$file"
	done >"$T/out" 2>&1
	same 'every header of bpf/ can be included alone' "$T/out" /dev/null
fi

done_testing

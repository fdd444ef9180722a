#!/bin/sh
# Frames that only a register of an interrupted function leads to, as in cryptographic
# code: whole stacks, walked in the kernel, out of copies and of stopped threads.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

names="by_rax by_rdx by_rsi by_rdi by_r8 by_r9 by_r10 by_r11 by_below by_index by_far fp_in fp_lost"

# whole WHAT [FUNCTION]: all stacks of $T/db are complete, but for those of a function, and
# lead from each function to its caller.
whole() {
	rsprof-query "$T/db" "SELECT DISTINCT f.function, m.function, o.function, e.function
		FROM cpu JOIN frames f ON f.stack = cpu.stack JOIN frames m ON m.stack = f.parent
		JOIN frames o ON o.stack = m.parent JOIN frames e ON e.stack = o.parent" |
		tr '\t|' '  ' | sort >"$T/chains"
	for name in $names; do
		[ "$name" != "${2:-}" ] || continue
		says "$1: $name < middle < outer < main" "^$name middle outer main" "$T/chains"
	done
	says "$1: held_work < by_held < middle < outer" "^held_work by_held middle outer" "$T/chains"
	ok "$1: no other caller" awk '/^(by|fp)_/ && !/ middle outer main/ ||
		/^held/ && !/ by_held middle outer/ { print; bad = 1 }
		END { exit bad }' "$T/chains"
	cut=$(rsprof-query "$T/db" "SELECT count(*) FROM cpu_samples WHERE cut IS NOT NULL
		AND function <> '${2:-}'")
	ok "$1: all complete" [ "$cut" = 0 ]
	rm -f "$T/db"*
}
record() { "$@" 2>"$T/err" | rsprof-sym | rsprof-store "$T/db"; }

launch "$B/target/leaf"
if [ "$(rsprof-doctor -t | awk -F '\t' '$1 == "bpf-load" { print $2 }')" = yes ]; then
	record rsprof-cpu -F 999 -d 3 -p "$launched"
	whole "in the kernel"
else
	skip "no BPF here"
fi
record rsprof-cpu -u -F 999 -d 3 -p "$launched"
whole "copies" by_below # a copy begins at the stack pointer
for _ in 1 2 3 4 5 6 7 8; do
	rsprof stack "$launched" >>"$T/stacks"
done
ok "stopped: stacks reach main" awk '/^    (by|fp)_/ { n++ } /^    main/ { main++ }
	/incomplete/ { bad = 1 } END { exit !(n == 8 && main == 8) || bad }' "$T/stacks"

launch "$B/target/leaf" vfork
exits "vfork: stack" 0 rsprof stack "$launched"
says "vfork: its caller" '^    spawn_slow' "$T/out"
says "vfork: main" '^    main' "$T/out"

done_testing

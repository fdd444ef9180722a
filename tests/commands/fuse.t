#!/bin/sh
# A program on a file system in user space: as any other where the file can be opened, and
# where it cannot, as on one that another user has mounted, that is what is said.
# shellcheck disable=SC2016
# What is mounted is gone with the test's own mount namespace.
if [ -z "${RSPROF_TEST_MOUNTS:-}" ] && unshare -m true 2>/dev/null; then
	RSPROF_TEST_MOUNTS=own exec unshare -m --propagation private sh "$0" "$@"
fi
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

kinds=$B/target/kinds
[ -e /dev/fuse ] || skip_all "there is no /dev/fuse"
[ -x "$kinds" ] || skip_all "no Rust compiler: $kinds is missing"
ready=$(rsprof-doctor -t | awk -F '\t' '$1 == "perf-user" || $1 == "bpf-load" || $1 == "uprobes"' |
	cut -f 2 | sort -u)
[ "$ready" = yes ] || skip_all "no BPF or no uprobes here"
cd "$T" || exit 1

query() { rsprof-query "$T/db" "$1"; }
# record DESCRIPTION STATUS ARG ...: rsprof with these, into $T/db.
record() {
	what=$1 want=$2
	shift 2
	rm -f "$T/db"*
	exits "$what" "$want" rsprof "$@"
	cat "$T/out" "$T/err" >"$T/said"
}
# whole WHAT: nearly all of the CPU time has complete stacks.
whole() {
	share=$(query "SELECT CAST(100.0 * sum(CASE WHEN cut IS NULL THEN ns END) / sum(ns) AS INTEGER)
		FROM cpu_samples WHERE cut IS NOT 'probes'")
	ok "$1: stacks are complete ($share %)" [ "${share:-0}" -ge 90 ]
}
# named WHAT
named() {
	rsprof-top -r -n 40 cpu "$T/db" >"$T/top"
	for function in leaf middle outer; do
		says "$1: $function" "kinds::$function .*kinds.rs:" "$T/top"
	done
	query 'SELECT path FROM module' >"$T/paths"
	ok "$1: it is a file on that file system" grep -qx "$T/all/kinds" "$T/paths"
}
# Of all, and of a user alone.
trap 'umount -l "$T/all" "$T/theirs" 2>/dev/null; cleanup' EXIT
mkdir all theirs
"$B/target/fuse" all "$kinds" >all.said 2>&1 &
own $!
"$B/target/fuse" theirs "$kinds" 65534 >theirs.said 2>&1 &
own $!
for said in all.said theirs.said; do
	await 60 grep -q . $said
	says "${said%.said}: a file system is mounted" '^mounted$' $said
done

# ---- what can be opened --------------------------------------------------------

launch all/kinds plain
pid=$launched
record 'attach' 0 attach -q -C -d 1 -o db $pid
whole 'attach'
named 'attach'
record 'attach -w' 0 attach -q -w -C -d 1 -o db $pid
whole 'attach -w'
named 'attach -w'
record 'attach -H' 0 attach -q -H -d 1 -o db $pid
says 'attach -H: who allocates' '^ .*kinds::keep' said
n=$(query 'SELECT sum(allocs) FROM heap')
ok "attach -H: allocations ($n)" [ "${n:-0}" -gt 5 ]
exits 'stack' 0 rsprof stack $pid
says 'stack: leaf' '^    kinds::leaf' out
says 'stack: outer' '^    kinds::outer' out
exits 'doctor' 0 rsprof-doctor -t $pid
ok 'doctor: what is about the process works' awk -F '\t' '
	$1 ~ /^(target-|unwind$|symbols$|allocator$)/ && $2 != "yes" { print; bad = 1 }
	END { exit bad }' out
kill $pid
# It prints nothing, ends by itself, and counts its allocations by the blocks it hands over.
record 'run' 0 run -q -H -S 0 -o db -- all/kinds handed
n=$(query "SELECT sum(allocs) FROM heap_samples WHERE function LIKE '%keep' AND bytes > 5000000 - 1")
ok "run: each block of the 20 ($n)" [ "${n:-0}" = 20 ]
record 'run -C' 137 run -q -C -o db -- sh -c 'ulimit -t 1; exec "$0" plain' all/kinds
whole 'run -C'
named 'run -C'

# ---- what cannot ---------------------------------------------------------------

reason='the file cannot be opened: permission denied, .*allow_other'
if [ "$(id -u)" = 0 ] && ! [ -e theirs/kinds ]; then
	launch nobody theirs/kinds plain
	pid=$launched
	record "another user's: attach" 0 attach -q -C -d 1 -o db $pid
	whole "another user's: attach"
	query 'SELECT text FROM note' >notes
	says "another user's: attach: why there are no names" "theirs/kinds: $reason" notes
	ok "another user's: attach: what it is otherwise nobody knows" \
		sh -c '! grep -E "theirs/kinds.*(look like|stripped)" said notes'
	record "another user's: attach -H" 5 attach -q -H -d 1 -o db $pid
	says "another user's: attach -H: why not" "nothing to probe: .*theirs/kinds is not probed: $reason" said
	exits "another user's: stack" 0 rsprof stack $pid
	ok "another user's: stack: down to main" \
		awk '/^ +kinds\+0x/ { n++ } /__libc_start_call_main|libc\.so/ && n >= 4 { ok = 1 } END { exit !ok }' out
	says "another user's: stack: why there are no names" "^note: .*theirs/kinds: $reason" out
	exits "another user's: doctor" 0 rsprof-doctor -t $pid
	cut -f 1,2,3- out | grep -E '^(symbols|allocator)' >about
	for what in symbols allocator; do
		says "another user's: doctor: $what" "^$what	no	.*$reason" about
	done
	ok "another user's: doctor: and no advice that would not help" \
		sh -c '! grep -E "strip|build it" about'
	kill $pid
else
	skip "root can read what another user has mounted"
fi

done_testing

#!/bin/sh
# rsprof-ps: busy programs in Rust are listed first, idle ones of others are not.
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
COLUMNS=200
cp "$(command -v sleep)" idle || exit 1
launch ./idle infinity
idle=$launched
launch sh -c 'while :; do :; done'
busy=$launched

listed() { awk -v pid="$1" '$1 == pid { found = 1 } END { exit !found }' out; }
exits 'a list' 0 rsprof-ps -n 0
# Beside much else it may not run for a fifth of a second.
lists_busy() { rsprof-ps -n 0 >out && listed $busy; }
ok 'what is busy is in it' await 60 lists_busy
says 'with its command' "^ *$busy +[0-9.]+ +[0-9.]+[BKMG] .*while :" out
ok 'what is idle is not' sh -c "! awk '\$1 == $idle { exit 1 }' out || exit 0; exit 1"
says 'but counted' '^[0-9]+ more' out
ok 'it is not in it itself' sh -c '! grep -q rsprof-ps out'
ok 'nor is what it descends from' sh -c "! awk '\$1 == $$ { found = 1 } END { exit !found }' out"
exits 'all' 0 rsprof-ps -a -n 0
ok 'what is idle is there' listed $idle
ok 'and what is busy' listed $busy
if [ -x "$B/target/split" ]; then
	launch "$B/target/split" >/dev/null
	rust=$launched
	exits 'with one in Rust' 0 rsprof-ps -n 0
	says 'it is marked' "^ *$rust +[0-9.]+ +[0-9.]+[BKMG] +Rust  $B/target/split *\$" out
	ok 'those in Rust come first' awk 'NR > 1 && /^ *[0-9]+ +[0-9.]+ +[0-9.]+[BKMG] / {
		rust = /[BKMG]  Rust  /
		if (rust && other) exit 1
		other = other || !rust }' out
	exits 'one' 0 rsprof-ps -n 1
	ok 'is one' [ "$(wc -l <out)" -le 3 ]
else
	skip 'no Rust compiler'
fi
if [ "$(id -u)" = 0 ] && nobody test -x "$B/rsprof-ps"; then
	launch nobody sh -c 'while :; do :; done'
	other=$launched
	nobody rsprof-ps -a -n 0 >out
	ok 'of another user: its own' listed $other
	ok 'and no others' sh -c "! awk '\$1 == $busy { found = 1 } END { exit !found }' out"
else
	skip 'of another user'
fi
ok 'a full disk' sh -c '! rsprof-ps >/dev/full'
exits 'a bad number' 2 rsprof-ps -n x
exits 'an argument' 2 rsprof-ps x

exits 'rsprof attach without a process' 2 rsprof attach
says 'lists them' '^ +PID +CPU% |^None is in Rust' err
says 'and says how to choose' '^Choose one: rsprof attach PID, or a part of its name' err
ok 'on standard error' [ ! -s out ]

done_testing

#!/bin/sh
# The view in a real terminal (tmux) while a process is profiled: every key that the
# help of any view has, the mouse, other sizes, and the end.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
command -v tmux >/dev/null || skip_all 'tmux is not here'
rsprof-cpu -d 0.1 -p $$ >probe 2>err || skip_all "$(cat err)"
. "$ROOT/tests/tools/terminal.sh"

cp "$B/target/journal" journal
launch ./journal >/dev/null
target=$launched

open_terminal 100 30
run "rsprof attach -o live.db $target"
see 'the view of a process that runs' '^  LIVE   journal '"$target" 30
see 'its functions' ' journal::' 30
see 'what it holds' '^ CPU .* heap .* RSS' 30

# ---- keys

# labels VIEW: the keys that its help has, a line each; but for those that end it.
labels() {
	LINES=120 rsprof-tui -b -k "$1?" live.db |
	    sed '1,3d; /^ Words/,$d; /^ [A-Z][a-z]*$/d; s/^ \(.\{13\}\).*/\1/' |
	    tr -s ' ' '\n' | grep -vx -e '' -e q -e '\^[cz]'
}
# type_key LABEL: as the help names it.
type_key() {
	case $1 in
	PgDn) keys NPage ;;
	PgUp) keys PPage ;;
	Backspace) keys BSpace ;;
	Esc) keys Escape ;;
	Up | Down | Left | Right | Home | End | Enter | Space) keys "$1" ;;
	^?) keys "C-${1#^}" ;;
	*) keys -l "$1" ;;
	esac
}
# leave LABEL: what it has opened.
leave() {
	case $1 in
	/ | F | '?' | i | I) keys Escape ;;
	p) keys p ;;
	esac
}
# on_screen: the process, and nothing that is wrong.
on_screen() {
	cap && head -n 1 cap | grep -Eq "^  (LIVE|STALLED|PAUSED)   journal $target" &&
		! grep -q -e 'no such key' -e 'out of memory' cap
}
# press_all VIEW KEY...: those keys show it.
press_all() {
	labels "$1" >labels
	: >missing
	while read -r key; do
		shift
		keys "$@"
		set -- "$view" "$@"
		type_key "$key"
		await 5 on_screen || echo "$key: $(grep -m 1 . cap)" >>missing
		leave "$key"
	done <labels
	ok "$1: the help has keys ($(wc -l <labels))" [ "$(wc -l <labels)" -ge 12 ]
	same "$1: each is taken, and the process still seen" missing /dev/null
}
# A function is selected in the tree, however the tables are grouped.
while read -r view shown; do
	# shellcheck disable=SC2086
	press_all "$view" $shown
done <<'E'
1 1
2 2
3 3
t 1 t
c t c
f f
o t o
d d
i 1 i
E
ok 'the process runs on' kill -0 $target
ok 'what was exported is there' [ -s rsprof.CPU.1.csv ]

# ---- while it goes on

keys 1 V = F Escape
clock() { cap && sed -n '1s/.* //p' cap; }
was=$(clock)
later() { [ "$(clock)" != "$was" ]; }
ok 'time goes on' await 60 later
keys p
see 'a pause' '^  PAUSED   journal'
was=$(clock)
sleep 1.5
ok 'stops it' [ "$(clock)" = "$was" ]
keys p
ok 'and it goes on, with what came meanwhile' await 60 later
keys M
see 'from now on' 'new range from now on'
keys '='
keys 2 M
see 'what memory has grown' 'Live.* Growth '
keys '='

# ---- mouse, sizes

keys 1 Home
press 8 10
release 8 10
see 'a click selects a row' ' 2/[0-9]+$'
wheel_down 8 10
see 'the wheel goes on' ' 5/[0-9]+$'
wheel_up 8 10
see 'and back' ' 2/[0-9]+$'
press 6 3
release 6 3
see 'a click on a title sorts' '^ Total%▼'
keys v
see 'the chart is hidden and shown' '^ +0% └'
press 24 30
release 24 60
see 'dragging on the chart marks a range' '  00:[0-9:.]*-00:[0-9:.]*  '
keys '='
tm resize-window -x 60 -y 15
see 'a small screen' ' f flame  s sort *$'
keys f
see 'with a flame graph' '[0-9.]+ total +[0-9.]+ self'
tm resize-window -x 160 -y 50
see 'a large one' '^ CPU .{140}'
keys 1

# ---- the end

keys q
ends 'q leaves' 0
restored 'after q'
ok 'the process runs on' kill -0 $target
rsprof-query live.db 'SELECT DISTINCT how FROM stream' >how
says 'the recording is whole' '^stopped$' how
screen=$(rsprof-tui -b live.db)
ok 'and can be looked at again' sh -c 'echo "$1" | grep -q "^  ENDED   journal"' - "$screen"
done_testing

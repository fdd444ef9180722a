# Shared by tests that look at the screen of a program in a real terminal (tmux): a
# shell in $T, what is typed into it, and what comes to stand on the screen.
# shellcheck shell=sh disable=SC2059,SC2119,SC2120,SC2154

unset TMUX
TMUX_TMPDIR=$T
SHELL=/bin/sh
ENV=
PS1='$ '
export TMUX_TMPDIR SHELL ENV PS1
tm() { tmux -u -L rsprof -f /dev/null "$@" 6>&- 7>&- 8>&- 9>&-; }
cap() { tm capture-pane -p "$@" >cap; }
seen() { cap && grep -Eq -- "$1" cap; }
# stays SEEN NOT: for a second.
stays() { ! await 2 seen "$2" && seen "$1"; }
see() { if await "${3:-10}" seen "$2"; then pass "$1"; else fail "$1"; diag <cap; fi; }
keys() { tm send-keys "$@"; }
# run COMMAND: by the shell in the pane.  ends DESCRIPTION STATUS: how it did.
runs=0
run() {
	runs=$((runs + 1))
	keys "clear; $1; echo $runs status=\$?" Enter
}
ends() { see "$1" "^$runs status=$2\$"; }
# like DESCRIPTION FILE: the terminal comes to show the same as text.
is_like() { cap && sed 's/ *$//' cap >cap.text && cmp -s cap.text "$1"; }
like() {
	if await 60 is_like "$2"; then pass "$1"
	else fail "$1"; diff -u "$2" cap.text | diag; fi
}
# restored DESCRIPTION: the shell has its terminal back as it was.
settings='settings() { stty -a | tr ";" "\n" | grep -v -e rows -e columns; }'
restored() {
	run 'settings >stty.got'
	ends "$1: the shell" 0
	ok "$1: settings" cmp stty.want stty.got
	ok "$1: cursor and screen" test \
		"$(tm display-message -p '#{cursor_flag} #{alternate_on}')" = '1 0'
}

# By the protocol of xterm: a button, a column and a row, in one piece, from 33 each.
mouse() { # BUTTON ROW COLUMN
	printf "\\033[M$(printf '\\%03o\\%03o\\%03o' $(($1 + 32)) $(($3 + 32)) $(($2 + 32)))" |
		tm load-buffer -
	tm paste-buffer -r
}
# ROW COLUMN, from 1.
press() { mouse 0 "$@"; }
release() { mouse 3 "$@"; }
wheel_up() { mouse 64 "$@"; }
wheel_down() { mouse 65 "$@"; }

# open_terminal COLUMNS ROWS: with the shell in it, whose settings are kept.
open_terminal() {
	ok 'a terminal' tm new-session -d -x "$1" -y "$2" 'sh -i'
	own "$(tm display-message -p '#{pid}')"
	see 'a shell' '^[$#]'
	run "$settings"
	run 'settings >stty.want'
	ends 'its settings' 0
}

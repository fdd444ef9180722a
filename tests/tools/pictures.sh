#!/bin/sh
# pictures.sh DIR: a program is profiled, and screens of the view of that in a terminal
# (tmux) become pictures, DIR/NAME.svg, for the README.
set -eu
dir=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
PATH=$B:$PATH
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rsprof-pictures.XXXXXX")
tm() { tmux -S "$tmp/socket" "$@"; }
trap 'tm kill-server 2>/dev/null || :; rm -rf "$tmp"' EXIT
cd "$tmp"
cp "$B/target/journal" journal

rsprof run -q -o rsprof.journal.db -- ./journal 20 >run.log 2>&1 ||
	{ cat run.log >&2; exit 1; }
COLORTERM=truecolor LC_ALL=C.UTF-8 TERM=xterm-256color \
	tm -f /dev/null new-session -d -x 104 -y 28 \
	"PS1= LC_ALL=C.UTF-8 TERM=tmux-256color rsprof view rsprof.journal.db" \; \
	set -g status off

# Each after the keys of those before it.
while read -r name wait keys; do
	# shellcheck disable=SC2086
	[ -z "$keys" ] || tm send-keys $keys
	i=0
	until tm capture-pane -p | grep -q "$wait"; do
		i=$((i + 1))
		[ $i -lt 100 ] || { tm capture-pane -p >&2; exit 1; }
		sleep 0.1
	done
	sleep 0.3
	tm capture-pane -N -e -p >screen
	"$here/picture.pl" "rsprof: $name" <screen >"$dir/$name.svg"
	echo "$dir/$name.svg"
done <<'E'
time functions.3 x Enter j Enter j j Enter k
memory memory.*: 2
tree calls.of 1 t
flame flame.graph f
both CPU.and.memory 3
E

#!/bin/sh
# rsprof-suggest knows what may come next from the usage of a program; bash, zsh and fish ask it.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

cd "$T" || exit 1
# suggests DESCRIPTION WORD...: the candidates are those of the standard input.
suggests() {
	name=$1
	shift
	rsprof-suggest "$@" | cut -f 1 >"$T/got"
	same "$name" "$T/got"
}

rsprof -h | sed -n 's/^rsprof \([a-z]*\) .*/\1/p' | sort -u >"$T/commands"
rsprof-suggest rsprof '' >"$T/got"
same 'all commands of rsprof' "$T/got" "$T/commands"
ok 'which are many' [ "$(wc -l <"$T/got")" -ge 10 ]
rsprof-suggest rsprof help '' >"$T/got"
same 'and after help' "$T/got" "$T/commands"
suggests 'those that begin so' rsprof d <<'E'
diff
doctor
dump
E
suggests 'values of an option, from the usage' rsprof top -g '' <<'E'
callers
crate
function
generic
line
module
source
thread
tree
E
suggests 'words that a command wants first' rsprof-top '' <<'E'
cpu
heap
off
wall
E
suggests 'after options and their values, too' rsprof-top -n 3 -r h <<'E'
heap
E
suggests 'formats of another program' rsprof export -f s <<'E'
speedscope
E
suggests 'nothing for what nobody knows' rsprof top -n '' </dev/null
suggests 'nothing after a command that there is not' rsprof nosuch '' </dev/null

# Each option of each program is in its usage, and nothing else is suggested.
for program in "$B"/rsprof-* "$B/cargo-rsprof"; do
	program=${program##*/}
	case $program in *.so) continue ;; esac
	"$program" -h | sed 's/^usage: //' | tr ' ' '\n' |
		sed -n 's/^\[*-\([A-Za-z]*\)]*$/\1/p' | fold -w 1 | sort -u >"$T/want"
	rsprof-suggest "$program" - | cut -f 1 | tr -d - | LC_ALL=C sort -u >"$T/got"
	LC_ALL=C sort -u -o "$T/want" "$T/want"
	same "the options of $program" "$T/got" "$T/want"
done

mkfifo "$T/never"
launch sh -c 'read -r line <"$1"' sh "$T/never"
rsprof-suggest rsprof attach "$launched" >"$T/got"
says 'a process by its number' "^$launched	sh" "$T/got"
rsprof-suggest rsprof attach s >"$T/got"
says 'or by its name' "^sh	process" "$T/got"
rsprof-suggest rsprof-cpu -p '' | cut -f 1 | grep -v '^[0-9]*$' >"$T/got"
same 'only a number where a name is none' "$T/got" /dev/null
suggests 'files, where there are no recordings' rsprof view '' <<'E'

E
: >rsprof.a.db
: >'rsprof.a b.db'
suggests 'else the recordings' rsprof view '' <<'E'
rsprof.a b.db
rsprof.a.db
E
suggests 'a program is the shell'\''s to know' rsprof run -q '' <<'E'

E
rsprof-suggest rsprof run -q '' >"$T/got"
says 'that is said' '^	commands$' "$T/got"

# ---- in shells ---------------------------------------------------------------

make -s -C "$ROOT" install-completions "prefix=$T/usr" || exit 1
launch "$(command -v sleep)" infinity
cp "$(command -v sleep)" "$T/odd-name"
launch "$T/odd-name" infinity

tui=$(command -v tmux)
# shows PATTERN: a line of the terminal.
shows() { tmux -S "$T/tmux" capture-pane -p -J | grep -Eq -e "$1"; }
if [ -n "$tui" ] && command -v bash >/dev/null; then
	bash -c '. "$1"; complete -p rsprof rsprof-top cargo-rsprof' bash \
		"$T/usr/share/bash-completion/completions/rsprof" >"$T/got"
	ok 'bash has it for each program' [ "$(grep -c _rsprof "$T/got")" = 3 ]
	ok 'bash reads it' bash -n "$T/usr/share/bash-completion/completions/rsprof"
	tmux -S "$T/tmux" -f /dev/null new-session -d -x 100 -y 30 env PS1='> ' bash --norc --noprofile
	own "$(tmux -S "$T/tmux" display-message -p '#{pid}')"
	tmux -S "$T/tmux" send-keys ". '$T/usr/share/bash-completion/completions/rsprof'" Enter
	# types DESCRIPTION TEXT PATTERN: with tabs in TEXT.
	types() {
		tmux -S "$T/tmux" send-keys C-u
		tmux -S "$T/tmux" send-keys -l "$2"
		tmux -S "$T/tmux" send-keys Tab
		ok "$1" await 60 shows "$3"
	}
	types 'bash: a command' 'rsprof diff; rsprof doc' '^> rsprof diff; rsprof doctor'
	types 'bash: a grouping' 'rsprof top -g cra' 'top -g crate'
	types 'bash: a process' 'rsprof attach odd-' 'attach odd-name'
	types 'bash: a recording with a space' "rsprof view 'rsprof.a " "view 'rsprof.a b.db'"
	types 'bash: of another program' 'rsprof-fold -m sa' 'fold -m samples'
	tmux -S "$T/tmux" kill-server
else
	skip 'no bash, or no tmux'
fi
if command -v zsh >/dev/null; then
	ok 'zsh reads it' zsh -n "$T/usr/share/zsh/site-functions/_rsprof"
	if [ -n "$tui" ]; then
		tmux -S "$T/tmux" -f /dev/null new-session -d -x 100 -y 30 env PS1='> ' zsh -f
		own "$(tmux -S "$T/tmux" display-message -p '#{pid}')"
		tmux -S "$T/tmux" send-keys "fpath=('$T/usr/share/zsh/site-functions' \$fpath); autoload -Uz compinit; compinit -u -d $T/dump; echo re'ady'" Enter
		await 60 shows '^ready'
		types 'zsh: a grouping' 'rsprof top -g cra' 'top -g crate'
		types 'zsh: a process' 'rsprof attach odd-' 'attach odd-name'
		types 'zsh: of another program' 'rsprof-fold -m sa' 'fold -m samples'
		tmux -S "$T/tmux" kill-server
	fi
else
	skip 'no zsh'
fi
if command -v fish >/dev/null; then
	# completes DESCRIPTION LINE CANDIDATE
	completes() {
		fish --no-config -c 'source $argv[1]; complete -C $argv[2]' \
			"$T/usr/share/fish/vendor_completions.d/rsprof.fish" "$2" | cut -f 1 >"$T/got"
		says "$1" "^$3\$" "$T/got"
	}
	ok 'fish reads it' fish -n "$T/usr/share/fish/vendor_completions.d/rsprof.fish"
	completes 'fish: a command' 'rsprof doc' doctor
	completes 'fish: a grouping' 'rsprof top -g cra' crate
	completes 'fish: a process' 'rsprof attach odd-' odd-name
	completes 'fish: a recording' 'rsprof view rsprof.a.' rsprof.a.db
else
	skip 'no fish'
fi
for program in "$B"/rsprof-* "$B/rsprof" "$B/cargo-rsprof"; do
	program=${program##*/}
	case $program in *.so) continue ;; esac
	[ -e "$T/usr/share/bash-completion/completions/$program" ] &&
		[ -e "$T/usr/share/fish/vendor_completions.d/$program.fish" ] || echo "$program"
done >"$T/absent"
same 'each program has a file that shells find' "$T/absent" /dev/null
done_testing

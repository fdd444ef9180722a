#!/bin/sh
# rsprof-exec holds a command, stopped, and becomes it when it is continued.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

state() { sed 's/.*) //; s/ .*//' "/proc/$1/stat"; }
is_stopped() { [ "$(state "$1")" = T ]; }

# held CMD...: start it held, in $pid.
held() {
	rsprof-exec "$@" >"$T/out" 2>"$T/err" &
	pid=$!
	own $pid
	await 60 is_stopped $pid
}

# released: continue it and wait; its status is in $got.
released() {
	kill -s CONT $pid
	wait $pid 2>/dev/null
	got=$?
}

held sh -c 'echo $$; exit 7'
ok 'a command is held' is_stopped $pid
ok 'and has not begun' [ ! -s "$T/out" ]
released
ok 'its exit status is the command'\''s' [ $got = 7 ]
ok 'it is the command, not its parent' [ "$(cat "$T/out")" = $pid ]

# A shell starts its background commands with SIGINT and SIGQUIT ignored.
(trap '' INT QUIT PIPE; exec rsprof-exec grep SigIgn /proc/self/status) >"$T/out" &
pid=$!
own $pid
await 60 is_stopped $pid
released
ok 'SIGINT, SIGQUIT, SIGPIPE are not ignored any more' \
	[ $((0x$(cut -f 2 "$T/out") & (1 << 1 | 1 << 2 | 1 << 12))) = 0 ]

held sh -c 'kill -s TERM $$'
released
ok 'it dies of the command'\''s signal' [ $got = 143 ]

held sleep infinity
kill -s TERM $pid
released
ok 'a signal that came while it was held is not lost' [ $got = 143 ]

launch sh -c 'rsprof-exec sleep infinity & echo $! >"$0/pid"; exec sleep infinity' "$T"
parent=$launched
await 60 [ -s "$T/pid" ]
pid=$(cat "$T/pid")
await 60 is_stopped "$pid"
kill -s KILL $parent
ok 'it does not stay behind when its parent is killed' \
	await 60 [ ! -d "/proc/$pid" ]

printf 'echo script\n' >"$T/script"
chmod +x "$T/script"
mkdir "$T/dir"
exits 'no such command: 127' 127 rsprof-exec nosuchcommand
same 'it is named' "$T/err" <<'END'
rsprof-exec: nosuchcommand: not found
END
exits 'no such file: 127' 127 rsprof-exec "$T/nosuch"
exits 'a directory: 126' 126 rsprof-exec "$T/dir"
chmod -x "$T/script"
exits 'not executable: 126' 126 rsprof-exec "$T/script"
says 'it is said why' 'script: Permission denied'
(unset PATH; exec "$B/rsprof-exec" true) &
pid=$!
own $pid
await 60 is_stopped $pid
released
ok 'a command is found without PATH, as execvp(3) does' [ $got = 0 ]

# Traced by who is not root it would not get the rights of its file.
if [ "$(id -u)" = 0 ]; then
	cp /bin/true "$T/gains"
	cp "$T/gains" "$T/plain"
	chmod 4755 "$T/gains"
	for command in gains plain; do
		setpriv --reuid 65534 --regid 65534 --clear-groups "$B/rsprof-exec" "$T/$command" &
		pid=$!
		own $pid
		await 60 is_stopped $pid
		stat -c '%u' "/proc/$pid/status" >"$T/$command.owner"
		released
		ok "$command runs" [ $got = 0 ]
	done
	ok 'a program that gains rights must not be traced' [ "$(cat "$T/gains.owner")" = 0 ]
	ok 'any other may' [ "$(cat "$T/plain.owner")" = 65534 ]
else
	skip 'not root: no set-user-ID file'
fi

printf '#!/no/such/interpreter\n' >"$T/script"
chmod +x "$T/script"
held "$T/script"
released
ok 'its interpreter is missing: 127' [ $got = 127 ]
exits 'no command: 2' 2 rsprof-exec
done_testing

#!/bin/sh
# A test ends the processes that it has started, and no others: not those that have got
# the number of one that has ended.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/tools/lib.sh"

mkdir "$T/tests"
ln -s "$ROOT/tests/tools" "$T/tests/tools"

# A test that owns two processes, of which one has ended long ago.
cat >"$T/tests/owns.t" <<'END'
. "$(dirname "$0")/tools/lib.sh"
echo $$ >"$1/test"
sleep 1000 &
own $!
echo $! >"$1/lives"
sleep 0.1 &
own $!
wait $!
echo $! >"$1/ended"
await 60 test -e "$1/reused"
END

# The first process of a name space, where a number can be given again.
cat >"$T/first" <<'END'
sh "$1/tests/owns.t" "$1" &
test=$!
until [ -s "$1/ended" ]; do sleep 0.01; done
read -r number <"$1/ended"
i=0 last=
while [ "$last" != "$number" ] && [ $i -lt 1000 ]; do
	i=$((i + 1))
	echo $((number - 1)) >/proc/sys/kernel/ns_last_pid || break
	sleep 1000 &
	last=$!
done
>"$1/reused"
wait $test
read -r lives <"$1/lives"
[ "$last" = "$number" ] || echo 'not given again'
kill -0 $number && echo 'the other one lives'
kill -0 $lives || echo 'its own has ended'
END
unshare -pf --mount-proc sh "$T/first" "$T" >"$T/out" 2>"$T/err"
if [ ! -s "$T/out" ] || grep -q 'not given' "$T/out"; then
	skip "no number can be given again here: $(head -n 1 "$T/err")"
else
	same 'a test ends its own processes and no others' "$T/out" <<-END
		the other one lives
		its own has ended
	END
fi
done_testing

#!/bin/sh
# Frame by frame, stacks are those that gdb and libdw find at the same
# standstill: tests/target/points.rs stops at each of its points, and all look.
. "$(dirname "$0")/../tools/lib.sh"

for needed in "$B/target/points" "$B/target/points-stripped" "$B/oracle/dwfl" \
    "$B/oracle/uretprobe"; do
	[ -x "$needed" ] || skip_all "there is no $needed"
done
[ "$(gdb -nx -q -batch -ex 'python print(1)' 2>/dev/null)" = 1 ] ||
    skip_all "there is no gdb with python"
cd "$T" || exit 1
SYMBOLS=$B/target
export SYMBOLS

# POINT | CALLS | END | GDB | LIBDW | BEYOND
# CALLS: functions of the program, innermost first, "rust" for those of std and
# with mangled names, and other modules; + and * as in regular expressions, *N
# for N times.  END: what a stack record has for the last frame's caller; two
# of them: the walk may also end, or end sooner, for the second reason.  GDB and
# LIBDW find all of it, or more, or less, or anything: the reasons stand above.
# BEYOND: calls farther out, which only rows made from the code lead to.
cat >expected <<'EOT'
plain | spin at_plain @main | - | all | all
deep | spin descend*4000 at_deep @main | - | all | all
recursive | spin even @fifty at_recursive @main | - | all | all
huge | spin pile*3 at_huge @main | - | all | all
asynchronous | spin pile rust+ at_asynchronous @main | - | all | all

signal | spin on_signal libc+ at_signal @main | - | all | all
signal-in-signal | spin on_signal libc+ on_first_signal libc+ at_signal_in_signal @main | - | all | all
signal-stack | spin on_signal libc+ at_signal_stack @main | - | all | all
first-instruction | spin on_fault libc faulty rust* aligned at_first_instruction @main | - | all | all
vdso | spin on_fault libc vdso+ libc* at_vdso @main | - | all | all
plt | spin on_fault libc points-plt.so plt_call rust* aligned at_plt @main | - | all | all
plt-0 | spin on_fault libc points-plt.so plt_call_0 rust* aligned at_plt_0 @main | - | all | all
# Rust of before 1.69 touches the pages in a function of its own.
overflow | spin on_fault libc rust* overflows overflow_start libc+ | - | all | all
# At address 0 there is no code to say what comes next; gdb takes it that it
# has been called.
call-of-null | spin on_fault libc | ?no-module | more | all

sort | spin order libc+ at_sort @main | - | all | all
constructor | spin call_back constructor loader+ rust* at_constructor @main | - | all | all
foreign-realigned | spin call_back realigned rust* aligned at_foreign_realigned* @main | - | all | all
foreign-jumped | spin call_back jumped rust* aligned at_foreign_jumped* @main | - | all | all
# A context begins with a return address that no call has pushed: the byte
# before it is in no function.  gdb and libdw go on with what rbp happens to be.
foreign-context | spin call_back context_body libc | - ?no-unwind-info | more | more

# Who keeps frame pointers leaves them to its callee, and gets its caller's
# back.  gdb takes rbp for the caller's in a function of which it has neither
# unwind information nor a symbol.
frame-pointers | spin call_back noeh_inner noeh_outer rust* aligned at_frame_pointers* @main | - | any | all
frame-pointers-partly | spin call_back noeh_inner noeh_outer rust* aligned at_frame_pointers_partly* @main | - ?no-unwind-info | any | all
frame-pointers-leaf | noeh_spin noeh_spin_outer rust* aligned rust* at_frame_pointers_leaf @main | - ?no-unwind-info | all | all
# rbp is the caller's here: libdw finds the caller's caller.
frame-pointers-bare-leaf | noeh_spin_bare noeh_spin_bare_outer rust* aligned rust* at_frame_pointers_bare_leaf @main | - ?no-unwind-info | all | any
# No table says what comes next.
no-frame-pointers | spin call_back noeh_inner | - | more | more | noeh_outer with_rbp rust* at_no_frame_pointers* @main
no-frame-pointers-rbp-0 | spin call_back noeh_inner | - | more | more | noeh_outer with_rbp rust* at_no_frame_pointers_rbp_0* @main
no-frame-pointers-rbp-of-caller | spin call_back noeh_inner | - | more | more | noeh_outer rust* aligned at_no_frame_pointers_rbp_of_caller* @main
no-frame-pointers-decoy | spin call_back noeh_inner | - | more | more | noeh_outer with_rbp rust* at_no_frame_pointers_decoy* @main
no-unwind-information | spin call_back nocfi | - | more | more | with_rbp rust* at_no_unwind_information* @main

# Nobody knows how code that was compiled just now treats rbp.
compiled-call | spin call_back anon | ?no-unwind-info | more | more
compiled-call-rbp-0 | spin call_back anon | ?no-unwind-info | more | more
compiled-call-framed | spin call_back anon | ?no-unwind-info | more | more
compiled-leaf | anon | ?no-unwind-info | more | more

thread | spin in_thread @thread | - | all | all
thread-local-drop | spin dropped @thread | - | all | all
bare-thread | spin start libc+ | - | all | all

unwinding | spin dropped rust* unwinds rust* at_unwinding @main | - | all | all
panic-hook | spin dropped rust+ panics rust* aligned rust* at_panic_hook @main | - | all | all
no-return | spin never calls_never rust* aligned rust* at_no_return @main | - | all | all

realigned | spin rust* aligned at_realigned* @main | - | all | all
saved-stack-pointer | spin call_back perlasm rust* aligned at_saved_stack_pointer* @main | - | all | all
# Its first frame says that it is the first.
own-stack | spin call_back coroutine_first | - | all | all
segment-below | spin call_back on_stack rust* aligned segment_start libc+ | - | all | all
# gdb will have callers above their callees.
segment-above | spin call_back on_stack rust* aligned segment_start libc+ | - | less | all
# gdb reads what the process itself cannot, and takes the 0 there for a caller.
lost-nowhere | spin_lost | ?bad-memory | all | all
lost-in-kernel | spin_lost | ?bad-memory | all | all
lost-in-guard | spin_lost | ?bad-memory | more | all
lost-odd | spin_lost | ?bad-memory | more | all
leave | spin on_exit libc+ at_leave @main | - | all | all
EOT

# verdict VERB [NAME]: points.pl's one, into the file told.
verdict() {
	perl "$ROOT/tests/tools/points.pl" "$1" "$point" "$tid" ${2:+"$2"} >told
}

tell() {
	while read -r line; do
		case $line in
		'ok '*) pass "$build: ${line#ok }" ;;
		'not ok '*) fail "$build: ${line#not ok }" ;;
		*) echo "$line" ;;
		esac
	done <told
	grep -q ok told || fail "$build: $point: there is no verdict"
}

# What the oracles see.
consult() {
	cat "/proc/$pid/maps" >"$point.maps"
	gdb -nx -q -batch -iex 'set auto-load off' \
	    -iex 'set debuginfod enabled off' \
	    -iex 'set debug-file-directory /nonexistent' \
	    -p "$pid" -x "$ROOT/tests/oracle/gdb.py" >"$point.gdb" 2>&1
	"$B/oracle/dwfl" "$pid" "$tid" >"$point.dwfl" 2>&1
	verdict truth
	tell
}

# sample NAME OPTION...: samples of the thread that stands there.
sample() {
	name=$1
	shift
	rsprof-cpu "$@" -F 999 -d 20 -p "$pid" 2>"$name.err" |
	    verdict view "$name"
	tell
}

look() {
	sample default
	[ -z "$copied" ] || sample copied -u
	[ -x "$B/rsprof-stack" ] || return
	rsprof-stack -p "$pid" >stack 2>stack.err
	verdict view stack <stack
	tell
	[ -n "$probed" ] || { verdict others stack <stack; tell; }
}

# start PROGRAM [POINT...]: it goes from point to point as it is told to.
start() {
	program=$1 n=1
	shift
	rm -f in
	mkfifo in
	"$B/target/$program" "$B/target" "$@" <in >arrived &
	pid=$!
	own $pid
	exec 9>in
}

has_arrived() { [ "$(wc -l <arrived)" -ge "$n" ] || [ ! -e "/proc/$pid/exe" ]; }

# Wait for it at the next point; 1: it has ended.
arrive() {
	await 60 has_arrived
	point=$(sed -n "${n}p" arrived)
	tid=${point#* } point=${point% *}
	[ -n "$point" ]
}

go_on() {
	n=$((n + 1))
	echo >&9
}

end() {
	exec 9>&-
	await 60 test ! -e "/proc/$pid/exe" || kill -9 $pid
	if wait $pid; then pass "$build: has ended well after $((n - 1)) points"
	else fail "$build: has ended well after $((n - 1)) points"; fi
}

copied='' probed=''
export probed
# How -u walks copied stacks, where there are both ways.
if rsprof-cpu -u -V >/dev/null 2>&1; then copied=1; fi
for build in points points-stripped; do
	start $build "$@"
	while arrive; do
		if [ $build = points ]; then consult; look
		else sample default; fi
		go_on
	done
	end
done
if [ $# = 0 ]; then
	cut -d' ' -f1 arrived | sort >seen
	sed -n 's/ .*//; /^[a-z]/p' expected | sort >known
	ok 'the points that are known have been seen' diff known seen
fi

# The same while the kernel's uprobes stand in for some return addresses.  It
# takes those for dead that lie below the stack pointer, so segment-above would
# be killed; and no panic can pass them.
build='pending uretprobes' probed=1
safe='huge recursive signal signal-stack vdso plt sort thread bare-thread
    foreign-realigned frame-pointers saved-stack-pointer segment-below'
wanted=" ${*:-$safe} "
set -- plain
for point in $safe; do
	case $wanted in *[[:space:]]"$point"[[:space:]]*) set -- "$@" "$point" ;; esac
done
start points "$@"
arrive
mkfifo probe
# shellcheck disable=SC2046
"$B/oracle/uretprobe" "$pid" "$B/target/points" \
    $(perl "$ROOT/tests/tools/points.pl" places run aligned pile even call_back on_signal start) \
    <probe >ready 2>&1 &
own $!
exec 8>probe
if await 60 grep -q . ready && grep -q ready ready; then
	go_on
	while arrive; do
		look
		go_on
	done
	end
else
	skip "$build: $(cat ready)"
fi
exec 8>&-
done_testing

#!/bin/sh
# rsprof-doctor: what it says is what happens, whoever asks; and what it says
# would help does.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/../tools/lib.sh"

split=$B/target/split
[ -x "$split" ] || skip_all "no Rust compiler: $split is missing"
mkdir "$T/bin"
cp "$B/rsprof-doctor" "$B/rsprof-cpu" "$B/target/noperf" "$B/target/counts" "$T/bin"
chmod -R a+rX "$T/bin"
PATH=$T/bin:$PATH
tab=$(printf '\t')

# is NAME yes|no [WHY [REMEDY]]: the last answer to it, and patterns of what it
# says.
is() {
	line=$(grep "^$1$tab" "$T/out")
	if printf '%s\n' "$line" | is="$2" why="${3:-}" remedy="${4:-}" awk -F'\t' '
	    { exit !($2 == ENVIRON["is"] && $3 ~ ENVIRON["why"] &&
	        $4 ~ ENVIRON["remedy"]) }'
	then pass "$1: $2${3:+, $3}${4:+, $4}"
	else fail "$1: $2${3:+, $3}${4:+, $4}"; printf '%s\n' "$line" | diag; fi
}

# say NAME: the last answer to it, yes or no; remedy NAME: what would help.
say() { awk -F"$tab" -v n="$1" '$1 == n { print $2 }' "$T/out"; }
remedy() { awk -F"$tab" -v n="$1" '$1 == n { print $4 }' "$T/out"; }

started() { grep -q "$2" "/proc/$1/comm"; }

launch "$T/bin/counts" >/dev/null; target=$launched

# ---- what is printed ---------------------------------------------------------

exits "without a process" 0 rsprof-doctor -t
cp "$T/out" "$T/system"
exits "with one" 0 rsprof-doctor -t $target
cp "$T/out" "$T/all"
ok "nothing goes to stderr" test ! -s "$T/err"
ok "there are four fields, none empty, and each name is there once" awk -F'\t' '
	NF != 4 || $1 == "" || $3 == "" || $4 == "" || ($2 != "yes" && $2 != "no") ||
	    n[$1]++ { print; exit 1 }' "$T/all"
cut -f 1 "$T/all" >"$T/names"
sed -n 's/^\.It Cm \([a-z-]*\)$/\1/p' "$ROOT/man/rsprof-doctor.1" >"$T/paged"
same "the page explains them all" "$T/names" "$T/paged"
cut -f 1 "$T/system" >"$T/some"
grep -v -e '^target-' -e '^symbols' -e '^allocator' "$T/names" >"$T/should"
same "without a process those of the system" "$T/some" "$T/should"
exits "as text" 0 rsprof-doctor $target
awk '{ print $1 == "ok" ? "yes" : $1 }' "$T/out" >"$T/said"
cut -f 2 "$T/all" >"$T/should"
same "as text: the same answers" "$T/said" "$T/should"
ok "as text: in columns" awk '
	{ at = match(substr($0, 5), /  /) + 5; while (substr($0, at, 1) == " ") at++ }
	NR > 1 && at != before { print; exit 1 }
	{ before = at }' "$T/out"
exits "a full disk" 1 sh -c 'rsprof-doctor >/dev/full'
one_line "a full disk: one line"

# ---- whoever asks ------------------------------------------------------------

# agrees WHO CMD...: the answers to the last question, which was for $pid, are
# what other programs, run in the same way, meet.
agrees() {
	who=$1; shift
	"$@" rsprof-cpu -p $pid -d 0.3 -F 199 >"$T/rec" 2>/dev/null
	code=$?
	if [ $code = 0 ]; then cpu=yes; else cpu=no; fi
	ok "$who: events: rsprof-cpu exits $code" test $cpu = "$(say target-perf)"
	if [ $cpu = yes ]; then
		scope=no; ! grep -q '	scope=all	' "$T/rec" || scope=yes
		ok "$who: the kernel's time is counted: $scope" \
			test $scope = "$(say perf-kernel)"
		bpf=no; ! grep -q '	stacks=bpf	' "$T/rec" || bpf=yes
		ok "$who: stacks are walked by BPF: $bpf" test $bpf = "$(say bpf-walk)"
	fi
	maps=no
	! "$@" cat /proc/$pid/maps >/dev/null 2>&1 || maps=yes
	ok "$who: mappings are readable: $maps" test $maps = "$(say target-maps)"
	memory=no
	! "$@" perl -e 'open my $f, "<", "/proc/$ARGV[0]/maps" or exit 1;
		my ($at) = <$f> =~ /^(\w+)/; open $f, "<", "/proc/$ARGV[0]/mem" or exit 1;
		seek $f, hex $at, 0; exit !read $f, my $b, 4' $pid || memory=yes
	ok "$who: memory is readable: $memory" test $memory = "$(say target-memory)"
	names=no
	! "$@" awk '$1 !~ /^0*$/ { found = 1; exit } END { exit !found }' \
		/proc/kallsyms || names=yes
	ok "$who: names of the kernel are readable: $names" \
		test $names = "$(say kernel-names)"
}

pid=$target
cp "$T/all" "$T/out"
agrees "we"

# given CAPS NAME: what nobody with these capabilities ("bpf perfmon") is
# answered.
given() {
	file="$T/given.$(echo "$1" | tr ' ' -)"
	if [ ! -e "$file" ]; then
		list=
		for c in $1; do list="$list${list:+,}+$c"; done
		setpriv --reuid 65534 --regid 65534 --clear-groups \
			${list:+--inh-caps "$list"} ${list:+--ambient-caps "$list"} -- \
			rsprof-doctor -t $target >"$file"
	fi
	awk -F"$tab" -v n="$2" '$1 == n { print $2 }' "$file"
}

# helps NAME: what nobody was told to be the least for an ability is enough,
# and any less is not.
helps() {
	need=$(remedy "$1" | grep -o 'CAP_[A-Z_]*' | sed 's/CAP_//' | tr 'A-Z\n' 'a-z ')
	need=${need% }
	ok "$1: $need is enough" test "$(given "$need" "$1")" = yes
	for less in $need; do
		rest=$(echo "$need" | tr ' ' '\n' | grep -vx "$less" | tr '\n' ' ')
		ok "$1: without $less it is not" test "$(given "${rest% }" "$1")" = no
	done
}

if [ "$(id -u)" = 0 ] && setpriv --bounding-set -perfmon,-bpf true 2>/dev/null &&
	[ "$(say bpf-load)" = yes ] && [ "$(say perf-kernel)" = yes ]; then
	paranoid=$(cat /proc/sys/kernel/perf_event_paranoid)
	launch nobody "$T/bin/counts" >/dev/null; mine=$launched

	pid=$mine
	if [ "$paranoid" -le 2 ]; then
		exits "nobody, and a process of theirs" 0 nobody rsprof-doctor -t $mine
		is target-perf yes
	else
		exits "nobody, and a process of theirs" 4 nobody rsprof-doctor -t $mine
		is target-perf no "perf_event_paranoid is $paranoid" 'to 2, or give'
	fi
	is target-maps yes
	is bpf-load no 'without CAP_BPF and CAP_PERFMON' 'give CAP_BPF and CAP_PERFMON, or run as root'
	if [ "$paranoid" = 2 ]; then
		is perf-kernel no 'perf_event_paranoid is 2' \
			'set sysctl kernel.perf_event_paranoid to 1, or give CAP_PERFMON, or run as root'
		exits "the text says it in one line" 0 nobody rsprof-doctor
		says "with what would help" \
			'^no  BPF programs  .*: give CAP_BPF and CAP_PERFMON, or run as root \(sudo\)$' "$T/out"
		nobody rsprof-doctor -t $mine >"$T/out"
	fi
	agrees "nobody, theirs" nobody

	pid=$target
	exits "nobody, and a process of root" 4 nobody rsprof-doctor -t $target
	[ "$paranoid" -gt 2 ] ||
		is target-perf no 'another user \(root, uid 0\)' 'run as that user, or give CAP_PERFMON'
	is target-memory no 'another user \(root, uid 0\)' 'run as that user, or give CAP_SYS_PTRACE'
	is symbols no 'another user' 'run as that user, or give CAP_'
	agrees "nobody, root's" nobody
	cp "$T/out" "$T/nobody"
	while IFS=$tab read -r ability is _; do
		if [ "$is" = yes ]; then
			pass "$ability: nobody has it"
		elif grep -q "^$ability${tab}no" "$T/all"; then
			skip "$ability: not even root has it"
		elif [ "$paranoid" -gt 2 ]; then
			skip "$ability: perf_event_paranoid is $paranoid"
		else
			helps "$ability"
		fi
	done <"$T/nobody"

	pid=$target
	for drop in perfmon bpf sys_ptrace; do
		root_without() { setpriv --bounding-set -sys_admin,-$drop -- "$@"; }
		exits "root without $drop" 0 root_without rsprof-doctor -t $target
		case $drop in
		perfmon)
			is bpf-load no 'without CAP_PERFMON$' '^give CAP_PERFMON$'
			is perf-user yes ;;
		bpf)
			is bpf-load no 'without CAP_BPF$' '^give CAP_BPF$'
			is perf-kernel yes ;;
		sys_ptrace)
			is bpf-load yes
			root_without rsprof-doctor -t $mine >"$T/out"
			is target-perf yes
			is target-memory no 'another user \(nobody, uid 65534\)' \
				'run as that user, or give CAP_SYS_PTRACE$'
			pid=$mine ;;
		esac
		agrees "root without $drop" root_without
		pid=$target
	done

	# A process that is not dumpable: its owner may not look at it.
	launch nobody perl -e 'syscall(157, 4, 0); $0 = "hidden"; sleep'; pid=$launched
	await 60 started $pid hidden
	exits "a process that is not dumpable" 4 nobody rsprof-doctor -t $pid
	is target-memory no 'it is not dumpable' CAP_SYS_PTRACE
	agrees "not dumpable" nobody
	launch setpriv --reuid 65534 --regid 65533 --clear-groups --pdeathsig KILL \
		perl -e '$0 = "group"; sleep'; pid=$launched
	await 60 started $pid group
	exits "a process with another group" 4 nobody rsprof-doctor -t $pid
	is target-memory no 'another group \(gid 65533\)' '^give CAP_SYS_PTRACE'
	agrees "another group" nobody

	if nobody unshare -Ur true 2>/dev/null; then
		nobody unshare -Ur rsprof-doctor -t >"$T/out"
		is bpf-load no 'user namespace' 'outside of this user namespace'
		is perf-user "$(nobody rsprof-doctor -t | sed -n 's/^perf-user	\([a-z]*\).*/\1/p')"
	else
		skip "no user namespaces for nobody"
	fi
else
	skip "other users and capabilities: takes root, setpriv and BPF"
fi

# ---- filters -----------------------------------------------------------------

# What the capabilities would allow, a filter may forbid, and the other way.
pid=$target
exits "no perf_event_open" 4 noperf rsprof-doctor -t $target
is perf-user no 'a seccomp filter forbids perf_event_open'
is target-perf no 'a seccomp filter forbids perf_event_open'
agrees "no perf_event_open" noperf
exits "hidden perf_event_open" 4 noperf -n rsprof-doctor -t $target
is perf-user no 'hidden by a seccomp filter, or the kernel'
agrees "hidden perf_event_open" noperf -n
exits "no bpf" 0 noperf -b rsprof-doctor -t $target
is bpf-load no 'a seccomp filter forbids bpf\(2\)'
is perf-user yes
agrees "no bpf" noperf -b
exits "hidden bpf" 0 noperf -bn rsprof-doctor -t $target
is bpf-loop no 'hidden by a seccomp filter, or the kernel'
agrees "hidden bpf" noperf -bn
if [ "$(id -u)" = 0 ]; then
	nobody noperf -b rsprof-doctor -t >"$T/out"
	is bpf-load no 'seccomp filter' 'allow bpf\(2\); then give CAP_BPF and CAP_PERFMON'
fi

# ---- what there is in a process ----------------------------------------------

# asked [NAME]: ask of what was launched last, once it has this name; then end it.
asked() {
	pid=$launched
	await 60 started $pid "${1:-$name}"
	exits "of ${1:-$name}" 0 rsprof-doctor -t $pid
	{ kill $pid; wait $pid; } 2>/dev/null
}

# of COMMAND...: the same of a program.
of() {
	name=$(basename "$1" | cut -c 1-15)
	launch "$@" >/dev/null
	asked
}

of "$split"
is target-unwind yes '[0-9.]+ % of split'
is symbols yes 'functions [0-9]+ %, lines [0-9]+ %, inlined calls [0-9]+ % of split \(.debug_info\)'
is allocator yes '__rust_alloc and the like in split are plain jumps'
strip -g -o "$T/bin/nolines" "$split"
of "$T/bin/nolines"
is symbols yes 'functions [0-9]+ % of nolines \(.symtab\), no lines'
strip -o "$T/bin/nonames" "$split"
of "$T/bin/nonames"
is target-unwind yes
is symbols no 'nonames is stripped' 'strip = "none"'
is allocator yes 'nonames is stripped, but __rust_alloc and the like are recognised'
objcopy --only-keep-debug "$split" "$T/bin/apart.debug"
strip -o "$T/bin/apart" "$split"
(cd "$T/bin" && objcopy --add-gnu-debuglink=apart.debug apart)
of "$T/bin/apart"
is symbols yes "lines [0-9]+ %, .* of apart \($T/bin/apart.debug\)"
is allocator yes "symbols are those of $T/bin/apart.debug; __rust_alloc .* are plain jumps"
objcopy --only-keep-debug "$B/target/counts" "$T/bin/apart.debug"
of "$T/bin/apart"
is symbols no 'apart is stripped'
# Without a build-id the checksum has to be right.
objcopy -R .note.gnu.build-id "$split" "$T/bin/noid.whole"
objcopy --only-keep-debug "$T/bin/noid.whole" "$T/bin/noid.debug" 2>/dev/null
strip -o "$T/bin/noid" "$T/bin/noid.whole"
(cd "$T/bin" && objcopy --add-gnu-debuglink=noid.debug noid)
of "$T/bin/noid"
is symbols yes "lines [0-9]+ %, .* of noid \($T/bin/noid.debug\)"
printf x >>"$T/bin/noid.debug"
of "$T/bin/noid"
is symbols no 'noid is stripped'
# By the build-id, where only the process sees it.
if [ -d /usr/lib/debug ] && unshare -m true 2>/dev/null; then
	id=$(readelf -n "$split" | awk '/Build ID/ { print $3 }')
	rest=${id#??}
	kept=/usr/lib/debug/.build-id/${id%"$rest"}
	strip -o "$T/bin/packaged" "$split"
	# shellcheck disable=SC2016
	launch unshare -m sh -c 'mount -t tmpfs none /usr/lib/debug && mkdir -p "$1" &&
	    objcopy --only-keep-debug "$2" "$1/$3.debug" && exec "$4"' \
	    - "$kept" "$split" "$rest" "$T/bin/packaged" >/dev/null
	asked packaged
	is symbols yes "of packaged \($kept/$rest.debug\)"
else
	skip 'by the build-id'
fi
cp "$split" "$T/bin/removed"
launch "$T/bin/removed" >/dev/null
rm "$T/bin/removed"
asked removed
is target-unwind yes
is symbols yes 'of removed \(.debug_info\)'

of "$B/target/counts"
is allocator yes '(counts calls malloc .*bypassed|the like in counts are plain jumps)'
strip -o "$T/bin/bare" "$B/target/counts"
of "$T/bin/bare"
is allocator yes 'bare calls malloc and the like of libc'

cp "$(command -v sleep)" "$T/bin/sleeps"
of "$T/bin/sleeps" infinity
is target-unwind yes 'of sleeps'
is allocator yes 'sleeps calls malloc and the like of libc'
cat >"$T/je.c" <<'END'
#include <stddef.h>
void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);
void *malloc(size_t n) { return __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
void free(void *p) { __libc_free(p); }
void *mallocx(size_t n, int flags) { (void)flags; return __libc_malloc(n); }
END
"${CC:-cc}" -shared -fPIC -o "$T/bin/libje.so" "$T/je.c"
launch env LD_PRELOAD="$T/bin/libje.so" "$T/bin/nonames" >/dev/null
asked nonames
is allocator yes 'nonames is stripped, but __rust_alloc and the like are recognised'

objcopy -R .eh_frame -R .eh_frame_hdr "$T/bin/sleeps" "$T/bin/noeh"
of "$T/bin/noeh" infinity
is target-unwind yes '[0-9.]+ % of noeh \([0-9.]+ % by rows made from the code\)'
# Code that nothing leads to, and where the stack is at no known height.
cat >"$T/odd.c" <<'END'
#include <unistd.h>
__asm__(".rept 100000\nsub %rdi, %rsp\njmp *(%rsp)\n.endr");
int main(void) { for (;;) pause(); }
END
"${CC:-cc}" -fno-asynchronous-unwind-tables -o "$T/bin/notables" "$T/odd.c"
of "$T/bin/notables"
is target-unwind no 'of notables: stacks end there' 'force-unwind-tables=yes.*frame pointers'
cp "$split" "$T/bin/odd${tab}name"
of "$T/bin/odd${tab}name"
ok "a TAB in a name does not become one in the output" awk -F'\t' 'NF != 4 { print; exit 1 }' "$T/out"

# ---- a probed nop, and fork(): as perf(1) meets it ----------------------------

cat >"$T/nop.c" <<'END'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
__asm__(".text\n.balign 16\n.globl nops\n.type nops, @function\n"
	"nops: .byte 0x0f, 0x1f, 0x44, 0, 0\nret\n.size nops, . - nops\n");
void nops(void);
int main(void) {
	char c; int status;
	puts("ready"); fflush(stdout);
	read(0, &c, 1);
	for (int i = 0; i < 1000; i++) nops();
	if (fork() == 0) { nops(); _exit(0); }
	wait(&status);
	puts(WIFSIGNALED(status) ? "no" : "yes");
}
END
event=nop$$
"${CC:-cc}" -O1 -o "$T/bin/$event" "$T/nop.c"
if perf probe -q -x "$T/bin/$event" --add "$event=nops" >"$T/perf.err" 2>&1; then
	mkfifo "$T/go"
	"$T/bin/$event" <"$T/go" >"$T/nop.out" &
	nop=$!
	own $nop
	exec 9>"$T/go"
	await 60 grep -q ready "$T/nop.out"
	perf stat -x, -e "probe_$event:$event" -p $nop 2>"$T/perf.err" &
	stat=$!
	own $stat
	opened() { find /proc/$stat/fd -lname '*perf_event*' | grep -q .; }
	await 60 opened
	# The breakpoint is there when the event is enabled.
	armed() { [ "$(at=$(nm "$T/bin/$event" | sed -n 's/ T nops$//p')
		base=$(awk -v f="/$event" 'index($0, f) { sub(/-.*/, ""); print; exit }' \
		    /proc/$nop/maps)
		dd if=/proc/$nop/mem bs=1 count=1 skip=$((0x$base + 0x$at)) 2>/dev/null |
		    od -An -tx1)" = ' cc' ]; }
	await 60 armed
	echo >&9
	exec 9>&-
	wait $nop
	kill -s INT $stat 2>/dev/null
	wait $stat 2>/dev/null
	perf probe -q --del "probe_$event:*"
	ok "a forked child lives behind a probed nop: $(tail -n 1 "$T/nop.out")" \
		test "$(tail -n 1 "$T/nop.out")" = \
		"$(awk -F"$tab" '$1 == "uprobe-fork" { print $2 }' "$T/system")"
else
	skip "a probed nop: $(head -n 1 "$T/perf.err")"
fi

# ---- no process to look at ---------------------------------------------------

gone=$(sh -c 'echo $$')
exits "no such process" 3 rsprof-doctor "$gone"
says "no such process: named" "^rsprof-doctor: no process $gone$"
ok "and nothing is printed" test ! -s "$T/out"
launch sh -c 'sleep 0.5 & echo $! >"$0"; exec sleep infinity' "$T/zombie"
is_zombie() { [ "$(sed 's/.*) //' "/proc/$(cat "$T/zombie")/stat" | cut -c1)" = Z ]; }
if await 60 is_zombie; then
	exits "a zombie" 3 rsprof-doctor "$(cat "$T/zombie")"
	says "a zombie: called one" "process $(cat "$T/zombie") is a zombie"
else
	fail "no zombie came about"
fi
kernel=$(awk '$3 == "I" || $3 == "S" { if ($4 == 2) { print $1; exit } }' \
    /proc/[0-9]*/stat 2>/dev/null)
if [ -n "$kernel" ]; then
	exits "a kernel thread" 5 rsprof-doctor "$kernel"
	says "a kernel thread: called one" "process $kernel .*is a kernel thread"
else
	skip "a kernel thread: none is visible here"
fi
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	exits "a /proc that hides" 4 unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc &&
	    exec setpriv --reuid 65534 --regid 65534 --clear-groups -- rsprof-doctor "$1"' - $target
	says "a /proc that hides: it is said" 'hidepid'
else
	skip "a /proc that hides: no mount namespaces"
fi
for bad in x -1x 0 1e3 99999999999 ''; do
	exits "no number: '$bad'" 2 rsprof-doctor -- "$bad"
	says "no number: '$bad': said" 'not a process number$'
done
exits "two processes" 2 rsprof-doctor $target $target

# ---- by the wrapper ----------------------------------------------------------

cp "$B/target/counts" "$T/bin/dr$$x"
launch "$T/bin/dr$$x" >/dev/null; pid=$launched
rsprof-doctor $pid >"$T/should"
exits "rsprof doctor NAME" 0 rsprof doctor "^dr$$x\$"
same "is rsprof-doctor PID" "$T/out" "$T/should"
exits "rsprof doctor" 0 rsprof doctor
says "is rsprof-doctor" '^ok  perf_event_open' "$T/out"
exits "no such name" 3 rsprof doctor "^nobody is called so $$\$"
exits "an option" 2 rsprof doctor -t
exits "an empty name" 2 rsprof doctor ''
says "has a usage" '^usage: rsprof doctor \[PID\|NAME\]$'

done_testing

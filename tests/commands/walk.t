#!/bin/sh
# Stacks walked in the kernel beside stacks copied: the same truth, on targets
# that make it hard, and where BPF is refused.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

strain=$B/target/strain
[ -x "$B/target/mixed" ] || skip_all "no Rust compiler built $B/target/mixed"
cd "$T" || exit 1

root() { [ "$(id -u)" = 0 ]; }
launch sleep infinity
rsprof-cpu -p $launched -d 0.1 >probe 2>err ||
    skip_all "sampling is not possible here: $(cat err)"
modes='bpf copy'
grep -q 'stacks=bpf' probe || modes=copy
option() { [ "$1" = bpf ] || echo -u; }

# begin NAME COMMAND...: a target that waits for a line; it is $pid.
begin() {
	name=$1
	shift
	mkfifo "$name.gate"
	"$@" <"$name.gate" >"$name.said" 2>"$name.complaint" &
	pid=$!
	own $pid
	exec 8>"$name.gate"
}
go() { echo go >&8; }
leave() { exec 8>&-; wait $pid; }

# record NAME PID OPTION...: into NAME.raw; it is $cpu.
record() {
	to=$1 of=$2
	shift 2
	rsprof-cpu "$@" -p "$of" >"$to.raw" 2>"$to.err" 8>&- &
	cpu=$!
	own $cpu
	await 60 grep -q '^map' "$to.raw"
}
# enough NAME: end it when there are samples to judge by, however slow the machine is.
enough() {
	await 120 sh -c "[ \$(grep -c '^cpu' $1.raw) -ge 200 ]"
	kill $cpu
}
finish() {
	wait $cpu
	status=$?
	ok "$1: ends well" test $status = 0
	[ $status = 0 ] || diag <"$1.err"
	rsprof-sym <"$1.raw" >"$1.rec" 2>"$1.sym"
}
is_walked() { says "$1: the head says how" "^rsprof	.*	stacks=$2	" "$1.raw"; }

# check DESCRIPTION PROGRAM AWK-ARGUMENT...: the program says what it
# compares by near() or least(), which mark what is wrong.
check() {
	what=$1 program=$2
	shift 2
	awk -F'\t' '
	function near(what, got, want, most) {
		printf "%s%s: %.4g, by another account %.4g\n",
		    (got - want <= most && want - got <= most) ? "" : "not ",
		    what, got, want
	}
	function least(what, got, percent, all) {
		printf "%s%s: %d of %d, %.2f %%\n",
		    (all >= 30 && 100 * got >= percent * all) ? "" : "not ",
		    what, got, all, 100 * got / (all + !all)
	}'"$program" "$@" >check.out 2>&1 || echo "not run: $program" >>check.out
	if [ -s check.out ] && ! grep -q '^not' check.out; then pass "$what"
	else fail "$what"; fi
	sed 's/^/# /' check.out
}

# A stack's modules and functions, innermost first, and why it ends too soon.
paths='
	$1 == "module" { sub(/.*\//, "", $4); module[$2] = $4 }
	$1 == "frame" { function_[$2] = $3 }
	$1 == "stack" {
		path[$2] = " " module[$4] " " function_[$6] path[$3]
		cut[$2] = $3 ~ /^[?]/ ? $3 : cut[$3]
	}
	$1 == "cpu" && $5 ~ /^[?]/ { cut[$5] = $5 }'

whole() {
	check "$1: $2 % of stacks are complete" "$paths"'
		$1 == "cpu" { n++ }
		$1 == "cpu" && cut[$5] != "" { bad++; why[cut[$5] " after" path[$5]]++ }
		END {
			least("complete", n - bad, percent, n)
			for (w in why)
				print why[w] ": " substr(w, 1, 160)
		}' percent="$2" "$1.rec"
}

# ---- equal truth -------------------------------------------------------------

strip -o mixed-stripped "$B/target/mixed"
for target in "$B/target/mixed" ./mixed-stripped; do
	case $modes in bpf*) ;; *) break ;; esac
	both=${target##*/}
	# The beginning of threads, which copies miss, is not what is compared.
	launch "$target" 0 steady >/dev/null; pid=$launched
	record "$both-bpf" $pid -F 499 -d 3.5
	one=$cpu
	record "$both-copy" $pid -F 499 -u -d 2.5
	finish "$both-copy"
	cpu=$one
	finish "$both-bpf"
	{ kill -9 $pid; wait $pid; } 2>/dev/null
	for mode in bpf copy; do
		is_walked "$both-$mode" $mode
		whole "$both-$mode" 99.5
	done
	# Those that both have taken at the same time; of a stripped one its
	# pages stand for functions.
	check "$both: self and total of each function by both" '
		$1 == "rsprof" { run++; sub(/.*\tmono=/, ""); if ($1 + 0 > from) from = $1 + 0 }
		$1 == "end" && (to == 0 || $2 < to) { to = $2 }
		$1 == "frame" { function_[$2] = $3 }
		$1 == "stack" {
			caller[run, $2] = $3
			what[run, $2] = $6 != "-" && function_[$6] !~ /\+0x/ ? function_[$6] \
			    : $4 "+" substr($5, 1, length($5) - 2)
		}
		$1 == "cpu" { time[run, ++count[run]] = $2; leaf[run, count[run]] = $5 }
		function share(r, i, s, f, seen) {
			for (i = 1; i <= count[r]; i++) {
				if (time[r, i] < from || time[r, i] > to)
					continue
				n[r]++
				split("", seen)
				self[r, what[r, leaf[r, i]]]++
				for (s = leaf[r, i]; (r, s) in what; s = caller[r, s]) {
					f = what[r, s]
					known[f]
					if (!seen[f]++)
						total[r, f]++
				}
			}
		}
		function compare(which, f, a, b, p) {
			p = (a + b) / (n[1] + n[2])
			near(which " of " f, 100 * a / n[1], 100 * b / n[2],
			    100 * (5 * sqrt(p * (1 - p) * (1 / n[1] + 1 / n[2])) + 0.01))
		}
		END {
			share(1)
			share(2)
			least("samples of one", n[1], 75, n[2])
			least("samples of the other", n[2], 75, n[1])
			for (f in known) {
				if (total[1, f] + total[2, f] < 0.04 * (n[1] + n[2]))
					continue
				compare("self", f, self[1, f], self[2, f])
				compare("total", f, total[1, f], total[2, f])
			}
		}' "$both-bpf.rec" "$both-copy.rec"
done

# ---- a sample for all time ---------------------------------------------------

for mode in $modes; do
	begin "fast-$mode" "$strain" threads 2
	# shellcheck disable=SC2046
	record "fast-$mode" $pid -F 10000 $(option $mode)
	go
	await 60 sh -c "[ \$(grep -c '^at' fast-$mode.said) -ge 20 ]"
	leave
	finish "fast-$mode"
	check "fast-$mode: 10,000 a second: taken and lost are the threads' CPU time" '
		FNR == NR { split($0, w, " "); if (w[1] == "thread") want += w[3]; next }
		$1 == "cpu" { got += $6 }
		$1 == "lost" && $5 != "throttled" { lost += $4 * 1e5; print $4, "lost:", $5 }
		END { near("seconds", (got + lost) / 1e9, want / 1e9, want * 0.02 / 1e9) }
		' "fast-$mode.said" "fast-$mode.raw"
	whole "fast-$mode" 99.5
done

# ---- processes that come and go ----------------------------------------------

# Libraries bound late: where the loader looks a symbol up for the first time
# its unwind information is more than a row says.
for mode in $modes; do
	for case in 'forks 100 20' 'spawns 50 20'; do
		each=${case%% *}-$mode
		# shellcheck disable=SC2086
		begin "$each" env LD_BIND_NOW=1 "$strain" $case
		await 60 test "/proc/$pid/exe" -ef "$strain"
		# shellcheck disable=SC2046
		record "$each" $pid -f -F 999 $(option $mode)
		go
		leave
		finish "$each"
		# While it executes another program a process has no stack.
		whole "$each" 98
		check "$each: the CPU time of all of them" '
			FNR == NR { split($0, w, " "); want = w[2]; next }
			$1 == "cpu" { got += $6; seen[$3] }
			$1 == "lost" { lost += $4 * 1e9 / 999 }
			END {
				near("seconds", (got + lost) / 1e9, want / 1e9, want * 0.05 / 1e9)
				near("processes", length(seen), n, n * 0.02 + 1)
			}' n="$(echo "$case" | cut -d' ' -f2)" "$each.said" "$each.raw"
	done
	begin "loads-$mode" "$B/target/plugs" "$B/target" 4
	# shellcheck disable=SC2046
	record "loads-$mode" $pid -F 999 $(option $mode)
	go
	leave
	finish "loads-$mode"
	# Where one library was and another one is, within a tenth of a second, the
	# kernel walks by what it was told last, and what is in doubt is cut.
	least=99
	[ "$mode" = copy ] || least=10
	whole "loads-$mode" $least
done

# Its name is gone, or another program's.
cp "$strain" deleted
cp "$strain" replaced
for case in deleted replaced; do
	begin $case "./$case" threads 1
	go
	await 60 grep -q '^at' $case.said
	[ $case = deleted ] && rm $case
	[ $case = replaced ] && cp "$B/target/split" other && mv other $case
	for mode in $modes; do
		# shellcheck disable=SC2046
		record "$case-$mode" $pid -F 499 $(option $mode)
		enough "$case-$mode"
		finish "$case-$mode"
		whole "$case-$mode" 99
		check "$case-$mode: functions have the names of what is executed" "$paths"'
			$1 == "cpu" { n++; right += path[$5] ~ / churn.* dig.* work / }
			END { least("right", right, 90, n) }' "$case-$mode.rec"
	done
	leave
done

# ---- other events ------------------------------------------------------------

for mode in $modes; do
	for case in 'faults 6000 page-faults touch' 'switches 6000 context-switches nap'; do
		# shellcheck disable=SC2086
		set -- $case
		begin "$1-$mode" "$strain" "$1" "$2"
		await 60 test "/proc/$pid/exe" -ef "$strain"
		# shellcheck disable=SC2046
		record "$1-$mode" $pid -e "$3" $(option $mode)
		go
		leave
		finish "$1-$mode"
		says "$1-$mode: the head has the unit" "	unit=$3	" "$1-$mode.raw"
		check "$1-$mode: as many as the process counts" "$paths"'
			FNR == NR { split($0, w, " "); want = w[2]; next }
			$1 == "cpu" { got += each = $6; if (path[$5] ~ " " where " ") there += $6 }
			$1 == "lost" { lost += $4 }
			END {
				near("events, with " lost + 0 " samples lost",
				    got + lost * each, want, want * 0.1)
				near("below " where, there, got, got * 0.1)
			}' where="$4" "$1-$mode.said" "$1-$mode.rec"
	done
done
launch sleep infinity; pid=$launched
if grep -qs . /sys/bus/event_source/devices/cpu*/type; then
	skip "cycles are counted here"
else
	exits "cycles, which this machine does not count" 1 rsprof-cpu -e cycles -p $pid
	one_line "cycles: one line"
	says "cycles: which says so" 'cycles.*this machine'
fi
exits "an event that there is not" 2 rsprof-cpu -e nonsense -p $pid
says "an event that there is not: named" '^rsprof-cpu: -e nonsense: '

# ---- the kernel's part -------------------------------------------------------

for mode in $modes; do
	root || { skip "kernel frames take root"; continue; }
	begin "kernel-$mode" "$strain" reads
	go
	# shellcheck disable=SC2046
	record "kernel-$mode" $pid -k -F 499 $(option $mode)
	enough "kernel-$mode"
	finish "kernel-$mode"
	{ kill -9 $pid; leave; } 2>/dev/null
	whole "kernel-$mode" 99
	check "kernel-$mode: the kernel's frames stand on the program's" "$paths"'
		$1 == "cpu" {
			n++
			both += path[$5] ~ /^( \[kernel\] [^ ]+)+ libc.* strain reads /
			named += path[$5] ~ / \[kernel\] [a-z_]*read[a-z_]* /
		}
		END {
			least("both", both, 80, n)
			least("named", named, 50, n)
		}' "kernel-$mode.rec"
done

# ---- pending uretprobes ------------------------------------------------------

# Of functions that end in a jump to the next one: its return address is taken
# twice.
begin tails "$strain" tails
places=$(nm "$strain" | awk '$3 ~ /^(first|second|third|spin)$/ { print $1 }')
mkfifo probes
# shellcheck disable=SC2086
"$B/oracle/uretprobe" $pid "$strain" $places <probes >probed 2>&1 8>&- &
own $!
exec 7>probes
if await 60 grep -q ready probed; then
	go
	for mode in $modes; do
		# shellcheck disable=SC2046
		record "tails-$mode" $pid -F 499 $(option $mode) 7>&-
		enough "tails-$mode"
		finish "tails-$mode"
	done
	case $modes in bpf*)
		whole tails-bpf 99.5
		check "tails-bpf: through all of them" "$paths"'
			$1 == "cpu" { n++; right += path[$5] ~ / strain tails / }
			END { least("right", right, 95, n) }' tails-bpf.rec ;;
	esac
	check "tails-copy: what was there is not known: it ends, with a reason" "$paths"'
		$1 == "cpu" { n++; right += path[$5] !~ / tails / && cut[$5] ~ /no-/ }
		END { least("right", right, 95, n) }' tails-copy.rec
else
	skip "uretprobes: $(cat probed)"
fi
exec 7>&-
{ kill -9 $pid; leave; } 2>/dev/null

# ---- containers --------------------------------------------------------------

# In a mount namespace with a file that only it has, and with other numbers.
mkdir there
if root && unshare -Urmpf --mount-proc true 2>/dev/null; then
	find_inner() {
		for inner in $(cat "/proc/$1/task/$1/children"); do
			[ "$(cat "/proc/$inner/comm")" = contained ] && return 0
		done
		return 1
	}
	mkfifo gate.in
	unshare -Urmpf --mount-proc sh -c 'mount -t tmpfs none there &&
	    cp "$1" there/contained && exec there/contained threads 1' - \
	    "$strain" <gate.in >contained.said 2>&1 & outer=$!; own $outer
	exec 8>gate.in
	echo go >&8
	if await 60 find_inner $outer && own "$inner"; then
		for mode in $modes; do
			# shellcheck disable=SC2046
			record "contained-$mode" "$inner" -F 499 $(option $mode)
			enough "contained-$mode"
			finish "contained-$mode"
			whole "contained-$mode" 99
			says "contained-$mode: its file as it sees it" \
			    "^module	.*$T/there/contained$" "contained-$mode.raw"
			says "contained-$mode: the machine's number of it" \
			    "^cpu	[0-9]*	$inner	" "contained-$mode.raw"
			check "contained-$mode: named" "$paths"'
				$1 == "cpu" { n++; right += path[$5] ~ / churn.* dig.* work / }
				END { least("right", right, 90, n) }' "contained-$mode.rec"
		done
	else
		fail "nothing started in other namespaces: $(cat contained.said)"
	fi
	exec 8>&-
	wait $outer
	# The profiler in there as well.
	for mode in $modes; do
		# shellcheck disable=SC2046
		unshare -mpf --mount-proc sh -c '"$1" burn 600000 & shift
			echo $!
			"$@" -p $! | awk "{ print } /^cpu/ && ++n == 200 { exit }"
			kill -9 $!' - "$strain" rsprof-cpu -F 499 \
		    $(option $mode) >inside-$mode.both 2>inside-$mode.err
		number=$(head -n 1 inside-$mode.both)
		sed 1d inside-$mode.both >inside-$mode.raw
		rsprof-sym <inside-$mode.raw >inside-$mode.rec 2>/dev/null
		is_walked inside-$mode $mode
		whole inside-$mode 99
		check "inside-$mode: the numbers of in there" '
			$1 == "cpu" { n++; right += $3 == number && $4 == number && number < 50 }
			END { least("right", right, 100, n) }' number="$number" inside-$mode.raw
	done
else
	skip "containers take root and user namespaces"
fi

# ---- where BPF is refused ----------------------------------------------------

# refused NAME STATUS WHY COMMAND...: what samples must end well, and say why;
# time off the CPU ends with that status.
refused() {
	to=$1 off=$2 why=$3
	shift 3
	exits "$to: samples are taken" 0 "$@" -p "$pid" -d 2 -F 999
	cp out "$to.raw"
	rsprof-sym <out >"$to.rec" 2>/dev/null
	is_walked "$to" copy
	says "$to: why" "^note	.*copied, not walked in the kernel: .*($why)" "$to.raw"
	whole "$to" 99
	exits "$to: no time off the CPU" "$off" "$@" -p "$pid" -d 0.5 -o
	one_line "$to: one line"
	says "$to: which says why" "^rsprof-cpu: time off the CPU .*BPF.*($why)"
}
if root && command -v setpriv >/dev/null; then
	mkdir -m 755 bin
	cp "$B/rsprof-cpu" "$B/target/noperf" "$strain" bin
	mkfifo free.gate
	chmod 666 free.gate
	setpriv --reuid 65534 --regid 65534 --clear-groups bin/strain threads 2 \
	    <free.gate >free.said & pid=$!; own $pid
	exec 8>free.gate
	go
	await 60 grep -q '^at' free.said
	no_one='setpriv --reuid 65534 --regid 65534 --clear-groups'
	# shellcheck disable=SC2086
	refused nobody 4 'CAP_BPF' $no_one bin/rsprof-cpu
	# shellcheck disable=SC2086
	refused perfmon 4 'CAP_BPF' $no_one --inh-caps +perfmon --ambient-caps +perfmon \
	    bin/rsprof-cpu
	says "perfmon: time in the kernel is counted" 'scope=all' perfmon.raw
	refused seccomp 4 'not permitted' bin/noperf -b bin/rsprof-cpu
	refused seccomp-nosys 4 'not permitted' \
	    bin/noperf -bn bin/rsprof-cpu
	leave
else
	skip "BPF refused: takes root and setpriv"
fi

# ---- files that lie ----------------------------------------------------------

# What they say is nonsense; their code is right.
mkdir lies
perl -e '
	my ($from, $n) = @ARGV;
	local $/;
	open my $in, "<", $from or die; binmode $in;
	my $good = <$in>;
	my ($shoff, $phoff) = (unpack("Q", substr $good, 40, 8), unpack("Q", substr $good, 32, 8));
	my ($phnum, $shnum, $shstr) = (unpack("v", substr $good, 56, 2),
	    unpack("v v", substr $good, 60, 4));
	my $names = unpack("Q", substr $good, $shoff + 64 * $shstr + 24, 8);
	my (%section, %segment);
	for my $i (0 .. $shnum - 1) {
		my $name = unpack("Z*", substr $good, $names +
		    unpack("V", substr $good, $shoff + 64 * $i, 4), 40);
		$section{$name} = $shoff + 64 * $i;
	}
	for my $i (0 .. $phnum - 1) {
		$segment{unpack("V", substr $good, $phoff + 56 * $i, 4)} = $phoff + 56 * $i;
	}
	my ($eh, $len) = unpack("QQ", substr $good, $section{".eh_frame"} + 24, 16);
	my $huge = pack("Q", 0x7fffffffffffff00);
	my @bad;
	for my $i (1 .. $n) {
		srand($i);
		my $b = $good;
		substr($b, $eh + int(rand $len), 1) = chr(int(rand 256)) for 1 .. 1 << $i % 9;
		push @bad, $b;
	}
	sub with { my $b = $good; while (my ($at, $what) = splice @_, 0, 2) {
		substr($b, $at, length $what) = $what } push @bad, $b }
	with($eh, "\xff" x $len);
	with($eh, "\x00" x 4);
	with($eh, "\xff\xff\xff\xff" . pack("Q", -1));
	with($section{".eh_frame"} + 32, $huge);
	with($section{".eh_frame"} + 24, $huge);
	with($section{".symtab"} + 32, $huge);
	with($section{".note.gnu.build-id"} + 32, $huge);
	with(60, "\xff\xff");
	with(62, "\xff\xfe");
	with(40, $huge);
	with(40, pack("Q", length($good) - 8));
	with($segment{0x6474e550} + 32, $huge . $huge);
	with($segment{0x6474e550} + 8, $huge . $huge);
	with($segment{4} + 32, $huge . $huge) if $segment{4};
	my $i = 0;
	for (@bad) {
		open my $out, ">", "lies/bad." . $i++ or die; binmode $out;
		print $out $_;
	}' "$strain" 18 || fail "the files were made"
chmod +x lies/*
for f in lies/*; do
	# What the kernel itself refuses cannot be sampled.
	"$f" burn 1 2>/dev/null || { echo "# $f does not run"; rm -f "$f"; }
done
running=$(find lies -type f | wc -l)
ok "most of $running files that lie run" test "$running" -ge 25
for mode in $modes; do
	# They have one build-id, and would share their tables.
	begin "lies-$mode" sh -c 'read line
		for f in lies/*; do "$f" burn 150 & done
		wait'
	# shellcheck disable=SC2046
	XDG_CACHE_HOME=/proc/nowhere record "lies-$mode" $pid -f -F 499 $(option $mode)
	go
	leave
	await 60 sh -c "grep -q '^end' lies-$mode.raw" ||
	    { fail "lies-$mode: it hangs"; kill -9 $cpu; }
	finish "lies-$mode"
	says "lies-$mode: damage is told" '^note	.*damaged entries in .eh_frame' "lies-$mode.raw"
	check "lies-$mode: all time counts, and frames are in mapped code" '
		$1 == "module" { if ($4 ~ /^\[/) anon[$2]; else if ($4 ~ /\/lies\/bad/) bad[$2] }
		$1 == "map" { lo[$7, ++maps[$7]] = $6; len[$7, maps[$7]] = size($4, $5) }
		function hex(s, i, v) {
			v = 0
			for (i = 1; i <= length(s); i++)
				v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
			return v
		}
		# Addresses do not fit into a double; their lower halves do.
		function low(s) { return hex(length(s) > 8 ? substr(s, length(s) - 7) : s) }
		function size(a, b, d) { d = low(b) - low(a); return d < 0 ? d + 4294967296 : d }
		function is_mapped(m, at, i) {
			for (i = 1; i <= maps[m]; i++)
				if (hex(at) >= hex(lo[m, i]) && hex(at) < hex(lo[m, i]) + len[m, i])
					return 1
			return 0
		}
		$1 == "stack" {
			if ($4 == "-" ? $3 !~ /^[?]/ : !($4 in anon) && !is_mapped($4, $5))
				print "not in mapped code:", $0
			cut[$2] = $3 ~ /^[?]/ ? $3 : cut[$3]
		}
		$1 == "cpu" { got += $6; n++; reasons[$5 ~ /^[?]/ ? $5 : cut[$5]]++ }
		$1 == "lost" { lost += $4 * 1e9 / 499 }
		$1 == "cost" { cost = $4; memory = $5 }
		END {
			for (r in reasons)
				print reasons[r], r
			near("seconds", (got + lost) / 1e9, running * 0.15, running * 0.15 * 0.15)
			near("its own seconds", cost / 1e9, 0, 10)
			near("its own MB", memory / 1e6, 0, 200)
		}' running="$running" "lies-$mode.raw"
done

# ---- limits ------------------------------------------------------------------

for mode in $modes; do
	for n in 3000 12000; do
		begin "maps-$n-$mode" "$strain" maps $n
		go
		await 60 grep -q mapped "maps-$n-$mode.said"
		# shellcheck disable=SC2046
		record "maps-$n-$mode" $pid -F 499 $(option $mode)
		enough "maps-$n-$mode"
		finish "maps-$n-$mode"
		{ kill -9 $pid; leave; } 2>/dev/null
		whole "maps-$n-$mode" 99
		check "maps-$n-$mode: through the last of them" "$paths"'
			$1 == "cpu" { n++; right += path[$5] ~ / strain through strain maps / }
			END { least("right", right, 95, n) }' "maps-$n-$mode.rec"
	done
done
case $modes in bpf*)
	says 'more mappings than there is room for: said' '^note	.*no room in the kernel' \
	    maps-12000-bpf.raw
	ok 'and not where there is room' sh -c '! grep "no room" maps-3000-bpf.raw' ;;
esac

# ---- built without BPF -------------------------------------------------------

mkdir path
for tool in sh make cc gcc as ld ar echo mkdir rm cat sed sha256sum find uname dirname; do
	ln -s "$(command -v $tool)" path/
done
built=$T/nobpf
if PATH=$T/path make -s -C "$ROOT" BPF=0 B="$built" CFLAGS=-O0 \
    "$built/rsprof-cpu" >make.out 2>&1; then
	pass 'BPF=0: builds without clang and bpftool'
	ok 'BPF=0: nor does it use libbpf' sh -c '
		! cat "$1"/lib/*/*.d "$1"/cmd/*.d | grep -E "/usr/.*/bpf/|skel" &&
		! ldd "$1/rsprof-cpu" | grep libbpf' - "$built"
	begin without "$strain" threads 1
	go
	await 60 grep -q '^at' without.said
	refused built-without 1 'built without BPF' "$built/rsprof-cpu"
	leave
else
	fail 'BPF=0: builds without clang and bpftool'
	diag <make.out
fi

done_testing

#!/bin/sh
# A running program that knows where its CPU time goes, by both ways to take
# stacks.
# shellcheck disable=SC2016
# shellcheck source=tests/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

"$B/target/split" 1000000 >split.out &
busy=$!
own $busy
long test -s split.out

for mode in $modes; do
	start $mode $mode $busy -F 199
	long samples $mode 800
	kill $cpu
	finish $mode
	how $mode $mode
	# What it has counted between its first and last word meanwhile.
	awk -F'\t' '
		FNR == NR && $1 == "rsprof" { sub(/.*\tmono=/, ""); from = $1 + 0 }
		FNR == NR && $1 == "end" { to = $2 }
		FNR == NR { next }
		{ n = split($0, w, " ") }
		n != 15 || w[1] < from || w[1] > to { next }
		!first { first = w[1]; for (i = 3; i <= n; i += 2) before[i] = w[i] }
		{ last = w[1]; for (i = 3; i <= n; i += 2) after[i] = w[i] }
		END {
			for (i = 3; i <= n; i += 2)
				print w[i - 1], after[i] - before[i]
			print "seconds", (last - first) / (to - from)
		}' $mode.raw split.out >$mode.truth
	check "$mode: CPU time by function, within 8 points" "$paths"'
		FS == " " { if ($1 ~ /^(alpha|beta|gamma)$/) all += want[$1] = $2; next }
		$1 == "cpu" {
			n++
			if (match(path[$5], / split::(alpha|beta|gamma) /))
				got[substr(path[$5], RSTART + 8, RLENGTH - 9)]++
			if (path[$5] ~ / split::worker /)
				got["worker"]++
		}
		END {
			for (f in want)
				near(f, 100 * got[f] / n, 100 * want[f] / all, 8)
			near("worker", 100 * got["worker"] / n, 100, 5)
		}' FS=' ' $mode.truth FS='\t' $mode.rec
	check "$mode: CPU time by thread, within 8 points" '
		FS == " " { if ($1 ~ /^early-/) all += want[$1] = $2; next }
		$1 == "thread" { name[$4] = $5 }
		$1 == "cpu" { n++; got[name[$4]]++ }
		END {
			for (t in want)
				near(t, 100 * got[t] / n, 100 * want[t] / all, 8)
		}' FS=' ' $mode.truth FS='\t' $mode.rec
	check "$mode: CPU time of all, with what is told to be lost, within 10 %" '
		FS == " " { if ($1 ~ /^early-/) want += $2; if ($1 == "seconds") share = $2; next }
		$1 == "cpu" { got += $6 }
		$1 == "lost" && $5 != "throttled" { lost += $4 / 199 * 1e9 }
		END {
			printf "%.3f s, of these %.3f s lost\n", (got + lost) / 1e9, lost / 1e9
			near("percent", 100 * (got + lost) * share / want, 100, 10)
		}' FS=' ' $mode.truth FS='\t' $mode.rec
	whole $mode 98
done

# ---- and the kernel's part of it -------------------------------------------------

dd if=/dev/zero of=/dev/null bs=1M 2>/dev/null &
copier=$!
own $copier
for mode in $modes; do
	start $mode-kernel $mode $copier -k -F 199
	long samples $mode-kernel 200
	kill $cpu
	finish $mode-kernel
	how $mode-kernel $mode
	check "$mode-kernel: the kernel's frames stand on those of the program" "$paths"'
		$1 == "cpu" {
			n++
			if (path[$5] ~ /^ \[kernel\] / && path[$5] ~ / dd / && cut[$5] == "")
				both++
			if (path[$5] ~ / \[kernel\] (ksys|vfs|.*sys)_read /)
				named++
		}
		END {
			least("with both", both, 70, n)
			least("in read(2)", named, 30, n)
		}' FS='\t' $mode-kernel.rec
done

done_testing

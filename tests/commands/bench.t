#!/bin/sh
# The bench can be run, its table is whole, and its ratios are what its figures
# make.  What the figures are is no test.
# shellcheck disable=SC2016
. "$(dirname "$0")/../tools/lib.sh"

[ -x "$B/target/work" ] || skip_all "no Rust compiler built $B/target/work"
bench=$ROOT/tests/bench
spent=$B/target/spent
cd "$T" || exit 1

# ---- what is used ------------------------------------------------------------

exits 'a command that is watched exits as it does' 7 \
	"$spent" used sh -c 'head -c 50000000 /dev/zero | md5sum >/dev/null & exit 7'
ok 'and what it left behind counts' awk '!($1 > 10 && $2 > 500) { exit 1 }' used
exits 'so does one that is killed' 143 "$spent" used sh -c 'kill $$'
exits 'and one that is not there' 127 "$spent" used ./none
one_line 'which is said'

# ---- complete stacks ---------------------------------------------------------

# A program's entry point counts however few samples end there, what is not
# one only from one in a hundred on.
entry=$(od -A n -t u8 -j 24 -N 8 "$B/rsprof-cpu" | tr -d ' ')
text=$(readelf -SW "$B/rsprof-cpu" | sed 's/^ *\[ *[0-9]*\] *//' |
	awk '$1 == ".text" { print $3, $4 }')
address=$((0x${text% *})) offset=$((0x${text#* }))
start=$((entry - address + offset + 33))
printf '%s\t%s\t%s\n' "$B/rsprof-cpu" $start 1 "$B/rsprof-cpu" $((start + 4000)) 9 \
	/lib/libc.so.6 $((0x1098eb)) 990 >roots
"$bench/complete.pl" roots 1000 >out
echo 99.100 >expected
same 'roots are entry points, and what many stacks end in' out expected

sed 's/^|//' >script <<'E'
|work  10  1.000001:    1001001 cpu-clock: 
|	           1dc43 work::eval+0x433 (/x/work)
|	          1098eb clone3+0x2b (/usr/lib/libc.so.6)
|
|work  10  1.000002:    1001001 cpu-clock: 
|	    7f00001098ed [unknown] (/usr/lib/libc.so.6)
|
|work  10  1.000003:    1001001 cpu-clock: 
|	           1dc43 work::eval+0x433 (/x/work)
|
|work  10  1.000004:    1001001 cpu-clock: 
|	          1098eb work::eval+0x433 (/x/work)
|	8948084f8b48078b [unknown] ([unknown])
|
|work  10  1.000005:    1001001 cpu-clock: 
|
E
"$bench/complete.pl" roots <script >out
echo 40.000 >expected
same 'stacks of perf script, by offsets or by addresses' out expected

# ---- the table ---------------------------------------------------------------

rec >raw <<'E'
lost_busy_99_cpu | native | -1.5
lost_busy_99_cpu | bpf | 1
lost_busy_99_cpu | bpf | 3
lost_busy_99_cpu | bpf | 2
lost_busy_99_cpu | fp | 4
lost_busy_99_cpu | fp | 5
lost_busy_999_cpu | bpf | 4
lost_busy_999_cpu | bpf | 1
lost_busy_999_cpu | fp | 2
busy_cpu | copy | 300
busy_cpu | dwarf | 1000
busy_cpu | dwarf | 2000 | over
large_cpu | copy | 100
walk_frame | bpf | 61
walk_frame | bpf | 58
walk_frame | bpf | 59
full_both | bpf | 97.5
busy_memory | bpf | nan
note | fp | it is not there
E
exits 'a table of given figures' 0 "$bench/table.pl" tsv raw
awk -F'\t' '$22 != "-"' tsv | cut -f 1,6-8,18-23 >some
rec >expected <<'E'
figure | bpf | bpf_min | bpf_max | over | ratio | of | aim | met | sure
lost_busy_99_cpu | 2 | 1 | 3 | - | 1.02617801 | bpf/fp | >= 1 | yes | 1
lost_busy_999_cpu | 2.5 | 1 | 4 | - | 0.994897959 | bpf/fp | >= 1 | no | 0
busy_cpu | - | - | - | dwarf | 0.2 | copy/dwarf | <= 0.2 | yes | 0
walk_frame | 59 | 58 | 61 | - | - | - | <= 60 | yes | 0
full_both | 97.5 | 97.5 | 97.5 | - | - | - | 98..102 | no | 1
E
same 'medians, ratios, and whether the aim is met' some expected
says 'it says what is not there' '^perf fp: it is not there$' out
says 'it shows where more was to come' '>1500  <0.20' out

# ---- all of it, quickly ------------------------------------------------------

rsprof-cpu -V >/dev/null
launch "$B/target/work" busy >/dev/null
rsprof-cpu -p $launched -d 0.1 >/dev/null 2>err || {
	skip "sampling is not possible here: $(cat err)"
	done_testing
	exit
}
before=$(cat /proc/sys/kernel/bpf_stats_enabled 2>/dev/null)
exits 'the bench, a quick one' 0 "$bench/run.sh" -q -o "$T/bench.tsv"
diag <err
sed 's/^/# /' out
ok 'the kernel is set as before' \
	[ "$(cat /proc/sys/kernel/bpf_stats_enabled 2>/dev/null)" = "$before" ]
ok 'nothing is left in the build' \
	sh -c '! ls -d "$1"/bench.?????? 2>/dev/null' - "$B"

# Who was measured at all, was measured in all that concerns him.
awk -F'\t' '
	NR == 1 {
		for (i = 1; i <= NF; i++)
			column[$i] = i
		n = NF
		next
	}
	NF != n { print $1 ": " NF " fields" }
	NR == 2 {
		for (who in column)
			if (who ~ /^(bpf|copy|fp|dwarf)$/ && $column[who] != "-")
				there[who] = 1
		if (!("bpf" in there) && !("copy" in there))
			print "rsprof is not there"
	}
	/^walk/ { if ("bpf" in there && $column["bpf"] == "-") print $1; next }
	/^large/ && none { next }
	{
		# Complete stacks are not told where perf script was stopped.
		for (who in there)
			if ($column[who] == "-" && !(/complete/ && who ~ /^(fp|dwarf)$/))
				print $1 ": nothing of " who
	}
	/^(lost|ns)/ && $column["native"] == "-" { print $1 ": no noise" }
	END { if (NR < 30) print NR " lines" }' \
	none="$(grep -c '^note	large' bench.raw)" bench.tsv >missing
same 'every row has its figures' missing /dev/null

awk -F'\t' '
	NR == 1 {
		for (i = 1; i <= NF; i++)
			column[$i] = i
		next
	}
	$column["ratio"] != "-" {
		split($column["of"], of, "/")
		ours = $column[of[1]]
		theirs = $column[of[2]]
		if ($1 ~ /_lost$|^lost_/) {
			ours = 100 - ours
			theirs = 100 - theirs
		}
		ratio = $column["ratio"]
		d = ratio * theirs - ours
		if (d * d > 1e-12 * ours * ours)
			print $1 ": " ratio " of " ours " and " theirs
		n++
		aim = $column["aim"]
		limit = substr(aim, 4)
		met = aim ~ /^>=/ ? ratio >= limit : ratio <= limit
		if (aim != "-" && $column["met"] != (met ? "yes" : "no"))
			print $1 ": " $column["met"]
	}
	# Without perf there are none.
	END { if (!n && perf) print "no ratios" }' \
	perf="$(! grep -q '^note	fp' bench.raw && echo 1)" bench.tsv >wrong
same 'every ratio is that of its figures' wrong /dev/null

# ---- the heap ----------------------------------------------------------------

rec >raw <<'E'
heap_pair | native  | 10
heap_pair | native  | 12
heap_pair | floor   | 1100
heap_pair | exact   | 3300
heap_pair | budget  | 22
heap_pair | memleak | 11000
leak_rank | budget  | 2
live_1000 | exact   | 90
E
"$bench/heap.pl" raw >out
says 'the heap: a figure, what it ranges over, its ratios' \
	'^  nobody watches +11.0 +10.0..12.0 +1.00 +0.01$' out
says 'of what is there' '^  heaptrack, loaded into it +- +- +-$' out
says 'an aim that is missed' 'exact, by the floor +3.00  <= 2     no$' out
says 'one that is met' '-b 10, by memleak +0.00  <= 0.1   yes$' out
says 'memory' 'of 1000 live, bytes each +90.0  <= 80    no$' out
if grep -q '^note	heap ' bench.raw; then
	skip 'the heap was measured, too'
else
	ok 'the heap was measured, too' grep -q '^heap_pair	exact	[0-9]' bench.raw
fi

# ---- the heap from inside ----------------------------------------------------

rec >raw <<'E'
inside_json   | gate    | 1.02
inside_json   | gate    | 1.05
inside_json   | gate    | 1.09
inside_churn  | gate    | 1.2
attach_worst  | gate    | 81
attach_second | windows | 89
E
"$bench/inside.pl" raw >out
says 'the heap from inside: a median, what it ranges over' '^  -I  +1.20 +1.05 1.02..1.09 +- ' out
says 'an aim at most that is met' '-I: json +1.05 +1.02..1.09 +<= 1.06  yes$' out
says 'and missed' '-I: churn +1.20 +<= 1.15  no$' out
says 'one at least that is met' '-I: worst tenth .* 81.0 +>= 80    yes$' out
says 'and missed' '-b 10: worst second .* 89.0 +>= 90    no$' out
if grep -q '^note	inside gate' bench.raw; then
	skip 'it was measured, too'
else
	ok 'it was measured, too' grep -q '^inside_churn	gate	[0-9]' bench.raw
fi

# ---- the view ----------------------------------------------------------------

cat >view.raw <<'E'
about	hour	73M, 3000000 samples
view_open_s	rsprof	0.5
view_open_s	rsprof	1.5
view_mb	rsprof	76
view_p99_ms	rsprof	101
E
"$bench/view.pl" view.raw >out
says 'view: a median, and whether it is met' '^  the first screen, s +1 +< 1 +no$' out
says 'view: memory' '^  memory, MB +76 +< 150 +yes$' out
says 'view: what is missing' '^  CPU while it grows, % of a core +- +< 5 +-$' out
ok 'view: it was measured, too' grep -q '^view_p99_ms	rsprof	[0-9]' bench.raw

# ---- the store ---------------------------------------------------------------

rec >raw <<'E'
about | stored | 3600 s of 8 threads at 99 Hz, 2916211 records
store_rate | rsprof | 100000
store_rate | rsprof | 400000
store_mb | rsprof | 101
E
"$bench/store.pl" raw >out
says 'store: a median that is met' '^  records a second +250000 +> 200000 +yes$' out
says 'store: a size that is not' '^  the recording, MB +101 +< 100 +no$' out
ok 'store: it was measured, too' grep -q '^store_rate	rsprof	[0-9]' bench.raw

# ---- names -------------------------------------------------------------------

rec >raw <<'E'
about | cargo, debug | 160M, 10000 addresses
names_debug_s | rsprof | 0.2
names_debug_s | llvm | 0.8
names_debug_s | addr2line | 4
names_debug_mb | rsprof | 300
names_debug_mb | llvm | 400
E
"$bench/names.pl" raw >out
says 'names: a figure' '^  llvm-symbolizer +0.80 +- +400 +-$' out
says 'an aim that is met' 'time, by the fastest other +0.25  < 1      yes$' out
says 'one that is missed' 'memory, by the smallest other +0.75  <= 0.5   no$' out
if grep -q '^note	names ' bench.raw; then
	skip 'names were measured, too'
else
	ok 'names were measured, too' grep -q '^names_debug_s	rsprof	[0-9]' bench.raw
fi
done_testing

#!/bin/sh
# view.sh: rsprof-tui on a recording of one hour, with 1,000 functions on 4,000 stacks and
# 3 million samples: until the first screen is there, memory, each key, and the CPU time
# that it takes while the recording grows.  In a test of the bench: a minute.
. "$(dirname "$0")/lib.sh"

samples=3000000 rounds=25
[ "$BENCH_LIMIT" -gt 1 ] || samples=50000 rounds=1
hour=$T/hour.db

# stream FIRST LAST: those samples, of 8 threads, one each 1.2 ms.
stream() {
	awk -v first="$1" -v last="$2" 'BEGIN {
		OFS = "\t"; OFMT = CONVFMT = "%.0f"
		srand(7)
		t = 1000000000
		print "rsprof", 1, "cpu", "mono=" t, "wall=1767225600000000000", "hz=100",
		    "pid=4242", "unit=ns"
		print "proc", t, 4242, 1, "server", "/srv/server", "./server"
		for (i = 0; i < 8; i++)
			print "thread", t, 4242, 4242 + i, "worker-" i
		print "module", "a1", "beef", "/srv/server"
		for (i = 0; i < 1000; i++)
			printf "frame\tf%x\tserver::module%d::Type%d<T>::function_%d\t" \
			    "/src/server/src/module%d.rs\t%d\tuser\t-\tserver\t-\n",
			    i, i % 50, i % 200, i, i % 50, i
		for (i = 0; i < 12; i++)
			printf "stack\t%x\t%s\ta1\t%x\tf%x\t0\n", 4096 + i,
			    i ? sprintf("%x", 4095 + i) : "-", i * 16, i
		for (i = 0; i < 4000; i++)
			printf "stack\t%x\t%x\ta1\t%x\tf%x\t0\n", 8192 + i, 4107 - i % 7,
			    1000 + i * 16, i % 1000
		for (i = first; i < last; i++) {
			t = 1000000000 + i * 1200000
			r = rand()
			print "cpu", t, 4242, 4242 + i % 8,
			    sprintf("%x", 8192 + int(4000 * r * r)), 10000000
			if (i % 833 == 0)
				print "cost", t, "cpu", i * 300, 4096000
		}
		if (last)
			print "end", t, "cpu", "exited"
	}'
}
stream 0 $samples | rsprof-store "$hour" || { put note view 'no recording'; exit 1; }
put about hour "$(du -h "$hour" | cut -f 1), $samples samples"

for _ in $(repetitions); do
	spent "$T/spent" rsprof-tui -b "$hour" >"$T/screen"
	put view_open_s rsprof "$(sum "$(nth 3 <"$T/spent") / 1000")"
	put view_mb rsprof "$(sum "$(nth 2 <"$T/spent") / 1024")"
done

keys='jjj<PgDn><End><Home>sSsSgGg<Right><Right>[<Right>]=+-xx3m1<Enter>jj<Enter>j<Enter>++hl<Left>--V/9<Enter>nNF99<Enter>F<Esc>tjj<Enter>*0H1cf<Down><Right><Enter>=1<Right>]Dd=1i1?q'
all=
for _ in $(seq $rounds); do all=$all$keys; done
LINES=50 COLUMNS=160 rsprof-tui -bt -k "$all" "$hour" 2>&1 >"$T/screen" |
    cut -f 2 | sort -n >"$T/keys"
n=$(wc -l <"$T/keys")
put view_keys rsprof "$n"
put view_p50_ms rsprof "$(sed -n "$(((n + 1) / 2))p" "$T/keys")"
put view_p99_ms rsprof "$(sed -n "$(((n * 99 + 99) / 100))p" "$T/keys")"
put view_max_ms rsprof "$(tail -n 1 "$T/keys")"

# While 1,000 samples a second are added, in a terminal.
command -v tmux >/dev/null || { put note view 'tmux is not here'; exit; }
tm() { tmux -S "$T/socket" "$@"; }
(
	stream 0 0
	i=0
	while [ $i -lt 100 ]; do
		first=$((samples + i * 100))
		stream $first $((first + 100)) | grep -e '^cpu' -e '^cost'
		i=$((i + 1))
		sleep 0.09
	done
) | rsprof-store -a "$hour" 2>/dev/null &
own $!
tm -f /dev/null new-session -d -x 120 -y 40 "exec $B/rsprof-tui $hour"
pid=$(tm list-panes -F '#{pane_pid}')
sleep 2
[ "$BENCH_LIMIT" -gt 1 ] || { tm kill-server; exit; }
ticks() { cut -d ' ' -f 14,15 "/proc/$pid/stat" | tr ' ' + | xargs -I{} sh -c 'echo $(({}))'; }
before=$(ticks)
sleep 5
after=$(ticks)
put view_live_percent rsprof "$(sum "($after - $before) * 100 / $(getconf CLK_TCK) / 5")"
tm kill-server

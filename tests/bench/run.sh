#!/bin/sh
# run.sh [-q] [-o TSV]: all of the bench, side by side in one run: prints the
# table, and writes its figures with TABs into TSV (build/bench.tsv).
# -q: a fraction of a second each and all at once, to test the bench itself;
# its figures are worth nothing.
. "$(dirname "$0")/lib.sh"

usage() { echo 'usage: run.sh [-q] [-o TSV]' >&2; exit 2; }

quick=
tsv=$B/bench.tsv
while getopts o:q opt; do
	case $opt in
	o) tsv=$OPTARG ;;
	q) quick=1 ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# = 0 ] || usage
if [ -n "$quick" ]; then
	BENCH_SECONDS=0.2 BENCH_REPEAT=1 BENCH_LIMIT=1 BENCH_MODULES=0
fi
export B BENCH_SECONDS BENCH_REPEAT BENCH_LIMIT BENCH_MODULES

about() {
	put about machine "$(getconf _NPROCESSORS_ONLN) CPUs, $(sed -n \
		's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
	put about 'load before' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
	put about programs "$(rsprof -V), $(perf --version 2>/dev/null)"
	put about windows "$BENCH_SECONDS s, $BENCH_REPEAT repetitions"
	put about 'busy target' "$(du -hL "$B/target/work" | cut -f 1)"
	[ -z "$quick" ] || put about 'quick run' 'only a test of the bench'
}

# part SCRIPT ARGUMENT...: into a file of its own.  In the background, so that
# a signal is taken at once.
parts=0
part() {
	parts=$((parts + 1))
	[ -n "$quick" ] || echo "bench: $*" >&2
	script=$1; shift
	"$BENCH/$script" "$@" >"$T/raw.$parts" &
	last=$!
	own $last
	running="$running $last"
	[ -n "$quick" ] || settle
}

settle() {
	for p in $running; do
		wait "$p" || status=1
	done
	running=
}

status=0
running=
about >"$T/raw.0"
find_modes >>"$T/raw.0"
part loss.sh busy 99
part loss.sh busy 999
part loss.sh switch 99
part large.sh
part walk.sh
part full.sh
part heap.sh
part inside.sh
part names.sh
part view.sh
part store.sh
settle
cat "$T"/raw.* >"${tsv%.tsv}.raw"
"$BENCH/table.pl" "$tsv" "${tsv%.tsv}.raw" || status=1
"$BENCH/heap.pl" "${tsv%.tsv}.raw" || status=1
"$BENCH/inside.pl" "${tsv%.tsv}.raw" || status=1
"$BENCH/names.pl" "${tsv%.tsv}.raw" || status=1
"$BENCH/view.pl" "${tsv%.tsv}.raw" || status=1
"$BENCH/store.pl" "${tsv%.tsv}.raw" || status=1
exit $status

#!/bin/sh
# npm.sh: production programs and add-ons in Rust as npm has them, stripped, with allocators of
# their own: biome (jemalloc), lightningcss (libc), oxlint and swc (mimalloc, in node).  Both
# `rsprof run' and `attach' end with status 0, rows are functions, the heap is recorded, and
# what is lost is told.  NPM says which.
# shellcheck disable=SC2016
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/lib.sh"

npm=$(command -v npm) && command -v node >/dev/null || skip_all 'no npm or no node'
HERE=$B/npm
mkdir -p "$HERE" && cd "$HERE" || exit 1
packages="@biomejs/biome@2 lightningcss-cli@1 oxlint@1 @swc/core@1"
if [ ! -e node_modules/.all ]; then
	# shellcheck disable=SC2086
	"$npm" install --silent --no-audit --no-fund --prefix . $packages >npm.log 2>&1 ||
		skip_all "npm install: $(tail -n 1 npm.log)"
	: >node_modules/.all
fi

# ---- what they work on -------------------------------------------------------

mkdir -p "$T/in" && cd "$T" || exit 1
awk 'BEGIN {
	for (f = 0; f < 1200; f++) {
		file = sprintf("in/m%d.ts", f)
		for (i = 0; i < 200; i++)
			printf "export function f%d(a: number, b: string): string {\n\tconst c = a * %d + " \
			    "b.length;\n\treturn `${c} ${b}`;\n}\n\n", i, i + f >file
		close(file)
	}
	for (i = 0; i < 400000; i++)
		printf ".a%d > .b%d:hover { color: #%06x; margin: %dpx %dpx; background: " \
		    "linear-gradient(red, #%06x %d%%) }\n", i, i, i * 7 % 16777216, i % 50, i % 7,
		    i * 11 % 16777216, i % 100 >"big.css"
}'
for copy in in2 in3 in4 in5 in6; do
	cp -r in "$copy"
done
cat >swc.js <<'END'
const swc = require(process.argv[2] + "/node_modules/@swc/core");
const fs = require("fs");
for (let i = 0; i < Number(process.argv[3]); i++)
	for (const file of fs.readdirSync("in").slice(0, 40))
		swc.transformSync(fs.readFileSync("in/" + file, "utf8"), { filename: file,
			minify: true, jsc: { parser: { syntax: "typescript" }, target: "es5" } });
END
biome=$HERE/node_modules/@biomejs/cli-linux-x64/biome
css=$HERE/node_modules/lightningcss-cli-linux-x64-gnu/lightningcss
oxlint=$HERE/node_modules/oxlint/bin/oxlint
# started COMMAND ...: with a program's arguments, and $mapped, a file that it maps when its
# Rust code is there.
started() {
	what=$1
	shift
	case $what in
	biome) mapped=biome; set -- "$@" "$biome" lint --files-max-size=10000000 in ;;
	lightningcss) mapped=lightningcss; set -- "$@" "$css" --minify big.css -o out.css ;;
	oxlint) mapped='oxlint.*node'; set -- "$@" node "$oxlint" in in2 in3 in4 in5 in6 ;;
	swc) mapped='swc.*node'; set -- "$@" node swc.js "$HERE" 40 ;;
	esac
	"$@"
}

# ---- what is recorded ----------------------------------------------------------

query() { rsprof-query db "$1"; }
# judge WHAT: the recording, and what was said about it, in out and err.
judge() {
	cat out err >said
	query 'SELECT function, count(*) FROM cpu_samples GROUP BY 1' >rows
	ok "$1: rows are functions" awk -F '\t' '
		$1 ~ / fn\+0x/ { n++ }
		$1 ~ /(biome|lightningcss|\.node)\+0x/ { print; bad = 1 }
		END { exit bad || !n }' rows
	lost=$(query 'SELECT coalesce(sum(count), 0) FROM lost')
	if [ "$lost" = 0 ]; then
		ok "$1: nothing is lost, and that is said" grep -q '^CPU .*, nothing lost;' said
	else
		ok "$1: what is lost is told ($lost)" grep -Eq "^CPU .*, [0-9]+ lost;" said
	fi
	grep -E '^(CPU|Heap|Warning|Recorded)' said | diag
}
for program in ${NPM:-biome lightningcss oxlint swc}; do
	rm -f db*
	exits "$program: run" 0 started $program rsprof run -q -o db --
	judge "$program: run"
	allocs=$(query 'SELECT sum(allocs) FROM memory')
	ok "$program: run: the heap is recorded (${allocs:-0} allocations)" [ "${allocs:-0}" -gt 1000 ]

	rm -f db*
	started $program launch
	pid=$launched
	await 60 grep -q "$mapped" "/proc/$pid/maps"
	kill -s STOP "$pid"
	rsprof attach -q -d 3 -o db "$pid" >out 2>err & attach=$!
	own $attach
	await 60 test -e db
	kill -s CONT "$pid"
	wait $attach
	status=$?
	ok "$program: attach: status 0 ($status)" [ $status = 0 ]
	[ $status = 0 ] || diag <err
	judge "$program: attach"
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
done
done_testing

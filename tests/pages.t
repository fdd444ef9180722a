#!/bin/sh
# Each command has a page and a test, and does what its page promises.
# shellcheck source=tests/tools/lib.sh
. "$(dirname "$0")/tools/lib.sh"

version=$(sed -n 's/^VERSION := //p' "$ROOT/Makefile")
ok 'there is a version' [ -n "$version" ]

# words: white space does not count.
words() { tr -s ' \n' '\n' | sed '/^$/d'; }

# synopsis PAGE: as mandoc prints it, without bold and underlined.
synopsis() {
	mandoc -T ascii "$1" 2>/dev/null | sed "s/.$(printf '\b')//g" |
		awk '/^[A-Z]/ { on = $0 == "SYNOPSIS"; next } on'
}

for file in "$ROOT"/cmd/rsprof* "$ROOT"/cmd/cargo-rsprof.c; do
	command=${file##*/}
	command=${command%.c}
	page=$ROOT/man/$command.1
	test=${command#rsprof-}
	ok "$command has a page" [ -f "$page" ]
	ok "$command has a test" [ -x "$ROOT/tests/commands/$test.t" ]

	exits "$command -V: 0" 0 "$command" -V
	echo "$command $version" >"$T/version"
	same 'it is the name and the version' "$T/out" "$T/version"
	exits "$command -V to a full disk: 1" 1 \
		sh -c "$command -V >/dev/full"
	ok 'that is said' [ -s "$T/err" ]

	exits "$command --version: 0" 0 "$command" --version
	same 'is the same' "$T/out" "$T/version"

	for help in -h --help; do
		exits "$command $help: 0" 0 "$command" $help
		cp "$T/out" "$T/help"
		ok 'it is on standard output alone' [ ! -s "$T/err" ]
	done
	exits "$command -h to a full disk: 1" 1 sh -c "$command -h >/dev/full"

	exits "$command with an unknown option: 2" 2 "$command" -@
	ok 'without output' [ ! -s "$T/out" ]
	sed -n '/^usage: /,$s/^usage: //p; /^       /p' "$T/err" |
		words >"$T/usage"
	if command -v mandoc >/dev/null; then
		synopsis "$page" | words >"$T/synopsis"
		same 'the usage is the synopsis of the page' \
			"$T/usage" "$T/synopsis"
		grep -v "^$command: " "$T/err" >"$T/usage"
		[ $command = rsprof ] || same 'help is that, too' "$T/help" "$T/usage"
		ok 'which has one' [ -s "$T/synopsis" ]
	else
		skip 'no mandoc'
	fi
	for section in 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		ok "the page has $section" grep -qx ".Sh $section" "$page"
	done
done

for test in "$ROOT"/tests/*.t "$ROOT"/tests/commands/*.t; do
	ok "${test##*/} can be run" [ -x "$test" ]
done

for page in "$ROOT"/man/*.[1-9]; do
	name=${page##*/}
	if command -v mandoc >/dev/null; then
		# Pages of other packages need not be installed.
		mandoc -T lint "$page" 2>/dev/null |
			grep -v -e 'referenced manual not found' \
				-e 'typo in section name: Sh RECORDS' >"$T/lint"
		ok "$name is without fault" [ ! -s "$T/lint" ]
		diag <"$T/lint"
	else
		skip "$name: no mandoc"
	fi
	# A page names only pages that there are.
	sed -n 's/^\.Xr \(rsprof[a-z-]*\) \([0-9]\).*/\1.\2/p' "$page" |
		sort -u | while read -r other; do
			[ -f "$ROOT/man/$other" ] || echo "$other"
		done >"$T/missing"
	ok "$name refers to pages that there are" [ ! -s "$T/missing" ]
	diag <"$T/missing"
done
done_testing

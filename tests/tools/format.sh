#!/bin/sh
# format.sh FILE...: is C code spaced as .clang-format says?  Where a line is
# broken is its author's choice, so the words are compared and not the lines.
# Tabs indent, a line has at most 100 columns and nothing at its end.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/rsprof-format.XXXXXX") || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0

# words: a line may end in a bracket; what clang-format takes for a cast or a
# call is let pass; the ends of a macro's lines do not count.
words() {
	sed ':a
		/($/ { N; s/\n[[:space:]]*//; ta
		}
		s/\([a-z]\)) & /\1)\&/g
		s/__extension__ (/__extension__(/' |
		tr -s ' \t\n' '\n' | sed '/^\\$/d'
}

for file; do
	words <"$file" >"$tmp/is"
	clang-format "$file" | words >"$tmp/should"
	if ! diff "$tmp/is" "$tmp/should" >"$tmp/diff"; then
		echo "$file: spaced otherwise than .clang-format says:"
		cat "$tmp/diff"
		status=1
	fi
	awk -v file="$file" '
		length($0) > 100 { bad("too long") }
		/[ \t]$/ { bad("ends in white space") }
		/^        / { bad("is indented by spaces") }
		function bad(why) {
			print file ":" NR ": " why
			status = 1
		}
		END { exit status }' "$file" || status=1
done
exit $status

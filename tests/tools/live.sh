# Shared by the tests of streams that are cut: what is live at an end.

# live FILE: what is live at its end, by numbers and stack.
live() {
	sqlite3 -separator ' ' "$1" "SELECT pid, tid, printf('%x', hash), live FROM heap
		JOIN thread t ON t.id = thread JOIN process p ON p.id = process JOIN stack s ON s.id = stack
		WHERE heap.rowid IN (SELECT max(rowid) FROM heap GROUP BY thread, stack) AND live > 0
		AND p.ended IS NULL" | sort
}

# live_of_stream [FILE]: the same of a stream: memory of a program that has been replaced, or
# has ended, is gone.
live_of_stream() {
	awk -F '\t' '
	function gone(pid, k) { for (k in n) if (index(k, pid " ") == 1) delete n[k] }
	$1 == "heap" { for (i = 6; i <= NF; i++) if ($i ~ /^live=/) n[$3 " " $4 " " $5] = substr($i, 6) }
	$1 == "proc" { gone($3) }
	$1 == "exit" && $4 == "-" { gone($3) }
	END { for (k in n) if (n[k] > 0) print k, n[k] }' "$@" | sort
}

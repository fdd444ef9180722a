# Processes that a script has started, and ends with.  A number is given to another process
# soon after its own has ended: so they are kept as PID:BORN, in $owned.

owned=

# born PID: when it was started, in ticks; nothing if there is no such process.
born() {
	{ read -r line <"/proc/$1/stat"; } 2>/dev/null || return
	# shellcheck disable=SC2086
	set -- ${line##*)}
	echo "${20}"
}

own() {
	started=$(born "$1")
	[ -z "$started" ] || owned="$owned $1:$started"
}

# still_owned: those that have not ended.
still_owned() {
	for process in $owned; do
		[ "$(born "${process%:*}")" != "${process#*:}" ] || echo "${process%:*}"
	done
}

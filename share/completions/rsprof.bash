# Completion of rsprof and its programs in bash: rsprof-suggest knows what may come next.
_rsprof() {
	local line word=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		$'\tfiles')
			compopt -o filenames
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
			;;
		$'\tdirectories')
			compopt -o filenames
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$word")
			;;
		$'\tcommands')
			while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$word")
			;;
		*$'\trecording') ;; # it is among the files
		*) COMPREPLY+=("$(printf %q "${line%%$'\t'*}")") ;;
		esac
	done < <(rsprof-suggest "${COMP_WORDS[@]:0:COMP_CWORD}" "$word" 2>/dev/null)
}
complete -F _rsprof @commands@

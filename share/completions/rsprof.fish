# Completion of rsprof and its programs in fish: rsprof-suggest knows what may come next.
function __rsprof_suggest
    set -l word (commandline -ct)
    for line in (rsprof-suggest (commandline -opc) "$word" 2>/dev/null)
        switch $line
            case \tfiles
                __fish_complete_path "$word"
            case \tdirectories
                __fish_complete_directories "$word"
            case \tcommands
                complete -C "$word"
            case '*'
                echo $line
        end
    end
end
for command in @commands@
    complete -c $command -f -a '(__rsprof_suggest)'
end

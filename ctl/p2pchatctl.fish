# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of p2pchatctl(1), which does the thinking itself.

function __p2pchatctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (p2pchatctl complete -- $words[2..] "$current" 2>/dev/null </dev/null)
        if test "$line" = :file
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end

complete -c p2pchatctl -f -a '(__p2pchatctl_complete)'

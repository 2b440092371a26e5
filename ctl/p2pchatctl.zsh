#compdef p2pchatctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of p2pchatctl(1), which does the thinking itself.

_p2pchatctl() {
        local line word
        local -a plain plain_shown open open_shown
        for line in "${(@f)$(p2pchatctl complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null </dev/null)}"; do
                [[ -n $line ]] || continue
                if [[ $line = :file ]]; then
                        _files
                        return
                fi
                word=${line%%$'\t'*}
                line="$word -- ${line#*$'\t'}"
                line=${line% -- }
                if [[ $word = *= ]]; then
                        open+=("$word")
                        open_shown+=("$line")
                else
                        plain+=("$word")
                        plain_shown+=("$line")
                fi
        done
        compadd -l -d plain_shown -a plain
        compadd -l -S '' -d open_shown -a open
}

_p2pchatctl "$@"

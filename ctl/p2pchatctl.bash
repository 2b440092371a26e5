# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of p2pchatctl(1), which does the thinking itself.

_p2pchatctl() {
        local words=() word glued='' i
        COMPREPLY=()
        # "--view=public" comes as three words.
        for ((i = 1; i <= COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                if [ "$word" = '=' ] && [ ${#words[@]} -gt 0 ]; then
                        words[-1]+=$word
                        glued=1
                elif [ -n "$glued" ]; then
                        words[-1]+=$word
                        glued=''
                else
                        words+=("$word")
                fi
        done
        while IFS=$'\t' read -r word _; do
                if [ "$word" = :file ]; then
                        compopt -o default 2>/dev/null
                        return
                fi
                case ${words[-1]} in
                --*=*) COMPREPLY+=("${word#*=}") ;;
                *) COMPREPLY+=("$word") ;;
                esac
        done < <(p2pchatctl complete -- "${words[@]}" 2>/dev/null </dev/null)
        if [[ ${COMPREPLY[0]-} = *= ]]; then
                compopt -o nospace 2>/dev/null
        fi
}

complete -F _p2pchatctl p2pchatctl

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Completion of p2pchat-trackerctl(1): verbs, options, and the names that the tracker has now, where who asks may see
# them without a password.

# Only what is a name by its form, for compgen would expand more than that.
_p2pchat_trackerctl_names() {
        timeout 3 p2pchat-trackerctl --no-ask-password "$@" 2>/dev/null </dev/null |
                awk 'NR > 1 && $1 ~ /^[a-z0-9._-]+$/ { print $1 }'
}

_p2pchat_trackerctl() {
        local cur=${COMP_WORDS[COMP_CWORD]} words=() choices='' i
        # "--json=short" comes as three words.
        for ((i = 1; i < COMP_CWORD; i++)); do
                case ${COMP_WORDS[i]} in
                -*) ;;
                =) i=$((i + 1)) ;;
                *) words+=("${COMP_WORDS[i]}") ;;
                esac
        done
        if [ "$cur" = '=' ] || [ "${COMP_WORDS[COMP_CWORD - 1]}" = '=' ]; then
                [ "$cur" = '=' ] && i=$((COMP_CWORD - 1)) || i=$((COMP_CWORD - 2))
                cur=${cur#=}
                case ${COMP_WORDS[i]} in
                --json) choices='short pretty off' ;;
                --state) choices='active suspended deleted' ;;
                esac
        elif [[ $cur = -* ]]; then
                choices='--json= --no-ask-password --help'
                case "${words[*]}" in
                '') choices+=' --version' ;;
                'user list'*) choices+=' --state=' ;;
                'user suspend'* | 'channel delist'*) choices+=' --reason=' ;;
                'user delete'* | 'ca rotate'*) choices+=' --yes' ;;
                'channel list'*) choices+=' --online --offline --delisted' ;;
                esac
        else
                case "${words[*]}" in
                '') choices='status user channel lease ca log-level help' ;;
                user) choices='list show suspend resume reset delete' ;;
                channel) choices='list delist relist' ;;
                lease) choices='list' ;;
                ca) choices='show rotate' ;;
                log-level) choices='emerg alert crit err warning notice info debug' ;;
                'user resume') choices=$(_p2pchat_trackerctl_names user list --state=suspended) ;;
                'user show' | 'user suspend' | 'user reset' | 'user delete')
                        choices=$(_p2pchat_trackerctl_names user list)
                        ;;
                'channel relist') choices=$(_p2pchat_trackerctl_names channel list --delisted) ;;
                'channel delist') choices=$(_p2pchat_trackerctl_names channel list) ;;
                esac
        fi
        mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
        if [[ ${COMPREPLY[0]-} = *= ]]; then
                compopt -o nospace 2>/dev/null
        fi
}

complete -F _p2pchat_trackerctl p2pchat-trackerctl

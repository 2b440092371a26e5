#compdef p2pchat-trackerctl
# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of p2pchat-trackerctl(1): verbs, options, and the names that the tracker has now, where who asks may see
# them without a password.

(( $+functions[_p2pchat_trackerctl_names] )) ||
_p2pchat_trackerctl_names() {
        local what=$1
        local -a names
        shift
        names=(${(f)"$(timeout 3 p2pchat-trackerctl --no-ask-password "$@" 2>/dev/null </dev/null |
                awk 'NR > 1 && $1 ~ /^[a-z0-9._-]+$/ { print $1 }')"})
        _wanted names expl "$what" compadd -a names
}

_p2pchat-trackerctl() {
        local curcontext=$curcontext state line expl
        local -a common=(
                '(-j --json)'{-j,--json=-}'[what programs read]::mode:(short pretty off)'
                '--no-ask-password[ask nobody for a password]'
                '(- *)'{-h,--help}'[show help]'
        )
        _arguments -C $common '(- *)--version[show the version]' \
                '1:verb:((status\:"how the tracker is" user\:"who has an account" channel\:"the directory"
                        lease\:"which channels are hosted now" ca\:"the certificate authority"
                        log-level\:"how much is logged" help\:"show help"))' \
                '*::argument:->arguments'
        [[ $state = arguments ]] || return
        case $words[1] in
        log-level) _arguments $common '1:level:(emerg alert crit err warning notice info debug)' ;;
        lease) _arguments $common '1:verb:(list)' ;;
        ca) _arguments $common '--yes[do not ask]' '1:verb:(show rotate)' ;;
        user)
                case $words[2] in
                resume) local names='{_p2pchat_trackerctl_names user user list --state=suspended}' ;;
                list) local names=' ' ;;
                *) local names='{_p2pchat_trackerctl_names user user list}' ;;
                esac
                _arguments $common '--state=[only these]:state:(active suspended deleted)' '--yes[do not ask]' \
                        '--reason=[shown to the user]:text: ' \
                        '1:verb:(list show suspend resume reset delete)' "2:user:$names"
                ;;
        channel)
                case $words[2] in
                relist) local names='{_p2pchat_trackerctl_names channel channel list --delisted}' ;;
                list) local names=' ' ;;
                *) local names='{_p2pchat_trackerctl_names channel channel list}' ;;
                esac
                _arguments $common '(--online --offline --delisted)'--{online,offline,delisted} \
                        '--reason=[shown to the owner]:text: ' \
                        '1:verb:(list delist relist)' "2:channel:$names"
                ;;
        esac
}

_p2pchat-trackerctl "$@"

# SPDX-License-Identifier: LGPL-2.1-or-later
# Completion of p2pchat-trackerctl(1): verbs, options, and the names that the tracker has now, where who asks may see
# them without a password.

function __p2pchat_trackerctl_names
    timeout 3 p2pchat-trackerctl --no-ask-password $argv 2>/dev/null </dev/null |
        awk 'NR > 1 && $1 ~ /^[a-z0-9._-]+$/ { print $1 }'
end

# The words that are no options, without the last, are these.
function __p2pchat_trackerctl_after
    set -l words (string match -v -- '-*' (commandline -opc))[2..]
    test "$words" = "$argv"
end

function __p2pchat_trackerctl_with
    for word in (commandline -opc)
        contains -- $word $argv; and return
    end
    return 1
end

set -l c complete -c p2pchat-trackerctl
$c -f
$c -s j -d 'JSON, short'
$c -l json -x -a 'short pretty off' -d 'What programs read'
$c -l no-ask-password -d 'Ask nobody for a password'
$c -s h -l help -d 'Show help'
$c -n __p2pchat_trackerctl_after -l version -d 'Show the version'
$c -n __p2pchat_trackerctl_after -a 'status user channel lease ca log-level help'
$c -n '__p2pchat_trackerctl_after user' -a 'list show suspend resume reset delete'
$c -n '__p2pchat_trackerctl_after channel' -a 'list delist relist'
$c -n '__p2pchat_trackerctl_after lease' -a list
$c -n '__p2pchat_trackerctl_after ca' -a 'show rotate'
$c -n '__p2pchat_trackerctl_after log-level' -a 'emerg alert crit err warning notice info debug'
for verb in show suspend reset delete
    $c -n "__p2pchat_trackerctl_after user $verb" -a '(__p2pchat_trackerctl_names user list)'
end
$c -n '__p2pchat_trackerctl_after user resume' -a '(__p2pchat_trackerctl_names user list --state=suspended)'
$c -n '__p2pchat_trackerctl_after channel delist' -a '(__p2pchat_trackerctl_names channel list)'
$c -n '__p2pchat_trackerctl_after channel relist' -a '(__p2pchat_trackerctl_names channel list --delisted)'
$c -n '__p2pchat_trackerctl_with user' -l state -x -a 'active suspended deleted' -d 'Only these'
$c -n '__p2pchat_trackerctl_with suspend delist' -l reason -x -d 'Shown to whom it concerns'
$c -n '__p2pchat_trackerctl_with delete rotate' -s y -l yes -d 'Do not ask'
$c -n '__p2pchat_trackerctl_with channel' -l online -d 'Only those whose host is there'
$c -n '__p2pchat_trackerctl_with channel' -l offline -d 'Only those whose host is not'
$c -n '__p2pchat_trackerctl_with channel' -l delisted -d 'Only those that are taken out'

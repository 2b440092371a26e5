# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The story that quickstart tells: a tracker and three people in a scratch directory, each with a bus of
# their own. Sourced by units/quickstart; demo() is the way in. Nothing outlives it.

demo_pids=()
demo_scratch=

demo_end() {
        local pid
        # Last started, first ended; a daemon says its goodbyes on TERM.
        for ((i = ${#demo_pids[@]} - 1; i >= 0; i--)); do
                pid=${demo_pids[i]}
                kill "$pid" 2>/dev/null || true
                wait "$pid" 2>/dev/null || true
        done
        demo_pids=()
        [ -z "$demo_scratch" ] || rm -rf "$demo_scratch"
        demo_scratch=
}

# demo_until WHAT COMMAND…: until it succeeds; gives up, and says what was waited for, after 30 s.
demo_until() {
        local what=$1 end=$((SECONDS + 30))
        shift
        until "$@" >/dev/null 2>&1; do
                if [ $SECONDS -ge $end ]; then
                        say "Waited 30 s for $what, in vain. Logs:" >&2
                        tail -n 5 "$demo_scratch"/*.log >&2 || true
                        return 1
                fi
                sleep 0.05
        done
}

demo_tracker_listens() {
        (exec 3<>"/dev/tcp/127.0.0.1/$demo_port") 2>/dev/null
}

demo_start_tracker() {
        local tries
        mkdir -m 700 "$demo_scratch/tracker"
        for tries in 1 2 3 4 5 6 7 8; do
                demo_port=$((20000 + RANDOM % 20000))
                if demo_tracker_listens; then
                        continue # somebody else's
                fi
                systemd-socket-activate --fdname=tracker -E "STATE_DIRECTORY=$demo_scratch/tracker" \
                        -l "127.0.0.1:$demo_port" "$demo_build/tracker/p2pchat-trackerd" \
                        >"$demo_scratch/tracker.log" 2>&1 </dev/null &
                demo_pids+=($!)
                if demo_until "the tracker (try $tries)" demo_tracker_listens; then
                        return 0
                fi
        done
        return 1
}

# demo_person NAME: a bus and a daemon of their own.
demo_start_bus() {
        local name=$1
        mkdir -m 700 "$demo_scratch/$name"
        cat >"$demo_scratch/$name.bus.conf" <<CONF
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=$demo_scratch/$name.bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
CONF
        dbus-daemon --config-file="$demo_scratch/$name.bus.conf" --nofork --nopidfile \
                >"$demo_scratch/$name.bus.log" 2>&1 </dev/null &
        demo_pids+=($!)
        demo_until "the bus of $name" test -S "$demo_scratch/$name.bus"
}

# Sets demo_daemon_pid.
demo_start_daemon() {
        local name=$1
        DBUS_SESSION_BUS_ADDRESS=unix:path=$demo_scratch/$name.bus STATE_DIRECTORY=$demo_scratch/$name \
                "$demo_build/daemon/p2pchatd" --listen=127.0.0.1:0 >>"$demo_scratch/$name.log" 2>&1 </dev/null &
        demo_daemon_pid=$!
        demo_pids+=("$demo_daemon_pid")
        demo_until "the daemon of $name" as "$name" status
}

# as NAME ARGUMENTS…: p2pchatctl of that person.
as() {
        local name=$1
        shift
        DBUS_SESSION_BUS_ADDRESS=unix:path=$demo_scratch/$name.bus "$demo_build/ctl/p2pchatctl" "$@"
}

# shows NAME ARGUMENTS…: prints the command as that person would type it, and runs it.
shows() {
        local name=$1 words=() word
        shift
        for word; do
                case $word in
                --password-fd=*) continue ;;
                *[!a-zA-Z0-9_.:/=-]*) words+=("'$word'") ;;
                *) words+=("$word") ;;
                esac
        done
        printf '\n%s$ p2pchatctl %s\n' "$name" "${words[*]}"
        as "$name" "$@"
}

# The password is asked for at a prompt in real life; here it comes through a descriptor.
signs_up() {
        local name=$1
        shows "$name" signup "$name" --password-fd=3 3<<<"correct horse $name"
}

demo_log_is() {
        local name=$1 expected=$2
        [ "$(as "$name" log lobby -n 100000 -o json 2>/dev/null)" = "$expected" ]
}

demo_queued_is() {
        [ "$(as bob outbox -j 2>/dev/null | grep -o '"state":"queued"' | wc -l)" -eq "$1" ]
}

demo_story() {
        local alice_pid log name text

        say ""
        say "== A tracker, and three people who each have a bus and a daemon of their own."
        demo_start_tracker
        for name in alice bob guest; do
                demo_start_bus "$name"
                demo_start_daemon "$name"
                [ "$name" != alice ] || alice_pid=$demo_daemon_pid
        done

        say ""
        say "== alice signs up and hosts a channel."
        shows alice tracker "127.0.0.1:$demo_port" --trust-new
        signs_up alice
        shows alice host lobby --topic='all welcome'

        say ""
        say "== bob signs up, finds it and joins; they talk."
        shows bob tracker "127.0.0.1:$demo_port" --trust-new
        signs_up bob
        shows bob list
        shows bob join lobby
        shows bob send lobby --wait=stored 'hello alice'
        shows alice send lobby --wait=stored 'hello bob, welcome'

        say ""
        say "== A guest joins and reads."
        shows guest tracker "127.0.0.1:$demo_port" --trust-new
        shows guest guest carol
        shows guest join lobby
        log=$(as alice log lobby -n 100000 -o json)
        demo_until "the guest to have it all" demo_log_is guest "$log"
        shows guest log lobby

        say ""
        say "== alice's daemon is killed; bob goes on typing."
        printf '\n$ kill -9 %s\n' "$alice_pid"
        kill -9 "$alice_pid"
        wait "$alice_pid" 2>/dev/null || true
        for text in one two three; do
                shows bob send lobby "$text"
        done
        demo_queued_is 3 || {
                say "bob's outbox does not hold three messages." >&2
                return 1
        }
        shows bob outbox

        say ""
        say "== alice's daemon comes back; the three arrive by themselves."
        demo_start_daemon alice
        demo_until "bob's outbox to be empty" demo_queued_is 0
        shows alice log lobby

        say ""
        say "== Three people, one log."
        log=$(as alice log lobby -n 100000 -o json)
        demo_until "bob to have it all" demo_log_is bob "$log"
        demo_until "the guest to have it all" demo_log_is guest "$log"
        for name in alice bob guest; do
                as "$name" log lobby -n 100000 -o json >"$demo_scratch/$name.json"
                printf '%s$ p2pchatctl log lobby -n 100000 -o json | sha256sum\n    %s\n' "$name" \
                        "$(sha256sum <"$demo_scratch/$name.json")"
        done
        demo_same "$demo_scratch/alice.json" "$demo_scratch/bob.json"
        demo_same "$demo_scratch/alice.json" "$demo_scratch/guest.json"
        text=$(grep -o '"message_content":"[a-z]*"' "$demo_scratch/alice.json" | tail -n 3 | tr -d '\n')
        if [ "$text" != '"message_content":"one""message_content":"two""message_content":"three"' ]; then
                say "The three did not arrive once and in order." >&2
                return 1
        fi
        say "The same, and the three arrived once and in order."
}

# demo_same FILE FILE: one log is the other, byte for byte.
demo_same() {
        cmp "$1" "$2" || {
                say "The logs differ: $(basename "$1" .json) and $(basename "$2" .json)." >&2
                return 1
        }
}

# bob answers whatever alice says, until his log ends.
demo_bob_answers() {
        as bob log lobby -f -n 0 -o json 2>/dev/null | while IFS= read -r line; do
                case $line in
                *'"kind":"message"'*'"username":"alice"'*)
                        as bob send lobby "I heard you, alice." >/dev/null || true
                        ;;
                esac
        done
}

# The buses listen in it, and the path of a socket has 107 bytes at most.
demo_make_scratch() {
        local parent=${TMPDIR:-/tmp}
        [ ${#parent} -le 70 ] || parent=/tmp
        demo_scratch=$(mktemp -d "$parent/p2pchat-demo.XXXXXX")
}

demo() {
        demo_build=$1
        demo_make_scratch
        trap demo_end EXIT
        trap 'exit 130' INT TERM
        demo_story
        if [ -t 0 ] && [ -t 1 ]; then
                say ""
                say "== Now you are alice; bob answers. /exit ends it, and everything with it."
                demo_bob_answers &
                demo_pids+=($!)
                as alice chat lobby
        else
                say ""
                say "Type 'units/quickstart --demo' at a terminal to go on as alice."
        fi
}

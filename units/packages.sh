# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash disable=SC2034
# What building, running and testing needs, by Debian's names, and how it is installed: asks for root
# only where something is missing. Sourced by units/quickstart and tests/run.

PACKAGES_BUILD=(
        gcc libc6-dev meson ninja-build pkg-config systemd libsystemd-dev libjson-c-dev uuid-dev libssl-dev
        libsqlite3-dev libcrypt-dev libinih-dev uthash-dev libreadline-dev scdoc gettext
)
PACKAGES_RUN=(systemd dbus dbus-user-session)
PACKAGES_CI=(clang dbus-broker)
PACKAGES_TEST=(
        dbus libcmocka-dev python3 python3-pytest python3-pytest-timeout python3-cryptography python3-dbus python3-gi
        iproute2 nftables util-linux shellcheck zsh fish openssl systemd-container dbus-user-session polkitd sudo tmux
        groff-base libglib2.0-dev libglib2.0-dev-bin
        xvfb xauth xdotool imagemagick at-spi2-core gir1.2-atspi-2.0 adwaita-icon-theme fonts-noto-core
        desktop-file-utils appstream
)
PACKAGES_WINDOW=(libgtk-4-dev libadwaita-1-dev)
# A booted machine that gets this one changes its own bus for it; there the tests use it if it is there.
[ -d /run/systemd/system ] || PACKAGES_TEST+=(dbus-broker)

# Runs as root: as we are, or by sudo, which may ask for a password.
as_root() {
        if [ "$(id -u)" -eq 0 ]; then
                "$@"
        else
                sudo "$@"
        fi
}

package_is_installed() {
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Names those of its arguments that are not installed.
packages_missing() {
        local package
        for package in "$@"; do
                package_is_installed "$package" || printf '%s\n' "$package"
        done
}

# Installs what is missing of its arguments; says what it does; leaves the log behind on a failure.
packages_install() {
        local missing log
        if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
                echo "This needs Debian 12 or newer. Elsewhere, install the equivalents of:" >&2
                printf '    %s\n' "$*" >&2
                echo "and build with: meson setup build && ninja -C build" >&2
                return 1
        fi
        mapfile -t missing < <(packages_missing "$@" | sort -u)
        [ ${#missing[@]} -gt 0 ] || return 0
        if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
                echo "These packages are missing, and there is no sudo to install them with:" >&2
                printf '    %s\n' "${missing[*]}" >&2
                echo "Ask somebody with root to run: apt-get install ${missing[*]}" >&2
                return 1
        fi
        echo "Installing ${#missing[@]} packages: ${missing[*]}"
        log=$(mktemp "${TMPDIR:-/tmp}/p2pchat-apt.XXXXXX")
        if ! { as_root apt-get update -q &&
                as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
                        "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
                tail -n 15 "$log" >&2
                echo "Installing failed; the whole log is in $log" >&2
                return 1
        fi
        rm -f "$log"
}

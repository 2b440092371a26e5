# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults for check.py: each is planted in what was installed, and must be found."""

SERVICE, SOCKET = "lib/systemd/system/p2pchat-tracker.service", "lib/systemd/system/p2pchat-tracker.socket"
USER = "lib/systemd/user/p2pchatd.service"
BUS, NAME = "share/dbus-1/system.d/org.p2pchat.Tracker1.conf", "org.p2pchat.Tracker1"
ACTIVATION = "share/dbus-1/system-services/org.p2pchat.Tracker1.service"
ACTIONS = "share/polkit-1/actions/org.p2pchat.tracker.policy"
INTERFACE = "share/dbus-1/interfaces/org.p2pchat.Tracker1.Users.xml"
ALLOW = f'<allow send_destination="{NAME}"'
LEASES = f'{ALLOW} send_interface="{NAME}.Leases"/>'

ENTRY, WINDOW = "share/applications/org.p2pchat.Chat.desktop", "share/dbus-1/services/org.p2pchat.Chat.service"

# file, what is replaced in it once, what by, what is said of it.
FAULTS = [
    (SERVICE, "WatchdogSec=", "WatchdogSeconds=", "Unknown key 'WatchdogSeconds'"),
    (SERVICE, "WatchdogSec=30", "WatchdogSec=soon", "Failed to parse sec value"),
    (SERVICE, "Type=notify", "Type=notified", "Failed to parse service type"),
    (SERVICE, "libexec/p2pchat-trackerd\n", "libexec/p2pchat-trackers\n", "is not executable"),
    (SERVICE, "Requires=p2pchat-tracker.socket", "Requires=p2pchat.socket", "Unit p2pchat.socket not found"),
    (SERVICE, "SystemCallFilter=@system-service", "SystemCallFilter=@system-services", "Unknown system call group"),
    (SERVICE, "man:p2pchat-trackerd(8)", "man:p2pchat-trackerd(7)", "the page p2pchat-trackerd(7) is not shipped"),
    (SOCKET, "ListenStream=22236", "ListenStream=222360", "Failed to parse"),
    (USER, "PrivateTmp=yes", "PrivateTmp=perhaps", "Failed to parse"),
    (USER, "BusName=org.p2pchat.Peer1", "BusName=org.p2pchat.Peer2", "the unit waits for another name"),
    (USER, "libexec/p2pchatd", "libexec/p2pchats", "is not executable"),
    ("lib/systemd/system-preset/90-p2pchat.preset", "p2pchat-tracker.socket", "p2pchat.socket", "which is not shipped"),
    ("lib/sysusers.d/p2pchat.conf", "u p2pchat-tracker", "u p2pchat", "nobody makes the user p2pchat-tracker"),

    (BUS, LEASES, LEASES[:-2] + ">", "is no XML"),
    (BUS, "<!DOCTYPE busconfig", "<!DOCTYPE node", "does not say so"),
    (BUS, LEASES, LEASES.replace("send_interface", "interface"), "<allow> with interface"),
    (BUS, f'<deny send_destination="{NAME}"/>', "", "does not begin with denying"),
    (BUS, f'<deny send_destination="{NAME}"/>', f'{ALLOW}/>', "does not begin with denying"),
    (BUS, LEASES, f"{LEASES}{ALLOW}/>", "lets everybody {'send_destination'"),
    (BUS, LEASES, f'{LEASES}<allow own="{NAME}"/>', "lets everybody {'own'"),
    (BUS, LEASES, f'{LEASES}{ALLOW} send_interface="org.freedesktop.LogControl1"/>', "speak org.freedesktop.LogControl1"),
    (BUS, LEASES, "", f"nobody can speak {NAME}.Leases"),
    (BUS, 'send_member="GetAll"', 'send_member="Set"', "do more than"),
    (BUS, 'user="p2pchat-tracker"', 'user="daemon"', "may not own the name"),
    (BUS, f'own="{NAME}"', 'own="*"', "may not own the name"),
    (BUS, "</busconfig>", f'<policy context="mandatory">{LEASES}</policy></busconfig>', "has a policy for"),

    (ACTIVATION, "SystemdService=p2pchat-tracker", "SystemdService=p2pchat", "there is no system unit p2pchat.service"),
    (ACTIVATION, f"Name={NAME}", f"Name={NAME}0", "the bus looks for the name"),
    (ACTIVATION, "User=p2pchat-tracker", "User=root", "has another user"),
    (ACTIVATION, "Exec=/bin/false", "Exec=/usr/bin/p2pchat-trackerd", "starts something else"),

    (INTERFACE, '<node>', '<nodes>', "is no XML"),
    (INTERFACE, f'interface name="{NAME}.Users"', f'interface name="{NAME}.Persons"', "the interface of its name"),
    (INTERFACE, 'direction="out"', 'direction="back"', "<arg> with direction"),
    (INTERFACE, "org.p2pchat.tracker.delete-users", "org.p2pchat.tracker.delete", "is no action"),

    (ACTIONS, "<message>", "<msg/><message>", "<action> with msg"),
    (ACTIONS, "<allow_any>auth_admin</allow_any>", "<allow_any>yes</allow_any>", "not left to an administrator"),
    (ACTIONS, "<allow_any>auth_admin</allow_any>", "<allow_any>auth_admin_keep</allow_any>", "is asked once only"),
    (ACTIONS, "<allow_active>auth_admin_keep</allow_active>", "", "not left to an administrator"),
    (ACTIONS, "<allow_active>auth_admin_keep<", "<allow_active>auth_self<", "not left to an administrator"),
    (ACTIONS, "unix-user:p2pchat-tracker", "unix-user:p2pchat", "may not ask about others"),
    (ACTIONS, 'action id="org.p2pchat.tracker.view"', 'action id="org.p2pchat.tracker.see"', "declared in only one"),
    (ACTIONS, 'action id="org.p2pchat.tracker.view"', 'action id="org.p2pchat.view"', "is not of this file"),
]
# Where the window was built.
WINDOW_FAULTS = [
    (ENTRY, "DBusActivatable=true", "DBusActivatable=false", "do not know each other"),
    (ENTRY, "bin/p2pchat %U", "bin/p2pchats %U", "there is no /"),
    (ENTRY, "Icon=org.p2pchat.Chat", "Icon=org.p2pchat.Window", "there is no /"),
    (ENTRY, "x-scheme-handler/p2pchat;", "x-scheme-handler/chat;", "nobody opens"),
    (WINDOW, " --gapplication-service", "", "starts something else"),
    (WINDOW, "Name=org.p2pchat.Chat", "Name=org.p2pchat.Window", "do not know each other"),
]


def test(check, top):
    faults = check()
    assert not faults, faults
    for name, old, new, said in FAULTS + (WINDOW_FAULTS if (top / ENTRY).exists() else []):
        path = top / name
        text = path.read_text()
        assert old in text, f"{name} has no {old}: plant another fault"
        path.write_text(text.replace(old, new, 1))
        faults = check()
        assert any(said in f for f in faults), f"{name}: {old} → {new} is not found with {said!r}, but: {faults}"
        path.write_text(text)
    for name in (SOCKET.replace("socket", "service"), ACTIVATION, BUS):
        path = top / name
        text = path.read_text()
        path.unlink()
        assert check(), f"that {name} is missing is not seen"
        path.write_text(text)
    assert not check()

# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts where, below a prefix and in /usr, and how closed the units are that it
installs."""
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

BUILD = pathlib.Path(os.environ["P2PCHATD"]).parents[1]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
INTERFACES = ("Peer1.Account", "Peer1.Channel", "Peer1.Host", "Peer1.Manager", "Peer1.Moderation",
              "Tracker1.Authority", "Tracker1.Channels", "Tracker1.Leases", "Tracker1.Manager", "Tracker1.Users")
FILES = (
    "bin/p2pchatctl",
    "bin/p2pchat-trackerctl",
    "libexec/p2pchatd",
    "libexec/p2pchat-trackerd",
    "lib/systemd/catalog/p2pchat.catalog",
    "lib/systemd/system/p2pchat-tracker.socket",
    "lib/systemd/system/p2pchat-tracker.service",
    "lib/systemd/system-preset/90-p2pchat.preset",
    "lib/systemd/user/p2pchatd.service",
    "lib/systemd/user-preset/90-p2pchat.preset",
    "lib/sysusers.d/p2pchat.conf",
    "share/bash-completion/completions/p2pchat-trackerctl", "share/bash-completion/completions/p2pchatctl",
    "share/fish/vendor_completions.d/p2pchatctl.fish", "share/zsh/site-functions/_p2pchatctl",
    "share/fish/vendor_completions.d/p2pchat-trackerctl.fish",
    "share/zsh/site-functions/_p2pchat-trackerctl",
    "share/locale/de/LC_MESSAGES/p2pchat.mo",
    "share/dbus-1/services/org.p2pchat.Peer1.service",
    "share/dbus-1/system-services/org.p2pchat.Tracker1.service",
    "share/dbus-1/system.d/org.p2pchat.Tracker1.conf",
    "share/polkit-1/actions/org.p2pchat.tracker.policy",
    *(f"share/dbus-1/interfaces/org.p2pchat.{name}.xml" for name in INTERFACES),
)
# What comes with the window, where it is built.
WINDOW = (
    "bin/p2pchat",
    "share/applications/org.p2pchat.Chat.desktop",
    "share/dbus-1/services/org.p2pchat.Chat.service",
    "share/icons/hicolor/scalable/apps/org.p2pchat.Chat.svg",
    "share/icons/hicolor/symbolic/apps/org.p2pchat.Chat-symbolic.svg",
    "share/metainfo/org.p2pchat.Chat.metainfo.xml",
)
# Where bus and polkit look for theirs, as they do not look into /usr/local.
ELSEWHERE = {"share/dbus-1/system.d/org.p2pchat.Tracker1.conf": "/etc/dbus-1/system.d/org.p2pchat.Tracker1.conf",
             "share/polkit-1/actions/org.p2pchat.tracker.policy":
                 "/usr/share/polkit-1/actions/org.p2pchat.tracker.policy"}
# systemd-analyze's tenths: what it may be, and no more.
EXPOSURE = {"system/p2pchat-tracker.service": 2, "user/p2pchatd.service": 18}


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                          **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def place(name, prefix):
    """→ the path of one of FILES where it is found at work."""
    return ELSEWHERE.get(name, f"{prefix}/{name}") if prefix == "/usr/local" else f"{prefix}/{name}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env={**os.environ, "DESTDIR": str(root)})
    prefix = run("meson", "introspect", BUILD, "--buildoptions")
    prefix = re.search(r'"name": "prefix",[^{}]*?"value": "([^"]*)"|"value": "([^"]*)"[^{}]*?"name": "prefix"', prefix)
    return root, root / (prefix[1] or prefix[2]).lstrip("/")


def test_files(installed):
    """All of it where the service manager, the bus and polkit look for it, and nothing else."""
    root, top = installed
    prefix = f"/{top.relative_to(root)}"
    found = {f"/{p.relative_to(root)}" for p in root.rglob("*") if not p.is_dir()}
    manuals = {f for f in found if f.startswith(f"{prefix}/share/man/")}
    window = WINDOW if (BUILD / "gui/p2pchat").exists() else ()
    assert found - manuals == {place(name, prefix) for name in FILES + window}
    assert manuals in (set(), {f"{prefix}/share/man/{page}" for page in (
        "man1/p2pchatctl.1", "man8/p2pchatd.8", "man5/p2pchat.conf.5", "man5/p2pchat-tracker.conf.5",
        "man5/org.p2pchat.Peer1.5", "man5/org.p2pchat.Tracker1.5",
        "man7/p2pchat-protocol.7", "man8/p2pchat-trackerd.8",
        "man1/p2pchat-trackerctl.1", *(["man1/p2pchat.1"] if window else []))})
    for name in FILES + window:
        mode = os.stat(root / place(name, prefix).lstrip("/")).st_mode
        assert bool(mode & 0o111) == name.startswith(("bin/", "libexec/")), name


def test_programs_are_where_units_say(installed):
    root, top = installed
    for unit in EXPOSURE:
        text = (top / "lib/systemd" / unit).read_text()
        (program,) = re.findall(r"^ExecStart=(\S+)$", text, re.MULTILINE)
        assert (root / program.lstrip("/")).exists(), unit
        assert re.search("^Type=notify$", text, re.MULTILINE) and re.search("^WatchdogSec=", text, re.MULTILINE)
        assert "@" not in re.sub("SystemCallFilter=.*", "", text), f"{unit}: nothing is left to be filled in"
    for where, name, unit in (("services", "org.p2pchat.Peer1", "p2pchatd.service"),
                              ("system-services", "org.p2pchat.Tracker1", "p2pchat-tracker.service")):
        activation = (top / f"share/dbus-1/{where}/{name}.service").read_text()
        assert f"Name={name}\n" in activation and f"SystemdService={unit}\n" in activation


def test_catalog(installed):
    """Every id that is logged is explained, in a catalog that journalctl takes; and only those."""
    root, top = installed
    headers = "".join((SOURCE / f"{program}/message-ids.h").read_text() for program in ("daemon", "tracker"))
    logged = re.findall(r'^#define MESSAGE_\w+ "([0-9a-f]{32})"$', headers, re.MULTILINE)
    assert logged and len(logged) == headers.count("#define") == len(set(logged))
    text = (top / "lib/systemd/catalog/p2pchat.catalog").read_text()
    assert re.findall("^-- ([0-9a-f]{32})$", text, re.MULTILINE) == logged
    # Where journalctl looks in a root, whatever the prefix is.
    catalogs = root / "catalogs"
    for name in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
        (catalogs / name).mkdir(parents=True)
    (catalogs / "usr/lib/systemd/catalog/p2pchat.catalog").write_text(text)
    run("journalctl", f"--root={catalogs}", "--update-catalog")
    listed = run("journalctl", f"--root={catalogs}", "--list-catalog")
    assert all(i in listed for i in logged) and listed.count("p2pchat: ") == len(logged)
    shown = run("journalctl", f"--root={catalogs}", "--dump-catalog", logged[0])
    assert "Subject: The disk is full" in shown and "Support: " not in shown


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure(installed, unit):
    run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE[unit]}",
        installed[1] / "lib/systemd" / unit)


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local", "/opt/p2pchat"])
def test_prefix(tmp_path, prefix):
    """A package has the prefix /usr: the directories are Debian's own. With /usr/local all is found as well, and any
    other prefix keeps all to itself."""
    build = tmp_path / "build"
    run("meson", "setup", build, SOURCE, f"--prefix={prefix}", "-Dtests=disabled")
    plan = run("meson", "introspect", build, "--installed")
    for name in FILES:
        assert f'"{place(name, prefix)}"' in plan, name


def test_without_window(tmp_path):
    """Who has no GTK builds and tests all the rest, and is told that there will be no window; who asks for one hears
    what is missing."""
    wrapper = tmp_path / "pkg-config"
    wrapper.write_text('#!/bin/sh\ncase " $* " in *" gtk4 "*) exit 1 ;; esac\nexec pkg-config "$@"\n')
    wrapper.chmod(0o755)
    env = {**os.environ, "PKG_CONFIG": str(wrapper)}
    for name, arguments, more in (("auto", ["-Dgui=auto"], env), ("disabled", ["-Dgui=disabled"], os.environ)):
        said = run("meson", "setup", tmp_path / name, SOURCE, "--prefix=/usr", "-Dtests=enabled", *arguments, env=more)
        assert re.search(r"^ *window *: false .*libadwaita-1-dev", said, re.MULTILINE), said
        plan = run("meson", "introspect", tmp_path / name, "--installed")
        assert all(f'"/usr/{name}"' in plan for name in FILES)
        assert not any(f'"/usr/{name}"' in plan for name in WINDOW)
    done = subprocess.run(["meson", "setup", tmp_path / "enabled", SOURCE, "-Dgui=enabled"], env=env, check=False,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode and 'Dependency "gtk4" not found' in done.stdout, done.stdout


def test_operators_door(installed):
    """The bus lets everybody knock at each interface that there is, and at nothing else; polkit never
    says yes by itself; and the one who may own the name is the user of the unit."""
    root, top = installed

    def read(name):
        return ET.parse(root / place(name, f"/{top.relative_to(root)}").lstrip("/")).getroot()

    user = re.search("^User=(.*)$", (top / "lib/systemd/system/p2pchat-tracker.service").read_text(), re.MULTILINE)[1]
    assert f"u {user} " in (top / "lib/sysusers.d/p2pchat.conf").read_text()
    bus = read("share/dbus-1/system.d/org.p2pchat.Tracker1.conf")
    rules = {tuple(p.attrib.items()): [(r.tag, r.attrib) for r in p] for p in bus.findall("policy")}
    assert rules[("user", user),] == [("allow", {"own": "org.p2pchat.Tracker1"})]
    whom = {"send_destination": "org.p2pchat.Tracker1"}
    assert rules[("user", "root"),] == [("allow", whom)]
    first, *others = rules[("context", "default"),]
    assert first == ("deny", whom) and len(rules) == 3
    ours = {f"org.p2pchat.{name}" for name in INTERFACES if name.startswith("Tracker1.")}
    standard = {f"org.freedesktop.DBus.{name}" for name in ("Introspectable", "Peer", "Properties")}
    assert {r["send_interface"] for _, r in others} == ours | standard
    assert all(tag == "allow" and whom.items() <= r.items() for tag, r in others)
    assert {r["send_member"] for _, r in others if "send_member" in r} == {"Get", "GetAll"}

    actions = read("share/polkit-1/actions/org.p2pchat.tracker.policy").findall("action")
    names = (SOURCE / "dbus/names.h").read_text()
    assert {a.get("id") for a in actions} == set(re.findall(r'_ACTION_\w+ "([^"]*)"', names)) and len(actions) == 5
    for action in actions:
        allowed = [action.find(f"defaults/allow_{who}").text for who in ("any", "inactive", "active")]
        keep = action.get("id").rpartition(".")[2] not in ("delete-users", "rotate-authority")
        assert allowed == ["auth_admin", "auth_admin", "auth_admin_keep" if keep else "auth_admin"]
        assert action.find("annotate[@key='org.freedesktop.policykit.owner']").text == f"unix-user:{user}"

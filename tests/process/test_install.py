# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts where, below a prefix and in /usr, and how closed the units are that it
installs."""
import os
import pathlib
import re
import subprocess

import pytest

BUILD = pathlib.Path(os.environ["P2PCHATD"]).parents[1]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
INTERFACES = ("Account", "Channel", "Host", "Manager", "Moderation")
FILES = (
    "bin/p2pchatctl",
    "libexec/p2pchatd",
    "libexec/p2pchat-trackerd",
    "lib/systemd/catalog/p2pchat.catalog",
    "lib/systemd/system/p2pchat-tracker.socket",
    "lib/systemd/system/p2pchat-tracker.service",
    "lib/systemd/system-preset/90-p2pchat.preset",
    "lib/systemd/user/p2pchatd.service",
    "lib/systemd/user-preset/90-p2pchat.preset",
    "lib/sysusers.d/p2pchat.conf",
    "share/dbus-1/services/org.p2pchat.Peer1.service",
    *(f"share/dbus-1/interfaces/org.p2pchat.Peer1.{name}.xml" for name in INTERFACES),
)
# systemd-analyze's tenths: what it may be, and no more.
EXPOSURE = {"system/p2pchat-tracker.service": 2, "user/p2pchatd.service": 20}


def run(*command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                          **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env={**os.environ, "DESTDIR": str(root)})
    prefix = run("meson", "introspect", BUILD, "--buildoptions")
    prefix = re.search(r'"name": "prefix",[^{}]*?"value": "([^"]*)"|"value": "([^"]*)"[^{}]*?"name": "prefix"', prefix)
    return root, root / (prefix[1] or prefix[2]).lstrip("/")


def test_files(installed):
    """All of it below the prefix, where the service manager and the bus look for it, and nothing else."""
    root, top = installed
    found = {str(p.relative_to(top)) if p.is_relative_to(top) else f"/{p.relative_to(root)}"
             for p in root.rglob("*") if not p.is_dir()}
    manuals = {f for f in found if f.startswith("share/man/")}
    assert found - manuals == set(FILES)
    assert manuals in (set(), {"share/man/man1/p2pchatctl.1", "share/man/man8/p2pchatd.8",
                               "share/man/man7/p2pchat-protocol.7", "share/man/man8/p2pchat-trackerd.8"})
    for name in FILES:
        assert bool(os.stat(top / name).st_mode & 0o111) == name.startswith(("bin/", "libexec/")), name


def test_programs_are_where_units_say(installed):
    root, top = installed
    for unit in EXPOSURE:
        text = (top / "lib/systemd" / unit).read_text()
        (program,) = re.findall(r"^ExecStart=(\S+)$", text, re.MULTILINE)
        assert (root / program.lstrip("/")).exists(), unit
        assert re.search("^Type=notify$", text, re.MULTILINE) and re.search("^WatchdogSec=", text, re.MULTILINE)
        assert "@" not in re.sub("SystemCallFilter=.*", "", text), f"{unit}: nothing is left to be filled in"
    activation = (top / "share/dbus-1/services/org.p2pchat.Peer1.service").read_text()
    assert "Name=org.p2pchat.Peer1\n" in activation and "SystemdService=p2pchatd.service\n" in activation


def test_catalog(installed):
    """Every id that is logged is explained, in a catalog that journalctl takes; and only those."""
    root, top = installed
    header = (SOURCE / "daemon/message-ids.h").read_text()
    logged = re.findall(r'^#define MESSAGE_\w+ "([0-9a-f]{32})"$', header, re.MULTILINE)
    assert logged and len(logged) == header.count("#define") == len(set(logged))
    text = (top / "lib/systemd/catalog/p2pchat.catalog").read_text()
    assert re.findall("^-- ([0-9a-f]{32})$", text, re.MULTILINE) == logged
    fields = set(re.findall("@([A-Z_]+)@", text))
    assert fields == {"CHAT_DIRECTORY", "CHAT_FILE", "CHAT_CHANNEL", "CHAT_USER", "CHAT_KEY", "CHAT_BY"}
    # Where journalctl looks in a root, whatever the prefix is.
    catalogs = root / "catalogs"
    for name in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
        (catalogs / name).mkdir(parents=True)
    (catalogs / "usr/lib/systemd/catalog/p2pchat.catalog").write_text(text)
    run("journalctl", f"--root={catalogs}", "--update-catalog")
    listed = run("journalctl", f"--root={catalogs}", "--list-catalog")
    assert all(i in listed for i in logged) and listed.count("p2pchat: ") == len(logged)


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure(installed, unit):
    run("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE[unit]}",
        installed[1] / "lib/systemd" / unit)


def test_usr(tmp_path):
    """A package has the prefix /usr: the directories are Debian's own."""
    build = tmp_path / "build"
    run("meson", "setup", build, SOURCE, "--prefix=/usr", "-Dtests=disabled")
    plan = run("meson", "introspect", build, "--installed")
    for name in FILES:
        assert f'"/usr/{name}"' in plan, name

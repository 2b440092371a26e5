#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` gives to systemd, the message bus and polkit, read as they read it, and held against each
other: a name that one file promises is there in the other, and nobody is let in who is not meant.

    check.py SOURCE BUILD        prints `file: reason` for each fault; exit status 1 if any
    check.py --self-test SOURCE BUILD    plants faults of each sort and checks that each is found
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

STANDARD = {"org.freedesktop.DBus.Introspectable": None, "org.freedesktop.DBus.Peer": None,
            "org.freedesktop.DBus.Properties": {"Get", "GetAll"}}
# element → (attributes it may have, children it may have); of the two DTDs what we use of them.
RULE = {"send_destination", "send_interface", "send_member", "own"}
BUSCONFIG = {"busconfig": (set(), {"policy"}), "policy": ({"user", "context"}, {"allow", "deny"}),
             "allow": (RULE, set()), "deny": (RULE, set())}
POLICYCONFIG = {"policyconfig": (set(), {"vendor", "vendor_url", "icon_name", "action"}), "vendor": (set(), set()),
                "vendor_url": (set(), set()), "icon_name": (set(), set()),
                "action": ({"id"}, {"description", "message", "defaults", "annotate"}),
                "description": (set(), set()), "message": (set(), set()), "annotate": ({"key"}, set()),
                "defaults": (set(), {"allow_any", "allow_inactive", "allow_active"}),
                **{f"allow_{who}": (set(), set()) for who in ("any", "inactive", "active")}}
DTD_DIRECTION = {"direction": {"in", "out"}, "access": {"read", "readwrite", "write"}}
INTERFACE = {"node": (set(), {"interface"}), "interface": ({"name"}, {"method", "signal", "property", "annotation"}),
             "method": ({"name"}, {"arg", "annotation"}), "signal": ({"name"}, {"arg", "annotation"}),
             "arg": ({"name", "type", "direction"}, {"annotation"}),
             "property": ({"name", "type", "access"}, {"annotation"}), "annotation": ({"name", "value"}, set())}
# Questions that an administrator answers. Never an answer by itself.
ASKS = {"auth_admin", "auth_admin_keep"}
OWNER = "org.freedesktop.policykit.owner"


def value(text, key):
    found = re.search(f"^{key}=(.*)$", text, re.M)
    return found[1] if found else ""


class Shipped:
    """root: what was installed, as a machine's; top: below the prefix in it."""

    def __init__(self, source, root, top):
        self.source, self.root, self.top = source, root, top
        self.faults = []

    def fault(self, path, reason):
        self.faults.append(f"{path.relative_to(self.top) if path.is_relative_to(self.top) else path}: {reason}")

    def files(self, pattern):
        return sorted(self.top.glob(pattern))

    def tree(self, path, grammar):
        """→ the root element, None where the file is not what its document type says."""
        try:
            element = ET.parse(path).getroot()
        except ET.ParseError as e:
            return self.fault(path, f"is no XML: {e}")
        if element.tag != next(iter(grammar)) or f"<!DOCTYPE {element.tag} " not in path.read_text():
            return self.fault(path, f"is a {element.tag}, or does not say so")
        for e in element.iter():
            attributes, children = grammar[e.tag]
            wrong = [*(set(e.attrib) - attributes), *(c.tag for c in e if c.tag not in children),
                     *(k for k, allowed in DTD_DIRECTION.items() if e.get(k) not in allowed | {None})]
            if wrong:
                return self.fault(path, f"<{e.tag}> with {wrong[0]}")
        return element

    # -- systemd

    def units(self, scope):
        return {p.name: p for p in self.files(f"lib/systemd/{scope}/*.*")}

    def check_units(self):
        for unit, path in self.units("system").items():
            self.verify(path, ["--root", str(self.root)], unit, {})
        for unit, path in self.units("user").items():
            # A user manager has no root of another; what stands in the unit is looked up in ours.
            with tempfile.TemporaryDirectory() as directory:
                text = re.sub(r"^(Exec\w+=)(/)", rf"\1{self.root}\2", path.read_text(), flags=re.M)
                (pathlib.Path(directory) / unit).write_text(text)
                self.verify(path, ["--user"], unit, {"XDG_RUNTIME_DIR": directory,
                                                     "SYSTEMD_UNIT_PATH": f"{directory}:/usr/lib/systemd/user"})
        for scope in ("system", "user"):
            units = self.units(scope)
            for unit, path in units.items():
                self.check_unit(unit, path, units)
            for path in self.files(f"lib/systemd/{scope}-preset/*"):
                for verb, name in re.findall(r"^(\w+) (\S+)$", path.read_text(), re.M):
                    if verb not in ("enable", "disable") or name not in units:
                        self.fault(path, f"presets {name}, which is not shipped")

    def verify(self, path, options, unit, env):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=yes", *options, unit],
                              env={**os.environ, "SYSTEMD_LOG_LEVEL": "info", **env}, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=50, check=False)
        for line in sorted(set((done.stdout + done.stderr).splitlines())):
            self.fault(path, "systemd-analyze verify: " + line)
        if done.returncode and not done.stdout + done.stderr:
            self.fault(path, f"systemd-analyze verify: status {done.returncode}")

    def check_unit(self, unit, path, units):
        text = path.read_text()
        if unit.endswith(".socket") and unit.replace(".socket", ".service") not in units:
            self.fault(path, "there is no service for it")
        for page in re.findall(r"\bman:([\w-]+)\((\d)\)", value(text, "Documentation")):
            if not list(self.source.glob(f"*/{'.'.join(page)}.scd")):
                self.fault(path, f"the page {page[0]}({page[1]}) is not shipped")
        user = value(text, "User")
        if user and not any(re.search(f"^u {user} ", p.read_text(), re.M) for p in self.files("lib/sysusers.d/*")):
            self.fault(path, f"nobody makes the user {user}")

    # -- the bus

    def interfaces(self):
        """name on the bus → its interfaces."""
        found = {}
        for path in self.files("share/dbus-1/interfaces/*.xml"):
            found.setdefault(path.name.rsplit(".", 2)[0], set()).add(path.stem)
        return found

    def check_interfaces(self):
        for path in self.files("share/dbus-1/interfaces/*.xml"):
            tree = self.tree(path, INTERFACE)
            if tree is not None and [i.get("name") for i in tree] != [path.stem]:
                self.fault(path, "does not hold the interface of its name")

    def check_activation(self):
        for folder, scope in (("services", "user"), ("system-services", "system")):
            for path in self.files(f"share/dbus-1/{folder}/*"):
                text, units = path.read_text(), self.units(scope)
                entry = self.top / f"share/applications/{path.stem}.desktop"
                if scope == "user" and entry.exists():
                    self.check_desktop(entry, path)
                    continue
                unit = value(text, "SystemdService")
                service = units[unit].read_text() if unit in units else ""
                if path.suffix != ".service" or value(text, "Name") != path.stem:
                    self.fault(path, "the bus looks for the name in the file's")
                if path.stem not in self.interfaces():
                    self.fault(path, f"nothing is known of {path.stem}")
                if not service:
                    self.fault(path, f"there is no {scope} unit {unit}")
                if value(text, "Exec") != "/bin/false":
                    self.fault(path, "starts something else than the unit")
                if value(text, "User") != value(service, "User"):
                    self.fault(path, "has another user than the unit")
                if value(service, "BusName") not in ("", path.stem):
                    self.fault(path, "the unit waits for another name")
            for unit, path in self.units(scope).items():
                name = value(path.read_text(), "BusName")
                if name and not (self.top / f"share/dbus-1/{folder}/{name}.service").exists():
                    self.fault(path, f"nobody starts it for {name}")

    def check_desktop(self, path, activation):
        """A program of the desktop's: what its entry and its activation name is there."""
        entry, service = path.read_text(), activation.read_text()
        program = value(entry, "Exec").split()[0]
        if value(entry, "DBusActivatable") != "true" or value(service, "Name") != path.stem:
            self.fault(path, "and its activation do not know each other")
        if value(service, "Exec") != f"{program} --gapplication-service":
            self.fault(activation, "starts something else than the entry")
        for wanted in (program, f"/{self.top.relative_to(self.root)}/share/icons/hicolor/scalable/apps/{value(entry, 'Icon')}.svg",
                       f"/{self.top.relative_to(self.root)}/share/icons/hicolor/symbolic/apps/{value(entry, 'Icon')}-symbolic.svg",
                       f"/{self.top.relative_to(self.root)}/share/metainfo/{path.stem}.metainfo.xml"):
            if not (self.root / wanted.lstrip("/")).exists():
                self.fault(path, f"there is no {wanted}")
        if "x-scheme-handler/p2pchat;" not in value(entry, "MimeType"):
            self.fault(path, "nobody opens a p2pchat: link")

    def user_of(self, name):
        activation = self.top / f"share/dbus-1/system-services/{name}.service"
        return value(activation.read_text(), "User") if activation.exists() else ""

    def check_policies(self):
        names = {p.stem for p in self.files("share/dbus-1/system-services/*")}
        policies = {p.stem for p in self.files("share/dbus-1/system.d/*.conf")}
        for name in names ^ policies:
            self.fault(self.top / "share/dbus-1/system.d", f"{name} is started without a policy, or never")
        for path in self.files("share/dbus-1/system.d/*"):
            tree = self.tree(path, BUSCONFIG)
            if tree is not None:
                self.check_policy(path, path.stem, tree)

    def check_policy(self, path, name, tree):
        rules = {tuple(p.attrib.items()): [(r.tag, dict(r.attrib)) for r in p] for p in tree}
        whom = {"send_destination": name}
        if len(rules) != len(tree):
            self.fault(path, "has two policies for the same")
        if rules.pop((("user", self.user_of(name)),), None) != [("allow", {"own": name})]:
            self.fault(path, "the user of the unit may not own the name, or may more")
        if rules.pop((("user", "root"),), [("allow", whom)]) != [("allow", whom)]:
            self.fault(path, "root may something else than send")
        default = rules.pop((("context", "default"),), [])
        if default[:1] != [("deny", whom)]:
            self.fault(path, "does not begin with denying everybody")
        for others in rules:
            self.fault(path, f"has a policy for {others}")
        interfaces = {}
        for tag, rule in default[1:]:
            if tag != "allow" or rule.get("send_destination") != name or "own" in rule or "send_interface" not in rule:
                self.fault(path, f"lets everybody {rule}")
            else:
                interfaces.setdefault(rule["send_interface"], set()).add(rule.get("send_member"))
        for interface, members in interfaces.items():
            allowed = STANDARD.get(interface)
            if interface not in STANDARD and interface not in self.interfaces().get(name, ()):
                self.fault(path, f"lets everybody speak {interface}")
            if allowed and not members <= allowed:
                self.fault(path, f"lets everybody do more than {sorted(allowed)} of {interface}")
        for interface in self.interfaces().get(name, set()) - {i for i, m in interfaces.items() if None in m}:
            self.fault(path, f"nobody can speak {interface}")

    # -- polkit

    def check_actions(self):
        declared = set()
        for path in self.files("share/polkit-1/actions/*"):
            tree = self.tree(path, POLICYCONFIG)
            for action in tree.findall("action") if tree is not None else ():
                self.check_action(path, action)
                if action.get("id") in declared:
                    self.fault(path, f"{action.get('id')} is there twice")
                declared.add(action.get("id"))
        names = self.source / "dbus/names.h"
        macros = {v: k for k, v in re.findall(r'^#define (\w+_ACTION_\w+) "([^"]*)"', names.read_text(), re.M)}
        code = "".join(p.read_text() for p in sorted((self.source / "tracker").rglob("*.c")))
        said = "".join(p.read_text() for p in self.files("share/dbus-1/interfaces/*.xml"))
        said = set(re.findall(r"Action:\s+([\w.-]+\w)", said))
        for action in sorted(declared ^ set(macros)):
            self.fault(names, f"{action} is declared in only one of this and the policy")
        for action in sorted(declared ^ said):
            self.fault(names, f"{action} is no action, or no method says that it is needed")
        for action in sorted(declared & set(macros)):
            if not re.search(rf"\b{macros[action]}\b", code):
                self.fault(names, f"{action} is asked for by nothing")
        for literal in re.findall(r'"(org\.p2pchat\.tracker\.[\w-]+)"', code):
            self.fault(names, f"{literal} is spelled out in the code")

    def check_action(self, path, action):
        name = action.get("id")
        if not name.startswith(path.stem + "."):
            self.fault(path, f"{name} is not of this file")
        for part in ("description", "message"):
            if not (action.findtext(part) or "").strip():
                self.fault(path, f"{name} has no {part}")
        for who in ("any", "inactive", "active"):
            if action.findtext(f"defaults/allow_{who}") not in ASKS:
                self.fault(path, f"{name}: allow_{who} is not left to an administrator")
        if action.findtext("defaults/allow_any") != "auth_admin":
            self.fault(path, f"{name}: who is not at this machine is asked once only")
        users = {f"unix-user:{self.user_of(p.stem)}" for p in self.files("share/dbus-1/system-services/*")}
        if {a.text for a in action.findall("annotate") if a.get("key") == OWNER} != users:
            self.fault(path, f"{name}: the service may not ask about others")

    def check(self):
        self.check_units()
        self.check_interfaces()
        self.check_activation()
        self.check_policies()
        self.check_actions()
        return self.faults


def install(build, directory):
    """→ what was installed, and where the prefix is in it. The machine's own units are beside, for what ours name."""
    root = pathlib.Path(directory) / "root"
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet"], check=True, timeout=60,
                   env={**os.environ, "DESTDIR": str(root)}, stdin=subprocess.DEVNULL)
    options = json.loads(subprocess.run(["meson", "introspect", build, "--buildoptions"], check=True, timeout=60,
                                        stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout)
    top = root / next(o["value"] for o in options if o["name"] == "prefix").lstrip("/")
    # What bus and polkit would not find below /usr/local is elsewhere; here it is read where the rest is.
    for name, elsewhere in (("dbus-1/system.d", "etc/dbus-1/system.d"),
                            ("polkit-1/actions", "usr/share/polkit-1/actions")):
        if not (top / "share" / name).exists():
            (top / "share" / name).parent.mkdir(parents=True, exist_ok=True)
            (top / "share" / name).symlink_to(root / elsewhere)
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True, dirs_exist_ok=True)
    (root / "bin").mkdir(exist_ok=True)
    shutil.copy("/bin/sh", root / "bin")  # for ExecReload=
    return root, top


def main(arguments):
    source, build = (pathlib.Path(a).resolve() for a in arguments[-2:])
    with tempfile.TemporaryDirectory() as directory:
        root, top = install(build, directory)
        if arguments[0] == "--self-test":
            sys.dont_write_bytecode = True
            import planted  # it needs a whole installation; nobody else does
            planted.test(lambda: Shipped(source, root, top).check(), top)
            return
        faults = Shipped(source, root, top).check()
    print("\n".join(faults))
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main(sys.argv[1:])

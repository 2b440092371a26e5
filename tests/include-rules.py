#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom, and what only one file may call.

    include-rules.py [ROOT]         prints `file:line: reason` for each fault; exit status 1 if any
    include-rules.py --self-test    plants one fault of each sort and checks that each is found
"""

import fnmatch
import os
import re
import sys
import tempfile

# folder → prefixes of what it may see, directly or through other headers of ours
FOLDERS = {
    "common/base/": ["base/"],
    "common/wire/": ["base/", "wire/"],
    "common/sql/": ["base/", "sql/"],
    "common/net/": ["base/", "wire/", "net/"],
    "common/bus/": ["base/", "wire/", "bus/"],
    "daemon/": ["base/", "wire/", "sql/", "net/", "bus/", "daemon/", "dbus/names.h"],
    "tracker/": ["base/", "wire/", "sql/", "net/", "bus/", "tracker/", "dbus/names.h"],
    # writer.h: JSON text for --json, with nothing below it but base
    "ctl/": ["base/", "wire/error.h", "wire/error-table.h", "wire/writer.h", "dbus/names.h", "ctl/"],
    "gui/": ["base/", "wire/error.h", "wire/error-table.h", "dbus/names.h", "gui/"],
    "dbus/": ["base/"],
}

BUS = ["common/bus/*.[ch]", "daemon/bus/*.[ch]", "daemon/daemon.[ch]", "daemon/main.c",
       "tracker/bus/*.[ch]"]

# header of a library → who may see it, directly or through headers of ours, and who of those may not
LIBRARIES = [
    (r"json-c/|json\.h$", "json-c", ["common/wire/fields.c"]),
    (r"sqlite3\.h$", "SQLite",
     ["common/sql/*.[ch]", "daemon/store/*.[ch]", "tracker/db-sqlite*.[ch]"]),
    (r"openssl/", "OpenSSL", ["common/net/*.[ch]", "tracker/authority*.c"]),
    (r"systemd/sd-bus\.h$", "sd-bus",
     BUS + ["ctl/*"]),
    (r"gtk/|adwaita\.h$", "GTK", ["gui/*.[ch]", "gui/view/*"], ["gui/model/*"]),
    (r"glib(\.h|/)|gio/|glib-object\.h$", "GLib", ["gui/*"]),
    (r"ini\.h$", "inih", ["common/base/settings.c"]),
]

# call → what to use instead, where it may stand, where the rule holds
CALLS = [
    (r"sd_event_add_time\w*|sd_event_now|timerfd_create|clock_gettime|gettimeofday|time",
     "time and timers come from base/clock.h", ["common/base/clock.c", "common/base/clock-wake.c"], ["*"]),
    (r"getrandom|random|rand|rand_r|drand48|uuid_generate\w*",
     "chance comes from base/random.h", ["common/base/random.c"], ["*"]),
    (r"getaddrinfo|gethostbyname\w*",
     "names are looked up on a worker, by the dialer", ["common/net/dialer-resolve.c"], ["*"]),
    (r"sleep|usleep|nanosleep|clock_nanosleep",
     "nothing waits in a loop but the loop", [], ["common/*", "daemon/*", "tracker/*", "gui/*"]),
    (r"sd_bus_call|sd_bus_call_method|sd_bus_get_property\w*|sd_bus_set_property|sd_bus_request_name|"
     r"sd_bus_query_sender_\w+|sd_bus_get_name_creds",
     "no synchronous bus call on the loop", [], ["common/*", "daemon/*", "tracker/*", "gui/*"]),
    (r"g_dbus_\w+_sync|g_bus_get_sync|g_dbus_proxy_new_\w*sync|gtk_dialog_run|g_main_context_iteration",
     "the window waits for nobody", [], ["gui/*"]),
    (r"g_get_real_time|g_get_monotonic_time|g_date_time_new_now\w*", "what time it is comes from gui/model/now.h",
     ["gui/model/now.c"], ["gui/*"]),
]

GENERATED = {"version.h"}  # by meson, at the top of the build

SKIPPED = {".git", "__pycache__", ".pytest_cache", "subprojects", ".cache"}
LICENSED = ("*.c", "*.h", "*.py", "*.sh", "*.in", "*.service", "*.socket", "*.conf", "*.policy",
            "*.xml", "*.preset", "*.sysusers", "*.catalog", "*.scd", "*.ui", "*.md", "meson.build",
            "meson_options.txt", ".clang-format", ".editorconfig", ".gitignore")
LICENSE = "SPDX-License-Identifier: LGPL-2.1-or-later"
# What software centres copy has to be free of conditions: its metadata_license says the same.
METADATA = ".metainfo.xml.in"
METADATA_LICENSE = "SPDX-License-Identifier: CC0-1.0"

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]*)"|<([^>]*)>)', re.MULTILINE)
# Comments and literals, whichever begins first.
NO_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def matches(path, patterns):
    return any(fnmatch.fnmatchcase(path, p) for p in patterns)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    return NO_CODE.sub(lambda m: m.group() if m.group()[0] in "\"'" else blank(m), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Tree:
    def __init__(self, root):
        self.root = root
        self.texts = {}  # C and headers by path
        self.includes = {}  # path → [(line, name, is_ours)]
        self.faults = []
        self.reach = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("build"))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                self.check_license(path)
                if name.endswith((".c", ".h")):
                    self.read(path)

    def fault(self, path, line, reason):
        self.faults.append(f"{path}:{line}: {reason}")

    def check_license(self, path):
        full = os.path.join(self.root, path)
        if os.path.islink(full) or not os.path.isfile(full):
            return
        with open(full, "rb") as f:
            head = f.read(1024)
        if not matches(os.path.basename(path), LICENSED) and not head.startswith(b"#!"):
            return
        lines = head.decode("utf-8", "replace").split("\n")
        # What must come first of all by its own format.
        if lines[0].startswith(("#!", "<?xml", "<!DOCTYPE")) or path.endswith(".scd"):
            lines.pop(0)
        licence = METADATA_LICENSE if path.endswith(METADATA) else LICENSE
        if not lines or licence not in lines[0]:
            self.fault(path, 1, f"the first line is not “{licence}”")

    def read(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as f:
            text = without_comments(f.read())
        self.texts[path] = text
        self.includes[path] = [(line_of(text, m.start()), m[1] or m[2], m[1] is not None)
                               for m in INCLUDE.finditer(text)]

    def resolve(self, name):
        """The file that an include of ours names, None when it is none of ours."""
        for base in ("common/", "", "tests/"):
            if base + name in self.texts:
                return base + name
        return None

    def reached(self, path, seen=None):
        """Everything that path sees: {name as included: the way there}."""
        if path in self.reach:
            return self.reach[path]
        seen = (seen or set()) | {path}
        found = {}
        for _, name, is_ours in self.includes[path]:
            found.setdefault(name, [])
            target = self.resolve(name) if is_ours else None
            if target and target not in seen:
                for further, way in self.reached(target, seen).items():
                    found.setdefault(further, [name] + way)
        self.reach[path] = found
        return found

    def check_form(self, path):
        for line, name, is_ours in self.includes[path]:
            if not is_ours:
                if self.resolve(name):
                    self.fault(path, line, f"<{name}> is ours: it is included with quotes")
            elif name in GENERATED:
                continue
            elif "/" not in name or ".." in name.split("/"):
                self.fault(path, line, f'"{name}" does not name its folder')
            elif not self.resolve(name):
                self.fault(path, line, f'"{name}" is neither below common/ nor at the top')

    def may_see(self, path, name):
        """None, or why not."""
        if self.resolve(name):
            allowed = next((v for k, v in FOLDERS.items() if path.startswith(k)), None)
            if allowed is not None and not any(name.startswith(a) for a in allowed):
                return f'{os.path.dirname(path)} may not see "{name}"'
            return None
        for pattern, library, who, *but in LIBRARIES:
            if re.match(pattern, name) and (not matches(path, who) or but and matches(path, but[0])):
                return f"{library} is not for this file"
        return None

    def check_sight(self, path):
        if path.startswith("tests/"):
            return
        for line, name, is_ours in self.includes[path]:
            target = self.resolve(name) if is_ours else None
            reason = self.may_see(path, name)
            if reason:
                self.fault(path, line, reason)
            elif target and target != path:
                self.check_further(path, line, name, target)

    def check_further(self, path, line, name, target):
        """What path sees through an include that is right by itself. A fault of a header on the way
        is that header's alone."""
        for seen, way in self.reached(target).items():
            chain = [name] + way
            reason = self.may_see(path, seen)
            if not reason or any(self.may_see(path, step) for step in chain[1:]):
                continue
            if not self.may_see(self.resolve(chain[-1]), seen):
                self.fault(path, line, f"{reason}, through {' → '.join(chain)}")

    def check_calls(self, path):
        text = NO_CODE.sub(blank, self.texts[path])
        for pattern, reason, exempt, where in CALLS:
            if matches(path, exempt) or not matches(path, where):
                continue
            for m in re.finditer(rf"(?<![\w.>])({pattern})\s*\(", text):
                self.fault(path, line_of(text, m.start()), f"{m[1]}(): {reason}")

    def check(self):
        for path in self.texts:
            self.check_form(path)
            self.check_sight(path)
            self.check_calls(path)
        return self.faults


CLEAN = {
    "common/base/cleanup.h": "",
    "common/base/clock.h": '#include "base/cleanup.h"',
    "common/base/clock.c": '#include "base/clock.h"\nint f(void) { return clock_gettime(0, 0); }',
    "common/base/random.c": "int f(void) { return getrandom(0, 0, 0); }",
    "common/base/settings.c": "#include <ini.h>",
    "common/base/worker.h": "/* no time() here */ char *s = \"time()\"; int x = y->time(0);",
    "common/wire/error.h": '#include "base/cleanup.h"',
    "common/wire/writer.h": '#include "base/cleanup.h"',
    "common/wire/fields.h": '#include "wire/error.h"',
    "common/wire/fields.c": '#include <json-c/json.h>\n#include "wire/fields.h"',
    "common/net/conn.h": '#include "wire/fields.h"',
    "common/net/tls-internal.h": "#include <openssl/ssl.h>",
    "common/net/tls.c": '#include "net/tls-internal.h"',
    "common/net/dialer-resolve.c": "int f(void) { return getaddrinfo(0, 0, 0, 0); }",
    "common/sql/sql.h": '#include <sqlite3.h>\n#include "base/cleanup.h"',
    "daemon/store/store-internal.h": '#include "sql/sql.h"',
    "daemon/store/store.h": "",
    "daemon/store/store.c": '#include "daemon/store/store-internal.h"\n#include "daemon/store/store.h"',
    "common/bus/bus.h": '#include <systemd/sd-bus.h>\n#include "wire/error.h"',
    "daemon/bus/host-bus.h": '#include "bus/bus.h"',
    "tracker/bus/manager-bus.c": '#include "bus/bus.h"\n#include "dbus/names.h"',
    "daemon/channel/channel.h": '#include "net/conn.h"',
    "daemon/channel/channel.c": '#include "daemon/channel/channel.h"\n#include "daemon/store/store.h"',
    "daemon/bus/channel-bus.c": '#include "bus/bus.h"\n#include "daemon/channel/channel.h"\n'
                            '#include "dbus/names.h"\n#include "version.h"',
    "tracker/authority.c": "#include <openssl/x509.h>",
    "tracker/db-sqlite.c": '#include "sql/sql.h"',
    "gui/model/now.c": "#include <gio/gio.h>\nint f(void) { return g_get_real_time(); }",
    "gui/view/page.h": "#include <gtk/gtk.h>",
    "gui/view/page.c": '#include "gui/view/page.h"',
    "dbus/names.h": "",
    "ctl/ctl.h": '#include <systemd/sd-bus.h>\n#include "wire/error.h"',
    "ctl/main.c": '#include "ctl/ctl.h"\n#include "dbus/names.h"\n'
                  '#include "wire/writer.h"\n'
                  "int main(void) { return sd_bus_call(0, 0, 0, 0, 0); }",
    "tests/unit/test-x.c": '#include <json-c/json.h>\n#include "daemon/store/store.h"',
}

CLEAN_OTHERS = {
    "meson.build": f"# {LICENSE}\n",
    "tests/run": f"#!/bin/sh\n# {LICENSE}\n",
    "gui/data/a.metainfo.xml.in": f"<!-- {METADATA_LICENSE} -->\n",
    "dbus/a.xml": f'<?xml version="1.0"?>\n<!-- {LICENSE} -->\n',
    "notes.txt": "Words.\n",
    "tests/fuzz/corpus/one": "HELLO-{}\n",
    "build/generated.c": "",
}

# path, what stands after the SPDX line, line of the fault, words of the reason
FAULTS = [
    ("common/base/bad.c", '#include "wire/error.h"', 2, "common/base may not see"),
    ("common/wire/bad.c", '#include "net/conn.h"', 2, "common/wire may not see"),
    ("common/wire/bad2.c", '#include "sql/sql.h"', 2, 'common/wire may not see "sql/sql.h"'),
    ("common/sql/bad.h", '\n#include "wire/error.h"', 3, "common/sql may not see"),
    ("common/net/bad.c", '#include "sql/sql.h"', 2, 'common/net may not see "sql/sql.h"'),
    ("common/net/bad2.c", '#include "daemon/store/store.h"', 2, "common/net may not see"),
    ("daemon/bad.c", '#include "ctl/ctl.h"', 2, 'daemon may not see "ctl/ctl.h"'),
    ("daemon/bad2.c", '#include "tracker/x.h"', 2, "neither below common/"),
    ("tracker/bad.c", '#include "daemon/store/store.h"', 2, "tracker may not see"),
    ("ctl/bad.c", '#include "wire/fields.h"', 2, 'ctl may not see "wire/fields.h"'),
    ("ctl/bad2.c", '#include "daemon/store/store.h"', 2, "ctl may not see"),
    ("gui/bad.c", '#include "net/conn.h"', 2, 'gui may not see "net/conn.h"'),
    ("gui/bad.c", '#include "wire/writer.h"', 2, 'gui may not see "wire/writer.h"'),
    ("gui/model/bad.c", "#include <gtk/gtk.h>", 2, "GTK is not for this file"),
    ("gui/model/bad.c", '#include "gui/view/page.h"', 2, "GTK is not for this file, through"),
    ("gui/view/bad.c", "#include <systemd/sd-bus.h>", 2, "sd-bus is not for this file"),
    ("daemon/bad.c", "#include <glib.h>", 2, "GLib is not for this file"),
    ("gui/model/bad.c", "int f(void) { return g_dbus_connection_call_sync(0); }", 2, "g_dbus_connection_call_sync()"),
    ("gui/view/bad.c", "int f(void) { return g_date_time_new_now_local(); }", 2, "g_date_time_new_now_local()"),
    ("dbus/bad.h", '#include "daemon/store/store.h"', 2, "dbus may not see"),
    ("daemon/member.c", "#include <systemd/sd-bus.h>", 2, "sd-bus is not for this file"),
    ("daemon/member.c", '#include "bus/bus.h"', 2, "sd-bus is not for this file, through"),
    ("daemon/bus/host-bus.c", "#include <openssl/ssl.h>", 2, "OpenSSL is not for this file"),
    ("daemon/bus/host-bus.c", "#include <json-c/json.h>", 2, "json-c is not for this file"),
    ("daemon/bus/host-bus.c", "#include <sqlite3.h>", 2, "SQLite is not for this file"),
    ("common/bus/bad.c", '#include "net/conn.h"', 2, 'common/bus may not see "net/conn.h"'),
    ("common/bus/bad.c", '#include "daemon/store/store.h"', 2, "common/bus may not see"),
    ("common/net/bad.c", '#include "bus/bus.h"', 2, 'common/net may not see "bus/bus.h"'),
    ("tracker/session.c", '#include "bus/bus.h"', 2, "sd-bus is not for this file, through"),
    ("tracker/bus/users-bus.c", "#include <sqlite3.h>", 2, "SQLite is not for this file"),
    ("tracker/bus/bad.c", "int f(void) { return sd_bus_query_sender_creds(0, 0, 0); }", 2,
     "sd_bus_query_sender_creds()"),
    ("daemon/operation.c", '#include "daemon/store/store-internal.h"', 2, "SQLite is not for this file, through"),
    ("daemon/bus/host-bus.c", '#include "net/tls-internal.h"', 2, "OpenSSL is not for this file, through"),
    ("common/wire/entry.c", "#include <json-c/json.h>", 2, "json-c is not"),
    ("tracker/session.c", "#  include <sqlite3.h>", 2, "SQLite is not"),
    ("tracker/accounts.c", "#include <openssl/evp.h>", 2, "OpenSSL is not"),
    ("daemon/settings.c", "#include <ini.h>", 2, "inih is not"),
    ("daemon/bad.c", "int f(void) {\n  return sd_event_add_time(0);\n}", 3, "sd_event_add_time()"),
    ("daemon/bad.c", "int f(void) { return sd_event_add_time_relative (0); }", 2, "sd_event_add_time_relative()"),
    ("ctl/bad.c", "int f(void) { return clock_gettime(0, 0); }", 2, "clock_gettime()"),
    ("tracker/bad.c", "int f(void) { return gettimeofday(0, 0); }", 2, "gettimeofday()"),
    ("tests/unit/bad.c", "/* a\n b */ int f(void) { return time(NULL); }", 3, "time()"),
    ("daemon/bad.c", "int f(void) { return rand(); }", 2, "rand()"),
    ("tracker/bad.c", "int f(void) { return getaddrinfo(0, 0, 0, 0); }", 2, "getaddrinfo()"),
    ("daemon/bad.c", "int f(void) { return usleep(1); }", 2, "usleep()"),
    ("daemon/bus/bad.c", "int f(void) { return sd_bus_call(0, 0, 0, 0, 0); }", 2, "sd_bus_call()"),
    ("daemon/bad.c", '#include "store.h"', 2, "does not name its folder"),
    ("daemon/bad.c", '#include "../common/base/clock.h"', 2, "does not name its folder"),
    ("daemon/bad.c", "#include <base/clock.h>", 2, "is ours"),
    ("daemon/bad.c", '#include "base/no-such.h"', 2, "neither below common/"),
]

FAULTS_OF_LICENSE = {
    "daemon/bad.c": "/* Knows nothing. */\n",
    "daemon/bad.h": f"\n/* {LICENSE} */\n",
    "tests/bad.py": "#!/usr/bin/python3\n",
    "tests/support/bad.sh": "",
    "units/bad.service.in": "[Unit]\n",
    "daemon/meson.build": "x = 1\n",
    "units/bad": "#!/bin/sh\nexit 0\n",
    "common/base/bad.h": "/* SPDX-License-Identifier: MIT */\n",
    "gui/data/bad.xml": f"<!-- {METADATA_LICENSE} -->\n",
}


def plant(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as f:
        f.write(text)


def licensed(text):
    return f"/* {LICENSE} */\n{text}\n"


def self_test():
    cases = [(path, licensed(text), line, reason) for path, text, line, reason in FAULTS]
    cases += [(path, text, 1, LICENSE) for path, text in FAULTS_OF_LICENSE.items()]
    n_missed = 0

    def expect(root, what, expected):
        nonlocal n_missed
        faults = Tree(root).check()
        if len(faults) != len(expected) or any(
                not f.startswith(start) or reason not in f
                for f, (start, reason) in zip(faults, expected)):
            print(f"{what}: expected {expected}, found {faults}")
            n_missed += 1

    with tempfile.TemporaryDirectory() as root:
        for path, text in CLEAN.items():
            plant(root, path, licensed(text))
        for path, text in CLEAN_OTHERS.items():
            plant(root, path, text)
        expect(root, "the clean tree", [])
        for path, text, line, reason in cases:
            plant(root, path, text)
            expect(root, path, [(f"{path}:{line}: ", reason)])
            os.unlink(os.path.join(root, path))
    print(f"{len(cases)} faults planted, {n_missed} surprises")
    return n_missed > 0


def main(arguments):
    if arguments == ["--self-test"]:
        return self_test()
    if len(arguments) > 1 or any(a.startswith("-") for a in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    faults = Tree(os.path.normpath(root)).check()
    print("\n".join(faults) if faults else "No faults.")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which message bus the tests run on: dbus-daemon, or dbus-broker, which keeps books otherwise about who may
make others hold what. `pytest -p worlds --bus=dbus-broker` chooses (worlds.py). Both let everybody do
everything."""
import os

KINDS = ("dbus-daemon", "dbus-broker")
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""

chosen = KINDS[0]


def command(path, broker_options=()):
    """→ what to run for a bus that listens at `path`, where no file is left."""
    if os.path.lexists(path):
        os.unlink(path)
    if chosen == "dbus-broker":
        return ["/usr/bin/python3", os.path.join(os.path.dirname(__file__), "dbusbroker.py"), path, *broker_options]
    with open(path + ".conf", "w", encoding="utf-8") as f:
        f.write(CONFIG.format(socket=path))
    return ["dbus-daemon", "--config-file=" + path + ".conf", "--nofork", "--nopidfile"]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines that boot a real systemd, whatever runs as PID 1 here: systemd-nspawn on an overlay of this
machine's own /, with what `meson install` installs in it, each with a network of its own on one bridge.
What a test says about them is the test's.

    def test_two(site):                             # fixture of tests/system/conftest.py
        hub, desk = site.boot("hub"), site.boot("desk")
        hub.run("systemctl", "enable", "--now", "p2pchat-tracker.socket")
        desk.user("alice", "p2pchatctl", "tracker", f"{hub.address}:22236", "--trust-new")

/ is the lower layer, so the checkout and its build are in there too, at the paths that they have here.
Nothing that a machine writes reaches this one.
A machine and its mounts live as long as the process that holds them, which ends with its pipe: nothing
is left behind whatever becomes of the test."""
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import uuid

from p2pchat import wait_for

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["P2PCHATD"]).parents[1]
TOOLS = ("systemd-nspawn", "ip", "nsenter", "unshare", "setpriv", "meson")
USERS = {"alice": 2001, "bob": 2002}
BROKERS = {"dbus-daemon": "dbus.service", "dbus-broker": "dbus-broker.service"}
BOOT_SECONDS = 60
COMMAND_SECONDS = 120
MEMORY = "1g"  # of a machine's overlay
NETWORK = "10.77.0."

# What a machine of a test needs not, or what would wait for something that is not there.
MASKED = ("systemd-firstboot.service systemd-networkd-wait-online.service systemd-networkd.service "
          "systemd-networkd.socket systemd-resolved.service systemd-timesyncd.service apt-daily.timer "
          "apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer "
          "e2scrub_reap.service console-getty.service getty@.service docker.service docker.socket "
          "containerd.service ssh.service cron.service postgresql.service").split()

# Holds the control groups and mounts of one machine, boots it, and takes it down when stdin ends.
# With what IPAddressDeny= and a network of a unit's own need; without, systemd passes over them.
# $1 directory, $2 name, $3 what is installed, $4 holder of the network, $5… more for nspawn
HOLDER = r"""
set -eu
# In a chroot nobody may make user namespaces, nor may who boots there: make its root that of the namespace.
if [ "${INNER:-}" != yes ] && [ "$(stat -c %d:%i /)" != "$(nsenter --mount=/proc/$$/ns/mnt stat -c %d:%i /)" ]; then
        nsenter --mount=/proc/$$/ns/mnt sh -c 'mount --rbind "/proc/$1/root" /mnt && cd /mnt && pivot_root . . &&
                umount --lazy . && shift && INNER=yes exec chroot . "$@"' sh $$ bash -c "$BASH_EXECUTION_STRING" holder "$@"
        exit
fi
dir=$1 name=$2 installed=$3 net=$4; shift 4
groups=/sys/fs/cgroup
kind=$(stat -f -c %T "$groups")
if [ "$kind" != cgroup2fs ] && ! [ -d "$groups/systemd" ]; then
        mount -t tmpfs -o mode=755 cgroup "$groups"
        mkdir "$groups/systemd" "$groups/unified"
        mount -t cgroup -o none,name=systemd systemd "$groups/systemd"
        mount -t cgroup2 unified "$groups/unified"
fi
# A group of its own for each, or --keep-unit would put all into one.
parents=()
if [ "$kind" = cgroup2fs ]; then
        parents=("$groups")
else
        for d in systemd unified memory pids; do
                [ -w "$groups/$d/cgroup.procs" ] && parents+=("$groups/$d")
        done
fi
mount -t tmpfs -o "size=$SIZE,mode=755" p2pchat "$dir/mnt"
mkdir "$dir/mnt/upper" "$dir/mnt/work" "$dir/mnt/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/mnt/upper,workdir=$dir/mnt/work" "$dir/mnt/root"
root=$dir/mnt/root
binds=()
while read -r path; do
        [ -n "$path" ] || continue
        over=$dir/mnt/hidden${#binds[@]}
        mkdir "$over" "$over/upper" "$over/work" "$over/root"
        mount -t overlay overlay -o "lowerdir=$path,upperdir=$over/upper,workdir=$over/work" "$over/root"
        binds+=("--bind=$over/root:$path")
done <<<"$HIDDEN"
cp -a "$installed/." "$root/"
chmod 755 "$root"
cp -a "$dir/etc/." "$root/etc/"
rm -f "$root/.dockerenv" "$root/etc/resolv.conf"
rm -rf "$root/var/log/journal" "$root/run/systemd"
mkdir -p "$root/var/log/journal"
# One run of it, in groups of its own: after a reboot nspawn ends, to be started again.
machine() {
        run=$1; shift
        for d in "${parents[@]}"; do
                mkdir "$d/p2pchat-$name-$$-$run"
                echo "$BASHPID" >"$d/p2pchat-$name-$$-$run/cgroup.procs"
        done
        exec systemd-nspawn --quiet --directory="$root" --register=no --keep-unit --machine="$name" \
                --network-namespace-path="/proc/$net/ns/net" --console=pipe --kill-signal=SIGRTMIN+3 \
                --capability=CAP_NET_ADMIN,CAP_BPF,CAP_PERFMON --system-call-filter=bpf \
                "${binds[@]}" --boot "$@" </dev/null >>"$dir/console.log" 2>&1
}
machines() {
        run=0 rebooted=133
        while [ "$rebooted" = 133 ] && ! [ -e "$dir/over" ]; do
                machine "$run" "$@" &
                echo $! >"$dir/nspawn.pid.new"
                mv "$dir/nspawn.pid.new" "$dir/nspawn.pid"
                run=$((run + 1)) rebooted=0
                wait $! || rebooted=$?
        done
        touch "$dir/over"
}
machines "$@" &
cat >/dev/null || true
touch "$dir/over"
kill -KILL "$(cat "$dir/nspawn.pid")" 2>/dev/null || true
wait
for d in "${parents[@]}"; do
        for group in "$d/p2pchat-$name-$$-"*; do
                for _ in $(seq 50); do
                        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
                        [ -e "$group" ] || break
                        sleep 0.1
                done
        done
done
umount --recursive "$dir/mnt" 2>/dev/null || umount --lazy --recursive "$dir/mnt"
"""


def why_not():
    """→ why this machine cannot boot another one; "" if it can."""
    if os.geteuid() != 0:
        return "booting a systemd needs root"
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    return f"there is no {', '.join(missing)} here" if missing else ""


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=300, check=False, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
    return done.stdout


def hidden():
    """→ what of the checkout and its build a machine would not see: / is all that it is over."""
    paths = [SOURCE] if BUILD.is_relative_to(SOURCE) else [SOURCE, BUILD]
    empty = [pathlib.Path(p) for p in ("/tmp", "/run", "/dev", "/proc", "/sys")]
    return [p for p in paths if p.stat().st_dev != os.stat("/").st_dev or any(p.is_relative_to(e) for e in empty)]


def install(layer):
    """What `meson install` installs below /usr, from a build as a user has it: without sanitizers. Built
    once for all that ask at the same time."""
    build = BUILD / "installed-build"
    with open(BUILD / "installed-build.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (build / "build.ninja").exists():
            run("meson", "setup", build, SOURCE, "--prefix=/usr", "--buildtype=debugoptimized", "-Dtests=disabled")
        run("ninja", "-C", build)
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", "--strip", env={**os.environ, "DESTDIR": str(layer)})


class Failed(AssertionError):
    """A command on a machine that did not end well."""


class Host:
    """One machine. address: of it on the bridge."""

    def __init__(self, site, name, number, broker):
        self.site = site
        self.name = name
        self.layer = site.layer
        self.address = f"{NETWORK}{number}"
        self.directory = site.directory / name
        (self.directory / "mnt").mkdir(parents=True)
        self.etc = self.directory / "etc"
        self._make_etc(broker)
        self.net = site.network(name, self.address)
        self.holder = self.leader = None

    def _make_etc(self, broker):
        units = self.etc / "systemd/system"
        units.mkdir(parents=True)
        for unit in MASKED:
            (units / unit).symlink_to("/dev/null")
        # Whichever of the two this machine has chosen.
        for manager in ("system", "user"):
            (self.etc / "systemd" / manager).mkdir(exist_ok=True)
            (self.etc / "systemd" / manager / "dbus.service").symlink_to(
                f"/usr/lib/systemd/{manager}/{BROKERS[broker]}")
        (self.etc / "machine-id").write_text(uuid.uuid4().hex + "\n")
        (self.etc / "hostname").write_text(self.name + "\n")
        (self.etc / "hosts").write_text(f"127.0.0.1 localhost {self.name}\n::1 localhost\n")

    def boot(self, *arguments):
        environment = {**os.environ, "SIZE": MEMORY}
        environment["HIDDEN"] = "\n".join(str(path) for path in self.site.hidden)
        # pylint: disable=consider-using-with
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", HOLDER, "holder", str(self.directory),
             self.name, str(self.layer), self.net, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        self._wait_until_up()
        return self

    def _wait_until_up(self):
        wait_for(self._find_leader, f"systemd on {self.name}", BOOT_SECONDS)
        wait_for(lambda: self.run("test", "-S", "/run/systemd/private", check=False).returncode == 0,
                 f"the manager of {self.name}", BOOT_SECONDS)
        self.run("systemctl", "is-system-running", "--wait", check=False)

    def _find_leader(self):
        if self.holder.poll() is not None:
            raise Failed(f"{self.name}: {self.holder.stdout.read().decode()}{self.console()}")
        self.leader = None
        with contextlib.suppress(OSError, ValueError):
            nspawn = (self.directory / "nspawn.pid").read_text().strip()
            if (self.directory / "over").exists():
                raise Failed(f"{self.name}: systemd-nspawn ended: {self.console()}")
            children = pathlib.Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
            for pid in children:
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "systemd":
                    self.leader = pid
        return self.leader is not None

    def console(self):
        with contextlib.suppress(OSError):
            return (self.directory / "console.log").read_text(errors="replace")
        return ""

    def command(self, *command, user=None, environment=None):
        """→ what runs `command` there from here."""
        # --root: what the namespace of mounts has for one is not that of the machine where we run in a chroot.
        entry = ["nsenter", "--target", self.leader, "--root", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
        variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                     "HOME": "/root", "PAGER": "cat", "SYSTEMD_PAGER": "cat"}
        if user is None:
            # A clean group: systemd takes who asks for part of the unit that its group belongs to.
            entry += ["--", "env", "-i"]
        else:
            uid = str(USERS[user])
            runtime = f"/run/user/{uid}"
            variables.update(HOME=f"/home/{user}", USER=user, LOGNAME=user, XDG_RUNTIME_DIR=runtime,
                             DBUS_SESSION_BUS_ADDRESS=f"unix:path={runtime}/bus")
            entry += ["--", "setpriv", f"--reuid={uid}", f"--regid={uid}", "--init-groups", "env", "-i",
                      "-C", variables["HOME"]]
        variables.update(environment or {})
        return [*entry, *(f"{k}={v}" for k, v in variables.items()), *(str(c) for c in command)]

    def run(self, *command, user=None, check=True, stdin=None, seconds=COMMAND_SECONDS, environment=None):
        """Runs it there to its end, as root; with check it has to end well. → subprocess.CompletedProcess"""
        given = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        done = subprocess.run(self.command(*command, user=user, environment=environment), **given, text=True,
                              errors="replace", capture_output=True, timeout=seconds, check=False)
        if check and done.returncode != 0:
            raise Failed(f"{self.name}: {' '.join(str(c) for c in command)}: {done.returncode}\n"
                         f"{done.stdout[-4000:]}{done.stderr[-4000:]}")
        return done

    def user(self, name, *command, **more):
        """The same as a user with the bus and the service manager of a session; → what it printed."""
        return self.run(*command, user=name, **more).stdout

    def start(self, *command, user=None, **more):
        """Begins it there. → subprocess.Popen, the caller's."""
        return subprocess.Popen(self.command(*command, user=user), **more)

    def python(self, program, *arguments, user=None, **more):
        """The same of a Python text, with the tests' support at hand."""
        return self.run("/usr/bin/python3", "-c", program, *arguments, user=user,
                        environment={"PYTHONPATH": SOURCE / "tests/support", "PYTHONDONTWRITEBYTECODE": "1",
                                     "P2PCHATD": "/usr/libexec/p2pchatd", "P2PCHATCTL": "/usr/bin/p2pchatctl",
                                     "P2PCHAT_TRACKERD": "/usr/libexec/p2pchat-trackerd"}, **more)

    def write(self, path, text, mode="644"):
        self.run("sh", "-c", 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"', "sh", path, mode, stdin=text)

    def show(self, unit, name, *manager, user=None):
        """A property of a unit; manager: "--user"."""
        return self.run("systemctl", *manager, "show", "--value", "--property", name, unit, user=user).stdout.strip()

    def journal(self, *matches, user=None):
        """→ entries as dictionaries, oldest first."""
        manager = ["--user"] if user else []
        text = self.run("journalctl", *manager, "--no-pager", "--output=json", *matches, user=user).stdout
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def add_users(self, *names):
        """People with a home, whose service managers run."""
        for name in names:
            self.run("useradd", "--create-home", "--shell", "/bin/bash", "--uid", str(USERS[name]), name)
            self.run("loginctl", "enable-linger", name)
            wait_for(lambda n=name: self.user(n, "systemctl", "--user", "is-system-running", check=False).strip()
                     in ("running", "degraded"), f"the manager of {name}", BOOT_SECONDS)

    def kill(self, signal_name, pid, user=None):
        """By the shell: the program of that name is not on every machine."""
        self.run("sh", "-c", f"kill -{signal_name} {pid}", user=user)

    def reboot(self):
        leader = self.leader
        self.run("systemctl", "reboot", check=False)
        wait_for(lambda: not os.path.exists(f"/proc/{leader}"), f"{self.name} to go down", BOOT_SECONDS)
        self._wait_until_up()

    def cut_power(self):
        """Without a goodbye; what it wrote is gone with it."""
        if self.holder is None:
            return
        with contextlib.suppress(OSError, TypeError):
            os.kill(int(self.leader), signal.SIGKILL)
        self.holder.stdin.close()
        self.holder.wait(BOOT_SECONDS)
        self.holder.stdout.close()
        self.holder = None


class Site:
    """Machines on one bridge. Ends with all of them."""

    def __init__(self, directory, layer):
        self.directory = pathlib.Path(directory)
        self.layer = layer
        self.hidden = hidden()
        self.hosts = {}
        self.holders = []
        self.bridge = self._hold("unshare", "--net")
        self._in(self.bridge, "ip", "link", "set", "lo", "up")
        self._in(self.bridge, "ip", "link", "add", "br0", "type", "bridge")
        self._in(self.bridge, "ip", "addr", "add", f"{NETWORK}1/24", "dev", "br0")
        self._in(self.bridge, "ip", "link", "set", "br0", "up")

    def _hold(self, *command):
        # pylint: disable=consider-using-with
        holder = subprocess.Popen([*command, "--", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        holder.stdin.write(b"there\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == b"there\n"
        self.holders.append(holder)
        return str(holder.pid)

    @staticmethod
    def _in(pid, *command):
        run("nsenter", "--target", pid, "--net", "--", *command)

    def network(self, name, address):
        """A network with a cable to the bridge. → the process that holds it"""
        pid = self._hold("unshare", "--net")
        port = f"p{len(self.hosts) + 1}"
        self._in(self.bridge, "ip", "link", "add", port, "type", "veth", "peer", "name", "host0", "netns", pid)
        self._in(self.bridge, "ip", "link", "set", port, "master", "br0", "up")
        for command in (("link", "set", "lo", "up"), ("link", "set", "host0", "up"),
                        ("addr", "add", f"{address}/24", "dev", "host0")):
            self._in(pid, "ip", *command)
        return pid

    def move(self, host, address):
        """It has that address from now on."""
        self._in(host.net, "ip", "addr", "flush", "dev", "host0")
        self._in(host.net, "ip", "addr", "add", f"{address}/24", "dev", "host0")
        host.address = address

    def boot(self, name, *arguments, users=(), broker="dbus-daemon", installed=True):
        """A machine of that name, up, with what is installed in place. arguments: more for systemd-nspawn."""
        host = Host(self, name, len(self.hosts) + 10, broker)
        if not installed:
            host.layer = host.directory / "nothing"
            host.layer.mkdir()
        self.hosts[name] = host
        host.boot(*arguments)
        # What a package does once its files are there.
        host.run("systemd-sysusers")
        host.run("journalctl", "--update-catalog")
        host.run("systemctl", "daemon-reload")
        host.run("systemctl", "reload-or-restart", "dbus.service", check=False)
        host.add_users(*users)
        return host

    def end(self):
        for host in self.hosts.values():
            host.cut_power()
        for holder in self.holders:
            holder.stdin.close()
            holder.wait(BOOT_SECONDS)
            holder.stdout.close()

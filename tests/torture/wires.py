# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the machines of the torture test are connected, and cut off: by network namespaces (nets.py)."""
from nets import TRACKER_PORT, Nets
from watched import WatchedPeer

TCP = "meta l4proto tcp"


class Namespaces:
    """Each on a machine of its own. A black hole is a cable that is pulled out: nothing gets in or out, and
    nobody is told. A deaf machine is heard and hears nothing: answers to it are lost."""

    def __init__(self, world):
        self.nets = Nets(world)
        self.n = 1

    def tracker(self):
        return self.nets.tracker("10.0.0.1/24")

    def person(self, name, watched=False):
        self.n += 1
        net = self.nets.machine(name, f"10.0.0.{self.n}/24")
        if not watched:
            return self.nets.person(name, net=net)
        peer = WatchedPeer(self.nets.world, name)
        self.nets.world.peers.append(peer)
        peer.net, peer.prefix, peer.listen = net, net.prefix, ["[::]:22237"]
        peer.start()
        peer.trust()
        peer.sign_up()
        return peer

    def reset(self, peer):
        """RST to both ends of all its connections."""
        peer.net.run("ss", "--kill", "--tcp", "state", "established")

    def hole(self, peer):
        peer.net.unplug()

    def deafen(self, peer):
        peer.net.swallow(f"{TCP} iifname eth0")

    def mend(self, peer):
        peer.net.plug()
        peer.net.swallow()

    def stop(self):
        self.nets.stop()

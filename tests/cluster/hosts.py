"""Hosts on one machine: network namespaces with addresses of their own, joined by a bridge.

For a process that is root in a network namespace of its own (`isolated`). Needs `ip` and `nsenter`.
"""

import contextlib
import ctypes
import os
import subprocess
from pathlib import Path

_NETWORK = 0x40000000  # CLONE_NEWNET
_BRIDGE = "ragkit0"


def _run(*command):
    subprocess.run(command, check=True, capture_output=True)


def _enter(descriptor):
    """Move this thread, and what it starts, into a network namespace (os.setns is new in 3.12)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


class Host:
    """A network namespace. `address`: its IPv4 address."""

    def __init__(self, number):
        self.address = f"10.77.0.{number}"
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        pid, name = str(self._holder.pid), f"host{number}"
        own = Path("/proc/self/ns/net").readlink()
        while Path(f"/proc/{pid}/ns/net").readlink() == own:
            assert self._holder.poll() is None
        _run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", pid)
        _run("ip", "link", "set", name, "master", _BRIDGE, "up")
        inside = ["nsenter", "--target", pid, "--net", "ip"]
        _run(*inside, "link", "set", "lo", "up")
        _run(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _run(*inside, "link", "set", "eth0", "up")

    @contextlib.contextmanager
    def entered(self):
        """Processes that are started meanwhile by this thread are on this host."""
        own = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/proc/{self._holder.pid}/ns/net", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(own)
            os.close(own)
            os.close(there)

    def close(self):
        self._holder.kill()
        self._holder.wait()


class Hosts:
    """The hosts, and the address of this process among them."""

    address = "10.77.0.1"

    def __enter__(self):
        self._hosts = []
        _run("ip", "link", "add", _BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{self.address}/24", "dev", _BRIDGE)
        _run("ip", "link", "set", _BRIDGE, "up")
        return self

    def add(self):
        self._hosts.append(Host(len(self._hosts) + 2))
        return self._hosts[-1]

    def __exit__(self, *_):
        for host in self._hosts:
            host.close()
        _run("ip", "link", "delete", _BRIDGE)

"""Run a command in a network with nothing but its loopback, whose processes end with it.

Ray listens on all addresses of a machine, whatever address it is told, and a test that fails may
leave processes of it. Needs Linux with user namespaces; elsewhere the command just runs:
`python -m tests.cluster.isolated COMMAND…`
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_INSIDE = "--inside"


def raise_loopback():
    """Start the loopback interface of this network: there may be no `ip` command."""
    import fcntl
    import socket
    import struct

    up_and_running = 0x1 | 0x40
    with socket.socket() as any_socket:
        request = struct.pack("16sh14x", b"lo", up_and_running)
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def end_all_others():
    """Kill the other processes of this network: those that a failed test has left."""
    own = Path("/proc/self/ns/net").readlink()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(folder.name) != os.getpid() and (folder / "ns/net").readlink() == own:
                os.kill(int(folder.name), signal.SIGKILL)


def main(arguments):
    """Run the command in `arguments`; return its exit code."""
    if arguments[0] == _INSIDE:
        raise_loopback()
        try:
            return subprocess.run(arguments[1:], check=False).returncode
        finally:
            end_all_others()
    isolate = ["unshare", "--map-root-user", "--net"]
    can_isolate = sys.platform == "linux" and shutil.which("unshare") is not None
    if can_isolate and (
        subprocess.run([*isolate, "true"], check=False, capture_output=True).returncode == 0
    ):
        inside = [sys.executable, "-m", "tests.cluster.isolated", _INSIDE]
        return subprocess.run([*isolate, *inside, *arguments], check=False).returncode
    print("no namespaces here: Ray listens on all addresses meanwhile", file=sys.stderr)
    return subprocess.run(arguments, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
